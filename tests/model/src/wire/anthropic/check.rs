//! What the Messages API refuses, as its error messages tell.

use std::collections::HashSet;

use serde_json::Value;

use super::super::{Sent, list, str_of};
use super::blocks;
use crate::check::{self, Check, Findings};
use crate::http::Request;

const BREAKPOINTS: usize = 4;
const TOOL_NAME: usize = 128;

pub(in super::super) fn check(request: &Request, body: &Value, sent: &Sent, found: &mut Findings) {
    if request
        .header("x-api-key")
        .is_none_or(|key| key.trim().is_empty())
        && request.header("authorization").is_none()
    {
        found.add(Check::Auth, "no `x-api-key` header");
    }
    found.require(
        request.header("anthropic-version").is_some(),
        Check::Headers,
        "no `anthropic-version` header",
    );
    check::streams(request, body, found);
    check::positive(body, &["max_tokens"], found);
    check::tools(
        list(&body["tools"])
            .iter()
            .map(|tool| (&tool["name"], &tool["input_schema"])),
        TOOL_NAME,
        found,
    );
    breakpoints(body, found);
    let messages = list(&body["messages"]);
    roles(messages, sent, found);
    contents(messages, found);
    results(messages, found);
    thinking(messages, sent, found);
}

fn roles(messages: &[Value], sent: &Sent, found: &mut Findings) {
    found.require(!messages.is_empty(), Check::Roles, "`messages` is empty");
    for (index, message) in messages.iter().enumerate() {
        let wanted = if index % 2 == 0 { "user" } else { "assistant" };
        if message["role"] != wanted {
            found.add(
                Check::Roles,
                format!(
                    "messages.{index} has role {}, expected \"{wanted}\"",
                    message["role"]
                ),
            );
            return;
        }
    }
    let open = messages.len().is_multiple_of(2) && !messages.is_empty() && !sent.paused;
    found.require(!open, Check::Roles, "the last message must be the user's");
}

fn contents(messages: &[Value], found: &mut Findings) {
    let mut ids = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let user = message["role"] == "user";
        let content = blocks(&message["content"]);
        found.require(
            !content.is_empty(),
            Check::Content,
            &format!("messages.{index} has no content"),
        );
        for block in &content {
            if let Err(wrong) = block_is_good(block, user) {
                found.add(Check::Content, format!("messages.{index}: {wrong}"));
            }
            if block["type"] == "tool_use" && !ids.insert(str_of(block, "id").to_owned()) {
                found.add(
                    Check::ToolResults,
                    format!("tool_use id {} is there twice", block["id"]),
                );
            }
        }
    }
}

fn block_is_good(block: &Value, user: bool) -> Result<(), String> {
    let kind = str_of(block, "type");
    let good = match kind {
        "text" => block["text"]
            .as_str()
            .is_some_and(|text| !text.trim().is_empty()),
        "tool_use" => !user && block["input"].is_object() && !str_of(block, "name").is_empty(),
        "tool_result" => user && block["tool_use_id"].is_string(),
        "thinking" | "redacted_thinking" => !user,
        "image" | "document" => user,
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(format!("bad block of type `{kind}`: {block}"))
    }
}

fn results(messages: &[Value], found: &mut Findings) {
    let mut open: Vec<String> = Vec::new();
    for message in messages {
        let content = blocks(&message["content"]);
        let ids = |kind: &str, key: &str| -> Vec<String> {
            content
                .iter()
                .filter(|b| b["type"] == kind)
                .map(|b| str_of(b, key).to_owned())
                .collect()
        };
        if message["role"] == "assistant" {
            open = ids("tool_use", "id");
            continue;
        }
        let given = ids("tool_result", "tool_use_id");
        let calls: Vec<&str> = open.iter().map(String::as_str).collect();
        check::answered(
            &calls,
            &given.iter().map(String::as_str).collect::<Vec<_>>(),
            found,
        );
        let first = content
            .iter()
            .take_while(|block| block["type"] == "tool_result")
            .count();
        found.require(
            first == given.len(),
            Check::ToolResults,
            "tool results must come first in their message",
        );
        open.clear();
    }
    for id in open {
        found.add(Check::ToolResults, format!("call `{id}` has no result"));
    }
}

fn thinking(messages: &[Value], sent: &Sent, found: &mut Findings) {
    for message in messages
        .iter()
        .filter(|message| message["role"] == "assistant")
    {
        let mut present = HashSet::new();
        let content = blocks(&message["content"]);
        for block in content.iter().filter(|block| is_thinking(block)) {
            let key = if block["type"] == "thinking" {
                str_of(block, "signature")
            } else {
                str_of(block, "data")
            };
            match sent.thinking.get(key) {
                None => found.add(
                    Check::Thinking,
                    format!("invalid signature in thinking block {block}"),
                ),
                Some(was) if was != block => {
                    found.add(
                        Check::Thinking,
                        format!("thinking was altered: sent {was}, came back {block}"),
                    );
                }
                Some(_) => {}
            }
            present.insert(key);
        }
        for call in content.iter().filter(|block| block["type"] == "tool_use") {
            let wanted = sent.with_call.get(str_of(call, "id")).into_iter().flatten();
            if wanted
                .into_iter()
                .any(|key| !present.contains(key.as_str()))
            {
                found.add(
                    Check::Thinking,
                    format!("the thinking that came with call {} is gone", call["id"]),
                );
            }
        }
    }
}

fn is_thinking(block: &Value) -> bool {
    block["type"] == "thinking" || block["type"] == "redacted_thinking"
}

fn breakpoints(body: &Value, found: &mut Findings) {
    let mut carriers = Vec::new();
    carriers.extend(list(&body["tools"]).iter().cloned());
    carriers.extend(blocks(&body["system"]));
    for message in list(&body["messages"]) {
        for block in blocks(&message["content"]) {
            carriers.extend(list(&block["content"]).iter().cloned());
            carriers.push(block);
        }
    }
    carriers.retain(|carrier| {
        carrier
            .get("cache_control")
            .is_some_and(|mark| !mark.is_null())
    });
    if carriers.len() > BREAKPOINTS {
        found.add(
            Check::CacheControl,
            format!(
                "{} blocks have cache_control, at most 4 may",
                carriers.len()
            ),
        );
    }
    for carrier in carriers {
        let good = carrier["cache_control"]["type"] == "ephemeral" && !is_thinking(&carrier);
        found.require(
            good,
            Check::CacheControl,
            &format!("cache_control is wrong on {carrier}"),
        );
    }
}
