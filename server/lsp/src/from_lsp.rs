//! From the protocol's terms to the workspace's. Everything here is hostile input; nothing here decides.

use std::path::PathBuf;

use interline_workspace::document::{Change, Position, Range};
use interline_workspace::editor::{Diagnostic, Focus, Severity};
use interline_workspace::path::WorkspacePath;
use lsp_types as lsp;
use tower_lsp::UriExt as _;

use crate::protocol::FocusParams;

/// The absolute path of a `file:` URI of this machine.
pub(crate) fn file_path(uri: &lsp::Uri) -> Option<PathBuf> {
    let scheme = uri.scheme()?.as_str();
    let host = uri
        .authority()
        .map(|authority| authority.host().as_str())
        .unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("file") || !(host.is_empty() || host == "localhost") {
        return None;
    }
    let path = uri.to_file_path()?.into_owned();
    path.is_absolute().then_some(path)
}

pub(crate) fn position(position: lsp::Position) -> Position {
    Position {
        line: position.line,
        character: position.character,
    }
}

pub(crate) fn range(range: lsp::Range) -> Range {
    Range {
        start: position(range.start),
        end: position(range.end),
    }
}

pub(crate) fn change(change: lsp::TextDocumentContentChangeEvent) -> Change {
    Change {
        range: change.range.map(range),
        text: change.text,
    }
}

pub(crate) fn diagnostic(path: &WorkspacePath, diagnostic: &lsp::Diagnostic) -> Diagnostic {
    Diagnostic {
        path: path.clone(),
        range: range(diagnostic.range),
        severity: match diagnostic.severity {
            Some(lsp::DiagnosticSeverity::WARNING) => Severity::Warning,
            Some(lsp::DiagnosticSeverity::INFORMATION) => Severity::Info,
            Some(lsp::DiagnosticSeverity::HINT) => Severity::Hint,
            // Left out: "it is up to the client" (LSP 3.17, "Diagnostic"), and editors show an error.
            _ => Severity::Error,
        },
        code: diagnostic.code.as_ref().map(|code| match code {
            lsp::NumberOrString::Number(number) => number.to_string(),
            lsp::NumberOrString::String(text) => text.clone(),
        }),
        source: diagnostic.source.clone(),
        message: diagnostic.message.clone(),
        fixes: Vec::new(),
    }
}

/// What the user sees of a file. Where nothing is selected the caret counts.
pub(crate) fn focus(
    path: &WorkspacePath,
    selection: Option<lsp::Range>,
    seen: Option<&FocusParams>,
    diagnostics: &[lsp::Diagnostic],
) -> Focus {
    let caret = seen.and_then(|focus| focus.selections.first());
    let caret = caret.filter(|_| selection.is_none());
    let visible = seen.iter().flat_map(|focus| &focus.visible_ranges);
    let diagnostics = diagnostics.iter().map(|known| diagnostic(path, known));
    Focus {
        path: Some(path.clone()),
        selection: selection.map(range),
        cursor: caret.map(|caret| position(caret.start)),
        visible: visible.copied().map(range).collect(),
        diagnostics: diagnostics.collect(),
    }
}

/// What is selected.
pub(crate) fn selected(focus: &FocusParams) -> Option<lsp::Range> {
    let first = focus.selections.first().copied();
    first.filter(|selected| selected.start != selected.end)
}

/// Do they share a line? A caret anywhere on a line means its diagnostics.
pub(crate) fn share_a_line(a: lsp::Range, b: lsp::Range) -> bool {
    a.start.line <= b.end.line && b.start.line <= a.end.line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_files_have_a_path() {
        let path = |uri: &str| file_path(&uri.parse().unwrap());
        assert_eq!(
            path("file:///a%20b/c%23.rs"),
            Some(PathBuf::from("/a b/c#.rs"))
        );
        assert_eq!(path("file://localhost/a"), Some(PathBuf::from("/a")));
        for other in [
            "file://elsewhere/a",
            "untitled:Untitled-1",
            "vscode-vfs://github/a",
            "https://a/b",
            "a/b",
        ] {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
