//! Symbols of the languages that are read line by line: Markdown's headings and YAML's keys.

use super::extract::Declared;
use super::kind::Kind;
use crate::document::count;
use crate::syntax::Language;

/// Symbols of one file.
const SYMBOLS: usize = 1_000;

/// The symbols of a text.
pub(super) fn symbols(language: Language, text: &str) -> Vec<Declared<'_>> {
    match language {
        Language::Markdown => headings(text),
        Language::Yaml => keys(text),
        _ => Vec::new(),
    }
}

/// Headings outside of fenced code: `# a`, and lines that are underlined.
fn headings(text: &str) -> Vec<Declared<'_>> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    let mut above = "";
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        let marks = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark));
        match (fence, marks) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                if let Some(name) = heading(line) {
                    found.push(declared(line, name, Kind::Heading, number, ""));
                } else if is_underline(trimmed) && is_paragraph(above) {
                    found.push(declared(above, above.trim(), Kind::Heading, number - 1, ""));
                }
            }
            _ => {}
        }
        above = if fence.is_none() { line } else { "" };
        if found.len() >= SYMBOLS {
            break;
        }
    }
    found
}

fn heading(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    let name = rest
        .strip_prefix([' ', '\t'])?
        .trim()
        .trim_end_matches('#')
        .trim_end();
    ((1..=6).contains(&level) && is_short(name)).then_some(name)
}

fn is_underline(line: &str) -> bool {
    line.len() >= 2 && (line.bytes().all(|b| b == b'=') || line.bytes().all(|b| b == b'-'))
}

/// A line that an underline makes a heading of.
fn is_paragraph(line: &str) -> bool {
    let marks = ['#', '>', '-', '*', '|', '`', ' ', '\t'];
    is_short(line.trim()) && !line.starts_with(marks)
}

/// Keys of the two outer levels of mappings in block style.
fn keys(text: &str) -> Vec<Declared<'_>> {
    let mut found = Vec::new();
    // The outer key, and how far the inner ones are indented.
    let (mut outer, mut inner) = ("", None);
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let Some(name) = key(line.trim()) else {
            continue;
        };
        if indent == 0 {
            found.push(declared(line, name, Kind::Key, number, ""));
            (outer, inner) = (name, None);
        } else if *inner.get_or_insert(indent) == indent {
            found.push(declared(line, name, Kind::Key, number, outer));
        }
        if found.len() >= SYMBOLS {
            break;
        }
    }
    found
}

fn key(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once(':')?;
    let name = name.trim_end().trim_matches(['"', '\'']);
    let is_plain = !name.starts_with(['-', '#', '{', '[', '&', '*', '!', '?', '|', '>', '%']);
    let ends = rest.is_empty() || rest.starts_with([' ', '\t']);
    (ends && is_plain && is_short(name)).then_some(name)
}

fn is_short(name: &str) -> bool {
    (1..=100).contains(&name.len())
}

/// `name` is a part of `line`.
fn declared<'t>(
    line: &'t str,
    name: &'t str,
    kind: Kind,
    number: usize,
    container: &'t str,
) -> Declared<'t> {
    let before = line.split_once(name).map_or("", |(before, _)| before);
    Declared {
        name,
        kind,
        line: count(number),
        column: count(before.encode_utf16().count()),
        container,
    }
}
