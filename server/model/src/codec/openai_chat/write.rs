//! The request.

use std::borrow::Cow;

use interline_log::{
    AssistantBlock, AssistantContent, Message, SessionId, ToolDefinition, ToolResult, UserBlock,
    Wire,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::codec::{cache_key, marked, object};
use crate::{ModelSpec, Request};

#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    messages: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<SessionId>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum Entry<'a> {
    System {
        content: &'a str,
    },
    User {
        content: Cow<'a, str>,
    },
    Assistant {
        content: Option<String>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
        /// Fields that go back as they came, such as `reasoning_content`.
        #[serde(flatten)]
        kept: Map<String, Value>,
    },
    Tool {
        tool_call_id: &'a str,
        content: Cow<'a, str>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Call<'a> {
    Raw(&'a Value),
    Own {
        id: &'a str,
        r#type: &'static str,
        function: CallFunction<'a>,
    },
}

#[derive(Serialize)]
struct CallFunction<'a> {
    name: &'a str,
    arguments: Cow<'a, str>,
}

impl<'a> Body<'a> {
    pub(crate) fn new(spec: &'a ModelSpec, request: &'a Request) -> Self {
        let most = Some(request.max_output.unwrap_or(spec.max_output));
        // OpenAI's reasoning models reject the old name, most other servers don't know the new one.
        let new_name = spec.is_openai();
        Self {
            model: &spec.id,
            tools: request.tools.iter().map(tool).collect(),
            messages: entries(request),
            max_tokens: most.filter(|_| !new_name),
            max_completion_tokens: most.filter(|_| new_name),
            stream: true,
            stream_options: StreamOptions {
                include_usage: true,
            },
            reasoning_effort: spec.effort.as_deref(),
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
        function: Function {
            name,
            description,
            parameters: input_schema,
        },
    }
}

fn entries(request: &Request) -> Vec<Entry<'_>> {
    let system = (!request.system.is_empty()).then_some(Entry::System {
        content: &request.system,
    });
    let mut entries: Vec<_> = system.into_iter().collect();
    for message in &request.messages {
        match message {
            Message::User { content } => user(content, &mut entries),
            Message::Assistant { wire, content } => {
                entries.extend(assistant(content, *wire == Wire::OpenaiChat))
            }
        }
    }
    entries
}

fn user<'a>(content: &'a [UserBlock], entries: &mut Vec<Entry<'a>>) {
    let mut texts = Vec::new();
    for block in content {
        match block {
            UserBlock::ToolResult(ToolResult {
                tool_use_id,
                content,
                is_error,
            }) => {
                entries.push(Entry::Tool {
                    tool_call_id: tool_use_id,
                    content: marked(content, *is_error),
                });
            }
            UserBlock::Text { text } => texts.push(text.as_str()),
        }
    }
    // One string: not every server takes a list of parts.
    match texts.as_slice() {
        [] => {}
        [text] => entries.push(Entry::User {
            content: Cow::Borrowed(text),
        }),
        _ => entries.push(Entry::User {
            content: Cow::Owned(texts.join("\n\n")),
        }),
    }
}

fn assistant(content: &[AssistantBlock], same_wire: bool) -> Option<Entry<'_>> {
    let mut text = String::new();
    let mut tool_calls = Vec::new();
    let mut kept = Map::new();
    for block in content {
        let raw = block.raw.as_ref().filter(|_| same_wire);
        match (&block.content, raw) {
            (AssistantContent::Text { text: more }, _) => text.push_str(more),
            (AssistantContent::ToolUse { .. }, Some(raw)) => tool_calls.push(Call::Raw(raw)),
            (
                AssistantContent::ToolUse {
                    id,
                    name,
                    arguments,
                },
                None,
            ) => {
                let function = CallFunction {
                    name,
                    arguments: object(arguments),
                };
                tool_calls.push(Call::Own {
                    id,
                    r#type: "function",
                    function,
                });
            }
            (_, Some(Value::Object(fields))) => {
                kept.extend(
                    fields
                        .iter()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
            }
            (AssistantContent::Thinking { .. } | AssistantContent::Other, _) => {}
        }
    }
    let said = !text.is_empty();
    (said || !tool_calls.is_empty()).then(|| Entry::Assistant {
        content: said.then_some(text),
        tool_calls,
        kept,
    })
}
