//! A workspace whose buffers are open for one case each.

use std::sync::Arc;

use interline_log::{CallId, SessionId, TurnId};
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Origin, Proposed, Replacement};

pub(crate) struct Desk {
    _folder: tempfile::TempDir,
    workspace: Arc<Workspace>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(folder.path()).unwrap();
        Self {
            _folder: folder,
            workspace,
        }
    }

    /// What a session sees of a text after its edits, all of one call.
    pub(crate) fn edited(
        &self,
        name: &str,
        before: &str,
        edits: &[(String, String)],
    ) -> Result<String, String> {
        let edits = edits.iter().map(|(old, new)| Replacement {
            old: old.clone(),
            new: new.clone(),
            count: 1,
        });
        self.proposed(name, before, Proposed::Replace(edits.collect()))
    }

    /// What a session sees of a text after what it proposes.
    pub(crate) fn proposed(
        &self,
        name: &str,
        before: &str,
        what: Proposed,
    ) -> Result<String, String> {
        let path = WorkspacePath::new(name).unwrap();
        let file = self.workspace.root().join(name);
        self.workspace
            .did_open(name, Some(&file), "text", 1, before);
        let origin = Origin {
            session: SessionId::new(),
            turn: TurnId::new(),
            call: CallId::new(),
        };
        let done = self.workspace.propose(origin, &path, what);
        let text = done.map(|_| self.workspace.proposed_text(origin.session, &path).unwrap());
        self.workspace.forget(origin.session);
        self.workspace.did_close(name);
        text.map_err(|error| error.0)
    }
}
