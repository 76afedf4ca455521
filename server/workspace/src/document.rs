//! Open buffers: rope, version and the facts about line endings, replaced whole on each change.
//!
//! Only LF breaks a line (a CR stays in the text): with ropey's default features FF, NEL and U+2028 would
//! break lines too, and the mirror would differ from the editor's text. Applying a change does no I/O and
//! waits for nobody.

use std::sync::Arc;

use ropey::Rope;
use serde::{Deserialize, Serialize};

use crate::path::WorkspacePath;

/// A place in a text: 0-based line, offset in UTF-16 code units, as LSP counts (LSP 3.17, "Position").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// 0-based.
    pub line: u32,
    /// In UTF-16 code units from the start of the line; past its end means its end.
    pub character: u32,
}

/// From `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range {
    /// First place.
    pub start: Position,
    /// Place after the last.
    pub end: Position,
}

/// One content change, in the terms of `textDocument/didChange`.
#[derive(Clone, Debug)]
pub struct Change {
    /// What is replaced; `None` is the whole text.
    pub range: Option<Range>,
    /// What stands there now.
    pub text: String,
}

/// The line ending that new lines of a document get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnding {
    /// `\n`
    Lf,
    /// `\r\n`, when most lines have it.
    Crlf,
}

/// An open buffer at one version. Cloning the rope is free, so a snapshot is an `Arc` of this.
#[derive(Clone, Debug)]
pub struct Document {
    /// The editor's own name for it, a URI text; opaque here.
    pub uri: Arc<str>,
    /// Where it is in the workspace; `None` for buffers outside of it or with no file.
    pub path: Option<WorkspacePath>,
    /// LSP language id.
    pub language: Arc<str>,
    /// The editor's version.
    pub version: i32,
    /// The text.
    pub rope: Rope,
}

impl Document {
    /// The line ending that new lines get.
    #[must_use]
    pub fn line_ending(&self) -> LineEnding {
        todo!()
    }

    /// Hash of the text, hex SHA-256.
    #[must_use]
    pub fn sha256(&self) -> String {
        todo!()
    }
}
