//! Ruff, with its fixes.

use std::path::PathBuf;

use interline_workspace::editor::{Diagnostic, Fix, Severity};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::RangeEdit;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::site::Site;
use super::{Failure, Report, Texts};

#[derive(Deserialize)]
struct Finding {
    code: Option<String>,
    message: String,
    filename: PathBuf,
    location: Place,
    end_location: Place,
    fix: Option<Repair>,
}

/// Counted from 1, columns in characters.
#[derive(Clone, Copy, Deserialize)]
struct Place {
    row: u32,
    column: u32,
}

#[derive(Deserialize)]
struct Repair {
    applicability: String,
    message: Option<String>,
    edits: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    content: String,
    location: Place,
    end_location: Place,
}

pub(super) async fn check(
    site: &Site,
    path: Option<&WorkspacePath>,
    texts: &mut Texts,
    cancel: &CancellationToken,
) -> Result<Report, Failure> {
    let program = site
        .program("ruff")
        .ok_or_else(|| "ruff is not installed".to_owned())?;
    let cache = site.scratch().join("ruff-cache").into_os_string();
    let mut arguments = [
        "check",
        "--output-format=json",
        "--exit-zero",
        "--quiet",
        "--cache-dir",
    ]
    .map(Into::into)
    .to_vec();
    // Behind `--`: a file may be named like an option.
    arguments.extend([
        cache,
        "--".into(),
        path.map_or(".", WorkspacePath::as_str).into(),
    ]);
    let folder = site.copy().to_owned();
    let printed = site
        .run(program, arguments, folder, site.environment(), cancel)
        .await?;
    if !printed.success {
        return Err(Failure::Because(printed.complaint()));
    }
    Ok(Report {
        source: "ruff".to_owned(),
        diagnostics: diagnostics(&printed.stdout, texts)?,
    })
}

fn diagnostics(output: &str, texts: &mut Texts) -> Result<Vec<Diagnostic>, String> {
    let findings: Vec<Finding> = serde_json::from_str(output)
        .map_err(|error| format!("its output is not understood: {error}"))?;
    let found = findings
        .into_iter()
        .filter_map(|finding| finding.diagnostic(texts));
    Ok(found.collect())
}

impl Finding {
    fn diagnostic(self, texts: &mut Texts) -> Option<Diagnostic> {
        let path = texts.path(&self.filename)?;
        let broken = |code: &String| code.starts_with("E9") || code == "invalid-syntax";
        let is_error = self.code.as_ref().is_none_or(broken);
        let range = range(texts, &path, self.location, self.end_location);
        let fix = self.fix.filter(|fix| fix.applicability != "display");
        Some(Diagnostic {
            severity: if is_error {
                Severity::Error
            } else {
                Severity::Warning
            },
            fixes: fix
                .map(|fix| fix.fix(texts, &path, &self.message))
                .into_iter()
                .collect(),
            path,
            range,
            code: self.code,
            source: Some("ruff".to_owned()),
            message: self.message,
        })
    }
}

impl Repair {
    fn fix(self, texts: &mut Texts, path: &WorkspacePath, message: &str) -> Fix {
        let edits = self.edits.into_iter().map(|edit| RangeEdit {
            range: range(texts, path, edit.location, edit.end_location),
            text: edit.content,
        });
        Fix {
            edits: vec![(path.clone(), edits.collect())],
            title: self.message.unwrap_or_else(|| message.to_owned()),
            machine_applicable: self.applicability == "safe",
        }
    }
}

fn range(
    texts: &mut Texts,
    path: &WorkspacePath,
    start: Place,
    end: Place,
) -> interline_workspace::document::Range {
    texts.range(path, (start.row, start.column), (end.row, end.column))
}
