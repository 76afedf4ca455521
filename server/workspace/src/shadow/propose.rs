//! From what a command changed to hunks of the session's proposal.

use interline_log::FileBytes;

use super::change::{Blob, Change, Changes};
use crate::Workspace;
use crate::path::WorkspacePath;
use crate::proposal::{Origin, Outcome, ProposalError, Proposed, ProposedFile};

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
                // The names may be taken, or one of them is a move's already: then it is two changes.
                let moved = if is_new_with_mode(workspace, origin, from) {
                    None
                } else {
                    let moved = Proposed::Move(to.clone());
                    workspace.propose(origin, from, moved).ok()
                };
                if let Some(outcome) = moved {
                    self.outcomes.push(outcome);
                } else {
                    self.rewrite(workspace, origin, from, (Some(text.clone()), None));
                    self.rewrite(workspace, origin, to, (None, Some(text.clone())));
                }
            }
            Change::Binary { path, new, lost } => {
                let new = new
                    .as_ref()
                    .map(|blob| keep(workspace, origin, path, blob))
                    .transpose();
                let proposed = new.and_then(|new| {
                    let what = ProposedFile::Binary { new, lost: *lost };
                    // A name that a move has to do with: it is two changes then.
                    let moved = moved_text(workspace, origin, path);
                    if workspace.is_moved_here(origin.session, path) {
                        self.propose(workspace, origin, path, Proposed::Delete);
                    }
                    let proposed = workspace.propose_file(origin, path, &what);
                    Ok((proposed?, moved))
                });
                match proposed {
                    Ok((outcome, moved)) => {
                        self.push(Ok(outcome));
                        self.make(workspace, origin, moved);
                    }
                    Err(error) => self.push(Err(error)),
                }
            }
            Change::Executable { path, executable } => {
                let executable = *executable;
                let what = ProposedFile::Mode { executable };
                self.push(workspace.propose_file(origin, path, &what));
            }
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
        let is_new = old.is_none() && new.is_some();
        let moved = is_new
            .then(|| moved_text(workspace, origin, path))
            .flatten();
        self.propose(workspace, origin, path, Proposed::Rewrite { old, new });
        self.make(workspace, origin, moved);
    }

    fn make(
        &mut self,
        workspace: &Workspace,
        origin: Origin,
        file: Option<(WorkspacePath, String)>,
    ) {
        if let Some((path, text)) = file {
            let (old, new) = (None, Some(text));
            self.propose(workspace, origin, &path, Proposed::Rewrite { old, new });
        }
    }

    fn propose(
        &mut self,
        workspace: &Workspace,
        origin: Origin,
        path: &WorkspacePath,
        what: Proposed,
    ) {
        self.push(workspace.propose(origin, path, what));
    }

    fn push(&mut self, proposed: Result<Outcome, ProposalError>) {
        match proposed {
            Ok(outcome) if is_empty(&outcome) => {}
            Ok(outcome) => self.outcomes.push(outcome),
            Err(ProposalError(reason)) => self.notices.push(reason),
        }
    }
}

/// A file that is not on disk, with a mode that is proposed for its name: both go where the file goes.
fn is_new_with_mode(workspace: &Workspace, origin: Origin, path: &WorkspacePath) -> bool {
    let views = workspace.entry_views(origin.session);
    let has_mode = views
        .get(path)
        .is_some_and(|view| view.executable.is_some());
    has_mode
        && workspace
            .root()
            .join(path.as_str())
            .symlink_metadata()
            .is_err()
}

/// Where the proposal moves a file to, and its text.
fn moved_text(
    workspace: &Workspace,
    origin: Origin,
    path: &WorkspacePath,
) -> Option<(WorkspacePath, String)> {
    let to = workspace.moved_to(origin.session, path)?;
    let text = workspace.proposed_text(origin.session, &to).ok()?;
    Some((to, text))
}

/// From the shadow's own folder to where the session's bytes are: they are needed as long as its log.
fn keep(
    workspace: &Workspace,
    origin: Origin,
    path: &WorkspacePath,
    blob: &Blob,
) -> Result<FileBytes, ProposalError> {
    let failed = |error: &dyn std::fmt::Display| {
        ProposalError(format!(
            "`{path}` was dropped, since it can't be kept: {error}"
        ))
    };
    let attachments = workspace
        .attachments(origin.session)
        .ok_or_else(|| failed(&"this session keeps no bytes"))?;
    let bytes = std::fs::read(&blob.file).map_err(|error| failed(&error))?;
    attachments.keep(&bytes).map_err(|error| failed(&error))
}

/// The text is that already, by what somebody did in the meantime.
fn is_empty(outcome: &Outcome) -> bool {
    matches!(&outcome.event, interline_log::EventData::EditProposed { replaces, hunks, .. }
        if replaces.is_empty() && hunks.is_empty())
}
