//! The last changes, in order, for those who ask what has changed since they looked.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Changes;

/// Changes that are remembered.
const MAX: usize = 16_384;

/// See the module.
#[derive(Debug)]
pub(super) struct Journal {
    /// Counts changes.
    tick: u64,
    /// The last changes; all of them after `since`.
    last: VecDeque<(u64, Arc<str>)>,
    since: u64,
}

impl Journal {
    /// Ticks begin at `tick`.
    pub(super) fn new(tick: u64) -> Self {
        Self {
            tick,
            last: VecDeque::new(),
            since: tick,
        }
    }

    /// The tick of the last change.
    pub(super) fn tick(&self) -> u64 {
        self.tick
    }

    pub(super) fn note(&mut self, path: Arc<str>) {
        self.tick += 1;
        if self.last.back().is_some_and(|(_, last)| *last == path) {
            self.last.pop_back();
        }
        self.last.push_back((self.tick, path));
        if self.last.len() > MAX
            && let Some((tick, _)) = self.last.pop_front()
        {
            self.since = tick;
        }
    }

    /// What has changed after the moment that had this tick.
    pub(super) fn changes(&self, since: u64) -> Changes {
        if since < self.since {
            return Changes::Unknown;
        }
        let from = self.last.partition_point(|(tick, _)| *tick <= since);
        let last = self.last.range(from..);
        let mut paths: Vec<_> = last.map(|(_, path)| path.clone()).collect();
        paths.sort_unstable();
        paths.dedup();
        Changes::Paths(paths)
    }
}
