//! Where a hunk's lines are while the text around and under them changes.
//!
//! A place fits while the expected text stands at it as whole lines. A change that touches those lines loses it: from
//! then on a region is followed, together with what it read when the place last fitted. Where the region reads that
//! again (the user undid the change, in whatever steps), or where the lines stand in it whole and cannot be confused
//! with others, the place fits again. Never a guess: what is ambiguous stays lost.

use ropey::Rope;

use crate::document::Span;

/// Longest text on either side of a lost place that is remembered, in bytes.
const FRAME_BYTES: usize = 64 * 1024;

/// A region of a text, in chars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    /// `None`: the expected text stands here. Else the lines of the hunk were changed somewhere in here.
    pub(super) lost: Option<Frame>,
}

/// What stood around the expected text in the region of a lost place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    before: String,
    after: String,
    /// False where a side was cut to its nearest part.
    whole: bool,
}

impl Place {
    pub(super) fn at(start: usize, end: usize) -> Self {
        Self {
            start,
            end,
            lost: None,
        }
    }

    /// A place that was never found.
    pub(super) fn nowhere() -> Self {
        let frame = Frame {
            before: String::new(),
            after: String::new(),
            whole: false,
        };
        Self {
            start: 0,
            end: 0,
            lost: Some(frame),
        }
    }

    /// The place of a hunk that makes, deletes or moves a file.
    pub(super) fn whole_file(end: usize, fits: bool) -> Self {
        if fits {
            Self::at(0, end)
        } else {
            Self {
                start: 0,
                end,
                ..Self::nowhere()
            }
        }
    }

    pub(super) fn fits(&self) -> bool {
        self.lost.is_none()
    }

    /// Follows one change of the text. `span` is trimmed: its two sides differ at both ends.
    pub(super) fn follow(&mut self, before: &Rope, span: &Span, after: &Rope, expected: &str) {
        let inserted = span.text.chars().count();
        let moved = |at: usize| at - (span.end - span.start) + inserted;
        let touching = match &self.lost {
            None if span.start >= self.end => span.start == self.end && open_ended(expected),
            None if span.end <= self.start => !line_starts(after, moved(self.start)),
            None => true,
            // A lost place takes in what touches its edges: it may be what was taken away.
            Some(_) => span.start <= self.end && span.end >= self.start,
        };
        if touching {
            self.lose(before, span);
            self.end = moved(self.end);
            self.find_again(after, expected);
        } else if span.start < self.end && span.end <= self.start {
            self.start = moved(self.start);
            self.end = moved(self.end);
        }
    }

    /// Grows over the span (over whole lines at first) and remembers what is there before it changes.
    fn lose(&mut self, before: &Rope, span: &Span) {
        let (mut start, mut end) = (self.start.min(span.start), self.end.max(span.end));
        if self.lost.is_none() {
            start = before.line_to_char(before.char_to_line(start));
            end = if line_starts(before, end) && end > start {
                end
            } else {
                next_line(before, end)
            };
        }
        let frame = self.lost.get_or_insert_with(|| Frame {
            before: String::new(),
            after: String::new(),
            whole: true,
        });
        frame
            .before
            .insert_str(0, &slice(before, start, self.start));
        frame.after.push_str(&slice(before, self.end, end));
        frame.cut();
        (self.start, self.end) = (start, end);
    }

    fn find_again(&mut self, text: &Rope, expected: &str) {
        if let Some(start) = self
            .reads(text, expected)
            .or_else(|| self.search(text, expected))
        {
            *self = Self::at(start, start + expected.chars().count());
        }
    }

    /// Where `middle` starts, if the region of this lost place reads as it once did with `middle` for the hunk's lines.
    pub(super) fn reads(&self, text: &Rope, middle: &str) -> Option<usize> {
        let frame = self.lost.as_ref().filter(|frame| frame.whole)?;
        let region = text.get_slice(self.start..self.end)?;
        let wanted = [frame.before.as_str(), middle, frame.after.as_str()];
        let bytes: usize = wanted.iter().map(|part| part.len()).sum();
        if region.len_bytes() != bytes || !line_starts(text, self.start + chars(&frame.before)) {
            return None;
        }
        let same = region
            .bytes()
            .eq(wanted.iter().flat_map(|part| part.bytes()));
        same.then(|| self.start + chars(&frame.before))
    }

    /// Where the expected lines stand in the region, alone or with the lines next to them, unique before and now.
    fn search(&self, text: &Rope, expected: &str) -> Option<usize> {
        let frame = self.lost.as_ref()?;
        let (line_above, line_below) = (last_line(&frame.before), first_line(&frame.after));
        let start = text.line_to_char(text.char_to_line(self.start));
        let end = if line_starts(text, self.end) {
            self.end
        } else {
            next_line(text, self.end)
        };
        let now = slice(text, start, end);
        let at_end = end == text.len_chars();
        let then = format!("{}{expected}{}", frame.before, frame.after);
        let unique = |wanted: &str| {
            tells(wanted)
                .then(|| {
                    only_lines(&then, wanted, true).and_then(|_| only_lines(&now, wanted, at_end))
                })
                .flatten()
        };
        let byte = if expected.is_empty() {
            None
        } else {
            unique(expected)
        }
        .or_else(|| {
            if line_above.is_empty() || line_below.is_empty() {
                return None;
            }
            unique(&format!("{line_above}{expected}{line_below}")).map(|at| at + line_above.len())
        })?;
        Some(start + chars(now.get(..byte)?))
    }
}

impl Frame {
    fn cut(&mut self) {
        if self.before.len() > FRAME_BYTES {
            let from = boundary(&self.before, self.before.len() - FRAME_BYTES);
            self.before.drain(..from);
            self.whole = false;
        }
        if self.after.len() > FRAME_BYTES {
            let to = boundary(&self.after, FRAME_BYTES);
            self.after.truncate(to);
            self.whole = false;
        }
    }
}

/// The first char boundary from a byte offset on.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
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

pub(super) fn slice(text: &Rope, start: usize, end: usize) -> String {
    text.get_slice(start..end)
        .map_or_else(String::new, String::from)
}

fn next_line(text: &Rope, at: usize) -> usize {
    text.line_to_char((text.char_to_line(at) + 1).min(text.len_lines()))
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

/// A last line without a break: what is typed right after it changes it.
fn open_ended(expected: &str) -> bool {
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

/// The byte at which `wanted` stands in `text` as whole lines, if it does exactly once. `at_end`: the end of `text` is
/// the end of a line, too.
fn only_lines(text: &str, wanted: &str, at_end: bool) -> Option<usize> {
    let whole = |at: &usize| {
        let ends = wanted.ends_with('\n') || (at_end && at + wanted.len() == text.len());
        ends && (*at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n'))
    };
    let mut places = text.match_indices(wanted).map(|(at, _)| at).filter(whole);
    let first = places.next()?;
    places.next().is_none().then_some(first)
}
