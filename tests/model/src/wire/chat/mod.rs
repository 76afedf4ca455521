//! OpenAI Chat Completions: platform.openai.com/docs/api-reference/chat.

mod render;

pub(super) use render::render;

use serde_json::Value;

use super::{View, canonical, list, str_of, texts};
use crate::check::{self, Check, Findings};
use crate::http::Request;

const TOOL_NAME: usize = 64;

pub(super) fn view(body: &Value) -> View {
    let messages = list(&body["messages"]);
    let mut view = View {
        model: str_of(body, "model").to_owned(),
        tools: canonical(&body["tools"]),
        tool_names: list(&body["tools"])
            .iter()
            .map(|tool| str_of(&tool["function"], "name").to_owned())
            .collect(),
        ..View::default()
    };
    for message in messages {
        view.items.push(canonical(message));
        look_at(message, &mut view);
    }
    view
}

fn look_at(message: &Value, view: &mut View) {
    let said = content(message);
    match str_of(message, "role") {
        "tool" => view.tool_answered(&said),
        "user" => view.user_said(&said),
        "assistant" => {
            view.model_spoke();
            view.texts.push_str(&said);
            for call in list(&message["tool_calls"]) {
                view.texts.push_str(&texts(&call["function"]["arguments"]));
            }
        }
        _ => view.texts.push_str(&said),
    }
}

/// The texts of a message, without the types of its parts.
fn content(message: &Value) -> String {
    match &message["content"] {
        Value::Array(parts) => parts.iter().map(|part| texts(&part["text"])).collect(),
        other => texts(other),
    }
}

pub(super) fn check(request: &Request, body: &Value, found: &mut Findings) {
    check::bearer(request, found);
    check::streams(request, body, found);
    check::positive(body, &["max_completion_tokens", "max_tokens"], found);
    let functions = list(&body["tools"]).iter().map(|tool| &tool["function"]);
    check::tools(
        functions.map(|function| (&function["name"], &function["parameters"])),
        TOOL_NAME,
        found,
    );
    let messages = list(&body["messages"]);
    roles(messages, found);
    for (index, message) in messages.iter().enumerate() {
        let empty = message["content"].is_null() || message["content"] == "";
        let may_be_empty = message["role"] == "tool" || !list(&message["tool_calls"]).is_empty();
        found.require(
            !empty || may_be_empty,
            Check::Content,
            &format!("messages.{index} has no content"),
        );
    }
    results(messages, found);
}

fn roles(messages: &[Value], found: &mut Findings) {
    const KNOWN: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
    for message in messages {
        let known = KNOWN.contains(&str_of(message, "role"));
        found.require(
            known,
            Check::Roles,
            &format!("unknown role {}", message["role"]),
        );
    }
    let twice = messages
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a["role"] == "assistant" && b["role"] == "assistant"));
    found.require(!twice, Check::Roles, "two assistant messages in a row");
    let last = messages
        .last()
        .map(|message| str_of(message, "role"))
        .unwrap_or_default();
    found.require(
        matches!(last, "user" | "tool"),
        Check::Roles,
        "the last message must be the user's or a tool's",
    );
}

fn results(messages: &[Value], found: &mut Findings) {
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    for message in messages {
        if message["role"] == "tool" {
            results.push(str_of(message, "tool_call_id"));
            continue;
        }
        check::answered(&calls, &results, found);
        results.clear();
        calls = list(&message["tool_calls"])
            .iter()
            .map(|call| str_of(call, "id"))
            .collect();
        for call in list(&message["tool_calls"]) {
            let good = call["type"] == "function" && call["function"]["arguments"].is_string();
            found.require(good, Check::Content, &format!("bad tool call {call}"));
        }
    }
    check::answered(&calls, &results, found);
}
