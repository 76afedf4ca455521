//! What the rule engine says at the end: plainly what it did, what it left and why, and how to get more.

use std::fmt::Write as _;

use super::words::{Check, Problem};

/// Most lines of one list.
const MOST_LINES: usize = 12;

pub(super) const HOW: &str = "This was `builtin`, which applies the fixes that compilers and language servers offer and can do \
nothing else. For more, set `ANTHROPIC_API_KEY` or `OPENAI_API_KEY`, or run Ollama or llama.cpp on this machine, or name a \
model under `[models]` in `config.toml`; then start again.";

/// How a request to fix ended.
pub(super) struct Outcome {
    /// `place title` of each.
    pub(super) fixed: Vec<String>,
    /// `place reason` of each.
    pub(super) refused: Vec<String>,
    /// With the reason why.
    pub(super) left: Vec<(Problem, String)>,
    pub(super) check: Check,
}

/// For what only a real model can do.
pub(super) fn cannot() -> String {
    format!("I can't do this without a model.\n\n{HOW}")
}

pub(super) fn fixed(outcome: &Outcome) -> String {
    let left = outcome
        .left
        .iter()
        .map(|(problem, why)| format!("{}: {why}", line(problem)));
    let left: Vec<_> = left.collect();
    let checked = !matches!(outcome.check, Check::NotChecked(_));
    let complete = checked && left.is_empty() && outcome.refused.is_empty();
    let sections = [
        list("Proposed, for you to review:", &outcome.fixed),
        list("Could not be applied:", &outcome.refused),
        Some(verdict(outcome)),
        list("Left as they are:", &left),
        (!complete).then(|| HOW.to_owned()),
    ];
    join(sections)
}

fn verdict(outcome: &Outcome) -> String {
    let (problems, source, settled, more) = match &outcome.check {
        Check::NotChecked(reason) => {
            return format!("Not checked: {}.", reason.trim_end().trim_end_matches('.'));
        }
        Check::Done {
            problems,
            source,
            settled,
            more,
        } => (problems.len(), source, settled, more),
    };
    let now = if outcome.fixed.is_empty() { "" } else { " now" };
    let mut text = match (problems, outcome.left.len()) {
        (0, _) if outcome.fixed.is_empty() => {
            format!("There is nothing to fix: {source} finds no problems.")
        }
        (0, _) => format!("With that {source} finds no problems."),
        (_, 0) => format!(
            "{source} finds nothing more of what you asked for{now}, and {}.",
            count(problems, "other problem")
        ),
        (_, left) => format!("{source} still finds {}{now}.", count(left, "problem")),
    };
    for more in more {
        let _ = write!(text, " Besides: {}.", more.trim_end_matches('.'));
    }
    if !settled {
        text.push_str(" The checker was still at work, so more may show up.");
    }
    text
}

pub(super) fn explained(problems: &[Problem], hover: Option<&str>) -> String {
    if problems.is_empty() {
        return cannot();
    }
    let lines: Vec<_> = problems.iter().map(line).collect();
    let fixes: Vec<_> = problems
        .iter()
        .flat_map(|problem| problem.fixes.iter().cloned())
        .collect();
    let is_rustc = |code: &&String| {
        code.strip_prefix('E')
            .is_some_and(|number| number.len() == 4 && number.parse::<u16>().is_ok())
    };
    let code = problems
        .iter()
        .filter_map(|problem| problem.code.as_ref())
        .find(is_rustc);
    let sections = [
        list("The checker says:", &lines),
        list("It offers:", &fixes),
        hover.map(|hover| hover.trim().to_owned()),
        code.map(|code| format!("`rustc --explain {code}` tells more about this kind of error.")),
        Some(format!(
            "For an explanation of this very code I'd need a model. {HOW}"
        )),
    ];
    join(sections)
}

fn join(sections: impl IntoIterator<Item = Option<String>>) -> String {
    sections
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn line(problem: &Problem) -> String {
    let code = problem
        .code
        .as_ref()
        .map(|code| format!("[{code}]"))
        .unwrap_or_default();
    format!(
        "`{}:{}` {}{code}: {}",
        problem.path,
        problem.line,
        problem.severity.name(),
        problem.message
    )
}

/// `None` for no lines.
fn list(head: &str, lines: &[String]) -> Option<String> {
    if lines.is_empty() {
        return None;
    }
    let mut text = head.to_owned();
    for line in lines.iter().take(MOST_LINES) {
        let _ = write!(text, "\n- {line}");
    }
    if lines.len() > MOST_LINES {
        let _ = write!(text, "\n- and {} more", lines.len() - MOST_LINES);
    }
    Some(text)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
