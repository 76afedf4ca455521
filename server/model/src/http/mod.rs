//! One attempt over HTTP: send the body, read the stream, watch the clocks.
//!
//! It never sends a body twice and follows no redirect. The HTTP client is made at the first request, and the
//! system's TLS roots are read only for `https`.

mod reading;
pub(crate) mod setup;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, Url};

use crate::provider_error::{ProviderError, RetryHints};
use crate::{ErrorKind, ModelError, ModelEvent, ModelSpec, backoff, codec};
use reading::{Reading, silent};
use setup::{build, check_key, headers, is_loopback, url};

pub(crate) use reading::Clocks;

const ERROR_BODY_BYTES: usize = 64 << 10;
const ERROR_BODY: Duration = Duration::from_secs(10);

/// A model's endpoint and the connections to it.
pub(crate) struct Endpoint {
    spec: ModelSpec,
    url: Url,
    headers: HeaderMap,
    clocks: Clocks,
    client: OnceLock<Client>,
}

impl Endpoint {
    pub(crate) fn new(spec: ModelSpec, clocks: Clocks) -> Result<Self, ModelError> {
        let url = url(&spec)?;
        check_key(&spec, &url)?;
        let headers = headers(&spec)?;
        if url.scheme() == "http" && !is_loopback(&url) && spec.api_key.is_some() {
            tracing::warn!(model = %spec.name, "the API key goes over the network unencrypted: base_url is http");
        }
        Ok(Self {
            spec,
            url,
            headers,
            clocks,
            client: OnceLock::new(),
        })
    }

    pub(crate) fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Sends a body once and reads the response.
    pub(crate) fn attempt(
        self: Arc<Self>,
        body: Bytes,
    ) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        stream::unfold(State::Start(self, body), State::next).boxed()
    }

    async fn open(self: Arc<Self>, body: Bytes) -> Result<Reading, ModelError> {
        backoff::pass_gate(&self.spec.base_url).await;
        let client = self.client().await?;
        let decoder = codec::decoder(&self.spec, &body);
        let request = client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .body(body)
            .send();
        // A local model reads the whole prompt before it answers at all.
        let patience = if is_loopback(&self.url) {
            self.clocks.content
        } else {
            self.clocks.silent
        };
        let response = match tokio::time::timeout(patience, request).await {
            Ok(response) => response.map_err(|error| self.unreachable(&error))?,
            Err(_) => return Err(silent("no answer", patience)),
        };
        if streams(&response) {
            return Ok(Reading::new(response, decoder, self.clocks));
        }
        Err(self.refused(response).await)
    }

    async fn client(&self) -> Result<Client, ModelError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let (https, loopback) = (self.url.scheme() == "https", is_loopback(&self.url));
        let client = if https {
            // Reading the system's roots takes milliseconds, which the other tasks shall not wait.
            let built = tokio::task::spawn_blocking(move || build(https, loopback)).await;
            built.map_err(|error| {
                ModelError::new(ErrorKind::Config, format!("no HTTP client: {error}"))
            })??
        } else {
            build(https, loopback)?
        };
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// An error before the response's headers.
    fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        let detail = innermost(error);
        if !error.is_connect() && !error.is_timeout() {
            return ModelError::cut_off(&detail);
        }
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port_or_known_default().unwrap_or_default();
        let message = format!(
            "{}: can't reach {host}:{port}: {detail}; check base_url, the network and the proxy settings",
            self.spec.name
        );
        ModelError::new(ErrorKind::Unreachable, message)
    }

    /// An error from a response that is no stream.
    async fn refused(&self, response: Response) -> ModelError {
        let status = response.status();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let hints = RetryHints::from_headers(header, SystemTime::now());
        if status.is_redirection() {
            let message = format!(
                "{}: the server redirects (HTTP {status}); set base_url to the final address",
                self.spec.name
            );
            return ModelError {
                status: Some(status.as_u16()),
                ..ModelError::new(ErrorKind::Config, message)
            };
        }
        let body = tokio::time::timeout(ERROR_BODY, read_capped(response, ERROR_BODY_BYTES))
            .await
            .unwrap_or_default();
        let said = ProviderError::parse(&body);
        if !status.is_success() {
            return said.into_error(&self.spec, Some(status.as_u16()), hints);
        }
        let error = said.into_error(&self.spec, None, hints);
        let message = format!(
            "the server answered without a stream; check base_url and provider: {}",
            error.message
        );
        ModelError {
            kind: ErrorKind::Protocol,
            message,
            ..error
        }
    }
}

/// The body of a small resource on this machine.
pub(crate) async fn get_small(url: &str) -> Option<Vec<u8>> {
    let response = build(false, true).ok()?.get(url).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    Some(read_capped(response, 1 << 20).await)
}

enum State {
    Start(Arc<Endpoint>, Bytes),
    Reading(Box<Reading>),
    Done,
}

impl State {
    async fn next(self) -> Option<(Result<ModelEvent, ModelError>, Self)> {
        let mut reading = match self {
            Self::Start(endpoint, body) => match endpoint.open(body).await {
                Ok(reading) => Box::new(reading),
                Err(error) => return Some((Err(error), Self::Done)),
            },
            Self::Reading(reading) => reading,
            Self::Done => return None,
        };
        match reading.next().await {
            Ok(event @ ModelEvent::Stopped { .. }) => {
                reading.release();
                Some((Ok(event), Self::Done))
            }
            Ok(event) => Some((Ok(event), Self::Reading(reading))),
            Err(error) => Some((Err(error), Self::Done)),
        }
    }
}

/// Whether the response is what was asked for. Some gateways forget the type, none calls a stream JSON or HTML.
fn streams(response: &Response) -> bool {
    let kind = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    response.status().is_success()
        && !["application/json", "text/html"]
            .iter()
            .any(|other| kind.starts_with(other))
}

async fn read_capped(mut response: Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = limit.saturating_sub(body.len());
        body.extend(chunk.into_iter().take(room));
        if body.len() >= limit {
            break;
        }
    }
    body
}

/// The cause at the bottom of the chain: `connection refused` rather than `error sending request`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
