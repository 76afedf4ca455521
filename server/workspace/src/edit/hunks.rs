//! The hunks of a patch in a text: each where its lines stand once below its anchors and the hunk before it, by the same
//! ladder as any edit.

use std::ops::Range;

use super::find::{self, Place, Rung, Shift, TooRepetitive};
use super::{Rule, Text, alike, few, line_numbers, nearest, own_indent, splice};
use crate::disk::MAX_BYTES;
use crate::patch::PatchHunk;

/// Places that are looked at before the anchors choose. A hunk that stands more often is ambiguous.
const MANY: usize = 1_000;

/// Applies hunks to `text`, all or none, with the rule by which each matched.
pub(crate) fn patch(text: &str, hunks: &[PatchHunk]) -> Result<(String, Vec<Rule>), String> {
    few(hunks.len())?;
    let text = Text::new(text);
    let (mut places, mut rules) = (Vec::new(), Vec::new());
    let mut from = 0;
    for (i, hunk) in hunks.iter().enumerate() {
        let (rule, place) = place(&text.lf, hunk, from).map_err(|reason| of(i, hunks, &reason))?;
        from = place.range.end;
        places.push(place);
        let respelt = text.has_crlf() && rule == Rule::Exact;
        rules.push(if respelt { Rule::LineEndings } else { rule });
    }
    let mut splices = Vec::with_capacity(hunks.len());
    let mut room = MAX_BYTES as usize;
    for ((place, range), hunk) in places.iter().zip(text.raw_ranges(&places)).zip(hunks) {
        let new = text.replacement(place, &range, &hunk.old, &hunk.new, room)?;
        room = room.saturating_sub(new.len());
        splices.push((range, new));
    }
    Ok((splice(text.raw, &splices)?, rules))
}

fn of(i: usize, hunks: &[PatchHunk], reason: &str) -> String {
    match hunks.len() {
        1 => reason.to_owned(),
        n => format!("hunk {} of {n}: {reason}", i + 1),
    }
}

/// Where a hunk stands, after `from`.
fn place(text: &str, hunk: &PatchHunk, from: usize) -> Result<(Rule, Place), String> {
    if hunk.old.is_empty() {
        return addition(text, hunk).map(|place| (Rule::Exact, place));
    }
    let scope = Scope::new(text, hunk, from)?;
    let rest = text.get(from..).unwrap_or_default();
    for (rule, rung) in [
        (Rule::Exact, Rung::Nothing),
        (Rule::TrailingSpace, Rung::TrailingSpace),
        (Rule::Indent, Rung::Indent),
    ] {
        let found = find::lines(rest, &hunk.old, rung, MANY).map_err(|TooRepetitive| {
            "the lines of the file repeat themselves too much to look for these: copy them from the file as they are"
                .to_owned()
        })?;
        let shifted = found.found.into_iter().map(|place| Place {
            range: place.range.start + from..place.range.end + from,
            ..place
        });
        let fits = |place: &Place| !hunk.at_end || place.range.end == text.len();
        let mut places = scope.choose(shifted.filter(fits).collect());
        match (places.len(), found.more) {
            (0, false) => {}
            (1, false) => {
                if rule != Rule::Exact {
                    alike(&hunk.old, &hunk.new, rule)?;
                }
                return Ok((rule, places.remove(0)));
            }
            (n, _) => {
                let starts = places.iter().map(|place| place.range.start);
                return Err(format!(
                    "its lines stand at {n} places or more (lines {}): give more lines of context, or an `@@` line that stands \
                     above the right one",
                    line_numbers(text, starts)
                ));
            }
        }
    }
    Err(nearest::miss(text, &hunk.old, &hunk.new, 1))
}

/// A hunk without any line to look for.
fn addition(text: &str, hunk: &PatchHunk) -> Result<Place, String> {
    let has_place = text.is_empty() || (hunk.at_end && text.ends_with('\n'));
    if !has_place {
        return Err(
            "it only adds lines, and nothing says where: give lines of context around them"
                .to_owned(),
        );
    }
    Ok(Place {
        range: text.len()..text.len(),
        shift: Shift::None,
    })
}

/// Where a hunk may stand.
struct Scope {
    /// What the last anchor begins; `None`: there is no anchor.
    blocks: Option<Vec<Range<usize>>>,
    /// Not above this.
    from: usize,
}

impl Scope {
    fn new(text: &str, hunk: &PatchHunk, from: usize) -> Result<Self, String> {
        let Some(last) = hunk.anchors.last() else {
            return Ok(Self { blocks: None, from });
        };
        let mut blocks: Vec<Range<usize>> = std::iter::once(from..text.len()).collect();
        for anchor in &hunk.anchors {
            let exact = inside(text, &blocks, |line| line.trim() == anchor);
            blocks = if exact.is_empty() {
                inside(text, &blocks, |line| begins(line.trim(), anchor))
            } else {
                exact
            };
        }
        let first = blocks.first().map(|block| block.start);
        let from = first.ok_or_else(|| {
            format!("there is no line `{last}` after the hunk before: give an `@@` line that stands above, whole")
        })?;
        Ok(Self {
            blocks: Some(blocks),
            from,
        })
    }

    /// Of the places those in a block of the anchor; where none is, those below it.
    fn choose(&self, places: Vec<Place>) -> Vec<Place> {
        let (inner, outer): (Vec<_>, Vec<_>) = places
            .into_iter()
            .filter(|place| place.range.start >= self.from)
            .partition(|place| {
                let blocks = self.blocks.iter().flatten();
                blocks
                    .into_iter()
                    .any(|block| block.contains(&place.range.start))
            });
        if inner.is_empty() { outer } else { inner }
    }
}

fn begins(line: &str, anchor: &str) -> bool {
    let rest = line.strip_prefix(anchor);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// The blocks that lines of these ranges begin.
fn inside(text: &str, ranges: &[Range<usize>], is: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        let mut at = range.start;
        for line in text
            .get(range.clone())
            .unwrap_or_default()
            .split_inclusive('\n')
        {
            // An anchor inside of the block of the same one is a part of that.
            let known = blocks.last().is_some_and(|block| block.contains(&at));
            if !known && is(line) {
                blocks.push(at..block_end(text, at, line));
            }
            at += line.len();
        }
    }
    blocks
}

/// Where the block ends that the line at `start` begins: at the next line that is indented no deeper, but for those that
/// close brackets and open the block.
fn block_end(text: &str, start: usize, first: &str) -> usize {
    let depth = own_indent(first).len();
    let mut at = start + first.len();
    for line in text.get(at..).unwrap_or_default().split_inclusive('\n') {
        let body = line.trim();
        let goes_on = body.starts_with([')', ']', '}', '{']) && body.ends_with(['{', ':', '(']);
        if !body.is_empty() && own_indent(line).len() <= depth && !goes_on {
            return at;
        }
        at += line.len();
    }
    at
}
