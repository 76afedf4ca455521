//! The entries of all sessions: proposed, looked at again, brought back from the log.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use interline_log::{Attachments, EventData, FileBytes, HunkId, HunkKind, SessionId};

use super::entry::{Entry, EntryChange};
use super::file::FileState;
use super::look::Look;
use super::restore::News;
use super::store::Proposals;
use super::tracked::Stage;
use super::{FileHunks, Landing, LandingChange, Origin, Outcome, ProposalError, ProposedFile};
use crate::Workspace;
use crate::path::{self, WorkspacePath};

/// What a session's entries make of a file, for the shadow.
#[derive(Debug, Default)]
pub(crate) struct EntryView {
    /// Other bytes than on disk; `None` inside: no file.
    pub(crate) bytes: Option<Option<FileBytes>>,
    pub(crate) executable: Option<bool>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    all: Vec<Entry>,
    attachments: HashMap<SessionId, Attachments>,
}

impl Entries {
    pub(super) fn get(&self, id: HunkId) -> Option<&Entry> {
        self.all.iter().find(|entry| entry.id == id)
    }

    pub(super) fn add_to(&self, files: &mut Vec<FileHunks>) {
        for entry in self
            .all
            .iter()
            .filter(|entry| entry.stage == Stage::Pending)
        {
            let hunk = entry.hunk();
            match files.iter_mut().find(|file| file.path == entry.path) {
                Some(file) => file.hunks.push(hunk),
                None => files.push(FileHunks {
                    path: entry.path.clone(),
                    version: None,
                    hunks: vec![hunk],
                }),
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
    }

    fn take_off(&mut self, wanted: impl Fn(&Entry) -> bool) -> Vec<Landing> {
        let attachments = &self.attachments;
        self.all
            .iter_mut()
            .filter(|entry| wanted(entry))
            .map(|entry| entry.take_off(attachments.get(&entry.origin.session)))
            .collect()
    }

    /// Begins to accept those that can be.
    pub(super) fn accept(&mut self, ids: &[HunkId]) -> Vec<Landing> {
        self.take_off(|entry| ids.contains(&entry.id) && entry.hindrance().is_none())
    }

    /// The landings that take back what `means` chooses, and what can't be.
    pub(super) fn undo(&mut self, means: impl Fn(&Entry) -> bool) -> (Vec<Landing>, Vec<HunkId>) {
        let mut wanted: Vec<&Entry> = self.all.iter().filter(|entry| means(entry)).collect();
        wanted.retain(|entry| entry.stage == Stage::Applied);
        // One that a later one lies on fits once that is gone.
        let lies_below = |i: usize, entry: &Entry| {
            let mut later = wanted.iter().skip(i + 1);
            later.any(|later| later.path == entry.path && later.change.is_like(&entry.change))
        };
        let (mut fit, mut stuck) = (Vec::new(), Vec::new());
        for (i, entry) in wanted.iter().enumerate() {
            if entry.misfit.is_none() || lies_below(i, entry) {
                fit.push(entry.id);
            } else {
                stuck.push(entry.id);
            }
        }
        let mut landings = self.take_off(|entry| fit.contains(&entry.id));
        landings.reverse();
        (landings, stuck)
    }

    pub(super) fn landed(&mut self, landing: &Landing, confirmed: bool) {
        let of_landing = |entry: &Entry| landing.hunks.contains(&entry.id);
        if confirmed {
            self.all
                .retain(|entry| !(of_landing(entry) && entry.stage == Stage::Undoing));
        }
        for entry in self.all.iter_mut().filter(|entry| of_landing(entry)) {
            entry.stage = match entry.stage {
                Stage::Applying if confirmed => Stage::Applied,
                Stage::Applying => Stage::Pending,
                Stage::Undoing => Stage::Applied,
                stage => stage,
            };
        }
    }

    pub(super) fn drop_where(&mut self, dropped: impl Fn(&Entry) -> bool) -> Vec<HunkId> {
        let gone = self.all.iter().filter(|entry| dropped(entry));
        let gone: Vec<HunkId> = gone.map(|entry| entry.id).collect();
        self.all.retain(|entry| !gone.contains(&entry.id));
        gone
    }

    pub(super) fn forget(&mut self, session: SessionId) {
        self.all.retain(|entry| entry.origin.session != session);
        self.attachments.remove(&session);
    }

    pub(super) fn rename(&mut self, from: &WorkspacePath, to: &WorkspacePath) {
        for entry in self.all.iter_mut().filter(|entry| entry.path == *from) {
            entry.path = to.clone();
        }
    }

    /// The session's waiting entries of a file.
    fn waiting<'a>(
        &'a self,
        session: SessionId,
        path: &'a WorkspacePath,
    ) -> impl Iterator<Item = &'a Entry> {
        self.all.iter().filter(move |entry| {
            entry.origin.session == session && entry.path == *path && entry.stage == Stage::Pending
        })
    }

    /// What is proposed for a file takes the place of the bytes that the session proposed for it; that it is `deleted`,
    /// of its mode too.
    pub(super) fn supersede(
        &mut self,
        session: SessionId,
        path: &WorkspacePath,
        deleted: bool,
    ) -> Vec<HunkId> {
        let gone = self.waiting(session, path);
        let gone: Vec<HunkId> = gone
            .filter(|entry| deleted || entry.change.is_binary())
            .map(|entry| entry.id)
            .collect();
        self.all.retain(|entry| !gone.contains(&entry.id));
        gone
    }
}

impl Proposals {
    /// The session's pending hunk that makes a file of this name.
    fn maker(&self, session: SessionId, path: &WorkspacePath) -> Option<HunkId> {
        let makes = |at: &WorkspacePath, file: &FileState| {
            file.hunks.iter().find_map(|hunk| {
                let named = match &hunk.kind {
                    HunkKind::Create => at == path,
                    HunkKind::Move { to } => to == path.as_str(),
                    _ => false,
                };
                let own = hunk.origin.session == session && hunk.is_in_view();
                (named && own).then_some(hunk.id)
            })
        };
        let text = self.files.iter().find_map(|(at, file)| makes(at, file));
        text.or_else(|| {
            let made = |entry: &&Entry| {
                matches!(&entry.change, EntryChange::Binary { after: Some(_), .. })
            };
            let found = self.entries.waiting(session, path).find(made);
            found.map(|entry| entry.id)
        })
    }

    /// The hunks that belong to these: a new file and its mode land together.
    pub(super) fn with_companions(&self, ids: &[HunkId], makers: bool) -> Vec<HunkId> {
        let mut all = ids.to_vec();
        for entry in &self.entries.all {
            let is_mode = entry.stage == Stage::Pending && !entry.change.is_binary();
            let maker = is_mode
                .then(|| self.maker(entry.origin.session, &entry.path))
                .flatten();
            let Some(maker) = maker else { continue };
            if ids.contains(&maker) {
                all.push(entry.id);
            } else if makers && ids.contains(&entry.id) {
                all.push(maker);
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Workspace {
    /// Says where the bytes of a session's hunks are kept. Without it what is no text can't be proposed.
    pub fn keep_attachments(&self, session: SessionId, attachments: Attachments) {
        self.proposals()
            .entries
            .attachments
            .insert(session, attachments);
    }

    pub(crate) fn attachments(&self, session: SessionId) -> Option<Attachments> {
        self.proposals().entries.attachments.get(&session).cloned()
    }

    /// Compares all entries with the disk.
    pub(super) fn settle_entries(&self) {
        let entries: Vec<Entry> = self.proposals().entries.all.clone();
        let looks: Vec<(HunkId, Look)> = entries
            .into_iter()
            .map(|entry| {
                let with_bytes = entry.change.is_binary();
                (entry.id, self.look(&entry.path, entry.known, with_bytes))
            })
            .collect();
        if looks.is_empty() {
            return;
        }
        let mut proposals = self.proposals();
        for (id, look) in looks {
            let Some(entry) = proposals.entries.get(id) else {
                continue;
            };
            let made = proposals.maker(entry.origin.session, &entry.path).is_some();
            let entry = proposals
                .entries
                .all
                .iter_mut()
                .find(|entry| entry.id == id);
            if let Some(entry) = entry {
                entry.settle(look, made);
            }
        }
    }

    pub(crate) fn propose_entry(
        &self,
        origin: Origin,
        path: &WorkspacePath,
        what: &ProposedFile,
    ) -> Result<Outcome, ProposalError> {
        if self.root().join(path.as_str()).is_symlink() {
            return Err(ProposalError(format!(
                "`{path}` is a symbolic link: name the file that it leads to"
            )));
        }
        let path = &self.canonical(path)?;
        let outcome = match what {
            ProposedFile::Binary { new, lost } => {
                self.propose_binary(origin, path, new.as_ref(), *lost)
            }
            ProposedFile::Mode { executable } => self.propose_mode(origin, path, *executable),
        };
        self.touch();
        outcome
    }

    fn propose_binary(
        &self,
        origin: Origin,
        path: &WorkspacePath,
        new: Option<&FileBytes>,
        lost: bool,
    ) -> Result<Outcome, ProposalError> {
        let look = self.look(path, None, true);
        if let Look::Other(reason) = look {
            return Err(ProposalError(reason));
        }
        let there = look.seen().cloned();
        let before = there.filter(|_| !lost);
        if lost && new.is_none() {
            return Err(ProposalError(format!(
                "`{path}` changed on disk while the command ran: it is not proposed to delete it"
            )));
        }
        let mut proposals = self.proposals();
        if !proposals.entries.attachments.contains_key(&origin.session) {
            return Err(ProposalError(format!(
                "`{path}` is no text, and this session keeps no bytes: what the command made of it was dropped"
            )));
        }
        let entries = &mut proposals.entries;
        let mut replaces = entries.supersede(origin.session, path, new.is_none());
        replaces.extend(proposals.drop_hunks(&self.documents, |at, hunk| {
            at == path && hunk.origin.session == origin.session && hunk.stage == Stage::Pending
        }));
        let change = EntryChange::Binary {
            after: new.cloned(),
            before,
        };
        let summary = match new {
            Some(file) if path::is_notebook(Path::new(path.as_str())) => {
                format!("proposed the notebook `{path}` as a whole ({file})")
            }
            Some(file) => format!("proposed `{path}` as a {file}"),
            None => format!("proposed to delete `{path}`, which is no text"),
        };
        let adds = !matches!(&change, EntryChange::Binary { before, after } if before == after);
        let entry = adds.then(|| Entry::new(origin, path, change));
        Ok(proposals.take_entry(path, entry, replaces, summary, look))
    }

    fn propose_mode(
        &self,
        origin: Origin,
        path: &WorkspacePath,
        executable: bool,
    ) -> Result<Outcome, ProposalError> {
        let look = self.look(path, None, false);
        let mut proposals = self.proposals();
        let made = proposals.maker(origin.session, path).is_some();
        let adds = match &look {
            Look::Other(reason) => return Err(ProposalError(reason.clone())),
            // A new file is not executable by itself.
            Look::Missing { .. } if made => executable,
            Look::Missing { unsaved: Some(_) } => executable,
            Look::Missing { .. } => {
                return Err(ProposalError(format!(
                    "`{path}` is not there: its mode can't be changed"
                )));
            }
            Look::File {
                executable: now, ..
            } => *now != executable,
        };
        let replaces = proposals.entries.drop_where(|entry| {
            entry.origin.session == origin.session
                && entry.path == *path
                && entry.stage == Stage::Pending
                && !entry.change.is_binary()
        });
        let entry = adds.then(|| Entry::new(origin, path, EntryChange::Mode { executable }));
        let now = if executable {
            "executable"
        } else {
            "not executable"
        };
        let summary = format!("proposed that `{path}` is {now}");
        Ok(proposals.take_entry(path, entry, replaces, summary, look))
    }

    /// What the session's entries make of files, for the shadow.
    pub(crate) fn entry_views(&self, session: SessionId) -> BTreeMap<WorkspacePath, EntryView> {
        self.settle_entries();
        let mut views: BTreeMap<WorkspacePath, EntryView> = BTreeMap::new();
        let proposals = self.proposals();
        let own = |entry: &&Entry| entry.origin.session == session && entry.is_in_view();
        for entry in proposals.entries.all.iter().filter(own) {
            let view = views.entry(entry.path.clone()).or_default();
            match &entry.change {
                EntryChange::Binary { after, .. } => view.bytes = Some(after.clone()),
                EntryChange::Mode { executable } => view.executable = Some(*executable),
            }
        }
        views
    }
}

impl Proposals {
    fn take_entry(
        &mut self,
        path: &WorkspacePath,
        entry: Option<Entry>,
        replaces: Vec<HunkId>,
        summary: String,
        look: Look,
    ) -> Outcome {
        let hunks: Vec<_> = entry.iter().map(Entry::record).collect();
        let base = entry.as_ref().map(|entry| entry.change.base_sha256());
        if let Some(mut entry) = entry {
            let made = self.maker(entry.origin.session, path).is_some();
            entry.settle(look, made);
            self.entries.all.push(entry);
        }
        Outcome {
            event: EventData::EditProposed {
                path: path.as_str().to_owned(),
                base_sha256: base.unwrap_or_default(),
                replaces,
                hunks: hunks.clone(),
            },
            hunks,
            summary,
        }
    }
}

/// An entry as the log has it.
pub(super) struct LoggedEntry {
    pub(super) id: HunkId,
    pub(super) origin: Origin,
    pub(super) change: EntryChange,
    pub(super) stage: Stage,
    pub(super) conflicted: bool,
}

impl Workspace {
    /// Takes logged entries up. `Applying` and `Undoing` mean that nobody knows how it ended: the disk does.
    pub(super) fn restore_entries(&self, path: &WorkspacePath, logged: Vec<LoggedEntry>) -> News {
        let mut news = News::default();
        let mut was_conflicted = Vec::new();
        for logged in logged {
            let id = logged.id;
            if self.proposals().entries.get(id).is_some() {
                continue;
            }
            let look = self.look(path, None, logged.change.is_binary());
            let mut entry = Entry::new(logged.origin, path, logged.change);
            entry.id = id;
            // As it would be if it had landed.
            entry.stage = Stage::Applied;
            entry.settle(look.clone(), false);
            let stands = entry.misfit.is_none();
            entry.stage = match logged.stage {
                Stage::Applying if stands => {
                    news.applied.push(id);
                    Stage::Applied
                }
                Stage::Applying => {
                    news.refused.push(id);
                    Stage::Pending
                }
                Stage::Undoing if !stands => {
                    news.undone.push(id);
                    continue;
                }
                Stage::Undoing => Stage::Applied,
                stage => stage,
            };
            if logged.conflicted {
                was_conflicted.push(id);
            }
            self.proposals().entries.all.push(entry);
        }
        self.settle_entries();
        let proposals = self.proposals();
        let lost = |entry: &&Entry| {
            entry.path == *path
                && entry.stage == Stage::Pending
                && entry.misfit.is_some()
                && !was_conflicted.contains(&entry.id)
        };
        let lost = proposals.entries.all.iter().filter(lost);
        news.conflicted = lost.map(|entry| entry.id).collect();
        news
    }
}

/// Is it a landing of an entry?
pub(super) fn is_of_entry(landing: &Landing) -> bool {
    matches!(
        landing.change,
        LandingChange::Bytes { .. } | LandingChange::Mode { .. }
    )
}
