//! The model of a re-run: it answers as the record or a script says, and never reaches out.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use interline_log::{EventData, TurnOutcome};
use interline_model::{ErrorKind, ModelClient, ModelError, ModelEvent, ModelSpec, Request};

use super::answers::{Answer, Script};
use super::recording::Recording;
use crate::session::Session;

pub(super) struct Replayer {
    pub(super) spec: ModelSpec,
    pub(super) recording: Arc<Recording>,
    /// `None`: the record's own answers.
    pub(super) script: Arc<Mutex<Option<Script>>>,
    /// In which the user speaks and cancels.
    pub(super) session: Weak<Session>,
}

impl ModelClient for Replayer {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn encode(&self, request: &Request) -> Result<Bytes, ModelError> {
        interline_model::encode(&self.spec, request)
    }

    fn send(&self, _body: Bytes) -> BoxStream<'static, Result<ModelEvent, ModelError>> {
        if let Some(session) = self.session.upgrade() {
            super::steer(&self.recording, &session);
        }
        match self.reply() {
            Some(Ok(answer)) => {
                let stopped = ModelEvent::Stopped {
                    reason: answer.reason,
                    usage: answer.usage,
                };
                let blocks = answer.blocks.into_iter().map(ModelEvent::Block);
                stream::iter(blocks.chain([stopped]).map(Ok)).boxed()
            }
            Some(Err(error)) => stream::iter([Err(error)]).boxed(),
            None => stream::pending().boxed(),
        }
    }
}

impl Replayer {
    /// `None`: no answer ever comes.
    fn reply(&self) -> Option<Result<Answer, ModelError>> {
        let failed = |kind, message: &str| Some(Err(error(kind, message)));
        if self.recording.compacts() {
            return failed(ErrorKind::TooLong, "the prompt is too long");
        }
        match self.recording.next_of_loop().map(|event| &event.data) {
            Some(EventData::RequestRetry { reason, .. }) => failed(ErrorKind::Server, reason),
            Some(EventData::ThinkingStripped { reason }) => failed(ErrorKind::BadThinking, reason),
            Some(EventData::ResponseBlock { .. } | EventData::ResponseStopped { .. }) => {
                self.answer(Some(self.recorded()))
            }
            Some(EventData::TurnEnded { outcome }) => match outcome {
                TurnOutcome::Cancelled => {
                    if let Some(session) = self.session.upgrade() {
                        session.cancel();
                    }
                    None
                }
                TurnOutcome::Failed { message } => failed(ErrorKind::Rejected, message),
                TurnOutcome::Stopped { reason, message } if reason == "quota" => {
                    failed(ErrorKind::Quota, message)
                }
                TurnOutcome::Stopped { reason, message } if reason == "context" => {
                    failed(ErrorKind::TooLong, in_brackets(message))
                }
                // The loop asks where it did not ask then.
                TurnOutcome::Done | TurnOutcome::Stopped { .. } => self.answer(None),
            },
            Some(_) => self.answer(None),
            None => {
                self.recording.end_here();
                None
            }
        }
    }

    fn answer(&self, recorded: Option<Answer>) -> Option<Result<Answer, ModelError>> {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        let (answer, over) = match script.as_mut() {
            Some(script) => (script.next(recorded), "the script has no more answers"),
            None => (recorded, "no answer to this is on record"),
        };
        Some(answer.ok_or_else(|| error(ErrorKind::Rejected, over)))
    }

    fn recorded(&self) -> Answer {
        let mut answer = Answer {
            blocks: Vec::new(),
            // Where the process died in the middle of an answer nobody gets to see the end.
            reason: interline_log::StopReason::EndTurn,
            usage: interline_log::Usage::default(),
        };
        for event in self.recording.ahead() {
            match &event.data {
                EventData::ResponseBlock { block } => answer.blocks.push(block.clone()),
                EventData::ResponseStopped { reason, usage, .. } => {
                    answer.reason = reason.clone();
                    answer.usage = *usage;
                    break;
                }
                _ => {}
            }
        }
        answer
    }
}

/// The provider's words stand in brackets at the end of the turn's.
fn in_brackets(message: &str) -> &str {
    let inner = message.split_once(" (").map(|(_, inner)| inner);
    inner
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(message)
}

fn error(kind: ErrorKind, message: &str) -> ModelError {
    ModelError {
        kind,
        message: message.to_owned(),
        status: None,
        retry_after: None,
        should_retry: None,
    }
}
