//! The user's side of the proposals: accept, reject, undo, and what became of a landing.

use std::collections::BTreeMap;

use interline_log::{HunkId, SessionId, TurnId};

use super::accept::Undo;
use super::entries::is_of_entry;
use super::file::Source;
use super::store::Proposals;
use super::tracked::Stage;
use super::{Landing, LandingChange, ProposalError};
use crate::path::WorkspacePath;
use crate::{Workspace, disk, document};

impl Workspace {
    pub(crate) fn accept_hunks(&self, ids: &[HunkId]) -> Result<Vec<Landing>, ProposalError> {
        let mut proposals = self.settled(false);
        let ids = &proposals.with_companions(ids, true);
        let mut files: BTreeMap<WorkspacePath, Vec<HunkId>> = BTreeMap::new();
        let mut hindrance = None;
        for id in ids {
            if let Some(entry) = proposals.entries.get(*id) {
                hindrance = hindrance.or(entry.hindrance());
                continue;
            }
            let (path, reason) = match proposals.file_of(*id) {
                Some((path, file)) => (Some(path.clone()), file.hindrance(path, *id)),
                None => (
                    None,
                    Some(format!(
                        "there is no hunk {id} any more: it was rejected, replaced or undone"
                    )),
                ),
            };
            match (path, reason) {
                (Some(path), None) => files.entry(path).or_default().push(*id),
                (_, reason) => hindrance = hindrance.or(reason),
            }
        }
        let mut landings = Vec::new();
        for (path, ids) in files {
            if let Some(file) = proposals.files.get_mut(&path) {
                landings.extend(file.accept(&path, &ids));
            }
        }
        // After the text: it may be what makes the file.
        landings.extend(proposals.entries.accept(ids));
        drop(proposals);
        self.touch();
        match hindrance {
            Some(reason) if landings.is_empty() => Err(ProposalError(reason)),
            _ => Ok(landings),
        }
    }

    pub(crate) fn undo_hunks(
        &self,
        session: SessionId,
        turn: Option<TurnId>,
    ) -> (Vec<Landing>, Vec<HunkId>) {
        let mut proposals = self.settled(false);
        // Before the text: it may be what takes the file away.
        let (mut landings, mut stuck) = proposals.entries.undo(|entry| {
            entry.origin.session == session && turn.is_none_or(|turn| entry.origin.turn == turn)
        });
        for (path, file) in &mut proposals.files {
            let (some, others) = file.undo(path, Undo { session, turn });
            landings.extend(some);
            stuck.extend(others);
        }
        drop(proposals);
        self.touch();
        (landings, stuck)
    }

    pub(crate) fn end_landing(&self, landing: &Landing, confirmed: bool) {
        let stamp = self
            .resolve(&landing.path)
            .ok()
            .and_then(|file| disk::stamp(&file));
        let source = stamp.map_or(Source::Missing, |stamp| Source::Disk(Some(stamp)));
        let mut proposals = self.proposals();
        if is_of_entry(landing) {
            proposals.entries.landed(landing, confirmed);
        } else if let Some(file) = proposals.files.get_mut(&landing.path) {
            file.landed(landing, confirmed, source);
        }
        if let (LandingChange::Move(to), true) = (&landing.change, confirmed) {
            proposals.rename(&landing.path, to);
        }
        proposals.drain(&self.documents);
        proposals.prune(&self.documents);
        drop(proposals);
        self.settle_entries();
        self.touch();
    }

    pub(crate) fn has_landed(&self, landing: &Landing) -> bool {
        let proposals = self.proposals();
        let file = proposals.files.get(&landing.path);
        let flight = file.and_then(|file| {
            file.flights
                .iter()
                .find(|flight| flight.hunks == landing.hunks)
        });
        let Some(flight) = flight else {
            let applied = |id: &HunkId| {
                let hunk = proposals.file_of(*id).and_then(|(_, file)| file.get(*id));
                hunk.is_some_and(|hunk| hunk.stage == Stage::Applied)
            };
            return landing.hunks.iter().any(applied);
        };
        if flight.seen {
            return true;
        }
        let text_of_buffer = landing.document.is_some() && flight.change.is_none();
        drop(proposals);
        !text_of_buffer && self.stands(landing)
    }

    /// Is what a landing makes of a file there, in the buffer or on disk?
    fn stands(&self, landing: &Landing) -> bool {
        let there = |path: &WorkspacePath| {
            self.document_at(path).is_some() || self.resolve(path).is_ok_and(|file| file.exists())
        };
        match &landing.change {
            LandingChange::Delete => !there(&landing.path),
            LandingChange::Move(to) => !there(&landing.path) && there(to),
            // They never go through an editor.
            LandingChange::Bytes { .. } | LandingChange::Mode { .. } => false,
            LandingChange::Text { .. } | LandingChange::Create(_) => {
                matches!(self.user_text(&landing.path), Ok(Some(text))
                    if document::sha256(std::iter::once(text.as_str())) == landing.post_sha256)
            }
        }
    }

    pub(crate) fn reject_hunks(&self, ids: &[HunkId]) -> Vec<HunkId> {
        let waits = |stage| matches!(stage, Stage::Pending);
        let mut proposals = self.proposals();
        let ids = proposals.with_companions(ids, false);
        let mut gone = proposals.drop_hunks(&self.documents, |_, hunk| {
            ids.contains(&hunk.id) && waits(hunk.stage)
        });
        gone.extend(
            proposals
                .entries
                .drop_where(|entry| ids.contains(&entry.id) && waits(entry.stage)),
        );
        drop(proposals);
        self.settle_entries();
        self.touch();
        gone
    }

    pub(crate) fn forget_session(&self, session: SessionId) {
        let mut proposals = self.proposals();
        proposals.drop_hunks(&self.documents, |_, hunk| hunk.origin.session == session);
        proposals.entries.forget(session);
        drop(proposals);
        self.touch();
    }
}

impl Proposals {
    /// A file goes by another name now, and its hunks with it.
    fn rename(&mut self, from: &WorkspacePath, to: &WorkspacePath) {
        self.entries.rename(from, to);
        let Some(mut file) = self.files.remove(from) else {
            return;
        };
        // Its buffer, if any, will be opened under the new name; until then the text is as it was.
        file.basis.source = Source::Disk(None);
        file.generation += 1;
        if let Some(there) = self.files.remove(to) {
            file.hunks.extend(there.hunks);
            file.flights.extend(there.flights);
        }
        self.files.insert(to.clone(), file);
    }
}
