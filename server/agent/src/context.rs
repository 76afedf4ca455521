//! What goes with a request in the trailing message: focus, selection, diagnostics, instructions.

use std::collections::HashMap;
use std::fmt::Write as _;

use interline_log::{LoadedFile, SessionId};
use interline_workspace::Workspace;
use interline_workspace::document::Range;
use interline_workspace::editor::Diagnostic;

use crate::agent::Focus;
use crate::instructions::{self, Instructions};

/// More lines of a selection than this are for the model to read by itself.
const MAX_SELECTED_LINES: usize = 400;
/// The same of its bytes: a line may be as long as a file.
const MAX_SELECTED_BYTES: usize = 32 * 1024;
/// More parts of a file than this are on no screen.
const MAX_VISIBLE: usize = 4;
const MAX_DIAGNOSTICS: usize = 30;

/// The trailing message's context and the files that went into it.
#[derive(Default)]
pub(crate) struct Context {
    pub(crate) text: String,
    pub(crate) files: Vec<LoadedFile>,
}

/// Assembles the context. `known` are the hashes of the instruction files that the session was told already.
pub(crate) fn assemble(
    workspace: &Workspace,
    session: SessionId,
    focus: Option<&Focus>,
    known: &mut HashMap<String, String>,
) -> Context {
    let mut context = Context::default();
    let path = focus.and_then(|focus| focus.path.as_ref());
    for Instructions { file, text } in instructions::load(workspace, path) {
        if known
            .insert(file.path.clone(), file.sha256.clone())
            .as_ref()
            == Some(&file.sha256)
        {
            continue;
        }
        let _ = writeln!(
            context.text,
            "<instructions file=\"{}\">\n{}\n</instructions>",
            file.path,
            text.trim_end()
        );
        context.files.push(file);
    }
    let Some(focus) = focus else { return context };
    describe_focus(&mut context.text, workspace, session, focus);
    describe_diagnostics(&mut context.text, &focus.diagnostics);
    context
}

fn describe_focus(out: &mut String, workspace: &Workspace, session: SessionId, focus: &Focus) {
    let Some(path) = &focus.path else { return };
    let _ = write!(out, "<focus file=\"{path}\"");
    if let Some(selection) = focus.selection {
        let _ = write!(out, " lines=\"{}\"", numbers(lines(selection)));
    }
    if let Some(cursor) = focus.cursor {
        let _ = write!(out, " cursor=\"{}\"", u64::from(cursor.line) + 1);
    }
    if !focus.visible.is_empty() {
        let visible = focus.visible.iter().take(MAX_VISIBLE);
        let visible: Vec<_> = visible.map(|range| numbers(lines(*range))).collect();
        let _ = write!(out, " visible=\"{}\"", visible.join(","));
    }
    let Some(selection) = focus.selection else {
        out.push_str("/>\n");
        return;
    };
    out.push_str(">\n");
    if let Ok(text) = workspace.proposed_text(session, path) {
        quote_lines(out, &text, lines(selection));
    }
    out.push_str("</focus>\n");
}

/// First and last line, 0-based. A range that ends at the start of a line does not mean that line; one that ends before
/// it begins is the client's mistake and means its first line.
fn lines(range: Range) -> (usize, usize) {
    let first = range.start.line as usize;
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let last = (range.end.line as usize).saturating_sub(usize::from(ends_before));
    (first, last.max(first))
}

/// 1-based, as people count.
fn numbers((first, last): (usize, usize)) -> String {
    format!("{}-{}", first + 1, last + 1)
}

/// The lines with their numbers; nothing where they are too much.
fn quote_lines(out: &mut String, text: &str, (first, last): (usize, usize)) {
    if last - first >= MAX_SELECTED_LINES {
        return;
    }
    let selected = || text.lines().skip(first).take(last - first + 1);
    if selected().map(str::len).sum::<usize>() > MAX_SELECTED_BYTES {
        return;
    }
    for (index, line) in selected().enumerate() {
        let _ = writeln!(out, "{:>5}\t{line}", first + index + 1);
    }
}

fn describe_diagnostics(out: &mut String, diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    out.push_str("<diagnostics>\n");
    for diagnostic in diagnostics.iter().take(MAX_DIAGNOSTICS) {
        let _ = writeln!(out, "{}", line_of(diagnostic));
    }
    if diagnostics.len() > MAX_DIAGNOSTICS {
        let _ = writeln!(out, "and {} more", diagnostics.len() - MAX_DIAGNOSTICS);
    }
    out.push_str("</diagnostics>\n");
}

/// `path:line:col: severity[code]: message`, as the `diagnostics` tool writes it.
pub(crate) fn line_of(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        interline_workspace::editor::Severity::Error => "error",
        interline_workspace::editor::Severity::Warning => "warning",
        interline_workspace::editor::Severity::Info => "info",
        interline_workspace::editor::Severity::Hint => "hint",
    };
    let code = diagnostic
        .code
        .as_ref()
        .map(|code| format!("[{code}]"))
        .unwrap_or_default();
    let start = diagnostic.range.start;
    let message = diagnostic.message.replace('\n', "\n    ");
    format!(
        "{}:{}:{}: {severity}{code}: {message}",
        diagnostic.path,
        start.line.saturating_add(1),
        start.character.saturating_add(1)
    )
}

#[cfg(test)]
mod tests {
    use interline_workspace::document::Position;
    use interline_workspace::path::WorkspacePath;

    use super::*;

    #[test]
    fn instructions_are_told_once_and_the_selection_has_line_numbers() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(root.path()).unwrap();
        workspace.did_open(
            "file:///AGENTS.md",
            Some(&workspace.root().join("AGENTS.md")),
            "markdown",
            1,
            "be kind\n",
        );
        workspace.did_open(
            "file:///a.rs",
            Some(&workspace.root().join("a.rs")),
            "rust",
            1,
            "one\ntwo\nthree\n",
        );
        let position = |line| Position { line, character: 0 };
        let focus = Focus {
            path: Some(WorkspacePath::new("a.rs").unwrap()),
            selection: Some(Range {
                start: position(1),
                end: position(2),
            }),
            ..Focus::default()
        };
        let mut known = HashMap::new();
        let first = assemble(&workspace, SessionId::new(), Some(&focus), &mut known);
        assert_eq!(
            first.text,
            "<instructions file=\"AGENTS.md\">\nbe kind\n</instructions>\n\
             <focus file=\"a.rs\" lines=\"2-2\">\n    2\ttwo\n</focus>\n"
        );
        let second = assemble(&workspace, SessionId::new(), Some(&focus), &mut known);
        assert!(second.text.starts_with("<focus"), "{}", second.text);
    }

    #[test]
    fn what_is_on_the_screen_is_told_and_what_is_too_much_is_not_quoted() {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(root.path()).unwrap();
        let file = workspace.root().join("a.rs");
        let long = "x".repeat(MAX_SELECTED_BYTES + 1);
        workspace.did_open(
            "file:///a.rs",
            Some(&file),
            "rust",
            1,
            &format!("one\n{long}\n"),
        );
        let range = |start, end| Range {
            start: Position {
                line: start,
                character: 0,
            },
            end: Position {
                line: end,
                character: 1,
            },
        };
        let told = |focus: Focus| {
            let focus = Focus {
                path: Some(WorkspacePath::new("a.rs").unwrap()),
                ..focus
            };
            assemble(
                &workspace,
                SessionId::new(),
                Some(&focus),
                &mut HashMap::new(),
            )
            .text
        };
        let looking = Focus {
            cursor: Some(Position {
                line: 1,
                character: 3,
            }),
            visible: vec![range(0, 39), range(60, 61)],
            ..Focus::default()
        };
        assert_eq!(
            told(looking),
            "<focus file=\"a.rs\" cursor=\"2\" visible=\"1-40,61-62\"/>\n"
        );
        for (selection, quoted) in [
            (range(0, 0), "lines=\"1-1\">\n    1\tone\n"),
            (range(0, 1), "lines=\"1-2\">\n"),
            (range(0, 1000), "lines=\"1-1001\">\n"),
            (range(7, 2), "lines=\"8-8\">\n"),
            (
                range(u32::MAX, u32::MAX),
                "lines=\"4294967296-4294967296\">\n",
            ),
        ] {
            let selection = Some(selection);
            let text = told(Focus {
                selection,
                ..Focus::default()
            });
            assert_eq!(text, format!("<focus file=\"a.rs\" {quoted}</focus>\n"));
        }
    }
}
