//! Bringing a session's hunks back from its log, placed in the texts of now.

use interline_log::{Event, EventData, SessionId};

use crate::Workspace;

impl Workspace {
    pub(crate) fn restore_hunks(&self, session: SessionId, events: &[Event]) -> Vec<EventData> {
        let _ = (session, events);
        Vec::new()
    }
}
