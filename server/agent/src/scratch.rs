//! A folder of ours for the checker's copy of a workspace and its build cache, and for the shadow.
//!
//! Kept by workspace, not by session, so that the next session's check is incremental. Sessions that work at the same
//! time have one each: whoever holds a folder's lock has it. What nobody holds is bounded ([`prune`]); nothing but
//! caches is in it, so that a session needs none of it to be resumed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use interline_log::SessionId;
use interline_workspace::shadow;
use sha2::{Digest as _, Sha256};

/// The folder of all, below the state folder.
const NAME: &str = "scratch";
/// More sessions than this don't work on one workspace at a time; who finds no lock that is free has a name of his own.
const SLOTS: u32 = 1_000;
/// What begins with it is being deleted.
const GONE: &str = "gone-";
/// A lock file that is removed as it is opened is opened again, so often.
const TRIES: u32 = 10;

pub(crate) struct Scratch {
    folder: PathBuf,
    /// Locked for as long as the session lives.
    _lock: Option<File>,
}

impl Scratch {
    pub(crate) fn take(state: &Path, root: &Path) -> Self {
        let hash = format!("{:x}", Sha256::digest(root.as_os_str().as_encoded_bytes()));
        let base = state.join(NAME).join(&hash[..16]);
        for slot in 0..SLOTS {
            let folder = base.join(slot.to_string());
            match hold(&folder, true) {
                Ok(Some(lock)) => {
                    // When it was used last.
                    let _ = lock.set_modified(SystemTime::now());
                    return Self {
                        folder,
                        _lock: Some(lock),
                    };
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, folder = %folder.display(), "no folder can be had to work in");
                    break;
                }
            }
        }
        Self {
            folder: base.join(SessionId::new().to_string()),
            _lock: None,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Locks a folder; `None`: somebody else has. `make`: it is made where it isn't there.
fn hold(folder: &Path, make: bool) -> io::Result<Option<File>> {
    let path = lock_of(folder);
    for _ in 0..TRIES {
        if make {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        let lock = match options.write(true).create(true).truncate(false).open(&path) {
            // Whoever prunes has just removed the folder around it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) => {}
        }
        if is_at(&lock, &path) && (!make || folder.is_dir()) {
            return Ok(Some(lock));
        }
    }
    Ok(None)
}

/// Is it the file of that name? A lock on one that was removed before it was locked is worth nothing.
fn is_at(lock: &File, path: &Path) -> bool {
    let named = fs::symlink_metadata(path).map(|facts| facts.ino());
    let held = lock.metadata().map(|facts| facts.ino());
    named.is_ok_and(|named| held.is_ok_and(|held| held == named))
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

/// What stays of what nobody works in: the folders that were used last.
pub(crate) struct Bounds {
    /// None that was not used for so long.
    pub(crate) longest: Duration,
    /// Folders.
    pub(crate) most: usize,
    /// Bytes of the disk that they take together.
    pub(crate) bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            longest: Duration::from_secs(30 * 24 * 60 * 60),
            most: 32,
            // Of one shadow 20 GiB are allowed.
            bytes: 40 << 30,
        }
    }
}

/// Deletes what is beyond the bounds, and what an earlier call left half deleted. Walks all of it: takes a while.
pub(crate) fn prune(state: &Path, bounds: &Bounds, now: SystemTime) {
    let mut slots = Vec::new();
    for workspace in folders(&state.join(NAME)) {
        for folder in folders(&workspace) {
            if folder
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(GONE.as_bytes()))
            {
                delete(&folder);
            } else {
                slots.push((used(&folder), folder));
            }
        }
        // Fails unless it is empty.
        let _ = fs::remove_dir(&workspace);
    }
    slots.sort_by(|one, other| other.cmp(one));
    let (mut kept, mut bytes) = (0, 0_u64);
    for (used, folder) in slots {
        let Ok(Some(lock)) = hold(&folder, false) else {
            continue;
        };
        let is_old = now
            .duration_since(used)
            .is_ok_and(|age| age > bounds.longest);
        if !is_old && kept < bounds.most {
            let takes = shadow::bytes_of(&folder);
            if bytes.saturating_add(takes) <= bounds.bytes {
                (kept, bytes) = (kept + 1, bytes + takes);
                continue;
            }
        }
        discard(&folder);
        drop(lock);
    }
}

/// Deletes a folder that the caller holds. Where that is cut short, nobody takes what is left of it for the whole.
fn discard(folder: &Path) {
    let gone = folder.with_file_name(format!("{GONE}{}", SessionId::new()));
    if let Err(error) = fs::rename(folder, &gone) {
        tracing::warn!(%error, folder = %folder.display(), "an old folder can't be removed");
        return;
    }
    let _ = fs::remove_file(lock_of(folder));
    delete(&gone);
    if let Some(workspace) = folder.parent() {
        let _ = fs::remove_dir(workspace);
    }
}

fn delete(folder: &Path) {
    if let Err(error) = shadow::delete(folder) {
        tracing::warn!(%error, folder = %folder.display(), "an old folder can't be deleted");
    }
}

fn used(folder: &Path) -> SystemTime {
    let modified = |path: &Path| fs::symlink_metadata(path).and_then(|facts| facts.modified());
    let used = modified(&lock_of(folder)).or_else(|_| modified(folder));
    used.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The folders in a folder, links not among them.
fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
mod tests {
    use super::*;

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

    #[test]
    fn a_lock_that_was_removed_is_none() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("0.lock");
        let lock = File::create(&path).unwrap();
        assert!(is_at(&lock, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&lock, &path));
        let another = File::create(&path).unwrap();
        assert!(!is_at(&lock, &path) && is_at(&another, &path));
    }

    /// The folders of so many workspaces with 100 kB each, each used a minute after the one before, none held.
    fn used_by(state: &Path, count: u64) -> Vec<PathBuf> {
        let began = SystemTime::now() - Duration::from_secs(count * 60);
        let take = |n: u64| {
            let scratch = Scratch::take(state, Path::new(&format!("/w{n}")));
            fs::write(scratch.folder().join("built"), vec![b'x'; 100_000]).unwrap();
            let lock = scratch._lock.as_ref().unwrap();
            lock.set_modified(began + Duration::from_secs(n * 60))
                .unwrap();
            scratch.folder().to_owned()
        };
        (0..count).map(take).collect()
    }

    fn there(folders: &[PathBuf]) -> Vec<bool> {
        folders.iter().map(|folder| folder.is_dir()).collect()
    }

    #[test]
    fn the_folders_that_were_used_last_stay() {
        let state = tempfile::tempdir().unwrap();
        let prune = |bounds: &Bounds| prune(state.path(), bounds, SystemTime::now());
        let folders = used_by(state.path(), 6);
        prune(&Bounds::default());
        assert_eq!(there(&folders), [true; 6]);
        prune(&Bounds {
            longest: Duration::from_secs(5 * 60 + 30),
            ..Bounds::default()
        });
        assert_eq!(there(&folders), [false, true, true, true, true, true]);
        prune(&Bounds {
            most: 4,
            ..Bounds::default()
        });
        assert_eq!(there(&folders), [false, false, true, true, true, true]);
        prune(&Bounds {
            bytes: 250_000,
            ..Bounds::default()
        });
        assert_eq!(there(&folders), [false, false, false, false, true, true]);
        // Nothing stays of what went, its lock and the workspace's folder included.
        assert_eq!(super::folders(&state.path().join(NAME)).len(), 2);
    }

    #[test]
    fn what_somebody_works_in_stays_and_does_not_count() {
        let state = tempfile::tempdir().unwrap();
        let folders = used_by(state.path(), 3);
        let held = Scratch::take(state.path(), Path::new("/w0"));
        assert_eq!(held.folder(), folders[0]);
        let bounds = Bounds {
            most: 1,
            ..Bounds::default()
        };
        prune(
            state.path(),
            &bounds,
            SystemTime::now() + Duration::from_secs(60),
        );
        assert_eq!(there(&folders), [true, false, true]);
        let nothing = Bounds {
            most: 0,
            ..Bounds::default()
        };
        prune(state.path(), &nothing, SystemTime::now());
        assert_eq!(there(&folders), [true, false, false]);
    }

    #[test]
    fn what_is_half_deleted_goes_and_what_is_taken_meanwhile_is_whole() {
        let state = tempfile::tempdir().unwrap();
        let folder = used_by(state.path(), 1).remove(0);
        let half = folder.with_file_name(format!("{GONE}1"));
        fs::create_dir_all(half.join("shadow/upper")).unwrap();
        let nothing = Bounds {
            most: 0,
            ..Bounds::default()
        };
        std::thread::scope(|scope| {
            let pruning = scope.spawn(|| {
                for _ in 0..200 {
                    prune(state.path(), &nothing, SystemTime::now());
                }
            });
            while !pruning.is_finished() {
                let taken = Scratch::take(state.path(), Path::new("/w0"));
                assert!(taken._lock.is_some());
                let again = Scratch::take(state.path(), Path::new("/w0"));
                assert_ne!(taken.folder(), again.folder());
                fs::write(taken.folder().join("built"), "x").unwrap();
                assert!(taken.folder().join("built").exists());
            }
        });
        prune(state.path(), &nothing, SystemTime::now());
        assert!(!folder.exists() && !half.exists());
    }
}
