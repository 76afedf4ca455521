//! One file with hunks: the text that they stand against and how both move on together.

use std::sync::Arc;

use interline_log::{HunkId, HunkKind};
use ropey::Rope;

use super::flight::Flight;
use super::place::{applied, trimmed};
use super::tracked::Tracked;
use crate::disk::{DiskText, Stamp};
use crate::document::{Document, Span};
use crate::documents::Snapshot;

/// Where the text comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// An open buffer at the moment `tick`.
    Buffer { document: Arc<Document>, tick: u64 },
    /// The disk; `None`: to be read again.
    Disk(Option<Stamp>),
    /// There is no such file.
    Missing,
}

/// The user's text that the hunks stand against.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    pub(super) rope: Rope,
    pub(super) source: Source,
}

impl Basis {
    pub(super) fn buffer(snapshot: Snapshot) -> Self {
        let rope = snapshot.document.rope.clone();
        Self {
            rope,
            source: Source::Buffer {
                document: snapshot.document,
                tick: snapshot.tick,
            },
        }
    }

    pub(super) fn disk(found: Option<&DiskText>) -> Self {
        match found {
            Some(found) => Self {
                rope: Rope::from_str(&found.text),
                source: Source::Disk(Some(found.stamp)),
            },
            None => Self {
                rope: Rope::new(),
                source: Source::Missing,
            },
        }
    }

    pub(super) fn exists(&self) -> bool {
        !matches!(self.source, Source::Missing)
    }

    pub(super) fn document(&self) -> Option<&Arc<Document>> {
        match &self.source {
            Source::Buffer { document, .. } => Some(document),
            _ => None,
        }
    }
}

/// A file that has hunks, of any session, in any state.
#[derive(Clone, Debug)]
pub(super) struct FileState {
    pub(super) basis: Basis,
    pub(super) hunks: Vec<Tracked>,
    pub(super) flights: Vec<Flight>,
    /// Counts the changes of the basis and the hunks.
    pub(super) generation: u64,
}

impl FileState {
    pub(super) fn new(basis: Basis) -> Self {
        Self {
            basis,
            hunks: Vec::new(),
            flights: Vec::new(),
            generation: 0,
        }
    }

    /// The buffer changed by `spans` and is `after` now.
    pub(super) fn advance(&mut self, after: Arc<Document>, tick: u64, spans: &[Span]) {
        let mut rope = std::mem::take(&mut self.basis.rope);
        for span in spans {
            let next = if spans.len() == 1 {
                after.rope.clone()
            } else {
                applied(&rope, span)
            };
            follow(&mut self.hunks, &rope, span, &next);
            rope = next;
        }
        self.basis = Basis {
            rope: after.rope.clone(),
            source: Source::Buffer {
                document: after,
                tick,
            },
        };
        self.settle();
    }

    /// The text is another one now (opened, closed, changed on disk), nobody knows by which steps.
    pub(super) fn rebase(&mut self, basis: Basis) {
        let before = &self.basis.rope;
        let span = Span {
            start: 0,
            end: before.len_chars(),
            text: basis.rope.to_string().into(),
        };
        follow(&mut self.hunks, before, &span, &basis.rope);
        self.basis = basis;
        self.settle();
    }

    /// After a change of the text: has a landing arrived; do the hunks of whole files still fit?
    fn settle(&mut self) {
        self.generation += 1;
        for i in 0..self.flights.len() {
            if let Some(flight) = self.flights.get_mut(i)
                && let Some(hunks) = flight.arrived(&self.basis.rope)
            {
                let gone = if flight.undo {
                    flight.hunks.clone()
                } else {
                    Vec::new()
                };
                self.take_over(hunks, &gone);
            }
        }
        self.check_whole_file();
    }

    /// Hunks that were moved along by the shape of our own edit replace those that followed the editor's.
    pub(super) fn take_over(&mut self, moved: Vec<Tracked>, gone: &[HunkId]) {
        self.hunks.retain(|hunk| !gone.contains(&hunk.id));
        for hunk in moved.into_iter().filter(Tracked::is_text) {
            if let Some(known) = self.hunks.iter_mut().find(|known| known.id == hunk.id) {
                *known = hunk;
            }
        }
    }

    /// Hunks that make or delete the file fit only the very text that they were proposed for.
    pub(super) fn check_whole_file(&mut self) {
        let exists = self.basis.exists();
        let rope = &self.basis.rope;
        for hunk in self.hunks.iter_mut().filter(|hunk| !hunk.is_text()) {
            let fits = match hunk.kind {
                HunkKind::Create if hunk.is_in_text() => exists && *rope == *hunk.new,
                // An editor may hold an empty buffer for a file that isn't there yet.
                HunkKind::Create => {
                    rope.len_bytes() == 0 && !matches!(self.basis.source, Source::Disk(_))
                }
                HunkKind::Delete if hunk.is_in_text() => !exists,
                HunkKind::Delete => exists && *rope == *hunk.old,
                _ => true,
            };
            hunk.place = super::place::Place::whole_file(rope.len_chars(), fits);
        }
    }

    pub(super) fn get(&self, id: HunkId) -> Option<&Tracked> {
        self.hunks.iter().find(|hunk| hunk.id == id)
    }

    /// The hunks in order of the text; insertions before what they stand before, older before newer.
    pub(super) fn sort(&mut self) {
        self.hunks
            .sort_by_key(|hunk| (hunk.place.start, hunk.place.end));
    }
}

/// Moves hunks along with one change of a text.
pub(super) fn follow(hunks: &mut [Tracked], before: &Rope, span: &Span, after: &Rope) {
    if let Some(span) = trimmed(before, span) {
        for hunk in hunks {
            hunk.follow(before, &span, after);
        }
    }
}
