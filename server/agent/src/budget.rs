//! Limits of a turn, checked before each request.

use std::time::Duration;

use interline_log::{TurnOutcome, Usage};
use interline_model::{ModelSpec, cost_micro_usd};
use serde::{Deserialize, Serialize};

/// Limits of one turn. A limit stops before the request that would pass it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// Model requests.
    pub max_steps: u32,
    /// Tokens, input and output, cached ones included.
    pub max_tokens: u64,
    /// US dollars, where the price is known.
    pub max_usd: f64,
    /// Seconds of work; waiting for the user does not count.
    pub max_seconds: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_steps: 100,
            max_tokens: 2_000_000,
            max_usd: 5.0,
            max_seconds: 1800,
        }
    }
}

/// What a turn has taken so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) steps: u32,
    pub(crate) usage: Usage,
    /// In millionths of a US dollar; counts only what has a price.
    pub(crate) micro_usd: u64,
    /// Without the time that the user took.
    pub(crate) worked: Duration,
}

/// Bytes of a request for one token, from below: code is denser than prose.
const BYTES_PER_TOKEN: u64 = 4;

impl Budget {
    /// Would a request of this size pass a limit? Then how the turn ends instead.
    pub(crate) fn stops(
        &self,
        spent: &Spent,
        body_bytes: u64,
        model: &ModelSpec,
    ) -> Option<TurnOutcome> {
        let next = Usage {
            input: body_bytes / BYTES_PER_TOKEN,
            ..Usage::default()
        };
        let tokens = spent.usage.total() + next.total();
        let micro_usd = spent.micro_usd
            + model
                .price
                .as_ref()
                .map_or(0, |price| cost_micro_usd(&next, price));
        // A float to int cast saturates: a negative or absurd limit is the strictest or none.
        let max_micro_usd = (self.max_usd * 1e6) as u64;
        let limit = if spent.steps >= self.max_steps {
            format!("max_steps = {}", self.max_steps)
        } else if tokens > self.max_tokens {
            format!("max_tokens = {}", self.max_tokens)
        } else if micro_usd > max_micro_usd {
            format!("max_usd = {}", self.max_usd)
        } else if spent.worked.as_secs() >= self.max_seconds {
            format!("max_seconds = {}", self.max_seconds)
        } else {
            return None;
        };
        Some(TurnOutcome::Stopped {
            reason: "budget".to_owned(),
            message: format!(
                "the next request would pass the turn's budget ({limit}): say \"go on\" for another turn, \
                 or raise the limit in [budget] of the configuration"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_stops_before_the_request() {
        let mut model = ModelSpec::builtin();
        model.price = Some(interline_model::Price {
            input: 1.0,
            output: 0.0,
            cache_read: 0.0,
            cache_write: 0.0,
        });
        let budget = Budget {
            max_steps: 2,
            max_tokens: 1000,
            max_usd: 0.0005,
            max_seconds: 10,
        };
        let stops = |spent: Spent, bytes| match budget.stops(&spent, bytes, &model) {
            None => String::new(),
            Some(TurnOutcome::Stopped { message, .. }) => message,
            Some(other) => panic!("{other:?}"),
        };
        let spent = Spent {
            steps: 1,
            worked: Duration::from_secs(9),
            ..Spent::default()
        };
        assert_eq!(stops(spent, 400), "");
        assert!(stops(Spent { steps: 2, ..spent }, 400).contains("max_steps = 2"));
        assert!(stops(spent, 4004).contains("max_tokens = 1000"));
        assert!(
            stops(
                Spent {
                    micro_usd: 401,
                    ..spent
                },
                400
            )
            .contains("max_usd = 0.0005")
        );
        assert!(
            stops(
                Spent {
                    worked: Duration::from_secs(10),
                    ..spent
                },
                400
            )
            .contains("max_seconds = 10")
        );
    }
}
