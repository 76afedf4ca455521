//! The event stream of an answer.

use serde_json::{Value, json};

use super::super::{Block, Event, Sent, each, str_of};
use crate::script::{Step, Stop, Usage};

pub(in super::super) fn error(kind: &str, message: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted"})
}

pub(in super::super) fn render(
    step: &Step,
    body: &Value,
    usage: Usage,
    sent: &mut Sent,
) -> Vec<Event> {
    let message = json!({
        "id": sent.id("msg_"), "type": "message", "role": "assistant", "model": str_of(body, "model"),
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": counts(usage, 1),
    });
    let mut events = vec![
        event(
            "message_start",
            json!({"type": "message_start", "message": message}),
        ),
        event("ping", json!({"type": "ping"})),
    ];
    let (mut thinking, mut calls) = (Vec::new(), Vec::new());
    for (index, block) in sent.blocks(step, "toolu_").into_iter().enumerate() {
        note(&block, &mut thinking, &mut calls);
        render_block(index, block, &mut events);
    }
    sent.remember(thinking, calls);
    let delta = json!({"stop_reason": stop(step.stop_reason()), "stop_sequence": null});
    let end =
        json!({"type": "message_delta", "delta": delta, "usage": counts(usage, usage.output)});
    events.push(event("message_delta", end));
    events.push(event("message_stop", json!({"type": "message_stop"})));
    events
}

/// What must come back as it was sent.
fn note(block: &Block, thinking: &mut Vec<(String, Value)>, calls: &mut Vec<String>) {
    match block {
        Block::Think { deltas, signature } => thinking.push((
            signature.clone(),
            json!({"type": "thinking", "thinking": deltas.concat(), "signature": signature}),
        )),
        Block::Redacted(data) => thinking.push((
            data.clone(),
            json!({"type": "redacted_thinking", "data": data}),
        )),
        Block::Call { id, .. } => calls.push(id.clone()),
        Block::Text(_) => {}
    }
}

fn render_block(index: usize, block: Block, events: &mut Vec<Event>) {
    let delta = |delta: Value| {
        event(
            "content_block_delta",
            json!({"type": "content_block_delta", "index": index, "delta": delta}),
        )
    };
    let (opening, deltas): (Value, Vec<Event>) = match block {
        Block::Think { deltas, signature } => (
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            deltas
                .iter()
                .map(|text| json!({"type": "thinking_delta", "thinking": text}))
                .chain([json!({"type": "signature_delta", "signature": signature})])
                .map(delta)
                .collect(),
        ),
        Block::Redacted(data) => (
            json!({"type": "redacted_thinking", "data": data}),
            Vec::new(),
        ),
        Block::Text(deltas) => (
            json!({"type": "text", "text": ""}),
            each(&deltas, |text| {
                delta(json!({"type": "text_delta", "text": text}))
            }),
        ),
        Block::Call {
            id, name, deltas, ..
        } => (
            json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
            // The provider opens with an empty piece and sends nothing more for `{}`.
            std::iter::once("")
                .chain(
                    deltas
                        .iter()
                        .map(String::as_str)
                        .filter(|text| *text != "{}"),
                )
                .map(|text| delta(json!({"type": "input_json_delta", "partial_json": text})))
                .collect(),
        ),
    };
    let start = json!({"type": "content_block_start", "index": index, "content_block": opening});
    events.push(event("content_block_start", start));
    events.extend(deltas);
    events.push(event(
        "content_block_stop",
        json!({"type": "content_block_stop", "index": index}),
    ));
}

fn event(name: &'static str, data: Value) -> Event {
    Event::of(name, &data)
}

fn counts(usage: Usage, output: u64) -> Value {
    json!({
        "input_tokens": usage.input, "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read, "output_tokens": output, "service_tier": "standard",
    })
}

fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::ToolUse => "tool_use",
        Stop::MaxTokens => "max_tokens",
        Stop::PauseTurn => "pause_turn",
        Stop::Refusal => "refusal",
    }
}
