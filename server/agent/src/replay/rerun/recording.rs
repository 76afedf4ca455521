//! The record of a session that is lived through again: how far the re-run is, what comes next, where it differs.
//!
//! A log has two kinds of events. Those of the turn loop are made again and compared one by one. The others are what
//! the world did (policy, the user, tools, the editor, checkers, a crash): they are taken in as they stand, at their
//! place. Must not wait for anything, nor reach out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interline_log::{
    BudgetStop, Entry, Event, EventData, Lineage, LogError, SessionId, ToolDefinition, TurnOutcome,
};
use tokio_util::sync::CancellationToken;

use super::compare::{self, Names};
use crate::replay::Difference;

/// How the loop begins what a checker says of the turn's edits.
const CHECKED: &str = "<diagnostics after=";

/// How begins what the editor has to tell, a checker included: the loop's own words have no tags.
const TOLD: &str = "<";

pub(crate) struct Recording {
    session: SessionId,
    events: Arc<[Event]>,
    lineage: Lineage,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Position of the event that comes next.
    at: usize,
    names: Names,
    difference: Option<Difference>,
    /// Up to here the user's words in a running turn were said again.
    steered: usize,
    /// The record has no more of this turn.
    over: CancellationToken,
}

impl Recording {
    /// `events` of one session, from the first one on.
    pub(super) fn new(session: SessionId, events: Arc<[Event]>) -> Self {
        let mut lineage = Lineage::default();
        for event in events.iter() {
            lineage.apply(event.seq, &event.data);
        }
        Self {
            session,
            events,
            lineage,
            state: Mutex::default(),
        }
    }

    pub(crate) fn session(&self) -> SessionId {
        self.session
    }

    /// The session that the next request was made in: what a fork has copied is another's.
    pub(crate) fn made_in(&self) -> SessionId {
        let next = self.events.get(self.state().at);
        let made_in = next.and_then(|next| self.lineage.made_in(next.seq));
        made_in.unwrap_or(self.session)
    }

    // --- for the recorder ---

    /// Compares an event of the loop with the one on record, after what the world did before it. An error ends the
    /// turn: the two differ, or the record of the turn ends here.
    pub(crate) fn append(&self, entry: Entry) -> (Vec<Event>, Result<Event, LogError>) {
        let mut state = self.state();
        let mut outside = Vec::new();
        if state.difference.is_some() || state.over.is_cancelled() {
            return (outside, Err(LogError::Stopped));
        }
        loop {
            let Some(recorded) = self.events.get(state.at).filter(|event| !cuts(event)) else {
                state.over.cancel();
                return (outside, Err(LogError::Stopped));
            };
            if let Some(event) = self.of_before(recorded, &entry) {
                return (outside, Ok(event));
            }
            if !is_loops(recorded) {
                state.at += 1;
                outside.push(recorded.clone());
                continue;
            }
            return match compare::difference(recorded, &entry, &mut state.names) {
                Some(difference) => {
                    state.difference = Some(difference);
                    (outside, Err(LogError::Stopped))
                }
                None => {
                    state.at += 1;
                    let event = Event {
                        data: entry.data,
                        ..recorded.clone()
                    };
                    (outside, Ok(event))
                }
            };
        }
    }

    /// A log of before budgets has nothing to compare a reservation with.
    fn of_before(&self, recorded: &Event, entry: &Entry) -> Option<Event> {
        let reserves = |data: &EventData| matches!(data, EventData::BudgetReserved { .. });
        let knows = self.events.iter().any(|event| reserves(&event.data));
        (reserves(&entry.data) && !knows).then(|| Event {
            data: entry.data.clone(),
            ..recorded.clone()
        })
    }

    /// What the world did up to the next event of the loop's.
    pub(crate) fn outside(&self) -> Vec<Event> {
        let mut state = self.state();
        let rest = self.events.get(state.at..).unwrap_or_default();
        let outside = rest
            .iter()
            .take_while(|event| !is_loops(event) && !cuts(event));
        let outside: Vec<_> = outside.cloned().collect();
        state.at += outside.len();
        outside
    }

    // --- for the turn loop ---

    /// System prompt and tools of the next request: they are the build's, not the loop's.
    pub(crate) fn prefix(&self) -> (String, Arc<[ToolDefinition]>) {
        match self.config() {
            Some(EventData::SessionConfig { system, tools, .. }) => {
                (system.clone(), tools.clone().into())
            }
            _ => (String::new(), Vec::new().into()),
        }
    }

    /// The configuration that the next request is made under.
    pub(super) fn config(&self) -> Option<&EventData> {
        let at = self.state().at;
        let is_config = |event: &&Event| matches!(event.data, EventData::SessionConfig { .. });
        let coming = self.ahead().take_while(|event| {
            !matches!(
                event.data,
                EventData::RequestSent { .. } | EventData::TurnEnded { .. }
            )
        });
        let coming = coming.filter(is_config).last();
        let before = self.events.get(..at).unwrap_or_default();
        let config = coming.or_else(|| before.iter().rfind(is_config));
        config.map(|event| &event.data)
    }

    /// What went with the request.
    pub(crate) fn context(&self) -> String {
        let context = self.ahead().find_map(|event| match &event.data {
            EventData::InputUser { context, .. } => Some(context.clone()),
            _ => None,
        });
        context.unwrap_or_default()
    }

    /// The limit that the next request would have passed: limits are the configuration's, and change.
    pub(crate) fn budget_stop(&self) -> Option<BudgetStop> {
        match self.next_of_loop()?.data {
            EventData::BudgetStopped(stop) => Some(stop),
            _ => None,
        }
    }

    /// Does the answer go back to the model, for its edits make new errors?
    pub(crate) fn goes_back(&self) -> bool {
        let mut up_to_end = self.ahead().take_while(|event| {
            !matches!(
                event.data,
                EventData::RequestSent { .. } | EventData::TurnEnded { .. }
            )
        });
        up_to_end.any(|event| is_of_checker(&event.data))
    }

    /// Is the conversation compacted before anything else happens?
    pub(crate) fn compacts(&self) -> bool {
        let mut before = self.ahead().take_while(|event| !is_loops(event));
        before.any(|event| is_of_compaction(&event.data))
    }

    /// A compaction before the next request, to be taken in as it stands: it rests on the model's window, on files and
    /// on the words of a summary, none of which the loop makes.
    pub(crate) fn compaction(&self) -> Vec<Event> {
        let up_to_request = self.ahead().take_while(|event| {
            !matches!(
                event.data,
                EventData::RequestSent { .. } | EventData::TurnEnded { .. }
            )
        });
        let mut events: Vec<_> = up_to_request.cloned().collect();
        let last = events
            .iter()
            .rposition(|event| is_of_compaction(&event.data));
        let length = match last.and_then(|last| Some((last, events.get(last)?))) {
            None => 0,
            // Its end is not on record: the process or the turn ended in the middle.
            Some((_, event)) if is_asking(&event.data) => events.len(),
            Some((last, _)) => {
                let next = events.get(last + 1).map(|event| &event.data);
                let loaded = matches!(next, Some(EventData::ContextLoaded { .. }));
                last + 1 + usize::from(loaded)
            }
        };
        events.truncate(length);
        self.state().at += events.len();
        events
    }

    /// How the turn ends, where that comes next.
    pub(crate) fn end(&self) -> Option<TurnOutcome> {
        match &self.next_of_loop()?.data {
            EventData::TurnEnded { outcome } => Some(outcome.clone()),
            _ => None,
        }
    }

    /// The record has nothing more of this turn.
    pub(crate) fn end_here(&self) {
        self.state().over.cancel();
    }

    // --- for the others of the re-run ---

    /// What comes next, up to where a process died.
    pub(super) fn ahead(&self) -> impl Iterator<Item = &Event> {
        let at = self.state().at;
        let rest = self.events.get(at..).unwrap_or_default();
        rest.iter().take_while(|event| !cuts(event))
    }

    pub(super) fn next_of_loop(&self) -> Option<&Event> {
        self.ahead().find(|event| is_loops(event))
    }

    /// Up to and without the next event.
    pub(super) fn before(&self) -> &[Event] {
        self.events.get(..self.state().at).unwrap_or_default()
    }

    /// From the next event on, whatever happens.
    pub(super) fn rest(&self) -> &[Event] {
        self.events.get(self.state().at..).unwrap_or_default()
    }

    /// Goes on without comparing: the event is no turn's of this re-run.
    pub(super) fn pass(&self) {
        self.state().at += 1;
    }

    /// A turn begins; the token says when the record has no more of it.
    pub(super) fn begin(&self) -> CancellationToken {
        let mut state = self.state();
        state.over = CancellationToken::new();
        state.over.clone()
    }

    /// What the user says while the turn runs, up to the next request but one.
    pub(super) fn steering(&self) -> Vec<String> {
        let mut state = self.state();
        let from = state.at.max(state.steered);
        let rest = self.events.get(from..).unwrap_or_default();
        let mut said = Vec::new();
        state.steered = from;
        for event in rest.iter().take_while(|event| !cuts(event)) {
            match &event.data {
                EventData::RequestSent { .. } | EventData::TurnEnded { .. } => break,
                EventData::InputSteer { text } => said.push(text.clone()),
                _ => {}
            }
            state.steered += 1;
        }
        said
    }

    /// What is taken up again goes by the ids on record.
    pub(super) fn forget_names(&self) {
        self.state().names.forget();
    }

    pub(super) fn differs(&self, what: &str, got: &str) {
        let mut state = self.state();
        let last = self.events.get(state.at).or(self.events.last());
        if let (None, Some(event)) = (&state.difference, last) {
            let kind = crate::replay::type_of(&event.data);
            state.difference = Some(Difference {
                seq: event.seq,
                event: kind.clone(),
                what: what.to_owned(),
                expected: kind,
                got: got.to_owned(),
            });
        }
    }

    pub(super) fn difference(&self) -> Option<Difference> {
        self.state().difference.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does a turn that runs end here without a word of its own?
pub(super) fn cuts(event: &Event) -> bool {
    matches!(
        event.data,
        EventData::SessionResumed { .. } | EventData::Crash { .. }
    )
}

/// Is it the turn loop that makes this event?
pub(super) fn is_loops(event: &Event) -> bool {
    match &event.data {
        EventData::SessionConfig { .. }
        | EventData::InputUser { .. }
        | EventData::InputSteer { .. }
        | EventData::BudgetReserved { .. }
        | EventData::BudgetStopped(_)
        | EventData::RequestSent { .. }
        | EventData::RequestRetry { .. }
        | EventData::ThinkingStripped { .. }
        | EventData::ResponseBlock { .. }
        | EventData::ResponseStopped { .. }
        | EventData::ToolAnnounced { .. }
        | EventData::ToolIntent { .. }
        | EventData::ToolOutcome { .. }
        | EventData::TurnEnded { .. } => true,
        EventData::InputEditor { text } => !text.starts_with(TOLD),
        _ => false,
    }
}

fn is_of_compaction(data: &EventData) -> bool {
    let ends = matches!(
        data,
        EventData::CompactCommitted { .. } | EventData::CompactAbandoned { .. }
    );
    ends || is_asking(data)
}

/// For a summary.
fn is_asking(data: &EventData) -> bool {
    matches!(
        data,
        EventData::CompactAsked { .. } | EventData::CompactSent { .. }
    )
}

fn is_of_checker(data: &EventData) -> bool {
    matches!(data, EventData::InputEditor { text } if text.starts_with(CHECKED))
}
