//! Sends bytes to an endpoint that the user named, for telemetry: the same TLS, proxies and care as requests to models.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, Url};

use crate::http::setup;
use crate::{ErrorKind, ModelError};

const WITHIN: Duration = Duration::from_secs(5);

/// An endpoint with paths below it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    client: Client,
    base: Url,
}

impl Endpoint {
    /// The endpoint at `base`; the system's TLS roots are read for `https`.
    ///
    /// # Errors
    /// As [`Endpoint::check`].
    pub fn new(base: &str) -> Result<Self, ModelError> {
        let base = address(base)?;
        let client = setup::build(base.scheme() == "https", setup::is_loopback(&base))?;
        Ok(Self { client, base })
    }

    /// Could there be an endpoint at this address? Touches neither disk nor network.
    ///
    /// # Errors
    /// It is no http or https address, or has credentials in it.
    pub fn check(base: &str) -> Result<(), ModelError> {
        address(base).map(drop)
    }

    /// Posts a body to `path` below the endpoint: one attempt of at most 5 s, the answer is not read.
    ///
    /// # Errors
    /// The server can't be reached, or doesn't take it.
    pub async fn post(&self, path: &str, kind: &str, body: Bytes) -> Result<(), ModelError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let request = self.client.post(url).timeout(WITHIN);
        let sent = request.header("content-type", kind).body(body).send().await;
        let failed = |text: String| ModelError::new(ErrorKind::Unreachable, text);
        let answer = sent.map_err(|error| failed(error.without_url().to_string()))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(failed(format!("the server answered {}", answer.status())))
    }
}

fn address(text: &str) -> Result<Url, ModelError> {
    let url = Url::parse(text.trim()).ok().filter(|url| {
        let open = url.username().is_empty() && url.password().is_none();
        open && matches!(url.scheme(), "http" | "https") && url.has_host()
    });
    // Not repeated: what is wrong with it may be a password.
    url.ok_or_else(|| {
        let message = "the endpoint is no address: expected something like http://127.0.0.1:4318, without credentials";
        ModelError::new(ErrorKind::Config, message.to_owned())
    })
}
