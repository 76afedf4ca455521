//! What is kept in the background so that looking things up is quick: the list of files, and the indexes over it.
//!
//! All of it can be missing at any time: whoever asks goes the plain way then. Started by the editor's server a moment after it
//! is in use, on one thread of the lowest priority, and only where it pays; never by commands that end soon.

#[cfg(target_os = "linux")]
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::Workspace;
#[cfg(target_os = "linux")]
use crate::search::Index;
#[cfg(target_os = "linux")]
use crate::watch::Tree;

/// The editor has its server for itself when it starts.
const DELAY: Duration = Duration::from_secs(1);
/// A workspace with fewer entries (ignored ones counted) is walked faster than anything is looked up for it.
const WORTHWHILE: usize = 2_000;
/// Changes are taken in this long after the first of them, all at once.
const SETTLE: Duration = Duration::from_millis(250);
/// What is left to index is taken up again so often at once.
const ROUNDS: usize = 3;
/// The thread looks this often whether the workspace is still there.
const IDLE: Duration = Duration::from_secs(5);

/// The indexes of one workspace.
#[derive(Debug)]
pub(crate) struct Indexing {
    /// A folder of ours for what is kept between starts; it may not be there yet.
    pub(crate) folder: PathBuf,
    #[cfg(target_os = "linux")]
    pub(crate) tree: Tree,
    #[cfg(target_os = "linux")]
    pub(crate) search: Index,
}

impl Workspace {
    /// Starts what keeps the indexes of this workspace, below our state folder. Returns at once; the second call does
    /// nothing.
    pub fn start_indexing(self: &Arc<Self>, state: &Path) {
        let folder = folder(state, self.root());
        let indexing = Arc::new(Indexing {
            #[cfg(target_os = "linux")]
            tree: Tree::new(self.root()),
            #[cfg(target_os = "linux")]
            search: Index::new(&folder.join("search")),
            folder,
        });
        if self.indexing.set(indexing.clone()).is_err() {
            return;
        }
        let workspace = Arc::downgrade(self);
        let started = thread::Builder::new()
            .name("indexing".to_owned())
            .spawn(move || indexing.run(&workspace));
        if let Err(error) = started {
            tracing::warn!(%error, "there is no index: no thread for it");
        }
    }
}

impl Indexing {
    /// The thread: ends with the workspace, or where there is nothing to keep.
    fn run(&self, workspace: &Weak<Workspace>) {
        thread::sleep(DELAY);
        let root = workspace
            .upgrade()
            .map(|workspace| workspace.root().to_owned());
        if !root.is_some_and(|root| is_large(&root)) {
            return;
        }
        #[cfg(target_os = "linux")]
        {
            tracing::debug!(kept = %self.folder.display(), "indexing begins");
            // Of this thread alone, and of those that it starts.
            let _ = rustix::process::nice(19);
            let is_needed = || workspace.strong_count() > 0;
            while is_needed() && !self.tree.is_hopeless() {
                self.take_in(&is_needed);
                self.tree.wait(IDLE);
                thread::sleep(SETTLE);
            }
        }
    }

    /// Takes in what has changed, and what has changed while it did.
    #[cfg(target_os = "linux")]
    fn take_in(&self, is_needed: &dyn Fn() -> bool) {
        if self.tree.is_in_doubt()
            && let Err(error) = self.tree.renew()
        {
            tracing::info!(%error, "the files can't be watched: searches walk");
            return;
        }
        self.tree.refresh();
        let files = Cell::new(0_u32);
        let go_on = || {
            files.set(files.get().wrapping_add(1));
            // The kernel's queue is not long.
            if files.get().is_multiple_of(256) {
                self.tree.refresh();
            }
            is_needed()
        };
        for _ in 0..ROUNDS {
            match self.search.work(&self.tree, &go_on) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "the search index can't be written: files are searched without it");
                    break;
                }
            }
        }
    }
}

/// Where the indexes of a workspace are kept, below our state folder.
pub(crate) fn folder(state: &Path, root: &Path) -> PathBuf {
    let name = Sha256::digest(root.as_os_str().as_encoded_bytes());
    state.join("index").join(&format!("{name:x}")[..16])
}

/// Has it so many entries that an index pays? Looks at no more of them than that takes.
fn is_large(root: &Path) -> bool {
    let (mut folders, mut seen) = (vec![root.to_owned()], 0);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else {
            continue;
        };
        for entry in entries.flatten() {
            seen += 1;
            if seen >= WORTHWHILE {
                return true;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != ".git" {
                folders.push(entry.path());
            }
        }
    }
    false
}
