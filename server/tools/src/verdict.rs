//! What a session's edits do to the project's diagnostics: which problems they clear, and which are new.
//!
//! Looks with the same checkers as the `diagnostics` tool, and remembers nothing: the numbers of fixes that the model
//! was shown stay as they are. Problems are compared without their places, since every edit above moves them.

use std::collections::BTreeMap;
use std::sync::Arc;

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

    /// The very same finding, not an equal one.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What became of `before`. `None`: they can't be compared, other checkers spoke or of other files.
    #[must_use]
    pub fn since(&self, before: &Self) -> Option<Verdict> {
        let (before, after) = (&before.0, &self.0);
        if before.source != after.source || before.scope != after.scope {
            return None;
        }
        let mut known: BTreeMap<_, usize> = BTreeMap::new();
        for diagnostic in before.diagnostics.iter().filter(counts) {
            *known.entry(key(diagnostic)).or_default() += 1;
        }
        let mut new = Vec::new();
        let mut left = 0;
        for diagnostic in after.diagnostics.iter().filter(counts) {
            match known.get_mut(&key(diagnostic)) {
                Some(count @ 1..) => {
                    *count -= 1;
                    left += usize::from(diagnostic.severity == Severity::Error);
                }
                _ => new.push(diagnostic),
            }
        }
        let errors = new.iter().filter(|d| d.severity == Severity::Error).count();
        new.sort_by_key(|d| d.severity);
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Verdict {
            numbers: EditVerdict {
                by: after.source.clone(),
                cleared: number(known.values().sum()),
                new_errors: number(errors),
                new_warnings: number(new.len() - errors),
                left: number(left),
            },
            named: new
                .iter()
                .take(NAMED)
                .map(|d| diagnostics::line(d))
                .collect(),
        })
    }
}

/// Checks what the session's edits of `touched` did. Where `before` can't be compared with what is found now, the
/// project is checked once more without the edits. The error says why nothing could be checked; `None` is the user's
/// cancelling.
pub async fn verdict(
    environment: Environment,
    touched: &[WorkspacePath],
    before: Option<Findings>,
    cancel: CancellationToken,
) -> Option<Result<Verdict, String>> {
    match compare(environment, touched, before, &cancel).await {
        Ok(verdict) => Some(Ok(verdict)),
        Err(Stop::Failed(reason)) => Some(Err(reason)),
        Err(Stop::Cancelled) => None,
    }
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
            before,
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
        clears 1 problem, 1 new error, no new warnings, 1 error left (checked by cargo check)
        src/main.rs:2:5: error[E0425]: cannot find function `missing` in this scope: not found in this scope
        ");
        // What the model was told last serves as the text before where nothing else was checked.
        bench.call("diagnostics", json!({})).await;
        let told = Findings::last_told(&bench.environment);
        let edits = json!([{"old": "    missing();\n", "new": ""}]);
        bench
            .call("edit", json!({"path": "src/main.rs", "edits": edits}))
            .await;
        insta::assert_snapshot!(judge(&bench, told).await.expect("checked").trim(), @"clears 1 problem, no new errors, no new warnings, 1 error left (checked by cargo check)");
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
