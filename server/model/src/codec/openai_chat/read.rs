//! The response. Servers differ in everything but the shape: ids and indices may be missing, a call may come in
//! one piece, the reason may be anything, `[DONE]` may not come.

use bytes::Bytes;
use interline_log::{AssistantBlock, AssistantContent, StopReason, Usage};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::codec::{Decoder, Events, Text, frame, object};
use crate::provider_error::{ProviderError, RetryHints};
use crate::{ModelError, ModelEvent, ModelSpec, sse};

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
    usage: Option<WireUsage>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, alias = "message")]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    reasoning_details: Option<Vec<Value>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    tool_calls: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
    /// DeepSeek's name for cached tokens.
    prompt_cache_hit_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let details = wire
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens);
        let cached = details
            .or(wire.prompt_cache_hit_tokens)
            .unwrap_or(0)
            .min(wire.prompt_tokens);
        Self {
            input: wire.prompt_tokens - cached,
            output: wire.completion_tokens,
            cache_read: cached,
            cache_write: 0,
        }
    }
}

/// A call that is still being written.
struct Call {
    index: Option<u64>,
    /// As it came first, without `index`.
    raw: Map<String, Value>,
    id: String,
    name: String,
    arguments: String,
}

pub(crate) struct Reader {
    spec: ModelSpec,
    /// Makes ids for calls that come without: unique in the conversation, the same in a replay.
    seed: [u8; 6],
    text: String,
    /// Thinking by the field that it came in.
    thinking: String,
    thinking_field: &'static str,
    details: Vec<Value>,
    calls: Vec<Call>,
    reason: Option<StopReason>,
    usage: Usage,
    finished: bool,
}

impl Reader {
    pub(crate) fn new(spec: ModelSpec, body: &Bytes) -> Self {
        let hash: [u8; 32] = Sha256::digest(body).into();
        let [a, b, c, d, e, f, ..] = hash;
        Self {
            spec,
            seed: [a, b, c, d, e, f],
            text: String::new(),
            thinking: String::new(),
            thinking_field: "reasoning_content",
            details: Vec::new(),
            calls: Vec::new(),
            reason: None,
            usage: Usage::default(),
            finished: false,
        }
    }

    fn delta(&mut self, delta: Delta<'_>, out: &mut Events) {
        if let Some(Text(more)) = delta.reasoning_content {
            self.thinking.push_str(&more);
            out.thinking(&more);
        } else if let Some(Text(more)) = delta.reasoning {
            self.thinking_field = "reasoning";
            self.thinking.push_str(&more);
            out.thinking(&more);
        }
        self.details
            .extend(delta.reasoning_details.into_iter().flatten());
        if let Some(Text(more)) = delta.content {
            self.text.push_str(&more);
            out.text(&more);
        }
        if let Some(Text(more)) = delta.refusal.filter(|text| !text.0.is_empty()) {
            self.reason = Some(StopReason::Refusal);
            self.text.push_str(&more);
            out.text(&more);
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.call(call, out);
        }
    }

    fn call(&mut self, piece: Value, out: &mut Events) {
        let Value::Object(mut piece) = piece else {
            return;
        };
        let index = piece.shift_remove("index").and_then(|index| index.as_u64());
        let id = piece
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let function = piece.get("function");
        let name = function
            .and_then(|f| f.get("name"))
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let arguments = match function.and_then(|f| f.get("arguments")) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(whole) => whole.to_string(),
        };
        let position = self.position(index, &id, &name);
        if position == self.calls.len() {
            let call = Call {
                index,
                raw: piece,
                id,
                name: String::new(),
                arguments: String::new(),
            };
            self.calls.push(call);
        } else if let Some(call) = self.calls.get_mut(position) {
            merge(&mut call.raw, piece);
        }
        let Some(call) = self.calls.get_mut(position) else {
            return;
        };
        if call.name.is_empty() && !name.is_empty() {
            out.push(ModelEvent::ToolStarted { name: name.clone() });
            call.name = name;
        }
        call.arguments.push_str(&arguments);
    }

    /// Which call a piece belongs to; one past the end for a new one.
    fn position(&self, index: Option<u64>, id: &str, name: &str) -> usize {
        let new = self.calls.len();
        let other_id = |call: &Call| !id.is_empty() && !call.id.is_empty() && call.id != id;
        let found = match index {
            // Some gateways give each parallel call the index 0: then the id tells.
            Some(_) => self
                .calls
                .iter()
                .rposition(|call| call.index == index && !other_id(call)),
            None if !id.is_empty() => self.calls.iter().rposition(|call| call.id == id),
            None if !name.is_empty() => None,
            None => new.checked_sub(1),
        };
        found.unwrap_or(new)
    }

    fn finish(&mut self, out: &mut Events) {
        self.finished = true;
        if let Some(block) = self.thinking_block() {
            out.push(ModelEvent::Block(block));
        }
        if !self.text.is_empty() {
            let content = AssistantContent::Text {
                text: std::mem::take(&mut self.text),
            };
            out.push(ModelEvent::Block(AssistantBlock { content, raw: None }));
        }
        let calls = std::mem::take(&mut self.calls);
        let any = !calls.is_empty();
        for (position, call) in calls.into_iter().enumerate() {
            out.push(ModelEvent::Block(call.close(&self.seed, position)));
        }
        let reason = match self.reason.take() {
            // With calls, `stop` and the like mean the same.
            None | Some(StopReason::EndTurn | StopReason::Other(_)) if any => StopReason::ToolUse,
            Some(StopReason::ToolUse) if !any => StopReason::EndTurn,
            reason => reason.unwrap_or(StopReason::EndTurn),
        };
        out.push(ModelEvent::Stopped {
            reason,
            usage: self.usage,
        });
    }

    fn thinking_block(&mut self) -> Option<AssistantBlock> {
        let text = std::mem::take(&mut self.thinking);
        let mut raw = Map::new();
        if !text.is_empty() {
            raw.insert(self.thinking_field.to_owned(), Value::String(text.clone()));
        }
        if !self.details.is_empty() {
            raw.insert(
                "reasoning_details".to_owned(),
                Value::Array(std::mem::take(&mut self.details)),
            );
        }
        let content = AssistantContent::Thinking { text };
        (!raw.is_empty()).then(|| AssistantBlock {
            content,
            raw: Some(Value::Object(raw)),
        })
    }
}

impl Decoder for Reader {
    fn event(&mut self, event: sse::Event<'_>, out: &mut Events) -> Result<bool, ModelError> {
        if self.finished {
            return Ok(false);
        }
        let data = event.data.trim_ascii();
        if data == b"[DONE]" {
            // Some servers never give a reason: the mark says as well that the answer is complete.
            let answered = !self.text.is_empty() || !self.calls.is_empty();
            if answered {
                self.finish(out);
            } else {
                self.end(out)?;
            }
            return Ok(true);
        }
        let Some(frame) = frame::<Frame<'_>>(data) else {
            return Ok(false);
        };
        if frame.error.is_some_and(|error| !error.is_null()) {
            return Err(ProviderError::parse(data).into_error(
                &self.spec,
                None,
                RetryHints::default(),
            ));
        }
        let mut content = frame.usage.is_some();
        self.usage = frame.usage.map_or(self.usage, Usage::from);
        if let Some(choice) = frame.choices.into_iter().next() {
            content = true;
            if let Some(delta) = choice.delta {
                self.delta(delta, out);
            }
            if let Some(Text(reason)) = choice.finish_reason.filter(|reason| !reason.0.is_empty()) {
                let refused = self.reason == Some(StopReason::Refusal);
                self.reason = if refused {
                    self.reason.take()
                } else {
                    Some(stop_reason(&reason))
                };
            }
        }
        Ok(content)
    }

    /// Also for a body that ends well without `[DONE]`: the reason says that the answer is complete.
    fn end(&mut self, out: &mut Events) -> Result<(), ModelError> {
        if self.reason.is_none() {
            return Err(ModelError::cut_off(
                "the stream ended without a finish_reason",
            ));
        }
        self.finish(out);
        Ok(())
    }
}

impl Call {
    fn close(mut self, seed: &[u8; 6], position: usize) -> AssistantBlock {
        if self.id.is_empty() {
            let seed: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
            self.id = format!("call_{seed}_{position}");
        }
        let Self {
            mut raw,
            id,
            name,
            arguments,
            ..
        } = self;
        raw.insert("id".to_owned(), json!(id));
        raw.entry("type").or_insert_with(|| json!("function"));
        let function = raw.entry("function").or_insert_with(|| json!({}));
        if !function.is_object() {
            *function = json!({});
        }
        if let Value::Object(function) = function {
            function.insert("name".to_owned(), json!(name));
            // Some servers parse what they get back, and fail on what they once wrote.
            function.insert("arguments".to_owned(), json!(object(&arguments)));
        }
        AssistantBlock {
            content: AssistantContent::ToolUse {
                id,
                name,
                arguments,
            },
            raw: Some(Value::Object(raw)),
        }
    }
}

/// Adds the fields that the first piece didn't have.
fn merge(raw: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (key, value) in piece {
        if !value.is_null() {
            raw.entry(key).or_insert(value);
        }
    }
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "stop" | "end_turn" | "eos" | "eos_token" | "stop_sequence" | "COMPLETE" => {
            StopReason::EndTurn
        }
        "tool_calls" | "function_call" | "tool_use" | "tool_call" => StopReason::ToolUse,
        "length" | "max_tokens" | "MAX_TOKENS" => StopReason::MaxTokens,
        "content_filter" | "refusal" | "SAFETY" => StopReason::Refusal,
        other => StopReason::Other(other.to_owned()),
    }
}
