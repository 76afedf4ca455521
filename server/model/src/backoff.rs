//! How long to wait before the next attempt: for one request, and for a provider as a whole.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{ErrorClass, ErrorKind, ModelError, ModelSpec};

const MOST_RETRIES: u32 = 8;
/// A server that isn't there rarely comes while one waits, and the user wants to know.
const MOST_RETRIES_UNREACHABLE: u32 = 4;
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// A cut stream is no sign of load: the first retry comes at once.
const FIRST_AFTER_CUT: Duration = Duration::from_millis(100);

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
    /// [`ErrorClass::Retry`], or too many attempts.
    pub fn next_delay(&mut self, error: &ModelError) -> Option<Duration> {
        let most = if error.kind == ErrorKind::Unreachable {
            MOST_RETRIES_UNREACHABLE
        } else {
            MOST_RETRIES
        };
        if error.class() != ErrorClass::Retry || self.attempts >= most {
            return None;
        }
        let wait = delay(error, self.attempts, fastrand::f64());
        self.attempts += 1;
        if matches!(error.kind, ErrorKind::RateLimited | ErrorKind::Server) {
            close_gate(&self.provider, wait);
        }
        Some(wait)
    }

    /// How many times `next_delay` gave a delay.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// `max(Retry-After, min(60 s, 0.5 s · 2ⁿ) · U(0.75, 1))`, with `random` from 0 to 1.
fn delay(error: &ModelError, retries: u32, random: f64) -> Duration {
    let base = match error.kind {
        ErrorKind::Cut if retries == 0 => FIRST_AFTER_CUT,
        _ => FIRST
            .saturating_mul(2u32.saturating_pow(retries))
            .min(LONGEST),
    };
    base.mul_f64(0.75 + 0.25 * random)
        .max(error.retry_after.unwrap_or_default())
}

/// When each provider, by its base URL, takes requests again. One for the process, because the limit that
/// closes it counts all that comes from here.
static GATES: LazyLock<Mutex<HashMap<String, Instant>>> = LazyLock::new(Mutex::default);

fn close_gate(provider: &str, wait: Duration) {
    let until = Instant::now() + wait;
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    let gate = gates.entry(provider.to_owned()).or_insert(until);
    *gate = until.max(*gate);
}

/// Waits until the provider takes requests again. Those who waited are let through one after another.
pub(crate) async fn pass_gate(provider: &str) {
    while let Some(until) = closed_until(provider) {
        let spread = Duration::from_millis(fastrand::u64(0..250));
        tokio::time::sleep_until(until + spread).await;
    }
}

fn closed_until(provider: &str) -> Option<Instant> {
    let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
    let until = *gates.get(provider)?;
    if until > Instant::now() {
        return Some(until);
    }
    gates.remove(provider);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind) -> ModelError {
        ModelError::new(kind, "")
    }

    fn backoff(provider: &str) -> Backoff {
        Backoff::new(&ModelSpec {
            base_url: provider.to_owned(),
            ..ModelSpec::builtin()
        })
    }

    #[test]
    fn delays_double_up_to_a_minute() {
        let seconds =
            |retries, random| delay(&error(ErrorKind::Server), retries, random).as_secs_f64();
        let full: Vec<_> = (0..10).map(|retries| seconds(retries, 1.0)).collect();
        assert_eq!(
            full,
            [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
        );
        assert_eq!(seconds(0, 0.0), 0.375);
        assert_eq!(seconds(u32::MAX, 1.0), 60.0);
    }

    #[test]
    fn retry_after_is_a_minimum() {
        let with = |seconds| ModelError {
            retry_after: Some(Duration::from_secs(seconds)),
            ..error(ErrorKind::RateLimited)
        };
        assert_eq!(delay(&with(7), 0, 1.0), Duration::from_secs(7));
        assert_eq!(delay(&with(7), 7, 1.0), Duration::from_secs(60));
    }

    #[test]
    fn the_first_retry_of_a_cut_stream_comes_at_once() {
        assert!(delay(&error(ErrorKind::Cut), 0, 1.0) < Duration::from_millis(300));
        assert_eq!(
            delay(&error(ErrorKind::Cut), 1, 1.0),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn it_gives_up_in_the_end() {
        let tries = |kind| {
            let mut backoff = backoff("http://tries");
            std::iter::from_fn(|| backoff.next_delay(&error(kind)))
                .take(20)
                .count()
        };
        assert_eq!(tries(ErrorKind::Silent), 8);
        assert_eq!(tries(ErrorKind::Unreachable), 4);
        assert_eq!(tries(ErrorKind::Auth), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_sessions_wait_holds_back_the_others_of_that_provider_only() {
        let busy = ModelError {
            retry_after: Some(Duration::from_secs(5)),
            ..error(ErrorKind::RateLimited)
        };
        backoff("http://busy").next_delay(&busy);
        let start = Instant::now();
        pass_gate("http://free").await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        pass_gate("http://busy").await;
        assert!(
            start.elapsed() >= Duration::from_secs(5) && start.elapsed() < Duration::from_secs(6)
        );
        pass_gate("http://busy").await;
        assert!(start.elapsed() < Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_stream_closes_no_gate() {
        backoff("http://cut").next_delay(&error(ErrorKind::Cut));
        assert_eq!(closed_until("http://cut"), None);
    }
}
