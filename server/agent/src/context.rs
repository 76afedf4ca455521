//! What goes with a request in the trailing message: focus, selection, diagnostics, instructions.

use std::collections::HashMap;
use std::fmt::Write as _;

use interline_log::{LoadedFile, SessionId};
use interline_workspace::Workspace;
use interline_workspace::editor::Diagnostic;

use crate::agent::Focus;
use crate::instructions::{self, Instructions};

/// More lines of a selection than this are for the model to read by itself.
const MAX_SELECTED_LINES: usize = 400;
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
    let Some(selection) = focus.selection else {
        let _ = writeln!(out, "<focus file=\"{path}\"/>");
        return;
    };
    // A selection that ends at the start of a line does not mean that line.
    let first = selection.start.line as usize;
    let ends_before = selection.end.character == 0 && selection.end.line > selection.start.line;
    let last = selection.end.line as usize - usize::from(ends_before);
    let _ = writeln!(
        out,
        "<focus file=\"{path}\" lines=\"{}-{}\">",
        first + 1,
        last + 1
    );
    if last - first < MAX_SELECTED_LINES
        && let Ok(text) = workspace.proposed_text(session, path)
    {
        for (index, line) in text.lines().enumerate().skip(first).take(last - first + 1) {
            let _ = writeln!(out, "{:>5}\t{line}", index + 1);
        }
    }
    out.push_str("</focus>\n");
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
        start.line + 1,
        start.character + 1
    )
}

#[cfg(test)]
mod tests {
    use interline_workspace::document::{Position, Range};
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
            diagnostics: Vec::new(),
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
}
