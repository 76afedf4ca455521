//! The event stream of an answer.

use serde_json::{Value, json};

use super::super::{Block, Event, Sent, list, str_of};
use crate::script::{Step, Stop, Usage};

pub(in super::super) fn failed(message: &str) -> Event {
    let error = json!({"code": "server_error", "message": message});
    let response = json!({"id": "resp_failed", "object": "response", "status": "failed", "error": error, "output": []});
    Event::of(
        "response.failed",
        &json!({"type": "response.failed", "sequence_number": 0, "response": response}),
    )
}

/// Collects events and numbers them.
struct Stream {
    events: Vec<Event>,
    encrypted: bool,
    /// The items that are complete.
    output: Vec<Value>,
}

impl Stream {
    /// `data` is an object; it gets its type and number in front.
    fn push(&mut self, name: &'static str, data: Value) {
        let mut event = json!({"type": name, "sequence_number": self.events.len()});
        if let (Some(event), Value::Object(data)) = (event.as_object_mut(), data) {
            event.extend(data);
        }
        self.events.push(Event::of(name, &event));
    }

    /// One item: opened, filled by `fill`, closed.
    fn item(&mut self, opening: Value, done: Value, fill: impl FnOnce(&mut Self, &Place)) {
        let place = Place {
            index: self.output.len(),
            id: str_of(&done, "id").to_owned(),
        };
        self.push(
            "response.output_item.added",
            json!({"output_index": place.index, "item": opening}),
        );
        fill(self, &place);
        self.push(
            "response.output_item.done",
            json!({"output_index": place.index, "item": done}),
        );
        self.output.push(done);
    }
}

struct Place {
    index: usize,
    id: String,
}

impl Place {
    /// Where in the answer this is, and `more`.
    fn with(&self, more: Value) -> Value {
        let mut data = json!({"item_id": self.id, "output_index": self.index});
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        data
    }
}

pub(in super::super) fn render(
    step: &Step,
    body: &Value,
    usage: Usage,
    sent: &mut Sent,
) -> Vec<Event> {
    let encrypted = list(&body["include"])
        .iter()
        .any(|what| what == "reasoning.encrypted_content");
    let mut response = json!({
        "id": sent.id("resp_"), "object": "response", "created_at": 0, "status": "in_progress", "error": null,
        "incomplete_details": null, "model": str_of(body, "model"), "output": [], "usage": null,
    });
    let mut stream = Stream {
        events: Vec::new(),
        encrypted,
        output: Vec::new(),
    };
    stream.push("response.created", json!({"response": response}));
    stream.push("response.in_progress", json!({"response": response}));
    let (mut thinking, mut calls) = (Vec::new(), Vec::new());
    for block in sent.blocks(step, "call_") {
        let id = sent.id("item_");
        if let Block::Call { id, .. } = &block {
            calls.push(id.clone());
        }
        let thought = matches!(block, Block::Think { .. });
        render_block(block, &id, &mut stream);
        if let (true, Some(item)) = (thought, stream.output.last()) {
            thinking.push((id, item.clone()));
        }
    }
    sent.remember(thinking, calls);
    let (name, status, reason) = end(step.stop_reason());
    response["status"] = json!(status);
    response["incomplete_details"] = reason.map_or(Value::Null, |reason| json!({"reason": reason}));
    response["output"] = Value::Array(stream.output.clone());
    response["usage"] = counts(usage);
    stream.push(name, json!({"response": response}));
    stream.events
}

fn render_block(block: Block, id: &str, stream: &mut Stream) {
    match block {
        Block::Think { deltas, signature } => think(id, &deltas, &signature, stream),
        Block::Redacted(_) => {}
        Block::Text(deltas) => text(id, &deltas, stream),
        Block::Call {
            id: call,
            name,
            deltas,
            ..
        } => {
            let item = |arguments: &str, status: &str| {
                json!({"id": id, "type": "function_call", "status": status, "arguments": arguments,
                       "call_id": call, "name": name})
            };
            let arguments = deltas.concat();
            stream.item(
                item("", "in_progress"),
                item(&arguments, "completed"),
                |stream, place| {
                    for delta in &deltas {
                        stream.push(
                            "response.function_call_arguments.delta",
                            place.with(json!({"delta": delta})),
                        );
                    }
                    stream.push(
                        "response.function_call_arguments.done",
                        place.with(json!({"arguments": arguments})),
                    );
                },
            );
        }
    }
}

fn think(id: &str, deltas: &[String], signature: &str, stream: &mut Stream) {
    let summary = json!({"type": "summary_text", "text": deltas.concat()});
    let mut done = json!({"id": id, "type": "reasoning", "summary": [summary]});
    if stream.encrypted {
        done["encrypted_content"] = json!(signature);
    }
    let opening = json!({"id": id, "type": "reasoning", "summary": []});
    stream.item(opening, done, |stream, place| {
        let at = |more: Value| {
            let mut data = place.with(json!({"summary_index": 0}));
            if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
                data.extend(more);
            }
            data
        };
        let empty = json!({"type": "summary_text", "text": ""});
        stream.push(
            "response.reasoning_summary_part.added",
            at(json!({"part": empty})),
        );
        for delta in deltas {
            stream.push(
                "response.reasoning_summary_text.delta",
                at(json!({"delta": delta})),
            );
        }
        stream.push(
            "response.reasoning_summary_text.done",
            at(json!({"text": summary["text"]})),
        );
        stream.push(
            "response.reasoning_summary_part.done",
            at(json!({"part": summary})),
        );
    });
}

fn text(id: &str, deltas: &[String], stream: &mut Stream) {
    let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
    let message = |status: &str, content: Value| json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content});
    let whole = deltas.concat();
    let done = message("completed", json!([part(&whole)]));
    stream.item(message("in_progress", json!([])), done, |stream, place| {
        stream.push(
            "response.content_part.added",
            place.with(json!({"content_index": 0, "part": part("")})),
        );
        for delta in deltas {
            stream.push(
                "response.output_text.delta",
                place.with(json!({"content_index": 0, "delta": delta})),
            );
        }
        stream.push(
            "response.output_text.done",
            place.with(json!({"content_index": 0, "text": whole})),
        );
        stream.push(
            "response.content_part.done",
            place.with(json!({"content_index": 0, "part": part(&whole)})),
        );
    });
}

fn counts(usage: Usage) -> Value {
    let input = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "input_tokens": input, "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input + usage.output,
    })
}

fn end(stop: Stop) -> (&'static str, &'static str, Option<&'static str>) {
    match stop {
        Stop::MaxTokens => (
            "response.incomplete",
            "incomplete",
            Some("max_output_tokens"),
        ),
        Stop::Refusal => ("response.incomplete", "incomplete", Some("content_filter")),
        Stop::EndTurn | Stop::ToolUse | Stop::PauseTurn => {
            ("response.completed", "completed", None)
        }
    }
}
