//! The in-toto Statement v1 of a session: which files it changed, by the digests that they had then, bound to the
//! tree of its log. A fold of the log, so that who has the log makes the same text again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};

use crate::digest::Digest;
use crate::{EventData, HunkId, HunkKind, SessionId};

const PREDICATE: &str = "urn:interline:session:v1";

/// What the statement will say, so far.
#[derive(Default)]
pub(crate) struct Statement {
    version: String,
    /// Name in the configuration and the provider's id.
    models: BTreeSet<(String, String)>,
    /// Where each hunk was proposed, and what it does.
    hunks: HashMap<HunkId, (String, HunkKind)>,
    /// The digest of each file that was changed, hex; `None`: it was deleted.
    files: BTreeMap<String, Option<String>>,
}

/// The types of event that are to be given to [`Statement::take`].
pub(crate) const TYPES: [&str; 5] = [
    "\"session.created\"",
    "\"session.config\"",
    "\"edit.proposed\"",
    "\"edit.applied\"",
    "\"edit.undone\"",
];

impl Statement {
    pub(crate) fn take(&mut self, data: EventData) {
        match data {
            EventData::SessionCreated { version, .. } => self.version = version,
            EventData::SessionConfig {
                model, model_id, ..
            } => {
                self.models.insert((model, model_id));
            }
            EventData::EditProposed { path, hunks, .. } => {
                let hunks = hunks.into_iter().map(|hunk| (hunk.id, hunk.kind));
                self.hunks
                    .extend(hunks.map(|(id, kind)| (id, (path.clone(), kind))));
            }
            EventData::EditApplied {
                path,
                hunks,
                post_sha256,
            } => self.changed(path, &hunks, post_sha256, false),
            EventData::EditUndone {
                path,
                hunks,
                post_sha256,
            } => self.changed(path, &hunks, post_sha256, true),
            _ => {}
        }
    }

    fn changed(&mut self, path: String, hunks: &[HunkId], sha256: String, undone: bool) {
        let whole = hunks
            .iter()
            .filter_map(|id| self.hunks.get(id))
            .find(|(_, kind)| *kind != HunkKind::Text);
        match whole.cloned() {
            Some((_, HunkKind::Mode { .. })) => {}
            Some((from, HunkKind::Move { to })) => {
                let (gone, there) = if undone { (to, from) } else { (from, to) };
                self.files.insert(gone, None);
                self.files.insert(there, Some(sha256));
            }
            Some((_, kind)) if is_gone(&kind, undone) => {
                self.files.insert(path, None);
            }
            _ => {
                self.files.insert(path, Some(sha256));
            }
        }
    }

    /// The statement about a log of `events` events whose tree has this root.
    pub(crate) fn text(self, session: SessionId, events: u64, root: &Digest) -> String {
        let (there, gone): (Vec<_>, Vec<_>) = self
            .files
            .into_iter()
            .partition(|(_, digest)| digest.is_some());
        let subjects = there
            .into_iter()
            .map(|(name, digest)| json!({ "name": name, "digest": { "sha256": digest } }));
        let models = self
            .models
            .into_iter()
            .map(|(name, id)| json!({ "name": name, "id": id }));
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects.collect::<Value>(),
            "predicateType": PREDICATE,
            "predicate": {
                "session": session,
                "interline": self.version,
                "models": models.collect::<Value>(),
                "deleted": gone.into_iter().map(|(name, _)| name).collect::<Value>(),
                "log": {
                    "origin": super::checkpoint::origin(session),
                    "size": events,
                    "rootHash": BASE64.encode(root.as_bytes()),
                },
            },
        });
        format!("{statement:#}\n")
    }
}

/// Does this leave no file?
fn is_gone(kind: &HunkKind, undone: bool) -> bool {
    match kind {
        HunkKind::Delete => !undone,
        HunkKind::Create => undone,
        HunkKind::Binary { before, after } => if undone { before } else { after }.is_none(),
        HunkKind::Text | HunkKind::Move { .. } | HunkKind::Mode { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HunkRecord;

    fn proposed(path: &str, kind: HunkKind) -> (HunkId, EventData) {
        let id = HunkId::new();
        let (old, new) = (String::new(), String::new());
        let hunk = HunkRecord {
            id,
            kind,
            start_line: 0,
            old,
            new,
        };
        let event = EventData::EditProposed {
            path: path.into(),
            base_sha256: String::new(),
            replaces: Vec::new(),
            hunks: vec![hunk],
        };
        (id, event)
    }

    fn files(steps: &[(&str, HunkKind, bool)]) -> Vec<(String, Option<String>)> {
        let mut statement = Statement::default();
        for (at, (path, kind, undone)) in steps.iter().enumerate() {
            let (id, event) = proposed(path, kind.clone());
            statement.take(event);
            let (path, hunks) = ((*path).to_owned(), vec![id]);
            let post_sha256 = at.to_string();
            statement.take(EventData::EditApplied {
                path: path.clone(),
                hunks: hunks.clone(),
                post_sha256,
            });
            if *undone {
                let post_sha256 = format!("{at} back");
                statement.take(EventData::EditUndone {
                    path,
                    hunks,
                    post_sha256,
                });
            }
        }
        statement.files.into_iter().collect()
    }

    #[test]
    fn the_last_state_of_each_file_counts() {
        let there = |name: &str, digest: &str| (name.to_owned(), Some(digest.to_owned()));
        let gone = |name: &str| (name.to_owned(), None);
        let to = |to: &str| HunkKind::Move { to: to.into() };
        assert_eq!(
            files(&[("a", HunkKind::Text, false), ("a", HunkKind::Text, false)]),
            [there("a", "1")]
        );
        assert_eq!(
            files(&[("a", HunkKind::Text, true)]),
            [there("a", "0 back")]
        );
        assert_eq!(files(&[("a", HunkKind::Create, true)]), [gone("a")]);
        assert_eq!(files(&[("a", HunkKind::Delete, false)]), [gone("a")]);
        assert_eq!(
            files(&[("a", HunkKind::Delete, true)]),
            [there("a", "0 back")]
        );
        assert_eq!(
            files(&[("a", to("b"), false)]),
            [gone("a"), there("b", "0")]
        );
        assert_eq!(
            files(&[("a", to("b"), true)]),
            [there("a", "0 back"), gone("b")]
        );
        assert_eq!(
            files(&[("a", HunkKind::Mode { executable: true }, false)]),
            []
        );
    }
}
