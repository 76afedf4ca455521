//! What a command saw beneath what it changed: the seed, and the workspace's folder under it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::tree::{Facts, Folder, Kind};

/// One folder of the two lower layers.
#[derive(Debug)]
pub(super) struct Below {
    seed: Option<Folder>,
    disk: Option<Folder>,
}

/// The layer that an entry shows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Seed,
    Disk,
}

impl Below {
    pub(super) fn new(seed: Folder, disk: Folder) -> Self {
        Self {
            seed: Some(seed),
            disk: Some(disk),
        }
    }

    /// Beneath a folder that a command made.
    pub(super) fn nothing() -> Self {
        Self {
            seed: None,
            disk: None,
        }
    }

    /// What shows by this name, links not followed.
    pub(super) fn look(&self, name: &OsStr) -> Option<(Layer, Facts)> {
        let facts = |folder: &Option<Folder>| folder.as_ref()?.facts(name).ok().flatten();
        match facts(&self.seed) {
            Some(seed) if seed.kind == Kind::Whiteout => None,
            Some(seed) => Some((Layer::Seed, seed)),
            None => facts(&self.disk).map(|disk| (Layer::Disk, disk)),
        }
    }

    /// The workspace's own entry, whatever the seed shows.
    pub(super) fn on_disk(&self, name: &OsStr) -> Option<Facts> {
        self.disk.as_ref()?.facts(name).ok().flatten()
    }

    pub(super) fn is(&self, name: &OsStr, kind: Kind) -> bool {
        self.look(name).is_some_and(|(_, facts)| facts.kind == kind)
    }

    /// The folder that shows by this name; one without entries where there is none.
    pub(super) fn folder(&self, name: &OsStr) -> Self {
        let open = |folder: &Option<Folder>| folder.as_ref()?.folder(name).ok();
        let shown = self.look(name);
        let is_folder = shown.is_some_and(|(_, facts)| facts.kind == Kind::Folder);
        let (seed, disk) = if is_folder {
            (open(&self.seed), open(&self.disk))
        } else {
            (None, None)
        };
        Self { seed, disk }
    }

    /// The bytes of the file that shows by this name, up to `most` and one more.
    pub(super) fn read(
        &self,
        name: &OsStr,
        most: u64,
    ) -> io::Result<Option<(Vec<u8>, Facts, Layer)>> {
        let Some((layer, facts)) = self.look(name) else {
            return Ok(None);
        };
        let folder = match layer {
            Layer::Seed => &self.seed,
            Layer::Disk => &self.disk,
        };
        match folder {
            Some(folder) if facts.kind == Kind::File => {
                let (bytes, facts) = folder.read(name, most)?;
                Ok(Some((bytes, facts, layer)))
            }
            _ => Ok(None),
        }
    }

    /// Where the link that shows by this name leads.
    pub(super) fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
        match (self.look(name), &self.disk) {
            // There are none in the seed.
            (Some((Layer::Disk, _)), Some(disk)) => disk.read_link(name),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Copies the file that shows by this name in the place of whatever `to` has by it.
    pub(super) fn copy(&self, name: &OsStr, to: &Folder) -> io::Result<()> {
        let from = match self.look(name) {
            Some((Layer::Seed, _)) => &self.seed,
            Some((Layer::Disk, _)) => &self.disk,
            None => &None,
        };
        let from = from.as_ref().ok_or(io::ErrorKind::NotFound)?;
        to.put_copy(name, from)
    }

    pub(super) fn names(&self) -> io::Result<BTreeSet<OsString>> {
        let mut names = BTreeSet::new();
        for folder in [&self.seed, &self.disk].into_iter().flatten() {
            names.extend(folder.names()?);
        }
        names.retain(|name| self.look(name).is_some());
        Ok(names)
    }

    /// The text of the rules for what is in this folder.
    pub(super) fn gitignore(&self) -> Option<String> {
        let (bytes, ..) = self.read(OsStr::new(".gitignore"), MOST_RULES).ok()??;
        String::from_utf8(bytes).ok()
    }

    /// Is this folder, of this parent, one that tools mark as a cache (<https://bford.info/cachedir/>)? A mark that a
    /// command sets on a folder of the user's is none.
    pub(super) fn is_cache(&self, name: &OsStr, upper: Option<&Folder>) -> bool {
        let tag = OsStr::new("CACHEDIR.TAG");
        if name == "target" && self.is(OsStr::new("Cargo.toml"), Kind::File) {
            return true;
        }
        match self.look(name) {
            Some((_, facts)) => facts.kind == Kind::Folder && self.folder(name).is(tag, Kind::File),
            None => upper.is_some_and(|folder| {
                let facts = folder.facts(tag).ok().flatten();
                facts.is_some_and(|facts| facts.kind == Kind::File)
            }),
        }
    }
}

/// Longest `.gitignore` that is heeded, in bytes.
const MOST_RULES: u64 = 1 << 20;

/// Opens a folder below another, by a relative path of plain names; `None` where it isn't there or no folder.
pub(super) fn descend(from: &Path, below: &Path) -> Option<Folder> {
    let mut folder = Folder::open(from).ok()?;
    for part in below.components() {
        folder = folder.folder(part.as_os_str()).ok()?;
    }
    Some(folder)
}

/// The folder and the name of a relative path.
pub(super) fn split(path: &Path) -> (PathBuf, OsString) {
    (
        path.parent().map(Path::to_owned).unwrap_or_default(),
        path.file_name().unwrap_or_default().to_owned(),
    )
}
