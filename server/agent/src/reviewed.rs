//! What the user has decided on hunks that the model does not know of yet: a fold of the log.
//!
//! What a turn lands by itself is no decision of the user's.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use interline_log::{Event, EventData, HunkId};

use crate::transcript::changes;

/// Files of one decision that are told; beyond them their number says enough.
const MAX_FILES: usize = 20;

#[derive(Default)]
pub(crate) struct Reviewed {
    /// Of the hunks that nothing was decided on.
    files: HashMap<HunkId, String>,
    /// How many hunks of each file, by decision.
    news: BTreeMap<&'static str, BTreeMap<String, usize>>,
}

impl Reviewed {
    pub(crate) fn apply(&mut self, event: &Event) {
        let by_user = event.turn.is_none();
        match &event.data {
            EventData::EditProposed {
                path,
                replaces,
                hunks,
                ..
            } => {
                for hunk in replaces {
                    self.files.remove(hunk);
                }
                let new = hunks.iter().map(|hunk| (hunk.id, path.clone()));
                self.files.extend(new);
            }
            EventData::EditApplied { path, hunks, .. } => {
                self.forget(hunks);
                if by_user {
                    self.add("accepted", path, hunks.len());
                }
            }
            EventData::EditUndone { path, hunks, .. } if by_user => {
                self.add("taken back", path, hunks.len());
            }
            EventData::EditRejected { hunks } => {
                for path in self.forget(hunks) {
                    self.add("rejected", &path, 1);
                }
            }
            EventData::EditConflicted { hunks } => {
                for path in self.forget(hunks) {
                    self.add("overtaken by edits of the user's own", &path, 1);
                }
            }
            _ => {}
        }
    }

    /// The files of these hunks; nothing more is to be decided on them.
    fn forget(&mut self, hunks: &[HunkId]) -> Vec<String> {
        let files = hunks.iter().filter_map(|hunk| self.files.remove(hunk));
        files.collect()
    }

    fn add(&mut self, decision: &'static str, path: &str, count: usize) {
        let files = self.news.entry(decision).or_default();
        *files.entry(path.to_owned()).or_default() += count;
    }

    /// All that came so far is known.
    pub(crate) fn told(&mut self) {
        self.news.clear();
    }

    pub(crate) fn is_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// For the model; empty where nothing was decided. Known from now on.
    pub(crate) fn take(&mut self) -> String {
        let mut out = String::new();
        for (decision, files) in std::mem::take(&mut self.news) {
            let some = files.iter().take(MAX_FILES);
            let some = some.map(|(path, count)| format!("{path} ({})", changes(*count)));
            let mut some: Vec<_> = some.collect();
            if files.len() > MAX_FILES {
                some.push(format!("and {} more files", files.len() - MAX_FILES));
            }
            // Writing into a String fails never.
            let _ = writeln!(out, "{decision}: {}", some.join(", "));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use interline_log::{Actor, EventId, HunkKind, HunkRecord, SessionId, TurnId};

    use super::*;

    #[test]
    fn the_users_decisions_are_told_once_and_no_others() {
        let turn = TurnId::new();
        let event = |turn: Option<TurnId>, data| Event {
            version: 1,
            seq: 0,
            id: EventId::new(),
            ts: 0,
            session: SessionId::new(),
            turn,
            call: None,
            causes: Vec::new(),
            actor: Actor::User,
            data,
        };
        let ids: Vec<_> = (0..4).map(|_| HunkId::new()).collect();
        let proposed = |path: &str, ids: &[HunkId]| EventData::EditProposed {
            path: path.to_owned(),
            base_sha256: String::new(),
            replaces: Vec::new(),
            hunks: ids
                .iter()
                .map(|id| HunkRecord {
                    id: *id,
                    kind: HunkKind::Text,
                    start_line: 0,
                    old: String::new(),
                    new: String::new(),
                })
                .collect(),
        };
        let applied = |ids: &[HunkId]| EventData::EditApplied {
            path: "a.rs".to_owned(),
            hunks: ids.to_vec(),
            post_sha256: String::new(),
        };
        let rejected = |ids: &[HunkId]| EventData::EditRejected {
            hunks: ids.to_vec(),
        };
        let mut reviewed = Reviewed::default();
        for event in [
            event(Some(turn), proposed("a.rs", &ids[..2])),
            event(Some(turn), proposed("b.rs", &ids[2..])),
            event(Some(turn), applied(&ids[..1])),
            event(None, applied(&ids[1..2])),
            event(None, rejected(&ids[2..])),
            event(None, rejected(&ids[2..])),
        ] {
            reviewed.apply(&event);
        }
        assert!(reviewed.is_news());
        assert_eq!(
            reviewed.take(),
            "accepted: a.rs (1 change)\nrejected: b.rs (2 changes)\n"
        );
        assert_eq!(
            (reviewed.take(), reviewed.is_news()),
            (String::new(), false)
        );
    }
}
