//! One configuration file: closed schema, errors with file and line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use interline_log::{EditFormat, Mode};
use interline_model::{Price, Provider};
use interline_policy::{Rule, visible};
use serde::Deserialize;

/// A file as it stands. What it lacks, a weaker source says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) model: Option<String>,
    pub(crate) mode: Option<Mode>,
    #[serde(default)]
    pub(crate) models: BTreeMap<String, Model>,
    #[serde(default)]
    pub(crate) budget: super::budget::Table,
    /// The user's and the administrator's.
    #[serde(default)]
    pub(crate) telemetry: Telemetry,
    /// The administrator's alone.
    pub(crate) audit: Option<Audit>,
    #[serde(default, rename = "rule")]
    pub(crate) rules: Vec<Rule>,
    #[serde(default, rename = "hook")]
    pub(crate) hooks: Vec<Hook>,
}

/// A `[[hook]]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hook {
    #[expect(dead_code, reason = "there is one: it is said so that others can come")]
    pub(crate) event: Event,
    pub(crate) tool: Option<String>,
    pub(crate) command: Vec<String>,
    #[serde(default = "default_timeout")]
    pub(crate) timeout_seconds: u32,
}

/// When a hook is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    BeforeTool,
}

fn default_timeout() -> u32 {
    5
}

/// `[telemetry]`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// False: none, whatever else is said. True: to the endpoint, else to `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) enabled: Option<bool>,
    /// Base address of an OTLP/HTTP collector.
    pub(crate) endpoint: Option<String>,
}

/// `[audit]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Audit {
    /// Absolute path of the key that signs checkpoints.
    pub(crate) key: PathBuf,
}

/// A `[models.NAME]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    pub(crate) provider: Provider,
    pub(crate) id: String,
    pub(crate) base_url: Option<String>,
    /// Name of the variable that has the key. Keys themselves never stand in a file.
    pub(crate) api_key_env: Option<String>,
    #[serde(default = "default_context_window")]
    pub(crate) context_window: u64,
    #[serde(default = "default_max_output")]
    pub(crate) max_output: u32,
    pub(crate) effort: Option<String>,
    pub(crate) price: Option<Price>,
    /// `edit` or `apply_patch`; else by provider and id.
    pub(crate) edit_format: Option<EditFormat>,
}

fn default_context_window() -> u64 {
    128_000
}

fn default_max_output() -> u32 {
    16_000
}

impl File {
    /// `None`: there is no such file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("{} can't be read", path.display()));
            }
        };
        Self::parse(&text, &path.display().to_string()).map(Some)
    }

    pub(crate) fn parse(text: &str, name: &str) -> anyhow::Result<Self> {
        toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| {
                text[..text.floor_char_boundary(span.start)]
                    .matches('\n')
                    .count()
                    + 1
            });
            // It may quote a string of several lines, or a control character.
            anyhow::anyhow!("{name}:{line}: {}", visible(error.message()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = File::parse("model = \"auto\"\nmodle = \"x\"\n", "config.toml")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("config.toml:2: unknown field `modle`"),
            "{error}"
        );
        let error = File::parse(
            "[models.x]\nprovider = \"gemini\"\nid = \"y\"\n",
            "config.toml",
        )
        .unwrap_err()
        .to_string();
        assert!(error.starts_with("config.toml:2: "), "{error}");
    }

    #[test]
    fn an_error_that_quotes_several_lines_is_one_line() {
        let text = "[models.x]\nprovider = \"\"\"a\u{202e}\nb\\u001b\"\"\"\nid = \"y\"\n";
        let error = File::parse(text, "config.toml").unwrap_err().to_string();
        assert!(error.starts_with("config.toml:2: "), "{error}");
        assert!(error.contains("a\\u{202e}\\nb\\u{1b}"), "{error}");
    }
}
