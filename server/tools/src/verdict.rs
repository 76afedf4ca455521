//! What a session's edits do to the project's diagnostics: which problems they clear, and which are new.
//!
//! Looks with the same checkers as the `diagnostics` tool, and remembers nothing: the numbers of fixes that the model
//! was shown stay as they are. Problems are compared without their places, since every edit above moves them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::future::try_join_all;
use interline_log::{EditVerdict, SessionId};
use interline_workspace::editor::{Diagnostic, Severity};
use interline_workspace::path::WorkspacePath;
use tokio_util::sync::CancellationToken;

use crate::Environment;
use crate::diagnosis::{self, Diagnosis};
use crate::memory::Checked;
use crate::tool::Stop;
use crate::tools::diagnostics;

/// New problems that the verdict names.
const NAMED: usize = 20;
/// Codes that it names.
const CODES: usize = 8;
/// An editor is asked this often for what its servers say of a file; each time it gives them 2 s to settle.
const LOOKS: u32 = 4;

/// What was found wrong at one moment.
#[derive(Clone, Debug)]
pub struct Findings(Arc<Checked>);

/// What edits did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In numbers.
    pub numbers: EditVerdict,
    /// The new problems as `diagnostics` writes them, errors first, at most 20 lines.
    pub named: Vec<String>,
}

impl Findings {
    /// What `diagnostics` has last told the session.
    #[must_use]
    pub fn last_told(environment: &Environment) -> Option<Self> {
        environment.memory.last().map(Self)
    }

    /// What the editor's language servers say of all files now, settled or not: what stands before an edit lands.
    pub async fn of_editor(environment: &Environment, cancel: &CancellationToken) -> Option<Self> {
        if !environment.editor.abilities().query {
            return None;
        }
        let answer = diagnosis::by_editor(environment, None, cancel, true).await;
        answer.ok()?.map(|checked| Self(Arc::new(checked)))
    }

    /// The very same finding, not an equal one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn compares_with(&self, before: &Self) -> bool {
        let (before, after) = (&before.0, &self.0);
        let same_source = before.source == after.source || (before.by_editor && after.by_editor);
        same_source && before.by_editor == after.by_editor && before.scope == after.scope
    }

    /// What became of `before`. `None`: they can't be compared, other checkers spoke or of other files.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<Verdict> {
        self.compares_with(before)
            .then(|| delta(&before.0, &self.0))
    }
}

fn delta(before: &Checked, after: &Checked) -> Verdict {
    // What stands where it stood is the same; of what is left over, edits have moved the places.
    let before: Vec<_> = before.diagnostics.iter().filter(counts).collect();
    let stands = |d: &Diagnostic, there: &[&Diagnostic]| {
        let same = |other: &&Diagnostic| key(other) == key(d) && other.range == d.range;
        there.iter().any(same)
    };
    let after_all: Vec<_> = after.diagnostics.iter().filter(counts).collect();
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for diagnostic in before.iter().filter(|d| !stands(d, &after_all)) {
        *known.entry(key(diagnostic)).or_default() += 1;
    }
    let mut new = Vec::new();
    let mut left = 0u32;
    for diagnostic in &after_all {
        let is_known = stands(diagnostic, &before)
            || match known.get_mut(&key(diagnostic)) {
                Some(count @ 1..) => {
                    *count -= 1;
                    true
                }
                _ => false,
            };
        if !is_known {
            new.push(*diagnostic);
        } else if diagnostic.severity == Severity::Error {
            left = left.saturating_add(1);
        }
    }
    new.sort_by_key(|d| d.severity);
    let errors = new.partition_point(|d| d.severity == Severity::Error);
    let cleared = known.iter().filter(|(_, count)| **count > 0);
    let cleared_codes = codes(cleared.map(|((_, _, code, _), _)| *code));
    let new_codes = codes(new.iter().take(errors).map(|d| d.code.as_deref()));
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Verdict {
        numbers: EditVerdict {
            by: after.source.clone(),
            cleared: number(known.values().sum()),
            new_errors: number(errors),
            new_warnings: number(new.len() - errors),
            left,
            cleared_codes,
            new_codes,
        },
        named: new
            .iter()
            .take(NAMED)
            .map(|d| diagnostics::line(d))
            .collect(),
    }
}

/// Each once. None where one has no code: the others alone would tell a part for the whole.
fn codes<'a>(codes: impl Iterator<Item = Option<&'a str>>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for code in codes {
        let Some(code) = code else { return Vec::new() };
        if !found.iter().any(|known| known == code) {
            found.push(code.to_owned());
        }
    }
    found.truncate(CODES);
    found
}

/// What is known of the text before the edits.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// What `diagnostics` had told.
    pub told: Option<Findings>,
    /// What the editor's language servers said of all files before the first edit landed.
    pub editor: Option<Findings>,
}

/// Checks what the session's edits of `touched` did: what has landed by the editor's language servers, what is pending
/// by the project's checkers. Where what they find can't be compared with `before`, the project is checked once more
/// without the edits. The error says why nothing could be checked; `None` is the user's cancelling.
pub async fn verdict(
    environment: Environment,
    touched: &[WorkspacePath],
    before: Before,
    cancel: CancellationToken,
) -> Option<Result<Verdict, String>> {
    let before_it = before
        .editor
        .filter(|_| diagnosis::pending(&environment).is_empty());
    let by_editor = match before_it {
        Some(before) => by_servers(&environment, touched, before, &cancel).await,
        None => Ok(None),
    };
    let by_editor = match by_editor {
        Ok(found) => found,
        Err(stop) => return judged(Err(stop)),
    };
    let compared = compare(environment, touched, before.told, &cancel);
    match by_editor {
        Some(Ok(verdict)) => Some(Ok(verdict)),
        Some(Err(unsettled)) => judged(compared.await).map(|found| found.map_err(|_| unsettled)),
        None => judged(compared.await),
    }
}

fn judged(found: Result<Verdict, Stop>) -> Option<Result<Verdict, String>> {
    match found {
        Ok(verdict) => Some(Ok(verdict)),
        Err(Stop::Failed(reason)) => Some(Err(reason)),
        Err(Stop::Cancelled) => None,
    }
}

/// What the editor's language servers make of what has landed in `touched`, whatever else is pending. `None`: they are
/// not to be asked, or know nothing of one of the files; the error: they had not caught up in time.
pub async fn landed(
    environment: &Environment,
    touched: &[WorkspacePath],
    before: Findings,
    cancel: &CancellationToken,
) -> Option<Result<Verdict, String>> {
    let found = by_servers(environment, touched, before, cancel).await;
    found.ok().flatten()
}

/// As [`landed`].
async fn by_servers(
    environment: &Environment,
    touched: &[WorkspacePath],
    before: Findings,
    cancel: &CancellationToken,
) -> Result<Option<Result<Verdict, String>>, Stop> {
    // Asked of each file, they say whether they have seen its last change; asked of all, they only say what they know.
    let mut now: Vec<Checked> = Vec::new();
    let files = touched
        .iter()
        .map(|path| settled(environment, path, cancel));
    for (path, found) in touched.iter().zip(try_join_all(files).await?) {
        match found {
            None => return Ok(None),
            Some(found) if !found.settled => {
                let who = &found.source;
                let reason = format!("{who} had not caught up with the last change of {path}");
                return Ok(Some(Err(reason)));
            }
            Some(found) => now.push(found),
        }
    }
    let others = diagnosis::by_editor(environment, None, cancel, true).await?;
    let mut after = Checked {
        source: sources(&now),
        by_editor: true,
        settled: true,
        failed: Vec::new(),
        scope: None,
        diagnostics: now
            .into_iter()
            .flat_map(|found| found.diagnostics)
            .collect(),
        texts: HashMap::new(),
    };
    let others = others.into_iter().flat_map(|found| found.diagnostics);
    after
        .diagnostics
        .extend(others.filter(|d| !touched.contains(&d.path)));
    Ok(Some(Ok(delta(&before.0, &after))))
}

/// What they say of a file, asked again while they have not caught up: the first look at a project takes long.
async fn settled(
    environment: &Environment,
    path: &WorkspacePath,
    cancel: &CancellationToken,
) -> Result<Option<Checked>, Stop> {
    for _ in 1..LOOKS {
        match diagnosis::by_editor(environment, Some(path), cancel, true).await? {
            Some(found) if !found.settled => {}
            found => return Ok(found),
        }
    }
    diagnosis::by_editor(environment, Some(path), cancel, true).await
}

/// Who answered, each once.
fn sources(found: &[Checked]) -> String {
    let names = found.iter().flat_map(|found| found.source.split(','));
    let names: BTreeSet<&str> = names.map(str::trim).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

async fn compare(
    environment: Environment,
    touched: &[WorkspacePath],
    before: Option<Findings>,
    cancel: &CancellationToken,
) -> Result<Verdict, Stop> {
    let told_of_all = before.as_ref().is_some_and(|found| found.0.scope.is_none());
    let scope = match touched {
        [one] if !told_of_all => Some(one),
        _ => None,
    };
    let after = look(environment.clone(), scope, cancel).await?;
    if let Some(verdict) = before.and_then(|before| after.since(&before)) {
        return Ok(verdict);
    }
    // What is pending can be left out; what has landed can't.
    if diagnosis::pending(&environment).is_empty() {
        let reason = "nothing comparable is known of the text before the edits";
        return Err(Stop::Failed(reason.to_owned()));
    }
    let nobody = SessionId::new();
    let without = Environment {
        session: nobody,
        ..environment
    };
    let before = look(without, scope, cancel).await?;
    after
        .since(&before)
        .ok_or_else(|| Stop::Failed("the checkers changed meanwhile".to_owned()))
}

async fn look(
    environment: Environment,
    scope: Option<&WorkspacePath>,
    cancel: &CancellationToken,
) -> Result<Findings, Stop> {
    match diagnosis::look(&environment, scope, cancel).await? {
        Diagnosis::Checked(checked) => Ok(Findings(checked)),
        Diagnosis::NotChecked(reason) => Err(Stop::Failed(reason)),
    }
}

/// Hints and information come and go without anything being wrong.
fn counts(diagnostic: &&Diagnostic) -> bool {
    matches!(diagnostic.severity, Severity::Error | Severity::Warning)
}

fn key(diagnostic: &Diagnostic) -> (&WorkspacePath, Severity, Option<&str>, &str) {
    (
        &diagnostic.path,
        diagnostic.severity,
        diagnostic.code.as_deref(),
        &diagnostic.message,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Bench;

    const MANIFEST: &str =
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

    async fn judge(bench: &Bench, before: Option<Findings>) -> Result<String, String> {
        let touched = [WorkspacePath::new("src/main.rs").expect("a path")];
        let judged = verdict(
            bench.environment.clone(),
            &touched,
            Before {
                told: before,
                editor: None,
            },
            CancellationToken::new(),
        );
        let verdict = judged.await.expect("nobody cancels")?;
        Ok(format!("{}\n{}", verdict.numbers, verdict.named.join("\n")))
    }

    #[tokio::test]
    async fn new_and_cleared_problems_are_told_apart_wherever_they_stand() {
        let main = "fn main() {\n    let x: u32 = \"\";\n    let y: u8 = x;\n}\n";
        let bench = Bench::new(&[("Cargo.toml", MANIFEST), ("src/main.rs", main)]);
        assert!(Findings::last_told(&bench.environment).is_none());
        let edits = json!([
            {"old": "fn main() {\n", "new": "fn main() {\n    missing();\n"},
            {"old": "let x: u32 = \"\";", "new": "let x: u32 = 1;"},
        ]);
        bench
            .call("edit", json!({"path": "src/main.rs", "edits": edits}))
            .await;
        insta::assert_snapshot!(judge(&bench, None).await.expect("checked"), @r"
        clears E0308, 1 new error (E0425), no new warnings, 1 error left, checked by cargo check
        src/main.rs:2:5: error[E0425]: cannot find function `missing` in this scope: not found in this scope
        ");
        // What the model was told last serves as the text before where nothing else was checked.
        bench.call("diagnostics", json!({})).await;
        let told = Findings::last_told(&bench.environment);
        let edits = json!([{"old": "    missing();\n", "new": ""}]);
        bench
            .call("edit", json!({"path": "src/main.rs", "edits": edits}))
            .await;
        insta::assert_snapshot!(judge(&bench, told).await.expect("checked").trim(), @"clears E0425, no new problems, 1 error left, checked by cargo check");
    }

    #[tokio::test]
    async fn who_is_not_trusted_is_not_checked() {
        let mut bench = Bench::new(&[("Cargo.toml", MANIFEST), ("src/main.rs", "fn main() {}\n")]);
        bench.environment.trusted = false;
        bench
            .call("write", json!({"path": "src/new.rs", "content": "x"}))
            .await;
        let reason = judge(&bench, None).await.expect_err("not trusted");
        assert!(reason.contains("not trusted"), "{reason}");
    }
}
