//! The proposals of all sessions, brought up to date by whoever looks at them.
//!
//! The typing path never comes here: it leaves its changes in a queue, which is drained first, in order, under this
//! store's lock. Nothing under the lock reads the disk.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use interline_log::{HunkId, HunkKind, SessionId};

use super::entries::Entries;
use super::file::{Basis, FileState, Source};
use super::tracked::{Stage, Tracked};
use super::{FileHunks, Hunk};
use crate::disk::{DiskText, Stamp};
use crate::documents::{Documents, Update};
use crate::path::WorkspacePath;

/// All files that have hunks.
#[derive(Debug)]
pub(crate) struct Proposals {
    pub(super) files: BTreeMap<WorkspacePath, FileState>,
    pub(super) entries: Entries,
    updates: Receiver<Update>,
}

impl Proposals {
    pub(crate) fn new(updates: Receiver<Update>) -> Self {
        Self {
            files: BTreeMap::new(),
            entries: Entries::default(),
            updates,
        }
    }

    /// Follows what was typed, opened and closed since the last time.
    pub(super) fn drain(&mut self, documents: &Documents) {
        for update in self.updates.try_iter() {
            let file = update
                .path
                .as_ref()
                .and_then(|path| self.files.get_mut(path));
            let Some(file) = file else { continue };
            let Source::Buffer { uri, tick, .. } = &file.basis.source else {
                continue;
            };
            // An older update is of before the snapshot that was taken when tracking began.
            if *uri == update.uri && *tick < update.tick {
                file.advance(update);
            }
        }
        for (path, file) in &mut self.files {
            match (&file.basis.source, documents.at(path)) {
                (Source::Buffer { uri, tick, .. }, Some(now))
                    if now.tracked && now.document.uri == *uri =>
                {
                    if now.tick == *tick {
                        // The same text: hold it once.
                        file.basis.rope = now.document.rope.clone();
                    }
                }
                (_, Some(_)) => {
                    if let Some(snapshot) = documents.track(path) {
                        file.rebase(Basis::buffer(&snapshot));
                    }
                }
                (Source::Buffer { .. }, None) => {
                    file.basis.source = Source::Disk(None);
                    file.generation += 1;
                }
                (_, None) => {}
            }
        }
    }

    /// Closed files, with what is known of them on disk. `only_unread`: those that were closed since the last look.
    pub(super) fn closed(&self, only_unread: bool) -> Vec<(WorkspacePath, Option<Stamp>)> {
        let known = |file: &FileState| match file.basis.source {
            Source::Disk(None) => Some(None),
            Source::Disk(stamp) if !only_unread => Some(stamp),
            Source::Missing if !only_unread => Some(None),
            _ => None,
        };
        self.files
            .iter()
            .filter_map(|(path, file)| Some((path.clone(), known(file)?)))
            .collect()
    }

    /// A closed file was read again.
    pub(super) fn reread(&mut self, path: &WorkspacePath, found: Option<&DiskText>) {
        if let Some(file) = self.files.get_mut(path)
            && file.basis.document().is_none()
        {
            file.rebase(Basis::disk(found));
        }
    }

    /// The file that a session means by a path: one that it moves there in its proposal goes by its old name still.
    pub(super) fn alias(&self, session: SessionId, path: &WorkspacePath) -> WorkspacePath {
        let moves = |hunk: &Tracked| {
            hunk.origin.session == session
                && hunk.is_in_view()
                && matches!(&hunk.kind, HunkKind::Move { to } if to == path.as_str())
        };
        let found = self
            .files
            .iter()
            .find(|(_, file)| file.hunks.iter().any(moves));
        found.map_or_else(|| path.clone(), |(from, _)| from.clone())
    }

    /// Where a session's proposal moves a file to.
    pub(super) fn moved_to(&self, session: SessionId, path: &WorkspacePath) -> Option<String> {
        self.files
            .get(path)?
            .hunks
            .iter()
            .find_map(|hunk| match &hunk.kind {
                HunkKind::Move { to } if hunk.origin.session == session && hunk.is_in_view() => {
                    Some(to.clone())
                }
                _ => None,
            })
    }

    pub(super) fn file_of(&self, id: HunkId) -> Option<(&WorkspacePath, &FileState)> {
        self.files.iter().find(|(_, file)| file.get(id).is_some())
    }

    pub(crate) fn hunk(&self, id: HunkId) -> Option<Hunk> {
        if let Some(entry) = self.entries.get(id) {
            return Some(entry.hunk());
        }
        let (path, file) = self.file_of(id)?;
        Some(file.get(id)?.hunk(path, &file.basis.rope))
    }

    /// What waits for the user, by file.
    pub(crate) fn hunks(&self) -> Vec<FileHunks> {
        let of_file = |(path, file): (&WorkspacePath, &FileState)| {
            let mut waiting: Vec<&Tracked> = file
                .hunks
                .iter()
                .filter(|hunk| hunk.stage == Stage::Pending)
                .collect();
            waiting.sort_by_key(|hunk| (hunk.place.start, hunk.place.end));
            (!waiting.is_empty()).then(|| FileHunks {
                path: path.clone(),
                version: file.basis.document().map(|(_, version)| version),
                hunks: waiting
                    .iter()
                    .map(|hunk| hunk.hunk(path, &file.basis.rope))
                    .collect(),
            })
        };
        let mut files = self.files.iter().filter_map(of_file).collect();
        self.entries.add_to(&mut files);
        files
    }

    /// Drops the hunks that `dropped` chooses, of those that are not on their way; returns them.
    pub(super) fn drop_hunks(
        &mut self,
        documents: &Documents,
        dropped: impl Fn(&WorkspacePath, &Tracked) -> bool,
    ) -> Vec<HunkId> {
        let mut gone = Vec::new();
        for (path, file) in &mut self.files {
            let before = gone.len();
            file.hunks.retain(|hunk| {
                let drop = dropped(path, hunk);
                if drop {
                    gone.push(hunk.id);
                }
                !drop
            });
            if gone.len() > before {
                file.refit();
            }
        }
        self.prune(documents);
        gone
    }

    /// Forgets files without hunks; their buffers are not tracked any more.
    pub(super) fn prune(&mut self, documents: &Documents) {
        self.files.retain(|_, file| {
            let keep = !file.hunks.is_empty() || !file.flights.is_empty();
            if let (false, Some((uri, _))) = (keep, file.basis.document()) {
                documents.untrack(uri);
            }
            keep
        });
    }
}
