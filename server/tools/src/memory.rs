//! What the tools remember of one session between calls: which text was read, and what was last found wrong.
//!
//! Nothing here is needed for a correct answer: after a restart it is empty, and tools read or check again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interline_workspace::editor::Diagnostic;
use interline_workspace::path::WorkspacePath;
use interline_workspace::shadow::Shadow;
use sha2::{Digest as _, Sha256};

/// One session's memory. `Default` is that of a new session.
#[derive(Debug, Default)]
pub struct Memory {
    reads: Mutex<HashMap<WorkspacePath, Seen>>,
    checked: Mutex<Option<Arc<Checked>>>,
    /// What was refused since it does not parse: file and hash of the text.
    refused: Mutex<HashSet<(WorkspacePath, String)>>,
    shadow: Arc<tokio::sync::Mutex<Option<Shadow>>>,
}

/// A text that was read.
#[derive(Debug)]
struct Seen {
    hash: String,
    /// All of it was shown.
    whole: bool,
}

/// What was found wrong, in positions of the text that the session saw.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Who found it, such as `cargo check`.
    pub(crate) source: String,
    /// The editor's language servers did, who name themselves by what they found.
    pub(crate) by_editor: bool,
    /// False: it may be older than the last change.
    pub(crate) settled: bool,
    /// Checkers that should have looked too, and why they did not.
    pub(crate) failed: Vec<String>,
    /// The file that was asked about; `None`: the project.
    pub(crate) scope: Option<WorkspacePath>,
    /// In the order in which they are shown.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Hash of each text that a diagnostic or a fix is about.
    pub(crate) texts: HashMap<WorkspacePath, String>,
}

/// What a session knows of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was read as it is now.
    Current,
    /// It was read as it is now, but not all of it.
    InPart,
    /// It was read, and has changed since.
    Changed,
    /// It was never read.
    Unread,
}

impl Memory {
    /// The session has seen this text, or written it.
    pub(crate) fn saw(&self, path: &WorkspacePath, text: &str) {
        self.remember(path, text, true);
    }

    /// The session has seen some lines of this text.
    pub(crate) fn saw_part(&self, path: &WorkspacePath, text: &str) {
        if self.knows(path, text) != Known::Current {
            self.remember(path, text, false);
        }
    }

    fn remember(&self, path: &WorkspacePath, text: &str, whole: bool) {
        let hash = hash(text);
        lock(&self.reads).insert(path.clone(), Seen { hash, whole });
    }

    /// The session's own change turned `before` into `after`: what was known of it stays known.
    pub(crate) fn changed(&self, path: &WorkspacePath, before: &str, after: &str) {
        match self.knows(path, before) {
            known @ (Known::Current | Known::InPart) => {
                self.remember(path, after, known == Known::Current);
            }
            Known::Changed | Known::Unread => {}
        }
    }

    /// A file with this text has another name now.
    pub(crate) fn moved(&self, from: &WorkspacePath, to: &WorkspacePath, text: &str) {
        if self.knows(from, text) == Known::Current {
            self.saw(to, text);
        }
        self.forget(from);
    }

    /// The file is gone, or has another name.
    pub(crate) fn forget(&self, path: &WorkspacePath) {
        lock(&self.reads).remove(path);
    }

    /// Was just this text refused before? Then it counts as meant; the next time it has to be meant again.
    pub(crate) fn insists(&self, path: &WorkspacePath, text: &str) -> bool {
        let refusal = (path.clone(), text.to_owned());
        let mut refused = lock(&self.refused);
        let insists = refused.remove(&refusal);
        if !insists {
            refused.insert(refusal);
        }
        insists
    }

    /// Keeps the last result.
    pub(crate) fn keep(&self, checked: &Arc<Checked>) {
        *lock(&self.checked) = Some(Arc::clone(checked));
    }

    pub(crate) fn last(&self) -> Option<Arc<Checked>> {
        lock(&self.checked).clone()
    }

    /// The shadow workspace, for one command at a time.
    pub(crate) async fn shadow(&self) -> tokio::sync::OwnedMutexGuard<Option<Shadow>> {
        Arc::clone(&self.shadow).lock_owned().await
    }

    pub(crate) fn knows(&self, path: &WorkspacePath, text: &str) -> Known {
        match lock(&self.reads).get(path) {
            None => Known::Unread,
            Some(seen) if seen.hash == hash(text) => {
                if seen.whole {
                    Known::Current
                } else {
                    Known::InPart
                }
            }
            Some(_) => Known::Changed,
        }
    }
}

/// Hex SHA-256 of a text.
pub(crate) fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// A panic while the lock was held can't have left a half-made map behind: every use is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
