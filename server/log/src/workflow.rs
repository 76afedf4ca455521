//! What is being done, as a fold of the events: the plan, the steps and how far each is, what they left, what they took.
//!
//! It resumes by itself: what a crash cut in two stands here with what is known of it, whatever the conversation was
//! about. Must not look at texts: what was said is [`crate::Conversation`]'s.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::{
    AssistantContent, CallId, CallStatus, Event, EventData, RetryClass, SessionId, Spent, TodoItem,
    TurnId,
};

/// The work of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workflow {
    /// The agent's list of things to do.
    pub plan: Vec<TodoItem>,
    /// The calls that models asked for, in order.
    pub steps: Vec<Step>,
    /// Files that changes landed in, by path.
    pub artefacts: BTreeMap<String, Artefact>,
    /// What each turn took.
    pub budget: BTreeMap<TurnId, Budgeted>,
    /// The turn that has begun and not ended.
    pub open_turn: Option<TurnId>,
    /// Positions in `steps` of those without an outcome.
    open: Vec<usize>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The provider's id.
    pub tool_use_id: String,
    /// Ours, once somebody took it up.
    pub call: Option<CallId>,
    /// The turn that it belongs to.
    pub turn: Option<TurnId>,
    /// The tool.
    pub tool: String,
    /// How far it is.
    pub state: StepState,
    /// What a resumed session does with it; known once it is intended.
    pub retry: Option<RetryClass>,
    /// Names the effect: the same session, call, tool and arguments have the same key. Known with the intent.
    pub key: Option<String>,
    /// It has put hunks on record.
    pub proposed: bool,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// The model asked for it.
    Ready,
    /// A process took it up: it is decided on.
    Leased,
    /// It may have begun: its intent is on record.
    Intended,
    /// It did what it says.
    Done,
    /// It was denied, cancelled, or did not work.
    Failed,
    /// It began, and nobody knows how it ended.
    Unknown,
}

/// A file that changes landed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artefact {
    /// Hash of its text or bytes after the last landing, hex.
    pub sha256: String,
    /// The turn that changed it last.
    pub turn: Option<TurnId>,
}

/// What a turn took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgeted {
    /// Model requests that were answered.
    pub requests: u32,
    /// Tokens and money.
    pub spent: Spent,
}

impl Workflow {
    /// The work of these events.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut workflow = Self::default();
        events.into_iter().for_each(|event| workflow.apply(event));
        workflow
    }

    /// Steps without an outcome, in order.
    pub fn open(&self) -> impl Iterator<Item = &Step> {
        self.open.iter().filter_map(|at| self.steps.get(*at))
    }

    /// Takes the next event in.
    pub fn apply(&mut self, event: &Event) {
        match &event.data {
            EventData::TodoSet { items } => self.plan.clone_from(items),
            EventData::InputUser { .. } => self.open_turn = event.turn,
            EventData::TurnEnded { .. } => self.open_turn = None,
            EventData::ResponseBlock { block } => {
                if let AssistantContent::ToolUse { id, name, .. } = &block.content {
                    self.ready(event.turn, id, name);
                }
            }
            EventData::ResponseStopped {
                usage,
                cost_micro_usd,
                ..
            } => {
                if let Some(turn) = event.turn {
                    let budget = self.budget.entry(turn).or_default();
                    budget.requests += 1;
                    budget.spent.add(*usage, *cost_micro_usd);
                }
            }
            EventData::ToolAnnounced { tool, tool_use_id } => {
                self.lease(event, tool, tool_use_id);
            }
            EventData::ToolIntent { digest, retry, .. } => {
                let key = event.call.map(|call| key(event.session, call, digest));
                self.change(event.call, |step| {
                    step.state = StepState::Intended;
                    step.retry = Some(*retry);
                    step.key = key;
                });
            }
            EventData::EditProposed { .. } => self.change(event.call, |step| step.proposed = true),
            EventData::ToolOutcome {
                tool_use_id,
                status,
                ..
            } => self.end(event.call, tool_use_id, *status),
            EventData::EditApplied {
                path, post_sha256, ..
            }
            | EventData::EditUndone {
                path, post_sha256, ..
            } => {
                let artefact = Artefact {
                    sha256: post_sha256.clone(),
                    turn: event.turn,
                };
                self.artefacts.insert(path.clone(), artefact);
            }
            _ => {}
        }
    }

    fn ready(&mut self, turn: Option<TurnId>, tool_use_id: &str, tool: &str) {
        self.open.push(self.steps.len());
        self.steps.push(Step {
            tool_use_id: tool_use_id.to_owned(),
            call: None,
            turn,
            tool: tool.to_owned(),
            state: StepState::Ready,
            retry: None,
            key: None,
            proposed: false,
        });
    }

    fn lease(&mut self, event: &Event, tool: &str, tool_use_id: &str) {
        let asked = |step: &Step| step.call.is_none() && step.tool_use_id == tool_use_id;
        if !self.open().any(asked) {
            // Of nobody's asking but the user's.
            self.ready(event.turn, tool_use_id, tool);
        }
        let position = |at: &&usize| self.steps.get(**at).is_some_and(asked);
        let found = self.open.iter().find(position).copied();
        if let Some(step) = found.and_then(|at| self.steps.get_mut(at)) {
            step.call = event.call;
            step.state = StepState::Leased;
        }
    }

    fn change(&mut self, call: Option<CallId>, change: impl FnOnce(&mut Step)) {
        let is_it = |at: &&usize| {
            let step = self.steps.get(**at);
            step.is_some_and(|step| call.is_some() && step.call == call)
        };
        let found = self.open.iter().find(is_it).copied();
        if let Some(step) = found.and_then(|at| self.steps.get_mut(at)) {
            change(step);
        }
    }

    /// By our id where the outcome has one: what a process found cut has the provider's alone.
    fn end(&mut self, call: Option<CallId>, tool_use_id: &str, status: CallStatus) {
        let is_it = |at: &usize| {
            self.steps.get(*at).is_some_and(|step| match call {
                Some(_) => step.call == call,
                None => step.tool_use_id == tool_use_id,
            })
        };
        let Some(place) = self.open.iter().position(is_it) else {
            return;
        };
        let at = self.open.remove(place);
        if let Some(step) = self.steps.get_mut(at) {
            step.state = match status {
                CallStatus::Succeeded => StepState::Done,
                CallStatus::Unknown => StepState::Unknown,
                CallStatus::Failed | CallStatus::Denied | CallStatus::Cancelled => {
                    StepState::Failed
                }
            };
        }
    }
}

/// `digest` is that of tool and canonical arguments.
fn key(session: SessionId, call: CallId, digest: &str) -> String {
    Digest::of(&[format!("{session}\n{call}\n{digest}").as_bytes()]).to_string()
}
