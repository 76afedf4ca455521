//! A hunk about a file as a whole: bytes that are no text, or whether it is executable.
//!
//! It stands against the file on disk, not against a text: nothing here follows what is typed. The bytes lie with the
//! session's log; here are their hashes only.

use interline_log::{Attachments, FileBytes, HunkId, HunkKind, HunkRecord};

use super::look::Look;
use super::tracked::Stage;
use super::{Hunk, HunkState, Landing, LandingChange, Origin};
use crate::disk::Stamp;
use crate::document::sha256;
use crate::path::WorkspacePath;

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EntryChange {
    Binary {
        before: Option<FileBytes>,
        after: Option<FileBytes>,
    },
    Mode {
        executable: bool,
    },
}

impl EntryChange {
    /// `None` for a hunk of text.
    pub(super) fn of(kind: &HunkKind) -> Option<Self> {
        match kind.clone() {
            HunkKind::Binary { before, after } => Some(Self::Binary { before, after }),
            HunkKind::Mode { executable } => Some(Self::Mode { executable }),
            HunkKind::Text | HunkKind::Create | HunkKind::Delete | HunkKind::Move { .. } => None,
        }
    }

    fn kind(&self) -> HunkKind {
        match self.clone() {
            Self::Binary { before, after } => HunkKind::Binary { before, after },
            Self::Mode { executable } => HunkKind::Mode { executable },
        }
    }

    pub(super) fn is_binary(&self) -> bool {
        matches!(self, Self::Binary { .. })
    }

    /// Do both concern the bytes, or both the mode?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.is_binary() == other.is_binary()
    }

    /// What undoes it.
    fn turned(&self) -> Self {
        match self.clone() {
            Self::Binary { before, after } => Self::Binary {
                before: after,
                after: before,
            },
            Self::Mode { executable } => Self::Mode {
                executable: !executable,
            },
        }
    }

    /// Hash of what it stands against.
    pub(super) fn base_sha256(&self) -> String {
        match self {
            Self::Binary { before, .. } => hash(before.as_ref()),
            Self::Mode { .. } => String::new(),
        }
    }

    /// One line for people on either side.
    fn shown(&self) -> (String, String) {
        match self {
            Self::Binary { before, after } => {
                let line = |file: &Option<FileBytes>| {
                    file.as_ref()
                        .map_or_else(String::new, |file| format!("{file}\n"))
                };
                (line(before), line(after))
            }
            Self::Mode { executable } => {
                let line = |executable| format!("mode {}\n", mode(executable));
                (line(!executable), line(*executable))
            }
        }
    }
}

/// As Git calls it.
fn mode(executable: bool) -> &'static str {
    if executable { "100755" } else { "100644" }
}

/// The hash of no file is that of no bytes.
fn hash(file: Option<&FileBytes>) -> String {
    file.map_or_else(|| sha256(std::iter::empty()), |file| file.sha256.clone())
}

/// One hunk.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: HunkId,
    pub(super) origin: Origin,
    pub(super) path: WorkspacePath,
    pub(super) change: EntryChange,
    pub(super) stage: Stage,
    /// Why the file is not what it stands against, by the last look.
    pub(super) misfit: Option<String>,
    /// All that keeps it from fitting is that a buffer is not saved.
    pub(super) waits: bool,
    /// What was found on disk, so that it isn't hashed again.
    pub(super) known: Option<(Stamp, FileBytes)>,
}

impl Entry {
    pub(super) fn new(origin: Origin, path: &WorkspacePath, change: EntryChange) -> Self {
        Self {
            id: HunkId::new(),
            origin,
            path: path.clone(),
            change,
            stage: Stage::Pending,
            misfit: None,
            waits: false,
            known: None,
        }
    }

    /// Pending or applying, and fits: part of what its session sees.
    pub(super) fn is_in_view(&self) -> bool {
        !self.has_landed() && (self.misfit.is_none() || self.waits)
    }

    fn has_landed(&self) -> bool {
        matches!(self.stage, Stage::Applied | Stage::Undoing)
    }

    /// Compares with what is there now. `made`: its session proposes a file of this name.
    pub(super) fn settle(&mut self, look: Look, made: bool) {
        let change = if self.has_landed() {
            self.change.turned()
        } else {
            self.change.clone()
        };
        self.misfit = misfit(&self.path, &change, &look, made);
        self.waits = matches!(&change, EntryChange::Binary { before, .. }
            if look.unsaved().is_some() && look.seen() == before.as_ref());
        self.waits |= !self.change.is_binary() && look.unsaved().is_some();
        if let Look::File { known, .. } = look {
            self.known = known;
        }
    }

    /// Why it can't be accepted now.
    pub(super) fn hindrance(&self) -> Option<String> {
        let path = &self.path;
        match self.stage {
            Stage::Pending => self.misfit.clone(),
            Stage::Applying | Stage::Undoing => {
                Some(format!("the change of `{path}` is just being applied"))
            }
            Stage::Applied => Some(format!("the change of `{path}` is accepted already")),
        }
    }

    /// Begins to accept it, or to take it back.
    pub(super) fn take_off(&mut self, attachments: Option<&Attachments>) -> Landing {
        let undo = self.has_landed();
        let change = if undo {
            self.stage = Stage::Undoing;
            self.change.turned()
        } else {
            self.stage = Stage::Applying;
            self.change.clone()
        };
        let pre_sha256 = change.base_sha256();
        let post_sha256 = change.turned().base_sha256();
        let change = match change {
            EntryChange::Binary { before, after } => LandingChange::Bytes {
                before,
                after,
                attachments: attachments.cloned(),
            },
            EntryChange::Mode { executable } => LandingChange::Mode { executable },
        };
        Landing {
            path: self.path.clone(),
            hunks: vec![self.id],
            document: None,
            change,
            pre_sha256,
            post_sha256,
        }
    }

    pub(super) fn record(&self) -> HunkRecord {
        let (old, new) = self.change.shown();
        HunkRecord {
            id: self.id,
            kind: self.change.kind(),
            start_line: 0,
            old,
            new,
        }
    }

    pub(super) fn hunk(&self) -> Hunk {
        let (old, new) = self.change.shown();
        Hunk {
            id: self.id,
            session: self.origin.session,
            turn: self.origin.turn,
            call: self.origin.call,
            path: self.path.clone(),
            kind: self.change.kind(),
            state: match self.stage {
                Stage::Pending if self.misfit.is_none() => HunkState::Pending,
                Stage::Pending => HunkState::Conflict,
                Stage::Applying | Stage::Undoing => HunkState::Applying,
                Stage::Applied => HunkState::Applied,
            },
            start_line: 0,
            line_count: 0,
            old,
            new,
        }
    }
}

fn misfit(path: &WorkspacePath, change: &EntryChange, look: &Look, made: bool) -> Option<String> {
    match (change, look) {
        (_, Look::Other(reason)) => Some(reason.clone()),
        (EntryChange::Binary { before, .. }, look) => {
            if look.unsaved().is_some() {
                return Some(format!(
                    "`{path}` has changes in an editor that are not saved: save them, or throw them away, first"
                ));
            }
            (look.bytes() != before.as_ref()).then(|| {
                format!("`{path}` is not what the command saw any more: reject its change")
            })
        }
        (EntryChange::Mode { .. }, Look::Missing { .. }) => {
            (!made).then(|| format!("`{path}` is not on disk: save it first, or reject its change"))
        }
        (
            EntryChange::Mode { executable },
            Look::File {
                executable: now, ..
            },
        ) => (now == executable)
            .then(|| format!("the mode of `{path}` is that already: reject its change")),
    }
}
