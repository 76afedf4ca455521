//! OpenAI Responses: platform.openai.com/docs/api-reference/responses and /responses-streaming.

mod check;
mod render;

pub(super) use check::check;
pub(super) use render::{failed, render};

use serde_json::{Value, json};

use super::{View, canonical, list, str_of, texts};

/// The input as items: a plain string is one user message.
fn items(body: &Value) -> Vec<Value> {
    match &body["input"] {
        Value::String(text) => vec![json!({"type": "message", "role": "user", "content": text})],
        other => list(other).to_vec(),
    }
}

/// `message` may be left out in the input.
fn kind(item: &Value) -> &str {
    item["type"].as_str().unwrap_or("message")
}

fn by_model(item: &Value) -> bool {
    match kind(item) {
        "function_call" | "reasoning" => true,
        "message" => item["role"] == "assistant",
        _ => false,
    }
}

pub(super) fn view(body: &Value) -> View {
    let mut view = View {
        model: str_of(body, "model").to_owned(),
        tools: canonical(&body["tools"]),
        tool_names: list(&body["tools"])
            .iter()
            .map(|tool| str_of(tool, "name").to_owned())
            .collect(),
        system: canonical(&body["instructions"]),
        ..View::default()
    };
    view.texts.push_str(&texts(&body["instructions"]));
    for item in items(body) {
        view.items.push(canonical(&item));
        look_at(&item, &mut view);
    }
    view
}

fn look_at(item: &Value, view: &mut View) {
    if by_model(item) {
        view.model_spoke();
    }
    match (kind(item), str_of(item, "role")) {
        ("function_call_output", _) => view.tool_answered(&texts(&item["output"])),
        ("function_call", _) => view.texts.push_str(&texts(&item["arguments"])),
        ("message", "user") => view.user_said(&content(item)),
        ("message", _) => view.texts.push_str(&content(item)),
        _ => {}
    }
}

/// The texts of a message, without the types of its parts.
fn content(item: &Value) -> String {
    match &item["content"] {
        Value::Array(parts) => parts.iter().map(|part| texts(&part["text"])).collect(),
        other => texts(other),
    }
}
