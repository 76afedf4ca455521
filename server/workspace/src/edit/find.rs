//! Where a text stands in another: exactly, or as whole lines by one of the lower rungs of the ladder.
//!
//! Looks only, and never chooses: it is the caller's to refuse what stands at several places. Time is near linear in
//! the length of the text, whatever the two are; memory does not grow with it.

use std::collections::VecDeque;
use std::ops::Range;

use super::without_break;

/// More places than this are not counted.
const MOST: usize = 10;

/// Lines that may be compared are bounded: this many times the length of both texts, in bytes.
const EFFORT: usize = 16;

/// What two lines may differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    Nothing,
    TrailingSpace,
    /// Trailing white space, and one indent that all lines have or lack.
    Indent,
}

/// A place of `old`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// In bytes.
    pub(super) range: Range<usize>,
    pub(super) shift: Shift,
}

/// The places of `old`, in order.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) found: Vec<Place>,
    /// There are more.
    pub(super) more: bool,
    /// Two of them share a part.
    pub(super) overlap: bool,
}

impl Places {
    /// True: that is enough.
    fn push(&mut self, place: Place, wanted: usize) -> bool {
        let last = self.found.last();
        self.overlap |= last.is_some_and(|last| last.range.end > place.range.start);
        let most = if self.overlap { MOST } else { wanted.max(MOST) };
        self.more = self.found.len() >= most;
        if !self.more {
            self.found.push(place);
        }
        self.more
    }
}

/// Every place where `old` stands char by char, overlapping ones too. More than `wanted`, and more than a message
/// shows, are not looked for.
pub(super) fn exact(text: &str, old: &str, wanted: usize) -> Places {
    let mut places = Places::default();
    let mut from = 0;
    let step = old.chars().next().map_or(1, char::len_utf8);
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(old)) {
        let start = from + found;
        let place = Place {
            range: start..start + old.len(),
            shift: Shift::None,
        };
        if places.push(place, wanted) {
            break;
        }
        from = start + step;
    }
    places
}

/// The lines that repeat themselves so much that looking on would take too long.
#[derive(Debug)]
pub(super) struct TooRepetitive;

/// Every run of whole lines that are those of `old`, but for what `rung` lets pass.
pub(super) fn lines(
    text: &str,
    old: &str,
    rung: Rung,
    wanted: usize,
) -> Result<Places, TooRepetitive> {
    let lines: Vec<&str> = without_break(old).split('\n').collect();
    let mut places = Places::default();
    // The longest line tells most. Blank lines match far too much without their exact white space.
    let longest = lines
        .iter()
        .enumerate()
        .rev()
        .max_by_key(|(_, line)| line.trim().len());
    let Some((key, line)) =
        longest.filter(|(_, line)| rung == Rung::Nothing || !line.trim().is_empty())
    else {
        return Ok(places);
    };
    let key_body = rung.bare(line);
    let mut effort = EFFORT * (text.len() + old.len()) + (1 << 20);
    let mut window = Vec::with_capacity(lines.len());
    // Where the line starts that is `key` lines above.
    let mut starts = VecDeque::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        starts.push_back(at);
        at += line.len();
        let Some(&start) = starts.front().filter(|_| starts.len() > key) else {
            continue;
        };
        starts.pop_front();
        if rung.bare(without_break(line)) != key_body {
            continue;
        }
        let Some(body_end) = take(text, start, lines.len(), &mut window) else {
            continue;
        };
        effort = effort
            .checked_sub(body_end - start + lines.len())
            .ok_or(TooRepetitive)?;
        let Some(shift) = rung.fits(&window, &lines) else {
            continue;
        };
        // The text's last line may have no break.
        let end = if old.ends_with('\n') {
            text.len().min(body_end + 1)
        } else {
            body_end
        };
        let place = Place {
            range: start..end,
            shift,
        };
        if places.push(place, wanted) {
            break;
        }
    }
    Ok(places)
}

/// `count` lines from `start` without their breaks, and where the last one ends; `None`: there are fewer.
fn take<'a>(text: &'a str, start: usize, count: usize, window: &mut Vec<&'a str>) -> Option<usize> {
    window.clear();
    let mut end = start;
    for line in text.get(start..)?.split_inclusive('\n').take(count) {
        end += line.len();
        window.push(without_break(line));
    }
    let has_break = text.get(..end)?.ends_with('\n');
    (window.len() == count).then_some(end - usize::from(has_break))
}

impl Rung {
    /// What is left of a line that could be equal.
    fn bare(self, line: &str) -> &str {
        match self {
            Self::Nothing => line,
            Self::TrailingSpace => line.trim_end(),
            Self::Indent => line.trim(),
        }
    }

    fn fits(self, seen: &[&str], wanted: &[&str]) -> Option<Shift> {
        match self {
            Self::Indent => Shift::between(seen, wanted),
            _ => {
                let mut pairs = seen.iter().zip(wanted);
                let same = pairs.all(|(a, b)| self.bare(a) == self.bare(b));
                same.then_some(Shift::None)
            }
        }
    }
}

/// How much deeper the text is indented than `old`, the same for each line that isn't blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    None,
    Deeper(String),
    Shallower(String),
}

impl Shift {
    fn between(seen: &[&str], wanted: &[&str]) -> Option<Self> {
        let mut pairs = seen
            .iter()
            .zip(wanted)
            .map(|(a, b)| (a.trim_end(), b.trim_end()));
        let (a, b) = pairs
            .clone()
            .find(|(a, b)| !a.is_empty() && !b.is_empty())?;
        let white = |text: &&str| text.chars().all(|c| c == ' ' || c == '\t');
        let deeper = a.strip_suffix(b).filter(white);
        let shallower = b.strip_suffix(a).filter(white);
        // Both where the two are the same.
        let by = deeper.or(shallower)?;
        let fits = |(a, b): (&str, &str)| {
            let (outer, inner) = if deeper.is_some() { (a, b) } else { (b, a) };
            (outer.is_empty() && inner.is_empty()) || outer.strip_prefix(by) == Some(inner)
        };
        pairs.all(fits).then(|| match deeper {
            Some(by) => Self::Deeper(by.to_owned()),
            None => Self::Shallower(by.to_owned()),
        })
    }

    /// A new line, without its break, with the text's indent. It begins with what is to be taken off, as those of `old` do.
    pub(super) fn apply(&self, line: &str) -> String {
        match self {
            Self::Deeper(by) if !line.trim().is_empty() => format!("{by}{line}"),
            Self::Shallower(by) => line.strip_prefix(by.as_str()).unwrap_or(line).to_owned(),
            _ => line.to_owned(),
        }
    }

    /// Bytes that a line gets at most.
    pub(super) fn growth(&self) -> usize {
        match self {
            Self::Deeper(by) => by.len(),
            Self::None | Self::Shallower(_) => 0,
        }
    }
}
