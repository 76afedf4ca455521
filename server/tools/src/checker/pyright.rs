//! Pyright's type errors.

use std::path::PathBuf;

use interline_workspace::document::Range;
use interline_workspace::editor::{Diagnostic, Severity};
use serde::Deserialize;

use super::site::Site;
use super::{Asked, Failure, Report, Texts};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    general_diagnostics: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    file: PathBuf,
    severity: String,
    message: String,
    rule: Option<String>,
    /// As in LSP; a problem of a whole file has none.
    range: Option<Range>,
}

pub(super) async fn check(
    site: &Site,
    asked: &Asked<'_>,
    texts: &Texts,
) -> Result<Report, Failure> {
    let program = site
        .program("pyright")
        .ok_or_else(|| "pyright is not installed".to_owned())?;
    let mut arguments = vec!["--outputjson".into()];
    // Absolute, so that no file is taken for an option.
    arguments.extend(
        asked
            .path
            .map(|path| site.base().join(path.as_str()).into_os_string()),
    );
    let folder = site.base().to_owned();
    let printed = site
        .run(program, arguments, folder, site.environment(), asked.cancel)
        .await?;
    let Some(diagnostics) = diagnostics(&printed.stdout, texts) else {
        return Err(Failure::Because(printed.complaint()));
    };
    Ok(Report {
        source: "pyright".to_owned(),
        diagnostics,
    })
}

/// `None`: it is no output of pyright's.
pub(super) fn diagnostics(output: &str, texts: &Texts) -> Option<Vec<Diagnostic>> {
    let output: Output = serde_json::from_str(output).ok()?;
    let found = output.general_diagnostics.into_iter();
    Some(
        found
            .filter_map(|finding| finding.diagnostic(texts))
            .collect(),
    )
}

impl Finding {
    fn diagnostic(self, texts: &Texts) -> Option<Diagnostic> {
        let severity = match self.severity.as_str() {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Info,
        };
        Some(Diagnostic {
            path: texts.path(&self.file)?,
            range: self.range?,
            severity,
            code: self.rule,
            source: Some("pyright".to_owned()),
            message: self.message,
            fixes: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from pyright 1.1.414, shortened.
    const RECORDED: &str = r#"{"version": "1.1.414", "generalDiagnostics": [
        {"file": "/copy/a.py", "severity": "error", "message": "Type is not assignable", "rule": "reportAssignmentType",
         "range": {"start": {"line": 2, "character": 20}, "end": {"line": 2, "character": 23}}},
        {"file": "/elsewhere/b.py", "severity": "error", "message": "not ours", "range": null}],
        "summary": {"filesAnalyzed": 1}}"#;

    #[test]
    fn findings() {
        let texts = Texts::new(std::path::Path::new("/copy"), None);
        let found = diagnostics(RECORDED, &texts).expect("understood");
        let [one] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((one.path.as_str(), one.range.start.character), ("a.py", 20));
        assert_eq!(one.code.as_deref(), Some("reportAssignmentType"));
    }
}
