//! What the server got and when it answered: the memory that tests look at, and its file form.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

/// One request. Times are those of the socket, not of the server's own work.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// The request's path, with its query.
    pub path: String,
    /// Names in lower case; secrets replaced by `[redacted]`.
    pub headers: Vec<(String, String)>,
    /// The body as JSON, `null` if it is none.
    pub body: Value,
    /// The body's bytes.
    pub raw: Bytes,
    /// When the body's last byte had come.
    pub at: Instant,
    /// When the answer's last byte had been handed to the socket; none as yet, or never.
    pub answered_at: Option<Instant>,
    /// The client left before the answer's end.
    pub client_gone: bool,
    /// The HTTP status of the answer; 0 where there was none.
    pub status: u16,
}

impl RecordedRequest {
    /// A header's value; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn arrival_line(
        &self,
        index: usize,
        start: Instant,
        violations: &[String],
    ) -> Value {
        json!({
            "event": "request",
            "n": index + 1,
            "at_us": micros(start, self.at),
            "path": self.path,
            "status": self.status,
            "violations": violations,
            "headers": self.headers.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect::<serde_json::Map<_, _>>(),
            "body": self.body,
        })
    }

    pub(crate) fn end_line(&self, index: usize, start: Instant) -> Value {
        json!({
            "event": "end",
            "n": index + 1,
            "answered_us": self.answered_at.map(|at| micros(start, at)),
            "client_gone": self.client_gone,
        })
    }
}

fn micros(start: Instant, at: Instant) -> u64 {
    u64::try_from(at.duration_since(start).as_micros()).unwrap_or(u64::MAX)
}
