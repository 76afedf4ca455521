//! What to say when `old` doesn't stand in the text: that the edit is made already, or the lines most like it.

use std::collections::HashMap;
use std::fmt::Write as _;

/// Lines that a message shows.
const SHOWN: usize = 12;

/// Longest part of a line that a message shows, in chars.
const SHOWN_CHARS: usize = 200;

/// The error for an `old` that was not found.
pub(super) fn miss(text: &str, old: &str, new: &str) -> String {
    if !new.trim().is_empty()
        && let Some(at) = text.find(new)
    {
        let line = text
            .as_bytes()
            .iter()
            .take(at)
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        return format!(
            "`old` was not found, but `new` stands at line {line} already: the edit seems to be made; read the file to be sure"
        );
    }
    let lines: Vec<&str> = text.lines().collect();
    let wanted: Vec<&str> = old.lines().collect();
    let Some(start) = by_equal_lines(&lines, &wanted).or_else(|| by_words(&lines, &wanted)) else {
        return "`old` was not found, nor anything like it: read the file again".to_owned();
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

/// Where most lines of `wanted` would fall on equal lines, white space around them aside.
fn by_equal_lines(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let mut at: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, line) in wanted
        .iter()
        .enumerate()
        .filter(|(_, line)| line.trim().len() > 1)
    {
        at.entry(line.trim()).or_default().push(i);
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
    let words = |line: &str| -> Vec<String> {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let asked = words(longest);
    let shared = |line: &str| {
        let has = words(line);
        asked.iter().filter(|word| has.contains(word)).count()
    };
    let scored = lines.iter().enumerate().map(|(i, line)| (shared(line), i));
    let (best, at) = scored.max_by_key(|&(n, i)| (n, usize::MAX - i))?;
    (best > 0 && best * 2 >= asked.len()).then(|| at.saturating_sub(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_helps() {
        let text = "fn a() {\n    one();\n    two();\n}\n";
        let message = miss(text, "    one();\n    three();\n", "x");
        assert!(
            message.contains("    2 |     one();\n    3 |     two();"),
            "{message}"
        );
        let message = miss(text, "let y = two(1);", "x");
        assert!(message.contains("`old` was not found"), "{message}");
        assert!(miss(text, "gone", "    two();").contains("line 3 already"));
        assert!(miss("", "x", "y").contains("nor anything like it"));
    }
}
