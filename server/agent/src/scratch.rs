//! A folder of ours for the checker's copy of a workspace and its build cache.
//!
//! Kept by workspace, not by session, so that the next session's check is incremental and nothing piles up. Sessions
//! that work at the same time have one each: whoever holds a folder's lock has it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// More sessions than this on one workspace at a time share the last folder's number with their process id.
const SLOTS: u32 = 8;

pub(crate) struct Scratch {
    folder: PathBuf,
    /// Locked for as long as the session lives.
    _lock: Option<File>,
}

impl Scratch {
    pub(crate) fn take(state: &Path, root: &Path) -> Self {
        let hash = format!("{:x}", Sha256::digest(root.as_os_str().as_encoded_bytes()));
        let base = state.join("scratch").join(&hash[..16]);
        for slot in 0..SLOTS {
            let folder = base.join(slot.to_string());
            let Ok(()) = fs::create_dir_all(&folder) else {
                break;
            };
            let Ok(lock) = File::create(folder.with_extension("lock")) else {
                break;
            };
            if lock.try_lock().is_ok() {
                return Self {
                    folder,
                    _lock: Some(lock),
                };
            }
        }
        Self {
            folder: base.join(format!("{SLOTS}-{}", std::process::id())),
            _lock: None,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::Scratch;

    #[test]
    fn two_at_a_time_have_two_and_one_after_another_the_same() {
        let state = tempfile::tempdir().unwrap();
        let first = Scratch::take(state.path(), state.path());
        let second = Scratch::take(state.path(), state.path());
        assert_ne!(first.folder(), second.folder());
        let was = first.folder().to_owned();
        drop(first);
        assert_eq!(Scratch::take(state.path(), state.path()).folder(), was);
    }
}
