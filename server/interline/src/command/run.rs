//! `interline run`: one turn without an editor, then the review.

use std::path::PathBuf;
use std::sync::Arc;

use interline_agent::{Agent, Request, Selection};
use interline_log::TurnOutcome;
use interline_workspace::Workspace;

use super::{Rooms, exit, print, runtime};
use crate::args::{Output, Run};
use crate::config::Flags;
use crate::terminal::count::counted;
use crate::terminal::style::Style;
use crate::terminal::{Terminal, diff, review};

/// What happens to the proposal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Apply,
    Diff,
    Review,
}

impl Then {
    /// Without a terminal nobody can review: then the proposal is printed.
    pub(super) fn new(apply: bool, diff: bool, terminal: &Terminal) -> Self {
        match (apply, diff || !terminal.interactive()) {
            (true, _) => Self::Apply,
            (false, true) => Self::Diff,
            (false, false) => Self::Review,
        }
    }
}

pub(super) fn run(folder: Option<PathBuf>, args: Run) -> anyhow::Result<u8> {
    let terminal = Arc::new(Terminal::new(args.output));
    let flags = Flags {
        model: args.model,
        mode: args.mode,
        trust: args.trust,
        budget: args.budget,
    };
    let rooms = Rooms::open(folder, &flags)?;
    for warning in &rooms.config.warnings {
        terminal.note(&format!("interline: {warning}"));
    }
    let then = Then::new(args.apply, args.diff, &terminal);
    runtime()?.block_on(async {
        let agent = rooms.agent(terminal.clone());
        rooms.tell_interrupted(&agent, &terminal);
        ask_for_trust(&agent, &terminal, &rooms.workspace);
        let request = Request {
            title: title(&args.request),
            text: args.request,
            ..Request::default()
        };
        turn(&agent, &terminal, request).await?;
        let reviewed = after(&agent, &terminal, &rooms.workspace, then, args.output).await;
        agent.close().await;
        reviewed?;
        Ok(code(&terminal))
    })
}

/// Runs a turn to its end. Ctrl-C cancels it; what is on record stays.
pub(super) async fn turn(
    agent: &Agent,
    terminal: &Terminal,
    request: Request,
) -> anyhow::Result<()> {
    let started = agent.prompt(request)?;
    ended(agent, terminal).await;
    if let Some(session) = started.session
        && code(terminal) == exit::BUDGET
    {
        terminal.note(&format!(
            "to go on for 5 USD more: interline sessions resume {session} --budget 5 \"go on\""
        ));
    }
    Ok(())
}

/// Waits for the end of what runs. Ctrl-C cancels it.
pub(super) async fn ended(agent: &Agent, terminal: &Terminal) {
    tokio::select! {
        () = agent.idle() => {}
        _ = tokio::signal::ctrl_c() => {
            terminal.note("cancelling …");
            agent.cancel(None);
            agent.idle().await;
        }
    }
}

/// Does with the proposal what was asked for.
pub(super) async fn after(
    agent: &Agent,
    terminal: &Terminal,
    workspace: &Workspace,
    then: Then,
    output: Output,
) -> anyhow::Result<()> {
    let files = agent.diff(&Selection::default());
    if files.is_empty() {
        return Ok(());
    }
    let style = if output == Output::Jsonl {
        Style::plain()
    } else {
        Style::detect()
    };
    let text = diff::unified(&files, style);
    match (then, output) {
        (Then::Review, _) => {
            let decided = review::review(terminal, workspace);
            review::carry_out(agent, &decided).await?;
        }
        (_, Output::Jsonl) => print(&format!(
            "{}\n",
            serde_json::json!({"type": "proposal", "diff": text})
        )),
        (_, Output::Text) => terminal.say(&format!("\n{text}")),
    }
    if then == Then::Apply {
        let hunks = workspace.hunks().into_iter().flat_map(|file| file.hunks);
        let ids: Vec<_> = hunks.map(|hunk| hunk.id).collect();
        agent.accept_and_wait(&ids).await?;
        terminal.note(&format!("{} applied", counted(ids.len() as u64, "change")));
    }
    Ok(())
}

/// An untrusted folder runs none of its own code; somebody at a terminal can change that.
fn ask_for_trust(agent: &Agent, terminal: &Terminal, workspace: &Workspace) {
    if agent.trusted() || !terminal.interactive() {
        return;
    }
    if terminal.confirm(&format!(
        "\nTrust {}?\nThen Interline may run this folder's own checker (such as `cargo check`, which runs its build scripts).",
        workspace.root().display()
    )) && let Err(error) = agent.trust(true)
    {
        terminal.note(&format!("interline: {error}"));
    }
}

pub(super) fn code(terminal: &Terminal) -> u8 {
    match terminal.outcome() {
        Some(TurnOutcome::Done) if terminal.denied() => exit::DENIED,
        Some(TurnOutcome::Done) => exit::DONE,
        Some(TurnOutcome::Stopped { reason, .. }) if reason == "budget" => exit::BUDGET,
        _ => exit::FAILED,
    }
}

/// A few words for lists.
pub(super) fn title(text: &str) -> String {
    const MAX: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= MAX {
        line.to_owned()
    } else {
        line.chars().take(MAX - 1).chain(['…']).collect()
    }
}
