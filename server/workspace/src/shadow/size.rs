//! How much of the disk the shadow takes: build outputs stay in it, and nothing else ends their growing.
//!
//! It is walked, which costs as much as there are outputs, so not after each command: only when a minute has passed, or
//! the file system has lost so much since the last time that it could matter.

use std::path::Path;
use std::time::{Duration, Instant};

use super::tree::{Folder, Kind};
use super::walk::DEEPEST;

/// How long a measure holds.
const HOLDS: Duration = Duration::from_secs(60);
/// How much the file system may lose meanwhile, in bytes.
const SLACK: u64 = 1 << 30;
/// Most entries that are looked at; what has more is taken for too large.
const MOST: usize = 5_000_000;

/// A measure of a folder.
#[derive(Debug)]
pub(super) struct Size {
    bytes: u64,
    free: u64,
    at: Instant,
}

impl Size {
    /// Measures `folder`, but where `last` still holds. What can't be looked at counts for nothing.
    pub(super) fn of(folder: &Path, last: Option<Self>, limit: u64) -> Self {
        let free = free(folder);
        if let Some(last) = last.filter(|last| last.holds(free, limit)) {
            return last;
        }
        let mut count = 0;
        let bytes = Folder::open(folder).map_or(0, |folder| walk(&folder, &mut count, 0));
        Self {
            bytes: if count > MOST { u64::MAX } else { bytes },
            free,
            at: Instant::now(),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn holds(&self, free: u64, limit: u64) -> bool {
        let lost = self.free.saturating_sub(free);
        self.bytes.saturating_add(lost) <= limit && lost < SLACK && self.at.elapsed() < HOLDS
    }
}

/// Of the file system, in bytes.
fn free(folder: &Path) -> u64 {
    let facts = rustix::fs::statvfs(folder);
    facts.map_or(0, |facts| facts.f_bfree.saturating_mul(facts.f_frsize))
}

fn walk(folder: &Folder, count: &mut usize, depth: usize) -> u64 {
    let mut bytes: u64 = 0;
    for name in folder.names().unwrap_or_default() {
        *count += 1;
        if *count > MOST || depth > DEEPEST {
            break;
        }
        let Ok(Some((kind, takes))) = folder.takes(&name) else {
            continue;
        };
        bytes = bytes.saturating_add(takes);
        if kind == Kind::Folder
            && let Ok(inner) = folder.folder(&name)
        {
            bytes = bytes.saturating_add(walk(&inner, count, depth + 1));
        }
    }
    bytes
}
