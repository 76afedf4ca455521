//! `model = "auto"`: the first model that is there.

use crate::{ModelSpec, Secret};

/// The environment's variables that `auto` looks at, read by the binary.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `ANTHROPIC_API_KEY`.
    pub anthropic_api_key: Option<Secret>,
    /// `ANTHROPIC_BASE_URL`.
    pub anthropic_base_url: Option<String>,
    /// `OPENAI_API_KEY`.
    pub openai_api_key: Option<Secret>,
    /// `OPENAI_BASE_URL`.
    pub openai_base_url: Option<String>,
}

/// The first of: the configured model, Anthropic by its key, OpenAI by its key, a local Ollama or llama.cpp
/// server that answers on loopback within 150 ms, the built-in rule engine.
pub async fn find_auto(configured: Option<ModelSpec>, environment: &Environment) -> ModelSpec {
    let _ = (configured, environment);
    todo!()
}

impl ModelSpec {
    /// The embedded rule engine: no network, no weights, no cost.
    #[must_use]
    pub fn builtin() -> Self {
        todo!()
    }
}
