//! Where a hunk's lines are while the text around and under them changes.
//!
//! A place fits while the expected text stands at it as whole lines. A change that touches those lines loses it: from
//! then on the region around is followed, together with what it read when the place last fitted. Where the region
//! reads that again (the user undid the change, in whatever steps), the place is what it was. Where the lines stand in
//! it whole and cannot be confused with others, the place fits there meanwhile. Never a guess: what is ambiguous stays
//! lost.

use ropey::Rope;

use super::memory::Memory;
use crate::document::Span;

/// Most regions that are remembered around one place.
const DEPTH: usize = 32;

/// Lines of a text, in chars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    /// False: the lines of the hunk were changed somewhere in here.
    fits: bool,
    /// The regions that were changed, the widest last; only that one's place is up to date.
    memory: Vec<Memory>,
}

impl Place {
    pub(super) fn at(start: usize, end: usize) -> Self {
        Self {
            start,
            end,
            fits: true,
            memory: Vec::new(),
        }
    }

    /// A place that was never found.
    pub(super) fn nowhere() -> Self {
        Self {
            fits: false,
            ..Self::at(0, 0)
        }
    }

    /// The place of a hunk that makes, deletes or moves a file.
    pub(super) fn whole_file(end: usize, fits: bool) -> Self {
        Self {
            fits,
            ..Self::at(0, end)
        }
    }

    pub(super) fn fits(&self) -> bool {
        self.fits
    }

    /// The lines are another hunk's now.
    pub(super) fn displace(&mut self) {
        self.fits = false;
        match self.memory.last() {
            Some(widest) => (self.start, self.end) = (widest.start, widest.end),
            None => self.memory.push(Memory::of_region(self.start, self.end)),
        }
    }

    /// Follows one change of the text. `span` is trimmed: its two sides differ at both ends.
    pub(super) fn follow(&mut self, before: &Rope, span: &Span, after: &Rope, expected: &str) {
        let changed = self.remember(before, span);
        let moved = |at: usize| at - (span.end - span.start) + chars(&span.text);
        if self.fits {
            let touched = if span.start >= self.end {
                span.start == self.end && open_ended(expected)
            } else {
                span.end > self.start || !line_starts(after, moved(self.start))
            };
            // What went from just above an insertion must come back above it.
            let loses_above =
                expected.is_empty() && span.start < self.start && span.end == self.start;
            if (touched || loses_above) && self.memory.is_empty() {
                self.memory
                    .push(Memory::of_place(before, self.start, self.end, span));
            }
            self.fits = !touched;
            if !touched && span.start < self.end {
                (self.start, self.end) = (moved(self.start), moved(self.end));
            }
        }
        if changed || !self.fits {
            self.find_again(after, expected);
        }
    }

    /// Moves the widest region along; true where the change touches it.
    fn remember(&mut self, before: &Rope, span: &Span) -> bool {
        let depth = self.memory.len();
        let Some(widest) = self.memory.last_mut() else {
            return false;
        };
        if !widest.touches(span) {
            widest.shift(span);
            return false;
        }
        if widest.covers(span) || depth == DEPTH || (widest.alone && !self.fits) {
            widest.extend(before, span);
        } else {
            let place = self.fits.then_some((self.start, self.end));
            let wider = widest.around(before, span, place);
            self.memory.push(wider);
        }
        true
    }

    /// Looks for the expected text where the place was lost.
    pub(super) fn find_again(&mut self, text: &Rope, expected: &str) {
        let length = chars(expected);
        self.unwind(text);
        if let Some(start) = self.reads(text, expected) {
            *self = Self::at(start, start + length);
        } else if let (false, Some(widest)) = (self.fits, self.memory.last()) {
            let found = self.search(text, expected);
            (self.start, self.end) =
                found.map_or((widest.start, widest.end), |start| (start, start + length));
            self.fits = found.is_some();
        }
    }

    /// Goes back to before the widest regions were changed, where they read as they did then.
    fn unwind(&mut self, text: &Rope) {
        while let [.., narrower, wider] = self.memory.as_mut_slice() {
            let Some(start) = wider.reads(text, &wider.middle) else {
                return;
            };
            (narrower.start, narrower.end) = (start, start + chars(&wider.middle));
            narrower.alone = false;
            self.fits = wider.place.is_some();
            (self.start, self.end) = wider
                .place
                .map_or((narrower.start, narrower.end), |(from, to)| {
                    (start + from, start + to)
                });
            self.memory.pop();
        }
    }

    /// Where `middle` starts, if all that was changed reads as it once did, with `middle` for the hunk's lines.
    pub(super) fn reads(&self, text: &Rope, middle: &str) -> Option<usize> {
        let [memory] = self.memory.as_slice() else {
            return None;
        };
        memory
            .reads(text, middle)
            .filter(|start| whole_at(text, *start, middle))
    }

    /// Where the expected lines stand in the region, alone or with the lines next to them, unique before and now.
    fn search(&self, text: &Rope, expected: &str) -> Option<usize> {
        let [first, wider @ ..] = self.memory.as_slice() else {
            return None;
        };
        let widest = wider.last().unwrap_or(first);
        let start = text.line_to_char(text.char_to_line(widest.start));
        let end = widest.end;
        let end = if line_starts(text, end) {
            end
        } else {
            next_line(text, end)
        };
        let now = slice(text, start, end);
        let then = first.with(expected);
        let later: Vec<String> = wider
            .iter()
            .map(|region| region.with(&region.middle))
            .collect();
        let unique = |wanted: &str| {
            let known = tells(wanted)
                && whole_lines(&then, wanted, true).count() == 1
                && later
                    .iter()
                    .all(|text| whole_lines(text, wanted, true).next().is_none());
            let mut found = whole_lines(&now, wanted, end == text.len_chars()).filter(|_| known);
            found.next().filter(|_| found.next().is_none())
        };
        let alone = if expected.is_empty() {
            None
        } else {
            unique(expected)
        };
        let byte = alone.or_else(|| {
            let (above, below) = (last_line(&first.before), first_line(&first.after));
            if above.is_empty() || below.is_empty() {
                return None;
            }
            unique(&format!("{above}{expected}{below}")).map(|at| at + above.len())
        })?;
        let start = start + chars(now.get(..byte)?);
        (start >= widest.start && start + chars(expected) <= widest.end).then_some(start)
    }
}

/// The same change without what its two sides have in common at the ends; `None` where nothing changes.
pub(super) fn trimmed(before: &Rope, span: &Span) -> Option<Span> {
    if span.start == span.end {
        return (!span.text.is_empty()).then(|| span.clone());
    }
    let removed = before.slice(span.start..span.end);
    let prefix = removed
        .chars()
        .zip(span.text.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let length = chars(&span.text);
    let rest = removed.len_chars().min(length) - prefix;
    let mut backwards = removed.chars_at(removed.len_chars());
    let suffix = span
        .text
        .chars()
        .rev()
        .take(rest)
        .take_while(|c| backwards.prev() == Some(*c))
        .count();
    let text: String = span
        .text
        .chars()
        .skip(prefix)
        .take(length - prefix - suffix)
        .collect();
    let (start, end) = (span.start + prefix, span.end - suffix);
    (start < end || !text.is_empty()).then(|| Span {
        start,
        end,
        text: text.into(),
    })
}

/// The text after a change.
pub(super) fn applied(before: &Rope, span: &Span) -> Rope {
    if span.start == 0 && span.end == before.len_chars() {
        return Rope::from_str(&span.text);
    }
    let mut after = before.clone();
    after.remove(span.start..span.end);
    after.insert(span.start, &span.text);
    after
}

/// Is this the first char of a line?
pub(super) fn line_starts(text: &Rope, at: usize) -> bool {
    at == 0 || text.get_char(at - 1) == Some('\n')
}

/// Are these whole lines, where they begin at `start`? A last line without a break goes up to the end of the text.
pub(super) fn whole_at(text: &Rope, start: usize, lines: &str) -> bool {
    line_starts(text, start) && (!open_ended(lines) || start + chars(lines) == text.len_chars())
}

pub(super) fn slice(text: &Rope, start: usize, end: usize) -> String {
    text.get_slice(start..end)
        .map_or_else(String::new, String::from)
}

pub(super) fn next_line(text: &Rope, at: usize) -> usize {
    text.line_to_char((text.char_to_line(at) + 1).min(text.len_lines()))
}

pub(super) fn chars(text: &str) -> usize {
    text.chars().count()
}

/// A last line without a break: what is typed right after it changes it.
pub(super) fn open_ended(expected: &str) -> bool {
    !expected.is_empty() && !expected.ends_with('\n')
}

fn first_line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

fn last_line(text: &str) -> &str {
    text.split_inclusive('\n').next_back().unwrap_or_default()
}

/// Lines with no word in them (a brace, a blank) are too alike to know one by its text.
fn tells(lines: &str) -> bool {
    lines
        .chars()
        .filter(|c| c.is_alphanumeric())
        .nth(2)
        .is_some()
}

/// The place of lines that stand in a text once and can't be confused with others.
pub(super) fn only_place(text: &Rope, wanted: &str) -> Option<Place> {
    let whole = text.to_string();
    let mut found = whole_lines(&whole, wanted, true).filter(|_| tells(wanted));
    let byte = found.next().filter(|_| found.next().is_none())?;
    let start = text.byte_to_char(byte);
    Some(Place::at(start, start + chars(wanted)))
}

/// The bytes at which `wanted` stands in `text` as whole lines, overlapping places too. `at_end`: the end of `text` is
/// the end of a line, too.
fn whole_lines<'a>(
    text: &'a str,
    wanted: &'a str,
    at_end: bool,
) -> impl Iterator<Item = usize> + 'a {
    let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(breaks).filter(move |at| {
        let rest = text.get(*at..).and_then(|rest| rest.strip_prefix(wanted));
        rest.is_some_and(|rest| wanted.ends_with('\n') || (at_end && rest.is_empty()))
    })
}
