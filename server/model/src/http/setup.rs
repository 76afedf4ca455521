//! What a request needs besides its body: the HTTP client, the address, the headers.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Url};
use rustls_platform_verifier::BuilderVerifierExt;

use super::innermost;
use crate::{ErrorKind, ModelError, ModelSpec, Provider, codec};

const CONNECT: Duration = Duration::from_secs(15);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Connections that wait longer are more often dead behind a NAT than useful.
const POOL_IDLE: Duration = Duration::from_secs(55);

/// A client. The system's TLS roots are read for `https` only; a server on loopback is asked without a proxy.
pub(crate) fn build(https: bool, loopback: bool) -> Result<Client, ModelError> {
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

/// The address of the model's endpoint.
pub(super) fn url(spec: &ModelSpec) -> Result<Url, ModelError> {
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

/// The providers' own servers answer nobody without a key; gateways and local servers may.
pub(super) fn check_key(spec: &ModelSpec, url: &Url) -> Result<(), ModelError> {
    let needs_key = matches!(url.host_str(), Some("api.anthropic.com" | "api.openai.com"));
    if spec.api_key.is_some() || !needs_key {
        return Ok(());
    }
    let message = format!(
        "model `{}` has no API key: set the variable that its api_key_env names",
        spec.name
    );
    Err(ModelError::new(ErrorKind::Config, message))
}

/// The headers of each request; the key is marked as sensitive.
pub(super) fn headers(spec: &ModelSpec) -> Result<HeaderMap, ModelError> {
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

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn spec(provider: Provider, base_url: &str) -> ModelSpec {
        ModelSpec {
            provider,
            base_url: base_url.to_owned(),
            ..ModelSpec::builtin()
        }
    }

    #[test]
    fn base_urls_with_and_without_their_version_lead_to_the_endpoint() {
        use Provider::{Anthropic, OpenaiChat, OpenaiResponses};
        let table = [
            (
                Anthropic,
                "https://api.anthropic.com",
                "https://api.anthropic.com/v1/messages",
            ),
            (
                Anthropic,
                "https://api.anthropic.com/v1/",
                "https://api.anthropic.com/v1/messages",
            ),
            (
                Anthropic,
                "https://host/anthropic",
                "https://host/anthropic/v1/messages",
            ),
            (
                OpenaiChat,
                "http://127.0.0.1:11434",
                "http://127.0.0.1:11434/v1/chat/completions",
            ),
            (
                OpenaiChat,
                "http://127.0.0.1:11434/v1",
                "http://127.0.0.1:11434/v1/chat/completions",
            ),
            (
                OpenaiChat,
                "https://host/api/v4?a=b",
                "https://host/api/v4/chat/completions?a=b",
            ),
            (
                OpenaiResponses,
                " https://api.openai.com/v1/ ",
                "https://api.openai.com/v1/responses",
            ),
        ];
        for (provider, base_url, expected) in table {
            assert_eq!(url(&spec(provider, base_url)).unwrap().as_str(), expected);
        }
        for wrong in [
            "",
            "api.openai.com",
            "ftp://host",
            "file:///etc/passwd",
            "https://user:pw@host/v1",
            "http://",
        ] {
            assert_eq!(
                url(&spec(OpenaiChat, wrong)).unwrap_err().kind,
                ErrorKind::Config,
                "{wrong}"
            );
        }
    }

    #[test]
    fn keys_go_in_the_providers_header_and_nowhere_else() {
        let with = |provider, key| ModelSpec {
            api_key: Some(Secret::new(key)),
            ..spec(provider, "")
        };
        let anthropic = headers(&with(Provider::Anthropic, "sk-1")).unwrap();
        assert_eq!(anthropic.get("x-api-key").unwrap(), "sk-1");
        let openai = headers(&with(Provider::OpenaiChat, "sk-1")).unwrap();
        assert_eq!(openai.get("authorization").unwrap(), "Bearer sk-1");
        assert!(!format!("{openai:?}{anthropic:?}").contains("sk-1"));
        let error = headers(&with(Provider::OpenaiChat, "sk-\n1")).unwrap_err();
        assert!(!error.message.contains("sk-"), "{error}");
    }

    #[test]
    fn the_providers_own_servers_need_a_key() {
        let check = |base_url: &str| {
            let spec = spec(Provider::Anthropic, base_url);
            check_key(&spec, &url(&spec).unwrap()).is_ok()
        };
        assert!(!check("https://api.anthropic.com"));
        assert!(check("https://gateway.example.com") && check("http://127.0.0.1:8080"));
    }

    #[test]
    fn loopback_has_many_names() {
        let is = |url: &str| is_loopback(&Url::parse(url).unwrap());
        assert!(is("http://localhost:1") && is("http://127.0.0.1") && is("http://[::1]:8080"));
        assert!(!is("http://10.0.0.1") && !is("http://localhost.example.com"));
    }
}
