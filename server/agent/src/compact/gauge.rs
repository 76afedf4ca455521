//! How many tokens a request has, before anybody has counted them.

use interline_log::Usage;

/// Bytes of a request for one token, where nothing is known: prose has more, code about as many.
const USUAL: f64 = 3.5;
/// The same from below, for a budget that no request may pass.
const LEAST: u64 = 3;
/// What providers have said so far lies between these; beyond is a wrong count, or a count of something else.
const BOUNDS: (f64, f64) = (1.5, 8.0);
/// A shorter request says little of the next one.
const TELLING: u64 = 500;

/// Tokens that stay free for what an estimate misses and for the results of one more step.
const RESERVE: u64 = 20_000;

/// From how many tokens on a request is too near to the window: 80 % of it, or where the answer and the reserve would
/// no longer fit. In small windows, which the reserve alone would fill, answer and reserve count as a part of them.
pub(crate) fn limit(window: u64, max_output: u32) -> u64 {
    let output = u64::from(max_output).min(window / 4);
    let reserve = RESERVE.min(window / 8);
    (window / 5 * 4).min(window - output - reserve)
}

/// Measures requests to one model by what its provider said of earlier ones.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    model: String,
    bytes_per_token: f64,
    /// Bytes of the smallest request that was refused as too long.
    refused: Option<u64>,
}

impl Default for Gauge {
    fn default() -> Self {
        Self {
            model: String::new(),
            bytes_per_token: USUAL,
            refused: None,
        }
    }
}

impl Gauge {
    /// Measures for this model from here on: what another one said counts no more.
    pub(crate) fn of(&mut self, model: &str) -> &mut Self {
        if self.model != model {
            *self = Self {
                model: model.to_owned(),
                ..Self::default()
            };
        }
        self
    }

    /// The provider has counted a request.
    pub(crate) fn counted(&mut self, bytes: u64, usage: &Usage) {
        let tokens = usage.input + usage.cache_read + usage.cache_write;
        if tokens >= TELLING {
            let (least, most) = BOUNDS;
            self.bytes_per_token = (bytes as f64 / tokens as f64).clamp(least, most);
        }
    }

    /// The provider has refused a request as too long.
    pub(crate) fn refused(&mut self, bytes: u64) {
        self.refused = Some(self.refused.map_or(bytes, |known| known.min(bytes)));
    }

    /// Tokens of so many bytes.
    pub(crate) fn tokens(&self, bytes: u64) -> u64 {
        (bytes as f64 / self.bytes_per_token).ceil() as u64
    }

    /// The most tokens of so many bytes: for budgets, which must never be passed.
    pub(crate) fn most_tokens(&self, bytes: u64) -> u64 {
        self.tokens(bytes).max(bytes.div_ceil(LEAST))
    }

    /// Bytes of so many tokens; clearly fewer than what was refused.
    pub(crate) fn bytes(&self, tokens: u64) -> u64 {
        let bytes = (tokens as f64 * self.bytes_per_token) as u64;
        self.refused
            .map_or(bytes, |refused| bytes.min(refused / 4 * 3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_leaves_room_for_the_answer_and_one_more_step() {
        for (window, max_output, want) in [
            (1_000_000, 16_000, 800_000),
            (200_000, 16_000, 160_000),
            (200_000, 32_000, 148_000),
            (128_000, 16_000, 96_000),
            (16_000, 2_000, 12_000),
            (8_000, 8_000, 5_000),
            (0, 1, 0),
        ] {
            assert_eq!(limit(window, max_output), want, "{window} {max_output}");
        }
        assert!(limit(u64::MAX, u32::MAX) > u64::MAX / 2);
    }

    #[test]
    fn what_the_provider_counts_is_what_is_measured_by() {
        let counted = |gauge: &mut Gauge, bytes, tokens| {
            let usage = Usage {
                cache_read: tokens,
                ..Usage::default()
            };
            gauge.counted(bytes, &usage);
        };
        let mut gauge = Gauge::default();
        assert_eq!(gauge.tokens(7_000), 2_000);
        counted(&mut gauge, 10_000, 5_000);
        assert_eq!((gauge.tokens(7_000), gauge.bytes(100)), (3_500, 200));
        assert_eq!(gauge.most_tokens(7_000), 3_500);
        assert_eq!(Gauge::default().most_tokens(7_000), 2_334);
        // No count, too small to tell, and absurd ones.
        counted(&mut gauge, 10_000, 0);
        counted(&mut gauge, 900, 450);
        assert_eq!(gauge.tokens(7_000), 3_500);
        counted(&mut gauge, 1_000, 1_000_000);
        assert_eq!(gauge.tokens(1_500), 1_000);
    }

    #[test]
    fn what_was_refused_is_never_tried_again() {
        let mut gauge = Gauge::default();
        gauge.of("small").refused(4_000);
        gauge.refused(8_000);
        assert_eq!(gauge.bytes(1_000_000), 3_000);
        assert_eq!(gauge.of("small").bytes(1_000_000), 3_000);
        assert_eq!(gauge.of("large").bytes(1_000_000), 3_500_000);
    }
}
