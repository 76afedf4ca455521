//! What known models cost: data, looked up by the provider's id of the model.
//!
//! A price in the configuration goes before these. A model that is not here has no price: nothing is guessed from a
//! name that merely looks alike, for a `-pro` may cost ten times as much.
//!
//! Sources: the price pages of Anthropic (platform.claude.com/docs/en/about-claude/pricing) and OpenAI
//! (developers.openai.com/api/docs/pricing), as of 2026-11-06. Cache writes are those of five minutes. Where a price
//! has bands by length of the prompt, the dearer one that fits into 200,000 tokens stands here.

use crate::Price;

/// USD per million tokens: input, output, read from the cache, written to it. By the start of the model's id.
const PRICES: [(&str, Price); 29] = [
    ("claude-fable-5-1", price(10.0, 50.0, 0.25, 12.5)),
    ("claude-fable-5", price(10.0, 50.0, 1.0, 12.5)),
    ("claude-opus-5-5", price(4.0, 20.0, 0.2, 5.0)),
    ("claude-opus-5", price(5.0, 25.0, 0.5, 6.25)),
    ("claude-opus-4-8", price(5.0, 25.0, 0.5, 6.25)),
    ("claude-opus-4-7", price(5.0, 25.0, 0.5, 6.25)),
    ("claude-opus-4-6", price(5.0, 25.0, 0.5, 6.25)),
    ("claude-opus-4-5", price(5.0, 25.0, 0.5, 6.25)),
    ("claude-opus-4-1", price(15.0, 75.0, 1.5, 18.75)),
    ("claude-opus-4-0", price(15.0, 75.0, 1.5, 18.75)),
    ("claude-opus-4", price(15.0, 75.0, 1.5, 18.75)),
    ("claude-sonnet-5-5", price(2.0, 10.0, 0.1, 2.5)),
    ("claude-sonnet-5", price(2.0, 10.0, 0.2, 2.5)),
    ("claude-sonnet-4-6", price(3.0, 15.0, 0.3, 3.75)),
    ("claude-sonnet-4-5", price(3.0, 15.0, 0.3, 3.75)),
    ("claude-sonnet-4-0", price(3.0, 15.0, 0.3, 3.75)),
    ("claude-sonnet-4", price(3.0, 15.0, 0.3, 3.75)),
    ("claude-haiku-5-5", price(0.5, 2.5, 0.05, 0.625)),
    ("claude-haiku-4-5", price(1.0, 5.0, 0.1, 1.25)),
    ("claude-3-5-haiku", price(0.8, 4.0, 0.08, 1.0)),
    ("gpt-6.1-sol", price(2.0, 10.0, 0.1, 2.5)),
    ("gpt-6-sol", price(2.0, 10.0, 0.2, 2.5)),
    ("gpt-6-luna", price(0.1, 0.5, 0.01, 0.125)),
    ("gpt-5", price(1.25, 10.0, 0.125, 1.25)),
    ("gpt-5-mini", price(0.25, 2.0, 0.025, 0.25)),
    ("gpt-5-nano", price(0.05, 0.4, 0.005, 0.05)),
    ("gpt-4.1", price(2.0, 8.0, 0.5, 2.0)),
    ("gpt-4.1-mini", price(0.4, 1.6, 0.1, 0.4)),
    ("gpt-4.1-nano", price(0.1, 0.4, 0.025, 0.1)),
];

const fn price(input: f64, output: f64, cache_read: f64, cache_write: f64) -> Price {
    Price {
        input,
        output,
        cache_read,
        cache_write,
    }
}

impl Price {
    /// Of what runs on this machine.
    pub const FREE: Self = price(0.0, 0.0, 0.0, 0.0);

    /// What a model without a price is taken to cost, so that limits in USD hold all the same: the dearest of the table.
    pub const ASSUMED: Self = price(15.0, 75.0, 1.5, 18.75);

    /// What a model with this id costs, where that is known. Gateways put their own name and a `/` before an id.
    #[must_use]
    pub fn known(id: &str) -> Option<Self> {
        let id = id.rsplit('/').next().unwrap_or(id);
        let found = PRICES
            .iter()
            .find(|(name, _)| id.strip_prefix(name).is_some_and(is_release));
        found.map(|(_, price)| *price)
    }
}

/// What may follow a model's name without making it another model: a date, or `latest`.
fn is_release(rest: &str) -> bool {
    let Some(release) = rest.strip_prefix(['-', '@']) else {
        return rest.is_empty();
    };
    let is_date = release.len() >= 8 && release.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_date || release == "latest"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_whole_name() {
        let output = |id: &str| Price::known(id).map(|price| price.output);
        assert_eq!(output("claude-sonnet-5-5"), Some(10.0));
        assert_eq!(output("claude-opus-4-20250514"), Some(75.0));
        assert_eq!(output("claude-opus-4-5-20251101"), Some(25.0));
        assert_eq!(output("anthropic/claude-haiku-4-5@20251001"), Some(5.0));
        assert_eq!(output("gpt-5-2025-08-07"), Some(10.0));
        assert_eq!(output("gpt-5-mini-latest"), Some(2.0));
        for unknown in [
            "gpt-5-pro",
            "gpt-5.5",
            "claude-opus-4-9",
            "claude",
            "",
            "m-1",
        ] {
            assert_eq!(output(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn nothing_in_the_table_is_dearer_than_what_is_assumed() {
        for (name, price) in PRICES {
            let pairs = [
                (price.input, Price::ASSUMED.input),
                (price.output, Price::ASSUMED.output),
                (price.cache_read, Price::ASSUMED.cache_read),
                (price.cache_write, Price::ASSUMED.cache_write),
            ];
            assert!(
                pairs.iter().all(|(known, assumed)| known <= assumed),
                "{name}"
            );
        }
    }
}
