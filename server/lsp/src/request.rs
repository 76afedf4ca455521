//! The words of requests: what the model is asked when the user picks an action.

use std::fmt::Write as _;

use interline_workspace::editor::{Diagnostic, Severity};
use interline_workspace::path::WorkspacePath;
use lsp_types::Range;

/// Instruction of "Document with Interline".
pub(crate) const DOCUMENT: &str = "Write documentation comments in the form that is usual for the language and this project. Change no code.";
/// Instruction of "Write tests with Interline".
pub(crate) const TESTS: &str = "Write tests for this code, where this project keeps its tests and in its style. Don't change the code itself.";
/// Instruction of "Simplify with Interline".
pub(crate) const SIMPLIFY: &str = "Simplify this code without changing what it does.";

/// Longest title, in characters.
const MAX_TITLE: usize = 60;

/// A few words for lists and progress.
pub(crate) fn title(text: &str) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim();
    let mut title: String = line
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_TITLE)
        .collect();
    if line.chars().count() > MAX_TITLE {
        title.push('…');
    }
    title
}

pub(crate) fn edit(path: &WorkspacePath, range: Option<Range>, instruction: &str) -> String {
    match range {
        Some(range) => format!("Edit {path} {}: {instruction}", lines(range)),
        None => format!("Edit {path}: {instruction}"),
    }
}

pub(crate) fn fix(path: &WorkspacePath, diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => format!("Fix the problems in {path}."),
        [one] => format!("Fix this problem in {path}:\n{}", line(one)),
        all => format!("Fix these problems in {path}:\n{}", list(all)),
    }
}

pub(crate) fn explain(
    path: &WorkspacePath,
    range: Option<Range>,
    diagnostics: &[Diagnostic],
) -> String {
    match (diagnostics, range) {
        ([], Some(range)) => format!("Explain {path} {}. Change nothing.", lines(range)),
        ([], None) => format!("Explain {path}. Change nothing."),
        ([one], _) => format!(
            "Explain this problem in {path}. Change nothing.\n{}",
            line(one)
        ),
        (all, _) => format!(
            "Explain these problems in {path}. Change nothing.\n{}",
            list(all)
        ),
    }
}

pub(crate) fn comment(path: &WorkspacePath, line: u32, text: &str) -> String {
    format!(
        "Do what this comment at {path}:{} says, and remove the comment line:\n{text}",
        line.saturating_add(1)
    )
}

/// 1-based, as people count. A range that ends at the start of a line does not mean that line.
fn lines(range: Range) -> String {
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let (first, last) = (
        range.start.line.saturating_add(1),
        range.end.line.saturating_add(u32::from(!ends_before)),
    );
    if first >= last {
        format!("line {first}")
    } else {
        format!("lines {first}–{last}")
    }
}

fn list(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `PATH:LINE:COL: SEVERITY[CODE]: MESSAGE`, as the `diagnostics` tool writes it: the built-in model reads it.
fn line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
        Severity::Hint => "hint",
    };
    let start = diagnostic.range.start;
    let (line, column) = (
        start.line.saturating_add(1),
        start.character.saturating_add(1),
    );
    let mut text = format!("{}:{line}:{column}: {severity}", diagnostic.path);
    if let Some(code) = &diagnostic.code {
        // Writing to a String can't fail.
        let _ = write!(text, "[{code}]");
    }
    let _ = write!(text, ": {}", diagnostic.message.replace('\n', "\n    "));
    text
}

#[cfg(test)]
mod tests {
    use lsp_types::Position;

    use super::*;

    #[test]
    fn lines_are_as_people_count() {
        let of = |a, b, end| lines(Range::new(Position::new(a, 0), Position::new(b, end)));
        assert_eq!(of(0, 0, 5), "line 1");
        assert_eq!(of(0, 1, 0), "line 1");
        assert_eq!(of(1, 3, 2), "lines 2–4");
        assert_eq!(of(1, 3, 0), "lines 2–3");
    }

    #[test]
    fn titles_are_short() {
        assert_eq!(title("\n  add a test \nmore"), "add a test");
        assert_eq!(title(&"ü".repeat(100)).chars().count(), 61);
    }
}
