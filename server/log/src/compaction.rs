//! What a compaction did to the conversation, as it stands in the log: the results that made room, and the texts that
//! took the place of older messages.
//!
//! Whoever decides on it is in the agent. Here is only what a fold needs to do it again, whatever build wrote it.

use serde::{Deserialize, Serialize};

use crate::{Message, UserBlock};

/// Why a conversation was compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompactTrigger {
    /// The next request would have come too near to the model's window.
    Threshold,
    /// The provider refused a request as too long.
    TooLong,
    /// The user asked for it.
    Asked,
}

/// Who wrote what stands for older messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryBy {
    /// The model.
    Model,
    /// Nobody: it was taken from the log.
    Log,
}

/// A tool's result that a note stands for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearedResult {
    /// Its message, counted from 0 before the compaction.
    pub message: u64,
    /// The provider's id of the call.
    pub tool_use_id: String,
    /// What the model is told instead.
    pub note: String,
}

/// What stands for the beginning of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactSummary {
    /// Messages from the beginning that it takes the place of.
    pub replaced: u64,
    /// The blocks of the user message that comes first now; never empty.
    pub texts: Vec<String>,
    /// Who wrote the summary among them.
    pub by: SummaryBy,
}

/// The conversation after a compaction: notes in the place of results, then texts in the place of the first messages.
#[must_use]
pub fn compacted(
    mut messages: Vec<Message>,
    cleared: &[ClearedResult],
    summary: Option<&CompactSummary>,
) -> Vec<Message> {
    clear(&mut messages, cleared);
    match summary {
        Some(summary) => replace(messages, summary),
        None => messages,
    }
}

fn clear(messages: &mut [Message], cleared: &[ClearedResult]) {
    for ClearedResult {
        message,
        tool_use_id,
        note,
    } in cleared
    {
        let at = usize::try_from(*message).unwrap_or(usize::MAX);
        let Some(Message::User { content }) = messages.get_mut(at) else {
            continue;
        };
        for block in content {
            if let UserBlock::ToolResult(result) = block
                && result.tool_use_id == *tool_use_id
            {
                result.content.clone_from(note);
            }
        }
    }
}

/// Whatever the event says, what comes of it can be sent: results whose calls are gone go too.
fn replace(mut messages: Vec<Message>, summary: &CompactSummary) -> Vec<Message> {
    let texts = summary.texts.iter().filter(|text| !text.is_empty());
    let mut head: Vec<_> = texts
        .map(|text| UserBlock::Text { text: text.clone() })
        .collect();
    if head.is_empty() {
        return messages;
    }
    let replaced = usize::try_from(summary.replaced).unwrap_or(usize::MAX);
    let mut kept = messages.split_off(replaced.min(messages.len()));
    if let Some(Message::User { content }) = kept.first_mut() {
        let texts = std::mem::take(content).into_iter();
        head.extend(texts.filter(|block| matches!(block, UserBlock::Text { .. })));
        kept.remove(0);
    }
    kept.insert(0, Message::User { content: head });
    kept
}
