//! A session's log and what is folded from it, such as the conversation and the spending, behind one short lock.
//!
//! Whoever makes something happen records it here first. Recording never waits for the disk; [`Recorder::durable`]
//! does, outside of the lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interline_log::{
    Actor, CallId, Conversation, Entry, Event, EventData, Log, LogError, Message, Spending, TurnId,
    UserBlock,
};

use interline_tools::Memory;

use crate::claims;
use crate::prefix::Changes;
use crate::replay::Recording;
use crate::reviewed::Reviewed;
use crate::telemetry::Telemetry;

pub(crate) struct Recorder {
    inner: Mutex<Inner>,
    telemetry: Option<Arc<Telemetry>>,
}

struct Inner {
    sink: Sink,
    conversation: Conversation,
    spending: Spending,
    claims: claims::Record,
    changes: Changes,
    reviewed: Reviewed,
    /// What the tools know of the session.
    memory: Arc<Memory>,
}

/// Where events go.
enum Sink {
    Log(Log),
    /// In a re-run nothing is written: each event is compared with the one on record.
    Record(Arc<Recording>),
}

impl Inner {
    fn new(sink: Sink, memory: Arc<Memory>) -> Self {
        Self {
            sink,
            conversation: Conversation::default(),
            spending: Spending::default(),
            claims: claims::Record::default(),
            changes: Changes::default(),
            reviewed: Reviewed::default(),
            memory,
        }
    }

    fn append(&mut self, entry: Entry) -> Result<Event, LogError> {
        let event = match &mut self.sink {
            Sink::Log(log) => log.append(entry)?,
            Sink::Record(recording) => {
                let (outside, compared) = recording.append(entry);
                outside.iter().for_each(|event| self.fold(event));
                compared?
            }
        };
        self.fold(&event);
        Ok(event)
    }

    fn fold(&mut self, event: &Event) {
        self.conversation.apply(event);
        self.spending.apply(event.seq, event.ts, &event.data);
        self.claims.apply(&event.data);
        self.changes.apply(&event.data);
        self.reviewed.apply(event);
        self.memory.apply(&event.data);
    }
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
    pub(crate) fn new(
        log: Log,
        past: &[Event],
        telemetry: Option<Arc<Telemetry>>,
        memory: Arc<Memory>,
    ) -> Self {
        let mut inner = Inner::new(Sink::Log(log), memory);
        for event in past {
            inner.fold(event);
            if matches!(event.data, EventData::InputUser { .. }) {
                inner.reviewed.told();
            }
        }
        Self {
            inner: Mutex::new(inner),
            telemetry,
        }
    }

    /// The recorder of a re-run.
    pub(crate) fn comparing(recording: Arc<Recording>) -> Self {
        Self {
            inner: Mutex::new(Inner::new(Sink::Record(recording), Arc::default())),
            telemetry: None,
        }
    }

    /// Takes in what stands in the record of a re-run and is not the turn loop's doing.
    pub(crate) fn take(&self, outside: &[Event]) {
        let mut inner = self.lock();
        outside.iter().for_each(|event| inner.fold(event));
    }

    pub(crate) fn record(
        &self,
        place: impl Into<Place>,
        actor: Actor,
        data: EventData,
    ) -> Result<Event, LogError> {
        let Place { turn, call } = place.into();
        let mut inner = self.lock();
        let event = inner.append(Entry {
            turn,
            call,
            causes: Vec::new(),
            actor,
            data,
        })?;
        if let Some(telemetry) = &self.telemetry {
            telemetry.note(&event);
        }
        Ok(event)
    }

    /// Returns when all that was recorded so far will survive a crash.
    pub(crate) async fn durable(&self) -> Result<(), LogError> {
        let barrier = match &mut self.lock().sink {
            Sink::Log(log) => Some(log.durable()),
            Sink::Record(_) => None,
        };
        match barrier {
            Some(barrier) => barrier.await,
            None => Ok(()),
        }
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        let mut inner = self.lock();
        if let Sink::Record(recording) = &inner.sink {
            let outside = recording.outside();
            outside.iter().for_each(|event| inner.fold(event));
        }
        inner.conversation.messages().to_vec()
    }

    /// Was the model told all of these pieces of text in one message that is not its own? Where no model has asked for
    /// anything, the user has.
    pub(crate) fn told(&self, pieces: &[&str]) -> bool {
        let messages = self.messages();
        let texts = messages.iter().filter_map(|message| match message {
            Message::User { content } => Some(content),
            Message::Assistant { .. } => None,
        });
        let mut texts = texts.flatten().map(|block| match block {
            UserBlock::ToolResult(result) => &result.content,
            UserBlock::Text { text } => text,
        });
        messages.is_empty() || texts.any(|text| pieces.iter().all(|piece| text.contains(piece)))
    }

    /// What the session has spent so far.
    pub(crate) fn spending(&self) -> Spending {
        self.lock().spending.clone()
    }

    /// What the last answer says was done, compared with what was.
    pub(crate) fn claims(&self) -> claims::Verdict {
        claims::check(&self.lock().claims)
    }

    /// Why the next request does not begin with the last one, should it not.
    pub(crate) fn prefix_changed_by(&self) -> &'static str {
        self.lock().changes.reason()
    }

    /// Has the user decided on hunks since the model was told?
    pub(crate) fn has_reviewed(&self) -> bool {
        self.lock().reviewed.is_news()
    }

    /// What the user has decided on hunks since, for the model.
    pub(crate) fn take_reviewed(&self) -> String {
        self.lock().reviewed.take()
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
