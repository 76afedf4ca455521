//! One workspace: its folder, its open documents and the proposals on them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, mpsc};

use interline_log::{Event, EventData, HunkId, SessionId, TurnId};
use tokio::sync::watch;

use crate::checks::Checks;
use crate::disk;
use crate::document::{Change, Document};
use crate::documents::Documents;
use crate::indexing::Indexing;
use crate::path::{self, WorkspacePath};
use crate::proposal::{
    FileHunks, Hunk, Landing, Origin, Outcome, ProposalError, Proposals, Proposed, ProposedFile,
};
use crate::symbols::Index;

/// One workspace. Shared by the frontier (text sync) and the agent; every method is quick and waits for nobody.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    pub(crate) documents: Documents,
    pub(crate) proposals: Mutex<Proposals>,
    pub(crate) checks: Checks,
    changed: watch::Sender<u64>,
    pub(crate) indexing: OnceLock<Arc<Indexing>>,
    pub(crate) index: Index,
}

impl Workspace {
    /// A workspace at `root` (made canonical here). Reads nothing below it.
    pub fn open(root: &Path) -> std::io::Result<Arc<Self>> {
        let (queue, updates) = mpsc::channel();
        let root = root.canonicalize()?;
        Ok(Arc::new(Self {
            index: Index::new(&root),
            root,
            documents: Documents::new(queue),
            proposals: Mutex::new(Proposals::new(updates)),
            checks: Checks::default(),
            changed: watch::Sender::new(0),
            indexing: OnceLock::new(),
        }))
    }

    /// Canonical path of the folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    // --- text sync: called by the frontier in message order, never awaits ---

    /// A buffer was opened (or opened again: then it is replaced). `file` is its absolute path, where it has one.
    pub fn did_open(
        &self,
        uri: &str,
        file: Option<&Path>,
        language: &str,
        version: i32,
        text: &str,
    ) {
        let path = file.and_then(|file| self.path_of(file));
        self.documents.open(uri, path, language, version, text);
        self.touch();
    }

    /// A buffer changed. Unknown buffers and impossible ranges are errors for the log; the mirror stays as it was.
    pub fn did_change(
        &self,
        uri: &str,
        version: i32,
        changes: &[Change],
    ) -> Result<(), ProposalError> {
        if self.documents.change(uri, version, changes)? || self.checks.stand() {
            self.touch();
        }
        Ok(())
    }

    /// A buffer was closed: its file on disk counts again.
    pub fn did_close(&self, uri: &str) {
        self.documents.close(uri);
        self.touch();
    }

    // --- what the user sees ---

    /// The open buffer with this name.
    #[must_use]
    pub fn document(&self, uri: &str) -> Option<Arc<Document>> {
        self.documents.get(uri)
    }

    /// The open buffer of a file.
    #[must_use]
    pub fn document_at(&self, path: &WorkspacePath) -> Option<Arc<Document>> {
        self.documents.at(path).map(|snapshot| snapshot.document)
    }

    /// All open buffers.
    #[must_use]
    pub fn documents(&self) -> Vec<Arc<Document>> {
        self.documents.all()
    }

    /// The path of a file of the workspace, symlinks resolved; `None` for files outside.
    #[must_use]
    pub fn path_of(&self, file: &Path) -> Option<WorkspacePath> {
        path::relative(&self.root, file)
    }

    /// The absolute path; an error where a symlink on the way leads outside.
    pub fn resolve(&self, path: &WorkspacePath) -> Result<PathBuf, ProposalError> {
        path::locate(&self.root, path)
    }

    /// The text that the user sees: the buffer, else the file. Errors name binary, huge (over 50 MB), missing files.
    pub fn text(&self, path: &WorkspacePath) -> Result<String, ProposalError> {
        self.user_text(path)?.ok_or_else(|| missing(path))
    }

    /// The text on disk, whatever a buffer says; `None` where there is no file. Errors as of [`Workspace::text`].
    pub fn saved_text(&self, path: &WorkspacePath) -> Result<Option<String>, ProposalError> {
        let saved = disk::read(&self.resolve(path)?, path)?;
        Ok(saved.map(|saved| saved.text))
    }

    /// The text that the user sees; `None` where there is neither a buffer nor a file.
    pub(crate) fn user_text(&self, path: &WorkspacePath) -> Result<Option<String>, ProposalError> {
        if let Some(document) = self.document_at(path) {
            return Ok(Some(document.text()));
        }
        let file = self.resolve(path)?;
        let canonical = path::relative(&self.root, &file);
        if let Some(document) = canonical.and_then(|path| self.document_at(&path)) {
            return Ok(Some(document.text()));
        }
        Ok(disk::read(&file, path)?.map(|found| found.text))
    }

    /// The text that a session sees: the user's text with the session's pending hunks in it.
    pub fn proposed_text(
        &self,
        session: SessionId,
        path: &WorkspacePath,
    ) -> Result<String, ProposalError> {
        self.session_text(session, path)?
            .ok_or_else(|| missing(path))
    }

    /// Every open unsaved buffer and every file with pending hunks of the session, with the text that the session
    /// sees; `None`: the file is deleted in the proposal. What a checker's copy of the workspace must overlay.
    #[must_use]
    pub fn overlay(&self, session: SessionId) -> Vec<(WorkspacePath, Option<String>)> {
        self.overlaid(session)
    }

    /// Open buffers of files of the workspace whose text is not what is on disk. Reads the disk: not for the typing
    /// path.
    #[must_use]
    pub fn unsaved(&self) -> Vec<Arc<Document>> {
        let mut all = self.documents();
        all.retain(|document| {
            let Some(path) = &document.path else {
                return false;
            };
            let saved = self.resolve(path).and_then(|file| disk::read(&file, path));
            // What can't be read back can't be what is in the buffer.
            !matches!(saved, Ok(Some(saved)) if same(&saved.text, &document.text()))
        });
        all
    }

    // --- proposals ---

    /// Adds hunks to a session's proposal. Atomic: on an error nothing changes.
    pub fn propose(
        &self,
        origin: Origin,
        path: &WorkspacePath,
        what: Proposed,
    ) -> Result<Outcome, ProposalError> {
        self.propose_change(origin, path, &what)
    }

    /// Adds hunks of several files, or of one in several ways, one after another. Atomic over all of them.
    pub fn propose_all(
        &self,
        origin: Origin,
        changes: &[(WorkspacePath, Proposed)],
    ) -> Result<Vec<Outcome>, ProposalError> {
        let changes: Vec<_> = changes.iter().map(|(path, what)| (path, what)).collect();
        self.propose_changes(origin, &changes)
    }

    /// The text of a file that a session sees, and the one that it would see with a proposal; `None` where the file
    /// would have none. Changes nothing; the error is that of [`Workspace::propose`].
    pub fn preview(
        &self,
        session: SessionId,
        path: &WorkspacePath,
        what: &Proposed,
    ) -> Result<Option<(String, String)>, ProposalError> {
        self.preview_change(session, path, what)
    }

    /// Adds a hunk about a file as a whole to a session's proposal: what a command made of it.
    pub fn propose_file(
        &self,
        origin: Origin,
        path: &WorkspacePath,
        what: &ProposedFile,
    ) -> Result<Outcome, ProposalError> {
        self.propose_entry(origin, path, what)
    }

    /// Pending and conflicting hunks of every session, rebased to the buffers of now.
    #[must_use]
    pub fn hunks(&self) -> Vec<FileHunks> {
        self.settled(true).hunks()
    }

    /// One hunk in any state.
    #[must_use]
    pub fn hunk(&self, id: HunkId) -> Option<Hunk> {
        self.proposals().hunk(id)
    }

    /// Begins to accept hunks: one landing a file; they are `Applying` until [`Workspace::landed`].
    /// Conflicts are refused, with the reason, when named; of a whole proposal they are left out.
    pub fn accept(&self, hunks: &[HunkId]) -> Result<Vec<Landing>, ProposalError> {
        self.accept_hunks(hunks)
    }

    /// Ends a landing. `confirmed`: the text has (or had, before further typing) the hash after it.
    /// Not confirmed: the hunks are pending again, at their places in the buffer of now.
    pub fn landed(&self, landing: &Landing, confirmed: bool) {
        self.end_landing(landing, confirmed);
    }

    /// Has the buffer of this landing shown the text after it? True once any version of the buffer had that hash.
    #[must_use]
    pub fn confirms(&self, landing: &Landing) -> bool {
        self.has_landed(landing)
    }

    /// Drops hunks. Returns those that were dropped.
    pub fn reject(&self, hunks: &[HunkId]) -> Vec<HunkId> {
        self.reject_hunks(hunks)
    }

    /// The landings that take back a turn's applied hunks (all of the session's where `turn` is `None`), and the
    /// hunks that can't be taken back since the user changed their lines.
    pub fn undo(&self, session: SessionId, turn: Option<TurnId>) -> (Vec<Landing>, Vec<HunkId>) {
        self.undo_hunks(session, turn)
    }

    /// Rebuilds a session's pending and applied hunks from its log, placed in the texts of now; those that have
    /// no place are conflicts. Returns the events that this makes (`edit.conflicted`), to be logged.
    pub fn restore(&self, session: SessionId, events: &[Event]) -> Vec<EventData> {
        self.restore_hunks(session, events)
    }

    /// Drops what is held for a session that has ended.
    pub fn forget(&self, session: SessionId) {
        self.forget_session(session);
    }

    /// Resolves whenever hunks or the buffers under them have changed since the last call with this receiver.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn touch(&self) {
        self.changed
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

fn missing(path: &WorkspacePath) -> ProposalError {
    ProposalError(format!(
        "`{path}` doesn't exist: look for it with glob or list"
    ))
}

/// Some editors end each file with a line break when they save.
fn same(saved: &str, text: &str) -> bool {
    let without = |text: &str| text.strip_suffix('\n').unwrap_or(text).len();
    saved == text || saved.get(..without(saved)) == text.get(..without(text))
}
