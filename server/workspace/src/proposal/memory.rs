//! What a region of a text read before it was changed.

use ropey::Rope;

use super::place::{chars, line_starts, next_line, slice};
use crate::document::Span;

/// Longest text on either side of the changed lines that is remembered, in bytes.
const MEMORY_BYTES: usize = 64 * 1024;

/// A region that was changed, and what it read before that: `before`, something in its midst, `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) before: String,
    /// What a narrower region read, where this one is around one.
    pub(super) middle: String,
    pub(super) after: String,
    /// Where the place was in that, where it fitted; from the narrower region's start.
    pub(super) place: Option<(usize, usize)>,
    /// False where a side was cut to its nearest part.
    whole: bool,
    /// Nothing but this region has changed since it was first changed: what is around it is still what it was then.
    pub(super) alone: bool,
}

impl Memory {
    /// The lines that a place and a change of it are on.
    pub(super) fn of_place(text: &Rope, start: usize, end: usize, span: &Span) -> Self {
        let from = start.min(span.start);
        let from = text.line_to_char(text.char_to_line(from));
        let to = end.max(span.end);
        let to = if line_starts(text, to) && to > from {
            to
        } else {
            next_line(text, to)
        };
        let mut memory = Self {
            before: slice(text, from, start),
            after: slice(text, end, to),
            alone: true,
            ..Self::of_region(from, moved(to, span))
        };
        memory.cut();
        memory
    }

    /// A region that reads as it should.
    pub(super) fn of_region(start: usize, end: usize) -> Self {
        Self {
            start,
            end,
            before: String::new(),
            middle: String::new(),
            after: String::new(),
            place: None,
            whole: true,
            alone: false,
        }
    }

    /// A region around this one, with what `span` changes next to it. `place`: where the hunk fits, inside of this one.
    pub(super) fn around(&self, text: &Rope, span: &Span, place: Option<(usize, usize)>) -> Self {
        let (start, end) = (self.start.min(span.start), self.end.max(span.end));
        let mut memory = Self {
            before: slice(text, start, self.start),
            middle: slice(text, self.start, self.end),
            after: slice(text, self.end, end),
            place: place.map(|(from, to)| (from - self.start, to - self.start)),
            alone: true,
            ..Self::of_region(start, moved(end, span))
        };
        memory.cut();
        memory
    }

    /// Grows over a change that touches the region, and moves along.
    pub(super) fn extend(&mut self, text: &Rope, span: &Span) {
        self.before
            .insert_str(0, &slice(text, span.start.min(self.start), self.start));
        self.after
            .push_str(&slice(text, self.end, span.end.max(self.end)));
        self.start = self.start.min(span.start);
        self.end = moved(self.end.max(span.end), span);
        self.cut();
    }

    /// Moves along with a change elsewhere.
    pub(super) fn shift(&mut self, span: &Span) {
        self.alone = false;
        if span.end < self.start {
            (self.start, self.end) = (moved(self.start, span), moved(self.end, span));
        }
    }

    /// What touches the edges touches the region, too: it may be what was taken away.
    pub(super) fn touches(&self, span: &Span) -> bool {
        span.start <= self.end && span.end >= self.start
    }

    pub(super) fn covers(&self, span: &Span) -> bool {
        span.start >= self.start && span.end <= self.end
    }

    /// Where `middle` starts, if the region reads as it once did with `middle` in its midst.
    pub(super) fn reads(&self, text: &Rope, middle: &str) -> Option<usize> {
        let region = text
            .get_slice(self.start..self.end)
            .filter(|_| self.whole)?;
        let wanted = [self.before.as_str(), middle, self.after.as_str()];
        let bytes: usize = wanted.iter().map(|part| part.len()).sum();
        let same = region.len_bytes() == bytes
            && region
                .bytes()
                .eq(wanted.iter().flat_map(|part| part.bytes()));
        same.then(|| self.start + chars(&self.before))
    }

    /// What the region read, with `middle` in its midst.
    pub(super) fn with(&self, middle: &str) -> String {
        format!("{}{middle}{}", self.before, self.after)
    }

    fn cut(&mut self) {
        if self.before.len() > MEMORY_BYTES {
            let from = boundary(&self.before, self.before.len() - MEMORY_BYTES);
            self.before.drain(..from);
            self.whole = false;
        }
        for text in [&mut self.middle, &mut self.after] {
            if text.len() > MEMORY_BYTES {
                text.truncate(boundary(text, MEMORY_BYTES));
                self.whole = false;
            }
        }
    }
}

fn moved(at: usize, span: &Span) -> usize {
    at - (span.end - span.start) + chars(&span.text)
}

/// The first char boundary from a byte offset on.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}
