//! The open buffers by name and by file, and the queue that tells the proposals of their changes.
//!
//! This is the typing path: no I/O, no hashing, no copy of a text, and no lock that anybody holds for longer than it
//! takes to clone an `Arc`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use dashmap::DashMap;
use ropey::Rope;

use crate::document::{Change, Document, Span};
use crate::path::WorkspacePath;
use crate::proposal::ProposalError;

/// A change of a tracked buffer, on its way to the proposals.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) uri: Arc<str>,
    pub(crate) path: Option<WorkspacePath>,
    pub(crate) version: i32,
    pub(crate) tick: u64,
    pub(crate) spans: Vec<Span>,
}

/// A buffer at one moment. `tick` orders all moments of all buffers.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub(crate) document: Arc<Document>,
    pub(crate) tick: u64,
    /// How often it was changed since it was opened.
    pub(crate) changes: u64,
    /// Its changes from here on are queued.
    pub(crate) tracked: bool,
}

/// All open buffers.
#[derive(Debug)]
pub(crate) struct Documents {
    open: DashMap<Arc<str>, Snapshot>,
    by_path: DashMap<WorkspacePath, Arc<str>>,
    clock: AtomicU64,
    queue: Sender<Update>,
}

impl Documents {
    pub(crate) fn new(queue: Sender<Update>) -> Self {
        Self {
            open: DashMap::new(),
            by_path: DashMap::new(),
            clock: AtomicU64::new(1),
            queue,
        }
    }

    /// Opens a buffer, or replaces one: eglot sends didOpen twice.
    pub(crate) fn open(
        &self,
        uri: &str,
        path: Option<WorkspacePath>,
        language: &str,
        version: i32,
        text: &str,
    ) {
        let uri: Arc<str> = uri.into();
        let document = Arc::new(Document {
            uri: uri.clone(),
            path: path.clone(),
            language: language.into(),
            version,
            rope: Rope::from_str(text),
        });
        let snapshot = Snapshot {
            document,
            tick: self.tick(),
            changes: 0,
            tracked: false,
        };
        self.open.insert(uri.clone(), snapshot);
        if let Some(path) = path {
            self.by_path.insert(path, uri);
        }
    }

    /// Applies changes in order. True where the buffer is tracked.
    pub(crate) fn change(
        &self,
        uri: &str,
        version: i32,
        changes: &[Change],
    ) -> Result<bool, ProposalError> {
        let mut entry = self.open.get_mut(uri).ok_or_else(|| {
            ProposalError(format!(
                "`{uri}` changed but was never opened: the change is dropped"
            ))
        })?;
        let snapshot = entry.value_mut();
        let document = Arc::make_mut(&mut snapshot.document);
        document.version = version;
        snapshot.tick = self.tick();
        snapshot.changes += 1;
        if !snapshot.tracked {
            for change in changes {
                document.apply(change);
            }
            return Ok(false);
        }
        let spans = changes
            .iter()
            .map(|change| document.apply(change))
            .collect();
        // Sent under the entry's lock, so that the queue has the order of the changes. Nobody listens any more only
        // while the workspace goes away.
        // No snapshot goes along: keeping one would make the next change copy what it touches.
        let _ = self.queue.send(Update {
            uri: document.uri.clone(),
            path: document.path.clone(),
            version,
            tick: snapshot.tick,
            spans,
        });
        Ok(true)
    }

    /// Closes a buffer and returns it.
    pub(crate) fn close(&self, uri: &str) -> Option<Arc<Document>> {
        let (_, snapshot) = self.open.remove(uri)?;
        if let Some(path) = &snapshot.document.path {
            self.by_path.remove_if(path, |_, name| &**name == uri);
            // The same file may be open under another name (a symlink).
            let other = self
                .open
                .iter()
                .find(|entry| entry.document.path.as_ref() == Some(path))
                .map(|entry| entry.key().clone());
            if let Some(other) = other {
                self.by_path.insert(path.clone(), other);
            }
        }
        Some(snapshot.document)
    }

    pub(crate) fn get(&self, uri: &str) -> Option<Arc<Document>> {
        self.open.get(uri).map(|entry| entry.document.clone())
    }

    /// The buffer of a file, as it is now.
    pub(crate) fn at(&self, path: &WorkspacePath) -> Option<Snapshot> {
        let uri = self.by_path.get(path)?.clone();
        self.open.get(&uri).map(|entry| entry.clone())
    }

    /// Marks the buffer of a file as tracked and returns it: each later change is in the queue, no earlier one is.
    pub(crate) fn track(&self, path: &WorkspacePath) -> Option<Snapshot> {
        let uri = self.by_path.get(path)?.clone();
        let mut entry = self.open.get_mut(&uri)?;
        entry.tracked = true;
        Some(entry.clone())
    }

    pub(crate) fn untrack(&self, uri: &str) {
        if let Some(mut entry) = self.open.get_mut(uri) {
            entry.tracked = false;
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Document>> {
        self.open
            .iter()
            .map(|entry| entry.document.clone())
            .collect()
    }

    /// How often each buffer of a file of the workspace, or that of one file, was changed since it was opened.
    pub(crate) fn changes(&self, path: Option<&WorkspacePath>) -> BTreeMap<Arc<str>, u64> {
        let wanted = |document: &Document| match path {
            Some(path) => document.path.as_ref() == Some(path),
            None => document.path.is_some(),
        };
        self.open
            .iter()
            .filter(|entry| wanted(&entry.document))
            .map(|entry| (entry.key().clone(), entry.changes))
            .collect()
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
}
