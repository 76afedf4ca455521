//! Paths of the workspace: relative, `/`-separated, proven to stay inside it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A path inside the workspace as tools and models write it. Never absolute, never with `..`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkspacePath(String);

/// Why a text is no path of the workspace.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// It leads outside.
    #[error("`{0}` is outside the workspace: give a path relative to its root")]
    Outside(String),
    /// It has NUL or control characters, or is too long.
    #[error("`{0}` is not a usable path")]
    Invalid(String),
}

impl WorkspacePath {
    /// Parses and normalises (`./a//b` is `a/b`). `.` and the empty text are the root.
    pub fn new(text: &str) -> Result<Self, PathError> {
        let _ = text;
        todo!()
    }

    /// Relative, `/`-separated; empty for the root.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkspacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for WorkspacePath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::new(&text)
    }
}

impl From<WorkspacePath> for String {
    fn from(path: WorkspacePath) -> Self {
        path.0
    }
}
