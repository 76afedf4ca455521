//! read, list, glob and grep over what the user sees: unsaved buffers shadow their files.
//!
//! Walks follow `.gitignore` (the `ignore` crate), matching is ripgrep's (`grep-*`). Open buffers, and files
//! with pending hunks of the asking session, are searched in memory and merged. Hidden `.git` is never entered,
//! and no symlink is followed. Whatever the threads do, the same texts give the same result.

mod files;
mod grep;
#[cfg(target_os = "linux")]
mod index;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use interline_log::SessionId;

use crate::Workspace;
use crate::path::{self, WorkspacePath};
use crate::proposal::ProposalError;
use files::View;
pub(crate) use files::walker;
#[cfg(target_os = "linux")]
pub(crate) use files::walker_with;
#[cfg(target_os = "linux")]
pub(crate) use index::Index;

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path.
    pub path: WorkspacePath,
    /// A folder.
    pub folder: bool,
}

/// What to search for.
#[derive(Clone, Debug)]
pub struct Grep {
    /// A regular expression (ripgrep's syntax).
    pub pattern: String,
    /// Below this folder, or in this file.
    pub path: WorkspacePath,
    /// Only files that match this glob: by name where it has no `/`, else by path from the root or from `path`.
    pub glob: Option<String>,
    /// Upper and lower case match each other.
    pub ignore_case: bool,
    /// Lines of context before and after.
    pub context: usize,
    /// Stops after this many matching lines.
    pub limit: usize,
}

/// One line of a search result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrepLine {
    /// The file.
    pub path: WorkspacePath,
    /// 1-based.
    pub line: u64,
    /// False: a line of context.
    pub matched: bool,
    /// Without its line break; very long lines are cut around the match.
    pub text: String,
}

/// A result, sorted by path and line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrepResult {
    /// The lines.
    pub lines: Vec<GrepLine>,
    /// There were more, or the search was cancelled.
    pub truncated: bool,
}

/// How far the search index of a workspace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Files that are not ignored.
    pub files: usize,
    /// Those that wait to be indexed; they are searched as if there were no index.
    pub waiting: usize,
}

impl Workspace {
    /// How far the search index is; `None` where there is none, or it is not known which files there are.
    #[must_use]
    pub fn indexed(&self) -> Option<Indexed> {
        #[cfg(target_os = "linux")]
        {
            let indexing = self.indexing.get()?;
            let current = indexing.tree.current()?;
            let waiting = indexing.search.waiting(&current);
            let files = current.len();
            Some(Indexed { files, waiting })
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The entries of a folder as the session sees it: ignored ones left out, new files of its proposal in.
    pub fn list(
        &self,
        session: SessionId,
        path: &WorkspacePath,
    ) -> Result<Vec<Entry>, ProposalError> {
        view(self, session, path)?.entries()
    }

    /// Files that match a glob below a folder: the first `limit` by path, and whether there were more.
    pub fn glob(
        &self,
        session: SessionId,
        pattern: &str,
        path: &WorkspacePath,
        limit: usize,
    ) -> Result<(Vec<WorkspacePath>, bool), ProposalError> {
        let view = view(self, session, path)?;
        let view = match self.listed(view.from()) {
            Some(files) => view.with_list(files),
            None => view,
        };
        let glob = files::Glob::new(pattern, view.from())?;
        Ok(view.first(&glob, limit))
    }

    /// Searches what the session sees. Runs on the calling thread and its own workers; ends early on `cancelled`.
    pub fn grep(
        &self,
        session: SessionId,
        grep: &Grep,
        cancelled: &AtomicBool,
    ) -> Result<GrepResult, ProposalError> {
        let view = view(self, session, &grep.path)?;
        let view = match self.candidates(&view, grep) {
            Some(files) => view.with_list(files),
            None => view,
        };
        grep::grep(&view, grep, cancelled)
    }
}

#[cfg(target_os = "linux")]
impl Workspace {
    /// The files below a folder, where they are known without walking: the same ones that a walk finds.
    fn listed(&self, folder: &WorkspacePath) -> Option<Vec<Arc<str>>> {
        let current = self.indexing()?.tree.current()?;
        let files = current.below(folder.as_str())?;
        Some(files.map(|(path, _)| path.clone()).collect())
    }

    /// The files on disk that can have a match, where that is known, and those among them whose text is in memory.
    fn candidates(&self, view: &View, grep: &Grep) -> Option<Vec<Arc<str>>> {
        let indexing = self.indexing()?;
        let plan = index::Plan::of(&grep.pattern, grep.ignore_case);
        let current = indexing.tree.current()?;
        let from = view.from().as_str();
        let mut files = indexing.search.candidates(&current, from, &plan)?;
        let in_memory = view.in_memory().filter(|path| current.file(path).is_some());
        files.extend(in_memory.map(Arc::from));
        files.sort_unstable();
        files.dedup();
        Some(files)
    }
}

#[cfg(not(target_os = "linux"))]
impl Workspace {
    fn listed(&self, _: &WorkspacePath) -> Option<Vec<Arc<str>>> {
        None
    }

    fn candidates(&self, _: &View, _: &Grep) -> Option<Vec<Arc<str>>> {
        None
    }
}

/// What the session sees below a path, symlinks on the way to it resolved.
fn view(
    workspace: &Workspace,
    session: SessionId,
    path: &WorkspacePath,
) -> Result<View, ProposalError> {
    let from = path::relative(workspace.root(), &workspace.resolve(path)?)
        .ok_or_else(|| ProposalError(format!("`{path}` can't be resolved to a path of text")))?;
    View::new(workspace.root(), from, workspace.overlay(session))
}
