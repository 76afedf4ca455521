//! The TypeScript compiler, as the project has it installed.

use std::path::Path;

use interline_workspace::document::{Position, Range};
use interline_workspace::editor::{Diagnostic, Severity};

use super::site::{Site, named};
use super::{Asked, Failure, Report, Texts};

pub(super) async fn check(
    site: &Site,
    asked: &Asked<'_>,
    texts: &Texts,
) -> Result<Report, Failure> {
    let program = site
        .program("tsc")
        .ok_or_else(|| "tsc is not installed".to_owned())?;
    let folder = site.base().join(asked.project);
    let arguments = ["--noEmit", "--pretty", "false"].map(Into::into).to_vec();
    let environment = site.environment();
    let printed = site
        .run(
            program,
            arguments,
            folder.clone(),
            environment,
            asked.cancel,
        )
        .await?;
    let diagnostics = diagnostics(&printed.stdout, &folder, texts);
    if !printed.success && diagnostics.is_empty() {
        return Err(Failure::Because(printed.complaint()));
    }
    Ok(Report {
        source: "tsc".to_owned(),
        diagnostics,
    })
}

/// `src/a.ts(3,5): error TS2322: Type … is not …`, indented lines go on with the message.
pub(super) fn diagnostics(output: &str, folder: &Path, texts: &Texts) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for line in output.lines() {
        match (line.starts_with(' '), found.last_mut()) {
            (true, Some(last)) => last.message = format!("{}; {}", last.message, line.trim()),
            _ => found.extend(diagnostic(line, folder, texts)),
        }
    }
    found
}

fn diagnostic(line: &str, folder: &Path, texts: &Texts) -> Option<Diagnostic> {
    let (place, rest) = line.split_once("): ")?;
    let (file, at) = place.rsplit_once('(')?;
    let (row, column) = at.split_once(',')?;
    let (row, column): (u32, u32) = (row.parse().ok()?, column.parse().ok()?);
    let (kind, message) = rest.split_once(": ")?;
    let (severity, code) = kind.split_once(' ')?;
    // Counted from 1, columns in UTF-16 as TypeScript counts.
    let start = Position {
        line: row.checked_sub(1)?,
        character: column.checked_sub(1)?,
    };
    Some(Diagnostic {
        path: named(texts, folder, file)?,
        range: Range { start, end: start },
        severity: if severity == "error" {
            Severity::Error
        } else {
            Severity::Warning
        },
        code: Some(code.to_owned()),
        source: Some("tsc".to_owned()),
        message: message.to_owned(),
        fixes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tsc_are_understood() {
        let texts = Texts::new(Path::new("/copy"), None);
        let output = "src/a.ts(3,5): error TS2322: Type 'string' is not assignable to type 'X'.\n  \
            Property 'y' is missing.\nerror TS18003: No inputs were found\n../out.ts(1,1): error TS1: no\n";
        let found = diagnostics(output, Path::new("/copy/web"), &texts);
        let shown: Vec<_> = found
            .iter()
            .map(|d| {
                format!(
                    "{}:{}:{} {}",
                    d.path, d.range.start.line, d.range.start.character, d.message
                )
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        web/src/a.ts:2:4 Type 'string' is not assignable to type 'X'.; Property 'y' is missing.
        ");
    }
}
