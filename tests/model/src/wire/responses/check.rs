//! What the Responses API refuses, for clients that keep the conversation themselves.

use serde_json::Value;

use super::super::{Sent, list, str_of};
use super::{by_model, items, kind};
use crate::check::{self, Check, Findings};
use crate::http::Request;

const TOOL_NAME: usize = 64;

pub(in super::super) fn check(request: &Request, body: &Value, sent: &Sent, found: &mut Findings) {
    check::bearer(request, found);
    check::streams(request, body, found);
    check::positive(body, &["max_output_tokens"], found);
    check::tools(
        list(&body["tools"])
            .iter()
            .map(|tool| (&tool["name"], &tool["parameters"])),
        TOOL_NAME,
        found,
    );
    let stateless = body["previous_response_id"].is_null();
    found.require(
        stateless,
        Check::Body,
        "previous_response_id: the whole input is expected instead",
    );
    let items = items(body);
    found.require(!items.is_empty(), Check::Roles, "`input` is empty");
    let open = items.last().is_some_and(by_model) && !sent.paused;
    found.require(
        !open,
        Check::Roles,
        "the last item must be the user's or a tool's",
    );
    for item in &items {
        item_is_good(item, found);
    }
    results(&items, found);
    thinking(&items, sent, found);
}

fn item_is_good(item: &Value, found: &mut Findings) {
    let good = match kind(item) {
        "message" => {
            matches!(
                str_of(item, "role"),
                "user" | "assistant" | "system" | "developer"
            ) && (!str_of(item, "content").is_empty() || !list(&item["content"]).is_empty())
        }
        "function_call" => {
            item["arguments"].is_string() && item["call_id"].is_string() && item["name"].is_string()
        }
        "function_call_output" => {
            item["call_id"].is_string() && (item["output"].is_string() || item["output"].is_array())
        }
        "reasoning" => item["summary"].is_array(),
        _ => false,
    };
    found.require(good, Check::Content, &format!("bad item {item}"));
}

/// A run of the model's items is followed by the results of its calls before anything else.
fn results(items: &[Value], found: &mut Findings) {
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    for item in items {
        match kind(item) {
            "function_call_output" => results.push(str_of(item, "call_id")),
            _ => {
                if !results.is_empty() || !by_model(item) {
                    check::answered(&calls, &results, found);
                    calls.clear();
                    results.clear();
                }
                if kind(item) == "function_call" {
                    calls.push(str_of(item, "call_id"));
                }
            }
        }
    }
    check::answered(&calls, &results, found);
}

fn thinking(items: &[Value], sent: &Sent, found: &mut Findings) {
    let reasoning: Vec<&Value> = items
        .iter()
        .filter(|item| kind(item) == "reasoning")
        .collect();
    for item in &reasoning {
        match sent.thinking.get(str_of(item, "id")) {
            None => found.add(
                Check::Thinking,
                format!("reasoning item was never sent: {item}"),
            ),
            Some(was) if !same_thought(was, item) => {
                found.add(
                    Check::Thinking,
                    format!("reasoning was altered: sent {was}, came back {item}"),
                );
            }
            Some(_) => {}
        }
    }
    for call in items.iter().filter(|item| kind(item) == "function_call") {
        let wanted = sent
            .with_call
            .get(str_of(call, "call_id"))
            .into_iter()
            .flatten();
        if wanted
            .into_iter()
            .any(|id| !reasoning.iter().any(|item| item["id"] == **id))
        {
            found.add(
                Check::Thinking,
                format!(
                    "the reasoning that came with call {} is gone",
                    call["call_id"]
                ),
            );
        }
    }
}

/// `status` is the server's own note and may be left out.
fn same_thought(was: &Value, item: &Value) -> bool {
    ["id", "summary", "encrypted_content"]
        .iter()
        .all(|key| was[*key] == item[*key])
}
