//! The work in the background: reading what was saved, looking which files changed, indexing those, saving.
//!
//! Nothing runs until somebody asks, and nothing stays when the work is done: at most two threads at low priority. They
//! hold the store's lock for one file at a time. What a large workspace has so far is saved on the way.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::sync::{RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use tree_sitter::Parser;

use super::changes::{self, Change};
use super::saved;
use super::source;
use super::store::{Stamp, Store};
use crate::indexing::{self, Indexing};
use crate::search::walker;
use crate::syntax::Language;

/// Files that are indexed.
const FILES: usize = 100_000;
/// So long after a look at the disk it counts as what is there.
const FRESH: Duration = Duration::from_millis(300);
/// With fewer files than this one thread is enough.
const FEW: usize = 24;
/// What is there is saved after so many files, and then each time that there is half as much more: a server that is killed loses a
/// third of its work at most, and all saves together write three times what the last one does.
const SAVE: usize = 4_000;

/// What the threads and those who ask share.
pub(super) struct Shared {
    pub(super) root: PathBuf,
    /// The file between two starts.
    pub(super) file: OnceLock<PathBuf>,
    /// See [`SAVE`].
    pub(super) save_after: usize,
    store: RwLock<Store>,
    work: Mutex<Work>,
    progress: Condvar,
}

/// A file to be indexed.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) path: Box<str>,
    stamp: Stamp,
}

#[derive(Default)]
struct Work {
    state: State,
    loaded: bool,
    queue: VecDeque<Job>,
    /// Files that were indexed since the last save.
    unsaved: usize,
    /// The moment of the list of files that the store is of, where they are watched.
    moment: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Never,
    /// Files are looked at.
    Looking,
    /// Files are indexed.
    Indexing,
    /// Everything was indexed at this moment, but for what the caps leave out.
    Done(Instant),
}

impl Shared {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            file: OnceLock::new(),
            save_after: SAVE,
            store: RwLock::default(),
            work: Mutex::default(),
            progress: Condvar::new(),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the disk looked at where that is due; the files near `near` come first. Returns at once, but for a few files
    /// that are known to have changed: those are indexed here and now.
    pub(super) fn refresh(self: &Arc<Self>, watched: Option<&Arc<Indexing>>, near: Vec<String>) {
        let mut work = self.work();
        let State::Done(at) = work.state else {
            if matches!(work.state, State::Never) {
                self.start(work, watched.cloned(), near);
            }
            return;
        };
        // Nobody else looks meanwhile.
        work.state = State::Looking;
        let moment = work.moment;
        drop(work);
        let changes = moment.and_then(|moment| changes::since(watched.map(|it| &**it), moment));
        let Some((now, changes)) = changes.filter(|(_, changes)| changes.len() <= FEW) else {
            let mut work = self.work();
            work.state = State::Done(at);
            // Unwatched, the disk counts as looked at for a while.
            if moment.is_some() || at.elapsed() > FRESH {
                self.start(work, watched.cloned(), near);
            }
            return;
        };
        for change in changes {
            self.take_in(&change);
        }
        let mut work = self.work();
        work.moment = Some(now);
        work.state = State::Done(Instant::now());
        drop(work);
        self.progress.notify_all();
    }

    fn take_in(&self, change: &Change) {
        if Language::of(&change.path).is_none() {
            return;
        }
        let stamp = change.is_there.then(|| {
            let metadata = self.root.join(&*change.path).symlink_metadata().ok()?;
            Some(Stamp::new(&metadata)).filter(|stamp| stamp.bytes <= source::MAX_BYTES)
        });
        match stamp.flatten() {
            Some(stamp) => {
                let path = (&*change.path).into();
                self.index_file(&mut Parser::new(), &Job { path, stamp }, |_| true);
            }
            None => self.write().remove(&change.path),
        }
    }

    fn start(
        self: &Arc<Self>,
        mut work: MutexGuard<'_, Work>,
        watched: Option<Arc<Indexing>>,
        near: Vec<String>,
    ) {
        let before = std::mem::replace(&mut work.state, State::Looking);
        drop(work);
        let shared = self.clone();
        let builder = thread::Builder::new().name("symbols".to_owned());
        let run = move || shared.run(watched.as_deref(), &near);
        if builder.spawn(run).is_err() {
            // No thread to be had: asked again at the next look.
            self.work().state = before;
        }
    }

    /// Waits until everything is indexed; false at `until`.
    pub(super) fn wait(&self, until: Instant) -> bool {
        let mut work = self.work();
        loop {
            if matches!(work.state, State::Done(_)) {
                return true;
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return false;
            };
            let woken = self.progress.wait_timeout(work, left);
            work = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What is still to be indexed, nearest first.
    pub(super) fn pending(&self) -> Vec<Job> {
        self.work().queue.iter().cloned().collect()
    }

    /// The state in which there is work that nobody does.
    #[cfg(test)]
    pub(super) fn stall(&self, root: &Path) {
        self.queue(self.compare(list(root)), &[]);
    }

    fn run(self: Arc<Self>, watched: Option<&Indexing>, near: &[String]) {
        // However this thread ends, the next look starts another.
        let _done = Done(&self);
        lower_priority();
        self.load();
        // What changes from here on is asked for at the next look.
        let moment = changes::now(watched);
        let files = list(&self.root);
        let changed = self.compare(files);
        let changes = changed.len();
        self.queue(changed, near);
        let helper = (changes > FEW).then(|| {
            let shared = self.clone();
            thread::Builder::new()
                .name("symbols".to_owned())
                .spawn(move || {
                    lower_priority();
                    shared.index();
                })
        });
        self.index();
        if let Some(Ok(helper)) = helper {
            let _ = helper.join();
        }
        let mut work = self.work();
        work.moment = moment;
        work.state = State::Done(Instant::now());
        drop(work);
        self.progress.notify_all();
        if changes > 0 {
            self.save();
            self.file
                .get()
                .and_then(|file| file.parent())
                .map(indexing::forget_old);
        }
    }

    pub(super) fn load(&self) {
        if std::mem::replace(&mut self.work().loaded, true) {
            return;
        }
        if let Some(store) = self.file.get().and_then(|file| saved::load(file)) {
            let mut mine = self.write();
            // Open documents may have been indexed before this thread came this far.
            mine.adopt(store);
        }
    }

    fn save(&self) {
        self.work().unsaved = 0;
        let Some(file) = self.file.get() else {
            return;
        };
        let bytes = saved::encode(&self.read());
        if let Err(error) = saved::save(file, &bytes) {
            tracing::debug!(%error, "the symbol index can't be saved");
        }
    }

    /// Saves what there is where that is worth it; the other thread goes on as far as it can.
    fn save_some(&self) {
        let files = self.read().files.len();
        let mut work = self.work();
        work.unsaved += 1;
        let saved = files.saturating_sub(work.unsaved);
        let is_due = work.unsaved >= self.save_after.max(saved / 2);
        // All is saved at the end, which is near.
        let is_worth_it = work.queue.len() >= self.save_after / 2;
        drop(work);
        if is_due && is_worth_it {
            self.save();
        }
    }

    /// Files that the store does not have as they are; those that are gone are dropped from it.
    pub(super) fn compare(&self, files: Vec<Job>) -> Vec<Job> {
        let (changed, gone) = {
            let store = self.read();
            let full = store.is_full();
            let mut known: hashbrown::HashSet<&str> =
                store.files.keys().map(|path| &**path).collect();
            let mut changed = Vec::new();
            for job in files {
                known.remove(&*job.path);
                let indexed = store.files.get(&job.path);
                let is_new = indexed.is_none_or(|file| file.stamp != job.stamp);
                if is_new && !full {
                    changed.push(job);
                }
            }
            let gone: Vec<Box<str>> = known.into_iter().map(Box::from).collect();
            (changed, gone)
        };
        if !gone.is_empty() {
            let mut store = self.write();
            for path in gone {
                store.remove(&path);
            }
        }
        changed
    }

    fn queue(&self, mut jobs: Vec<Job>, near: &[String]) {
        jobs.sort_by_cached_key(|job| {
            let distances = near.iter().map(|open| distance(open, &job.path));
            let depth = job.path.matches('/').count();
            (distances.min().unwrap_or(depth), job.path.clone())
        });
        let mut work = self.work();
        work.queue = jobs.into();
        work.state = State::Indexing;
        self.progress.notify_all();
    }

    fn index(&self) {
        let mut parser = Parser::new();
        while self.index_next(&mut parser) {}
    }

    /// False: nothing is left.
    pub(super) fn index_next(&self, parser: &mut Parser) -> bool {
        let Some(job) = self.work().queue.pop_front() else {
            return false;
        };
        self.index_file(parser, &job, |_| true);
        self.save_some();
        true
    }

    /// Indexes a file where `wanted` takes its text; false where it does not.
    pub(super) fn index_file(
        &self,
        parser: &mut Parser,
        job: &Job,
        wanted: impl FnOnce(&str) -> bool,
    ) -> bool {
        let Some(language) = Language::of(&job.path) else {
            return false;
        };
        // What can't be read is known too: as a file without symbols.
        let text = source::read(&self.root.join(&*job.path)).unwrap_or_default();
        if !wanted(&text) {
            return false;
        }
        let text = source::without_bom(&text);
        source::found(parser, language, text, |found| {
            self.write().insert(&job.path, job.stamp, found)
        })
    }
}

/// Sets the state when its thread ends in a way that nobody meant.
struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        let mut work = self.0.work();
        if !matches!(work.state, State::Done(_)) {
            work.state = State::Never;
            work.queue.clear();
        }
        drop(work);
        self.0.progress.notify_all();
    }
}

/// Every file below `root` that has a language, by the rules of the search.
pub(super) fn list(root: &Path) -> Vec<Job> {
    let mut jobs = Vec::new();
    for entry in walker(root).build().flatten() {
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path().strip_prefix(root).ok();
        let Some(path) = path.and_then(Path::to_str) else {
            continue;
        };
        if Language::of(path).is_none() {
            continue;
        }
        let Some(stamp) = entry.metadata().ok().map(|metadata| Stamp::new(&metadata)) else {
            continue;
        };
        if stamp.bytes <= source::MAX_BYTES {
            jobs.push(Job {
                path: path.into(),
                stamp,
            });
        }
        if jobs.len() >= FILES {
            break;
        }
    }
    jobs
}

/// How many steps it is from the folder of one file to that of the other.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let folders = |path| {
        let (folder, _) = str::rsplit_once(path, '/').unwrap_or_default();
        folder.split('/').filter(|part| !part.is_empty())
    };
    let shared = folders(a)
        .zip(folders(b))
        .take_while(|(a, b)| a == b)
        .count();
    folders(a).count() + folders(b).count() - 2 * shared
}

/// Of the calling thread alone.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 10);
}
