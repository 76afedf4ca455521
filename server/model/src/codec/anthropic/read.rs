//! The response. Blocks are kept as they started, with what their deltas added, so that unknown kinds and
//! fields survive.

use std::collections::BTreeMap;

use interline_log::{AssistantBlock, AssistantContent, StopReason, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::codec::{Decoder, Events, Text, frame, object};
use crate::provider_error::{ProviderError, RetryHints};
use crate::{ModelError, ModelEvent, ModelSpec, sse};

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(default)]
    index: u64,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    message: Option<Start>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    citation: Option<Value>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Start {
    usage: Option<WireUsage>,
}

/// Running totals: what a later frame repeats replaces what an earlier one said.
#[derive(Deserialize)]
struct WireUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

/// A block that is still being written.
struct Open {
    raw: Map<String, Value>,
    kind: String,
    text: String,
    signature: String,
    json: String,
    citations: Vec<Value>,
}

pub(crate) struct Reader {
    spec: ModelSpec,
    open: BTreeMap<u64, Open>,
    usage: Usage,
    reason: Option<StopReason>,
    calls: bool,
}

impl Reader {
    pub(crate) fn new(spec: ModelSpec) -> Self {
        Self {
            spec,
            open: BTreeMap::new(),
            usage: Usage::default(),
            reason: None,
            calls: false,
        }
    }

    fn start(&mut self, index: u64, block: &RawValue, out: &mut Events) {
        let Ok(Value::Object(raw)) = serde_json::from_str(block.get()) else {
            return;
        };
        let text = |key: &str| {
            raw.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let kind = text("type");
        if kind == "tool_use" {
            self.calls = true;
            out.push(ModelEvent::ToolStarted { name: text("name") });
        }
        let begun = if kind == "thinking" {
            text("thinking")
        } else {
            text("text")
        };
        let open = Open {
            text: begun,
            signature: text("signature"),
            json: String::new(),
            citations: Vec::new(),
            kind,
            raw,
        };
        match open.kind.as_str() {
            "thinking" => out.thinking(&open.text),
            _ => out.text(&open.text),
        }
        self.open.insert(index, open);
    }

    fn delta(&mut self, index: u64, delta: Delta<'_>, out: &mut Events) {
        let Some(open) = self.open.get_mut(&index) else {
            return;
        };
        if let Some(Text(more)) = delta.text {
            open.text.push_str(&more);
            out.text(&more);
        } else if let Some(Text(more)) = delta.thinking {
            open.text.push_str(&more);
            out.thinking(&more);
        } else if let Some(Text(more)) = delta.partial_json {
            open.json.push_str(&more);
        } else if let Some(Text(more)) = delta.signature {
            open.signature.push_str(&more);
        } else if let Some(citation) = delta.citation {
            open.citations.push(citation);
        }
    }

    fn stopped(&mut self, out: &mut Events) {
        for (_, open) in std::mem::take(&mut self.open) {
            out.push(ModelEvent::Block(open.close()));
        }
        let fallback = if self.calls {
            StopReason::ToolUse
        } else {
            StopReason::EndTurn
        };
        out.push(ModelEvent::Stopped {
            reason: self.reason.take().unwrap_or(fallback),
            usage: self.usage,
        });
    }

    fn count(&mut self, usage: &WireUsage) {
        let set = |total: &mut u64, count: Option<u64>| *total = count.unwrap_or(*total);
        set(&mut self.usage.input, usage.input_tokens);
        set(&mut self.usage.output, usage.output_tokens);
        set(&mut self.usage.cache_read, usage.cache_read_input_tokens);
        set(
            &mut self.usage.cache_write,
            usage.cache_creation_input_tokens,
        );
    }
}

impl Decoder for Reader {
    fn event(&mut self, event: sse::Event<'_>, out: &mut Events) -> Result<bool, ModelError> {
        let Some(frame) = frame::<Frame<'_>>(event.data) else {
            return Ok(false);
        };
        if let Some(usage) = frame.message.and_then(|start| start.usage).or(frame.usage) {
            self.count(&usage);
        }
        match (&*frame.kind.0, frame.delta, frame.content_block) {
            ("content_block_delta", Some(delta), _) => self.delta(frame.index, delta, out),
            ("content_block_start", _, Some(block)) => self.start(frame.index, block, out),
            ("content_block_stop", ..) => {
                if let Some(open) = self.open.remove(&frame.index) {
                    out.push(ModelEvent::Block(open.close()));
                }
            }
            ("message_delta", Some(delta), _) => {
                self.reason = delta
                    .stop_reason
                    .map(|Text(reason)| stop_reason(&reason))
                    .or(self.reason.take());
            }
            ("message_stop", ..) => self.stopped(out),
            ("message_start", ..) => {}
            ("error", ..) => {
                return Err(ProviderError::parse(event.data).into_error(
                    &self.spec,
                    None,
                    RetryHints::default(),
                ));
            }
            // `ping`, and what later versions add.
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn end(&mut self, _: &mut Events) -> Result<(), ModelError> {
        Err(ModelError::cut_off("the stream ended before message_stop"))
    }
}

impl Open {
    fn close(mut self) -> AssistantBlock {
        let content = match self.kind.as_str() {
            "text" => {
                self.put("text", self.text.clone());
                AssistantContent::Text {
                    text: std::mem::take(&mut self.text),
                }
            }
            "thinking" => {
                self.put("thinking", self.text.clone());
                self.put("signature", self.signature.clone());
                AssistantContent::Thinking {
                    text: std::mem::take(&mut self.text),
                }
            }
            "redacted_thinking" => AssistantContent::Thinking {
                text: String::new(),
            },
            "tool_use" => self.tool_use(),
            _ => {
                self.put_input();
                AssistantContent::Other
            }
        };
        if !self.citations.is_empty() {
            let citations = std::mem::take(&mut self.citations);
            match self.raw.get_mut("citations") {
                Some(Value::Array(begun)) => begun.extend(citations),
                _ => drop(
                    self.raw
                        .insert("citations".to_owned(), Value::Array(citations)),
                ),
            }
        }
        AssistantBlock {
            content,
            raw: Some(Value::Object(self.raw)),
        }
    }

    fn tool_use(&mut self) -> AssistantContent {
        // Some gateways send the whole input at the start.
        let whole = self
            .raw
            .get("input")
            .filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
        let arguments = match whole {
            Some(input) if self.json.is_empty() => input.to_string(),
            _ => std::mem::take(&mut self.json),
        };
        self.json.clone_from(&arguments);
        self.put_input();
        let text = |key: &str| {
            self.raw
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        AssistantContent::ToolUse {
            id: text("id"),
            name: text("name"),
            arguments,
        }
    }

    fn put(&mut self, key: &str, text: String) {
        // In place where the key is there: the order of keys stays as it came.
        if !text.is_empty() || self.raw.contains_key(key) {
            self.raw.insert(key.to_owned(), Value::String(text));
        }
    }

    fn put_input(&mut self) {
        if !self.json.is_empty() {
            let input = serde_json::from_str(&object(&self.json))
                .unwrap_or_else(|_| Value::Object(Map::new()));
            self.raw.insert("input".to_owned(), input);
        }
    }
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "end_turn" | "stop_sequence" => StopReason::EndTurn,
        "tool_use" => StopReason::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => StopReason::MaxTokens,
        "pause_turn" => StopReason::PauseTurn,
        "refusal" => StopReason::Refusal,
        other => StopReason::Other(other.to_owned()),
    }
}
