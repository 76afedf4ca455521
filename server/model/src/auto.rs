//! `model = "auto"`: the first model that is there.

use std::time::Duration;

use interline_log::EditFormat;
use serde::Deserialize;

use crate::spec::OPENAI;
use crate::{ModelSpec, Price, Provider, Secret, edit_format};

/// How long a server on loopback may take to say that it is there.
const PROBE: Duration = Duration::from_millis(150);
const ANTHROPIC_MODEL: &str = "claude-sonnet-5-5";
const OPENAI_MODEL: &str = "gpt-6.1-sol";
/// The window that is used without a configuration: smaller than what these models take, because a longer
/// conversation costs more than it helps.
const WINDOW: u64 = 200_000;

/// The environment's variables that `auto` looks at, read by the binary.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `ANTHROPIC_API_KEY`.
    pub anthropic_api_key: Option<Secret>,
    /// `ANTHROPIC_BASE_URL`.
    pub anthropic_base_url: Option<String>,
    /// `OPENAI_API_KEY`.
    pub openai_api_key: Option<Secret>,
    /// `OPENAI_BASE_URL`. Other servers than OpenAI's own are asked by Chat Completions, which they all speak.
    pub openai_base_url: Option<String>,
}

/// The first of: the configured model, Anthropic by its key, OpenAI by its key, a local Ollama or llama.cpp
/// server that answers on loopback within 150 ms, the built-in rule engine.
pub async fn find_auto(configured: Option<ModelSpec>, environment: &Environment) -> ModelSpec {
    if let Some(spec) = configured
        .or_else(|| anthropic(environment))
        .or_else(|| openai(environment))
    {
        return spec;
    }
    let (ollama, llama_cpp) = tokio::join!(probe(&OLLAMA), probe(&LLAMA_CPP));
    ollama.or(llama_cpp).unwrap_or_else(ModelSpec::builtin)
}

impl ModelSpec {
    /// The embedded rule engine: no network, no weights, no cost.
    #[must_use]
    pub fn builtin() -> Self {
        Self {
            name: "builtin".to_owned(),
            provider: Provider::Builtin,
            id: "builtin".to_owned(),
            base_url: String::new(),
            api_key: None,
            context_window: 1_000_000,
            max_output: 16_000,
            effort: None,
            edit_format: EditFormat::default(),
            price: Some(Price::FREE),
        }
    }
}

fn anthropic(environment: &Environment) -> Option<ModelSpec> {
    Some(ModelSpec {
        name: "anthropic".to_owned(),
        provider: Provider::Anthropic,
        id: ANTHROPIC_MODEL.to_owned(),
        base_url: given(&environment.anthropic_base_url)
            .unwrap_or("https://api.anthropic.com")
            .to_owned(),
        api_key: Some(usable(&environment.anthropic_api_key)?),
        context_window: WINDOW,
        max_output: 32_000,
        effort: None,
        edit_format: EditFormat::default(),
        price: Price::known(ANTHROPIC_MODEL),
    })
}

fn openai(environment: &Environment) -> Option<ModelSpec> {
    let base_url = given(&environment.openai_base_url).unwrap_or(OPENAI);
    let own = base_url.contains("://api.openai.com");
    let provider = if own {
        Provider::OpenaiResponses
    } else {
        Provider::OpenaiChat
    };
    Some(ModelSpec {
        name: "openai".to_owned(),
        provider,
        id: OPENAI_MODEL.to_owned(),
        base_url: base_url.to_owned(),
        api_key: Some(usable(&environment.openai_api_key)?),
        context_window: WINDOW,
        max_output: 32_000,
        effort: None,
        edit_format: edit_format(provider, OPENAI_MODEL),
        price: Price::known(OPENAI_MODEL),
    })
}

fn given(variable: &Option<String>) -> Option<&str> {
    variable
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

fn usable(key: &Option<Secret>) -> Option<Secret> {
    key.clone().filter(|key| !key.expose().is_empty())
}

/// A server that may run on this machine.
struct Local {
    name: &'static str,
    base_url: &'static str,
    /// What its models say about their owner, where anything else may listen on the same port.
    owner: Option<&'static str>,
    /// Tokens, where the server doesn't tell.
    window: u64,
}

const OLLAMA: Local = Local {
    name: "ollama",
    base_url: "http://127.0.0.1:11434/v1",
    owner: None,
    window: 32_768,
};
const LLAMA_CPP: Local = Local {
    name: "llama.cpp",
    base_url: "http://127.0.0.1:8080/v1",
    owner: Some("llamacpp"),
    window: 8_192,
};

#[derive(Deserialize)]
struct Models {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    #[serde(default)]
    owned_by: String,
}

async fn probe(local: &Local) -> Option<ModelSpec> {
    let url = format!("{}/models", local.base_url);
    let models = tokio::time::timeout(PROBE, crate::http::get_small(&url))
        .await
        .ok()??;
    choose(local, &models)
}

/// The first model that writes text, in the server's own order: the last used or loaded one.
fn choose(local: &Local, models: &[u8]) -> Option<ModelSpec> {
    let Models { data } = serde_json::from_slice(models).ok()?;
    let writes = |model: &Model| {
        local.owner.is_none_or(|owner| model.owned_by == owner) && !model.id.contains("embed")
    };
    let model = data.into_iter().find(writes)?;
    Some(ModelSpec {
        name: local.name.to_owned(),
        provider: Provider::OpenaiChat,
        id: model.id,
        base_url: local.base_url.to_owned(),
        api_key: None,
        context_window: local.window,
        max_output: 4_096,
        effort: None,
        edit_format: EditFormat::default(),
        price: Some(Price::FREE),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(environment: &Environment) -> (String, Provider, String) {
        let spec = anthropic(environment)
            .or_else(|| openai(environment))
            .unwrap();
        (spec.name, spec.provider, spec.base_url)
    }

    #[tokio::test]
    async fn a_configured_model_comes_first() {
        let environment = Environment {
            anthropic_api_key: Some(Secret::new("k")),
            ..Environment::default()
        };
        let configured = ModelSpec {
            name: "mine".to_owned(),
            ..ModelSpec::builtin()
        };
        assert_eq!(find_auto(Some(configured), &environment).await.name, "mine");
        assert_eq!(find_auto(None, &environment).await.name, "anthropic");
    }

    #[test]
    fn keys_choose_the_provider_and_base_urls_its_server() {
        let key = || Some(Secret::new("k"));
        let openai = Environment {
            openai_api_key: key(),
            anthropic_api_key: Some(Secret::new(" ")),
            ..Environment::default()
        };
        assert_eq!(
            found(&openai),
            (
                "openai".to_owned(),
                Provider::OpenaiResponses,
                OPENAI.to_owned()
            )
        );
        let gateway = Environment {
            openai_base_url: Some("http://127.0.0.1:1/v1".to_owned()),
            ..openai.clone()
        };
        assert_eq!(
            found(&gateway),
            (
                "openai".to_owned(),
                Provider::OpenaiChat,
                "http://127.0.0.1:1/v1".to_owned()
            )
        );
        let both = Environment {
            anthropic_api_key: key(),
            ..openai
        };
        assert_eq!(
            found(&both),
            (
                "anthropic".to_owned(),
                Provider::Anthropic,
                "https://api.anthropic.com".to_owned()
            )
        );
    }

    #[test]
    fn only_the_expected_server_is_taken_for_a_model() {
        let llama = br#"{"object":"list","data":[{"id":"qwen.gguf","object":"model","owned_by":"llamacpp"}]}"#;
        assert_eq!(choose(&LLAMA_CPP, llama).unwrap().id, "qwen.gguf");
        let ollama = br#"{"data":[{"id":"nomic-embed-text:latest","owned_by":"library"},{"id":"qwen3:8b","owned_by":"library"}]}"#;
        assert_eq!(choose(&OLLAMA, ollama).unwrap().id, "qwen3:8b");
        assert!(choose(&LLAMA_CPP, ollama).is_none());
        assert!(choose(&OLLAMA, b"<html>my web app</html>").is_none());
        assert!(choose(&OLLAMA, br#"{"data":[]}"#).is_none());
    }
}
