//! The request. All that may differ between two requests of a session stands after the messages, but for the
//! cache breakpoints, which the provider doesn't count as text.

use std::borrow::Cow;

use interline_log::{
    AssistantBlock, AssistantContent, Message, ToolDefinition, ToolResult, UserBlock, Wire,
};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::codec::object;
use crate::{ModelSpec, Request};

/// How many blocks the provider looks back from a breakpoint for what it has in its cache.
const LOOK_BACK: usize = 20;

#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Turn<'a>>,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    input_schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum CacheControl {
    Ephemeral,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Block<'a> {
    Raw(&'a Value),
    Own(OwnBlock<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum OwnBlock<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Thinking {
    Adaptive,
    Enabled { budget_tokens: u32 },
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    effort: &'a str,
}

impl<'a> Body<'a> {
    pub(crate) fn new(spec: &'a ModelSpec, request: &'a Request) -> Self {
        let max_tokens = request.max_output.unwrap_or(spec.max_output);
        let (thinking, output_config) = effort(spec, &request.messages, max_tokens);
        let mut messages = turns(&request.messages);
        mark_tail(&mut messages);
        let system = (!request.system.is_empty())
            .then(|| text(&request.system, Some(CacheControl::Ephemeral)));
        Self {
            model: &spec.id,
            tools: tools(&request.tools),
            system: system.into_iter().collect(),
            messages,
            max_tokens,
            stream: true,
            thinking,
            output_config,
        }
    }
}

fn tools(definitions: &[ToolDefinition]) -> Vec<Tool<'_>> {
    let last = definitions.len().saturating_sub(1);
    let tools = definitions
        .iter()
        .enumerate()
        .map(|(index, definition)| Tool {
            name: &definition.name,
            description: &definition.description,
            input_schema: &definition.input_schema,
            cache_control: (index == last).then_some(CacheControl::Ephemeral),
        });
    tools.collect()
}

fn text(text: &str, cache_control: Option<CacheControl>) -> Block<'_> {
    Block::Own(OwnBlock::Text {
        text,
        cache_control,
    })
}

/// The messages, without what the provider would reject: blocks of blank text, messages of no blocks.
fn turns(messages: &[Message]) -> Vec<Turn<'_>> {
    let mut foreign = false;
    let mut turns = Vec::with_capacity(messages.len());
    for message in messages {
        let (role, content) = match message {
            Message::User { content } => (
                "user",
                content
                    .iter()
                    .filter_map(|block| user(block, foreign))
                    .collect(),
            ),
            Message::Assistant { wire, content } => {
                foreign = *wire != Wire::Anthropic;
                let blocks: Vec<_> = content
                    .iter()
                    .filter_map(|block| assistant(block, foreign))
                    .collect();
                ("assistant", blocks)
            }
        };
        if !content.is_empty() {
            turns.push(Turn { role, content });
        }
    }
    turns
}

fn user(block: &UserBlock, foreign: bool) -> Option<Block<'_>> {
    match block {
        UserBlock::Text { text: content } => {
            (!content.trim().is_empty()).then(|| text(content, None))
        }
        UserBlock::ToolResult(ToolResult {
            tool_use_id,
            content,
            is_error,
        }) => {
            let tool_use_id = call_id(tool_use_id, foreign);
            Some(Block::Own(OwnBlock::ToolResult {
                tool_use_id,
                content,
                is_error: *is_error,
                cache_control: None,
            }))
        }
    }
}

fn assistant(block: &AssistantBlock, foreign: bool) -> Option<Block<'_>> {
    let blank = matches!(&block.content, AssistantContent::Text { text } if text.trim().is_empty());
    if blank {
        return None;
    }
    if let (Some(raw), false) = (&block.raw, foreign) {
        return Some(Block::Raw(raw));
    }
    match &block.content {
        AssistantContent::Text { text: content } => Some(text(content, None)),
        AssistantContent::ToolUse {
            id,
            name,
            arguments,
        } => {
            let input = RawValue::from_string(object(arguments).into_owned()).ok()?;
            Some(Block::Own(OwnBlock::ToolUse {
                id: call_id(id, foreign),
                name,
                input,
            }))
        }
        // Thinking without its signature is rejected, and nobody else can sign it.
        AssistantContent::Thinking { .. } | AssistantContent::Other => None,
    }
}

/// Ids of another format may contain what this one forbids: it takes letters, digits, `_` and `-`.
fn call_id(id: &str, foreign: bool) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !foreign || id.chars().all(fits) {
        Cow::Borrowed(id)
    } else {
        Cow::Owned(id.chars().map(|c| if fits(c) { c } else { '_' }).collect())
    }
}

/// Sets the breakpoints of the conversation: at its tail, and at the last block of ours that the look-back from
/// the tail no longer reaches. The model's own blocks stay as they came.
fn mark_tail(turns: &mut [Turn<'_>]) {
    let blocks = turns
        .iter_mut()
        .flat_map(|turn| turn.content.iter_mut())
        .rev();
    let mut ours = blocks
        .enumerate()
        .filter_map(|(distance, block)| Some((distance, breakpoint(block)?)));
    let Some((tail, breakpoint)) = ours.next() else {
        return;
    };
    *breakpoint = Some(CacheControl::Ephemeral);
    if let Some((_, breakpoint)) = ours.find(|(distance, _)| *distance >= tail + LOOK_BACK) {
        *breakpoint = Some(CacheControl::Ephemeral);
    }
}

fn breakpoint<'b>(block: &'b mut Block<'_>) -> Option<&'b mut Option<CacheControl>> {
    match block {
        Block::Own(
            OwnBlock::Text { cache_control, .. } | OwnBlock::ToolResult { cache_control, .. },
        ) => Some(cache_control),
        _ => None,
    }
}

fn effort<'a>(
    spec: &'a ModelSpec,
    messages: &[Message],
    max_tokens: u32,
) -> (Option<Thinking>, Option<OutputConfig<'a>>) {
    let Some(effort) = spec.effort.as_deref().filter(|effort| *effort != "none") else {
        return (None, None);
    };
    if !has_fixed_budget(&spec.id) {
        return (Some(Thinking::Adaptive), Some(OutputConfig { effort }));
    }
    let wish = match effort {
        "minimal" | "low" => 2_048,
        "medium" => 8_192,
        _ => 24_576,
    };
    // The budget counts as output; below 1,024 the provider rejects it.
    let budget_tokens = wish.min(max_tokens / 2);
    let thinking = (budget_tokens >= 1_024 && !thinking_was_stripped(messages))
        .then_some(Thinking::Enabled { budget_tokens });
    (thinking, None)
}

/// Models up to 4.5 take a budget, later ones an effort (and the newest reject a budget).
fn has_fixed_budget(id: &str) -> bool {
    ["claude-3", "-4-0", "-4-1", "-4-5", "-4-20", "-4@20"]
        .iter()
        .any(|part| id.contains(part))
}

/// With a budget, a step that goes on after tool results must begin with the thinking that led to the calls.
fn thinking_was_stripped(messages: &[Message]) -> bool {
    let last = messages.iter().rev().find_map(|message| match message {
        Message::Assistant { wire, content } => Some((*wire, content)),
        Message::User { .. } => None,
    });
    let calls = |block: &AssistantBlock| matches!(block.content, AssistantContent::ToolUse { .. });
    let thinks =
        |block: &AssistantBlock| matches!(block.content, AssistantContent::Thinking { .. });
    last.is_some_and(|(wire, content)| {
        let thought = wire == Wire::Anthropic && content.first().is_some_and(thinks);
        content.iter().any(calls) && !thought
    })
}
