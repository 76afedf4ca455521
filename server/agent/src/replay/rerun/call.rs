//! What a record tells of one call: how it was decided on, and what came of it.

use interline_log::{Access, Event, EventData, TurnOutcome};
use interline_tools::{Output, ToolInfo};

use super::recording::Recording;

/// A call as the record tells it.
pub(crate) struct Told {
    pub(crate) access: Access,
    /// One for each time that it was let through.
    pub(crate) intents: Vec<EventData>,
    pub(crate) ended: Ended,
}

/// What came of a call.
pub(crate) enum Ended {
    /// `cancelled`: the user stopped the turn while it ran.
    Output { output: Output, cancelled: bool },
    /// The turn was stopped before it had an outcome.
    Cancelled,
    /// The record of the turn ends before its outcome.
    Cut,
}

impl Recording {
    /// The call that the model asked for by this id. The error is what the model was told of a call that can't be made.
    pub(crate) fn call(
        &self,
        tool: &str,
        tool_use_id: &str,
        tools: &[ToolInfo],
    ) -> Result<Told, String> {
        let this_step = self
            .ahead()
            .take_while(|event| !matches!(event.data, EventData::RequestSent { .. }));
        let events: Vec<_> = this_step.collect();
        let announces = |event: &&&Event| match &event.data {
            EventData::ToolAnnounced {
                tool_use_id: id, ..
            } => id == tool_use_id,
            _ => false,
        };
        let announced = events.iter().find(announces).copied();
        // What waited for permission when its process ended was announced by that one.
        let announced = announced.or_else(|| self.before().iter().rfind(|event| announces(&event)));
        let Some(announced) = announced else {
            // The loop ends the turn before it takes this up, or differs from the record here.
            return Err("not on record".to_owned());
        };
        let own = || events.iter().filter(|event| event.call == announced.call);
        let outcome = own().find_map(|event| output(&event.data));
        let decided = own().any(|event| matches!(event.data, EventData::ToolGated { .. }));
        let stopped = events.iter().any(|event| is_cancelled(&event.data));
        let ended = match outcome {
            Some(output) if !decided => return Err(output.content),
            Some(output) => Ended::Output {
                cancelled: stopped && last_of_turn(&events, announced),
                output,
            },
            None if stopped => Ended::Cancelled,
            None => Ended::Cut,
        };
        let intents = own().filter(|event| matches!(event.data, EventData::ToolIntent { .. }));
        let intents: Vec<_> = intents.map(|event| event.data.clone()).collect();
        let known = tools.iter().find(|info| info.definition.name == tool);
        let access = match (known, intents.is_empty()) {
            (Some(info), _) => info.access,
            (None, true) => Access::Read,
            (None, false) => Access::Execute,
        };
        Ok(Told {
            access,
            intents,
            ended,
        })
    }
}

fn output(data: &EventData) -> Option<Output> {
    match data {
        EventData::ToolOutcome {
            status,
            content,
            summary,
            ..
        } => Some(Output {
            status: *status,
            content: content.clone(),
            summary: summary.clone(),
            // They stand in the record, before the outcome.
            events: Vec::new(),
        }),
        _ => None,
    }
}

fn is_cancelled(data: &EventData) -> bool {
    let outcome = TurnOutcome::Cancelled;
    *data == EventData::TurnEnded { outcome }
}

/// Was this the last call that was answered by its own?
fn last_of_turn(events: &[&Event], announced: &Event) -> bool {
    let answered = events
        .iter()
        .rfind(|event| event.call.is_some() && output(&event.data).is_some());
    answered.is_some_and(|event| event.call == announced.call)
}
