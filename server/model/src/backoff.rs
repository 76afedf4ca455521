//! How long to wait before the next attempt.

use std::time::Duration;

use crate::{ModelError, ModelSpec};

/// Counts the attempts for one request and says how long to wait before the next.
///
/// A wait that a busy provider asks for holds back all sessions of this process: [`crate::ModelClient::send`]
/// waits by itself while the provider's gate is closed.
#[derive(Debug)]
pub struct Backoff {
    provider: String,
    attempts: u32,
}

impl Backoff {
    /// For a new request.
    #[must_use]
    pub fn new(spec: &ModelSpec) -> Self {
        Self {
            provider: spec.base_url.clone(),
            attempts: 0,
        }
    }

    /// How long to wait before sending again; `None` when there's no sense in it: another class than
    /// [`crate::ErrorClass::Retry`], or too many attempts.
    pub fn next_delay(&mut self, error: &ModelError) -> Option<Duration> {
        let _ = (error, &self.provider, self.attempts);
        todo!()
    }

    /// How many times `next_delay` gave a delay.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}
