//! Keeps secrets out of the log: those that are known, and what looks like one (`pattern.rs`). They are replaced in
//! payloads before anything is hashed. Bytes that are no text ([`crate::Attachments`]) stay as they are.
//!
//! Must not change anything else: keys, types and structure stay.

use std::fmt;

use serde_json::Value;

use crate::EventData;
use crate::codec::{self, Encoded};
use crate::error::LogError;
use crate::pattern;

/// Shorter values are too likely to be words.
const SHORTEST: usize = 8;
/// What stands in the log in place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The secrets, each in the spellings that it can have in a payload.
#[derive(Default)]
pub(crate) struct Redactor {
    /// As it stands in a string, plain or inside JSON text that is itself a string (such as a tool's arguments).
    spellings: Vec<String>,
    /// Each spelling as JSON text writes it.
    written: Vec<String>,
}

impl fmt::Debug for Redactor {
    /// Says how many they are, and nothing of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({})", self.written.len())
    }
}

impl Redactor {
    pub(crate) fn new(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SHORTEST);
        // The longest first: a secret may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let mut spellings: Vec<_> = secrets.iter().map(|secret| escaped(secret)).collect();
        spellings.extend(secrets);
        spellings.dedup();
        let written = spellings.iter().map(|spelling| escaped(spelling)).collect();
        Self { spellings, written }
    }

    /// The payload without secrets, and its JSON text.
    pub(crate) fn apply(&self, data: EventData) -> Result<(EventData, Encoded), LogError> {
        let encode = |data: &EventData| {
            Encoded::new(data).map_err(|error| LogError::Encode(error.to_string()))
        };
        let encoded = encode(&data)?;
        if !self
            .written
            .iter()
            .any(|secret| encoded.text().contains(secret.as_str()))
            && !pattern::is_suspect(encoded.text())
        {
            return Ok((data, encoded));
        }
        let mut value: Value = serde_json::from_str(encoded.text())
            .map_err(|error| LogError::Encode(error.to_string()))?;
        if !value
            .get_mut("data")
            .is_some_and(|payload| self.clean(payload))
        {
            return Ok((data, encoded));
        }
        let data = codec::decode_newest(&value.to_string()).map_err(|_| LogError::Redaction)?;
        let encoded = encode(&data)?;
        Ok((data, encoded))
    }

    /// A text that is no payload.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut value = Value::from(text);
        self.clean(&mut value);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// True: something was replaced.
    fn clean(&self, value: &mut Value) -> bool {
        // All of them are to be cleaned, so no `any`.
        let or = |one: bool, other: bool| one | other;
        match value {
            Value::String(text) => self.clean_text(text),
            Value::Array(items) => items
                .iter_mut()
                .map(|item| self.clean(item))
                .fold(false, or),
            Value::Object(members) => members
                .iter_mut()
                .map(|(name, member)| self.clean_member(name, member))
                .fold(false, or),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn clean_member(&self, name: &str, member: &mut Value) -> bool {
        match member {
            Value::String(text) if pattern::is_secret_member(name, text) => {
                REDACTED.clone_into(text);
                true
            }
            other => self.clean(other),
        }
    }

    fn clean_text(&self, text: &mut String) -> bool {
        let mut cleaned = false;
        for secret in &self.spellings {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), REDACTED);
                cleaned = true;
            }
        }
        if let Some(without) = pattern::clean(text) {
            *text = without;
            cleaned = true;
        }
        cleaned
    }
}

/// The text as a JSON string writes it, without the quotes.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(secret: &str, data: EventData) -> Result<String, LogError> {
        let redactor = Redactor::new(vec![secret.to_owned()]);
        redactor
            .apply(data)
            .map(|(_, encoded)| encoded.text().to_owned())
    }

    #[test]
    fn a_secret_is_replaced_wherever_it_stands() {
        let secret = "p\"a\\ss\nword";
        let steer = EventData::InputSteer {
            text: format!("use {secret}!"),
        };
        assert_eq!(
            redacted(secret, steer).unwrap(),
            r#"{"type":"input.steer","data":{"text":"use [redacted]!"}}"#
        );
        let nested = EventData::InputSteer {
            text: serde_json::json!({ "key": secret }).to_string(),
        };
        assert!(redacted(secret, nested).unwrap().contains("[redacted]"));
    }

    #[test]
    fn keys_and_short_values_stay() {
        let steer = || EventData::InputSteer {
            text: "text type data".into(),
        };
        assert!(!redacted("text", steer()).unwrap().contains("[redacted]"));
        let stopped = EventData::RequestSent {
            body_sha256: "ab".into(),
            body_bytes: 1,
            max_output: None,
            prefix: None,
        };
        assert!(
            redacted("body_sha256", stopped)
                .unwrap()
                .contains("body_sha256")
        );
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_log_is_refused() {
        let outcome = EventData::PermissionDecided {
            answer: crate::PermissionAnswer::AllowAlways,
            by: "user".into(),
        };
        assert!(matches!(
            redacted("allow_always", outcome),
            Err(LogError::Redaction)
        ));
    }
}
