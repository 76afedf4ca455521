//! The repo map: the files that matter with the declarations that others use, as a text of a given size.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::rank::{is_shown, rank};
use super::record::Entry;
use super::store::Store;

/// Declarations of one file.
const SYMBOLS: usize = 12;
/// Of a file whose declarations nobody else uses.
const UNUSED: usize = 2;
/// Characters of a declaration.
const LINE: usize = 110;
/// Files that are looked at for being shown.
const FILES: usize = 200;

/// What a map was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) generation: u64,
    pub(super) open: Vec<String>,
    pub(super) bytes: usize,
}

/// The last map.
#[derive(Default)]
pub(super) struct Cached(Mutex<Option<(Key, Arc<str>)>>);

impl Cached {
    pub(super) fn get(&self, key: &Key) -> Option<Arc<str>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = last.as_ref().filter(|(last, _)| last == key);
        same.map(|(_, map)| map.clone())
    }

    pub(super) fn set(&self, key: Key, map: Arc<str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((key, map));
    }
}

/// What is shown of one file: its lines (0-based) with the names that they declare, in the order of the text.
pub(super) struct Shown {
    pub(super) path: String,
    lines: BTreeMap<u32, String>,
}

/// The files that matter, highest first.
pub(super) fn choose(store: &Store, open: &[String]) -> Vec<Shown> {
    let ranked = rank(store, open);
    let mut shown = Vec::new();
    for (path, record) in ranked.files.into_iter().take(FILES) {
        let mut entries: Vec<_> = record
            .symbols()
            .filter(|entry| is_shown(entry.kind))
            .collect();
        let uses = |entry: &Entry| ranked.uses.get(&entry.name).copied().unwrap_or(0.0);
        // What others use comes first, types before functions.
        entries.sort_by(|a, b| {
            let place = |entry: &Entry| (entry.kind.weight(), entry.line);
            uses(b).total_cmp(&uses(a)).then(place(a).cmp(&place(b)))
        });
        let used = entries.iter().filter(|entry| uses(entry) >= 0.5).count();
        let shown_of_it = used.clamp(UNUSED, SYMBOLS);
        let lines = entries.into_iter().take(shown_of_it).filter_map(|entry| {
            let name = store.names.get(entry.name)?;
            Some((entry.line, format!("{} {name}", entry.kind.name())))
        });
        let lines: BTreeMap<u32, String> = lines.collect();
        if !lines.is_empty() {
            shown.push(Shown {
                path: path.to_owned(),
                lines,
            });
        }
    }
    shown
}

/// The map, at most `bytes` long. `text_of` gives the text of a file.
pub(super) fn render(
    files: Vec<Shown>,
    bytes: usize,
    mut text_of: impl FnMut(&str) -> Option<String>,
) -> String {
    let mut map = String::new();
    for file in files {
        let text = text_of(&file.path).unwrap_or_default();
        let text: Vec<&str> = text.lines().collect();
        let mut part = format!("{}\n", file.path);
        for (number, name) in &file.lines {
            let line = text.get(*number as usize).map(|line| line.trim());
            // The index may be older than the text.
            let declared = name.rsplit(' ').next().unwrap_or_default();
            let line = line.filter(|line| line.contains(declared)).unwrap_or(name);
            let line: String = line
                .trim_end_matches([' ', '{'])
                .chars()
                .take(LINE)
                .collect();
            // Writing to a String can't fail.
            let _ = writeln!(part, "{:>5}: {line}", u64::from(*number) + 1);
        }
        if map.len() + part.len() > bytes {
            // A smaller file may still fit, but would stand there as if it mattered more.
            break;
        }
        map.push_str(&part);
    }
    map
}
