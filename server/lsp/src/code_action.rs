//! Code actions, from memory: what can be asked here. None does anything; each carries a command.

use interline_workspace::document::Document;
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::HunkState;
use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionTriggerKind,
    Command, Diagnostic, Position, Range, Uri,
};
use serde_json::{Value, json};

use crate::connection::{Connection, is_ours};
use crate::folders::Folder;
use crate::hunks::{self, Shown};
use crate::protocol::{ACCEPT, CANCEL, EDIT, EXPLAIN, FIX, HunkVerdict, PROMPT, REJECT, REVISE};
use crate::{from_lsp, request};

pub(crate) const QUICKFIX: CodeActionKind = CodeActionKind::new("quickfix.interline");
pub(crate) const REWRITE: CodeActionKind = CodeActionKind::new("refactor.rewrite.interline");

/// What leads a comment, in the languages that there are.
const LEADERS: [&str; 8] = ["//", "#", "--", ";", "/*", "<!--", "%", "*"];
const MARK: &str = "interline:";

struct Offer<'a> {
    uri: &'a Uri,
    range: Range,
    input: bool,
    actions: Vec<CodeActionOrCommand>,
}

pub(crate) fn code_actions(
    connection: &Connection,
    params: &CodeActionParams,
) -> Vec<CodeActionOrCommand> {
    let (uri, context) = (&params.text_document.uri, &params.context);
    let others: Vec<Diagnostic> = context
        .diagnostics
        .iter()
        .filter(|diagnostic| !is_ours(diagnostic))
        .cloned()
        .collect();
    let Some(folder) = connection.folders.of_document(uri) else {
        return Vec::new();
    };
    let Some(document) = folder.workspace.document(uri.as_str()) else {
        return Vec::new();
    };
    let Some(path) = document.path.clone() else {
        return Vec::new();
    };
    if !others.is_empty() {
        connection.seen.learn(uri, params.range, &others);
    }
    let wants = |kind: &CodeActionKind| {
        context
            .only
            .as_ref()
            .is_none_or(|only| only.iter().any(|wanted| covers(wanted, kind)))
    };
    let input = connection.side().options.input;
    let mut offer = Offer {
        uri,
        range: params.range,
        input,
        actions: Vec::new(),
    };
    // Asked for on every move of the caret, what needs no problem is noise: only for a selection.
    let asked = context.trigger_kind != Some(CodeActionTriggerKind::AUTOMATIC)
        || params.range.start != params.range.end;
    if wants(&QUICKFIX) {
        offer.review(&folder);
        let problems = known(connection, uri, params.range, others);
        // Without a shim we can't see what other servers found; some editors run no other one (eglot).
        if problems.is_empty() && asked && !connection.side().options.query {
            let argument = json!({ "uri": uri });
            offer.add(QUICKFIX, "Fix this file with Interline", FIX, argument);
        }
        offer.problems(&problems);
        if connection.folders.all().iter().any(|it| it.agent.busy()) {
            offer.add(QUICKFIX, "Cancel Interline", CANCEL, json!({}));
        }
    }
    if wants(&REWRITE) && asked {
        offer.comment(&path, &document);
        offer.rewrites(&document);
    }
    offer.actions
}

/// `quickfix` covers `quickfix.interline` (LSP 3.17, "CodeActionKind"); the empty kind covers all.
fn covers(wanted: &CodeActionKind, kind: &CodeActionKind) -> bool {
    let rest = kind.as_str().strip_prefix(wanted.as_str());
    rest.is_some_and(|rest| wanted.as_str().is_empty() || rest.is_empty() || rest.starts_with('.'))
}

fn known(
    connection: &Connection,
    uri: &Uri,
    range: Range,
    given: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    if !given.is_empty() {
        return given;
    }
    let all = connection.seen.diagnostics(uri);
    all.into_iter()
        .filter(|known| from_lsp::share_a_line(known.range, range))
        .collect()
}

impl Offer<'_> {
    fn review(&mut self, folder: &Folder) {
        let hunks = hunks::of(&folder.workspace, self.uri);
        let (first, last) = (self.range.start.line, self.range.end.line);
        let inside = hunks
            .iter()
            .find(|shown| (first..=last).contains(&shown.hunk.start_line));
        let here = hunks.iter().find(|shown| shown.touches(first));
        let Some(Shown { hunk, verdict }) = here.or(inside) else {
            return;
        };
        let argument = json!({ "hunk": hunk.id });
        let pending = hunk.state == HunkState::Pending;
        if pending {
            let found = verdict.as_ref().and_then(HunkVerdict::found);
            let title = match found {
                Some(found) => format!("Accept this change ({found})"),
                None => "Accept this change".to_owned(),
            };
            self.add(QUICKFIX, &title, ACCEPT, argument.clone());
        }
        self.add(QUICKFIX, "Reject this change", REJECT, argument.clone());
        if self.input {
            self.add(QUICKFIX, "Revise this change…", REVISE, argument);
        }
        if pending {
            self.add(QUICKFIX, "Accept all changes", ACCEPT, json!({}));
        }
        self.add(QUICKFIX, "Reject all changes", REJECT, json!({}));
    }

    fn problems(&mut self, diagnostics: &[Diagnostic]) {
        if diagnostics.is_empty() {
            return;
        }
        let argument = json!({ "uri": self.uri, "range": self.range, "diagnostics": diagnostics });
        for (title, command) in [
            ("Fix with Interline", FIX),
            ("Explain with Interline", EXPLAIN),
        ] {
            let action = CodeAction {
                diagnostics: Some(diagnostics.to_vec()),
                ..action(QUICKFIX, title, command, argument.clone())
            };
            self.actions.push(action.into());
        }
    }

    fn comment(&mut self, path: &WorkspacePath, document: &Document) {
        let line = self.range.start.line;
        let Some(text) = line_of(document, line).filter(|text| is_instruction(text)) else {
            return;
        };
        let argument = json!({
            "text": request::comment(path, line, text.trim()),
            "uri": self.uri,
            "range": hunks::range(line, 1),
        });
        self.add(REWRITE, "Do what this comment says", PROMPT, argument);
    }

    fn rewrites(&mut self, document: &Document) {
        let range = self.selected(document);
        for (title, instruction) in [
            ("Document with Interline", request::DOCUMENT),
            ("Write tests with Interline", request::TESTS),
            ("Simplify with Interline", request::SIMPLIFY),
        ] {
            let argument = json!({ "instruction": instruction, "uri": self.uri, "range": range });
            self.add(REWRITE, title, EDIT, argument);
        }
        if self.input {
            self.add(
                REWRITE,
                "Edit with Interline…",
                EDIT,
                json!({ "uri": self.uri, "range": range }),
            );
        }
    }

    /// The selection, or the line of the caret.
    fn selected(&self, document: &Document) -> Range {
        if self.range.start != self.range.end {
            return self.range;
        }
        let line = self.range.start.line;
        let units = line_of(document, line)
            .map(|text| text.encode_utf16().count())
            .unwrap_or_default();
        let end = u32::try_from(units).unwrap_or(u32::MAX);
        Range::new(Position::new(line, 0), Position::new(line, end))
    }

    fn add(&mut self, kind: CodeActionKind, title: &str, command: &str, argument: Value) {
        self.actions
            .push(action(kind, title, command, argument).into());
    }
}

fn action(kind: CodeActionKind, title: &str, command: &str, argument: Value) -> CodeAction {
    CodeAction {
        title: title.to_owned(),
        kind: Some(kind),
        command: Some(Command::new(
            title.to_owned(),
            command.to_owned(),
            Some(vec![argument]),
        )),
        ..CodeAction::default()
    }
}

/// The text of a line without its break.
fn line_of(document: &Document, line: u32) -> Option<String> {
    let line = document.rope.get_line(line as usize)?.to_string();
    Some(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// A comment that speaks to us.
fn is_instruction(line: &str) -> bool {
    let line = line.trim_start();
    let led = LEADERS
        .iter()
        .filter_map(|leader| line.strip_prefix(leader));
    let mut said = led.map(|rest| {
        rest.trim_start_matches(['/', '#', '-', ';', '*', '!', '%'])
            .trim_start()
    });
    said.any(|rest| {
        let mark = rest.get(..MARK.len());
        mark.is_some_and(|mark| mark.eq_ignore_ascii_case(MARK)) && rest.len() > MARK.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_speak_to_us() {
        for line in [
            "// interline: add a test",
            "    # interline: x",
            "-- Interline: x",
            ";; interline: x",
            "/* interline: x */",
            "<!-- interline: x -->",
            "% interline: x",
            "/// interline: x",
        ] {
            assert!(is_instruction(line), "{line}");
        }
        for line in [
            "interline: x",
            "let a = 1; // interline: x",
            "// interlinear",
            "//",
            "// interline:",
            "// ünterline: x",
        ] {
            assert!(!is_instruction(line), "{line}");
        }
    }

    #[test]
    fn a_kind_covers_its_own() {
        let kind = |text: &str| CodeActionKind::from(text.to_owned());
        for wanted in ["", "quickfix", "quickfix.interline"] {
            assert!(covers(&kind(wanted), &QUICKFIX), "{wanted}");
        }
        for wanted in ["quick", "refactor", "quickfix.interline.x", "source"] {
            assert!(!covers(&kind(wanted), &QUICKFIX), "{wanted}");
        }
    }
}
