//! The request.

use std::borrow::Cow;

use interline_log::{
    AssistantBlock, AssistantContent, Message, SessionId, ToolDefinition, ToolResult, UserBlock,
    Wire,
};
use serde::Serialize;
use serde_json::Value;

use crate::codec::{cache_key, marked, object};
use crate::{ModelSpec, Request};

#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    instructions: &'a str,
    input: Vec<Item<'a>>,
    max_output_tokens: u32,
    stream: bool,
    store: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    include: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<SessionId>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    strict: bool,
}

#[derive(Serialize)]
struct Reasoning<'a> {
    effort: &'a str,
    summary: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Raw(&'a Value),
    Own(OwnItem<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OwnItem<'a> {
    Message {
        role: &'static str,
        content: [Part<'a>; 1],
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: Cow<'a, str>,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Cow<'a, str>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    InputText { text: &'a str },
    OutputText { text: &'a str },
}

impl<'a> Body<'a> {
    pub(crate) fn new(spec: &'a ModelSpec, request: &'a Request) -> Self {
        Self {
            model: &spec.id,
            tools: request.tools.iter().map(tool).collect(),
            instructions: &request.system,
            input: request.messages.iter().flat_map(items).collect(),
            max_output_tokens: request.max_output.unwrap_or(spec.max_output),
            stream: true,
            store: false,
            include: if reasons(&spec.id) {
                &["reasoning.encrypted_content"]
            } else {
                &[]
            },
            reasoning: spec.effort.as_deref().map(|effort| Reasoning {
                effort,
                summary: "auto",
            }),
            prompt_cache_key: cache_key(spec, request),
        }
    }
}

fn tool(definition: &ToolDefinition) -> Tool<'_> {
    let ToolDefinition {
        name,
        description,
        input_schema,
    } = definition;
    Tool {
        r#type: "function",
        name,
        description,
        parameters: input_schema,
        strict: false,
    }
}

/// Models before the fifth generation don't reason, and reject a request for encrypted reasoning.
fn reasons(id: &str) -> bool {
    !["gpt-3", "gpt-4", "chatgpt-4"]
        .iter()
        .any(|old| id.starts_with(old))
}

fn items(message: &Message) -> Vec<Item<'_>> {
    match message {
        Message::User { content } => content.iter().map(user).collect(),
        Message::Assistant { wire, content } => {
            let same_wire = *wire == Wire::OpenaiResponses;
            content
                .iter()
                .filter_map(|block| assistant(block, same_wire))
                .collect()
        }
    }
}

fn user(block: &UserBlock) -> Item<'_> {
    Item::Own(match block {
        UserBlock::Text { text } => OwnItem::Message {
            role: "user",
            content: [Part::InputText { text }],
        },
        UserBlock::ToolResult(ToolResult {
            tool_use_id,
            content,
            is_error,
        }) => OwnItem::FunctionCallOutput {
            call_id: tool_use_id,
            output: marked(content, *is_error),
        },
    })
}

fn assistant(block: &AssistantBlock, same_wire: bool) -> Option<Item<'_>> {
    if let (Some(raw), true) = (&block.raw, same_wire) {
        return goes_back(raw).then_some(Item::Raw(raw));
    }
    match &block.content {
        AssistantContent::Text { text } if !text.is_empty() => Some(Item::Own(OwnItem::Message {
            role: "assistant",
            content: [Part::OutputText { text }],
        })),
        AssistantContent::ToolUse {
            id,
            name,
            arguments,
        } => Some(Item::Own(OwnItem::FunctionCall {
            call_id: id,
            name,
            arguments: object(arguments),
        })),
        _ => None,
    }
}

/// Reasoning that isn't encrypted is only a reference to what the provider was told not to store.
fn goes_back(raw: &Value) -> bool {
    let is_reasoning = raw.get("type").and_then(Value::as_str) == Some("reasoning");
    !is_reasoning || raw.get("encrypted_content").is_some_and(Value::is_string)
}
