//! Taking up what tool calls propose, and the text that a session sees with it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

use interline_log::{CallId, EventData, HunkId, HunkKind, SessionId, TurnId};

use super::file::{Basis, FileState};
use super::plan::{Plan, Seen};
use super::store::Proposals;
use super::tracked::Tracked;
use super::{Origin, Outcome, ProposalError, Proposed};
use crate::path::{self, WorkspacePath};
use crate::{Workspace, disk, document};

/// How often a proposal is worked out anew because the user typed in the meantime.
const ATTEMPTS: usize = 16;

impl Workspace {
    /// The proposals, brought up to date with the buffers.
    pub(crate) fn proposals(&self) -> MutexGuard<'_, Proposals> {
        // What a panicking holder left is still the best there is: each step leaves the store consistent.
        let mut guard = self
            .proposals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        guard.drain(&self.documents);
        guard
    }

    /// The proposals, brought up to date with the buffers and the disk. `only_unread`: of closed files only those are
    /// looked at that were closed since.
    pub(crate) fn settled(&self, only_unread: bool) -> MutexGuard<'_, Proposals> {
        if !only_unread {
            self.settle_entries();
        }
        let closed = self.proposals().closed(only_unread);
        let mut read = Vec::new();
        for (path, known) in closed {
            let Ok(file) = self.resolve(&path) else {
                continue;
            };
            if known.is_some() && known == disk::stamp(&file) {
                continue;
            }
            // What can't be read as a text any more has no place for hunks, like a file that is gone.
            read.push((disk::read(&file, &path).unwrap_or_default(), path));
        }
        let mut proposals = self.proposals();
        for (found, path) in read {
            if found.is_some()
                || proposals
                    .files
                    .get(&path)
                    .is_some_and(|file| file.basis.exists())
            {
                proposals.reread(&path, found.as_ref());
            }
        }
        proposals
    }

    /// The path with symlinks resolved: the name by which buffers and proposals know a file.
    pub(crate) fn canonical(&self, path: &WorkspacePath) -> Result<WorkspacePath, ProposalError> {
        let file = self.resolve(path)?;
        path::relative(self.root(), &file)
            .ok_or_else(|| ProposalError(format!("`{path}` leads to a file whose name is no text")))
    }

    /// The proposals, with the file in them, as it is now. Its buffer is tracked from here on.
    pub(super) fn known(
        &self,
        path: &WorkspacePath,
    ) -> Result<MutexGuard<'_, Proposals>, ProposalError> {
        {
            let mut proposals = self.settled(false);
            if proposals.files.contains_key(path) {
                return Ok(proposals);
            }
            if let Some(snapshot) = self.documents.track(path) {
                let file = FileState::new(Basis::buffer(&snapshot));
                proposals.files.insert(path.clone(), file);
                return Ok(proposals);
            }
        }
        let found = disk::read(&self.resolve(path)?, path)?;
        let mut proposals = self.proposals();
        let file = FileState::new(Basis::disk(found.as_ref()));
        proposals.files.entry(path.clone()).or_insert(file);
        // It may have been opened while it was read.
        proposals.drain(&self.documents);
        Ok(proposals)
    }

    pub(crate) fn propose_change(
        &self,
        origin: Origin,
        path: &WorkspacePath,
        what: &Proposed,
    ) -> Result<Outcome, ProposalError> {
        let mut outcomes = self.propose_changes(origin, &[(path, what)])?;
        outcomes.pop().ok_or_else(|| busy(path))
    }

    /// Changes one after another, of as many files as there are. All of them, or none.
    pub(crate) fn propose_changes(
        &self,
        origin: Origin,
        changes: &[(&WorkspacePath, &Proposed)],
    ) -> Result<Vec<Outcome>, ProposalError> {
        let target =
            |(path, what): &(&WorkspacePath, &Proposed)| self.target(origin.session, path, what);
        let targets: Vec<_> = changes.iter().map(target).collect::<Result<_, _>>()?;
        for _ in 0..ATTEMPTS {
            let mut drafts = self.drafts(&targets)?;
            let planned: Result<Vec<_>, _> = (targets.iter().zip(changes))
                .map(|(target, (_, what))| {
                    let draft = drafts.get_mut(target).ok_or_else(|| busy(target))?;
                    draft.add(origin, target, what)
                })
                .collect();
            let mut proposals = self.proposals();
            let current = proposals.are_current(&drafts);
            if planned.is_ok() && !current {
                continue;
            }
            let committed = planned.map(|mut outcomes| {
                proposals.commit(origin.session, drafts, &mut outcomes);
                outcomes
            });
            proposals.prune(&self.documents);
            drop(proposals);
            self.touch();
            return committed;
        }
        Err(targets.first().map_or_else(
            || ProposalError("there is nothing to change".to_owned()),
            busy,
        ))
    }

    /// The files as they are now, to be worked on without a lock.
    fn drafts(&self, targets: &[WorkspacePath]) -> Result<Drafts, ProposalError> {
        let mut drafts = Drafts::new();
        for target in targets {
            let proposals = self.known(target)?;
            let file = proposals.files.get(target).ok_or_else(|| busy(target))?;
            drafts.entry(target.clone()).or_insert_with(|| Draft {
                generation: file.generation,
                file: file.clone(),
                changes: Vec::new(),
            });
        }
        Ok(drafts)
    }

    /// The text that a session sees of a file, and the one that it would see with this; `None` where the file would have
    /// none. Changes nothing.
    pub(crate) fn preview_change(
        &self,
        session: SessionId,
        path: &WorkspacePath,
        what: &Proposed,
    ) -> Result<Option<(String, String)>, ProposalError> {
        let target = self.target(session, path, what)?;
        let seen = {
            let mut proposals = self.known(&target)?;
            let file = proposals.files.get(&target).ok_or_else(|| busy(&target))?;
            let seen = Seen::new(&target, file, session);
            proposals.prune(&self.documents);
            seen
        };
        let origin = Origin {
            session,
            turn: TurnId::new(),
            call: CallId::new(),
        };
        let before = seen.text().unwrap_or_default();
        let plan = seen.plan(origin, what)?;
        Ok(seen.with(plan).text().map(|after| (before, after)))
    }

    /// The file that a call means; an error where it can't be what the call wants.
    fn target(
        &self,
        session: SessionId,
        path: &WorkspacePath,
        what: &Proposed,
    ) -> Result<WorkspacePath, ProposalError> {
        let error = |reason: &str| ProposalError(format!("`{path}`: {reason}"));
        if path.as_str().is_empty() {
            return Err(error("this is the workspace's root: name a file in it"));
        }
        let whole = matches!(what, Proposed::Move(_) | Proposed::Delete);
        if path::is_notebook(Path::new(path.as_str())) && !whole {
            return Err(error(
                "notebooks can't be edited as text: ask the user to edit its cells",
            ));
        }
        if whole && self.root().join(path.as_str()).is_symlink() {
            return Err(error(
                "it is a symbolic link: name the file that it leads to",
            ));
        }
        let canonical = self.canonical(path)?;
        if self.root().join(canonical.as_str()).is_dir() {
            return Err(error("it is a folder: name a file in it"));
        }
        if let Proposed::Move(to) = what {
            self.check_free(session, to)?;
        }
        let proposals = self.proposals();
        if let Some(to) = proposals.moved_to(session, &canonical) {
            // A command made the name anew.
            if matches!(what, Proposed::Rewrite { old: None, .. }) {
                return Ok(canonical);
            }
            return Err(error(&format!(
                "it is moved to `{to}` in this proposal: use that name"
            )));
        }
        Ok(proposals.alias(session, &canonical))
    }

    fn check_free(&self, session: SessionId, to: &WorkspacePath) -> Result<(), ProposalError> {
        let file = self.resolve(to)?;
        let canonical = self.canonical(to)?;
        let proposals = self.proposals();
        let made = proposals.files.get(&canonical).is_some_and(|file| {
            file.hunks.iter().any(|hunk| {
                hunk.origin.session == session && hunk.kind == HunkKind::Create && hunk.is_in_view()
            })
        });
        let taken = made
            || to.as_str().is_empty()
            || file.exists()
            || self.documents.at(&canonical).is_some()
            || proposals.alias(session, &canonical) != canonical;
        if taken {
            return Err(ProposalError(format!(
                "`{to}` exists already: choose another name"
            )));
        }
        Ok(())
    }

    /// Where a session's proposal moves a file to.
    pub(crate) fn moved_to(
        &self,
        session: SessionId,
        path: &WorkspacePath,
    ) -> Option<WorkspacePath> {
        let canonical = self.canonical(path).ok()?;
        let to = self.proposals().moved_to(session, &canonical)?;
        WorkspacePath::new(&to).ok()
    }

    /// Does a session's proposal move a file to this name?
    pub(crate) fn is_moved_here(&self, session: SessionId, path: &WorkspacePath) -> bool {
        let Ok(canonical) = self.canonical(path) else {
            return false;
        };
        self.proposals().alias(session, &canonical) != canonical
    }

    /// The text that a session sees; `None` where there is no file for it.
    pub(crate) fn session_text(
        &self,
        session: SessionId,
        path: &WorkspacePath,
    ) -> Result<Option<String>, ProposalError> {
        let canonical = self.canonical(path)?;
        let proposals = self.settled(false);
        if proposals.moved_to(session, &canonical).is_some() {
            return Ok(None);
        }
        let target = proposals.alias(session, &canonical);
        if let Some(file) = proposals.files.get(&target) {
            let seen = Seen::new(&target, file, session);
            drop(proposals);
            return Ok(seen.text());
        }
        drop(proposals);
        self.user_text(path)
    }

    /// Every open buffer and every file with hunks of the session, as the session sees them.
    pub(crate) fn overlaid(&self, session: SessionId) -> Vec<(WorkspacePath, Option<String>)> {
        let mut seen = Vec::new();
        let proposals = self.settled(false);
        for (path, file) in &proposals.files {
            let own = |hunk: &super::tracked::Tracked| {
                hunk.origin.session == session && hunk.is_in_view()
            };
            if file.hunks.iter().any(own) {
                let to = proposals.moved_to(session, path);
                let to = to.and_then(|to| WorkspacePath::new(&to).ok());
                seen.push((to, Seen::new(path, file, session)));
            }
        }
        drop(proposals);
        let mut texts = BTreeMap::new();
        for document in self.documents.all() {
            if let Some(path) = &document.path {
                texts.insert(path.clone(), Some(document.text()));
            }
        }
        for (to, seen) in seen {
            match to {
                Some(to) => {
                    texts.insert(to, seen.text());
                    texts.insert(seen.path, None);
                }
                None => {
                    texts.insert(seen.path.clone(), seen.text());
                }
            }
        }
        texts.into_iter().collect()
    }
}

fn busy(path: &WorkspacePath) -> ProposalError {
    ProposalError(format!(
        "`{path}` keeps changing: read it again and try once more"
    ))
}

/// Files by their own names.
type Drafts = BTreeMap<WorkspacePath, Draft>;

/// A file with the changes of a call, before anybody sees them.
struct Draft {
    file: FileState,
    /// Of the file that it was made from.
    generation: u64,
    changes: Vec<Change>,
}

/// What one step of a call makes of the hunks of a file.
struct Change {
    replaces: Vec<HunkId>,
    adds: Vec<Tracked>,
    deletes: bool,
}

impl Change {
    fn apply(self, file: &mut FileState) {
        file.hunks.retain(|hunk| !self.replaces.contains(&hunk.id));
        file.hunks.extend(self.adds);
        file.sort();
        file.generation += 1;
    }
}

impl Draft {
    fn add(
        &mut self,
        origin: Origin,
        path: &WorkspacePath,
        what: &Proposed,
    ) -> Result<Outcome, ProposalError> {
        let file = &mut self.file;
        let plan = Seen::new(path, file, origin.session).plan(origin, what)?;
        let summary = summary(path, &plan, what);
        let base_sha256 = document::sha256(file.basis.rope.chunks());
        let hunks: Vec<_> = plan
            .adds
            .iter()
            .map(|hunk| hunk.record(&file.basis.rope))
            .collect();
        let change = || Change {
            replaces: plan.replaces.clone(),
            adds: plan.adds.clone(),
            deletes: what.deletes(),
        };
        change().apply(file);
        self.changes.push(change());
        Ok(Outcome {
            event: EventData::EditProposed {
                path: path.as_str().to_owned(),
                base_sha256,
                replaces: plan.replaces,
                hunks: hunks.clone(),
            },
            hunks,
            summary,
        })
    }
}

impl Proposals {
    /// Has nothing changed since the drafts were made?
    fn are_current(&self, drafts: &Drafts) -> bool {
        drafts.iter().all(|(path, draft)| {
            let file = self.files.get(path);
            file.is_some_and(|file| file.generation == draft.generation)
        })
    }

    /// Takes drafts up. Hunks about their files as a whole give way to them, which the outcomes tell.
    fn commit(&mut self, session: SessionId, drafts: Drafts, outcomes: &mut [Outcome]) {
        for (path, draft) in drafts {
            let deletes = draft.changes.iter().any(|change| change.deletes);
            let superseded = self.entries.supersede(session, &path, deletes);
            let mut events = outcomes.iter_mut().map(|outcome| &mut outcome.event);
            let first = events.find_map(|event| match event {
                EventData::EditProposed {
                    path: of, replaces, ..
                } if of == path.as_str() => Some(replaces),
                _ => None,
            });
            if let Some(replaces) = first {
                replaces.extend(superseded);
            }
            if let Some(file) = self.files.get_mut(&path) {
                draft
                    .changes
                    .into_iter()
                    .for_each(|change| change.apply(file));
            }
        }
    }
}

/// For the model.
fn summary(path: &WorkspacePath, plan: &Plan, what: &Proposed) -> String {
    let mut text = match what {
        Proposed::Delete => format!("proposed to delete `{path}`"),
        Proposed::Move(to) => format!("proposed to move `{path}` to `{to}`"),
        _ if plan.adds.is_empty() => {
            format!("`{path}` reads like the user's text again: its hunks there are gone")
        }
        _ if plan.adds.iter().any(|hunk| hunk.kind == HunkKind::Create) => {
            format!("proposed the new file `{path}`")
        }
        _ => {
            let lines: Vec<String> = plan
                .lines
                .iter()
                .map(|(first, last)| {
                    if first == last {
                        first.to_string()
                    } else {
                        format!("{first}-{last}")
                    }
                })
                .collect();
            let noun = if lines.len() == 1 {
                "change"
            } else {
                "changes"
            };
            format!(
                "proposed {} {noun} in `{path}` (now lines {})",
                lines.len(),
                lines.join(", ")
            )
        }
    };
    for notice in &plan.notices {
        text.push_str("; ");
        text.push_str(notice);
    }
    text
}
