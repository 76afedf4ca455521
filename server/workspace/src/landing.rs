//! The one place that writes files of the workspace: accepted hunks of files that no editor has open.
//!
//! Each write checks the hash (and that the target is no symlink out of the workspace) first, and replaces the
//! file atomically with its permissions, byte-order mark and line endings kept. Nothing here decides: who
//! calls has the user's acceptance on record.

use std::path::PathBuf;

use crate::Workspace;
use crate::proposal::{Landing, ProposalError};

/// What a landing on disk did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    /// The absolute path that was written, made, moved to or removed.
    pub file: PathBuf,
}

impl Workspace {
    /// Writes an accepted change to disk. Refuses where the file is not as it was when the user accepted, where it
    /// is open in an editor, where a new file exists already, and where a symlink leads outside.
    pub fn land_on_disk(&self, landing: &Landing) -> Result<Landed, ProposalError> {
        let _ = landing;
        todo!()
    }
}
