//! Matching lines of the files of a view, by ripgrep's own libraries.
//!
//! The first `limit` matching lines in the order of path and line are found whatever the threads do: files that
//! can't be among them any more are not opened, folders of such files are not entered, and nothing is kept of lines that
//! don't match.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use grep_matcher::{LineTerminator, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{
    BinaryDetection, Searcher, SearcherBuilder, Sink, SinkContext, SinkFinish, SinkMatch,
};
use ignore::WalkState;

use super::files::{Glob, Source, View, Visitor};
use super::{Grep, GrepLine, GrepResult};
use crate::path::WorkspacePath;
use crate::proposal::ProposalError;

/// Longer lines are cut around the match, in bytes.
const MAX_LINE: usize = 400;
/// Most memory that the lines of one file may take, in bytes: a file without line breaks is left out beyond it.
const MAX_HEAP: usize = 64 << 20;

pub(super) fn grep(
    view: &View,
    grep: &Grep,
    cancelled: &AtomicBool,
) -> Result<GrepResult, ProposalError> {
    let matcher = matcher(grep)?;
    let glob = match &grep.glob {
        Some(glob) => Some(Glob::new(glob, view.from())?),
        None => None,
    };
    let first = First::new(grep.limit);
    view.visit(|| Search {
        grep,
        matcher: matcher.clone(),
        glob: glob.as_ref(),
        on_disk: searcher(grep, true),
        in_memory: searcher(grep, false),
        first: &first,
        cancelled,
    });
    Ok(first.into_result(grep, cancelled.load(Ordering::Relaxed)))
}

/// What one thread searches with.
struct Search<'a> {
    grep: &'a Grep,
    matcher: RegexMatcher,
    glob: Option<&'a Glob>,
    on_disk: Searcher,
    in_memory: Searcher,
    first: &'a First,
    cancelled: &'a AtomicBool,
}

impl Visitor for Search<'_> {
    fn is_past(&self, path: &str) -> bool {
        self.first.is_past(path)
    }

    fn visit(&mut self, path: &str, source: Source<'_>) -> WalkState {
        if self.cancelled.load(Ordering::Relaxed) {
            return WalkState::Quit;
        }
        if self.glob.is_some_and(|glob| !glob.matches(path)) {
            return WalkState::Continue;
        }
        let matcher = &self.matcher;
        let mut hits = Hits::new(matcher, self.grep.limit, self.cancelled);
        let searched = match source {
            Source::Memory(text) => {
                let bytes = text.as_bytes();
                self.in_memory.search_slice(matcher, bytes, &mut hits)
            }
            Source::Disk(file) => self.on_disk.search_path(matcher, file, &mut hits),
        };
        // What can't be read is as if it were not there.
        if searched.is_ok() && !hits.binary && hits.matched > 0 {
            self.first.add(path, hits.lines, hits.matched);
        }
        WalkState::Continue
    }
}

fn matcher(grep: &Grep) -> Result<RegexMatcher, ProposalError> {
    RegexMatcherBuilder::new()
        .case_insensitive(grep.ignore_case)
        .multi_line(true)
        .crlf(true)
        .build(&grep.pattern)
        .map_err(|error| {
            // Of the pattern as it was written: the builder wraps it, and so names other places.
            let why = match regex_syntax::parse(&grep.pattern) {
                Err(error) => error.to_string(),
                Ok(_) => error.to_string(),
            };
            ProposalError(format!(
                "`pattern` can't be searched for: {why}\nescape special characters with `\\`; matches never span lines"
            ))
        })
}

fn searcher(grep: &Grep, skip_binary: bool) -> Searcher {
    let binary = if skip_binary {
        BinaryDetection::quit(0)
    } else {
        BinaryDetection::none()
    };
    SearcherBuilder::new()
        .line_number(true)
        .line_terminator(LineTerminator::crlf())
        .binary_detection(binary)
        .before_context(grep.context)
        .after_context(grep.context)
        .heap_limit(Some(MAX_HEAP))
        .build()
}

/// A line that was found.
struct Line {
    number: u64,
    matched: bool,
    text: String,
}

/// Takes the lines of one file, up to one match more than is asked for.
struct Hits<'a> {
    matcher: &'a RegexMatcher,
    limit: usize,
    cancelled: &'a AtomicBool,
    lines: Vec<Line>,
    matched: usize,
    binary: bool,
}

impl<'a> Hits<'a> {
    fn new(matcher: &'a RegexMatcher, limit: usize, cancelled: &'a AtomicBool) -> Self {
        Self {
            matcher,
            limit,
            cancelled,
            lines: Vec::new(),
            matched: 0,
            binary: false,
        }
    }
}

impl Sink for Hits<'_> {
    type Error = io::Error;

    fn matched(&mut self, _: &Searcher, line: &SinkMatch<'_>) -> io::Result<bool> {
        self.matched += 1;
        self.lines.push(Line {
            number: line.line_number().unwrap_or_default(),
            matched: true,
            text: shown(line.bytes(), Some(self.matcher)),
        });
        Ok(self.matched <= self.limit && !self.cancelled.load(Ordering::Relaxed))
    }

    fn context(&mut self, _: &Searcher, line: &SinkContext<'_>) -> io::Result<bool> {
        self.lines.push(Line {
            number: line.line_number().unwrap_or_default(),
            matched: false,
            text: shown(line.bytes(), None),
        });
        Ok(true)
    }

    fn binary_data(&mut self, _: &Searcher, _: u64) -> io::Result<bool> {
        self.binary = true;
        Ok(false)
    }

    fn finish(&mut self, _: &Searcher, end: &SinkFinish) -> io::Result<()> {
        self.binary |= end.binary_byte_offset().is_some();
        Ok(())
    }
}

/// The text of a line without its break; a long one cut around the match.
fn shown(line: &[u8], matcher: Option<&RegexMatcher>) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() <= MAX_LINE {
        return String::from_utf8_lossy(line).into_owned();
    }
    let found = matcher.and_then(|matcher| matcher.find(line).ok().flatten());
    let middle = found.map_or(0, |found| found.start());
    let start = middle
        .saturating_sub(MAX_LINE / 4)
        .min(line.len() - MAX_LINE);
    let end = start + MAX_LINE;
    let part = line.get(start..end).unwrap_or_default();
    // Half characters at the ends.
    let part = String::from_utf8_lossy(part);
    let part = part.trim_matches(char::REPLACEMENT_CHARACTER);
    let before = if start > 0 { "…" } else { "" };
    let after = if end < line.len() { "…" } else { "" };
    format!("{before}{part}{after}")
}

/// The first `limit` matches by path and line, and whether there is one more.
struct First {
    limit: usize,
    found: Mutex<Found>,
    /// Enough is found: `Found::files` says where they end.
    full: AtomicBool,
}

#[derive(Default)]
struct Found {
    files: BTreeMap<String, (Vec<Line>, usize)>,
    matched: usize,
}

impl First {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            found: Mutex::default(),
            full: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing in this file can be among the first, nor in those after it.
    fn is_past(&self, path: &str) -> bool {
        self.full.load(Ordering::Acquire)
            && self
                .lock()
                .files
                .last_key_value()
                .is_some_and(|(last, _)| path > last.as_str())
    }

    fn add(&self, path: &str, lines: Vec<Line>, matched: usize) {
        let mut found = self.lock();
        if found.files.contains_key(path) {
            return;
        }
        found.files.insert(path.to_owned(), (lines, matched));
        found.matched += matched;
        // The last files go while there is one match more than asked for without them.
        while let Some(last) = found.files.last_entry() {
            let of_last = last.get().1;
            if found.matched - of_last <= self.limit {
                break;
            }
            found.files.pop_last();
            found.matched -= of_last;
        }
        self.full
            .store(found.matched > self.limit, Ordering::Release);
    }

    fn into_result(self, grep: &Grep, cancelled: bool) -> GrepResult {
        let found = self
            .found
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let mut result = GrepResult {
            lines: Vec::new(),
            truncated: cancelled || found.matched > self.limit,
        };
        let mut left = self.limit;
        for (path, (lines, matched)) in found.files {
            let Ok(path) = WorkspacePath::new(&path) else {
                continue;
            };
            let lines = if matched > left {
                cut(lines, left, grep.context)
            } else {
                lines
            };
            left = left.saturating_sub(matched);
            result.lines.extend(lines.into_iter().map(|line| GrepLine {
                path: path.clone(),
                line: line.number,
                matched: line.matched,
                text: line.text,
            }));
        }
        result
    }
}

/// The first `limit` matches with their context.
fn cut(mut lines: Vec<Line>, limit: usize, context: usize) -> Vec<Line> {
    let mut matches = lines.iter().enumerate().filter(|(_, line)| line.matched);
    let last = limit.checked_sub(1).and_then(|nth| matches.nth(nth));
    let Some(last) = last.map(|(_, line)| line.number) else {
        return Vec::new();
    };
    let end = last + context as u64;
    // Lines after the last match, up to the next one, are its context.
    let next = lines.iter().find(|line| line.matched && line.number > last);
    let end = next.map_or(end, |next| end.min(next.number.saturating_sub(1)));
    lines.retain(|line| line.number <= end);
    lines
}
