//! One attempt over HTTP: send the body, read the stream, watch the clocks.
//!
//! It never sends a body twice and follows no redirect. The HTTP client is made at the first request, and the
//! system's TLS roots are read only for `https`.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Response, Url};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::{Instant, Sleep};

use crate::codec::{self, Decoder, Events};
use crate::error::{ProviderError, RetryHints};
use crate::{ErrorKind, ModelError, ModelEvent, ModelSpec, Provider, backoff, sse};

const CONNECT: Duration = Duration::from_secs(15);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Connections that wait longer are more often dead behind a NAT than useful.
const POOL_IDLE: Duration = Duration::from_secs(55);
const ERROR_BODY_BYTES: usize = 64 << 10;
const ERROR_BODY: Duration = Duration::from_secs(10);

/// How long to wait for signs of life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// For any byte.
    pub(crate) silent: Duration,
    /// For a part of the answer; pings don't count.
    pub(crate) content: Duration,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            silent: Duration::from_secs(60),
            content: Duration::from_secs(300),
        }
    }
}

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

/// A response that is being read.
struct Reading {
    response: Response,
    parser: sse::Parser,
    decoder: Box<dyn Decoder>,
    events: Events,
    /// What ended the stream, to be told after the events before it.
    end: Option<ModelError>,
    clocks: Clocks,
    last_byte: Instant,
    last_content: Instant,
    /// Set once for the next possible time-out and moved only when it rings: cheaper than per chunk.
    alarm: Pin<Box<Sleep>>,
}

impl Reading {
    fn new(response: Response, decoder: Box<dyn Decoder>, clocks: Clocks) -> Self {
        let now = Instant::now();
        Self {
            response,
            parser: sse::Parser::new(),
            decoder,
            events: Events::default(),
            end: None,
            clocks,
            last_byte: now,
            last_content: now,
            alarm: Box::pin(tokio::time::sleep(clocks.silent.min(clocks.content))),
        }
    }

    async fn next(&mut self) -> Result<ModelEvent, ModelError> {
        loop {
            if let Some(event) = self.events.pop() {
                return Ok(event);
            }
            if let Some(error) = self.end.take() {
                return Err(error);
            }
            match self.chunk().await? {
                Some(chunk) => self.take(&chunk),
                None => {
                    let end = self.decoder.end(&mut self.events).err();
                    self.end =
                        Some(end.unwrap_or_else(|| ModelError::cut_off("the stream ended early")));
                }
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, ModelError> {
        loop {
            tokio::select! {
                biased;
                chunk = self.response.chunk() => {
                    self.last_byte = Instant::now();
                    return chunk.map_err(|error| ModelError::cut_off(&innermost(&error)));
                }
                () = self.alarm.as_mut() => {
                    let next = self.expiry()?;
                    self.alarm.as_mut().reset(next);
                }
            }
        }
    }

    /// When the next clock runs out, or the error if one did.
    fn expiry(&self) -> Result<Instant, ModelError> {
        let silent_at = self.last_byte + self.clocks.silent;
        let content_at = self.last_content + self.clocks.content;
        let now = Instant::now();
        if silent_at <= now {
            return Err(silent("the connection went silent", self.clocks.silent));
        }
        if content_at <= now {
            return Err(silent(
                "the server is alive but sends no answer",
                self.clocks.content,
            ));
        }
        Ok(silent_at.min(content_at))
    }

    fn take(&mut self, chunk: &[u8]) {
        let Self {
            parser,
            decoder,
            events,
            end,
            ..
        } = self;
        let mut content = false;
        let fed = parser.feed(chunk, |event| {
            if end.is_none() {
                match decoder.event(event, events) {
                    Ok(more) => content |= more,
                    Err(error) => *end = Some(error),
                }
            }
        });
        if fed.is_err() && end.is_none() {
            *end = Some(ModelError::new(
                ErrorKind::Protocol,
                "the server sent an event that is too large to take",
            ));
        }
        if content {
            self.last_content = self.last_byte;
        }
    }

    /// Reads the end of the body, so that the connection can carry the next request.
    fn release(self) {
        let mut response = self.response;
        if let Some(Ok(None) | Err(_)) = response.chunk().now_or_never() {
            return;
        }
        tokio::spawn(tokio::time::timeout(
            Duration::from_secs(1),
            read_capped(response, 4 << 10),
        ));
    }
}

fn build(https: bool, loopback: bool) -> Result<Client, ModelError> {
    let failed = |detail: String| {
        ModelError::new(
            ErrorKind::Config,
            format!("can't set up the HTTP client: {detail}"),
        )
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    let tls = if https {
        tls.with_platform_verifier()
            .map_err(|error| failed(error.to_string()))?
            .with_no_client_auth()
    } else {
        tls.with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth()
    };
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("interline/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT)
        .tcp_keepalive(KEEPALIVE)
        .pool_idle_timeout(POOL_IDLE);
    if loopback {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| failed(innermost(&error)))
}

fn url(spec: &ModelSpec) -> Result<Url, ModelError> {
    let wrong = |detail: &str| {
        let message = format!(
            "base_url of model `{}` {detail}; expected something like https://host/v1",
            spec.name
        );
        ModelError::new(ErrorKind::Config, message)
    };
    let mut url =
        Url::parse(spec.base_url.trim()).map_err(|error| wrong(&format!("is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("is not http or https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("contains a user name or password: use api_key_env"));
    }
    let base = url.path().trim_end_matches('/');
    let base = match spec.provider {
        Provider::Anthropic => base.strip_suffix("/v1").unwrap_or(base),
        _ if base.is_empty() => "/v1",
        _ => base,
    };
    let path = format!("{base}{}", codec::path(spec.provider));
    url.set_path(&path);
    url.set_fragment(None);
    Ok(url)
}

fn headers(spec: &ModelSpec) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("accept", HeaderValue::from_static("text/event-stream"));
    if spec.provider == Provider::Anthropic {
        headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    }
    if let Some(key) = &spec.api_key {
        let (name, value) = match spec.provider {
            Provider::Anthropic => ("x-api-key", key.expose().to_owned()),
            _ => ("authorization", format!("Bearer {}", key.expose())),
        };
        let message = || {
            format!(
                "the API key of model `{}` contains characters that no key has; set it again",
                spec.name
            )
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| ModelError::new(ErrorKind::Config, message()))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
        None => false,
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

fn silent(what: &str, waited: Duration) -> ModelError {
    ModelError::new(
        ErrorKind::Silent,
        format!("{what} for {} s", waited.as_secs()),
    )
}

/// The cause at the bottom of the chain: `connection refused` rather than `error sending request`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
