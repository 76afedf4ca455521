//! Hunk by hunk on the terminal: accept, reject, or leave for later.

use std::path::Path;

use interline_agent::{Agent, Selection};
use interline_log::{HunkId, HunkKind};
use interline_policy::is_executable_config;
use interline_workspace::Workspace;
use interline_workspace::proposal::{Hunk, HunkState};

use super::prompt::ask;
use super::{Terminal, visible};

/// What the user decided.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    pub(crate) accepted: Vec<HunkId>,
    pub(crate) rejected: Vec<HunkId>,
}

/// Goes through the pending hunks. What is neither accepted nor rejected stays pending on record.
pub(crate) fn review(terminal: &Terminal, workspace: &Workspace) -> Decided {
    let mut decided = Decided::default();
    let hunks: Vec<Hunk> = workspace
        .hunks()
        .into_iter()
        .flat_map(|file| file.hunks)
        .collect();
    let total = hunks.len();
    let mut all = false;
    for (index, hunk) in hunks.into_iter().enumerate() {
        if all {
            decided.accepted.push(hunk.id);
            continue;
        }
        terminal.note(&render(terminal, &hunk, index + 1, total));
        if hunk.state == HunkState::Conflict {
            terminal.note("  in conflict with the text of now: it stays pending");
            continue;
        }
        match ask(
            "Accept this change? [y]es, [n]o, [a]ll, [l]ater, [q]uit: ",
            &|| false,
        )
        .as_deref()
        {
            Some("y" | "yes") => decided.accepted.push(hunk.id),
            Some("n" | "no") => decided.rejected.push(hunk.id),
            Some("a" | "all") => {
                decided.accepted.push(hunk.id);
                all = true;
            }
            Some("l" | "later" | "") => {}
            _ => break,
        }
    }
    decided
}

/// Carries the decisions out.
pub(crate) async fn carry_out(agent: &Agent, decided: &Decided) -> anyhow::Result<()> {
    for &hunk in &decided.rejected {
        agent.reject(Selection {
            hunk: Some(hunk),
            ..Selection::default()
        })?;
    }
    agent.accept_and_wait(&decided.accepted).await?;
    Ok(())
}

fn render(terminal: &Terminal, hunk: &Hunk, index: usize, total: usize) -> String {
    let style = terminal.style;
    let what = match &hunk.kind {
        HunkKind::Text => format!("{}:{}", hunk.path, hunk.start_line + 1),
        HunkKind::Create => format!("{} (new file)", hunk.path),
        HunkKind::Delete => format!("{} (deleted)", hunk.path),
        HunkKind::Move { to } => format!("{} → {to}", hunk.path),
        HunkKind::Binary { before: None, .. } => format!("{} (new file)", hunk.path),
        HunkKind::Binary { after: None, .. } => format!("{} (deleted)", hunk.path),
        HunkKind::Binary { .. } => format!("{} (no text)", hunk.path),
        HunkKind::Mode { .. } => format!("{} (mode)", hunk.path),
    };
    let mut text = format!("\n{}", style.bold(&format!("{index}/{total} {what}")));
    let moved = match &hunk.kind {
        HunkKind::Move { to } => is_executable_config(Path::new(to)),
        _ => false,
    };
    if moved || is_executable_config(Path::new(hunk.path.as_str())) {
        text.push_str("\n  other programs run or obey this file");
    }
    for line in hunk.old.lines() {
        text.push_str(&format!(
            "\n{}",
            style.removed(&format!("-{}", visible(line)))
        ));
    }
    for line in hunk.new.lines() {
        text.push_str(&format!(
            "\n{}",
            style.added(&format!("+{}", visible(line)))
        ));
    }
    text
}
