//! What a command changed, in the terms of the workspace.

use std::fmt;
use std::path::PathBuf;

use crate::path::WorkspacePath;

/// What a command left.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// To be proposed, by path.
    pub changes: Vec<Change>,
    /// What is no hunk, for the model and the user.
    pub notes: Vec<Note>,
}

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A text file was changed, made (no `old`) or deleted (no `new`). Texts are without a byte-order mark.
    Text {
        /// The file.
        path: WorkspacePath,
        /// What the command saw; `None` too where that is gone, since the file changed on disk meanwhile: then the
        /// change is in conflict.
        old: Option<String>,
        /// What it left.
        new: Option<String>,
    },
    /// A text file got another name.
    Renamed {
        /// The old name.
        from: WorkspacePath,
        /// The new one.
        to: WorkspacePath,
        /// Its text.
        text: String,
    },
    /// A file that is no text was changed, made, or deleted (no `new`).
    Binary {
        /// The file.
        path: WorkspacePath,
        /// What it is now.
        new: Option<Blob>,
        /// The file changed on disk meanwhile: it is not what the command saw.
        lost: bool,
    },
    /// A file became executable, or is none any more.
    Executable {
        /// The file.
        path: WorkspacePath,
        /// What it is now.
        executable: bool,
    },
}

impl Change {
    /// The file; of a rename the new name.
    #[must_use]
    pub fn path(&self) -> &WorkspacePath {
        match self {
            Self::Text { path, .. }
            | Self::Renamed { to: path, .. }
            | Self::Binary { path, .. }
            | Self::Executable { path, .. } => path,
        }
    }
}

/// Bytes that a command left, in a file of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Where they are.
    pub file: PathBuf,
    /// How many.
    pub bytes: u64,
    /// Their hash, hex.
    pub sha256: String,
    /// The file was executable.
    pub executable: bool,
}

/// Something that a command left and that can't be a hunk. Names are shown with control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// Changes below `.git`, which are dropped.
    History {
        /// How many files and folders at the top of it.
        entries: usize,
    },
    /// A symbolic link was made or changed.
    Link {
        /// Its name.
        path: String,
        /// Where it points.
        to: String,
    },
    /// A link, a pipe or the like was deleted.
    Gone {
        /// Its name.
        path: String,
    },
    /// A pipe, a socket or a device, which is dropped.
    Special {
        /// Its name.
        path: String,
    },
    /// A name that no tool could be given.
    Name {
        /// The name.
        path: String,
    },
    /// More than one command may change: these files are in the shadow only.
    TooMany {
        /// How many.
        files: usize,
    },
    /// What could not be read.
    Unread {
        /// Its name.
        path: String,
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::History { entries } => write!(
                f,
                "{entries} changes in .git were dropped: ask the user to run what changes git's history"
            ),
            Self::Link { path, to } => write!(
                f,
                "the symbolic link `{path}` to `{to}` is in the shadow only"
            ),
            Self::Gone { path } => write!(
                f,
                "`{path}` is deleted in the shadow only: it is no regular file"
            ),
            Self::Special { path } => write!(f, "`{path}` was dropped: it is no regular file"),
            Self::Name { path } => write!(
                f,
                "`{path}` is in the shadow only: its name is no plain text"
            ),
            Self::TooMany { files } => {
                write!(
                    f,
                    "{files} more changed files are in the shadow only: too many to review"
                )
            }
            Self::Unread { path, reason } => write!(f, "`{path}` can't be read back: {reason}"),
        }
    }
}
