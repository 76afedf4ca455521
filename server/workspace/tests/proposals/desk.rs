//! A desk: a workspace in a temporary folder, with an editor that does what it is told.

use std::path::PathBuf;
use std::sync::Arc;

use interline_log::{CallId, HunkId, SessionId, TurnId};
use interline_workspace::Workspace;
use interline_workspace::document::{Change, Position, Range};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{
    Hunk, HunkState, Landing, LandingChange, Origin, Outcome, ProposalError, Proposed, Replacement,
};

pub(crate) struct Desk {
    folder: Arc<tempfile::TempDir>,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) session: SessionId,
    pub(crate) turn: TurnId,
}

impl Desk {
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(folder.path()).unwrap();
        Self {
            folder: Arc::new(folder),
            workspace,
            session: SessionId::new(),
            turn: TurnId::new(),
        }
    }

    /// An open buffer over a file with the same text.
    pub(crate) fn open(name: &str, text: &str) -> Self {
        let desk = Self::closed(name, text);
        desk.did_open(name, text);
        desk
    }

    pub(crate) fn closed(name: &str, text: &str) -> Self {
        let desk = Self::empty();
        desk.write(name, text);
        desk
    }

    pub(crate) fn as_session(&self, session: SessionId) -> Self {
        Self {
            folder: self.folder.clone(),
            workspace: self.workspace.clone(),
            session,
            turn: TurnId::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> WorkspacePath {
        WorkspacePath::new(name).unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.workspace.root().join(name)
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.file(name).display())
    }

    // --- the disk ---

    #[expect(
        clippy::disallowed_methods,
        reason = "the test is the user who writes files"
    )]
    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.file(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        // A time stamp that differs, whatever the file system's grain is.
        let before = file.metadata().and_then(|m| m.modified()).ok();
        std::fs::write(&file, text).unwrap();
        if let Some(before) = before {
            let later = before + std::time::Duration::from_secs(1);
            std::fs::File::options()
                .write(true)
                .open(&file)
                .unwrap()
                .set_modified(later)
                .unwrap();
        }
    }

    pub(crate) fn on_disk(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.file(name)).unwrap();
    }

    // --- the editor ---

    pub(crate) fn did_open(&self, name: &str, text: &str) {
        self.workspace
            .did_open(&self.uri(name), Some(&self.file(name)), "text", 1, text);
    }

    pub(crate) fn did_close(&self, name: &str) {
        self.workspace.did_close(&self.uri(name));
    }

    pub(crate) fn change(&self, name: &str, changes: &[Change]) {
        let version = self.workspace.document(&self.uri(name)).unwrap().version + 1;
        self.workspace
            .did_change(&self.uri(name), version, changes)
            .unwrap();
    }

    /// Replaces the chars from `start` to `end`.
    pub(crate) fn splice(&self, name: &str, start: usize, end: usize, text: &str) {
        let rope = self
            .workspace
            .document(&self.uri(name))
            .unwrap()
            .rope
            .clone();
        self.change(name, &[splice_of(&rope, start, end, text)]);
    }

    /// Replaces the whole text.
    pub(crate) fn type_text(&self, name: &str, text: &str) {
        self.change(
            name,
            &[Change {
                range: None,
                text: text.to_owned(),
            }],
        );
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.workspace.document(&self.uri(name)).unwrap().text()
    }

    // --- the agent ---

    pub(crate) fn propose(&self, name: &str, what: Proposed) -> Result<Outcome, ProposalError> {
        let origin = Origin {
            session: self.session,
            turn: self.turn,
            call: CallId::new(),
        };
        self.workspace.propose(origin, &self.path(name), what)
    }

    pub(crate) fn try_edit(
        &self,
        name: &str,
        old: &str,
        new: &str,
    ) -> Result<Outcome, ProposalError> {
        let edit = Replacement {
            old: old.to_owned(),
            new: new.to_owned(),
            count: 1,
        };
        self.propose(name, Proposed::Replace(vec![edit]))
    }

    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) -> Outcome {
        self.try_edit(name, old, new).unwrap()
    }

    pub(crate) fn seen(&self, name: &str) -> String {
        self.workspace
            .proposed_text(self.session, &self.path(name))
            .unwrap()
    }

    // --- the user ---

    pub(crate) fn hunks(&self) -> Vec<Hunk> {
        self.workspace
            .hunks()
            .into_iter()
            .flat_map(|file| file.hunks)
            .collect()
    }

    pub(crate) fn ids(&self) -> Vec<HunkId> {
        self.hunks().iter().map(|hunk| hunk.id).collect()
    }

    pub(crate) fn states(&self) -> Vec<HunkState> {
        self.hunks().iter().map(|hunk| hunk.state).collect()
    }

    pub(crate) fn hunk_lines(&self) -> Vec<(u32, u32)> {
        self.hunks()
            .iter()
            .map(|hunk| (hunk.start_line, hunk.line_count))
            .collect()
    }

    pub(crate) fn accept_all(&self) -> Vec<Landing> {
        self.workspace.accept(&self.ids()).unwrap()
    }

    /// Does what a good editor does with a landing.
    pub(crate) fn land(&self, landing: &Landing) {
        match (&landing.document, &landing.change) {
            (Some(_), LandingChange::Text { edits, after }) => {
                let name = landing.path.as_str();
                // LSP: the positions of all edits are in the text before.
                let changes: Vec<Change> = edits
                    .iter()
                    .rev()
                    .map(|edit| Change {
                        range: Some(edit.range),
                        text: edit.text.clone(),
                    })
                    .collect();
                self.change(name, &changes);
                assert_eq!(&self.text(name), after);
            }
            _ => {
                self.workspace.land_on_disk(landing).unwrap();
            }
        }
        assert!(self.workspace.confirms(landing), "{landing:?}");
        self.workspace.landed(landing, true);
    }

    pub(crate) fn land_all(&self) {
        for landing in self.accept_all() {
            self.land(&landing);
        }
    }

    pub(crate) fn undo(&self) {
        let (landings, stuck) = self.workspace.undo(self.session, None);
        assert_eq!(stuck, []);
        for landing in landings {
            self.land(&landing);
        }
    }
}

pub(crate) fn splice_of(rope: &ropey::Rope, start: usize, end: usize, text: &str) -> Change {
    let range = Range {
        start: position(rope, start),
        end: position(rope, end),
    };
    Change {
        range: Some(range),
        text: text.to_owned(),
    }
}

pub(crate) fn position(rope: &ropey::Rope, at: usize) -> Position {
    let line = rope.char_to_line(at);
    let units = rope.char_to_utf16_cu(at) - rope.char_to_utf16_cu(rope.line_to_char(line));
    Position {
        line: line.try_into().unwrap(),
        character: units.try_into().unwrap(),
    }
}

pub(crate) fn lines_of(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}
