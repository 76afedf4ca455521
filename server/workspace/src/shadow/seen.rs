//! The texts that a command in the shadow sees, for those who have to make sense of what it says about them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::below::{Below, Layer};
use super::tree::{Folder, Time};
use crate::disk::{BOM, MAX_BYTES};
use crate::path::WorkspacePath;

/// What was there when the shadow was entered.
#[derive(Clone, Debug)]
pub struct Seen {
    seed: PathBuf,
    root: PathBuf,
    since: Time,
}

impl Seen {
    pub(super) fn new(seed: PathBuf, root: PathBuf, since: Time) -> Self {
        Self { seed, root, since }
    }

    /// The text of a file, without a byte-order mark; `None` where there is none, or it has changed on disk since.
    /// Reads disk.
    #[must_use]
    pub fn text(&self, path: &WorkspacePath) -> Option<String> {
        let path = Path::new(path.as_str());
        let mut below = Below::new(
            Folder::open(&self.seed).ok()?,
            Folder::open(&self.root).ok()?,
        );
        for part in path.parent()?.components() {
            below = below.folder(part.as_os_str());
        }
        let name: &OsStr = path.file_name()?;
        let (bytes, facts, layer) = below.read(name, MAX_BYTES).ok()??;
        if layer == Layer::Disk && facts.changed > self.since {
            return None;
        }
        let text = String::from_utf8(bytes).ok()?;
        Some(text.strip_prefix(BOM).map(str::to_owned).unwrap_or(text))
    }
}
