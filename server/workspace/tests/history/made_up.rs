//! A history that nobody wrote: blocks of lines that are much alike, of which some change.

use crate::alter::Random;
use crate::cases::{self, Case};

const WORDS: [&str; 12] = [
    "let", "value", "=", "read(", "path)", "?;", "if", "none", "{", "}", "return", "// why",
];

/// Cases with at least `wanted` edits.
pub(crate) fn cases(wanted: usize, random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    while cases::count(&cases) < wanted {
        let ending = ["\n", "\r\n"][random.below(4) / 3];
        let mut lines: Vec<String> = (0..20 + random.below(400)).map(|_| line(random)).collect();
        let before = lines.join(ending);
        for _ in 0..=random.below(6) {
            change(&mut lines, random);
        }
        let last = ["", ending][random.below(3).min(1)];
        let (before, after) = (before + last, lines.join(ending) + last);
        cases.extend(Case::new("made_up.rs", &before, &after));
    }
    cases
}

fn line(random: &mut Random) -> String {
    let indent = ["", "    ", "        ", "\t"][random.below(4)];
    let words: Vec<&str> = (0..random.below(5))
        .map(|_| WORDS[random.below(WORDS.len())])
        .collect();
    if words.is_empty() {
        String::new()
    } else {
        format!("{indent}{} {}", words.join(" "), random.below(10_000))
    }
}

fn change(lines: &mut Vec<String>, random: &mut Random) {
    let at = random.below(lines.len());
    let gone = random.below(4).min(lines.len() - at);
    let come: Vec<String> = (0..random.below(4)).map(|_| line(random)).collect();
    lines.splice(at..at + gone, come);
}
