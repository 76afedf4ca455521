//! A walk over a folder that is new: each folder is watched before it is listed, so nothing happens in it unseen.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkState;

use super::inotify::{Id, Watch};
use super::stamp::Stamp;
use crate::search::walker_with;

/// More folders are not watched: each takes about 1 KiB of the kernel's memory.
pub(super) const MAX_FOLDERS: usize = 100_000;
/// More files are not kept track of: each takes about 250 bytes, with what the indexes know of it.
pub(super) const MAX_FILES: usize = 400_000;

/// What the walk has found, by paths below the root.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Vec<(String, Stamp)>,
    /// These are watched.
    pub(super) folders: Vec<(String, Id)>,
    /// Folders that have a repository of their own.
    pub(super) repositories: Vec<PathBuf>,
}

/// Watches and lists the folder `start` of the tree at `root`, which is on `device`, with all below it.
pub(super) fn descend(
    (root, device): (&Path, u64),
    start: &Path,
    watch: &Arc<Watch>,
) -> io::Result<Found> {
    let walk = Arc::new(Walk::new(root.to_owned(), watch.clone(), device));
    walk.watch(start)?;
    let filter = walk.clone();
    // One thread: this is for the background, or small.
    walker_with(start, move |entry| filter.enter(entry))
        .threads(1)
        .build_parallel()
        .run(|| Box::new(|entry| entry.map_or(WalkState::Continue, |entry| walk.meet(&entry))));
    let state = std::mem::take(&mut *lock(&walk.state));
    state.error.map_or(Ok(state.found), Err)
}

#[derive(Default)]
struct State {
    found: Found,
    error: Option<io::Error>,
}

struct Walk {
    root: PathBuf,
    watch: Arc<Watch>,
    device: u64,
    state: Mutex<State>,
}

impl Walk {
    fn new(root: PathBuf, watch: Arc<Watch>, device: u64) -> Self {
        Self {
            root,
            watch,
            device,
            state: Mutex::default(),
        }
    }

    /// True: the walk goes on here. The root of a walk isn't asked for.
    fn enter(&self, entry: &ignore::DirEntry) -> bool {
        if entry.file_name() == ".git" {
            let folder = entry.path().parent().unwrap_or(&self.root);
            lock(&self.state).found.repositories.push(folder.to_owned());
            return false;
        }
        if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
            return true;
        }
        match self.watch(entry.path()) {
            Ok(()) => true,
            Err(error) => {
                lock(&self.state).error.get_or_insert(error);
                false
            }
        }
    }

    fn meet(&self, entry: &ignore::DirEntry) -> WalkState {
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        let Some(path) = self.name(entry.path()).filter(|_| is_file) else {
            return WalkState::Continue;
        };
        let facts = entry.metadata();
        let stamp = facts.map_or_else(|_| Stamp::default(), |facts| Stamp::from(&facts));
        let mut state = lock(&self.state);
        state.found.files.push((path.to_owned(), stamp));
        if state.found.files.len() > MAX_FILES {
            state.error.get_or_insert_with(too_many);
        }
        if state.error.is_some() {
            WalkState::Quit
        } else {
            WalkState::Continue
        }
    }

    fn name<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.strip_prefix(&self.root).ok()?.to_str()
    }

    fn watch(&self, folder: &Path) -> io::Result<()> {
        let Some(path) = self.name(folder) else {
            return Ok(());
        };
        if folder
            .symlink_metadata()
            .is_ok_and(|facts| facts.dev() != self.device)
        {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "another file system is mounted inside",
            ));
        }
        match self.watch.add(folder) {
            Ok(id) => {
                let mut state = lock(&self.state);
                state.found.folders.push((path.to_owned(), id));
                if state.found.folders.len() > MAX_FOLDERS {
                    return Err(too_many());
                }
                Ok(())
            }
            // Gone, or not to be listed either; its parent tells when that changes.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::PermissionDenied
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

pub(super) fn too_many() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "too many files and folders to watch",
    )
}

/// A lock whose holder can't leave what it holds half written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
