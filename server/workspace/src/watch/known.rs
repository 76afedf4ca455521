//! The list itself: folders that are watched, files with what tells them apart, and which of both are out of date.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkState;

use super::Changes;
use super::inotify::{Event, Id, Watch, What};
use super::rules::Rules;
use crate::search::{walker, walker_with};

/// More folders are not watched: each takes about 1 KiB of the kernel's memory.
const MAX_FOLDERS: usize = 100_000;
/// More files are not kept track of: each takes about 250 bytes, with what the indexes know of it.
const MAX_FILES: usize = 400_000;
/// More stale folders at a time, and the list is made anew instead.
const MAX_STALE: usize = 1_024;
/// Changes that are remembered for those who ask what has changed.
const MAX_JOURNAL: usize = 16_384;

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
    /// Counts changes.
    tick: u64,
    /// The last changes; all of them after `since`.
    journal: VecDeque<(u64, Arc<str>)>,
    since: u64,
}

impl Known {
    /// Walks and watches everything. Ticks begin at `tick`.
    pub(super) fn new(root: &Path, tick: u64) -> io::Result<Self> {
        let facts = root.metadata()?;
        if !is_local(root)? {
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
            tick,
            journal: VecDeque::new(),
            since: tick,
        };
        known.descend("")?;
        Ok(known)
    }

    pub(super) fn tick(&self) -> u64 {
        self.tick
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
        self.tick
    }

    /// What has changed after the moment that had this tick.
    pub(crate) fn changes(&self, since: u64) -> Changes {
        if since < self.since {
            return Changes::Unknown;
        }
        let from = self.journal.partition_point(|(tick, _)| *tick <= since);
        let mut paths: Vec<_> = self
            .journal
            .range(from..)
            .map(|(_, path)| path.clone())
            .collect();
        paths.sort_unstable();
        paths.dedup();
        Changes::Paths(paths)
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
        let tick = self.tick + 1;
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
        self.note(path);
    }

    fn note(&mut self, path: Arc<str>) {
        self.tick += 1;
        if self.journal.back().is_some_and(|(_, last)| *last == path) {
            self.journal.pop_back();
        }
        self.journal.push_back((self.tick, path));
        if self.journal.len() > MAX_JOURNAL
            && let Some((tick, _)) = self.journal.pop_front()
        {
            self.since = tick;
        }
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
            self.note(path);
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
            self.note(path.clone());
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
        self.note(path.clone());
        self.files.insert(
            path,
            File {
                stamp,
                tick: self.tick,
            },
        );
    }

    /// Watches and lists a folder that is new, with all below it. False: the list is in doubt.
    fn descend(&mut self, folder: &str) -> io::Result<bool> {
        let start = self.root.join(folder);
        let found = Arc::new(Found::new(
            self.root.clone(),
            self.watch.clone(),
            self.place.0,
        ));
        found.watch(&start)?;
        let filter = found.clone();
        let mut walk = walker_with(&start, move |entry| filter.enter(entry));
        // One thread: this is for the background, or small.
        walk.threads(1).build_parallel().run(|| {
            Box::new(|entry| entry.map_or(WalkState::Continue, |entry| found.meet(&entry)))
        });
        let found = std::mem::take(&mut *lock(&found.state));
        if let Some(error) = found.error {
            return Err(error);
        }
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

/// Watches each folder before the walk lists it.
struct Found {
    root: PathBuf,
    watch: Arc<Watch>,
    device: u64,
    state: Mutex<FoundState>,
}

#[derive(Default)]
struct FoundState {
    files: Vec<(String, Stamp)>,
    folders: Vec<(String, Id)>,
    /// Folders that have a repository of their own.
    repositories: Vec<PathBuf>,
    error: Option<io::Error>,
}

impl Found {
    fn new(root: PathBuf, watch: Arc<Watch>, device: u64) -> Self {
        Self {
            root,
            watch,
            device,
            state: Mutex::default(),
        }
    }

    /// True: the walk goes on here. The root of a walk isn't asked for.
    fn enter(&self, entry: &ignore::DirEntry) -> bool {
        if entry.file_name() == ".git" {
            let folder = entry.path().parent().unwrap_or(&self.root);
            lock(&self.state).repositories.push(folder.to_owned());
            return false;
        }
        if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
            return true;
        }
        match self.watch(entry.path()) {
            Ok(()) => true,
            Err(error) => {
                lock(&self.state).error.get_or_insert(error);
                false
            }
        }
    }

    fn meet(&self, entry: &ignore::DirEntry) -> WalkState {
        let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
        let Some(path) = self.name(entry.path()).filter(|_| is_file) else {
            return WalkState::Continue;
        };
        let facts = entry.metadata();
        let stamp = facts.map_or_else(|_| Stamp::default(), |facts| Stamp::from(&facts));
        let mut state = lock(&self.state);
        state.files.push((path.to_owned(), stamp));
        if state.files.len() > MAX_FILES {
            state.error.get_or_insert_with(too_many);
        }
        if state.error.is_some() {
            WalkState::Quit
        } else {
            WalkState::Continue
        }
    }

    fn name<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.strip_prefix(&self.root).ok()?.to_str()
    }

    fn watch(&self, folder: &Path) -> io::Result<()> {
        let Some(path) = self.name(folder) else {
            return Ok(());
        };
        if folder
            .symlink_metadata()
            .is_ok_and(|facts| facts.dev() != self.device)
        {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "another file system is mounted inside",
            ));
        }
        match self.watch.add(folder) {
            Ok(id) => {
                let mut state = lock(&self.state);
                state.folders.push((path.to_owned(), id));
                if state.folders.len() > MAX_FOLDERS {
                    return Err(too_many());
                }
                Ok(())
            }
            // Gone, or not to be listed either; its parent tells when that changes.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::PermissionDenied
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn too_many() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "too many files and folders to watch",
    )
}

/// File systems whose changes all go through this kernel.
fn is_local(root: &Path) -> io::Result<bool> {
    const LOCAL: [i64; 11] = [
        0xEF53,      // ext2, 3, 4
        0x9123_683E, // btrfs
        0x5846_5342, // xfs
        0x0102_1994, // tmpfs
        0x8584_58F6, // ramfs
        0xF2F5_2010, // f2fs
        0x2FC1_2FC1, // zfs
        0xCA45_1A4E, // bcachefs
        0x794C_7630, // overlayfs
        0x3153_464A, // jfs
        0x3434,      // nilfs
    ];
    let kind = rustix::fs::statfs(root)?.f_type;
    Ok(LOCAL.contains(&kind))
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The first path that is beyond all those below a folder: `0` follows `/`.
fn past(folder: &str) -> String {
    format!("{folder}0")
}

/// The paths below a folder.
fn inside(folder: &str) -> (Bound<String>, Bound<String>) {
    if folder.is_empty() {
        return (Bound::Excluded(String::new()), Bound::Unbounded);
    }
    (
        Bound::Included(format!("{folder}/")),
        Bound::Excluded(past(folder)),
    )
}

fn span((from, to): &(Bound<String>, Bound<String>)) -> (Bound<&str>, Bound<&str>) {
    (text(from), text(to))
}

fn text(bound: &Bound<String>) -> Bound<&str> {
    bound.as_ref().map(String::as_str)
}

/// A lock whose holder can't leave what it holds half written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
