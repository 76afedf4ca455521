//! The compiler's messages: diagnostics, and suggestions as fixes.
//!
//! Format: <https://doc.rust-lang.org/rustc/json.html>, wrapped by Cargo a line each (reason `compiler-message`).

use std::path::{Path, PathBuf};

use interline_workspace::document::{Position, Range};
use interline_workspace::editor::{Diagnostic, Fix, Severity};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::RangeEdit;
use serde::Deserialize;

use super::Texts;
use crate::apply::Edits;
use crate::visible;

#[derive(Deserialize)]
struct Line {
    message: Option<Message>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    src_path: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    code: Option<Code>,
    level: String,
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Clone, Deserialize)]
struct Span {
    file_name: PathBuf,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
    is_primary: bool,
    label: Option<String>,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Clone, Deserialize)]
struct Expansion {
    span: Span,
}

pub(super) fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

/// All diagnostics of a run. `folder` is Cargo's workspace root, which file names are relative to.
pub(super) fn diagnostics(output: &str, folder: &Path, texts: &mut Texts) -> Vec<Diagnostic> {
    let lines = output.lines().filter(|line| line.starts_with('{'));
    let lines = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let mut reader = Reader { folder, texts };
    lines.filter_map(|line| reader.diagnostic(&line)).collect()
}

struct Reader<'a> {
    folder: &'a Path,
    texts: &'a mut Texts,
}

impl Reader<'_> {
    fn diagnostic(&mut self, line: &Line) -> Option<Diagnostic> {
        let message = line.message.as_ref()?;
        let severity = severity(&message.level)?;
        let (path, range, label) = match self.place(&message.spans) {
            Some(place) => place,
            None if is_summary(message) => return None,
            // Of no line: it stands at the start of what was compiled.
            None => {
                let path = self.texts.path(&line.target.as_ref()?.src_path)?;
                let start = Position {
                    line: 0,
                    character: 0,
                };
                (path, Range { start, end: start }, None)
            }
        };
        let mut text = message.message.clone();
        if let Some(label) = label.filter(|label| !text.contains(label.as_str())) {
            text = format!("{text}: {label}");
        }
        let fixes = message
            .children
            .iter()
            .flat_map(|child| self.fixes(child))
            .collect();
        Some(Diagnostic {
            path,
            range,
            severity,
            code: message.code.as_ref().map(|code| code.code.clone()),
            source: Some("rustc".to_owned()),
            message: text,
            fixes,
        })
    }

    /// The primary span; of a macro from elsewhere, its use in the workspace.
    fn place(&mut self, spans: &[Span]) -> Option<(WorkspacePath, Range, Option<String>)> {
        let primary = spans.iter().find(|span| span.is_primary)?;
        let mut span = primary;
        loop {
            if let Some(path) = self.path(span) {
                let range = self.range(&path, span);
                return Some((path, range, primary.label.clone()));
            }
            span = &span.expansion.as_ref()?.span;
        }
    }

    fn path(&self, span: &Span) -> Option<WorkspacePath> {
        self.texts.path(&self.folder.join(&span.file_name))
    }

    fn range(&mut self, path: &WorkspacePath, span: &Span) -> Range {
        let start = (span.line_start, span.column_start);
        self.texts
            .range(path, start, (span.line_end, span.column_end))
    }

    /// The suggestions of one `help`. Alternatives come in one list with the parts of each: where a part would lie
    /// over an earlier one, the next alternative begins.
    fn fixes(&mut self, help: &Message) -> Vec<Fix> {
        let spans = help
            .spans
            .iter()
            .filter(|span| span.suggested_replacement.is_some());
        let spans: Vec<_> = spans.collect();
        let unusable = |span: &&Span| {
            span.expansion.is_some()
                || span.suggestion_applicability.as_deref() == Some("HasPlaceholders")
        };
        if spans.iter().any(unusable) {
            return Vec::new();
        }
        let mut alternatives: Vec<Vec<(WorkspacePath, RangeEdit)>> = Vec::new();
        for span in &spans {
            let Some(path) = self.path(span) else {
                return Vec::new();
            };
            let range = self.range(&path, span);
            let text = span.suggested_replacement.clone().unwrap_or_default();
            let edit = (path, RangeEdit { range, text });
            match alternatives.last_mut() {
                Some(parts) if !parts.iter().any(|part| overlap(part, &edit)) => parts.push(edit),
                _ => alternatives.push(vec![edit]),
            }
        }
        let certain =
            |span: &&Span| span.suggestion_applicability.as_deref() == Some("MachineApplicable");
        let machine_applicable = alternatives.len() == 1 && spans.iter().all(certain);
        let fixes = alternatives.into_iter().map(|parts| Fix {
            title: title(&help.message, &parts),
            machine_applicable,
            edits: by_file(parts),
            ..Fix::default()
        });
        fixes.collect()
    }
}

fn severity(level: &str) -> Option<Severity> {
    match level {
        "warning" => Some(Severity::Warning),
        "note" => Some(Severity::Info),
        "help" => Some(Severity::Hint),
        level if level.starts_with("error") => Some(Severity::Error),
        _ => None,
    }
}

/// Counts of what was said already.
fn is_summary(message: &Message) -> bool {
    let text = &message.message;
    text.starts_with("aborting due to")
        || text.ends_with("warning emitted")
        || text.ends_with("warnings emitted")
        || message.level != "error"
}

fn overlap(one: &(WorkspacePath, RangeEdit), other: &(WorkspacePath, RangeEdit)) -> bool {
    let (a, b) = (one.1.range, other.1.range);
    one.0 == other.0 && (a == b || (a.start < b.end && b.start < a.end))
}

/// What the compiler says, and what would be written.
fn title(message: &str, parts: &[(WorkspacePath, RangeEdit)]) -> String {
    match parts {
        [(_, edit)] if !edit.text.trim().is_empty() => {
            format!("{message}: `{}`", visible::line(&edit.text, 60))
        }
        _ => message.to_owned(),
    }
}

fn by_file(parts: Vec<(WorkspacePath, RangeEdit)>) -> Edits {
    let mut files = Edits::new();
    for (path, edit) in parts {
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, edits)) => edits.push(edit),
            None => files.push((path, vec![edit])),
        }
    }
    files
}
