//! What the tools remember of one session between calls: which text was shown, and what was last found wrong.
//!
//! What was shown is a fold of the log. The rest is not needed for a correct answer: after a restart it is empty, and
//! tools check again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interline_log::EventData;
use interline_workspace::editor::Diagnostic;
use interline_workspace::path::WorkspacePath;
use interline_workspace::shadow::Shadow;
use sha2::{Digest as _, Sha256};

use crate::shown::Shown;

/// One session's memory. `Default` is that of a new session, in which nobody asks but the user.
#[derive(Debug, Default)]
pub struct Memory {
    pub(crate) shown: Shown,
    checked: Mutex<Option<Arc<Checked>>>,
    /// What was refused since it does not parse: file and hash of the text.
    refused: Mutex<HashSet<(WorkspacePath, String)>>,
    shadow: Arc<tokio::sync::Mutex<Option<Shadow>>>,
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

impl Memory {
    /// Takes in what is on record: each event of the session's log, once, in order.
    pub fn apply(&self, event: &EventData) {
        self.shown.apply(event);
    }

    /// Says how to find out whether the model was told all of some pieces of text in one message.
    pub fn ask(&self, told: impl Fn(&[&str]) -> bool + Send + Sync + 'static) {
        self.shown.ask(Box::new(told));
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
}

/// Hex SHA-256 of a text.
pub(crate) fn hash(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// A panic while the lock was held can't have left a half-made map behind: every use is one call.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
