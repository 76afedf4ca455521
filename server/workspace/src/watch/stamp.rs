//! What tells one state of a file from another.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What tells one state of a file from another, and files from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// In nanoseconds.
    pub(crate) modified: i64,
    /// Of anything that is known of it, in nanoseconds; nobody can set it.
    pub(crate) changed: i64,
    /// In bytes.
    pub(crate) size: u64,
    /// Its number in the file system.
    pub(crate) inode: u64,
    /// It has other names, by which it can be written unseen.
    pub(crate) shared: bool,
}

impl Stamp {
    /// Of what is there, links followed; `None` where there is nothing.
    pub(super) fn of(file: &Path) -> Option<Self> {
        file.metadata().ok().map(|facts| Self::from(&facts))
    }
}

impl From<&std::fs::Metadata> for Stamp {
    fn from(facts: &std::fs::Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| seconds.wrapping_mul(1_000_000_000) + rest;
        Self {
            modified: nanoseconds(facts.mtime(), facts.mtime_nsec()),
            changed: nanoseconds(facts.ctime(), facts.ctime_nsec()),
            size: facts.len(),
            inode: facts.ino(),
            shared: facts.nlink() > 1 && facts.is_file(),
        }
    }
}
