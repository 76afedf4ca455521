//! Search-and-replace edits: where `old` stands in a text, and what to say when it doesn't.
//!
//! Matching goes exact, line endings normalised, trailing white space, uniform indent; each must be unique
//! (exactly `count` times). No edit distance, no first match, no other file. Only what is replaced changes: every
//! other byte, line endings and white space that `old` left out included, stays what it is.

mod find;
mod hunks;
mod nearest;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use crate::disk::{BOM, MAX_BYTES};
use crate::document::LineEnding;
use crate::lines;
use crate::proposal::Replacement;

pub(crate) use hunks::patch;

use find::{Place, Places, Rung, Shift, TooRepetitive};

/// Edits of one call. Each searches the whole text.
const MOST_EDITS: usize = 1_000;

/// How `old` was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Exact,
    LineEndings,
    TrailingSpace,
    Indent,
}

impl Rule {
    /// For the model; `None` where there is nothing to say.
    pub(crate) fn notice(self) -> Option<&'static str> {
        match self {
            Self::Exact => None,
            Self::LineEndings => Some("matched with line endings normalised"),
            Self::TrailingSpace => Some("matched ignoring trailing white space"),
            Self::Indent => Some("matched with another indent, which was applied to the new lines"),
        }
    }
}

/// Applies edits one after another to `text`. Returns the text with the rule by which each edit matched; or why one did
/// not, and then nothing is changed.
pub(crate) fn replace(text: &str, edits: &[Replacement]) -> Result<(String, Vec<Rule>), String> {
    if edits.is_empty() {
        return Err("no edits were given: give at least one".to_owned());
    }
    few(edits.len())?;
    let mut text = Cow::Borrowed(text);
    let mut rules = Vec::with_capacity(edits.len());
    for (i, edit) in edits.iter().enumerate() {
        let (next, rule) = replace_one(&text, edit).map_err(|reason| match edits.len() {
            1 => reason,
            n => format!(
                "edit {} of {n}: {reason}; none of the edits was made",
                i + 1
            ),
        })?;
        text = Cow::Owned(next);
        rules.push(rule);
    }
    Ok((text.into_owned(), rules))
}

fn few(edits: usize) -> Result<(), String> {
    if edits > MOST_EDITS {
        return Err(format!(
            "more than {MOST_EDITS} edits of one file: send them in several calls"
        ));
    }
    Ok(())
}

fn replace_one(raw: &str, edit: &Replacement) -> Result<(String, Rule), String> {
    let text = Text::new(raw);
    let (old, new) = (text.lf_of(&edit.old), text.lf_of(&edit.new));
    if old.is_empty() {
        return Err("`old` is empty: give the text to be replaced, or use write".to_owned());
    }
    if old == new {
        return Err("`old` and `new` are the same: there is nothing to change".to_owned());
    }
    let wanted = edit.count as usize;
    let Some((rule, places)) = climb_down(&text.lf, &old, wanted)? else {
        return Err(nearest::miss(&text.lf, &old, &new, wanted));
    };
    let Places {
        found,
        more,
        overlap,
    } = &places;
    if *overlap || *more || found.len() != wanted {
        return Err(ambiguous(&text.lf, &places, wanted));
    }
    if rule != Rule::Exact {
        alike(&old, &new, rule)?;
    } else if own_indent(&old) != own_indent(&new)
        && found
            .iter()
            .any(|place| is_in_indent(&text.lf, &old, place))
    {
        return Err(
            "`old` begins in the middle of an indent, and `new` does not begin like it: copy the indent from the file"
                .to_owned(),
        );
    }
    let mut splices = Vec::with_capacity(found.len());
    let mut room = MAX_BYTES as usize;
    for (place, range) in found.iter().zip(text.raw_ranges(found)) {
        let new = text.replacement(place, &range, &old, &new, room)?;
        room = room.saturating_sub(new.len());
        splices.push((range, new));
    }
    let respelt = edit.old.contains("\r\n") || (text.has_crlf() && old.contains('\n'));
    let rule = if rule == Rule::Exact && respelt {
        Rule::LineEndings
    } else {
        rule
    };
    Ok((splice(raw, &splices)?, rule))
}

/// The first rung at which `old` stands anywhere, with all its places.
fn climb_down(text: &str, old: &str, wanted: usize) -> Result<Option<(Rule, Places)>, String> {
    let places = find::exact(text, old, wanted);
    if !places.found.is_empty() {
        return Ok(Some((Rule::Exact, places)));
    }
    // With other white space braces alone stand in many places.
    if !old.contains(char::is_alphanumeric) {
        return Ok(None);
    }
    for (rule, rung) in [
        (Rule::TrailingSpace, Rung::TrailingSpace),
        (Rule::Indent, Rung::Indent),
    ] {
        let places = find::lines(text, old, rung, wanted).map_err(|TooRepetitive| {
            "`old` does not stand there exactly, and the lines repeat themselves too much to look for it with other white \
             space: copy it from the file as it is"
                .to_owned()
        })?;
        if !places.found.is_empty() {
            return Ok(Some((rule, places)));
        }
    }
    Ok(None)
}

/// Below the exact rung lines are whole, and `old` is not what it says: `new` has to be spelt as `old` is.
fn alike(old: &str, new: &str, rule: Rule) -> Result<(), String> {
    if old.ends_with('\n') != (new.is_empty() || new.ends_with('\n')) {
        return Err(
            "`old` was found only with other white space, and one of `old` and `new` ends with a line break: end both with \
             one, or neither"
                .to_owned(),
        );
    }
    if rule == Rule::Indent && !new.trim().is_empty() && common_indent(old) != common_indent(new) {
        return Err(
            "`old` was found only with another indent, and `new` is not indented like `old`: copy the indent from the file"
                .to_owned(),
        );
    }
    Ok(())
}

/// Does `old` begin with white space that more of it stands before?
fn is_in_indent(text: &str, old: &str, place: &Place) -> bool {
    let above = text.get(..place.range.start).unwrap_or_default();
    let before = above.trim_end_matches([' ', '\t']);
    !own_indent(old).is_empty()
        && before.len() < above.len()
        && (before.is_empty() || before.ends_with('\n'))
}

/// The white space that a text begins with, in its line.
fn own_indent(text: &str) -> &str {
    let rest = text.trim_start_matches([' ', '\t']);
    text.get(..text.len() - rest.len()).unwrap_or_default()
}

/// The white space that all lines begin with, blank ones aside.
fn common_indent(text: &str) -> &str {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let first = own_indent(lines.next().unwrap_or_default());
    let shared = |line: &str| {
        first
            .bytes()
            .zip(line.bytes())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let least = lines.map(shared).min().unwrap_or(first.len());
    first.get(..least).unwrap_or_default()
}

fn ambiguous(text: &str, places: &Places, wanted: usize) -> String {
    let n = places.found.len();
    let starts = places.found.iter().map(|place| place.range.start);
    format!(
        "`old` stands at {}{} (lines {}), but count is {wanted}: {}",
        if places.more { "more than " } else { "" },
        if n == 1 {
            "1 place".to_owned()
        } else {
            format!("{n} places")
        },
        line_numbers(text, starts),
        if places.overlap {
            "they overlap, so add lines around it"
        } else if n > wanted {
            "add lines around it until it is unique, or set count"
        } else {
            "correct count, or read the file again"
        }
    )
}

/// 1-based numbers of the lines of some byte offsets, the first ten.
fn line_numbers(text: &str, starts: impl Iterator<Item = usize>) -> String {
    let mut starts = starts.peekable();
    let mut numbers: Vec<String> = starts
        .by_ref()
        .take(10)
        .map(|at| line_number(text, at).to_string())
        .collect();
    if starts.peek().is_some() {
        numbers.push("…".to_owned());
    }
    numbers.join(", ")
}

/// The 1-based number of the line of a byte offset.
fn line_number(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// A text as it is, and as models see it.
struct Text<'a> {
    raw: &'a str,
    /// With every CRLF an LF.
    lf: Cow<'a, str>,
}

impl<'a> Text<'a> {
    fn new(raw: &'a str) -> Self {
        let lf = if raw.contains("\r\n") {
            Cow::Owned(lines::to_lf(raw))
        } else {
            Cow::Borrowed(raw)
        };
        Self { raw, lf }
    }

    fn has_crlf(&self) -> bool {
        matches!(self.lf, Cow::Owned(_))
    }

    /// What a model wrote, as this text would have it. A byte-order mark is no part of texts here.
    fn lf_of(&self, sent: &str) -> String {
        let marked = self.raw.starts_with(BOM);
        let bare = sent.strip_prefix(BOM).filter(|_| !marked);
        lines::to_lf(bare.unwrap_or(sent))
    }

    /// The places of the LF text in the text as it is. They are in order, and none is over another.
    fn raw_ranges(&self, places: &[Place]) -> Vec<Range<usize>> {
        if !self.has_crlf() {
            return places.iter().map(|place| place.range.clone()).collect();
        }
        let breaks = self.raw.match_indices("\r\n").enumerate();
        let mut breaks = breaks.map(|(i, (at, _))| at - i).peekable();
        let mut passed = 0;
        let mut raw = |at: usize| {
            while breaks.next_if(|lf| *lf < at).is_some() {
                passed += 1;
            }
            at + passed
        };
        let range = |place: &Place| raw(place.range.start)..raw(place.range.end);
        places.iter().map(range).collect()
    }

    /// What stands at a place then: lines that `old` and `new` have in common keep their bytes, the others are of `new`
    /// with the indent and the line endings of the place.
    fn replacement(
        &self,
        place: &Place,
        raw: &Range<usize>,
        old: &str,
        new: &str,
        room: usize,
    ) -> Result<String, String> {
        let grown = new.len() + new.matches('\n').count().saturating_add(1) * place.shift.growth();
        if grown > room {
            return Err(too_large());
        }
        let seen = self.lf.get(place.range.clone()).unwrap_or_default();
        let new = if seen == old {
            Cow::Borrowed(new)
        } else {
            Cow::Owned(rewritten(seen, old, new, &place.shift))
        };
        if !self.has_crlf() || !new.contains('\n') {
            return Ok(new.into_owned());
        }
        let seen = lines::split(self.raw.get(raw.clone()).unwrap_or_default());
        let ending = LineEnding::of([self.raw].into_iter());
        Ok(lines::restore_endings(&seen, &new, ending).concat())
    }
}

/// `new` for lines that are not quite those of `old`.
fn rewritten(seen: &str, old: &str, new: &str, shift: &Shift) -> String {
    let (seen, old_lines, new_lines) = (lines::split(seen), bodies(old), bodies(new));
    let ends: Vec<bool> = lines::split(new)
        .iter()
        .map(|line| line.ends_with('\n'))
        .collect();
    let kept = |range: Range<usize>| {
        seen.get(range)
            .unwrap_or_default()
            .iter()
            .map(|line| without_break(line))
    };
    let mut bodies: Vec<Cow<'_, str>> = Vec::with_capacity(new_lines.len());
    let mut at = 0;
    for change in lines::diff(&old_lines, &new_lines) {
        bodies.extend(kept(at..change.before.start).map(Cow::Borrowed));
        for line in new_lines.get(change.after).unwrap_or_default() {
            bodies.push(Cow::Owned(shift.apply(line)));
        }
        at = change.before.end;
    }
    bodies.extend(kept(at..seen.len()).map(Cow::Borrowed));
    let mut text = String::new();
    for (body, end) in bodies.iter().zip(ends) {
        text.push_str(body);
        text.push_str(if end { "\n" } else { "" });
    }
    // The text's last line has no break: it keeps having none.
    let open = old.ends_with('\n') && !seen.last().is_some_and(|line| line.ends_with('\n'));
    if open && text.ends_with('\n') {
        text.pop();
    }
    text
}

fn without_break(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// The lines of a text without their breaks.
fn bodies(text: &str) -> Vec<&str> {
    let lines = text.split_inclusive('\n');
    lines.map(without_break).collect()
}

/// Puts texts in the place of others. The ranges are in order, and none is over another.
fn splice(text: &str, splices: &[(Range<usize>, String)]) -> Result<String, String> {
    let gone: usize = splices.iter().map(|(range, _)| range.len()).sum();
    let come: usize = splices.iter().map(|(_, new)| new.len()).sum();
    let size = text.len().saturating_sub(gone) + come;
    if size > MAX_BYTES as usize {
        return Err(too_large());
    }
    let mut result = String::with_capacity(size);
    let mut at = 0;
    for (range, new) in splices {
        result.push_str(text.get(at..range.start).unwrap_or_default());
        result.push_str(new);
        at = range.end;
    }
    result.push_str(text.get(at..).unwrap_or_default());
    Ok(result)
}

fn too_large() -> String {
    "the text would become larger than 50 MB: nothing was changed".to_owned()
}
