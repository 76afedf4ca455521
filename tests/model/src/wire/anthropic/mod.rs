//! Anthropic Messages: docs.anthropic.com, "Messages" and "Streaming Messages".

mod check;
mod render;

pub(super) use check::check;
pub(super) use render::{error, render};

use serde_json::{Value, json};

use super::{View, canonical, list, str_of, texts};

/// Content as blocks: a plain string is one text block.
fn blocks(content: &Value) -> Vec<Value> {
    match content {
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        other => list(other).to_vec(),
    }
}

pub(super) fn view(body: &Value) -> View {
    let messages = list(&body["messages"]);
    let mut view = View {
        model: str_of(body, "model").to_owned(),
        tools: canonical(&body["tools"]),
        tool_names: list(&body["tools"])
            .iter()
            .map(|tool| str_of(tool, "name").to_owned())
            .collect(),
        system: canonical(&Value::Array(blocks(&body["system"]))),
        ..View::default()
    };
    view.texts.push_str(&texts(&body["system"]));
    for message in messages {
        look_at(message, &mut view);
    }
    view
}

fn look_at(message: &Value, view: &mut View) {
    let role = str_of(message, "role");
    if role == "assistant" {
        view.model_spoke();
    }
    for block in blocks(&message["content"]) {
        view.items.push(format!("{role} {}", canonical(&block)));
        match (role, str_of(&block, "type")) {
            ("user", "text") => view.user_said(&texts(&block["text"])),
            ("user", "tool_result") => view.tool_answered(&texts(&block["content"])),
            (_, "text") => view.texts.push_str(&texts(&block["text"])),
            (_, "tool_use") => view.texts.push_str(&texts(&block["input"])),
            _ => {}
        }
    }
}
