//! The seed: the lower layer with what the user has not saved and what the session proposes.
//!
//! A seed is written only where its bytes change, and then its time is that of the writing: build tools compare
//! times. Text that goes back to the disk's keeps a seed with the disk's bytes and a fresh time, until the disk's own
//! time is newer than the last command: else a tool would take what it built in between for up to date.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::below::{descend, split};
use super::tree::{Facts, Folder, Kind, Time};
use crate::disk::{BOM, MAX_BYTES};

/// What a path has to show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) content: Content<'a>,
    /// `None`: as on disk.
    pub(super) executable: Option<bool>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Content<'a> {
    /// What is on disk.
    Disk,
    /// This text.
    Text(&'a str),
    /// These bytes, that are no text.
    Bytes(&'a [u8]),
    /// Nothing.
    Nothing,
}

/// What the last command left at a path, and what has been taken out of the upper layer.
#[derive(Clone, Debug)]
pub(super) enum Left {
    File { sha256: [u8; 32], modified: Time },
    Nothing,
}

impl Left {
    pub(super) fn file(bytes: &[u8], facts: &Facts) -> Self {
        Self::File {
            sha256: Sha256::digest(bytes).into(),
            modified: facts.modified,
        }
    }

    /// Its time, if it has these bytes.
    fn matching(&self, bytes: &[u8]) -> Option<Time> {
        match self {
            Self::File { sha256, modified }
                if *sha256 == <[u8; 32]>::from(Sha256::digest(bytes)) =>
            {
                Some(*modified)
            }
            _ => None,
        }
    }
}

impl Wanted<'_> {
    const DISK: Self = Self {
        content: Content::Disk,
        executable: None,
    };
}

/// Permission bits with those by which a file can be run, or without.
fn executable(mode: u32, is: bool) -> u32 {
    if is {
        mode | (mode & 0o444) >> 2
    } else {
        mode & !0o111
    }
}

/// Brings the seed up to date.
pub(super) struct Seeding<'a> {
    pub(super) seed: &'a Path,
    pub(super) root: &'a Path,
    /// When the last command had ended, where that is known.
    pub(super) last: Option<Time>,
    pub(super) left: &'a BTreeMap<PathBuf, Left>,
}

struct OnDisk {
    bytes: Vec<u8>,
    facts: Facts,
}

impl Seeding<'_> {
    /// Makes the seed what `wanted` says; what it doesn't name is as on disk.
    pub(super) fn run(&self, wanted: &BTreeMap<PathBuf, Wanted<'_>>) -> io::Result<()> {
        let mut paths: BTreeSet<PathBuf> = wanted.keys().cloned().collect();
        paths.extend(self.left.keys().cloned());
        seeds(&Folder::open(self.seed)?, Path::new(""), &mut paths)?;
        for path in paths {
            let wanted = wanted.get(&path).copied().unwrap_or(Wanted::DISK);
            self.settle(&path, wanted).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        }
        Ok(())
    }

    fn settle(&self, path: &Path, wanted: Wanted<'_>) -> io::Result<()> {
        let (parent, name) = split(path);
        if name.is_empty() {
            return Ok(());
        }
        let disk = descend(self.root, &parent).and_then(|folder| on_disk(&folder, &name));
        let old = descend(self.seed, &parent)
            .map(|folder| folder.facts(&name).map(|facts| (folder, facts)))
            .transpose()?
            .and_then(|(folder, facts)| Some((folder, facts?)));
        let left = self.left.get(path);
        let mode = disk.as_ref().map_or(0o644, |disk| disk.facts.mode);
        let mode = wanted.executable.map_or(mode, |is| executable(mode, is));
        let is_mode_of_disk = disk.as_ref().is_some_and(|disk| disk.facts.mode == mode);
        match (wanted.content, disk) {
            (Content::Nothing, None) | (Content::Disk, None) => self.remove(path),
            (Content::Nothing, Some(_)) => {
                if old.is_some_and(|(_, facts)| facts.kind == Kind::Whiteout) {
                    return Ok(());
                }
                self.place(path, true, |folder| folder.put_whiteout(&name))
            }
            (content, disk) => {
                let bytes = match (content, &disk) {
                    (Content::Bytes(bytes), _) => Cow::Borrowed(bytes),
                    (Content::Text(text), disk) => encode(text, disk.as_ref()).into(),
                    (_, Some(disk)) => Cow::Borrowed(disk.bytes.as_slice()),
                    (_, None) => return self.remove(path),
                };
                let as_on_disk = |disk: &&OnDisk| is_mode_of_disk && disk.bytes == *bytes;
                match disk.as_ref().filter(as_on_disk) {
                    Some(disk) => self.as_on_disk(path, disk, old, left),
                    None => self.file(path, (&bytes, mode), disk.is_some(), old, left),
                }
            }
        }
    }

    fn file(
        &self,
        path: &Path,
        (bytes, mode): (&[u8], u32),
        is_on_disk: bool,
        old: Option<(Folder, Facts)>,
        left: Option<&Left>,
    ) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default();
        let was_file = old.as_ref().filter(|(_, facts)| facts.kind == Kind::File);
        // It is what the command made, and what it built from it is up to date.
        let mut modified = left.and_then(|left| left.matching(bytes));
        if let (None, None, Some((folder, facts))) = (left, modified, was_file) {
            let is_same =
                facts.bytes == bytes.len() as u64 && folder.read(name, facts.bytes)?.0 == bytes;
            if is_same && facts.mode == mode | 0o400 {
                return Ok(());
            }
            // Another mode alone makes no build anew.
            modified = is_same.then_some(facts.modified);
        }
        let is_new = match &old {
            Some((_, facts)) => facts.kind == Kind::Whiteout,
            None => !is_on_disk,
        };
        self.place(path, is_new, |folder| {
            folder.put(name, bytes, mode, modified)
        })
    }

    /// The disk's bytes are to be seen.
    fn as_on_disk(
        &self,
        path: &Path,
        disk: &OnDisk,
        old: Option<(Folder, Facts)>,
        left: Option<&Left>,
    ) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default();
        let was_seen = match (left, &old) {
            (Some(left), _) => left.matching(&disk.bytes).is_some(),
            (None, None) => return Ok(()),
            (None, Some((folder, facts))) => {
                facts.kind == Kind::File && folder.read(name, MAX_BYTES)?.0 == disk.bytes
            }
        };
        let is_newer = self.last.is_some_and(|last| disk.facts.modified > last);
        if is_newer || (was_seen && left.is_some()) {
            return self.remove(path);
        }
        if let (true, Some((folder, facts))) = (was_seen, &old) {
            if facts.mode == disk.facts.mode | 0o400 {
                return Ok(());
            }
            // It was proposed to be executable, or not to be.
            return folder.put(name, &disk.bytes, disk.facts.mode, Some(facts.modified));
        }
        let was_absent = matches!(left, Some(Left::Nothing))
            || old.is_some_and(|(_, facts)| facts.kind == Kind::Whiteout);
        self.place(path, was_absent, |folder| {
            folder.put(name, &disk.bytes, disk.facts.mode, None)
        })
    }

    /// Does something in a path's folder of the seed. Folders keep the times that they show, but for `renews`: names
    /// came or went.
    fn place(
        &self,
        path: &Path,
        renews: bool,
        act: impl FnOnce(&Folder) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut at = Folder::open(self.seed)?;
        let mut disk = Folder::open(self.root).ok();
        let mut passed = Vec::new();
        for part in path.parent().into_iter().flat_map(Path::components) {
            let Component::Normal(part) = part else {
                continue;
            };
            disk = disk.and_then(|disk| disk.folder(part).ok());
            let shown = disk.as_ref().and_then(|disk| disk.own_facts().ok());
            let own = at.facts(part)?;
            if own.is_some_and(|own| own.kind != Kind::Folder) {
                at.unlink(part)?;
            }
            let next = at.make(part, shown.map_or(0o755, |facts| facts.mode))?;
            let own = own.filter(|own| own.kind == Kind::Folder);
            passed.push((at, own.or(shown).map(|facts| facts.modified)));
            at = next;
        }
        // The times of the folders themselves, from the one that is written in up.
        let mut times: Vec<Option<Time>> = passed.iter().map(|(_, time)| *time).collect();
        let own = times.pop().flatten();
        act(&at)?;
        if let (Some(time), false) = (own, renews) {
            at.set_modified(time)?;
        }
        for ((folder, _), time) in passed.iter().skip(1).zip(times) {
            if let Some(time) = time {
                folder.set_modified(time)?;
            }
        }
        Ok(())
    }

    /// Takes a seed away, with the folders that were only there for it.
    fn remove(&self, path: &Path) -> io::Result<()> {
        let (mut parent, mut name) = split(path);
        let Some(folder) = descend(self.seed, &parent) else {
            return Ok(());
        };
        if folder
            .facts(&name)?
            .is_none_or(|facts| facts.kind == Kind::Folder)
        {
            return Ok(());
        }
        folder.unlink(&name)?;
        while !parent.as_os_str().is_empty() {
            (parent, name) = split(&parent);
            match descend(self.seed, &parent) {
                Some(folder) if folder.remove_empty(&name) => {}
                _ => break,
            }
        }
        Ok(())
    }
}

/// The file as it is on disk; `None` where there is none that could be a text.
fn on_disk(folder: &Folder, name: &OsStr) -> Option<OnDisk> {
    let (bytes, facts) = folder.read(name, MAX_BYTES).ok()?;
    (bytes.len() as u64 <= MAX_BYTES).then_some(OnDisk { bytes, facts })
}

/// The bytes of a text: with the byte-order mark that its file has.
fn encode(text: &str, disk: Option<&OnDisk>) -> Vec<u8> {
    let marked = disk.is_some_and(|disk| disk.bytes.starts_with(BOM.as_bytes()));
    let mark = if marked { BOM } else { "" };
    [mark.as_bytes(), text.as_bytes()].concat()
}

/// The paths of all seeds.
fn seeds(folder: &Folder, path: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for name in folder.names()? {
        let path = path.join(&name);
        match folder.facts(&name)? {
            Some(facts) if facts.kind == Kind::Folder => {
                seeds(&folder.folder(&name)?, &path, found)?;
            }
            Some(_) => {
                found.insert(path);
            }
            None => {}
        }
    }
    Ok(())
}

/// Where a path of text belongs; `None` where its name is none that the workspace could have.
pub(super) fn workspace_path(path: &Path) -> Option<crate::path::WorkspacePath> {
    let text = path.to_str()?;
    let found = crate::path::WorkspacePath::new(text).ok()?;
    (found.as_str() == text && !text.is_empty()).then_some(found)
}
