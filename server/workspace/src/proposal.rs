//! Proposals: hunks held on documents, moved along as the user types, landed when accepted.
//!
//! The typing path only sends each change of a tracked document into a queue; whoever looks at the proposals
//! next rebases them first, in order. A hunk that the user typed into becomes a conflict, never a guess.

mod accept;
mod compose;
mod entries;
mod entry;
mod file;
mod flight;
mod look;
mod memory;
mod place;
mod plan;
mod propose;
mod restore;
mod review;
mod rewrite;
mod store;
mod tracked;

use std::sync::Arc;

use interline_log::{
    Attachments, CallId, EventData, FileBytes, HunkId, HunkKind, HunkRecord, SessionId, TurnId,
};
use serde::{Deserialize, Serialize};

use crate::document::{Position, Range};
use crate::patch::PatchHunk;
use crate::path::WorkspacePath;

pub(crate) use look::{Look, read_whole};
pub(crate) use store::Proposals;

/// Where a hunk is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HunkState {
    /// Waits for the user.
    Pending,
    /// The user changed its lines: it can be rejected or revised, not accepted.
    Conflict,
    /// Handed to the editor; its change is awaited.
    Applying,
    /// Stands in the text. Tracked on, so that it can be undone.
    Applied,
}

/// A hunk as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// Its id.
    pub id: HunkId,
    /// Whose proposal it is part of.
    pub session: SessionId,
    /// The turn that made it.
    pub turn: TurnId,
    /// The call that made it.
    pub call: CallId,
    /// The file.
    pub path: WorkspacePath,
    /// What it does.
    pub kind: HunkKind,
    /// Where it is.
    pub state: HunkState,
    /// First line that it replaces in the user's text now, 0-based.
    pub start_line: u32,
    /// How many lines of the user's text it replaces; 0 for an insertion before `start_line`.
    pub line_count: u32,
    /// Those lines; of a file that is no text and of a mode one line for people.
    pub old: String,
    /// What stands there when accepted.
    pub new: String,
}

/// All hunks of one file, in order, against one version of its text.
#[derive(Clone, Debug)]
pub struct FileHunks {
    /// The file.
    pub path: WorkspacePath,
    /// The open buffer's version; `None` for a closed file.
    pub version: Option<i32>,
    /// Pending and conflicting hunks in the order of the text.
    pub hunks: Vec<Hunk>,
}

/// An exact replacement in a text, for what other language servers propose (rename, quick fix).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeEdit {
    /// What is replaced.
    pub range: Range,
    /// What stands there.
    pub text: String,
}

/// One search-and-replace of the `edit` tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// Must stand in the text exactly `count` times.
    pub old: String,
    /// Stands there afterwards.
    pub new: String,
    /// How often `old` must match; 1 where the model says nothing.
    pub count: u32,
}

/// What a tool call wants to do to one file.
#[derive(Clone, Debug)]
pub enum Proposed {
    /// `edit`
    Replace(Vec<Replacement>),
    /// `apply_patch`
    Patch(Vec<PatchHunk>),
    /// `write`
    Write(String),
    /// `move`
    Move(WorkspacePath),
    /// `delete`
    Delete,
    /// Positions are in the text that the session sees (document and its pending hunks).
    Ranges(Vec<RangeEdit>),
    /// A command in the shadow made one text of another, to the byte. What changed in the meantime stays: where both
    /// changed the same lines the hunk is in conflict.
    Rewrite {
        /// What the command saw; `None`: no file, or nobody knows any more (then all of it is in conflict).
        old: Option<String>,
        /// What it left; `None`: it deleted the file.
        new: Option<String>,
    },
}

impl Proposed {
    /// Is no file to be left?
    fn deletes(&self) -> bool {
        matches!(self, Self::Delete | Self::Rewrite { new: None, .. })
    }
}

/// What a command did to a file as a whole.
#[derive(Clone, Debug)]
pub enum ProposedFile {
    /// It is no text now, or was none and is deleted.
    Binary {
        /// What it left, kept with the session ([`crate::Workspace::keep_attachments`]); `None`: it deleted the file.
        new: Option<FileBytes>,
        /// The file on disk is not what the command saw any more: then the change is in conflict.
        lost: bool,
    },
    /// It became executable, or is none any more.
    Mode {
        /// What it is now.
        executable: bool,
    },
}

/// Who proposes.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The call.
    pub call: CallId,
}

/// What came of a proposal.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// `edit.proposed`, to be logged.
    pub event: EventData,
    /// The hunks that were made.
    pub hunks: Vec<HunkRecord>,
    /// For the model: which match rule applied, notices ("the text changed since you read it"), lines.
    pub summary: String,
}

/// Why something could not be proposed, accepted or undone. The message is for the model and the user.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ProposalError(pub String);

/// An accepted change of one file, ready to be landed through the editor or on disk.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The file.
    pub path: WorkspacePath,
    /// Its hunks.
    pub hunks: Vec<HunkId>,
    /// The open buffer that it goes to; `None`: straight to disk.
    pub document: Option<LandingDocument>,
    /// What to do.
    pub change: LandingChange,
    /// Hash of the text before, hex.
    pub pre_sha256: String,
    /// Hash of the text after, hex.
    pub post_sha256: String,
}

/// The buffer that a landing goes to.
#[derive(Clone, Debug)]
pub struct LandingDocument {
    /// The editor's name for it.
    pub uri: Arc<str>,
    /// The version that the edits stand against.
    pub version: i32,
}

/// What a landing does.
#[derive(Clone, Debug)]
pub enum LandingChange {
    /// Edits to the text, in order, not overlapping; and the whole text after them.
    Text {
        /// Against the document's version.
        edits: Vec<RangeEdit>,
        /// The text after them.
        after: String,
    },
    /// A new file with this text.
    Create(String),
    /// The file goes away.
    Delete,
    /// The file gets another name.
    Move(WorkspacePath),
    /// Other bytes, that are no text, on disk.
    Bytes {
        /// What must be there; `None`: no file.
        before: Option<FileBytes>,
        /// What is there then; `None`: no file.
        after: Option<FileBytes>,
        /// Where the bytes are, and where those that go are kept.
        attachments: Option<Attachments>,
    },
    /// The file becomes executable, or is none any more, on disk.
    Mode {
        /// What it is then.
        executable: bool,
    },
}

/// Where a caret must be to mean a hunk: used by code actions.
#[must_use]
pub fn touches(hunk: &Hunk, at: Position) -> bool {
    let last = hunk.start_line + hunk.line_count.max(1) - 1;
    (hunk.start_line..=last).contains(&at.line)
}
