//! A session's log and what is folded from it, the conversation and the spending, behind one short lock.
//!
//! Whoever makes something happen records it here first. Recording never waits for the disk; [`Recorder::durable`]
//! does, outside of the lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interline_log::{
    Actor, CallId, Conversation, Entry, Event, EventData, Log, LogError, Message, Spending, TurnId,
};

use crate::telemetry::Telemetry;

pub(crate) struct Recorder {
    inner: Mutex<Inner>,
    telemetry: Option<Arc<Telemetry>>,
}

struct Inner {
    log: Log,
    conversation: Conversation,
    spending: Spending,
}

/// What an event belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) turn: Option<TurnId>,
    pub(crate) call: Option<CallId>,
}

impl From<TurnId> for Place {
    fn from(turn: TurnId) -> Self {
        Self {
            turn: Some(turn),
            call: None,
        }
    }
}

impl From<(TurnId, CallId)> for Place {
    fn from((turn, call): (TurnId, CallId)) -> Self {
        Self {
            turn: Some(turn),
            call: Some(call),
        }
    }
}

impl Recorder {
    pub(crate) fn new(log: Log, past: &[Event], telemetry: Option<Arc<Telemetry>>) -> Self {
        let mut conversation = Conversation::default();
        let mut spending = Spending::default();
        for event in past {
            conversation.apply(event);
            spending.apply(event.ts, &event.data);
        }
        Self {
            inner: Mutex::new(Inner {
                log,
                conversation,
                spending,
            }),
            telemetry,
        }
    }

    pub(crate) fn record(
        &self,
        place: impl Into<Place>,
        actor: Actor,
        data: EventData,
    ) -> Result<Event, LogError> {
        let Place { turn, call } = place.into();
        let mut inner = self.lock();
        let event = inner.log.append(Entry {
            turn,
            call,
            causes: Vec::new(),
            actor,
            data,
        })?;
        inner.conversation.apply(&event);
        inner.spending.apply(event.ts, &event.data);
        if let Some(telemetry) = &self.telemetry {
            telemetry.note(&event);
        }
        Ok(event)
    }

    /// Returns when all that was recorded so far will survive a crash.
    pub(crate) async fn durable(&self) -> Result<(), LogError> {
        let barrier = self.lock().log.durable();
        barrier.await
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.lock().conversation.messages().to_vec()
    }

    /// What the session has spent so far.
    pub(crate) fn spending(&self) -> Spending {
        self.lock().spending.clone()
    }

    /// Calls of the last response that have no result yet.
    pub(crate) fn orphans(&self) -> Vec<String> {
        self.lock().conversation.orphans().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves both parts whole: each changes by one call that can't stop half-way.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
