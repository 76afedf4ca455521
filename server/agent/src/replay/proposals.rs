//! The hunks of a session, from their proposal to their end, as its log alone tells them.
//!
//! Of a text the log knows the lines that hunks touch and the hash of the whole. So what can be compared is the order
//! of things, the hashes of an edit's beginning and end, and the whole text where a hunk makes the file.

use std::collections::{BTreeMap, HashMap};

use interline_log::{EventData, HunkId, HunkKind};

use super::{Unequal, sha256};

/// Where a hunk is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Pending,
    Applied,
    Gone,
}

struct Hunk {
    stage: Stage,
    /// The whole text of the file that it makes.
    makes: Option<String>,
}

#[derive(Default)]
pub(super) struct Proposals {
    hunks: BTreeMap<HunkId, Hunk>,
    /// The hash that a landing that has begun is to give, by its hunks.
    landing: HashMap<Vec<HunkId>, String>,
}

impl Proposals {
    /// How many there were, and how many wait for the user.
    pub(super) fn count(&self) -> (usize, usize) {
        let all = self.hunks.values();
        let pending = all.filter(|hunk| hunk.stage == Stage::Pending).count();
        (self.hunks.len(), pending)
    }

    pub(super) fn apply(&mut self, event: &EventData) -> Result<(), Unequal> {
        match event {
            EventData::EditProposed {
                replaces, hunks, ..
            } => {
                self.to(replaces, Stage::Gone)?;
                for record in hunks {
                    let makes = matches!(record.kind, HunkKind::Create).then(|| record.new.clone());
                    let stage = Stage::Pending;
                    if self
                        .hunks
                        .insert(record.id, Hunk { stage, makes })
                        .is_some()
                    {
                        return Err(unequal(
                            record.id,
                            "a new one",
                            "one that was proposed before",
                        ));
                    }
                }
            }
            EventData::EditAccepting {
                hunks, post_sha256, ..
            } => {
                self.check_whole(hunks, post_sha256)?;
                self.to(hunks, Stage::Pending)?;
                self.landing.insert(hunks.clone(), post_sha256.clone());
            }
            EventData::EditApplied {
                hunks, post_sha256, ..
            } => self.land(hunks, post_sha256, Stage::Applied)?,
            EventData::EditUndone {
                hunks, post_sha256, ..
            } => self.land(hunks, post_sha256, Stage::Gone)?,
            EventData::EditRefused { hunks, .. } | EventData::EditConflicted { hunks } => {
                self.known(hunks)?;
            }
            // What a crash cut is ended by a look at the file of then.
            EventData::SessionResumed { .. } => self.landing.clear(),
            EventData::EditRejected { hunks } => self.to(hunks, Stage::Gone)?,
            _ => {}
        }
        Ok(())
    }

    fn known(&self, ids: &[HunkId]) -> Result<(), Unequal> {
        match ids.iter().find(|id| !self.hunks.contains_key(id)) {
            Some(id) => Err(unequal(*id, "known", "never proposed")),
            None => Ok(()),
        }
    }

    fn to(&mut self, ids: &[HunkId], stage: Stage) -> Result<(), Unequal> {
        self.known(ids)?;
        for id in ids {
            if let Some(hunk) = self.hunks.get_mut(id)
                // Of hunks that stand this is the beginning of their undoing.
                && !(stage == Stage::Pending && hunk.stage == Stage::Applied)
            {
                hunk.stage = stage;
            }
        }
        Ok(())
    }

    fn land(&mut self, ids: &[HunkId], post: &str, stage: Stage) -> Result<(), Unequal> {
        self.to(ids, stage)?;
        match (self.landing.get(ids), ids.first()) {
            (Some(begun), Some(first)) if begun != post => Err(unequal(*first, post, begun)),
            _ => Ok(()),
        }
    }

    /// A file that one hunk makes is that hunk's text, but for what was kept out of the log.
    fn check_whole(&self, ids: &[HunkId], post: &str) -> Result<(), Unequal> {
        let [id] = ids else { return Ok(()) };
        let Some(Hunk {
            stage: Stage::Pending,
            makes: Some(text),
        }) = self.hunks.get(id)
        else {
            return Ok(());
        };
        let got = sha256(text.as_bytes());
        if got == post || text.contains(interline_log::REDACTED) {
            return Ok(());
        }
        Err(unequal(*id, post, &got))
    }
}

fn unequal(id: HunkId, expected: &str, got: &str) -> Unequal {
    (format!("hunk {id}"), expected.to_owned(), got.to_owned())
}
