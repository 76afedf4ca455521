//! Paths of the workspace: relative, `/`-separated, proven to stay inside it.
//!
//! [`WorkspacePath`] is proven by its text alone. Where symlinks lead is asked of the disk by [`locate`] and
//! [`relative`]; nothing here opens a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::proposal::ProposalError;

/// Longest path in bytes: `PATH_MAX` of Linux.
const MAX_BYTES: usize = 4096;

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
        if text.len() > MAX_BYTES || text.chars().any(char::is_control) {
            let shown: String = text.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(PathError::Invalid(shown));
        }
        if text.starts_with('/') || text.split('/').any(|part| part == "..") {
            return Err(PathError::Outside(text.to_owned()));
        }
        let parts: Vec<&str> = text
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        Ok(Self(parts.join("/")))
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

/// The absolute path with every symlink resolved; the last parts need not exist. An error where a symlink leads
/// out of `root` (canonical) or nowhere.
pub(crate) fn locate(root: &Path, path: &WorkspacePath) -> Result<PathBuf, ProposalError> {
    let found = canonical(&root.join(path.as_str())).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => ProposalError(format!(
            "`{path}` can't exist: a file stands where a folder is needed"
        )),
        _ => ProposalError(format!("`{path}` can't be resolved: {error}")),
    })?;
    if found.starts_with(root) {
        Ok(found)
    } else {
        Err(ProposalError(format!(
            "`{path}` leads out of the workspace by a symbolic link"
        )))
    }
}

/// The place of an absolute path below `root` (canonical), symlinks resolved; `None` outside, or where its name
/// is no text.
pub(crate) fn relative(root: &Path, file: &Path) -> Option<WorkspacePath> {
    let found = canonical(file).ok()?;
    WorkspacePath::new(found.strip_prefix(root).ok()?.to_str()?).ok()
}

/// [`Path::canonicalize`] for paths whose last parts don't exist yet. A dangling symlink is an error: writing to
/// it would make a file wherever it points.
fn canonical(file: &Path) -> io::Result<PathBuf> {
    match file.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if file.is_symlink() {
                return Err(io::Error::other(
                    "a symbolic link on the way points to nothing",
                ));
            }
            match (file.parent(), file.file_name()) {
                (Some(parent), Some(name)) => Ok(canonical(parent)?.join(name)),
                _ => Err(error),
            }
        }
        found => found,
    }
}

/// Is it edited by cells, by its name?
pub(crate) fn is_notebook(file: &Path) -> bool {
    let extension = file.extension().and_then(std::ffi::OsStr::to_str);
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("ipynb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_normalised_or_refused() {
        for (text, want) in [
            ("./a//b", "a/b"),
            (".", ""),
            ("", ""),
            ("a/./b/", "a/b"),
            ("...", "..."),
        ] {
            assert_eq!(WorkspacePath::new(text).unwrap().as_str(), want);
        }
        for text in [
            "/etc/passwd",
            "..",
            "a/../b",
            "a\0b",
            "a\nb",
            &"x".repeat(5000),
        ] {
            assert!(WorkspacePath::new(text).is_err(), "{text:.20}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn symlinks_stay_inside() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root_path = root.path().canonicalize().unwrap();
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, root_path.join(name)).unwrap();
        };
        std::fs::create_dir(root_path.join("real")).unwrap();
        link(outside.path(), "out");
        link(&outside.path().join("nothing"), "dangling");
        link(&root_path.join("real"), "inside");
        let at = |text: &str| locate(&root_path, &WorkspacePath::new(text).unwrap());
        assert!(at("out").is_err());
        assert!(at("out/new/file").is_err());
        assert!(at("dangling").is_err());
        assert_eq!(at("inside/new").unwrap(), root_path.join("real/new"));
        assert_eq!(at("a/b/c").unwrap(), root_path.join("a/b/c"));
        assert_eq!(
            relative(&root_path, &root_path.join("inside/x"))
                .unwrap()
                .as_str(),
            "real/x"
        );
        assert!(relative(&root_path, outside.path()).is_none());
    }
}
