//! What a model is: where it answers, what it takes and what it costs.
//!
//! Values come from the configuration; nothing here reads a file or the environment.

use std::fmt;

use interline_log::{EditFormat, Encoding, Usage, Wire};
use serde::{Deserialize, Serialize};

/// A base URL of OpenAI's own.
pub(crate) const OPENAI: &str = "https://api.openai.com/v1";

/// One model, ready to be asked.
#[derive(Clone, Debug)]
pub struct ModelSpec {
    /// Name in `[models]`, or `builtin`.
    pub name: String,
    /// The wire format that it speaks.
    pub provider: Provider,
    /// The provider's own id of the model.
    pub id: String,
    /// Up to and without the format's own path: `https://api.anthropic.com`, `https://api.openai.com/v1`,
    /// `http://127.0.0.1:11434/v1`. Unused by `builtin`.
    pub base_url: String,
    /// Sent in the provider's header; local servers need none.
    pub api_key: Option<Secret>,
    /// Tokens that fit into one request and its response.
    pub context_window: u64,
    /// Most tokens of one response, unless the request says otherwise.
    pub max_output: u32,
    /// How hard it is to think (`low`, `medium`, `high`, …); `None` leaves it to the provider.
    pub effort: Option<String>,
    /// What it costs; `None` where that is unknown.
    pub price: Option<Price>,
    /// How it writes changes of files.
    pub edit_format: EditFormat,
}

/// What ids of models begin with that were trained on patches, as OpenAI's Responses serve them.
const PATCHERS: [&str; 2] = ["gpt-5", "codex"];

/// How a model writes changes of files, where nobody says.
#[must_use]
pub fn edit_format(provider: Provider, id: &str) -> EditFormat {
    if provider == Provider::OpenaiResponses && PATCHERS.iter().any(|known| id.starts_with(known)) {
        EditFormat::ApplyPatch
    } else {
        EditFormat::Edit
    }
}

impl ModelSpec {
    /// What the bytes of its requests depend on, for the record.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        Encoding {
            max_output: self.max_output,
            effort: self.effort.clone(),
            openai: self.is_openai(),
        }
    }

    /// A model as it is on record: [`crate::encode`] gives the bytes of then. It can't be asked.
    #[must_use]
    pub fn recorded(wire: Wire, id: &str, encoding: &Encoding) -> Self {
        let base_url = if encoding.openai { OPENAI } else { "" };
        Self {
            name: id.to_owned(),
            provider: Provider::of(wire),
            id: id.to_owned(),
            base_url: base_url.to_owned(),
            api_key: None,
            context_window: u64::MAX,
            max_output: encoding.max_output,
            effort: encoding.effort.clone(),
            price: None,
            edit_format: EditFormat::default(),
        }
    }

    /// Whether OpenAI itself answers, or Azure for it, and not one of the many servers that speak its formats.
    pub(crate) fn is_openai(&self) -> bool {
        let host = self
            .base_url
            .strip_prefix("https://")
            .and_then(|rest| rest.split(['/', ':']).next())
            .unwrap_or_default();
        host == "api.openai.com" || host.ends_with(".openai.azure.com")
    }
}

/// A provider's wire format, as `provider` in the configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Chat Completions: also Ollama, llama.cpp and most gateways.
    OpenaiChat,
    /// OpenAI Responses.
    OpenaiResponses,
    /// The embedded rule engine: no network.
    Builtin,
}

impl Provider {
    fn of(wire: Wire) -> Self {
        match wire {
            Wire::Anthropic => Self::Anthropic,
            Wire::OpenaiChat => Self::OpenaiChat,
            Wire::OpenaiResponses => Self::OpenaiResponses,
            Wire::Builtin => Self::Builtin,
        }
    }

    /// The format in which its messages are kept.
    #[must_use]
    pub fn wire(self) -> Wire {
        match self {
            Self::Anthropic => Wire::Anthropic,
            Self::OpenaiChat => Wire::OpenaiChat,
            Self::OpenaiResponses => Wire::OpenaiResponses,
            Self::Builtin => Wire::Builtin,
        }
    }
}

/// What tokens cost, in USD per million.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Uncached input.
    pub input: f64,
    /// Output, thinking included.
    pub output: f64,
    /// Input read from the prompt cache.
    pub cache_read: f64,
    /// Input written to the prompt cache.
    pub cache_write: f64,
}

/// What a response cost, in millionths of a USD, rounded up.
#[must_use]
pub fn cost_micro_usd(usage: &Usage, price: &Price) -> u64 {
    // USD per million tokens are micro-USD per token.
    let cost = [
        (usage.input, price.input),
        (usage.output, price.output),
        (usage.cache_read, price.cache_read),
        (usage.cache_write, price.cache_write),
    ]
    .into_iter()
    .map(|(tokens, price)| tokens as f64 * price)
    .sum::<f64>();
    // A cast saturates: a negative or absurd price can't wrap around.
    cost.ceil() as u64
}

/// A key. It shows itself to nobody but the request's header.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a key, without the white space that copying left around it.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self(key.trim().to_owned())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_nobody() {
        let secret = Secret::new(" sk-ant-123\n");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "[secret] [secret] Some([secret])"
        );
        assert_eq!(secret.expose(), "sk-ant-123");
    }

    #[test]
    fn cost_is_in_millionths_and_rounds_up() {
        let price = Price {
            input: 3.0,
            output: 15.0,
            cache_read: 0.3,
            cache_write: 3.75,
        };
        let usage = Usage {
            input: 1_000_000,
            output: 1,
            cache_read: 1,
            cache_write: 0,
        };
        assert_eq!(cost_micro_usd(&usage, &price), 3_000_016);
        let negative = Price {
            input: -1.0,
            ..price
        };
        assert_eq!(
            cost_micro_usd(
                &Usage {
                    input: 5,
                    ..Usage::default()
                },
                &negative
            ),
            0
        );
    }

    #[test]
    fn a_model_on_record_encodes_as_the_one_that_was_asked() {
        let request = crate::Request {
            tools: Vec::new().into(),
            system: "be kind".to_owned(),
            messages: Vec::new(),
            max_output: None,
            session: interline_log::SessionId::new(),
        };
        for provider in [
            Provider::Anthropic,
            Provider::OpenaiChat,
            Provider::OpenaiResponses,
            Provider::Builtin,
        ] {
            for base_url in [
                "https://api.openai.com/v1",
                "https://x.openai.azure.com",
                "http://127.0.0.1:1/v1",
            ] {
                let spec = ModelSpec {
                    provider,
                    base_url: base_url.to_owned(),
                    id: "gpt-5".to_owned(),
                    max_output: 77,
                    effort: Some("high".to_owned()),
                    ..ModelSpec::builtin()
                };
                let recorded = ModelSpec::recorded(provider.wire(), &spec.id, &spec.encoding());
                assert_eq!(
                    crate::encode(&recorded, &request).unwrap(),
                    crate::encode(&spec, &request).unwrap(),
                );
            }
        }
    }

    #[test]
    fn models_that_know_patches_are_shown_them() {
        for (provider, id, format) in [
            (
                Provider::OpenaiResponses,
                "gpt-5-codex",
                EditFormat::ApplyPatch,
            ),
            (
                Provider::OpenaiResponses,
                "codex-mini-latest",
                EditFormat::ApplyPatch,
            ),
            (Provider::OpenaiResponses, "gpt-4.1", EditFormat::Edit),
            (Provider::OpenaiChat, "gpt-5", EditFormat::Edit),
            (Provider::Anthropic, "claude", EditFormat::Edit),
        ] {
            assert_eq!(edit_format(provider, id), format, "{id}");
        }
    }

    #[test]
    fn an_unknown_provider_is_an_error() {
        assert_eq!(
            serde_json::from_str::<Provider>("\"openai-chat\"").unwrap(),
            Provider::OpenaiChat
        );
        assert!(serde_json::from_str::<Provider>("\"gemini\"").is_err());
    }
}
