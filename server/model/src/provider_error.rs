//! From a provider's refusal to an error of ours: which kind it is, how long to wait, what to show.
//!
//! The provider's own words reach the user; keys and control characters never do.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::{ErrorKind, ModelError, ModelSpec};

/// Most characters of a provider's message that are shown.
const MESSAGE_CHARS: usize = 600;

/// A provider's wishes about retries, from the headers of its response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RetryHints {
    pub(crate) after: Option<Duration>,
    pub(crate) should: Option<bool>,
}

impl RetryHints {
    /// From a lookup of headers by name; `now` dates an absolute `Retry-After`.
    pub(crate) fn from_headers<'a>(
        header: impl Fn(&str) -> Option<&'a str>,
        now: SystemTime,
    ) -> Self {
        let milliseconds = header("retry-after-ms").and_then(|text| seconds(text, 1e-3));
        let after =
            milliseconds.or_else(|| header("retry-after").and_then(|text| retry_after(text, now)));
        let should = header("x-should-retry").and_then(|text| text.trim().parse().ok());
        Self { after, should }
    }
}

fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let date = || {
        httpdate::parse_http_date(text.trim())
            .ok()?
            .duration_since(now)
            .ok()
    };
    seconds(text, 1.0).or_else(date)
}

fn seconds(text: &str, unit: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse::<f64>().ok()? * unit).ok()
}

/// What a provider says about an error, in any of the forms that they have.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ProviderError {
    message: String,
    /// `type` and `code`, where there are any.
    tags: Vec<String>,
    /// A status inside the body, as gateways put it into a stream.
    status: Option<u16>,
}

impl ProviderError {
    /// From the body of a response or an event of a stream. What isn't JSON is taken as the message.
    pub(crate) fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::from_value(&value),
            Err(_) => Self {
                message: String::from_utf8_lossy(body).into_owned(),
                ..Self::default()
            },
        }
    }

    fn from_value(value: &Value) -> Self {
        let error = value
            .get("error")
            .filter(|error| !error.is_null())
            .unwrap_or(value);
        let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
        let message = error
            .as_str()
            .map(str::to_owned)
            .or_else(|| text("message"))
            .or_else(|| text("detail"));
        let status = error
            .get("code")
            .and_then(Value::as_u64)
            .and_then(|code| u16::try_from(code).ok());
        Self {
            message: message.unwrap_or_else(|| value.to_string()),
            tags: ["type", "code", "status"]
                .into_iter()
                .filter_map(text)
                .collect(),
            status,
        }
    }

    /// The error for the user. `status` is the response's; `None` for an error inside a stream.
    pub(crate) fn into_error(
        self,
        spec: &ModelSpec,
        status: Option<u16>,
        hints: RetryHints,
    ) -> ModelError {
        let status = status.or(self.status);
        let kind = self.kind(status);
        let mut message = format!("{}: {}", spec.name, self.shown(spec));
        if let Some(status) = status {
            message.push_str(&format!(" (HTTP {status})"));
        }
        if let Some(advice) = advice(kind) {
            message.push_str("; ");
            message.push_str(advice);
        }
        ModelError {
            kind,
            message,
            status,
            retry_after: hints.after,
            should_retry: hints.should,
        }
    }

    fn shown(&self, spec: &ModelSpec) -> String {
        let mut message = self.message.clone();
        if let Some(key) = spec
            .api_key
            .as_ref()
            .map(crate::Secret::expose)
            .filter(|key| !key.is_empty())
        {
            message = message.replace(key, "[secret]");
        }
        let clean: String = message
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MESSAGE_CHARS)
            .collect();
        let clean = clean.trim().trim_end_matches('.');
        if clean.is_empty() {
            "the provider gave no reason".to_owned()
        } else {
            clean.to_owned()
        }
    }

    fn kind(&self, status: Option<u16>) -> ErrorKind {
        let tagged = |tags: &[&str]| self.tags.iter().any(|tag| tags.contains(&tag.as_str()));
        let message = self.message.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| message.contains(part));
        if status == Some(402) || tagged(QUOTA_TAGS) || says(QUOTA_WORDS) {
            return ErrorKind::Quota;
        }
        let rejected = matches!(status, None | Some(400 | 404 | 413 | 422 | 500));
        if rejected && (status == Some(413) || tagged(LENGTH_TAGS) || says(LENGTH_WORDS)) {
            return ErrorKind::TooLong;
        }
        if rejected && (tagged(&["invalid_encrypted_content"]) || about_thinking(&message)) {
            return ErrorKind::BadThinking;
        }
        match status {
            Some(401 | 403) => ErrorKind::Auth,
            Some(429) => ErrorKind::RateLimited,
            Some(408 | 409 | 500..) => ErrorKind::Server,
            Some(_) => ErrorKind::Rejected,
            None if tagged(&[
                "authentication_error",
                "permission_error",
                "invalid_api_key",
            ]) =>
            {
                ErrorKind::Auth
            }
            None if tagged(&["rate_limit_error", "rate_limit_exceeded"]) => ErrorKind::RateLimited,
            None if tagged(&["invalid_request_error", "not_found_error", "invalid_prompt"]) => {
                ErrorKind::Rejected
            }
            None => ErrorKind::Server,
        }
    }
}

const QUOTA_TAGS: &[&str] = &[
    "insufficient_quota",
    "billing_error",
    "billing_not_active",
    "billing_hard_limit_reached",
];
const QUOTA_WORDS: &[&str] = &["credit balance is too low"];
const LENGTH_TAGS: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size_error",
    "request_too_large",
];
const LENGTH_WORDS: &[&str] = &[
    "prompt is too long",
    "input is too long",
    "maximum context length",
    "exceeds the context window",
    "exceed context limit",
    "exceeds the available context size",
    "maximum prompt length",
];

/// Anthropic's and the gateways' ways of saying that thinking blocks don't fit the conversation.
fn about_thinking(message: &str) -> bool {
    let subject = message.contains("thinking") || message.contains("thought_signature");
    let complaint = [
        "signature",
        "cannot be modified",
        "expected `thinking`",
        "must start with a thinking",
    ];
    subject && complaint.iter().any(|part| message.contains(part))
}

fn advice(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Auth => Some("check the API key and what it may use"),
        ErrorKind::Quota => Some("check the account's plan and billing, or choose another model"),
        ErrorKind::TooLong => Some("the conversation is too long for the model"),
        ErrorKind::Rejected => Some("check the model's id, base_url and provider in [models]"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorClass, Secret};

    fn error(status: Option<u16>, body: &str) -> ModelError {
        let spec = ModelSpec {
            api_key: Some(Secret::new("sk-secret")),
            ..ModelSpec::builtin()
        };
        ProviderError::parse(body.as_bytes()).into_error(&spec, status, RetryHints::default())
    }

    #[test]
    fn the_retry_table() {
        use ErrorClass::{BadThinking, Fatal, Quota, Retry, TooLong};
        let table = [
            (
                Some(400),
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: required"}}"#,
                Fatal,
            ),
            (
                Some(400),
                r#"{"error":{"message":"prompt is too long: 212000 tokens > 200000 maximum"}}"#,
                TooLong,
            ),
            (
                Some(400),
                r#"{"error":{"code":"context_length_exceeded","message":"Your input exceeds"}}"#,
                TooLong,
            ),
            (
                Some(400),
                r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"the request exceeds the available context size"}}"#,
                TooLong,
            ),
            (Some(413), "<html>Request Entity Too Large</html>", TooLong),
            (
                Some(400),
                r#"{"error":{"message":"messages.1.content.0: Invalid `signature` in `thinking` block"}}"#,
                BadThinking,
            ),
            (
                Some(400),
                r#"{"error":{"message":"`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified"}}"#,
                BadThinking,
            ),
            (
                Some(400),
                r#"{"error":{"code":"invalid_encrypted_content","message":"could not be verified"}}"#,
                BadThinking,
            ),
            (
                Some(400),
                r#"{"error":{"message":"Your credit balance is too low to access the API"}}"#,
                Quota,
            ),
            (
                Some(401),
                r#"{"error":{"message":"invalid x-api-key"}}"#,
                Fatal,
            ),
            (Some(402), "", Quota),
            (Some(403), "", Fatal),
            (
                Some(404),
                r#"{"error":"model \"llama\" not found, try pulling it first"}"#,
                Fatal,
            ),
            (Some(408), "", Retry),
            (Some(409), "", Retry),
            (Some(422), r#"{"detail":"extra fields"}"#, Fatal),
            (
                Some(429),
                r#"{"error":{"type":"rate_limit_error","message":"slow down"}}"#,
                Retry,
            ),
            (
                Some(429),
                r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#,
                Quota,
            ),
            (Some(500), "", Retry),
            (Some(502), "<html>bad gateway</html>", Retry),
            (Some(503), "", Retry),
            (
                Some(529),
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Retry,
            ),
            (
                None,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
                Retry,
            ),
            (
                None,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#,
                Fatal,
            ),
            (
                None,
                r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#,
                TooLong,
            ),
            (None, r#"{"error":{"code":401,"message":"no key"}}"#, Fatal),
            (None, "{}", Retry),
        ];
        for (status, body, class) in table {
            assert_eq!(error(status, body).class(), class, "{status:?} {body}");
        }
    }

    #[test]
    fn the_providers_word_on_retries_counts() {
        let with = |status, retry_after, should_retry| ModelError {
            retry_after,
            should_retry,
            ..error(Some(status), "")
        };
        assert_eq!(with(429, None, Some(false)).class(), ErrorClass::Fatal);
        assert_eq!(with(404, None, Some(true)).class(), ErrorClass::Retry);
        assert_eq!(
            with(429, Some(Duration::from_secs(3600)), None).class(),
            ErrorClass::Quota
        );
    }

    #[test]
    fn a_message_shows_no_key_and_no_control_character() {
        let error = error(
            Some(401),
            "{\"error\":{\"message\":\"bad key sk-secret\\u001b[2J.\"}}",
        );
        assert_eq!(
            error.message,
            "builtin: bad key [secret] [2J (HTTP 401); check the API key and what it may use"
        );
    }

    #[test]
    fn retry_hints_are_read_in_each_form() {
        let hints = |name: &'static str, value: &'static str| {
            RetryHints::from_headers(
                move |header| (header == name).then_some(value),
                SystemTime::UNIX_EPOCH,
            )
        };
        assert_eq!(
            hints("retry-after", "7").after,
            Some(Duration::from_secs(7))
        );
        assert_eq!(
            hints("retry-after", "0.5").after,
            Some(Duration::from_millis(500))
        );
        assert_eq!(
            hints("retry-after", "Thu, 01 Jan 1970 00:01:00 GMT").after,
            Some(Duration::from_secs(60))
        );
        assert_eq!(
            hints("retry-after-ms", "250").after,
            Some(Duration::from_millis(250))
        );
        assert_eq!(hints("retry-after", "-1").after, None);
        assert_eq!(hints("retry-after", "NaN").after, None);
        assert_eq!(hints("x-should-retry", "false").should, Some(false));
    }
}
