//! The black box: what a process that dies or panics leaves beside the logs, for the next start to tell of.
//!
//! A crash has a file of its own below the state folder, readable by its owner alone: the cause, and the heads of the
//! last events of all sessions ([`recent`]). Never a payload: what was said in a session is in its log and nowhere else.
//! Written by [`watch_panics`] and by the binary's handler of fatal signals.

mod hook;
mod prune;
mod recent;
mod running;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{CrashId, EventHead, LogError, SessionId, disk};

pub use hook::{Panicked, take_panic, watch_panics};
pub(crate) use recent::note;
pub use recent::{Recent, recent};
pub use running::Running;

const PREFIX: &str = "crash-";
const SUFFIX: &str = ".json";
/// Stands before [`SUFFIX`] once the user has been told.
const TOLD: &str = ".told";

/// One crash, as its file has it. What a file lacks is empty: it may have been written with little time left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// Version of the binary.
    pub version: String,
    /// The process.
    pub process: u32,
    /// When, in milliseconds since the Unix epoch.
    pub ts: u64,
    /// `panic`, or the name of the signal.
    pub cause: String,
    /// True: the process ended by it. A panic that ended a task alone is on record in that task's session.
    pub fatal: bool,
    /// What the panic said and where, without secrets; empty for a signal.
    #[serde(default)]
    pub message: String,
    /// The thread; empty for a signal.
    #[serde(default)]
    pub thread: String,
    /// The stack of a panic.
    #[serde(default)]
    pub backtrace: String,
    /// The last events of all sessions, oldest first.
    #[serde(default)]
    pub events: Vec<EventHead>,
}

impl Crash {
    /// Was this session among those that something happened in last?
    #[must_use]
    pub fn names(&self, session: SessionId) -> bool {
        self.events.iter().any(|event| event.session == session)
    }

    /// The cause in a few words.
    #[must_use]
    pub fn cause(&self) -> String {
        if self.message.is_empty() {
            self.cause.clone()
        } else {
            format!("{}: {}", self.cause, self.message)
        }
    }
}

/// One file of the folder.
#[derive(Debug)]
pub struct CrashFile {
    /// Its id, which its name has.
    pub id: CrashId,
    /// Where it is.
    pub path: PathBuf,
    /// The user has been told.
    pub told: bool,
    /// What it says; the error says why it can't be read.
    pub crash: Result<Crash, String>,
}

/// The folder of all crashes.
#[derive(Clone, Debug)]
pub struct Crashes {
    folder: PathBuf,
}

impl Crashes {
    /// Crashes below the state folder. Nothing on disk is touched until it is used.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            folder: state.join("crashes"),
        }
    }

    /// The folder; it may not be there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the file of a crash belongs.
    #[must_use]
    pub fn path(&self, id: CrashId) -> PathBuf {
        self.folder.join(format!("{PREFIX}{id}{SUFFIX}"))
    }

    /// Puts a crash on record.
    ///
    /// # Errors
    /// [`LogError::Io`], or [`LogError::Encode`].
    pub fn write(&self, id: CrashId, crash: &Crash) -> Result<(), LogError> {
        let bytes = serde_json::to_vec_pretty(crash)
            .map_err(|error| LogError::Encode(error.to_string()))?;
        disk::create_folders(&self.folder)?;
        disk::write_new(&self.path(id), &bytes)
    }

    /// All that are on record, oldest first.
    ///
    /// # Errors
    /// [`LogError::Io`] if the folder can't be read; that it isn't there means that it is empty.
    pub fn list(&self) -> Result<Vec<CrashFile>, LogError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(LogError::io("read", &self.folder))?,
        };
        let mut files: Vec<_> = entries
            .filter_map(|entry| read(&entry.ok()?.path()))
            .collect();
        files.sort_by_key(|file| file.id);
        Ok(files)
    }

    /// The user has been told of it: its name says so. False: somebody else was faster.
    #[must_use]
    pub fn told(&self, id: CrashId) -> bool {
        let told = self.folder.join(format!("{PREFIX}{id}{TOLD}{SUFFIX}"));
        std::fs::rename(self.path(id), told).is_ok()
    }
}

/// `None`: the name is none of ours.
fn read(path: &Path) -> Option<CrashFile> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let id = name.strip_suffix(TOLD).unwrap_or(name);
    let crash = std::fs::read(path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    Some(CrashFile {
        id: id.parse().ok()?,
        path: path.to_owned(),
        told: id != name,
        crash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash() -> Crash {
        Crash {
            version: "0".into(),
            process: 1,
            ts: 2,
            cause: "panic".into(),
            fatal: true,
            message: "oh at a.rs:1".into(),
            thread: "main".into(),
            backtrace: String::new(),
            events: vec![EventHead {
                session: SessionId::new(),
                seq: 3,
                ts: 4,
                r#type: "input.user".into(),
            }],
        }
    }

    #[test]
    fn a_crash_is_read_as_written_and_told_once() {
        let state = tempfile::tempdir().unwrap();
        let crashes = Crashes::new(state.path());
        assert!(crashes.list().unwrap().is_empty());
        let id = CrashId::new();
        crashes.write(id, &crash()).unwrap();
        let listed = crashes.list().unwrap().remove(0);
        assert_eq!((listed.id, listed.told), (id, false));
        let read = listed.crash.unwrap();
        assert_eq!(
            (read.cause(), read.version),
            ("panic: oh at a.rs:1".to_owned(), "0".to_owned())
        );
        assert!(crashes.told(id));
        assert!(!crashes.told(id));
        assert!(crashes.list().unwrap().remove(0).told);
    }

    #[test]
    fn a_file_of_little_time_is_read_and_a_cut_one_is_listed() {
        let state = tempfile::tempdir().unwrap();
        let crashes = Crashes::new(state.path());
        crashes.write(CrashId::new(), &crash()).unwrap();
        let short = r#"{"version":"0","process":1,"ts":2,"cause":"SIGSEGV","fatal":true}"#;
        for text in [short, &short[..30]] {
            disk::write_new(&crashes.path(CrashId::new()), text.as_bytes()).unwrap();
        }
        disk::write_new(&crashes.folder().join("else"), b"").unwrap();
        let mut read: Vec<_> = crashes
            .list()
            .unwrap()
            .into_iter()
            .map(|file| file.crash.is_ok())
            .collect();
        // Made in one millisecond, they come in any order.
        read.sort_unstable();
        assert_eq!(read, [false, true, true]);
    }
}
