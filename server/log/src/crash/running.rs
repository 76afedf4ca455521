//! Which turns run: a small file for each, so that the next start knows what was cut short without reading every log.
//!
//! A hint and no record: whether a turn has ended is in its session's log. Where a file can't be written nothing is lost
//! but the hint.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::{LogError, SessionId, Store, disk};

/// The folder with a file for each session in which a turn runs.
#[derive(Clone, Debug)]
pub struct Running {
    pub(super) folder: PathBuf,
}

impl Running {
    /// Marks below the state folder. Nothing on disk is touched until it is used.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            folder: state.join("running"),
        }
    }

    /// A turn runs in this session, of this workspace.
    pub fn began(&self, session: SessionId, root: &Path) {
        let write = || {
            disk::create_folders(&self.folder)?;
            let path = self.path(session);
            let mut options = disk::private();
            let file = options.write(true).create(true).truncate(true).open(&path);
            // Not synced: a turn does not wait for a hint.
            file.and_then(|mut file| file.write_all(root.as_os_str().as_encoded_bytes()))
                .map_err(LogError::io("write", &path))
        };
        if let Err(error) = write() {
            tracing::warn!(%session, %error, "a crash of this turn will not be told at the next start");
        }
    }

    /// No turn runs in this session any more, or what became of it has been told. False: there was no mark.
    pub fn ended(&self, session: SessionId) -> bool {
        std::fs::remove_file(self.path(session)).is_ok()
    }

    /// The sessions of this workspace with a turn whose process is gone.
    #[must_use]
    pub fn left(&self, store: &Store, root: &Path) -> Vec<SessionId> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let of_workspace = entries.flatten().filter_map(|entry| {
            let session = entry.file_name().to_str()?.parse().ok()?;
            let marked = std::fs::read(entry.path()).ok()?;
            (marked == root.as_os_str().as_encoded_bytes()).then_some(session)
        });
        of_workspace
            .filter(|session| !is_held(&store.session_folder(*session)))
            .collect()
    }

    pub(super) fn path(&self, session: SessionId) -> PathBuf {
        self.folder.join(session.to_string())
    }
}

/// Does a process write the log in this folder?
pub(super) fn is_held(session: &Path) -> bool {
    // Shared, and given back at once.
    File::open(session.join("lock")).is_ok_and(|lock| lock.try_lock_shared().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_left_once_its_process_is_gone() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path().join("sessions"));
        let running = Running::new(state.path());
        let (session, root) = (SessionId::new(), Path::new("/w"));
        let log = store.create(session).unwrap();
        running.began(session, root);
        running.began(session, root);
        assert!(running.left(&store, root).is_empty());
        drop(log);
        assert_eq!(running.left(&store, root), [session]);
        assert!(running.left(&store, Path::new("/other")).is_empty());
        assert!(running.ended(session));
        assert!(!running.ended(session));
        assert!(running.left(&store, root).is_empty());
    }
}
