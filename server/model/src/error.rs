//! What can go wrong with one attempt, and what the turn loop does about it.

use std::time::Duration;

/// A provider that wants to be left alone for longer than this is treated as used up.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Why an attempt failed, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// What happened.
    pub kind: ErrorKind,
    /// For the user: what happened, in the provider's words where it gave any, and what to do.
    pub message: String,
    /// HTTP status, where there was one.
    pub status: Option<u16>,
    /// The provider's wish for how long to wait.
    pub retry_after: Option<Duration>,
    /// The provider's own word on whether a retry makes sense (`x-should-retry`).
    pub should_retry: Option<bool>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The stream ended or the connection broke before the response was complete.
    Cut,
    /// The server could not be reached.
    Unreachable,
    /// Nothing came for too long.
    Silent,
    /// Too many requests for now.
    RateLimited,
    /// The server failed or is overloaded (5xx, 408, 409, 529).
    Server,
    /// The quota or the credit is used up.
    Quota,
    /// The prompt doesn't fit.
    TooLong,
    /// The provider doesn't accept a thinking block or its signature.
    BadThinking,
    /// The key is missing, wrong or not allowed to do this.
    Auth,
    /// The provider rejects the request for another reason.
    Rejected,
    /// The answer is not what the wire format says.
    Protocol,
    /// The specification of the model can't work: a URL, a key with impossible characters.
    Config,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Wait as [`crate::Backoff`] says, then send again.
    Retry,
    /// Compact once, then send.
    TooLong,
    /// Strip the thinking blocks, send once more.
    BadThinking,
    /// Stop: waiting doesn't help until the account is changed.
    Quota,
    /// Stop and show the message.
    Fatal,
}

impl ModelError {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self.kind {
            ErrorKind::Quota => ErrorClass::Quota,
            ErrorKind::TooLong => ErrorClass::TooLong,
            ErrorKind::BadThinking => ErrorClass::BadThinking,
            ErrorKind::Config => ErrorClass::Fatal,
            _ if self.retry_after.is_some_and(|wait| wait > LONGEST_WAIT) => ErrorClass::Quota,
            _ if self.should_retry == Some(true) => ErrorClass::Retry,
            _ if self.should_retry == Some(false) => ErrorClass::Fatal,
            ErrorKind::Cut
            | ErrorKind::Unreachable
            | ErrorKind::Silent
            | ErrorKind::RateLimited
            | ErrorKind::Server => ErrorClass::Retry,
            ErrorKind::Auth | ErrorKind::Rejected | ErrorKind::Protocol => ErrorClass::Fatal,
        }
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            status: None,
            retry_after: None,
            should_retry: None,
        }
    }

    /// The stream ended without [`crate::ModelEvent::Stopped`].
    #[must_use]
    pub fn cut() -> Self {
        Self::cut_off("the stream ended early")
    }

    pub(crate) fn cut_off(detail: &str) -> Self {
        Self::new(ErrorKind::Cut, format!("the answer was cut off: {detail}"))
    }
}
