//! What to say when `old` doesn't stand in the text: that the edit is made already, or the lines most like it.
//!
//! A help, not a search: of large texts, long lines and a long `old` only the beginning is looked at.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::{climb_down, line_number};

/// Lines that a message shows.
const SHOWN: usize = 12;

/// Longest part of a line that a message shows, in chars.
const SHOWN_CHARS: usize = 200;

/// Bytes of the text that are looked at.
const TEXT: usize = 4 << 20;

/// Lines of `old` that are looked for.
const LINES: usize = 200;

/// Lines of `old` that one line of the text may stand for.
const SAME: usize = 4;

/// Bytes of a line whose words are looked at.
const LINE: usize = 1_000;

/// A shorter `new` stands anywhere.
const TELLING: usize = 8;

/// The error for an `old` that was not found.
pub(super) fn miss(text: &str, old: &str, new: &str, count: usize) -> String {
    if let Some(line) = stands_already(text, old, new, count) {
        return format!(
            "`old` was not found, but `new` stands at line {line} already: the edit seems to be made; read the file to be sure"
        );
    }
    let looked_at = head(text, TEXT);
    let lines: Vec<&str> = looked_at.lines().collect();
    let wanted: Vec<&str> = old.lines().take(LINES).collect();
    let Some(start) = by_equal_lines(&lines, &wanted).or_else(|| by_words(&lines, &wanted)) else {
        let whole = looked_at.len() == text.len();
        let place = if whole { "" } else { " in the first 4 MB" };
        return format!("`old` was not found, nor anything like it{place}: read the file again");
    };
    let mut message = "`old` was not found. The nearest lines are:".to_owned();
    let shown = lines
        .iter()
        .enumerate()
        .skip(start)
        .take(wanted.len().clamp(1, SHOWN));
    for (i, line) in shown {
        let line: String = line.chars().take(SHOWN_CHARS).collect();
        // Writing to a String can't fail.
        let _ = write!(message, "\n{:>5} | {line}", i + 1);
    }
    message.push_str("\ncopy `old` from the file as it is");
    message
}

/// The line where `new` stands as often as it should, by the ladder, where that tells anything.
fn stands_already(text: &str, old: &str, new: &str, count: usize) -> Option<usize> {
    if new.trim().len() < TELLING || old.contains(new.trim()) {
        return None;
    }
    let (_, places) = climb_down(text, new, count).ok()??;
    let as_often = !places.more && places.found.len() == count;
    let first = places.found.first().filter(|_| as_often)?;
    Some(line_number(text, first.range.start))
}

fn head(text: &str, most: usize) -> &str {
    let end = text.floor_char_boundary(most);
    text.get(..end).unwrap_or(text)
}

/// Where most lines of `wanted` would fall on equal lines, white space around them aside.
fn by_equal_lines(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, line) in wanted
        .iter()
        .enumerate()
        .filter(|(_, line)| line.trim().len() > 1)
    {
        let same = at.entry(line.trim()).or_default();
        if same.len() < SAME {
            same.push(i);
        }
    }
    let mut votes: HashMap<usize, usize> = HashMap::new();
    for (i, line) in lines.iter().enumerate() {
        for start in at
            .get(line.trim())
            .into_iter()
            .flatten()
            .filter_map(|j| i.checked_sub(*j))
        {
            *votes.entry(start).or_default() += 1;
        }
    }
    votes
        .into_iter()
        .max_by_key(|&(start, n)| (n, usize::MAX - start))
        .map(|(start, _)| start)
}

/// The line that shares most words with the longest line of `wanted`, at least half of them.
fn by_words(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let (offset, longest) = wanted
        .iter()
        .enumerate()
        .max_by_key(|(_, line)| line.len())?;
    let asked: HashSet<&str> = words(longest).collect();
    let shared = |line: &str| {
        let has: HashSet<&str> = words(line).filter(|word| asked.contains(word)).collect();
        has.len()
    };
    let scored = lines.iter().enumerate().map(|(i, line)| (shared(line), i));
    let (best, at) = scored.max_by_key(|&(n, i)| (n, usize::MAX - i))?;
    (best > 0 && best * 2 >= asked.len()).then(|| at.saturating_sub(offset))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    let words = head(line, LINE).split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, old: &str, new: &str) -> String {
        miss(text, old, new, 1)
    }

    #[test]
    fn a_miss_shows_the_nearest_lines() {
        let text = "fn a() {\n    one();\n    two();\n}\n";
        let near = message(text, "    one();\n    three();\n", "x");
        assert!(
            near.contains("    2 |     one();\n    3 |     two();"),
            "{near}"
        );
        let near = message(text, "let y = two(1);", "x");
        assert!(near.contains("`old` was not found"), "{near}");
        assert!(message("", "x", "y").contains("nor anything like it"));
    }

    #[test]
    fn what_is_made_already_is_said_only_where_that_is_clear() {
        let text = "fn a() {\n    one();\n    two(1, 2);\n}\n";
        for new in ["    two(1, 2);", "two(1, 2);  \n", "one();\ntwo(1, 2);\n"] {
            assert!(message(text, "gone", new).contains("already"), "{new:?}");
        }
        // Too short to mean anything; a part of what was to go; at several places; not there.
        for (old, new) in [
            ("gone", "}"),
            ("two(1, 2); gone()", "two(1, 2);"),
            ("gone", "    two(1, 3);"),
        ] {
            assert!(!message(text, old, new).contains("already"), "{new:?}");
        }
        let twice = "two(1, 2);\n".repeat(2);
        assert!(!message(&twice, "gone", "two(1, 2);").contains("already"));
    }

    #[test]
    fn a_large_text_is_looked_at_in_part() {
        let text = "x y z\n".repeat(2 << 20);
        assert!(message(&text, "quite another", "x").contains("in the first 4 MB"));
        let long = "word ".repeat(1 << 20);
        assert!(message(&long, &"word other ".repeat(1 << 18), "x").len() < 1_000);
    }
}
