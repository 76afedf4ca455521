//! What is kept in the background so that looking things up is quick: the list of files, and the indexes over it.
//!
//! All of it can be missing at any time: whoever asks goes the plain way then. Nothing runs and nothing is held until the first
//! question; then one thread of the lowest priority works, where that pays: on Linux (elsewhere nobody can tell that all changes
//! up to a moment are known), in a large folder, for the editor's server. Never for commands that end soon.

#[cfg(target_os = "linux")]
use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::Workspace;
#[cfg(target_os = "linux")]
use crate::search::Index;
#[cfg(target_os = "linux")]
use crate::watch::Tree;

/// Whoever asked first is answered before this begins.
const DELAY: Duration = Duration::from_secs(1);
/// A workspace with fewer entries (ignored ones counted) is walked faster than anything is looked up for it.
const WORTHWHILE: usize = 2_000;
/// Changes are taken in this long after the first of them, all at once.
#[cfg(target_os = "linux")]
const SETTLE: Duration = Duration::from_millis(250);
/// What is left to index is taken up again so often at once.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 3;
/// The thread looks this often whether the workspace is still there.
#[cfg(target_os = "linux")]
const IDLE: Duration = Duration::from_secs(5);

/// What is kept of a workspace goes when nobody has opened it for so long.
const KEPT: Duration = Duration::from_hours(60 * 24);

/// The indexes of one workspace.
#[derive(Debug)]
pub(crate) struct Indexing {
    /// A folder of ours for what is kept between starts; it may not be there yet.
    pub(crate) folder: PathBuf,
    /// The thread was started.
    pub(crate) started: AtomicBool,
    #[cfg(target_os = "linux")]
    pub(crate) tree: Tree,
    #[cfg(target_os = "linux")]
    pub(crate) search: Index,
}

impl Workspace {
    /// Has indexes kept below our state folder from the first question on. Starts nothing; the second call does nothing.
    pub fn keep_index_in(&self, state: &Path) {
        let folder = folder(state, self.root());
        let _ = self.indexing.set(Arc::new(Indexing {
            started: AtomicBool::new(cfg!(not(target_os = "linux"))),
            #[cfg(target_os = "linux")]
            tree: Tree::new(self.root()),
            #[cfg(target_os = "linux")]
            search: Index::new(&folder.join("search")),
            folder,
        }));
    }

    /// What is asked; `None` where nothing is kept.
    pub(crate) fn indexing(&self) -> Option<&Arc<Indexing>> {
        let indexing = self.indexing.get()?;
        if !indexing.started.swap(true, Ordering::Relaxed) {
            indexing.start(self.root());
        }
        Some(indexing)
    }
}

impl Indexing {
    fn start(self: &Arc<Self>, root: &Path) {
        let (indexing, root) = (self.clone(), root.to_owned());
        let started = thread::Builder::new()
            .name("indexing".to_owned())
            .spawn(move || indexing.run(&root));
        if let Err(error) = started {
            tracing::warn!(%error, "there is no index: no thread for it");
        }
    }

    /// The thread: ends with the workspace, or where there is nothing to keep.
    fn run(self: &Arc<Self>, root: &Path) {
        thread::sleep(DELAY);
        if !is_large(root) {
            return;
        }
        #[cfg(target_os = "linux")]
        {
            tracing::debug!(kept = %self.folder.display(), "indexing begins");
            // Of this thread alone, and of those that it starts.
            let _ = rustix::process::nice(19);
            // The workspace holds it too.
            let is_needed = || Arc::strong_count(self) > 1;
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

/// Removes what is kept of workspaces that nobody has opened for long; `folder` is that of one that somebody has.
pub(crate) fn forget_old(folder: &Path) {
    let Some(all) = folder.parent().filter(|all| all.ends_with("index")) else {
        return;
    };
    for entry in all.read_dir().into_iter().flatten().flatten() {
        let other = entry.path();
        if other != folder && is_old(&other) {
            tracing::debug!(folder = %other.display(), "an index that nobody has used for long is removed");
            let _ = std::fs::remove_dir_all(other);
        }
    }
}

/// Nothing in it was used for long, and nobody holds it now. Whoever uses an index touches its file.
fn is_old(folder: &Path) -> bool {
    let lock = folder.join("search/lock");
    let is_free = File::open(&lock).map_or(true, |lock| lock.try_lock().is_ok());
    let age = |file: &Path| file.metadata().ok()?.modified().ok()?.elapsed().ok();
    let files = [&folder.join("symbols"), &folder.join("symbols.lock"), &lock];
    // A folder with none of them is not known to be ours.
    let youngest = files.into_iter().filter_map(|file| age(file)).min();
    is_free && youngest.is_some_and(|age| age > KEPT)
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_nobody_uses_goes() {
        let state = tempfile::tempdir().unwrap();
        let make = |name: &str, file: &str, age: Duration| {
            let folder = folder(state.path(), Path::new(name));
            std::fs::create_dir_all(folder.join("search")).unwrap();
            let file = File::create(folder.join(file)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
            (folder, file)
        };
        let (mine, _) = make("mine", "symbols", KEPT * 2);
        let (old, _) = make("old", "symbols", KEPT * 2);
        let (used, _) = make("used", "symbols", KEPT / 2);
        let (held, lock) = make("held", "search/lock", KEPT * 2);
        lock.lock().unwrap();
        let other = state.path().join("index/other");
        std::fs::create_dir(&other).unwrap();
        forget_old(&mine);
        assert!(!old.exists());
        for kept in [mine, used, held, other] {
            assert!(kept.exists(), "{}", kept.display());
        }
    }
}
