//! One writer per log: a lock file with a fencing epoch.
//!
//! The lock of the system falls with its process, so none is ever left behind. The epoch inside is for the case in
//! which somebody removes the file: the old writer sees that the file is not its own any more and stops.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::disk;
use crate::error::LogError;
use crate::{EventId, SessionId};

const NAME: &str = "lock";

/// The right to write one session's log, until it is dropped.
pub(crate) struct Lock {
    session: SessionId,
    path: PathBuf,
    /// What this holder wrote: epoch, process, and a word that no other holder has.
    token: String,
    _file: File,
}

impl Lock {
    pub(crate) fn take(folder: &Path, session: SessionId) -> Result<Self, LogError> {
        let path = folder.join(NAME);
        let mut file = disk::private()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LogError::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LogError::Locked {
                    session,
                    holder: holder(&path),
                });
            }
            Err(TryLockError::Error(error)) => return Err(LogError::io("lock", &path)(error)),
        }
        let token = write_token(&mut file).map_err(LogError::io("write", &path))?;
        Ok(Self {
            session,
            path,
            token,
            _file: file,
        })
    }

    /// Fails if another holder has written the lock file since, or it was removed.
    pub(crate) fn check(&self) -> Result<(), LogError> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) if text != self.token => Err(LogError::Fenced(self.session)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LogError::Fenced(self.session))
            }
            // Unreadable is no proof, and the system's lock still stands (on Windows it is what forbids reading).
            _ => Ok(()),
        }
    }
}

/// Writes the next epoch in place of the last one.
fn write_token(file: &mut File) -> io::Result<String> {
    let mut last = String::new();
    // A lock file that isn't ours to read as text starts again at 1: the unique word still tells holders apart.
    let _ = file.take(256).read_to_string(&mut last);
    let epoch = last
        .split(' ')
        .next()
        .and_then(|word| word.parse::<u64>().ok())
        .unwrap_or(0)
        .saturating_add(1);
    let token = format!("{epoch} {} {}\n", std::process::id(), EventId::new());
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(token.as_bytes())?;
    Ok(token)
}

/// The process that the lock file names.
fn holder(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split(' ').nth(1).unwrap_or("unknown").to_owned()
}
