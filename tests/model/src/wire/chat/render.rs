//! The chunks of an answer.

use serde_json::{Value, json};

use super::super::{Block, Event, Sent, each, str_of};
use crate::script::{Step, Stop, Usage};

pub(in super::super) fn render(
    step: &Step,
    body: &Value,
    usage: Usage,
    sent: &mut Sent,
) -> Vec<Event> {
    let id = sent.id("chatcmpl-");
    let model = str_of(body, "model");
    let chunk = |choices: Value| {
        json!({
            "id": id, "object": "chat.completion.chunk", "created": 0, "model": model,
            "system_fingerprint": "fp_scripted", "choices": choices,
        })
    };
    let choice = |delta: &Value, finish: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish});
        Event::of("", &chunk(json!([choice])))
    };
    let mut deltas = vec![json!({"role": "assistant", "content": "", "refusal": null})];
    let mut calls = 0;
    for block in sent.blocks(step, "call_") {
        render_block(block, &mut calls, &mut deltas);
    }
    let mut events = each(&deltas, |delta| choice(delta, None));
    events.push(choice(&json!({}), Some(finish(step.stop_reason()))));
    if body["stream_options"]["include_usage"] == Value::Bool(true) {
        let mut last = chunk(json!([]));
        last["usage"] = counts(usage);
        events.push(Event::of("", &last));
    }
    events.push(Event {
        name: "",
        data: "[DONE]".to_owned(),
    });
    events
}

fn render_block(block: Block, calls: &mut usize, deltas: &mut Vec<Value>) {
    match block {
        // No standard field: the one that most compatible servers use.
        Block::Think { deltas: texts, .. } => {
            deltas.extend(texts.iter().map(|text| json!({"reasoning_content": text})));
        }
        Block::Redacted(_) => {}
        Block::Text(texts) => deltas.extend(texts.iter().map(|text| json!({"content": text}))),
        Block::Call {
            id,
            name,
            deltas: pieces,
            ..
        } => {
            let index = *calls;
            *calls += 1;
            let function = json!({"name": name, "arguments": ""});
            deltas.push(json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]}));
            for piece in pieces {
                deltas.push(
                    json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}),
                );
            }
        }
    }
}

fn counts(usage: Usage) -> Value {
    let prompt = usage.input + usage.cache_read + usage.cache_write;
    json!({
        "prompt_tokens": prompt, "completion_tokens": usage.output, "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
    })
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::PauseTurn => "stop",
        Stop::ToolUse => "tool_calls",
        Stop::MaxTokens => "length",
        Stop::Refusal => "content_filter",
    }
}
