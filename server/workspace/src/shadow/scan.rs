//! Reading back what a command left in the upper layer.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::below::{Below, Layer};
use super::change::{Blob, Change, Changes, Note};
use super::rules::Rules;
use super::seed::workspace_path;
use super::tree::{Facts, Folder, Kind, Time};
use super::walk::{self, At, Step, Walk};
use super::{Kept, Limits};
use crate::disk::{BOM, MAX_BYTES};
use crate::path::{self, WorkspacePath};

/// Most notes of one command.
const MOST_NOTES: usize = 100;

/// One reading.
pub(super) struct Scan<'a> {
    limits: Limits,
    /// When the command began.
    since: Time,
    blobs: &'a Path,
    /// What was in the upper layer before.
    known: &'a HashMap<PathBuf, Kept>,
    /// The upper layer is a copy of all: what is not in it is gone.
    is_all: bool,
    kept: HashMap<PathBuf, Kept>,
    found: Changes,
    files: usize,
    bytes: u64,
    beyond: usize,
    history: usize,
    /// Files that are gone and were executable: a rename takes that along.
    gone_executable: HashSet<WorkspacePath>,
}

/// What a file holds.
enum Content {
    Nothing,
    Text(String),
    Bytes(Vec<u8>),
    /// Over the size that is read.
    Huge,
    /// It is not what the command saw any more.
    Lost,
}

impl<'a> Scan<'a> {
    pub(super) fn new(
        limits: Limits,
        since: Time,
        blobs: &'a Path,
        known: &'a HashMap<PathBuf, Kept>,
        is_all: bool,
    ) -> Self {
        Self {
            limits,
            since,
            blobs,
            known,
            is_all,
            kept: HashMap::new(),
            found: Changes::default(),
            files: 0,
            bytes: 0,
            beyond: 0,
            history: 0,
            gone_executable: HashSet::new(),
        }
    }

    /// Reads all; returns what changed, and what stays in the upper layer.
    pub(super) fn run(
        mut self,
        upper: &Folder,
        below: &Below,
        root: &Path,
    ) -> io::Result<(Changes, HashMap<PathBuf, Kept>)> {
        let mut visit = |at: &At<'_>, step: Step<'_>, rules: &mut Rules| self.step(at, step, rules);
        Walk::run(upper, below, root, &mut visit)?;
        if self.is_all {
            let names = upper.names()?;
            self.hidden(Path::new(""), (below, &names), &mut Rules::new(root))?;
        }
        if self.history > 0 {
            let entries = self.history;
            self.found.notes.push(Note::History { entries });
        }
        if self.beyond > 0 {
            let files = self.beyond;
            self.found.notes.push(Note::TooMany { files });
        }
        self.found.pair(&self.gone_executable);
        Ok((self.found, self.kept))
    }

    fn step(&mut self, at: &At<'_>, step: Step<'_>, rules: &mut Rules) -> io::Result<()> {
        match step {
            Step::Leaf => return self.leaf(at, rules),
            Step::History if self.is_known(at) => {}
            Step::History => {
                let inner = at.parent.folder(at.name).and_then(|folder| folder.names());
                self.history += inner.map_or(1, |names| names.len().max(1));
            }
            Step::Closed(reason) => {
                let path = shown(at.path);
                self.note(Note::Unread { path, reason });
            }
            Step::Enter(inside) => {
                if at.below.is(at.name, Kind::File) {
                    self.gone(at.below, at.name, at.path)?;
                }
                if inside.hides || self.is_all {
                    self.hidden(at.path, (inside.below, inside.names), rules)?;
                }
            }
            Step::Ignored | Step::Leave(_) => {}
        }
        Ok(())
    }

    fn note(&mut self, note: Note) {
        if self.found.notes.len() < MOST_NOTES {
            self.found.notes.push(note);
        }
    }

    fn leaf(&mut self, at: &At<'_>, rules: &mut Rules) -> io::Result<()> {
        let now = Kept::of(at);
        if self.is_known(at) {
            return Ok(());
        }
        if at.facts.kind == Kind::Special {
            self.note(Note::Special {
                path: shown(at.path),
            });
            return Ok(());
        }
        if at.below.is(at.name, Kind::Folder) {
            self.all_gone(&at.below.folder(at.name), at.path, rules)?;
        }
        match at.facts.kind {
            Kind::Whiteout => self.gone(at.below, at.name, at.path),
            Kind::Link => {
                let to = at.parent.read_link(at.name)?;
                self.note(Note::Link {
                    path: shown(at.path),
                    to: shown(Path::new(&to)),
                });
                if now.lower.is_none() {
                    self.kept.insert(at.path.to_owned(), now);
                }
                Ok(())
            }
            _ => self.file(at, now),
        }
    }

    /// Is it as it was before the command? Then it stays known, on what was beneath it then.
    fn is_known(&mut self, at: &At<'_>) -> bool {
        let known = self.known.get(at.path);
        let known = known.filter(|known| known.upper == at.facts);
        if let Some(known) = known {
            self.kept.insert(at.path.to_owned(), *known);
        }
        known.is_some()
    }

    /// A file that was written.
    fn file(&mut self, at: &At<'_>, now: Kept) -> io::Result<()> {
        let Some(path) = workspace_path(at.path) else {
            self.kept.insert(at.path.to_owned(), now);
            self.note(Note::Name {
                path: shown(at.path),
            });
            return Ok(());
        };
        let new = match at.parent.read(at.name, MAX_BYTES) {
            Ok((bytes, _)) => content(at.name, bytes),
            Err(error) => {
                self.note(Note::Unread {
                    path: shown(at.path),
                    reason: error.to_string(),
                });
                return Ok(());
            }
        };
        let old = self.saw(at.below, at.name)?;
        let was_executable = now
            .lower
            .is_some_and(|lower| lower.kind == Kind::File && lower.is_executable());
        let executable = at.facts.is_executable();
        let is_same = old.is_same(&new);
        if !is_same && !self.fits(at.facts.bytes) {
            self.kept.insert(at.path.to_owned(), now);
            return Ok(());
        }
        match (old, new) {
            _ if is_same => {}
            (Content::Text(old), Content::Text(new)) => self.push(Change::Text {
                path: path.clone(),
                old: Some(old),
                new: Some(new),
            }),
            (Content::Nothing | Content::Lost, Content::Text(new)) => self.push(Change::Text {
                path: path.clone(),
                old: None,
                new: Some(new),
            }),
            _ => {
                let blob = self.blob(at)?;
                self.push(Change::Binary {
                    path: path.clone(),
                    new: Some(blob),
                    lost: self.is_lost(at.below, at.name),
                });
            }
        }
        if executable != was_executable {
            self.push(Change::Executable { path, executable });
        }
        Ok(())
    }

    fn push(&mut self, change: Change) {
        self.found.changes.push(change);
    }

    /// Is there room for one more change of so many bytes?
    fn fits(&mut self, bytes: u64) -> bool {
        let fits = self.files < self.limits.files && self.bytes + bytes <= self.limits.bytes;
        if fits {
            self.files += 1;
            self.bytes += bytes;
        } else {
            self.beyond += 1;
        }
        fits
    }

    /// What the command saw in a file.
    fn saw(&self, below: &Below, name: &OsStr) -> io::Result<Content> {
        Ok(match below.read(name, MAX_BYTES) {
            Ok(Some((bytes, facts, layer))) => {
                if layer == Layer::Disk && self.is_later(&facts) {
                    Content::Lost
                } else {
                    content(name, bytes)
                }
            }
            Ok(None) => Content::Nothing,
            Err(_) => Content::Lost,
        })
    }

    /// Has it changed since the command began? What changed in the very tick of the clock in which it was entered, the
    /// command has seen: mounting takes longer.
    fn is_later(&self, facts: &Facts) -> bool {
        facts.changed > self.since
    }

    /// Is the user's file another one than when the command began?
    fn is_lost(&self, below: &Below, name: &OsStr) -> bool {
        below
            .on_disk(name)
            .is_some_and(|facts| self.is_later(&facts))
    }

    /// Something that is deleted.
    fn gone(&mut self, below: &Below, name: &OsStr, path: &Path) -> io::Result<()> {
        let is_new_on_disk = self.is_all && !self.known.contains_key(path);
        let Some((_, facts)) = below
            .look(name)
            .filter(|(_, facts)| facts.kind != Kind::Folder && !is_new_on_disk)
        else {
            return Ok(());
        };
        let Some(file) = workspace_path(path).filter(|_| facts.kind == Kind::File) else {
            self.note(Note::Gone { path: shown(path) });
            return Ok(());
        };
        if !self.fits(0) {
            return Ok(());
        }
        // One that is executable by a proposal alone takes nothing along.
        if facts.is_executable() && below.on_disk(name).is_some() {
            self.gone_executable.insert(file.clone());
        }
        let change = match self.saw(below, name)? {
            Content::Text(old) => text_gone(file, Some(old)),
            Content::Lost | Content::Nothing => text_gone(file, None),
            Content::Bytes(_) | Content::Huge => Change::Binary {
                path: file,
                new: None,
                lost: self.is_lost(below, name),
            },
        };
        self.push(change);
        Ok(())
    }

    fn all_gone(&mut self, below: &Below, path: &Path, rules: &mut Rules) -> io::Result<()> {
        walk::files(below, path, &[], rules, &mut |below, name, path, _| {
            self.gone(below, name, &path)
        })
    }

    /// What is beneath a folder that hides it, and was not made anew by these names.
    fn hidden(
        &mut self,
        path: &Path,
        (below, anew): (&Below, &[OsString]),
        rules: &mut Rules,
    ) -> io::Result<()> {
        walk::files(below, path, anew, rules, &mut |below, name, file, _| {
            self.gone(below, name, &file)
        })
    }

    /// Keeps a file's bytes for whoever accepts them.
    fn blob(&self, at: &At<'_>) -> io::Result<Blob> {
        let (bytes, facts) = at.parent.read(at.name, self.limits.bytes)?;
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        let file = self.blobs.join(&sha256);
        let made = OpenOptions::new().write(true).create_new(true).open(&file);
        match made.and_then(|mut file: File| file.write_all(&bytes)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Ok(Blob {
            file,
            bytes: bytes.len() as u64,
            sha256,
            executable: facts.is_executable(),
        })
    }
}

impl Content {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            _ => false,
        }
    }
}

/// A notebook is taken as a whole, like what is no text: hunks of its lines mean nothing to who edits its cells.
fn content(name: &OsStr, bytes: Vec<u8>) -> Content {
    if bytes.len() as u64 > MAX_BYTES {
        return Content::Huge;
    }
    if bytes.contains(&0) || path::is_notebook(Path::new(name)) {
        return Content::Bytes(bytes);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Content::Text(match text.strip_prefix(BOM) {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(error) => Content::Bytes(error.into_bytes()),
    }
}

fn text_gone(path: WorkspacePath, old: Option<String>) -> Change {
    Change::Text {
        path,
        old,
        new: None,
    }
}

/// A name for people, without anything that could be taken for something else.
fn shown(path: &Path) -> String {
    path.to_string_lossy().chars().flat_map(escaped).collect()
}

fn escaped(c: char) -> Box<dyn Iterator<Item = char>> {
    if c.is_control() {
        Box::new(c.escape_default())
    } else {
        Box::new(std::iter::once(c))
    }
}

impl Changes {
    /// A text that is gone in one place and new in another was moved there.
    fn pair(&mut self, gone_executable: &HashSet<WorkspacePath>) {
        let mut gone: HashMap<String, Vec<usize>> = HashMap::new();
        for (i, change) in self.changes.iter().enumerate() {
            if let Change::Text {
                old: Some(old),
                new: None,
                ..
            } = change
                && !old.is_empty()
            {
                gone.entry(old.clone()).or_default().push(i);
            }
        }
        let (mut dropped, mut carried) = (Vec::new(), Vec::new());
        for i in 0..self.changes.len() {
            let Some(Change::Text {
                path,
                old: None,
                new: Some(new),
            }) = self.changes.get(i)
            else {
                continue;
            };
            // Where two would do, nobody knows which it was.
            let Some([from]) = gone.get(new).map(Vec::as_slice) else {
                continue;
            };
            let from = *from;
            let (to, text) = (path.clone(), new.clone());
            let Some(from_path) = self.changes.get(from).map(|change| change.path().clone()) else {
                continue;
            };
            gone.remove(&text);
            if gone_executable.contains(&from_path) {
                carried.push(to.clone());
            }
            if let Some(change) = self.changes.get_mut(i) {
                *change = Change::Renamed {
                    from: from_path,
                    to,
                    text,
                };
            }
            dropped.push(from);
        }
        let mut i = 0;
        self.changes.retain(|change| {
            i += 1;
            let is_carried = matches!(change, Change::Executable { path, executable: true }
                if carried.contains(path));
            !dropped.contains(&(i - 1)) && !is_carried
        });
    }
}
