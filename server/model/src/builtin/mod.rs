//! The embedded default: a small rule engine behind the same trait as any model, without network or weights.
//!
//! It decides the next step from the conversation alone, with the same tools as a model, so that it replays,
//! resumes and is reviewed like one. It applies what compilers and language servers offer as safe fixes, checks,
//! and says what it left. It never writes code of its own.

mod answer;
mod explain;
mod fix;
mod turn;
mod words;

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use interline_log::{AssistantBlock, AssistantContent, StopReason, Usage};
use serde_json::Value;

use crate::{ErrorKind, ModelClient, ModelError, ModelEvent, ModelSpec, Request, codec};
use turn::{Intent, Turn};

pub(crate) struct Builtin(Arc<ModelSpec>);

impl Builtin {
    pub(crate) fn new(spec: ModelSpec) -> Self {
        Self(Arc::new(spec))
    }
}

impl ModelClient for Builtin {
    fn spec(&self) -> &ModelSpec {
        &self.0
    }

    fn encode(&self, request: &Request) -> Result<Bytes, ModelError> {
        codec::encode(&self.0, request)
    }

    fn send(&self, body: Bytes) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        let events = match serde_json::from_slice::<Request>(&body) {
            Ok(request) => decide(&request).into_events(request.messages.len()),
            Err(error) => {
                let message = format!("builtin: this body is no request of ours: {error}");
                vec![Err(ModelError::new(ErrorKind::Rejected, message))]
            }
        };
        stream::iter(events).boxed()
    }
}

/// What to do next.
#[derive(Debug, PartialEq)]
enum Next {
    Call(Vec<Call>),
    Answer(String),
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
struct Call {
    tool: &'static str,
    input: Value,
}

fn decide(request: &Request) -> Next {
    let Some(turn) = Turn::of(&request.messages) else {
        return Next::Answer(answer::cannot());
    };
    let has = |name: &str| request.tools.iter().any(|tool| tool.name == name);
    match turn.intent {
        Intent::Fix if has("diagnostics") && has("quickfix") => fix::next(&turn),
        Intent::Explain if has("diagnostics") => explain::next(&turn, has("hover")),
        _ => Next::Answer(answer::cannot()),
    }
}

impl Next {
    /// `position` of the request in the conversation makes the calls' ids unique there.
    fn into_events(self, position: usize) -> Vec<Result<ModelEvent, ModelError>> {
        let block = |content| ModelEvent::Block(AssistantBlock { content, raw: None });
        let (mut events, reason) = match self {
            Self::Answer(text) => (
                vec![
                    ModelEvent::TextDelta(text.clone()),
                    block(AssistantContent::Text { text }),
                ],
                StopReason::EndTurn,
            ),
            Self::Call(calls) => {
                let calls = calls.into_iter().enumerate().flat_map(|(index, call)| {
                    let name = call.tool.to_owned();
                    let id = format!("builtin_{position}_{index}");
                    let arguments = call.input.to_string();
                    [
                        ModelEvent::ToolStarted { name: name.clone() },
                        block(AssistantContent::ToolUse {
                            id,
                            name,
                            arguments,
                        }),
                    ]
                });
                (calls.collect::<Vec<_>>(), StopReason::ToolUse)
            }
        };
        events.push(ModelEvent::Stopped {
            reason,
            usage: Usage::default(),
        });
        events.into_iter().map(Ok).collect()
    }
}

#[cfg(test)]
mod tests;
