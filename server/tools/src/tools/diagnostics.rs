//! `diagnostics`: what is wrong, from the editor's servers or the project's own checker.

use std::collections::HashMap;
use std::fmt::Write as _;

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::editor::{Diagnostic, Severity};
use interline_workspace::path::WorkspacePath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::diagnosis::{Diagnosis, diagnose};
use crate::memory::Checked;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};
use crate::tools::language::settled;
use crate::visible;

/// Diagnostics of one answer.
const SHOWN: usize = 50;
/// Characters of a message.
const MESSAGE: usize = 500;
pub(crate) const MACHINE_APPLICABLE: &str = " (machine-applicable)";

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diagnostics {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Tool for Diagnostics {
    const NAME: &'static str = "diagnostics";
    const DESCRIPTION: &'static str = "Errors and warnings of a file, or of the whole project, with your pending hunks in \
        place: use it after edits to verify them. From the editor's language servers, else the project's own checker (cargo \
        check, tsc, ruff, pyright). Lines `fix N: TITLE` are fixes that quickfix applies.";
    const ACCESS: Access = Access::Read;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        match &self.path {
            Some(path) => format!("checking {path}"),
            None => "checking the project".to_owned(),
        }
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        let path = self.path.as_deref().unwrap_or(".");
        paths::facts(environment, &[(path, Use::Read)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let workspace = &context.environment.workspace;
        let path = self
            .path
            .as_deref()
            .map(|path| paths::parse(workspace, path));
        // The root is everything.
        let path = path.transpose()?.filter(|path| !path.as_str().is_empty());
        Ok(match diagnose(&context, path.as_ref()).await? {
            Diagnosis::Checked(checked) => report(&checked, path.as_ref()),
            Diagnosis::NotChecked(reason) => {
                Answer::new(format!("not checked: {}", one_line(&reason)), "not checked")
            }
        })
    }
}

/// The form is fixed: `builtin` reads it.
fn report(checked: &Checked, path: Option<&WorkspacePath>) -> Answer {
    let asked = |d: &&Diagnostic| path.is_none_or(|path| d.path == *path);
    let (here, elsewhere): (Vec<_>, Vec<_>) = checked.diagnostics.iter().partition(asked);
    let mut content = String::new();
    let mut fixes = HashMap::new();
    for diagnostic in here.iter().take(SHOWN) {
        let at = (&diagnostic.path, diagnostic.range.start.line);
        write(&mut content, diagnostic, fixes.entry(at).or_default());
    }
    if here.is_empty() {
        content.push_str("no problems\n");
    }
    // Writing to a String can't fail.
    if let Some(more @ 1..) = here.len().checked_sub(SHOWN) {
        let _ = writeln!(content, "… and {more} more");
    }
    if !elsewhere.is_empty() {
        let errors = count(&elsewhere, Severity::Error);
        let _ = writeln!(
            content,
            "… and in other files: {}, {} among them",
            elsewhere.len(),
            counted(errors, "error", "errors")
        );
    }
    for failed in &checked.failed {
        let _ = writeln!(content, "not checked by {}", one_line(failed));
    }
    let _ = writeln!(
        content,
        "checked by {} ({})",
        checked.source,
        settled(checked.settled)
    );
    let (errors, warnings) = (
        count(&here, Severity::Error),
        count(&here, Severity::Warning),
    );
    let summary = format!(
        "{}, {} ({})",
        counted(errors, "error", "errors"),
        counted(warnings, "warning", "warnings"),
        checked.source
    );
    Answer::new(content, summary)
}

fn count(diagnostics: &[&Diagnostic], severity: Severity) -> usize {
    diagnostics
        .iter()
        .filter(|d| d.severity == severity)
        .count()
}

/// `numbered`: how many fixes of this line have a number already; quickfix counts them in the same way.
fn write(content: &mut String, diagnostic: &Diagnostic, numbered: &mut usize) {
    // Writing to a String can't fail.
    let _ = writeln!(content, "{}", line(diagnostic));
    for fix in &diagnostic.fixes {
        *numbered += 1;
        let mark = if fix.machine_applicable {
            MACHINE_APPLICABLE
        } else {
            ""
        };
        let _ = writeln!(content, "  fix {numbered}: {}{mark}", one_line(&fix.title));
    }
}

/// `PATH:LINE:COL: SEVERITY[CODE]: MESSAGE`, 1-based.
pub(crate) fn line(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
        Severity::Hint => "hint",
    };
    let code = diagnostic
        .code
        .as_deref()
        .map_or_else(String::new, |code| format!("[{code}]"));
    let start = diagnostic.range.start;
    let (line, column) = (
        start.line.saturating_add(1),
        start.character.saturating_add(1),
    );
    let message = one_line(&diagnostic.message);
    format!(
        "{}:{line}:{column}: {severity}{code}: {message}",
        diagnostic.path
    )
}

/// A message is a line of the report.
pub(crate) fn one_line(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    visible::line(&lines.join("; "), MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use interline_workspace::document::{Position, Range};
    use interline_workspace::editor::Fix;

    fn diagnostic(path: &str, line: u32, fixes: &[(&str, bool)]) -> Diagnostic {
        let start = Position { line, character: 4 };
        let fixes = fixes.iter().map(|(title, machine_applicable)| Fix {
            title: (*title).to_owned(),
            machine_applicable: *machine_applicable,
            ..Fix::default()
        });
        Diagnostic {
            path: WorkspacePath::new(path).expect("a path"),
            range: Range { start, end: start },
            severity: Severity::Error,
            code: Some("E1".to_owned()),
            source: None,
            message: "wrong\n  because".to_owned(),
            fixes: fixes.collect(),
        }
    }

    fn checked(diagnostics: Vec<Diagnostic>, failed: &[&str]) -> Checked {
        Checked {
            source: "cargo check".to_owned(),
            by_editor: false,
            settled: true,
            scope: None,
            failed: failed.iter().map(|text| (*text).to_owned()).collect(),
            diagnostics,
            texts: HashMap::new(),
        }
    }

    #[test]
    fn fixes_are_numbered_by_line() {
        let found = vec![
            diagnostic("a.rs", 1, &[("one", true), ("two", false)]),
            diagnostic("a.rs", 1, &[("three", false)]),
            diagnostic("b.rs", 1, &[("one", false)]),
        ];
        insta::assert_snapshot!(report(&checked(found, &["ruff: it broke\ndown"]), None).content, @r"
        a.rs:2:5: error[E1]: wrong; because
          fix 1: one (machine-applicable)
          fix 2: two
        a.rs:2:5: error[E1]: wrong; because
          fix 3: three
        b.rs:2:5: error[E1]: wrong; because
          fix 1: one
        not checked by ruff: it broke; down
        checked by cargo check (settled)
        ");
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let many = (0..60).map(|line| diagnostic("a.rs", line, &[])).collect();
        let content = report(&checked(many, &[]), None).content;
        assert_eq!(content.matches("error[E1]").count(), SHOWN);
        assert!(content.ends_with("… and 10 more\nchecked by cargo check (settled)\n"));
        let path = WorkspacePath::new("b.rs").expect("a path");
        let content = report(&checked(vec![diagnostic("a.rs", 1, &[])], &[]), Some(&path)).content;
        insta::assert_snapshot!(content, @r"
        no problems
        … and in other files: 1, 1 error among them
        checked by cargo check (settled)
        ");
    }
}
