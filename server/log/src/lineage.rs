//! Where the events of a log were made: a fork begins with those of another session, which may be a fork itself.

use serde::{Deserialize, Serialize};

use crate::{EventData, SessionId};

/// The copied part of a log: a fold of [`EventData::SessionForked`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// From whom, and up to and without which event; each within the one before it.
    copied: Vec<(SessionId, u64)>,
}

impl Lineage {
    /// Takes the event with this number in.
    pub fn apply(&mut self, seq: u64, data: &EventData) {
        if let EventData::SessionForked { of, events, .. } = data {
            let end = seq.saturating_add(1).saturating_add(*events);
            // A copy may end within what was copied for it.
            let outer = self.copied.iter().filter(|(_, end)| seq < *end);
            let end = outer.map(|(_, outer)| *outer).fold(end, u64::min);
            self.copied.push((*of, end));
        }
    }

    /// The session that an event was made in; `None`: the log's own.
    #[must_use]
    pub fn made_in(&self, seq: u64) -> Option<SessionId> {
        let mut innermost_first = self.copied.iter().rev();
        let (of, _) = innermost_first.find(|(_, end)| seq < *end)?;
        Some(*of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_of_the_innermost_copy() {
        let forked = |of, events| EventData::SessionForked {
            of,
            events,
            damage: String::new(),
        };
        let (first, second) = (SessionId::new(), SessionId::new());
        let mut lineage = Lineage::default();
        assert_eq!(lineage.made_in(0), None);
        lineage.apply(0, &forked(second, 6));
        lineage.apply(1, &forked(first, 3));
        let made: Vec<_> = (2..8).map(|seq| lineage.made_in(seq)).collect();
        let (first, second) = (Some(first), Some(second));
        assert_eq!(made, [first, first, first, second, second, None]);
    }

    #[test]
    fn a_copy_of_a_part_of_a_fork_ends_there() {
        let mut lineage = Lineage::default();
        let (first, second) = (SessionId::new(), SessionId::new());
        for (seq, of, events) in [(0, second, 2), (1, first, 100)] {
            let damage = String::new();
            lineage.apply(seq, &EventData::SessionForked { of, events, damage });
        }
        assert_eq!(lineage.made_in(2), Some(first));
        assert_eq!(lineage.made_in(3), None);
    }
}
