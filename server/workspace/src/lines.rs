//! Texts as lines: splitting, line diffs, and which line ending a new line gets.
//!
//! A line has its break at its end; only LF (with a CR before it) is a break. The last line may have none.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use crate::document::LineEnding;

/// Unchanged lines that the differ gets to see around a change, so that it can move it to a natural place.
const CONTEXT: usize = 8;

/// Lines that became other lines, by their numbers before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LineChange {
    pub(crate) before: Range<usize>,
    pub(crate) after: Range<usize>,
}

/// The lines of a text, each with its break.
pub(crate) fn split(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The text as models see it: CRLF is LF.
pub(crate) fn to_lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// A line without its break.
pub(crate) fn body(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// The changes from one list of lines to another, in order; between two of them is at least one unchanged line.
pub(crate) fn diff(before: &[&str], after: &[&str]) -> Vec<LineChange> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let prefix = before.iter().zip(after).take_while(same).count();
    if prefix == before.len() && prefix == after.len() {
        return Vec::new();
    }
    let rest = before.len().min(after.len()) - prefix;
    let suffix = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take(rest)
        .take_while(same)
        .count();
    let (head, tail) = (
        prefix.saturating_sub(CONTEXT),
        suffix.saturating_sub(CONTEXT),
    );
    let middle = |lines: &[&'_ str]| head..lines.len() - tail;
    let mut input = InternedInput::default();
    input.update_before(
        before
            .get(middle(before))
            .unwrap_or_default()
            .iter()
            .copied(),
    );
    input.update_after(after.get(middle(after)).unwrap_or_default().iter().copied());
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let shifted = |range: Range<u32>| range.start as usize + head..range.end as usize + head;
    diff.hunks()
        .map(|hunk| LineChange {
            before: shifted(hunk.before),
            after: shifted(hunk.after),
        })
        .collect()
}

/// What became of a text that two changed at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// Our text with their changes, but for those in conflict.
    pub(crate) text: String,
    pub(crate) conflicts: Vec<Clash>,
}

/// Lines that both changed, differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clash {
    /// Lines of the text that both began with.
    pub(crate) base: Range<usize>,
    /// Lines of our text.
    pub(crate) ours: Range<usize>,
    /// Lines of theirs.
    pub(crate) theirs: Range<usize>,
}

/// Brings the changes from `base` to `theirs` into `ours`. Where both changed the same lines, or put something at the
/// same place, ours stays.
pub(crate) fn merge(base: &[&str], ours: &[&str], theirs: &[&str]) -> Merged {
    let (own, other) = (diff(base, ours), diff(base, theirs));
    let (mut own, mut other) = (own.iter().peekable(), other.iter().peekable());
    let mut merged = Merged::default();
    // How far a line of either is from the same line of the base.
    let (mut own_shift, mut other_shift) = (0_isize, 0_isize);
    let mut done = 0;
    loop {
        let next = [own.peek(), other.peek()].into_iter().flatten();
        let Some(start) = next.map(|change| change.before.start).min() else {
            break;
        };
        let mut lines = start..start;
        let (own_start, other_start) = (shifted(start, own_shift), shifted(start, other_shift));
        let (mut by_us, mut by_them) = (false, false);
        loop {
            let is_first = !by_us && !by_them;
            let joins = |change: &&LineChange| {
                if is_first {
                    change.before.start == start
                } else {
                    touch(&lines, &change.before)
                }
            };
            if let Some(change) = own.next_if(joins) {
                (by_us, own_shift) = (true, own_shift + growth(change));
                lines.end = lines.end.max(change.before.end);
            } else if let Some(change) = other.next_if(joins) {
                (by_them, other_shift) = (true, other_shift + growth(change));
                lines.end = lines.end.max(change.before.end);
            } else {
                break;
            }
        }
        let clash = Clash {
            ours: own_start..shifted(lines.end, own_shift),
            theirs: other_start..shifted(lines.end, other_shift),
            base: lines,
        };
        push_lines(&mut merged.text, ours, done..clash.ours.start);
        let (mine, yours) = (
            ours.get(clash.ours.clone()),
            theirs.get(clash.theirs.clone()),
        );
        let taken = if by_us { mine } else { yours };
        merged
            .text
            .extend(taken.unwrap_or_default().iter().copied());
        done = clash.ours.end;
        if by_us && by_them && mine != yours {
            merged.conflicts.push(clash);
        }
    }
    push_lines(&mut merged.text, ours, done..ours.len());
    merged
}

fn growth(change: &LineChange) -> isize {
    change.after.len().cast_signed() - change.before.len().cast_signed()
}

fn shifted(line: usize, by: isize) -> usize {
    line.saturating_add_signed(by)
}

fn push_lines(text: &mut String, lines: &[&str], range: Range<usize>) {
    text.extend(lines.get(range).unwrap_or_default().iter().copied());
}

/// Do two changes share lines, or meet where one is empty, so that nobody could tell which comes first?
fn touch(a: &Range<usize>, b: &Range<usize>) -> bool {
    if a.is_empty() || b.is_empty() {
        a.start <= b.end && b.start <= a.end
    } else {
        a.start < b.end && b.start < a.end
    }
}

/// The break of a line as it stands; `None` for a last line without one.
fn ending(line: &str) -> Option<LineEnding> {
    line.strip_suffix('\n').map(|line| {
        if line.ends_with('\r') {
            LineEnding::Crlf
        } else {
            LineEnding::Lf
        }
    })
}

/// Gives `target` (LF) the line endings of `seen`, the text that it was made from: an unchanged line keeps its own,
/// a replaced one hands its own down, a further one takes that of the line replaced last, an inserted one `new`.
pub(crate) fn restore_endings(seen: &[&str], target: &str, new: LineEnding) -> Vec<String> {
    let normal: Vec<String> = seen.iter().map(|line| to_lf(line)).collect();
    let normal: Vec<&str> = normal.iter().map(String::as_str).collect();
    let target = split(target);
    let mut lines = Vec::with_capacity(target.len());
    let mut at = 0;
    let keep = |lines: &mut Vec<String>, range: Range<usize>| {
        lines.extend(
            seen.get(range)
                .unwrap_or_default()
                .iter()
                .map(|line| (*line).to_owned()),
        );
    };
    for change in diff(&normal, &target) {
        keep(&mut lines, at..change.before.start);
        let replaced = seen.get(change.before.clone()).unwrap_or_default();
        let last = replaced
            .iter()
            .rev()
            .find_map(|line| ending(line))
            .unwrap_or(new);
        for (i, line) in target
            .get(change.after)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let own = replaced
                .get(i)
                .and_then(|line| ending(line))
                .unwrap_or(last);
            lines.push(with_ending(line, own));
        }
        at = change.before.end;
    }
    keep(&mut lines, at..seen.len());
    lines
}

fn with_ending(line: &str, ending: LineEnding) -> String {
    match line.strip_suffix('\n') {
        Some(body) => format!("{body}{}", ending.as_str()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(seen: &str, target: &str) -> String {
        restore_endings(&split(seen), target, LineEnding::of([seen].into_iter())).concat()
    }

    #[test]
    fn endings_stay_with_their_lines() {
        assert_eq!(restored("a\r\nb\nc\r\n", "a\nB\nc\n"), "a\r\nB\nc\r\n");
        assert_eq!(restored("a\r\nb\r\n", "a\nx\nb\n"), "a\r\nx\r\nb\r\n");
        assert_eq!(
            restored("a\r\nb\nc\n", "A\nA2\nb\nc\n"),
            "A\r\nA2\r\nb\nc\n"
        );
        assert_eq!(restored("a\r\nb", "a\nB"), "a\r\nB");
        assert_eq!(restored("a\r\nb", "a\nb\nc"), "a\r\nb\r\nc");
        assert_eq!(restored("", "a\nb"), "a\nb");
    }

    #[test]
    fn changes_of_two_are_brought_together() {
        let merged = |base: &str, ours: &str, theirs: &str| {
            let merged = merge(&split(base), &split(ours), &split(theirs));
            (merged.text, merged.conflicts)
        };
        let base = "1\n2\n3\n4\n5\n6\n";
        assert_eq!(
            merged(base, "0\n1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nfive\n6\n7\n"),
            ("0\n1\n2\n3\n4\nfive\n6\n7\n".to_owned(), vec![])
        );
        assert_eq!(
            merged(base, "1\ntwo\n3\n4\n5\n6\n", "1\ntwo\n3\n5\n6\n"),
            ("1\ntwo\n3\n5\n6\n".to_owned(), vec![])
        );
        let (text, conflicts) = merged(base, "1\nours\n4\n5\n6\n", "1\n2\ntheirs\nmore\n4\n6\n");
        assert_eq!(text, "1\nours\n4\n6\n");
        let clash = Clash {
            base: 1..3,
            ours: 1..2,
            theirs: 1..4,
        };
        assert_eq!(conflicts, [clash]);
        assert_eq!(merged("", "a\n", "b\n").1.len(), 1);
        assert_eq!(merged("x\n", "x\n", ""), (String::new(), vec![]));
    }

    #[test]
    fn a_diff_names_the_changed_lines() {
        let (before, after) = (split("a\nb\nc\nd"), split("a\nX\nc\nd\n"));
        let want = [
            LineChange {
                before: 1..2,
                after: 1..2,
            },
            LineChange {
                before: 3..4,
                after: 3..4,
            },
        ];
        assert_eq!(diff(&before, &after), want);
        assert!(diff(&before, &before).is_empty());
        assert_eq!(
            diff(&[], &["x"]),
            [LineChange {
                before: 0..0,
                after: 0..1
            }]
        );
    }
}
