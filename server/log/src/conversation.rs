//! The conversation with the model as a fold of the events: what goes into the next request.
//!
//! Messages are only added to their end, never changed (but by a logged `request.thinking_stripped` or
//! `compact.committed`), so that the prompt's prefix stays byte-stable. So what
//! arrives while a response is on its way, or while its calls wait for their results, is held back until the request
//! that is out can no longer be changed by it. Roles alternate, and each `tool_use` is answered once.

use serde::{Deserialize, Serialize};

use crate::{
    AssistantBlock, AssistantContent, CallStatus, Event, EventData, Message, ToolResult, UserBlock,
    Wire, compacted,
};

/// The messages so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    messages: Vec<Message>,
    /// That of the latest `session.config`.
    wire: Option<Wire>,
    /// A response is on its way: the last user message was sent.
    responding: bool,
    /// `tool_use` ids without an outcome, in the order of the calls.
    unanswered: Vec<String>,
    /// Results that wait for the others of their step.
    results: Vec<UserBlock>,
    /// Texts that wait for the results.
    texts: Vec<UserBlock>,
}

impl Conversation {
    /// A conversation without messages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages of the next request. While [`Conversation::orphans`] names calls, the last one is the model's,
    /// and there can be no request.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The provider's ids of the calls that have no outcome yet, in the order of the calls. After a cut turn each
    /// needs a made-up outcome before the conversation can go on.
    #[must_use]
    pub fn orphans(&self) -> &[String] {
        &self.unanswered
    }

    /// Takes the next event in.
    pub fn apply(&mut self, event: &Event) {
        match &event.data {
            EventData::SessionConfig { wire, .. } => self.wire = Some(*wire),
            EventData::RequestSent { .. } => self.responding = true,
            EventData::ThinkingStripped { .. } => self.strip_thinking(),
            EventData::ResponseBlock { block } => self.respond(block.clone()),
            EventData::ResponseStopped { .. }
            | EventData::SessionForked { .. }
            | EventData::SessionResumed { .. }
            | EventData::TurnEnded { .. } => {
                self.responding = false;
            }
            EventData::ToolOutcome {
                tool_use_id,
                status,
                content,
                ..
            } => {
                self.answer(tool_use_id, *status, content);
            }
            EventData::InputUser { text, context, .. } => {
                self.responding = false;
                self.add_text(text);
                self.add_text(context);
            }
            // What is made shorter must not be what a result still has to find its place in.
            EventData::CompactCommitted {
                cleared, summary, ..
            } if self.unanswered.is_empty() && self.results.is_empty() => {
                let messages = std::mem::take(&mut self.messages);
                self.messages = compacted(messages, cleared, summary.as_ref());
            }
            EventData::InputSteer { text } | EventData::InputEditor { text } => self.add_text(text),
            _ => {}
        }
        self.settle();
    }

    fn respond(&mut self, mut block: AssistantBlock) {
        self.responding = true;
        if let AssistantContent::ToolUse { id, .. } = &block.content {
            self.unanswered.push(id.clone());
        }
        let current = self.wire.unwrap_or(Wire::Builtin);
        match self.messages.last_mut() {
            Some(Message::Assistant { wire, content }) => {
                if *wire != current {
                    // The message goes back in one format; the neutral view serves the other.
                    block.raw = None;
                }
                content.push(block);
            }
            _ => self.messages.push(Message::Assistant {
                wire: current,
                content: vec![block],
            }),
        }
    }

    /// The one change of what was said: logged, so that replay makes it too.
    fn strip_thinking(&mut self) {
        for mut message in std::mem::take(&mut self.messages) {
            if let Message::Assistant { content, .. } = &mut message {
                content.retain(|block| !matches!(block.content, AssistantContent::Thinking { .. }));
                if content.is_empty() {
                    continue;
                }
            }
            match (self.messages.last_mut(), message) {
                (Some(Message::User { content }), Message::User { content: more }) => {
                    content.extend(more);
                }
                (_, message) => self.messages.push(message),
            }
        }
    }

    /// An outcome that answers nothing, or answers again, is dropped: providers refuse both.
    fn answer(&mut self, tool_use_id: &str, status: CallStatus, content: &str) {
        let Some(at) = self.unanswered.iter().position(|id| id == tool_use_id) else {
            return;
        };
        self.unanswered.remove(at);
        self.results.push(UserBlock::ToolResult(ToolResult {
            tool_use_id: tool_use_id.to_owned(),
            content: content.to_owned(),
            is_error: status != CallStatus::Succeeded,
        }));
    }

    fn add_text(&mut self, text: &str) {
        if !text.is_empty() {
            self.texts.push(UserBlock::Text {
                text: text.to_owned(),
            });
        }
    }

    /// Adds what was held back, once nothing stands in its way.
    fn settle(&mut self) {
        if self.responding
            || !self.unanswered.is_empty()
            || (self.results.is_empty() && self.texts.is_empty())
        {
            return;
        }
        let blocks = self.results.drain(..).chain(self.texts.drain(..));
        match self.messages.last_mut() {
            Some(Message::User { content }) => content.extend(blocks),
            _ => {
                let content = blocks.collect();
                self.messages.push(Message::User { content });
            }
        }
    }
}
