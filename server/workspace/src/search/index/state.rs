//! Where each file of the list stands: in a segment whose text of it still counts, or among those that are searched in any
//! case.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::remove;
use super::segment::{Segment, Text};
use crate::watch::{Changes, Known};

#[derive(Debug, Default)]
pub(super) struct State {
    /// The moment of the list that this is about.
    pub(super) seen: u64,
    pub(super) segments: Vec<Part>,
    /// Files that are searched in any case.
    pub(super) direct: BTreeMap<Arc<str>, Why>,
    /// The number of the next segment.
    pub(super) next: u64,
}

/// Why a file is in no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It waits to be indexed.
    Waits,
    /// It is not to be indexed as it is.
    Unfit,
}

/// A segment with what still counts of it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    /// By the number of the text.
    live: Vec<bool>,
    pub(super) count: usize,
}

impl Part {
    pub(super) fn new(segment: Segment) -> Self {
        Self {
            live: vec![false; segment.texts.len()],
            segment: Arc::new(segment),
            count: 0,
        }
    }

    pub(super) fn set(&mut self, number: usize, live: bool) {
        if let Some(was) = self.live.get_mut(number)
            && *was != live
        {
            *was = live;
            self.count = if live { self.count + 1 } else { self.count - 1 };
        }
    }

    fn number(&self, path: &str) -> Option<usize> {
        self.segment
            .texts
            .binary_search_by(|text| (*text.path).cmp(path))
            .ok()
    }

    /// The texts that count.
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let live = self.segment.texts.iter().zip(&self.live);
        live.filter_map(|(text, live)| live.then_some(text))
    }

    /// The paths of those that count among these.
    pub(super) fn of(&self, numbers: Option<Vec<u32>>) -> Vec<Arc<str>> {
        let Some(numbers) = numbers else {
            return self.texts().map(|text| text.path.clone()).collect();
        };
        let live = |number: &u32| self.live.get(*number as usize).is_some_and(|live| *live);
        let texts = numbers.iter().filter(|number| live(number));
        texts
            .filter_map(|number| self.segment.texts.get(*number as usize))
            .map(|text| text.path.clone())
            .collect()
    }
}

impl State {
    /// Takes in what has changed since.
    pub(super) fn sync(&mut self, current: &Known) {
        match current.changes(self.seen) {
            Changes::Paths(paths) => {
                for path in paths {
                    for part in &mut self.segments {
                        if let Some(number) = part.number(&path) {
                            part.set(number, false);
                        }
                    }
                    if current.file(&path).is_some() {
                        self.direct.insert(path, Why::Waits);
                    } else {
                        self.direct.remove(&path);
                    }
                }
            }
            Changes::Unknown => self.compare(current),
        }
        self.seen = current.now();
    }

    /// Compares everything, by stamps.
    fn compare(&mut self, current: &Known) {
        let all = current.below("").into_iter().flatten();
        self.direct = all.map(|(path, _)| (path.clone(), Why::Waits)).collect();
        // The last one that has a file counts.
        for part in self.segments.iter_mut().rev() {
            let segment = part.segment.clone();
            for (number, text) in segment.texts.iter().enumerate() {
                let same = current
                    .file(&text.path)
                    .is_some_and(|file| file.stamp == text.stamp);
                let live = same && self.direct.remove(&text.path).is_some();
                part.set(number, live);
            }
        }
    }

    /// The files of a segment wait again.
    pub(super) fn dissolve(&mut self, at: usize) {
        let part = self.segments.remove(at);
        remove(part.segment.path());
        let texts = part.texts().map(|text| (text.path.clone(), Why::Waits));
        self.direct.extend(texts);
    }
}
