//! The files that a session sees: those on disk that are not ignored, with what is in memory laid over them.
//!
//! Says which files there are; what is in them is for others.

use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use globset::{GlobBuilder, GlobMatcher};
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::Entry;
use crate::path::WorkspacePath;
use crate::proposal::ProposalError;

/// Files that a thread takes at a time.
const BATCH: usize = 16;
/// Reading files by more threads does not get faster.
const MAX_THREADS: usize = 12;

/// What a session sees below one path.
pub(super) struct View {
    root: PathBuf,
    from: WorkspacePath,
    /// By path: texts in memory; `None` where the proposal deletes the file.
    overlay: HashMap<String, Option<String>>,
    /// The files on disk by path, where they are known without walking.
    listed: Option<Vec<Arc<str>>>,
}

/// Where a file's text is.
pub(super) enum Source<'a> {
    Memory(&'a str),
    Disk(&'a Path),
}

/// What one thread does with the files that it meets, in whatever order.
pub(super) trait Visitor {
    /// Neither this path nor any after it is of interest any more.
    fn is_past(&self, path: &str) -> bool;

    fn visit(&mut self, path: &str, source: Source<'_>) -> WalkState;
}

impl View {
    /// An error where there is nothing at `from`.
    pub(super) fn new(
        root: &Path,
        from: WorkspacePath,
        overlay: Vec<(WorkspacePath, Option<String>)>,
    ) -> Result<Self, ProposalError> {
        let overlay = overlay
            .into_iter()
            .filter(|(path, _)| is_below(path.as_str(), from.as_str()))
            .map(|(path, text)| (path.into(), text))
            .collect();
        let view = Self {
            root: root.to_owned(),
            from,
            overlay,
            listed: None,
        };
        let from = view.from.as_str();
        let there = match view.overlay.get(from) {
            Some(text) => text.is_some(),
            None => view.start().exists() || view.overlay.values().any(Option::is_some),
        };
        if !there {
            return Err(ProposalError(format!(
                "`{from}` doesn't exist: look for it with glob or list"
            )));
        }
        Ok(view)
    }

    /// These are all the files below `from` that a walk would find, or all of them that can be of interest; by path.
    pub(super) fn with_list(self, files: Vec<Arc<str>>) -> Self {
        Self {
            listed: Some(files),
            ..self
        }
    }

    /// Files whose text is in memory.
    #[cfg(target_os = "linux")]
    pub(super) fn in_memory(&self) -> impl Iterator<Item = &str> {
        self.overlay.keys().map(String::as_str)
    }

    pub(super) fn from(&self) -> &WorkspacePath {
        &self.from
    }

    fn start(&self) -> PathBuf {
        self.root.join(self.from.as_str())
    }

    /// Visits every file that is of interest once, on several threads: each gets its own visitor.
    pub(super) fn visit<'s, V: Visitor + Send + 's>(&'s self, visitor: impl Fn() -> V + Sync) {
        if let Some(files) = &self.listed {
            self.visit_listed(files, &visitor);
        } else if self.start().exists() {
            self.walk().build_parallel().run(|| {
                let mut visitor = visitor();
                Box::new(move |entry| match entry {
                    Ok(entry) => self.visit_entry(&entry, &mut visitor),
                    // Gone, or not ours to read: as if it were not there.
                    Err(_) => WalkState::Continue,
                })
            });
        }
        let mut visitor = visitor();
        for (path, text) in self.new_files() {
            if visitor.is_past(path) {
                continue;
            }
            if visitor.visit(path, Source::Memory(text)) == WalkState::Quit {
                return;
            }
        }
    }

    fn visit_entry(&self, entry: &DirEntry, visitor: &mut impl Visitor) -> WalkState {
        // A name that is no text can't be given to any tool.
        let Some((path, kind)) = self.name(entry.path()).zip(entry.file_type()) else {
            return WalkState::Continue;
        };
        if kind.is_file() {
            return self.visit_file(path, entry.path(), visitor);
        }
        let below = || format!("{path}/");
        if kind.is_dir() && !path.is_empty() && visitor.is_past(&below()) {
            return WalkState::Skip;
        }
        WalkState::Continue
    }

    fn visit_file(&self, path: &str, file: &Path, visitor: &mut impl Visitor) -> WalkState {
        if visitor.is_past(path) {
            return WalkState::Continue;
        }
        match self.overlay.get(path) {
            Some(Some(text)) => visitor.visit(path, Source::Memory(text)),
            Some(None) => WalkState::Continue,
            None => visitor.visit(path, Source::Disk(file)),
        }
    }

    /// Each thread takes some files at a time.
    fn visit_listed<V: Visitor>(&self, files: &[Arc<str>], visitor: &(impl Fn() -> V + Sync)) {
        let (next, quit) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = || {
            let mut visitor = visitor();
            let mut file = self.root.clone();
            while !quit.load(Ordering::Relaxed) {
                let from = next.fetch_add(BATCH, Ordering::Relaxed);
                let batch = files.get(from..).unwrap_or_default();
                for path in batch.iter().take(BATCH) {
                    if visitor.is_past(path) {
                        // So are all that follow.
                        return;
                    }
                    file.clone_from(&self.root);
                    file.push(&**path);
                    if self.visit_file(path, &file, &mut visitor) == WalkState::Quit {
                        quit.store(true, Ordering::Relaxed);
                        return;
                    }
                }
                if batch.len() <= BATCH {
                    return;
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..threads.min(MAX_THREADS).min(files.len() / BATCH) {
                scope.spawn(work);
            }
            work();
        });
    }

    fn name<'a>(&self, path: &'a Path) -> Option<&'a str> {
        path.strip_prefix(&self.root).ok()?.to_str()
    }

    /// Files that are in memory only. Those that are on disk too are met on the walk, or ignored.
    fn new_files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.overlay.iter().filter_map(|(path, text)| {
            let on_disk = self.root.join(path).symlink_metadata().is_ok();
            let text = text.as_deref().filter(|_| !on_disk)?;
            Some((path.as_str(), text))
        })
    }

    fn walk(&self) -> WalkBuilder {
        walker(&self.start())
    }

    /// The first `limit` files that match, by path, and whether there are more.
    pub(super) fn first(&self, glob: &Glob, limit: usize) -> (Vec<WorkspacePath>, bool) {
        let all = Mutex::new(Vec::new());
        self.visit(|| First {
            glob,
            // One more tells whether there are more.
            most: limit.saturating_add(1),
            paths: BinaryHeap::new(),
            all: &all,
        });
        let mut paths = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        paths.sort_unstable();
        let more = paths.len() > limit;
        paths.truncate(limit);
        (paths, more)
    }

    /// The folder's own entries, by name.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, ProposalError> {
        let from = self.from.as_str();
        if self.start().is_file() || self.overlay.contains_key(from) {
            return Err(ProposalError(format!(
                "`{from}` is a file: read it instead"
            )));
        }
        let mut entries = BTreeMap::new();
        for entry in self.walk().max_depth(Some(1)).build().flatten() {
            let Some(path) = self.name(entry.path()).filter(|_| entry.depth() == 1) else {
                continue;
            };
            let deleted = matches!(self.overlay.get(path), Some(None));
            if !deleted && let Ok(path) = WorkspacePath::new(path) {
                entries.insert(path, self.is_folder(&entry));
            }
        }
        for (path, _) in self.new_files() {
            let Some((name, folder)) = child(path, from) else {
                continue;
            };
            if let Ok(path) = WorkspacePath::new(&name) {
                entries.entry(path).or_insert(folder);
            }
        }
        let entry = |(path, folder)| Entry { path, folder };
        Ok(entries.into_iter().map(entry).collect())
    }

    /// A link to a folder of the workspace is one too.
    fn is_folder(&self, entry: &DirEntry) -> bool {
        entry.file_type().is_some_and(|kind| {
            kind.is_dir()
                || (kind.is_symlink()
                    && entry
                        .path()
                        .canonicalize()
                        .is_ok_and(|to| to.starts_with(&self.root) && to.is_dir()))
        })
    }
}

/// What finds the files from a folder on: ignored ones are not found, `.git` is not entered.
pub(crate) fn walker(start: &Path) -> WalkBuilder {
    walker_with(start, |entry| entry.file_name() != ".git")
}

/// The same with another view of what is entered, which has to keep out of `.git`.
pub(crate) fn walker_with(
    start: &Path,
    filter: impl Fn(&DirEntry) -> bool + Send + Sync + 'static,
) -> WalkBuilder {
    let mut walk = WalkBuilder::new(start);
    walk.hidden(false)
        .require_git(false)
        .follow_links(false)
        .filter_entry(filter);
    walk
}

/// The first paths of those that one thread has met; they come to the others when the thread has ended.
struct First<'a> {
    glob: &'a Glob,
    most: usize,
    /// The last of them on top.
    paths: BinaryHeap<WorkspacePath>,
    all: &'a Mutex<Vec<WorkspacePath>>,
}

impl Visitor for First<'_> {
    fn is_past(&self, path: &str) -> bool {
        let is_full = self.paths.len() >= self.most;
        is_full && self.paths.peek().is_some_and(|last| path > last.as_str())
    }

    fn visit(&mut self, path: &str, _: Source<'_>) -> WalkState {
        if self.glob.matches(path)
            && let Ok(path) = WorkspacePath::new(path)
        {
            self.paths.push(path);
            if self.paths.len() > self.most {
                self.paths.pop();
            }
        }
        WalkState::Continue
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        // Its holders can't leave the list half written.
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(self.paths.drain());
    }
}

/// `path` is `folder`, or below it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The entry of `folder` that leads to `path`, and whether it is a folder.
fn child(path: &str, folder: &str) -> Option<(String, bool)> {
    let rest = match folder {
        "" => path,
        folder => path.strip_prefix(folder)?.strip_prefix('/')?,
    };
    let name = rest.split('/').next().filter(|name| !name.is_empty())?;
    let prefix = path.strip_suffix(rest)?;
    Some((format!("{prefix}{name}"), name.len() < rest.len()))
}

/// A glob over files, as models write them.
pub(super) struct Glob {
    matcher: GlobMatcher,
    /// It has no `/`, so it is about the name of a file, wherever that is.
    name_only: bool,
    /// It starts with `!`.
    inverted: bool,
    from: String,
}

impl Glob {
    pub(super) fn new(pattern: &str, from: &WorkspacePath) -> Result<Self, ProposalError> {
        let (inverted, written) = match pattern.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let written = written.strip_prefix("./").unwrap_or(written);
        let glob = GlobBuilder::new(written)
            .literal_separator(true)
            .build()
            .map_err(|error| {
                ProposalError(format!(
                    "`{pattern}` is no glob ({}): write one such as `*.rs` or `src/**/*.rs`",
                    error.kind()
                ))
            })?;
        Ok(Self {
            matcher: glob.compile_matcher(),
            name_only: !written.contains('/'),
            inverted,
            from: from.as_str().to_owned(),
        })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        let found = if self.name_only {
            let name = path.rsplit('/').next().unwrap_or(path);
            self.matcher.is_match(name)
        } else {
            self.matcher.is_match(path)
                || self
                    .below(path)
                    .is_some_and(|rest| self.matcher.is_match(rest))
        };
        found != self.inverted
    }

    fn below<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.from.as_str())?.strip_prefix('/')
    }
}
