//! Which paths of the workspace are build outputs and the like: git's rules, and folders that tools mark or name.
//!
//! The rules are those of the disk and of the proposal, never those that a command wrote: else a command could hide
//! what it changes.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Folders of installed packages and caches, whether a project ignores them or not.
const NAMES: &[&str] = &["node_modules", ".venv", "venv", "__pycache__"];

/// The rules for one folder on the way down from the root.
#[derive(Debug)]
pub(super) struct Rules {
    root: PathBuf,
    /// The user's, the repository's, then those of each folder on the way.
    chain: Vec<Gitignore>,
}

impl Rules {
    pub(super) fn new(root: &Path) -> Self {
        let (global, _) = GitignoreBuilder::new(root).build_global();
        let mut own = GitignoreBuilder::new(root);
        // A line that can't be parsed is no rule, for git as well.
        let _ = own.add(root.join(".git/info/exclude"));
        Self {
            root: root.to_owned(),
            chain: vec![global, own.build().unwrap_or_else(|_| Gitignore::empty())],
        }
    }

    /// Goes into a folder (relative) with the text of its `.gitignore`.
    pub(super) fn enter(&mut self, folder: &Path, text: Option<&str>) {
        let rules = text.and_then(|text| {
            let mut rules = GitignoreBuilder::new(self.root.join(folder));
            for line in text.lines() {
                let _ = rules.add_line(None, line);
            }
            rules.build().ok()
        });
        self.chain.push(rules.unwrap_or_else(Gitignore::empty));
    }

    /// Goes back up.
    pub(super) fn leave(&mut self) {
        self.chain.pop();
    }

    /// Does a rule, or its name, say so? `path` is relative and in the folder that was entered last.
    pub(super) fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        let name = path.file_name().unwrap_or_default();
        if is_folder && NAMES.iter().any(|known| name == OsStr::new(known)) {
            return true;
        }
        let path = self.root.join(path);
        let mut found = self
            .chain
            .iter()
            .rev()
            .map(|rules| rules.matched(&path, is_folder));
        matches!(
            found.find(|found| !matches!(found, Match::None)),
            Some(Match::Ignore(_))
        )
    }
}
