//! The shadow as a copy, for systems where nothing can be mounted: what is not ignored, with the seed in its place.
//!
//! Files share their blocks with the user's where the file system can (never by hard links: a command would write
//! through them). A file is written only when its bytes change, and then its time is that of the writing: build tools
//! compare times, and text that went back to what it was must look newer than what was built in between. What is
//! ignored is not copied, so build outputs are the copy's own, and stay.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::below::Below;
use super::rules::Rules;
use super::tree::{Facts, Folder, Kind, Trash};
use super::walk::DEEPEST;
use super::{Kept, State};

const MOST_FILES: usize = 200_000;
const MOST_BYTES: u64 = 2 << 30;
/// Longest file that is compared before it is written anew, in bytes.
const COMPARED: u64 = 50 << 20;

/// Installed packages: ignored, and led to where they stand beside a manifest.
const PACKAGES: &[&str] = &["node_modules", ".venv", "venv"];
const MANIFESTS: &[&str] = &["package.json", "pyproject.toml"];

/// Brings the copy `at` up to date with `below`; returns which folders of `root` it leads to.
pub(super) fn sync(
    (at, root): (&Path, &Path),
    below: &Below,
    state: &mut State,
    trash: &Trash,
) -> io::Result<Vec<PathBuf>> {
    let mut copying = Copying {
        at,
        root,
        trash,
        rules: Rules::new(root),
        known: &state.kept,
        was_beside: &state.beside,
        brought: HashMap::new(),
        beside: HashMap::new(),
        reads: Vec::new(),
        bytes: 0,
    };
    let to = Folder::open(at)?;
    copying.folder(below, &to, Path::new(""))?;
    to.resemble(&Folder::open(root)?.own_facts()?)?;
    let Copying {
        brought,
        beside,
        reads,
        ..
    } = copying;
    state.kept = brought;
    state.beside = beside;
    Ok(reads)
}

/// One entry of a folder, on its way.
struct Entry<'a> {
    below: &'a Below,
    to: &'a Folder,
    name: &'a OsStr,
    path: &'a Path,
}

struct Copying<'a> {
    at: &'a Path,
    root: &'a Path,
    trash: &'a Trash,
    rules: Rules,
    /// What the copy had after the last time: each file of it, and what it was copied from.
    known: &'a HashMap<PathBuf, Kept>,
    was_beside: &'a HashMap<PathBuf, Facts>,
    brought: HashMap<PathBuf, Kept>,
    beside: HashMap<PathBuf, Facts>,
    reads: Vec<PathBuf>,
    bytes: u64,
}

impl Copying<'_> {
    fn folder(&mut self, below: &Below, to: &Folder, path: &Path) -> io::Result<()> {
        if path.components().count() > DEEPEST {
            return Ok(());
        }
        self.rules.enter(path, below.gitignore().as_deref());
        let names = below.names()?;
        let entry = |name| (name, path.join(name));
        for (name, path) in names.iter().map(entry) {
            let entry = Entry {
                below,
                to,
                name,
                path: &path,
            };
            self.entry(&entry, &names)?;
        }
        let there = to.names()?;
        for (name, path) in there.iter().map(entry) {
            let entry = Entry {
                below,
                to,
                name,
                path: &path,
            };
            if !names.contains(name) {
                self.left(&entry)?;
            }
        }
        self.rules.leave();
        Ok(())
    }

    /// What shows in the workspace.
    fn entry(&mut self, at: &Entry<'_>, names: &BTreeSet<OsString>) -> io::Result<()> {
        let Some((_, from)) = at.below.look(at.name) else {
            return Ok(());
        };
        if at.name == ".git" {
            return self.history(at, from);
        }
        let is_folder = from.kind == Kind::Folder;
        if self.rules.ignores(at.path, is_folder) || (is_folder && at.below.is_cache(at.name, None))
        {
            return self.ignored(at, from, names);
        }
        match from.kind {
            Kind::Folder => {
                let inner = at.make_room(true, self.trash)?.make(at.name, from.mode)?;
                self.folder(&at.below.folder(at.name), &inner, at.path)
            }
            Kind::File | Kind::Link => self.bring(at, from),
            Kind::Whiteout | Kind::Special => Ok(()),
        }
    }

    fn bring(&mut self, at: &Entry<'_>, from: Facts) -> io::Result<()> {
        self.bytes += from.bytes;
        if self.brought.len() >= MOST_FILES || self.bytes > MOST_BYTES {
            return Err(io::Error::other(format!(
                "the workspace is too large to be copied (over {MOST_FILES} files or {} GiB that are not ignored)",
                MOST_BYTES >> 30
            )));
        }
        let known = self.known.get(at.path);
        let is_current = |there| {
            known
                == Some(&Kept {
                    upper: there,
                    lower: Some(from),
                })
        };
        if !at.to.facts(at.name)?.is_some_and(is_current) {
            match self.write(at, from) {
                // It went away meanwhile, or is nothing that the user can read.
                Err(error) if is_out_of_reach(&error) => return at.to.unlink(at.name),
                written => written?,
            }
        }
        self.remember(at, Some(from))
    }

    /// The copy has it now, and it is no change of a command's.
    fn remember(&mut self, at: &Entry<'_>, lower: Option<Facts>) -> io::Result<()> {
        if let Some(upper) = at.to.facts(at.name)? {
            let kept = Kept { upper, lower };
            self.brought.insert(at.path.to_owned(), kept);
        }
        Ok(())
    }

    fn write(&self, at: &Entry<'_>, from: Facts) -> io::Result<()> {
        let to = at.make_room(false, self.trash)?;
        let there = to.facts(at.name)?;
        if from.kind == Kind::Link {
            let target = self.target(at.below.read_link(at.name)?);
            let is_there = there.is_some_and(|there| there.kind == Kind::Link);
            return if is_there && to.read_link(at.name)? == target {
                Ok(())
            } else {
                to.put_link(at.name, &target)
            };
        }
        if !there.is_some_and(|there| at.is_same(from, there)) {
            return at.below.copy(at.name, to);
        }
        to.permit(at.name, from.mode)
    }

    /// A link to the workspace's own place would lead out of the copy.
    fn target(&self, to: OsString) -> OsString {
        match Path::new(&to).strip_prefix(self.root) {
            Ok(inside) => self.at.join(inside).into_os_string(),
            Err(_) => to,
        }
    }

    /// What is ignored is the copy's own, but for what no build can do without.
    fn ignored(
        &mut self,
        at: &Entry<'_>,
        from: Facts,
        names: &BTreeSet<OsString>,
    ) -> io::Result<()> {
        let has = |names_of: &[&str]| names_of.iter().any(|name| names.contains(OsStr::new(name)));
        let is_package = PACKAGES.iter().any(|name| at.name == *name);
        if is_package && from.kind == Kind::Folder && (has(MANIFESTS) || at.is_top()) {
            return self.lead(at, from);
        }
        if at.name == "Cargo.lock" && from.kind == Kind::File && has(&["Cargo.toml"]) {
            if self.was_beside.get(at.path) != Some(&from) || at.to.facts(at.name)?.is_none() {
                self.write(at, from)?;
            }
            self.beside.insert(at.path.to_owned(), from);
        } else if self.known.contains_key(at.path) {
            // It is ignored only since then.
            at.to.discard(at.name, self.trash)?;
        }
        Ok(())
    }

    /// Leads to a folder of the workspace, unless a command has made its own.
    fn lead(&mut self, at: &Entry<'_>, from: Facts) -> io::Result<()> {
        let real = self.root.join(at.path);
        if at.to.facts(at.name)?.is_none() {
            at.to.put_link(at.name, real.as_os_str())?;
        }
        if at.to.read_link(at.name).is_ok_and(|to| to == real) {
            self.reads.push(real);
            self.remember(at, Some(from))?;
        }
        Ok(())
    }

    /// Git finds its history by a file that names the folder. (Not where it is one already: a repository can write
    /// any name into it.)
    fn history(&mut self, at: &Entry<'_>, from: Facts) -> io::Result<()> {
        if from.kind != Kind::Folder {
            return self.left(at);
        }
        let real = self.root.join(at.path);
        let text = [b"gitdir: ", real.as_os_str().as_bytes(), b"\n"].concat();
        let most = text.len() as u64;
        if !at
            .to
            .read(at.name, most)
            .is_ok_and(|(bytes, _)| bytes == text)
        {
            at.make_room(false, self.trash)?
                .put(at.name, &text, 0o444, None)?;
        }
        self.reads.push(real);
        self.remember(at, Some(from))
    }

    /// What only the copy has.
    fn left(&mut self, at: &Entry<'_>) -> io::Result<()> {
        let Some(facts) = at.to.facts(at.name)? else {
            return Ok(());
        };
        let is_folder = facts.kind == Kind::Folder;
        let inner = is_folder.then(|| at.to.folder(at.name).ok()).flatten();
        let known = self.known.get(at.path);
        if at.name == ".git" {
            return at.to.discard(at.name, self.trash);
        }
        let is_output = self.rules.ignores(at.path, is_folder)
            || (is_folder && at.below.is_cache(at.name, inner.as_ref()));
        if is_output && known.is_none() {
            return Ok(());
        }
        match (inner, known) {
            (Some(inner), None) => {
                self.folder(&Below::nothing(), &inner, at.path)?;
                at.to.remove_empty(at.name);
                Ok(())
            }
            // It could not become a hunk.
            (None, Some(known)) if known.upper == facts && known.lower.is_none() => {
                self.brought.insert(at.path.to_owned(), *known);
                Ok(())
            }
            _ => at.to.discard(at.name, self.trash),
        }
    }
}

impl<'a> Entry<'a> {
    fn is_top(&self) -> bool {
        self.path.components().count() == 1
    }

    /// The folder of the copy, where nothing of the other kind has this name.
    fn make_room(&self, for_folder: bool, trash: &Trash) -> io::Result<&'a Folder> {
        let there = self.to.facts(self.name)?;
        if there.is_some_and(|there| (there.kind == Kind::Folder) != for_folder) {
            self.to.discard(self.name, trash)?;
        }
        Ok(self.to)
    }

    fn is_same(&self, from: Facts, there: Facts) -> bool {
        let may_be =
            there.kind == Kind::File && there.bytes == from.bytes && from.bytes <= COMPARED;
        may_be
            && self
                .below
                .read(self.name, COMPARED)
                .is_ok_and(|wanted| match wanted {
                    Some((wanted, ..)) => self
                        .to
                        .read(self.name, COMPARED)
                        .is_ok_and(|(there, _)| there == wanted),
                    None => false,
                })
    }
}

fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
    )
}
