//! Ruff, with its fixes.

use std::path::PathBuf;

use interline_workspace::editor::{Diagnostic, Fix, Severity};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::RangeEdit;
use serde::Deserialize;

use super::site::Site;
use super::{Asked, Failure, Report, Texts};

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
    asked: &Asked<'_>,
    texts: &mut Texts,
) -> Result<Report, Failure> {
    let program = site
        .program("ruff")
        .ok_or_else(|| "ruff is not installed".to_owned())?;
    let mut arguments = ["check", "--output-format=json", "--exit-zero", "--quiet"]
        .map(Into::into)
        .to_vec();
    // Behind `--`: a file may be named like an option.
    arguments.extend([
        "--".into(),
        asked.path.map_or(".", WorkspacePath::as_str).into(),
    ]);
    let folder = site.base().to_owned();
    let printed = site
        .run(program, arguments, folder, site.environment(), asked.cancel)
        .await?;
    if !printed.success {
        return Err(Failure::Because(printed.complaint()));
    }
    Ok(Report {
        source: "ruff".to_owned(),
        diagnostics: diagnostics(&printed.stdout, texts)?,
    })
}

pub(super) fn diagnostics(output: &str, texts: &mut Texts) -> Result<Vec<Diagnostic>, String> {
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
            ..Fix::default()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from ruff 0.15, shortened.
    const RECORDED: &str = r#"[
        {"code": "F541", "filename": "/copy/a.py", "location": {"row": 4, "column": 17}, "end_location": {"row": 4, "column": 21},
         "message": "f-string without any placeholders", "noqa_row": 4, "url": "https://docs.astral.sh/ruff/rules/F541",
         "fix": {"applicability": "safe", "message": "Remove extraneous `f` prefix", "edits": [
            {"content": "\"x\"", "location": {"row": 4, "column": 17}, "end_location": {"row": 4, "column": 21}}]}},
        {"code": null, "filename": "/copy/b.py", "location": {"row": 2, "column": 1}, "end_location": {"row": 2, "column": 2},
         "message": "SyntaxError: unexpected", "fix": null},
        {"code": "E401", "filename": "/elsewhere/c.py", "location": {"row": 1, "column": 1}, "end_location": {"row": 1, "column": 2},
         "message": "not ours", "fix": null}]"#;

    #[test]
    fn findings_and_fixes() {
        let mut texts = Texts::new(std::path::Path::new("/copy"), None);
        let found = diagnostics(RECORDED, &mut texts).expect("understood");
        let [lint, syntax] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (lint.path.as_str(), lint.severity),
            ("a.py", Severity::Warning)
        );
        let [fix] = lint.fixes.as_slice() else {
            panic!("{lint:?}")
        };
        assert!(fix.machine_applicable);
        assert_eq!(fix.title, "Remove extraneous `f` prefix");
        assert_eq!(syntax.severity, Severity::Error);
        assert!(diagnostics("warning: no JSON", &mut texts).is_err());
    }
}
