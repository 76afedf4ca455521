//! Where the user is and what the other servers said, as the client told it last.
//!
//! Its locks are held for a look-up, never across an await, and the agent holds none of them: it looks once between two
//! steps, and only where the count of changes has grown.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use lsp_types::{Diagnostic, Range, Uri};

use crate::connection::{is_ours, lock};
use crate::from_lsp;
use crate::protocol::FocusParams;

/// Documents whose diagnostics are kept; more is a client that never clears.
const MAX_DOCUMENTS: usize = 10_000;
/// Of selections and of visible ranges: more are no help to anybody.
const MAX_RANGES: usize = 16;

#[derive(Default)]
pub(crate) struct Seen {
    focus: Mutex<Option<FocusParams>>,
    /// What the other servers say, by document.
    diagnostics: Mutex<HashMap<String, Vec<Diagnostic>>>,
    changes: AtomicU64,
}

impl Seen {
    /// A buffer, a save, the focus or a diagnostic has changed.
    pub(crate) fn touch(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Grows with each change.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_focus(&self, mut focus: FocusParams) {
        focus.selections.truncate(MAX_RANGES);
        focus.visible_ranges.truncate(MAX_RANGES);
        *lock(&self.focus) = Some(focus);
        self.touch();
    }

    pub(crate) fn focus(&self) -> Option<FocusParams> {
        lock(&self.focus).clone()
    }

    /// The document was closed: nobody looks at it, and nobody speaks of it.
    pub(crate) fn forget(&self, uri: &Uri) {
        lock(&self.diagnostics).remove(uri.as_str());
        let mut focus = lock(&self.focus);
        if focus.as_ref().is_some_and(|focus| focus.uri == *uri) {
            *focus = None;
        }
        self.touch();
    }

    pub(crate) fn set_diagnostics(&self, uri: &Uri, mut diagnostics: Vec<Diagnostic>) {
        diagnostics.retain(|diagnostic| !is_ours(diagnostic));
        let mut known = lock(&self.diagnostics);
        if diagnostics.is_empty() {
            known.remove(uri.as_str());
        } else if known.len() < MAX_DOCUMENTS || known.contains_key(uri.as_str()) {
            known.insert(uri.as_str().to_owned(), diagnostics);
        }
        self.touch();
    }

    /// What a request for code actions carries: all that is known of these lines.
    pub(crate) fn learn(&self, uri: &Uri, range: Range, diagnostics: &[Diagnostic]) {
        let mut known = self.diagnostics(uri);
        known.retain(|known| !from_lsp::share_a_line(known.range, range));
        known.extend(diagnostics.iter().cloned());
        self.set_diagnostics(uri, known);
    }

    pub(crate) fn diagnostics(&self, uri: &Uri) -> Vec<Diagnostic> {
        lock(&self.diagnostics)
            .get(uri.as_str())
            .cloned()
            .unwrap_or_default()
    }
}
