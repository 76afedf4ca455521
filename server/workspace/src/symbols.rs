//! The symbol index: definitions and references by name, in every language that has a grammar here.
//!
//! It knows names, not meanings: where an editor's language server can be asked, that is asked first. Nothing runs and
//! nothing is held until somebody asks; then files are indexed in the background, and until they all are an answer is
//! made of what is there and a plain search of the rest, and says that it is not complete. Open documents count as they
//! are in the buffer. Every method here may read files and wait for a while (half a second at most, a second for
//! references): none is for the typing path.
//!
//! For `@symbol` in prompts: [`Workspace::find_symbols`] completes, [`Workspace::definitions`] resolves.

mod build;
mod changes;
mod extract;
mod kind;
mod lines;
mod map;
mod names;
mod open;
mod query;
mod rank;
mod record;
mod saved;
mod skim;
mod source;
mod store;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Workspace;
use crate::editor::{Location, Symbol};
use crate::indexing;
use crate::path::WorkspacePath;
use build::Shared;
use open::Live;
#[cfg(feature = "fuzzing")]
pub(crate) use open::typed;

/// How long an answer waits for the index to be complete.
const WAIT: Duration = Duration::from_millis(150);
/// How long it then searches what is not indexed yet.
const SEARCH: Duration = Duration::from_millis(350);

/// An answer from the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed<T> {
    /// The answer.
    pub items: T,
    /// False: files are still being indexed, or a limit was met: there may be more.
    pub complete: bool,
}

/// Sizes of an index, for benches and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Files on disk that it holds.
    pub files: usize,
    /// Symbols in them.
    pub symbols: usize,
    /// Bytes of their names.
    pub names: usize,
    /// Bytes of all else that it holds.
    pub other: usize,
}

/// The index of one workspace.
pub(crate) struct Index {
    shared: Arc<Shared>,
    live: Live,
    map: map::Cached,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").finish_non_exhaustive()
    }
}

impl Index {
    /// Holds nothing yet.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            shared: Arc::new(Shared::new(root)),
            live: Live::default(),
            map: map::Cached::default(),
        }
    }
}

impl Workspace {
    /// Where the index is kept between two starts: a file of its own below the state folder. Reads nothing; once only,
    /// before the first question.
    pub fn keep_symbols_in(&self, state: &Path) {
        let file = indexing::folder(state, self.root()).join("symbols");
        // Sessions of one folder share the workspace, and have one state folder.
        let _ = self.index.shared.file.set(file);
    }

    /// Starts to index in the background, so that a later question finds more. Returns at once, or after a few files.
    pub fn index_symbols(&self) {
        let open = self.documents.all().into_iter();
        let near = open.filter_map(|document| Some(document.path.as_ref()?.as_str().to_owned()));
        let watched = self.indexing();
        self.index.shared.refresh(watched, near.collect());
    }

    /// Waits until everything is indexed; false where that takes longer than `limit`.
    pub fn symbols_complete(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        self.index_symbols();
        self.index.shared.wait(until)
    }

    /// Symbols of the workspace whose name has `query` in it, or its letters in this order; best first. With a `::` or
    /// `.` in it, what stands before is looked for in what the symbol is in.
    #[must_use]
    pub fn find_symbols(&self, query: &str, limit: usize) -> Indexed<Vec<Symbol>> {
        query::find(self, query, limit)
    }

    /// The same of what is indexed at this moment: a few ms, and nobody is waited for.
    #[must_use]
    pub fn known_symbols(&self, query: &str, limit: usize) -> Vec<Symbol> {
        query::known(self, query, limit)
    }

    /// Symbols of one file in the order of the text; `None` where its language has no grammar here. Always of the text
    /// of now, index or not.
    #[must_use]
    pub fn symbols_of(&self, path: &WorkspacePath) -> Option<Vec<Symbol>> {
        query::outline(self, path)
    }

    /// What is declared by this name, best first: in the same file as `from`, in what that imports, near it, in the
    /// same language.
    #[must_use]
    pub fn definitions(
        &self,
        name: &str,
        from: Option<&WorkspacePath>,
        limit: usize,
    ) -> Indexed<Vec<Symbol>> {
        query::definitions(self, name, from, limit)
    }

    /// Every place where this name stands as an identifier (not in comments and texts), its declarations too; files
    /// near `from` first.
    #[must_use]
    pub fn references(
        &self,
        name: &str,
        from: Option<&WorkspacePath>,
        limit: usize,
    ) -> Indexed<Vec<Location>> {
        query::references(self, name, from, limit)
    }

    /// The files that matter most, by who refers to whom and by what is open, each with its most used declarations
    /// (`line: declaration`), in at most `bytes` bytes. A token is about four bytes.
    #[must_use]
    pub fn repo_map(&self, bytes: usize) -> Indexed<Arc<str>> {
        query::map(self, bytes)
    }

    /// What the index holds now.
    #[must_use]
    pub fn symbol_sizes(&self) -> Sizes {
        let store = self.index.shared.read();
        let (symbols, names, other) = store.sizes();
        Sizes {
            files: store.files.len(),
            symbols,
            names,
            other,
        }
    }
}
