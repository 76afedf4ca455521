//! What a resumed session reads from the events of the process before it.

use std::collections::HashMap;

use crate::budget::Taken;
use crate::turn::Wanted;
use interline_log::{AssistantContent, CallStatus, Event, EventData, RetryClass, TurnId, Workflow};
use interline_policy::Labels;

/// The turn that has no end on record.
pub(crate) fn open_turn(events: &[Event]) -> Option<TurnId> {
    events.iter().rev().find_map(|event| match &event.data {
        EventData::TurnEnded { .. } => Some(None),
        EventData::InputUser { .. } => Some(event.turn),
        _ => None,
    })?
}

/// Where a turn waits for the user's permission: the calls of its last response that have no result. Nothing of them
/// has run: reads that are not answered are done again.
pub(crate) fn waiting(events: &[Event]) -> bool {
    let last = events.iter().rev().find_map(|event| match &event.data {
        EventData::PermissionAsked { .. } => Some(true),
        EventData::PermissionDecided { .. }
        | EventData::ToolIntent { .. }
        | EventData::RequestSent { .. }
        | EventData::TurnEnded { .. } => Some(false),
        _ => None,
    });
    last == Some(true) && open_turn(events).is_some()
}

/// The calls with these ids, as the model wrote them, under the ids that they were announced with.
pub(crate) fn calls(events: &[Event], workflow: &Workflow, orphans: &[String]) -> Vec<Wanted> {
    let call = |tool_use_id: &String| {
        let step = workflow
            .open()
            .find(|step| step.tool_use_id == *tool_use_id);
        let announced = step.and_then(|step| step.call);
        events.iter().rev().find_map(|event| match &event.data {
            EventData::ResponseBlock { block } => match &block.content {
                AssistantContent::ToolUse {
                    id,
                    name,
                    arguments,
                } if id == tool_use_id => Some(Wanted::again(announced, id, name, arguments)),
                _ => None,
            },
            _ => None,
        })
    };
    orphans.iter().filter_map(call).collect()
}

/// What the open turn has taken so far: its limits go on counting.
pub(crate) fn taken(workflow: &Workflow, turn: TurnId) -> Taken {
    let budgeted = workflow.budget.get(&turn).copied().unwrap_or_default();
    Taken {
        steps: budgeted.requests,
        spent: budgeted.spent,
        ..Taken::default()
    }
}

/// The answer to a call that the process died in or before: what is known of it, by its retry class.
pub(crate) fn outcome(workflow: &Workflow, tool_use_id: &str) -> EventData {
    let step = workflow.open().find(|step| step.tool_use_id == tool_use_id);
    let (status, content, summary) = match step.and_then(|step| step.retry) {
        Some(RetryClass::Opaque | RetryClass::Keyed) => (
            CallStatus::Unknown,
            "the process ended while this ran: whether it took effect is unknown. look before you run it again",
            "outcome unknown",
        ),
        _ if step.is_some_and(|step| step.proposed) => (
            CallStatus::Unknown,
            "the process ended while this ran: what it proposed until then is pending. read the files before you go on",
            "outcome unknown",
        ),
        _ => (
            CallStatus::Cancelled,
            "the process ended before this was done: nothing came of it. call it again if it is still needed",
            "not done",
        ),
    };
    EventData::ToolOutcome {
        tool: step.map(|step| step.tool.clone()).unwrap_or_default(),
        tool_use_id: tool_use_id.to_owned(),
        status,
        content: content.to_owned(),
        summary: summary.to_owned(),
    }
}

/// What was in the session.
pub(crate) fn labels(events: &[Event]) -> Labels {
    let last = events.iter().rev().find_map(|event| match event.data {
        EventData::SessionLabelled { untrusted, private } => Some(Labels { untrusted, private }),
        _ => None,
    });
    last.unwrap_or_default()
}

/// Instruction files that the model was told, with their hashes.
pub(crate) fn known_files(events: &[Event]) -> HashMap<String, String> {
    let loaded = events.iter().filter_map(|event| match &event.data {
        EventData::ContextLoaded { files } => Some(files),
        _ => None,
    });
    loaded
        .flatten()
        .map(|file| (file.path.clone(), file.sha256.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use interline_log::{Actor, EventId, SessionId};

    #[test]
    fn labels_are_those_of_the_last_word_on_them() {
        let event = |data| Event {
            version: 1,
            seq: 0,
            id: EventId::new(),
            ts: 0,
            session: SessionId::new(),
            turn: None,
            call: None,
            causes: Vec::new(),
            actor: Actor::System,
            data,
        };
        let labelled =
            |untrusted, private| event(EventData::SessionLabelled { untrusted, private });
        assert_eq!(labels(&[]), Labels::default());
        let events = [labelled(true, false), labelled(true, true)];
        let both = Labels {
            untrusted: true,
            private: true,
        };
        assert_eq!(labels(&events), both);
    }
}
