//! From what a command changed to hunks of the session's proposal.

use super::change::{Change, Changes};
use crate::Workspace;
use crate::path::WorkspacePath;
use crate::proposal::{Origin, Outcome, ProposalError, Proposed};

/// What became of a command's changes.
#[derive(Debug, Default)]
pub struct Taken {
    /// Those that are hunks now, to be logged in this order.
    pub outcomes: Vec<Outcome>,
    /// Those that can't be, and what else there is to know; each a sentence for the model and the user.
    pub notices: Vec<String>,
}

impl Changes {
    /// Proposes all of it. A change that can't be proposed keeps none of the others back.
    #[must_use]
    pub fn propose(&self, workspace: &Workspace, origin: Origin) -> Taken {
        let mut taken = Taken::default();
        for change in &self.changes {
            taken.take(workspace, origin, change);
        }
        taken
            .notices
            .extend(self.notes.iter().map(ToString::to_string));
        taken
    }
}

impl Taken {
    fn take(&mut self, workspace: &Workspace, origin: Origin, change: &Change) {
        match change {
            Change::Text { path, old, new } => {
                self.rewrite(workspace, origin, path, (old.clone(), new.clone()));
            }
            Change::Renamed { from, to, text } => {
                let moved = workspace.propose(origin, from, Proposed::Move(to.clone()));
                // The names may be taken, or one of them is a move's already: then it is two changes.
                if let Ok(outcome) = moved {
                    self.outcomes.push(outcome);
                } else {
                    self.rewrite(workspace, origin, from, (Some(text.clone()), None));
                    self.rewrite(workspace, origin, to, (None, Some(text.clone())));
                }
            }
            Change::Binary { path, new } => self.notices.push(match new {
                Some(_) => format!(
                    "`{path}` is no text: what the command made of it is in the shadow only"
                ),
                None => format!("`{path}` is no text: it is deleted in the shadow only"),
            }),
            Change::Executable { path, executable } => self.notices.push(format!(
                "`{path}` is {} executable in the shadow only",
                if *executable { "now" } else { "no longer" }
            )),
        }
    }

    fn rewrite(
        &mut self,
        workspace: &Workspace,
        origin: Origin,
        path: &WorkspacePath,
        (old, new): (Option<String>, Option<String>),
    ) {
        // A file that the proposal moved away, whose name the command made anew: it is a new one at its new name.
        let moved = workspace
            .moved_to(origin.session, path)
            .filter(|_| old.is_none() && new.is_some());
        let moved = moved.and_then(|to| {
            let text = workspace.proposed_text(origin.session, &to).ok()?;
            Some((to, text))
        });
        self.propose(workspace, origin, path, Proposed::Rewrite { old, new });
        if let Some((to, text)) = moved {
            let new = Some(text);
            self.propose(workspace, origin, &to, Proposed::Rewrite { old: None, new });
        }
    }

    fn propose(
        &mut self,
        workspace: &Workspace,
        origin: Origin,
        path: &WorkspacePath,
        what: Proposed,
    ) {
        match workspace.propose(origin, path, what) {
            Ok(outcome) if is_empty(&outcome) => {}
            Ok(outcome) => self.outcomes.push(outcome),
            Err(ProposalError(reason)) => self.notices.push(reason),
        }
    }
}

/// The text is that already, by what somebody did in the meantime.
fn is_empty(outcome: &Outcome) -> bool {
    matches!(&outcome.event, interline_log::EventData::EditProposed { replaces, hunks, .. }
        if replaces.is_empty() && hunks.is_empty())
}
