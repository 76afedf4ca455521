//! Explaining, as far as it goes without a model: what the checker says, and what the language server knows of
//! the name in question.

use serde_json::json;

use super::answer;
use super::turn::Turn;
use super::words::{Check, Problem};
use super::{Call, Next};

pub(super) fn next(turn: &Turn, can_hover: bool) -> Next {
    let done = |tool: &str| turn.steps.iter().flatten().find(|done| done.tool == tool);
    let Some(checked) = done("diagnostics") else {
        // Without a file or a problem there is nothing that a checker could say.
        let Some(path) = &turn.scope.path else {
            return Next::Answer(answer::cannot());
        };
        return Next::Call(vec![Call {
            tool: "diagnostics",
            input: json!({ "path": path }),
        }]);
    };
    let problems = subject(turn, &Check::parse(&checked.result));
    let hover = done("hover");
    if hover.is_none()
        && can_hover
        && let Some(call) = problems.first().and_then(about)
    {
        return Next::Call(vec![call]);
    }
    let hover = hover
        .filter(|done| !done.failed)
        .map(|done| done.result.as_str());
    Next::Answer(answer::explained(&problems, hover))
}

/// The problems that the request came with, as the checker tells them now; else those of the file.
fn subject(turn: &Turn, check: &Check) -> Vec<Problem> {
    let given = &turn.scope.problems;
    let Check::Done { problems, .. } = check else {
        return given.clone();
    };
    if given.is_empty() {
        return problems.clone();
    }
    let named = |problem: &&Problem| {
        given
            .iter()
            .any(|given| given.path == problem.path && given.line == problem.line)
    };
    let found: Vec<_> = problems.iter().filter(named).cloned().collect();
    if found.is_empty() {
        given.clone()
    } else {
        found
    }
}

/// Asks for the first name in the message.
fn about(problem: &Problem) -> Option<Call> {
    let is_name = |text: &&str| {
        text.chars().all(|c| c.is_alphanumeric() || c == '_')
            && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    // What stands between the first and the second back-tick, the third and the fourth, …
    let symbol = problem
        .message
        .split('`')
        .skip(1)
        .step_by(2)
        .find(is_name)?;
    let input = json!({ "path": problem.path, "line": problem.line, "symbol": symbol });
    Some(Call {
        tool: "hover",
        input,
    })
}
