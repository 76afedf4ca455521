//! What a resumed session reads from the events of the process before it.

use std::collections::HashMap;

use interline_log::{AssistantContent, Event, EventData, TurnId};

/// The turn that has no end on record.
pub(crate) fn open_turn(events: &[Event]) -> Option<TurnId> {
    events.iter().rev().find_map(|event| match &event.data {
        EventData::TurnEnded { .. } => Some(None),
        EventData::InputUser { .. } => Some(event.turn),
        _ => None,
    })?
}

/// The name of the tool that a call was for.
pub(crate) fn tool_of(events: &[Event], tool_use_id: &str) -> String {
    let name = events.iter().rev().find_map(|event| match &event.data {
        EventData::ResponseBlock { block } => match &block.content {
            AssistantContent::ToolUse { id, name, .. } if id == tool_use_id => Some(name.clone()),
            _ => None,
        },
        _ => None,
    });
    name.unwrap_or_default()
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
