//! The response. Its items are kept as they came; deltas are only for show.

use interline_log::{AssistantBlock, AssistantContent, StopReason, Usage};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codec::{Decoder, Events, Text, frame};
use crate::provider_error::{ProviderError, RetryHints};
use crate::{ModelError, ModelEvent, ModelSpec, sse};

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
}

/// The response as the last event repeats it.
#[derive(Default, Deserialize)]
struct Whole {
    usage: Option<WireUsage>,
    incomplete_details: Option<Incomplete>,
    #[serde(default)]
    output: Vec<Value>,
}

#[derive(Deserialize)]
struct Incomplete {
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    input_tokens_details: Option<InputDetails>,
}

#[derive(Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: u64,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let cached = wire
            .input_tokens_details
            .map_or(0, |details| details.cached_tokens)
            .min(wire.input_tokens);
        Self {
            input: wire.input_tokens - cached,
            output: wire.output_tokens,
            cache_read: cached,
            cache_write: 0,
        }
    }
}

pub(crate) struct Reader {
    spec: ModelSpec,
    items: usize,
    calls: bool,
    refused: bool,
}

impl Reader {
    pub(crate) fn new(spec: ModelSpec) -> Self {
        Self {
            spec,
            items: 0,
            calls: false,
            refused: false,
        }
    }

    fn item(&mut self, raw: Value, out: &mut Events) {
        self.items += 1;
        let text = |key: &str| {
            raw.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let content = match text("type").as_str() {
            "message" => {
                self.refused |= parts(&raw, "content").any(|part| part.get("refusal").is_some());
                AssistantContent::Text {
                    text: joined(&raw, "content", ""),
                }
            }
            "reasoning" => {
                let summary = joined(&raw, "summary", "\n\n");
                AssistantContent::Thinking {
                    text: if summary.is_empty() {
                        joined(&raw, "content", "")
                    } else {
                        summary
                    },
                }
            }
            "function_call" => {
                self.calls = true;
                AssistantContent::ToolUse {
                    id: text("call_id"),
                    name: text("name"),
                    arguments: text("arguments"),
                }
            }
            _ => AssistantContent::Other,
        };
        out.push(ModelEvent::Block(AssistantBlock {
            content,
            raw: Some(raw),
        }));
    }

    fn stopped(&mut self, response: Option<&RawValue>, complete: bool, out: &mut Events) {
        let whole = response
            .and_then(|raw| serde_json::from_str::<Whole>(raw.get()).ok())
            .unwrap_or_default();
        if self.items == 0 {
            // Some servers send the items only here.
            for item in whole.output {
                self.item(item, out);
            }
        }
        let reason = match whole
            .incomplete_details
            .map(|details| details.reason)
            .as_deref()
        {
            _ if self.refused => StopReason::Refusal,
            Some("content_filter") => StopReason::Refusal,
            Some("max_output_tokens") => StopReason::MaxTokens,
            Some(other) if !complete => StopReason::Other(other.to_owned()),
            None if !complete => StopReason::MaxTokens,
            _ if self.calls => StopReason::ToolUse,
            _ => StopReason::EndTurn,
        };
        out.push(ModelEvent::Stopped {
            reason,
            usage: whole.usage.map(Usage::from).unwrap_or_default(),
        });
    }

    fn failed(&self, body: &[u8]) -> ModelError {
        ProviderError::parse(body).into_error(&self.spec, None, RetryHints::default())
    }
}

impl Decoder for Reader {
    fn event(&mut self, event: sse::Event<'_>, out: &mut Events) -> Result<bool, ModelError> {
        let Some(frame) = frame::<Frame<'_>>(event.data) else {
            return Ok(false);
        };
        match &*frame.kind.0 {
            "response.output_text.delta" | "response.refusal.delta" => out.text(&text(frame.delta)),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                out.thinking(&text(frame.delta));
            }
            "response.output_item.added" => {
                if let Some(name) = frame.item.and_then(called) {
                    out.push(ModelEvent::ToolStarted { name });
                }
            }
            "response.output_item.done" => {
                if let Some(item) = frame
                    .item
                    .and_then(|raw| serde_json::from_str(raw.get()).ok())
                {
                    self.item(item, out);
                }
            }
            "response.completed" => self.stopped(frame.response, true, out),
            "response.incomplete" => self.stopped(frame.response, false, out),
            "response.failed" => {
                let response = frame
                    .response
                    .map_or(event.data, |raw| raw.get().as_bytes());
                return Err(self.failed(response));
            }
            "error" => return Err(self.failed(event.data)),
            // Parts of items that are done later count as progress, signs of life don't.
            kind => return Ok(kind.starts_with("response.") && !kind.ends_with("in_progress")),
        }
        Ok(true)
    }

    fn end(&mut self, _: &mut Events) -> Result<(), ModelError> {
        Err(ModelError::cut_off(
            "the stream ended before response.completed",
        ))
    }
}

fn text(delta: Option<&RawValue>) -> std::borrow::Cow<'_, str> {
    delta
        .and_then(|raw| serde_json::from_str::<Text<'_>>(raw.get()).ok())
        .unwrap_or_default()
        .0
}

fn called(item: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Started {
        r#type: String,
        name: String,
    }
    let started: Started = serde_json::from_str(item.get()).ok()?;
    (started.r#type == "function_call").then_some(started.name)
}

fn parts<'a>(item: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    item.get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn joined(item: &Value, key: &str, separator: &str) -> String {
    let text = |part: &'_ Value| {
        part.get("text")
            .or_else(|| part.get("refusal"))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    parts(item, key)
        .filter_map(text)
        .collect::<Vec<_>>()
        .join(separator)
}
