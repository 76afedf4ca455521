//! Fixing: check, list the fixes on offer, apply the safe ones, check again, until nothing is left to do.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::answer::{self, Outcome};
use super::turn::{Done, Scope, Turn};
use super::words::{Check, Problem, Severity, offers};
use super::{Call, Next};

/// Most rounds of check, list, apply: a fix can uncover further errors, but not for ever.
const MOST_ROUNDS: usize = 24;
/// Most fixes that left a problem as it was before it's given up.
const MOST_TRIES: usize = 2;
/// Most calls of one step.
const MOST_CALLS: usize = 16;

/// Where a fix may be: the workspace-relative path and the 1-based line.
type Place = (String, u32);

pub(super) fn next(turn: &Turn) -> Next {
    let Some((last, _)) = turn.steps.split_last() else {
        return check(&turn.scope);
    };
    match kind(last) {
        Kind::Check | Kind::Other => list_or_answer(turn),
        Kind::Apply if last.iter().any(|done| !done.failed) => check(&turn.scope),
        Kind::List | Kind::Apply => apply_or_go_on(turn),
    }
}

enum Kind {
    Check,
    List,
    Apply,
    Other,
}

fn kind(step: &[Done]) -> Kind {
    match step.first() {
        Some(done) if done.tool == "diagnostics" => Kind::Check,
        Some(done) if done.tool == "quickfix" && applies(done) => Kind::Apply,
        Some(done) if done.tool == "quickfix" => Kind::List,
        _ => Kind::Other,
    }
}

fn applies(done: &Done) -> bool {
    done.input.get("apply").is_some_and(Value::is_u64)
}

fn check(scope: &Scope) -> Next {
    let input = scope
        .path
        .as_ref()
        .map_or_else(|| json!({}), |path| json!({ "path": path }));
    Next::Call(vec![Call {
        tool: "diagnostics",
        input,
    }])
}

/// Lists the fixes of the problems that were not looked at since the last check; an answer if there are none.
fn list_or_answer(turn: &Turn) -> Next {
    let checks: Vec<_> = turn
        .steps
        .iter()
        .flatten()
        .filter(|done| done.tool == "diagnostics")
        .collect();
    let Some(last) = checks.last() else {
        return check(&turn.scope);
    };
    if last.failed {
        return Next::Answer(answer::fixed(&outcome(
            turn,
            Check::NotChecked(last.result.clone()),
        )));
    }
    let checked = Check::parse(&last.result);
    if let Check::Done {
        problems, source, ..
    } = &checked
        && checks.len() <= MOST_ROUNDS
    {
        let places = open_places(turn, problems, !lists_fixes(source));
        if !places.is_empty() {
            let list = |(path, line)| Call {
                tool: "quickfix",
                input: json!({ "path": path, "line": line }),
            };
            return Next::Call(places.into_iter().take(MOST_CALLS).map(list).collect());
        }
    }
    Next::Answer(answer::fixed(&outcome(turn, checked)))
}

/// Whether this checker's results name the fixes that there are. A language server's don't: it is asked for them.
fn lists_fixes(source: &str) -> bool {
    ["cargo check", "tsc", "ruff", "pyright"]
        .iter()
        .any(|checker| source.contains(checker))
}

fn open_places(turn: &Turn, problems: &[Problem], ask: bool) -> BTreeSet<Place> {
    let listed: BTreeSet<Place> = since_check(turn).filter_map(place).collect();
    let wanted = problems
        .iter()
        .filter(|problem| (ask || !problem.fixes.is_empty()) && in_scope(turn, problem));
    let fresh = wanted.filter(|problem| tries(turn, problem) < MOST_TRIES);
    fresh
        .map(|problem| (problem.path.clone(), problem.line))
        .filter(|place| !listed.contains(place))
        .collect()
}

/// The calls since the last check.
fn since_check(turn: &Turn) -> impl Iterator<Item = &Done> {
    let checked = turn
        .steps
        .iter()
        .rposition(|step| matches!(kind(step), Kind::Check))
        .unwrap_or(0);
    turn.steps.iter().skip(checked).flatten()
}

fn place(done: &Done) -> Option<Place> {
    if done.tool != "quickfix" {
        return None;
    }
    let line = done.input.get("line")?.as_u64()?;
    Some((
        done.input.get("path")?.as_str()?.to_owned(),
        u32::try_from(line).ok()?,
    ))
}

/// How many fixes of this problem failed, or were applied and left as many of its kind as there were.
fn tries(turn: &Turn, problem: &Problem) -> usize {
    let (mut tries, mut applied) = (0, false);
    let mut before: Vec<u32> = Vec::new();
    for step in &turn.steps {
        match kind(step) {
            Kind::Check => {
                let now: Vec<u32> = step
                    .iter()
                    .flat_map(|done| lines_of(&done.result, problem))
                    .collect();
                tries += usize::from(std::mem::take(&mut applied) && now.len() >= before.len());
                before = now;
            }
            Kind::Apply => {
                let here = |(path, line): Place| path == problem.path && before.contains(&line);
                applied |= step
                    .iter()
                    .filter(|done| !done.failed)
                    .filter_map(place)
                    .any(here);
            }
            Kind::List | Kind::Other => {}
        }
    }
    tries
}

fn lines_of(result: &str, like: &Problem) -> Vec<u32> {
    super::words::problems(result)
        .into_iter()
        .filter(|problem| same(problem, like))
        .map(|problem| problem.line)
        .collect()
}

/// The same problem, wherever its line has moved to.
fn same(a: &Problem, b: &Problem) -> bool {
    a.path == b.path && a.code == b.code && a.message == b.message
}

/// Whether the request is about this problem: it named it, or it is an error that only showed after a fix, or
/// the request named none.
pub(super) fn in_scope(turn: &Turn, problem: &Problem) -> bool {
    let scope = &turn.scope;
    if scope.problems.is_empty() {
        return problem.severity == Severity::Error
            || scope.warnings && problem.severity == Severity::Warning;
    }
    let named = |given: &Problem| {
        given.path == problem.path
            && (given.line == problem.line || given.message == problem.message)
    };
    if scope.problems.iter().any(named) {
        return true;
    }
    let first = turn
        .steps
        .iter()
        .flatten()
        .find(|done| done.tool == "diagnostics");
    let known = first.is_some_and(|done| !lines_of(&done.result, problem).is_empty());
    problem.severity == Severity::Error && !known
}

/// Applies one safe fix in each file, an error's first. No more: the numbers and lines of the others were listed
/// for the text without it.
fn apply_or_go_on(turn: &Turn) -> Next {
    let errors: BTreeSet<Place> = last_problems(turn)
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| (problem.path, problem.line))
        .collect();
    let tried: BTreeSet<Place> = since_check(turn)
        .filter(|done| applies(done))
        .filter_map(place)
        .collect();
    let ask = turn
        .steps
        .iter()
        .flatten()
        .rfind(|done| done.tool == "diagnostics")
        .is_some_and(|done| matches!(Check::parse(&done.result), Check::Done { source, .. } if !lists_fixes(&source)));
    let safe = |done: &Done| {
        let offers = offers(&done.result);
        // Of a language server's fixes few say that they are safe; the only one on offer is worth a proposal.
        let only = ask && offers.len() == 1;
        let offer = offers
            .into_iter()
            .find(|offer| (offer.safe || only) && !done.failed)?;
        Some((
            place(done).filter(|place| !tried.contains(place))?,
            offer.number,
        ))
    };
    let mut fixes: Vec<(Place, u32)> = since_check(turn)
        .filter(|done| !applies(done))
        .filter_map(safe)
        .collect();
    if fixes.is_empty() {
        return list_or_answer(turn);
    }
    fixes.sort_by_cached_key(|(place, _)| (place.0.clone(), !errors.contains(place), place.1));
    fixes.dedup_by(|(later, _), (first, _)| later.0 == first.0);
    let apply = |((path, line), number)| Call {
        tool: "quickfix",
        input: json!({ "path": path, "line": line, "apply": number }),
    };
    Next::Call(fixes.into_iter().map(apply).collect())
}

fn last_problems(turn: &Turn) -> Vec<Problem> {
    let last = turn
        .steps
        .iter()
        .flatten()
        .rfind(|done| done.tool == "diagnostics");
    last.map(|done| super::words::problems(&done.result))
        .unwrap_or_default()
}

fn outcome(turn: &Turn, check: Check) -> Outcome {
    let applied = turn
        .steps
        .iter()
        .flatten()
        .filter(|done| done.tool == "quickfix" && applies(done));
    let mut outcome = Outcome {
        fixed: Vec::new(),
        refused: Vec::new(),
        left: Vec::new(),
        check,
    };
    for done in applied {
        let Some((path, line)) = place(done) else {
            continue;
        };
        let first = done.result.lines().next().unwrap_or_default();
        if done.failed {
            outcome.refused.push(format!("`{path}:{line}` {first}"));
        } else {
            outcome.fixed.push(format!(
                "`{path}:{line}` {}",
                first.strip_prefix("proposed: ").unwrap_or(first)
            ));
        }
    }
    outcome.refused.dedup();
    if let Check::Done { problems, .. } = &outcome.check {
        let left = problems.iter().filter(|problem| in_scope(turn, problem));
        outcome.left = left
            .map(|problem| (problem.clone(), why_left(turn, problem)))
            .collect();
    }
    outcome
}

fn why_left(turn: &Turn, problem: &Problem) -> String {
    if problem.fixes.is_empty() {
        return "no fix is on offer".to_owned();
    }
    if tries(turn, problem) > 0 {
        return "its fix did not help".to_owned();
    }
    let titles: Vec<_> = problem
        .fixes
        .iter()
        .take(3)
        .map(|title| format!("“{title}”"))
        .collect();
    format!(
        "not sure to be right, so yours to choose: {}",
        titles.join(", ")
    )
}
