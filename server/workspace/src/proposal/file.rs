//! One file with hunks: the text that they stand against and how both move on together.

use std::collections::BTreeMap;
use std::sync::Arc;

use interline_log::{HunkId, HunkKind, SessionId};
use ropey::Rope;

use super::flight::Flight;
use super::place::{applied, trimmed};
use super::tracked::Tracked;
use crate::disk::{DiskText, Stamp};
use crate::document::{Document, Span};
use crate::documents::{Snapshot, Update};

/// Where the text comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// An open buffer at the moment `tick`.
    Buffer {
        uri: Arc<str>,
        version: i32,
        tick: u64,
    },
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
    pub(super) fn buffer(snapshot: &Snapshot) -> Self {
        let Document {
            uri, version, rope, ..
        } = &*snapshot.document;
        let source = Source::Buffer {
            uri: uri.clone(),
            version: *version,
            tick: snapshot.tick,
        };
        Self {
            rope: rope.clone(),
            source,
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

    /// Name and version of the buffer, for a file that is open.
    pub(super) fn document(&self) -> Option<(&Arc<str>, i32)> {
        match &self.source {
            Source::Buffer { uri, version, .. } => Some((uri, *version)),
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

    /// The buffer changed.
    pub(super) fn advance(&mut self, update: Update) {
        for span in &update.spans {
            let after = applied(&self.basis.rope, span);
            follow(&mut self.hunks, &self.basis.rope, span, &after);
            self.basis.rope = after;
        }
        self.basis.source = Source::Buffer {
            uri: update.uri,
            version: update.version,
            tick: update.tick,
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
    pub(super) fn settle(&mut self) {
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
        self.keep_apart();
    }

    /// After hunks went: those that had to give way to them may fit again.
    pub(super) fn refit(&mut self) {
        for hunk in self.hunks.iter_mut().filter(|hunk| hunk.is_text()) {
            let standing = hunk.standing().clone();
            hunk.place.find_again(&self.basis.rope, &standing);
        }
        self.keep_apart();
        self.generation += 1;
    }

    /// No two hunks of a session are on the same lines: where typing (an undo, mostly) brings that about, the first
    /// one stays and the other conflicts.
    fn keep_apart(&mut self) {
        let mut order: Vec<usize> = (0..self.hunks.len()).collect();
        order.sort_by_key(|i| {
            self.hunks
                .get(*i)
                .map(|hunk| (hunk.place.start, hunk.place.end))
        });
        let mut reach: BTreeMap<SessionId, usize> = BTreeMap::new();
        for hunk in order {
            let Some(hunk) = self.hunks.get_mut(hunk) else {
                continue;
            };
            if hunk.is_text() && hunk.is_in_view() {
                let reach = reach.entry(hunk.origin.session).or_default();
                if hunk.place.start < *reach {
                    hunk.place.displace();
                } else {
                    *reach = hunk.place.end;
                }
            }
        }
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
