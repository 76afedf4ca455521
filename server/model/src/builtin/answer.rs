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
    let mut text = String::new();
    if !outcome.fixed.is_empty() {
        list(&mut text, "Proposed, for you to review:", &outcome.fixed);
    }
    if !outcome.refused.is_empty() {
        list(&mut text, "Could not be applied:", &outcome.refused);
    }
    let left = outcome
        .left
        .iter()
        .map(|(problem, why)| format!("{}: {why}", line(problem)));
    let left: Vec<_> = left.collect();
    match &outcome.check {
        Check::NotChecked(reason) => {
            let _ = writeln!(
                text,
                "Not checked: {}.",
                reason.trim_end().trim_end_matches('.')
            );
        }
        Check::Done {
            source, settled, ..
        } => {
            verdict(&mut text, outcome, source);
            if !settled {
                text.push_str("The checker was still at work, so more may show up.\n");
            }
        }
    }
    if !left.is_empty() {
        text.push('\n');
        list(&mut text, "Left as they are:", &left);
    }
    if !outcome.left.is_empty()
        || !outcome.refused.is_empty()
        || matches!(outcome.check, Check::NotChecked(_))
    {
        let _ = write!(text, "\n{HOW}");
    }
    text.trim_end().to_owned()
}

fn verdict(text: &mut String, outcome: &Outcome, source: &str) {
    let problems = match &outcome.check {
        Check::Done { problems, .. } => problems.len(),
        Check::NotChecked(_) => 0,
    };
    let now = if outcome.fixed.is_empty() { "" } else { " now" };
    let _ = match (problems, outcome.left.len()) {
        (0, _) if outcome.fixed.is_empty() => {
            writeln!(text, "There is nothing to fix: {source} finds no problems.")
        }
        (0, _) => writeln!(text, "With that {source} finds no problems."),
        (others, 0) => writeln!(
            text,
            "{source} finds nothing more of what you asked for{now}, and {}.",
            other(others)
        ),
        (_, left) => writeln!(text, "{source} still finds {}{now}.", count(left)),
    };
}

pub(super) fn explained(problems: &[Problem], hover: Option<&str>) -> String {
    if problems.is_empty() {
        return cannot();
    }
    let lines: Vec<_> = problems.iter().map(line).collect();
    let mut text = String::new();
    list(&mut text, "The checker says:", &lines);
    for fix in problems
        .iter()
        .flat_map(|problem| &problem.fixes)
        .take(MOST_LINES)
    {
        let _ = writeln!(text, "- it offers: {fix}");
    }
    if let Some(hover) = hover {
        let _ = writeln!(text, "\n{}", hover.trim());
    }
    let is_rustc = |code: &&String| {
        code.len() == 5 && code.starts_with('E') && code.chars().skip(1).all(|c| c.is_ascii_digit())
    };
    if let Some(code) = problems
        .iter()
        .filter_map(|problem| problem.code.as_ref())
        .find(is_rustc)
    {
        let _ = writeln!(
            text,
            "\n`rustc --explain {code}` tells more about this kind of error."
        );
    }
    let _ = write!(
        text,
        "\nFor an explanation of this very code I'd need a model. {HOW}"
    );
    text
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

fn list(text: &mut String, head: &str, lines: &[String]) {
    let _ = writeln!(text, "{head}");
    for line in lines.iter().take(MOST_LINES) {
        let _ = writeln!(text, "- {line}");
    }
    if lines.len() > MOST_LINES {
        let _ = writeln!(text, "- and {} more", lines.len() - MOST_LINES);
    }
    text.push('\n');
}

fn count(problems: usize) -> String {
    if problems == 1 {
        "1 problem".to_owned()
    } else {
        format!("{problems} problems")
    }
}

fn other(problems: usize) -> String {
    if problems == 1 {
        "1 other problem".to_owned()
    } else {
        format!("{problems} other problems")
    }
}
