//! What goes and what stays: which results are cleared, and where the recent tail begins.
//!
//! Sizes are bytes as a request has them. A tail begins with a message of the model's, so a call never stands without
//! its result, nor thinking without what it led to.

use std::collections::HashMap;

use interline_log::{
    AssistantBlock, AssistantContent, ClearedResult, Message, ToolResult, UserBlock,
};

/// Shorter results stay: a note would be as long.
const WORTH_CLEARING: usize = 400;

/// What a request has place for, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Tools, system prompt and whatever else stands in each request.
    pub(crate) fixed: u64,
    /// What the conversation may take beside it.
    pub(crate) bytes: u64,
}

impl Room {
    /// `limit` is what a request may have in all.
    pub(crate) fn new(fixed: u64, limit: u64) -> Self {
        Self {
            fixed,
            bytes: limit.saturating_sub(fixed),
        }
    }

    /// Part of the room, in hundredths.
    pub(crate) fn part(&self, percent: u64) -> usize {
        usize::try_from(self.bytes / 100 * percent).unwrap_or(usize::MAX)
    }

    /// A request of so many bytes leaves a good part of the room free: the next compaction is far.
    pub(crate) fn is_spacious(&self, bytes: u64, percent: u64) -> bool {
        bytes <= self.fixed.saturating_add(self.bytes / 100 * percent)
    }
}

/// Both stages, to choose from.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// All old results, and those too large to be kept.
    pub(crate) cleared: Vec<ClearedResult>,
    /// Where the tail begins that a summary leaves as it is; the number of messages: there is none.
    pub(crate) tail: usize,
}

/// Plans for a conversation. The tail takes 30 % of the room at most, its last step alone up to 60 %.
pub(crate) fn plan(messages: &[Message], room: Room) -> Plan {
    let most = room.part(30);
    let old = recent(messages, most);
    let names = names(messages);
    let mut cleared = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let longest = longest(message, most);
        for result in results(message) {
            let name = names.get(result.tool_use_id.as_str());
            let name = name.copied().unwrap_or("tool");
            let note = if at < old {
                format!(
                    "[what `{name}` said here was cleared to make room. call it again if you need it]"
                )
            } else if result.content.len() > longest {
                format!(
                    "[what `{name}` said here is too long for the context. call it again for a smaller part]"
                )
            } else {
                continue;
            };
            if result.content.len() > WORTH_CLEARING {
                cleared.push(ClearedResult {
                    message: at as u64,
                    tool_use_id: result.tool_use_id.clone(),
                    note,
                });
            }
        }
    }
    Plan { cleared, tail: old }
}

/// Of the results that are cleared those that stand in the tail: all others go with their messages.
pub(crate) fn oversized(plan: &Plan) -> Vec<ClearedResult> {
    let kept = plan
        .cleared
        .iter()
        .filter(|cleared| cleared.message >= plan.tail as u64);
    kept.cloned().collect()
}

/// Where the recent part of at most `most` bytes begins. A result that is too long alone counts as its note.
fn recent(messages: &[Message], most: usize) -> usize {
    let (mut size, mut begin) = (0_usize, messages.len());
    let mut steps = 0;
    for (at, message) in messages.iter().enumerate().rev() {
        size = size.saturating_add(size_of(message, most));
        if matches!(message, Message::User { .. }) {
            continue;
        }
        let allowed = if steps == 0 {
            most.saturating_mul(2)
        } else {
            most
        };
        if size > allowed {
            break;
        }
        (begin, steps) = (at, steps + 1);
    }
    begin
}

fn size_of(message: &Message, most: usize) -> usize {
    match message {
        Message::User { content } => {
            let longest = longest(message, most);
            let sizes = content.iter().map(|block| match block {
                UserBlock::Text { text } => text.len(),
                UserBlock::ToolResult(result) if result.content.len() > longest => WORTH_CLEARING,
                UserBlock::ToolResult(result) => result.content.len() + result.tool_use_id.len(),
            });
            sizes.sum()
        }
        Message::Assistant { content, .. } => content.iter().map(size_of_block).sum(),
    }
}

/// The longest result that a message of the tail may keep: each its share, where together they are too long.
fn longest(message: &Message, most: usize) -> usize {
    let sizes = || results(message).map(|result| result.content.len());
    if sizes().sum::<usize>() <= most {
        return usize::MAX;
    }
    most / sizes().count().max(1)
}

fn size_of_block(block: &AssistantBlock) -> usize {
    if let Some(raw) = &block.raw {
        return raw.to_string().len();
    }
    match &block.content {
        AssistantContent::Text { text } | AssistantContent::Thinking { text } => text.len(),
        AssistantContent::ToolUse {
            id,
            name,
            arguments,
        } => id.len() + name.len() + arguments.len(),
        AssistantContent::Other => 0,
    }
}

fn results(message: &Message) -> impl Iterator<Item = &ToolResult> {
    let content = match message {
        Message::User { content } => content.as_slice(),
        Message::Assistant { .. } => &[],
    };
    content.iter().filter_map(|block| match block {
        UserBlock::ToolResult(result) => Some(result),
        UserBlock::Text { .. } => None,
    })
}

/// The tools by the ids of their calls.
pub(super) fn names(messages: &[Message]) -> HashMap<&str, &str> {
    let blocks = messages.iter().flat_map(|message| match message {
        Message::Assistant { content, .. } => content.as_slice(),
        Message::User { .. } => &[],
    });
    let names = blocks.filter_map(|block| match &block.content {
        AssistantContent::ToolUse { id, name, .. } => Some((id.as_str(), name.as_str())),
        _ => None,
    });
    names.collect()
}
