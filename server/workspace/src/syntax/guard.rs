//! Texts that break a grammar's scanner, which is C written by hand: they are not parsed.
//!
//! Scanners keep their state in a buffer of 1,024 bytes. Two of them write past its end, or abort the process, when a
//! text makes the state longer than that. What is told here is coarser than what breaks them.

use super::Language;

/// Python: each open indentation takes two bytes.
const MAX_INDENT: usize = 400;
/// Ruby: the length of a heredoc's word has one byte.
const MAX_WORD: usize = 100;
/// Ruby: literals within literals take five bytes each, and are counted without the heredocs beside them.
const MAX_OPEN: usize = 150;

pub(super) fn is_unsafe(language: Language, text: &str) -> bool {
    match language {
        Language::Python => text.lines().any(|line| indent(line) > MAX_INDENT),
        Language::Ruby => is_unsafe_ruby(text),
        _ => false,
    }
}

/// As the scanner counts: a tab is eight.
fn indent(line: &str) -> usize {
    let width = |byte| match byte {
        b' ' => Some(1),
        b'\t' => Some(8),
        // Other white space starts again; counting on is coarser.
        b'\x0c' | b'\r' => Some(0),
        _ => None,
    };
    line.bytes().map_while(width).sum()
}

fn is_unsafe_ruby(text: &str) -> bool {
    let mut heredocs = false;
    for line in text.lines().filter(|line| line.contains("<<")) {
        // What may begin heredocs; `<<` is also an operator.
        let words = line.split("<<").skip(1).map(|rest| {
            let rest = rest.trim_start_matches(['-', '~']);
            let quote = rest.chars().next().filter(|c| "\"'`".contains(*c));
            let word = match quote {
                // A word that goes on in the next line counts as too long.
                Some(quote) => rest.get(1..).and_then(|rest| rest.split_once(quote)),
                None => rest
                    .split_once(|c: char| !c.is_alphanumeric() && c != '_')
                    .or(Some((rest, ""))),
            };
            word.map_or(usize::MAX, |(word, _)| word.len())
        });
        let (mut count, mut longest) = (0, 0);
        for word in words.filter(|word| *word > 0) {
            count += 1;
            longest = longest.max(word);
        }
        if longest > MAX_WORD || count > 4 {
            return true;
        }
        heredocs |= count > 0;
    }
    heredocs && text.matches("#{").count() > MAX_OPEN
}
