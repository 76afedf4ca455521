//! The search index: which files can have a match at all, so that only these are read.
//!
//! Files are indexed by their grams (`grams`) in segments (`segment`) that never change. A file that changed, is new or
//! can't be indexed is searched in any case, until it is in a later segment; so what is found never depends on how far the
//! index is. Files are told apart by [`Tree`]: by its ticks while it watches them, by their stamps from start to start.
//! Segments with few texts that still count are dissolved: their files are indexed again.
//!
//! One process at a time keeps the index of a workspace; others search what the list of files has.

mod direct;
mod grams;
mod matching;
mod plan;
mod segment;
mod state;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::files::is_below;
use crate::watch::{Known, Tree};
use direct::Reader;
use grams::Collector;
use matching::matching;
pub(super) use plan::Plan;
use segment::{Builder, Segment, Text};
use state::{Part, State, Why};

/// Fewer files that wait are searched directly as fast.
const ENOUGH: usize = 128;
/// The texts take so many times what the index takes, at least.
const SHARE: u64 = 4;
/// More segments than this that are small are made one.
const MAX_SMALL: usize = 8;
/// A segment is small below so many bytes.
const SMALL: u64 = 1 << 20;
/// A file is indexed when it has rested for so long: a later change can't have the same time then.
const REST: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(crate) struct Index {
    folder: PathBuf,
    rest: Duration,
    enough: usize,
    /// Bytes that a segment may take beyond its share.
    spare: u64,
    /// Held for as long as the index is ours; `None`: another process keeps it.
    lock: OnceLock<Option<File>>,
    state: Mutex<State>,
}

/// Files to be indexed, by path.
type Waiting = Vec<(Arc<str>, crate::watch::File)>;

impl Index {
    /// An index that is kept in a folder of ours.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            rest: REST,
            enough: ENOUGH,
            spare: 0,
            lock: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- what is asked ---

    /// The files below a folder (or the one file) that can have a match, by path. `None` where the folder is not on the list.
    pub(super) fn candidates(
        &self,
        current: &Known,
        below: &str,
        plan: &Plan,
    ) -> Option<Vec<Arc<str>>> {
        let all = current.below(below)?;
        if *plan == Plan::Any {
            return Some(all.map(|(path, _)| path.clone()).collect());
        }
        let mut state = self.lock();
        state.sync(current);
        let mut found: Vec<Arc<str>> = Vec::new();
        let mut broken = Vec::new();
        for (at, part) in state.segments.iter().enumerate() {
            match matching(&part.segment, plan) {
                Ok(numbers) => found.extend(part.of(numbers)),
                Err(error) => {
                    tracing::warn!(%error, "a part of the search index is made again");
                    found.extend(part.texts().map(|text| text.path.clone()));
                    broken.push(at);
                }
            }
        }
        for at in broken.into_iter().rev() {
            state.dissolve(at);
        }
        found.extend(state.direct.keys().cloned());
        drop(state);
        found.retain(|path| is_below(path, below));
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// How many files wait to be indexed.
    pub(super) fn waiting(&self, current: &Known) -> usize {
        let mut state = self.lock();
        state.sync(current);
        let all = state.direct.values();
        all.filter(|why| **why == Why::Waits).count()
    }

    // --- what goes on in the background ---

    /// Indexes what waits, if that is enough. `go_on` is asked between files. True: some is left for later.
    pub(crate) fn work(&self, tree: &Tree, go_on: &dyn Fn() -> bool) -> io::Result<bool> {
        if !self.is_ours() {
            return Ok(false);
        }
        let Some((waiting, count)) = self.waiting_files(tree) else {
            return Ok(true);
        };
        if count < self.enough {
            return Ok(false);
        }
        let (mut reader, mut collector) = (Reader::new(tree.root()), Collector::new());
        let (mut builder, mut ticks, mut unfit) = (Builder::new(), Vec::new(), Vec::new());
        for (path, file) in waiting {
            if !go_on() {
                return Ok(true);
            }
            match reader.read(&path, &file) {
                direct::Read::Text(text) => {
                    let grams = collector.grams(text);
                    let stamp = file.stamp;
                    builder.add(
                        Text {
                            path: path.clone(),
                            stamp,
                        },
                        grams,
                    );
                    ticks.push(file.tick);
                }
                direct::Read::Unfit => unfit.push((path, file.tick)),
                // It has changed just now.
                direct::Read::Later => {}
            }
            if builder.is_full() {
                let full = std::mem::replace(&mut builder, Builder::new());
                self.add(tree, full, &std::mem::take(&mut ticks))?;
            }
        }
        self.set_unfit(tree, unfit);
        if !builder.texts().is_empty() {
            self.add(tree, builder, &ticks)?;
        }
        Ok(self.tidy())
    }

    /// The index is kept by this process. Reads what is there at the first call.
    fn is_ours(&self) -> bool {
        let lock = self.lock.get_or_init(|| {
            let lock = self.take().inspect_err(|error| {
                tracing::info!(%error, folder = %self.folder.display(), "the search index isn't ours to keep");
            });
            lock.ok()
        });
        lock.is_some()
    }

    fn take(&self) -> io::Result<File> {
        std::fs::create_dir_all(&self.folder)?;
        let lock = File::create(self.folder.join("lock"))?;
        lock.try_lock()?;
        let mut segments = Vec::new();
        for entry in self.folder.read_dir()?.flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|kind| kind == "lock") {
                continue;
            }
            let number = number_of(&path);
            match number.map(|number| (number, Segment::open(&path))) {
                Some((number, Ok(segment))) => segments.push((number, segment)),
                // Unfinished, damaged, or of another version: what was in it is indexed again.
                _ => remove(&path),
            }
        }
        segments.sort_unstable_by_key(|(number, _)| *number);
        let mut state = self.lock();
        state.next = segments.last().map_or(0, |(number, _)| number + 1);
        state.segments = segments
            .into_iter()
            .map(|(_, segment)| Part::new(segment))
            .collect();
        // To be compared with the list.
        state.seen = 0;
        Ok(lock)
    }

    /// Files that wait and have rested; and how many wait.
    fn waiting_files(&self, tree: &Tree) -> Option<(Waiting, usize)> {
        let current = tree.current()?;
        let mut state = self.lock();
        state.sync(&current);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let rested = now.saturating_sub(self.rest).as_nanos() as i64;
        let waiting = state.direct.iter().filter(|(_, why)| **why == Why::Waits);
        let (mut files, mut count) = (Vec::new(), 0);
        for (path, _) in waiting {
            count += 1;
            let file = current
                .file(path)
                .filter(|file| file.stamp.changed < rested);
            files.extend(file.map(|file| (path.clone(), file)));
        }
        let count = if files.is_empty() { 0 } else { count };
        Some((files, count))
    }

    /// Adds a segment of texts that had these ticks when they were read.
    fn add(&self, tree: &Tree, builder: Builder, ticks: &[u64]) -> io::Result<()> {
        let number = {
            let mut state = self.lock();
            state.next += 1;
            state.next - 1
        };
        let texts = builder.texts().to_vec();
        let most = builder.size() / SHARE + self.spare;
        let path = self.folder.join(format!("{number:08}.grams"));
        let finished = builder.finish(&path, most)?;
        let Some(segment) = finished else {
            let texts = texts.into_iter().map(|text| text.path);
            self.set_unfit(tree, texts.zip(ticks.iter().copied()).collect());
            return Ok(());
        };
        drop(texts);
        let mut part = Part::new(segment);
        let current = tree.current();
        let mut state = self.lock();
        match &current {
            Some(current) => {
                state.sync(current);
                let texts = part.segment.clone();
                for (number, (text, tick)) in texts.texts.iter().zip(ticks).enumerate() {
                    if current
                        .file(&text.path)
                        .is_some_and(|file| file.tick == *tick)
                    {
                        part.set(number, true);
                        state.direct.remove(&text.path);
                    }
                }
            }
            // In doubt: stamps are compared when the list is there again.
            None => state.seen = 0,
        }
        state.segments.push(part);
        Ok(())
    }

    fn set_unfit(&self, tree: &Tree, files: Vec<(Arc<str>, u64)>) {
        let Some(current) = tree.current() else {
            return;
        };
        let mut state = self.lock();
        state.sync(&current);
        for (path, tick) in files {
            if current.file(&path).is_some_and(|file| file.tick == tick) {
                state.direct.insert(path, Why::Unfit);
            }
        }
    }

    /// Dissolves segments that aren't worth their place. True: there is more to index now.
    fn tidy(&self) -> bool {
        let mut state = self.lock();
        let before = state.segments.len();
        for at in (0..before).rev() {
            let part = state.segments.get(at);
            if part.is_some_and(|part| part.count * 2 < part.segment.texts.len()) {
                state.dissolve(at);
            }
        }
        let is_small = |part: &Part| part.segment.bytes < SMALL;
        if state.segments.iter().filter(|part| is_small(part)).count() > MAX_SMALL {
            for at in (0..state.segments.len()).rev() {
                if state.segments.get(at).is_some_and(is_small) {
                    state.dissolve(at);
                }
            }
        }
        state.segments.len() < before
    }
}

fn number_of(path: &Path) -> Option<u64> {
    let is_ours = path.extension().is_some_and(|kind| kind == "grams");
    path.file_stem().filter(|_| is_ours)?.to_str()?.parse().ok()
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::debug!(%error, path = %path.display(), "a part of the search index stays");
    }
}
