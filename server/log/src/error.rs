//! What can go wrong with a log, said so that the user knows what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::SessionId;

/// Why a log could not be made, read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// No such session.
    #[error("there is no session {0}; `interline sessions` lists those on record")]
    NotFound(SessionId),
    /// The id is taken.
    #[error("session {0} is on record already; resume it or start another one")]
    Exists(SessionId),
    /// Another process, or another part of this one, writes this log.
    #[error("session {session} is open elsewhere (process {holder}); close it there first")]
    Locked {
        /// The session.
        session: SessionId,
        /// The process id that its lock file names, or `unknown`.
        holder: String,
    },
    /// Somebody took the lock file away and made another: this log must not be written any more.
    #[error(
        "session {0} was taken over by another process; this one stopped writing, resume the session to go on"
    )]
    Fenced(SessionId),
    /// The log does not read as it was written. A torn end is no damage.
    #[error(
        "{} is damaged at line {line} (event {seq}): {what}; restore the file, or go on from what stands before it: \
         `interline sessions fork {}`",
        file.display(), session_of(file)
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Its line, from 1; 0 where the file as a whole is meant.
        line: u64,
        /// The event that was expected there.
        seq: u64,
        /// What is wrong.
        what: String,
    },
    /// There is nothing to fork there.
    #[error(
        "session {session} has {good} good events, and a fork takes one of them at least; name fewer by `--at`"
    )]
    Fork {
        /// The session.
        session: SessionId,
        /// Its events up to the end or the first damage.
        good: u64,
    },
    /// The log has fewer events than a checkpoint signs: its end was taken off, or an older copy was put back.
    #[error(
        "the end of the log is gone or can't be read: {by} is signed for {signed} events, {events} are left (event \
         {events} and what followed are missing); restore the log"
    )]
    Truncated {
        /// Events that are there.
        events: u64,
        /// Events that the checkpoint is about.
        signed: u64,
        /// The checkpoint.
        by: String,
    },
    /// The chain is whole, but it is not the one that was signed: somebody wrote it anew.
    #[error(
        "events {first} to {last} are not those that were signed: {by} has another root; some of them were changed, \
         and the chain was made to fit; restore the log"
    )]
    Rewritten {
        /// The first event that may have been changed.
        first: u64,
        /// The last one.
        last: u64,
        /// The checkpoint.
        by: String,
    },
    /// A checkpoint that can't be relied on.
    #[error("{name} is no valid checkpoint: {what}")]
    Checkpoint {
        /// The checkpoint's file.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A bundle that lacks something, or says what its log doesn't.
    #[error("the bundle doesn't hold: {0}; ask for it again where it was exported")]
    Bundle(String),
    /// The key that signs checkpoints can't be used.
    #[error("the audit key {} can't be used: {what}", file.display())]
    Key {
        /// Its file.
        file: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The disk refused. After a failed write the log takes no more: every later call says the same.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// `read`, `write`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Bytes that a hunk names are not there any more.
    #[error("the bytes of a change can't be had: {0}; reject it and run the command again")]
    Attachment(String),
    /// The writer is gone without a word.
    #[error("the log's writer has stopped; resume the session to go on")]
    Stopped,
    /// The payload can't be written down.
    #[error("the event can't be written as json: {0}")]
    Encode(String),
    /// The value of a secret is a word of the log's own format.
    #[error(
        "a secret in the environment is too common a word to be kept out of the log; unset it or change it"
    )]
    Redaction,
}

/// The session whose log this is: its folder has its name.
fn session_of(file: &Path) -> &str {
    let folder = file.parent().and_then(Path::file_name);
    folder.and_then(|name| name.to_str()).unwrap_or("SESSION")
}

impl LogError {
    /// For `map_err` beside a call that touches `path`.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}
