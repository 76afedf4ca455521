//! Where a session stands, for people: the two folds that a resumed session goes on from, each by itself.
//!
//! Session state is what was said and what is allowed; workflow state is what is being done. Rendered as plain as the
//! transcript.

use std::fmt::Write as _;

use interline_log::{
    Conversation, Event, EventData, PermissionAnswer, Prefix, SessionSummary, Spent, StepState,
    TodoStatus, Workflow,
};

use crate::transcript::line;

/// Both states in Markdown.
#[must_use]
pub fn state(events: &[Event]) -> String {
    let mut out = String::new();
    // Writing into a String fails never.
    let _ = session(&mut out, events).and_then(|()| workflow(&mut out, &Workflow::of(events)));
    out
}

fn session(out: &mut String, events: &[Event]) -> std::fmt::Result {
    let Some(first) = events.first() else {
        return Ok(());
    };
    let mut conversation = Conversation::new();
    let mut summary = SessionSummary::new(first.session);
    let (mut allowed, mut denied, mut config) = (0, 0, None);
    let mut prefixes = Vec::new();
    for event in events {
        conversation.apply(event);
        summary.apply(event);
        match &event.data {
            EventData::SessionConfig { model, mode, .. } => config = Some((model, *mode)),
            EventData::PermissionDecided { answer, .. } if *answer == PermissionAnswer::Deny => {
                denied += 1;
            }
            EventData::PermissionDecided { .. } => allowed += 1,
            EventData::RequestSent {
                prefix: Some(prefix),
                ..
            } => prefixes.push(prefix),
            _ => {}
        }
    }
    writeln!(out, "## Session state\n")?;
    if let Some((model, mode)) = config {
        let mode = serde_json::to_string(&mode).unwrap_or_default();
        writeln!(
            out,
            "- model {}, mode {}",
            line(model),
            mode.trim_matches('"')
        )?;
    }
    let messages = conversation.messages().len();
    writeln!(out, "- {messages} messages, {}", took(&summary.spent))?;
    writeln!(out, "- permissions: {allowed} given, {denied} denied")?;
    stability(out, &prefixes)?;
    let labels = crate::resume::labels(events);
    for (label, words) in [
        (
            labels.untrusted,
            "content of others, such as from the network",
        ),
        (labels.private, "private data"),
    ] {
        if label {
            writeln!(out, "- has {words} in it")?;
        }
    }
    match (&summary.waiting, summary.open_turn) {
        (Some(text), _) => writeln!(out, "- waits for your permission: {}", line(text))?,
        (None, Some(_)) => writeln!(out, "- a turn has no end on record")?,
        (None, None) => {}
    }
    writeln!(out)
}

/// How stable the prompt's prefix was, and each time that it was not.
fn stability(out: &mut String, prefixes: &[&Prefix]) -> std::fmt::Result {
    let stabilities = prefixes.iter().filter_map(|prefix| prefix.stability());
    let Some(worst) = stabilities.clone().reduce(f64::min) else {
        return Ok(());
    };
    // Rounded down, for 1.000 has to mean all of it.
    let shown = |stability: f64| (stability * 1000.0).floor() / 1000.0;
    let requests = stabilities.count();
    writeln!(
        out,
        "- prompt prefix: {:.3} stable at the least, over {requests} requests that had one before them",
        shown(worst)
    )?;
    for prefix in prefixes.iter().filter(|prefix| prefix.kept < prefix.before) {
        let stability = shown(prefix.stability().unwrap_or_default());
        writeln!(out, "  - {stability:.3}, by {}", line(&prefix.reason))?;
    }
    Ok(())
}

fn workflow(out: &mut String, workflow: &Workflow) -> std::fmt::Result {
    writeln!(out, "## Workflow state\n")?;
    for item in &workflow.plan {
        let mark = match item.status {
            TodoStatus::Done => "x",
            TodoStatus::Active => ">",
            TodoStatus::Pending => " ",
        };
        writeln!(out, "- [{mark}] {}", line(&item.text))?;
    }
    let states = [
        (StepState::Ready, "ready"),
        (StepState::Leased, "leased"),
        (StepState::Intended, "intended"),
        (StepState::Done, "done"),
        (StepState::Failed, "failed"),
        (StepState::Unknown, "unknown"),
    ];
    let counts = states.iter().filter_map(|(state, word)| {
        let steps = workflow.steps.iter();
        let count = steps.filter(|step| step.state == *state).count();
        (count > 0).then(|| format!("{count} {word}"))
    });
    let counts: Vec<_> = counts.collect();
    if !counts.is_empty() {
        writeln!(out, "- steps: {}", counts.join(", "))?;
    }
    for step in &workflow.steps {
        let about = match step.state {
            StepState::Ready | StepState::Leased => "not begun",
            StepState::Intended | StepState::Unknown => {
                "has begun, and nobody knows how it ended: look before it is run again"
            }
            StepState::Done | StepState::Failed => continue,
        };
        writeln!(out, "  - `{}` {about}", line(&step.tool))?;
    }
    for (path, artefact) in &workflow.artefacts {
        let hash = artefact.sha256.get(..12).unwrap_or("none");
        writeln!(out, "- changed: {} (sha256 {hash}…)", line(path))?;
    }
    for (turn, budget) in &workflow.budget {
        let requests = budget.requests;
        writeln!(
            out,
            "- turn {turn}: {requests} requests, {}",
            took(&budget.spent)
        )?;
    }
    writeln!(out)
}

fn took(spent: &Spent) -> String {
    let unpriced = match spent.unpriced {
        0 => String::new(),
        count => format!(" and {count} responses without a known price"),
    };
    let usd = spent.cost_micro_usd as f64 / 1e6;
    format!("{} tokens, {usd:.4} USD{unpriced}", spent.usage.total())
}
