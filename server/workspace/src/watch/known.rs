//! The list itself: folders that are watched, files with what tells them apart, and which of both are out of date.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Changes;
use super::descent::{MAX_FILES, MAX_FOLDERS, descend, too_many};
use super::inotify::{self, Event, Id, Watch, What};
use super::journal::Journal;
use super::rules::Rules;
use super::span::{inside, joined, past, span, text};
use super::stamp::Stamp;
use crate::search::walker;

/// More stale folders at a time, and the list is made anew instead.
const MAX_STALE: usize = 1_024;

/// A file that a walk finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    /// As of when it was listed; the content may have changed since, but not after `tick`.
    pub(crate) stamp: Stamp,
    /// When it was last seen to change.
    pub(crate) tick: u64,
}

/// Files by path.
pub(crate) type Files<'a> = Box<dyn Iterator<Item = (&'a Arc<str>, &'a File)> + 'a>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Known {
    root: PathBuf,
    watch: Arc<Watch>,
    rules: Vec<Rules>,
    /// The root's device and number.
    place: (u64, u64),
    /// By path below the root.
    folders: BTreeMap<Arc<str>, Id>,
    by_id: HashMap<Id, Arc<str>>,
    files: BTreeMap<Arc<str>, File>,
    /// Folders to be listed again.
    stale: BTreeSet<Arc<str>>,
    journal: Journal,
}

impl Known {
    /// Walks and watches everything. Ticks begin at `tick`.
    pub(super) fn new(root: &Path, tick: u64) -> io::Result<Self> {
        let facts = root.metadata()?;
        if !inotify::sees_all_of(root)? {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "changes of this file system can't all be seen from here",
            ));
        }
        let mut known = Self {
            root: root.to_owned(),
            watch: Arc::new(Watch::new()?),
            rules: vec![Rules::around(root)],
            place: (facts.dev(), facts.ino()),
            folders: BTreeMap::new(),
            by_id: HashMap::new(),
            files: BTreeMap::new(),
            stale: BTreeSet::new(),
            journal: Journal::new(tick),
        };
        known.descend("")?;
        Ok(known)
    }

    pub(super) fn waiter(&self) -> io::Result<Watch> {
        self.watch.waiter()
    }

    // --- what is asked ---

    /// Folders wait to be listed again.
    pub(super) fn is_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// The moment of this list: what to ask for changes since.
    pub(crate) fn now(&self) -> u64 {
        self.journal.tick()
    }

    /// What has changed after the moment that had this tick.
    pub(crate) fn changes(&self, since: u64) -> Changes {
        self.journal.changes(since)
    }

    pub(crate) fn file(&self, path: &str) -> Option<File> {
        self.files.get(path).copied()
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Files below a folder that is not ignored, or the file itself, by path; `None` where it is neither.
    pub(crate) fn below<'a>(&'a self, path: &'a str) -> Option<Files<'a>> {
        if let Some(entry) = self.files.get_key_value(path) {
            return Some(Box::new(std::iter::once(entry)));
        }
        let there = self.folders.contains_key(path);
        there.then(|| {
            Box::new(self.files.range::<str, _>(span(&inside(path)))) as Box<dyn Iterator<Item = _>>
        })
    }

    // --- changes ---

    /// Takes in what has happened. At most so many folders are listed again, the rest stays stale. False: it is not known what
    /// there is any more.
    pub(super) fn refresh(&mut self, folders: usize) -> bool {
        self.take_in()
            && self.is_in_place()
            && self.rules.iter().all(Rules::hold)
            && self.list_stale(folders).is_ok_and(|sound| sound)
    }

    fn is_in_place(&self) -> bool {
        let facts = self.root.metadata();
        facts.is_ok_and(|facts| (facts.dev(), facts.ino()) == self.place)
    }

    fn take_in(&mut self) -> bool {
        let watch = self.watch.clone();
        let mut sound = true;
        let drained = watch.drain(|event| sound &= self.happened(event));
        sound && drained.is_ok() && self.stale.len() <= MAX_STALE
    }

    /// False: the list is in doubt.
    fn happened(&mut self, event: &Event<'_>) -> bool {
        if event.what == What::Lost {
            return false;
        }
        // Of a folder that was forgotten: nothing that happens there is of interest.
        let Some(folder) = self.by_id.get(&event.folder).cloned() else {
            return true;
        };
        let Some(name) = event.name.map(|name| OsStr::from_bytes(name.to_bytes())) else {
            return self.happened_to(&folder, event.what);
        };
        if [".gitignore", ".ignore", ".git"]
            .iter()
            .any(|rules| name == *rules)
        {
            // What is known of the folder of a repository changes often and says nothing.
            return event.what == What::Facts && event.of_folder;
        }
        let Some(path) = name.to_str().map(|name| joined(&folder, name)) else {
            // No tool can be given such a name, nor what is below it.
            return true;
        };
        match event.what {
            What::Content => self.content_changed(&path),
            What::Facts if event.of_folder => {
                // One that could not be read may be readable now.
                let known = self.folders.get_key_value(path.as_str());
                self.stale
                    .insert(known.map_or(folder, |(path, _)| path.clone()));
            }
            What::Facts => self.content_changed(&path),
            What::Went if event.of_folder => {
                self.forget(&path);
                self.stale.insert(folder);
            }
            _ => {
                // A file that was replaced by another of the same name has another content.
                self.content_changed(&path);
                self.stale.insert(folder);
            }
        }
        true
    }

    fn happened_to(&mut self, folder: &Arc<str>, what: What) -> bool {
        if what == What::Facts {
            self.stale.insert(folder.clone());
            return true;
        }
        if folder.is_empty() {
            return false;
        }
        self.forget(&folder.clone());
        let parent = folder.rsplit_once('/').map_or("", |(parent, _)| parent);
        if let Some((parent, _)) = self.folders.get_key_value(parent) {
            self.stale.insert(parent.clone());
        }
        true
    }

    fn content_changed(&mut self, path: &str) {
        let tick = self.now() + 1;
        let Some((path, _)) = self.files.get_key_value(path) else {
            return;
        };
        let path = path.clone();
        if let Some(file) = self.files.get_mut(&path) {
            file.tick = tick;
            if let Ok(facts) = self.root.join(&*path).symlink_metadata() {
                file.stamp = Stamp::from(&facts);
            }
        }
        self.journal.note(path);
    }

    /// A folder went away, with all below it.
    fn forget(&mut self, folder: &str) {
        let gone: Vec<Arc<str>> = self
            .folders
            .get_key_value(folder)
            .into_iter()
            .chain(self.folders.range::<str, _>(span(&inside(folder))))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            if let Some(id) = self.folders.remove(&path) {
                self.by_id.remove(&id);
                self.watch.remove(id);
            }
            self.stale.remove(&path);
        }
        let gone: Vec<Arc<str>> = self
            .files
            .range::<str, _>(span(&inside(folder)))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.files.remove(&path);
            self.journal.note(path);
        }
    }

    /// Lists up to so many stale folders again. False: the list is in doubt.
    fn list_stale(&mut self, folders: usize) -> io::Result<bool> {
        for _ in 0..folders {
            let Some(folder) = self.stale.pop_first() else {
                break;
            };
            if !self.list(&folder)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Compares a folder's own entries with what is known of them.
    fn list(&mut self, folder: &str) -> io::Result<bool> {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeSet::new());
        for entry in walker(&self.root.join(folder))
            .max_depth(Some(1))
            .build()
            .flatten()
        {
            let name = entry.file_name().to_str();
            let (Some(name), Some(kind), 1) = (name, entry.file_type(), entry.depth()) else {
                continue;
            };
            if kind.is_dir() {
                folders.insert(joined(folder, name));
            } else if kind.is_file() {
                let stamp = entry
                    .metadata()
                    .map_or_else(|_| Stamp::default(), |facts| Stamp::from(&facts));
                files.insert(joined(folder, name), stamp);
            }
        }
        let (known_files, known_folders) = self.children(folder);
        for path in known_files
            .iter()
            .filter(|path| !files.contains_key(&***path))
        {
            self.files.remove(path);
            self.journal.note(path.clone());
        }
        for path in known_folders
            .iter()
            .filter(|path| !folders.contains(&***path))
        {
            self.forget(path);
        }
        for (path, stamp) in files {
            self.insert(&path, stamp);
        }
        for path in folders {
            if !self.folders.contains_key(path.as_str()) && !self.descend(&path)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The files and folders that are known directly in a folder.
    fn children(&self, folder: &str) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let depth = if folder.is_empty() {
            0
        } else {
            folder.len() + 1
        };
        let is_child = |path: &str| {
            path.get(depth..)
                .is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
        };
        let folders = self.folders.range::<str, _>(span(&inside(folder)));
        let folders = folders.map(|(path, _)| path).filter(|path| is_child(path));
        let mut files = Vec::new();
        let (mut from, to) = inside(folder);
        // Files further down are jumped over: there may be many.
        while let Some((path, _)) = self.files.range::<str, _>((text(&from), text(&to))).next() {
            let rest = path.get(depth..).unwrap_or_default();
            from = match rest.split_once('/') {
                None => {
                    files.push(path.clone());
                    Bound::Excluded(path.to_string())
                }
                Some((name, _)) => Bound::Included(past(&joined(folder, name))),
            };
        }
        (files, folders.cloned().collect())
    }

    fn insert(&mut self, path: &str, stamp: Stamp) {
        if self.files.get(path).is_some_and(|file| file.stamp == stamp) {
            return;
        }
        let path: Arc<str> = self
            .files
            .get_key_value(path)
            .map_or_else(|| path.into(), |(path, _)| path.clone());
        self.journal.note(path.clone());
        let tick = self.now();
        self.files.insert(path, File { stamp, tick });
    }

    /// Watches and lists a folder that is new, with all below it. False: the list is in doubt.
    fn descend(&mut self, folder: &str) -> io::Result<bool> {
        let place = (&*self.root, self.place.0);
        let found = descend(place, &self.root.join(folder), &self.watch)?;
        for (path, stamp) in found.files {
            self.insert(&path, stamp);
        }
        if self.folders.len() + found.folders.len() > MAX_FOLDERS || self.files.len() > MAX_FILES {
            return Err(too_many());
        }
        self.rules.extend(
            found
                .repositories
                .iter()
                .map(|folder| Rules::of_repository(folder)),
        );
        for (path, id) in found.folders {
            let path: Arc<str> = path.into();
            // One folder with two names: it was moved just now, or mounted twice.
            if self.by_id.insert(id, path.clone()).is_some() {
                return Ok(false);
            }
            self.folders.insert(path, id);
        }
        Ok(true)
    }
}
