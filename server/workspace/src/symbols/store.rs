//! What the index holds: a record for each file on disk, and one for each open document that stands before its file's.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use super::extract::Found;
use super::names::{NameId, Names};
use super::record::{Entry, Record};
use crate::syntax::Language;

/// Bytes that the index may take: beyond, no further file is indexed.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// What tells cheaply that a file has not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// In nanoseconds since 1970.
    pub(super) modified: u64,
    pub(super) bytes: u64,
}

impl Stamp {
    pub(super) fn new(metadata: &std::fs::Metadata) -> Self {
        let modified = metadata.modified().ok();
        let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self {
            modified: since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0)),
            bytes: metadata.len(),
        }
    }
}

/// A file as it was when it was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) stamp: Stamp,
    pub(super) record: Record,
}

/// All that the index holds.
#[derive(Default)]
pub(super) struct Store {
    pub(super) names: Names,
    /// By path.
    pub(super) files: BTreeMap<Box<str>, File>,
    /// Open documents, by path.
    open: BTreeMap<Box<str>, Record>,
    /// Counts the changes.
    generation: u64,
    /// Bytes of all records and paths.
    bytes: usize,
}

impl Store {
    /// False where there is no room for it.
    pub(super) fn insert(&mut self, path: &str, stamp: Stamp, found: &Found<'_>) -> bool {
        if self.is_full() {
            return false;
        }
        let Some(record) = Record::new(found, &mut self.names) else {
            return false;
        };
        self.insert_record(path, stamp, record);
        true
    }

    pub(super) fn insert_record(&mut self, path: &str, stamp: Stamp, record: Record) {
        self.generation += 1;
        self.bytes += path.len() + record.bytes().len();
        let file = File { stamp, record };
        if let Some(old) = self.files.insert(path.into(), file) {
            self.bytes -= path.len() + old.record.bytes().len();
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        if let Some(old) = self.files.remove(path) {
            self.generation += 1;
            self.bytes -= path.len() + old.record.bytes().len();
        }
    }

    /// What an open document has now.
    pub(super) fn set_open(&mut self, path: &str, found: &Found<'_>) {
        if let Some(record) = Record::new(found, &mut self.names)
            && self.open.get(path) != Some(&record)
        {
            self.generation += 1;
            self.open.insert(path.into(), record);
        }
    }

    /// The files of the documents that are closed count again.
    pub(super) fn keep_open(&mut self, is_open: impl Fn(&str) -> bool) {
        let before = self.open.len();
        self.open.retain(|path, _| is_open(path));
        self.generation += u64::from(before != self.open.len());
    }

    /// Takes over what was saved.
    pub(super) fn adopt(&mut self, saved: Self) {
        if self.open.is_empty() {
            *self = saved;
            return;
        }
        for (path, file) in saved.files {
            let (names, from) = (&mut self.names, &saved.names);
            let record = file.record.renumbered(|id| names.intern(from.get(id)?));
            self.insert_record(&path, file.stamp, record);
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes + self.names.text_bytes() + self.names.other_bytes() > MAX_BYTES
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Everything that counts, by path: open documents stand before their files.
    pub(super) fn records(&self) -> impl Iterator<Item = (&str, &Record)> {
        let files = self.files.iter().map(|(path, file)| (path, &file.record));
        let files = files.filter(|(path, _)| !self.open.contains_key(*path));
        let all = self.open.iter().chain(files);
        all.map(|(path, record)| (&**path, record))
    }

    pub(super) fn record(&self, path: &str) -> Option<&Record> {
        let file = || self.files.get(path).map(|file| &file.record);
        self.open.get(path).or_else(file)
    }

    /// The symbols that `wanted` takes, with their files.
    pub(super) fn symbols(&self, mut wanted: impl FnMut(NameId) -> bool) -> Vec<(&str, Entry)> {
        let mut found = Vec::new();
        for (path, record) in self.records() {
            let symbols = record.symbols().filter(|entry| wanted(entry.name));
            found.extend(symbols.map(|entry| (path, entry)));
        }
        found
    }

    /// The files that have the name as an identifier.
    pub(super) fn with_name(&self, name: NameId) -> Vec<&str> {
        let has = |record: &Record| {
            let mut names = record.names().skip_while(|id| *id < name);
            names.next() == Some(name)
        };
        let files = self.records().filter(|(_, record)| has(record));
        files.map(|(path, _)| path).collect()
    }

    /// The sizes that the bench reports: symbols, bytes of names, all other bytes.
    pub(super) fn sizes(&self) -> (usize, usize, usize) {
        let symbols = self
            .records()
            .map(|(_, record)| record.symbols().count())
            .sum();
        let entry = size_of::<Box<str>>() + size_of::<File>();
        // A node of the map is filled to two thirds or so, and each box takes some bytes of the allocator's.
        let each = entry * 3 / 2 + 32;
        let other = self.bytes + self.files.len() * each + self.names.other_bytes();
        (symbols, self.names.text_bytes(), other)
    }
}

/// The language of an indexed path, for ranking.
pub(super) fn same_language(a: &str, b: &str) -> bool {
    let family = |path| match Language::of(path) {
        Some(Language::Tsx | Language::JavaScript) => Some(Language::TypeScript),
        Some(Language::C) => Some(Language::Cpp),
        language => language,
    };
    family(a) == family(b)
}
