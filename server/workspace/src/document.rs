//! Open buffers: rope, version and the facts about line endings, replaced whole on each change.
//!
//! Only LF breaks a line (a CR stays in the text): with ropey's default features FF, NEL and U+2028 would
//! break lines too, and the mirror would differ from the editor's text. Applying a change does no I/O and
//! waits for nobody.

use std::fmt::Write as _;
use std::sync::Arc;

use ropey::Rope;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

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
    /// The text, whole.
    #[must_use]
    pub fn text(&self) -> String {
        self.rope.to_string()
    }

    /// The line ending that new lines get.
    #[must_use]
    pub fn line_ending(&self) -> LineEnding {
        LineEnding::of(self.rope.chunks())
    }

    /// Hash of the text, hex SHA-256.
    #[must_use]
    pub fn sha256(&self) -> String {
        sha256(self.rope.chunks())
    }

    /// Applies one change and returns what it did, in char offsets.
    pub(crate) fn apply(&mut self, change: &Change) -> Span {
        let Some(range) = change.range else {
            let end = self.rope.len_chars();
            self.rope = Rope::from_str(&change.text);
            return Span {
                start: 0,
                end,
                text: change.text.as_str().into(),
            };
        };
        let (first, last) = (range.start.min(range.end), range.start.max(range.end));
        let start = char_at(&self.rope, first);
        let end = if first == last {
            start
        } else {
            char_at(&self.rope, last)
        };
        if start < end {
            self.rope.remove(start..end);
        }
        self.rope.insert(start, &change.text);
        Span {
            start,
            end,
            text: change.text.as_str().into(),
        }
    }
}

impl LineEnding {
    /// Its text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
        }
    }

    pub(crate) fn of<'a>(chunks: impl Iterator<Item = &'a str>) -> Self {
        let (mut lf, mut crlf, mut last) = (0_usize, 0_usize, 0_u8);
        for chunk in chunks {
            for &byte in chunk.as_bytes() {
                if byte == b'\n' {
                    lf += 1;
                    crlf += usize::from(last == b'\r');
                }
                last = byte;
            }
        }
        if crlf * 2 > lf { Self::Crlf } else { Self::Lf }
    }
}

/// A change as it was applied: the chars from `start` up to `end` of the text before became `text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: Box<str>,
}

/// The char offset of a position. Past the end of a line is its end (before a CRLF, never inside), past the last
/// line is the end of the text, inside a surrogate pair is before it: as vscode-languageserver-textdocument does.
pub(crate) fn char_at(rope: &Rope, position: Position) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let start = rope.line_to_char(line);
    if position.character == 0 {
        return start;
    }
    let end = line_end(rope, line, start);
    let wanted = rope.char_to_utf16_cu(start) + position.character as usize;
    if wanted >= rope.char_to_utf16_cu(end) {
        end
    } else {
        rope.utf16_cu_to_char(wanted)
    }
}

/// The position of a char offset.
pub(crate) fn position_at(rope: &Rope, at: usize) -> Position {
    let at = at.min(rope.len_chars());
    let line = rope.char_to_line(at);
    let units = rope.char_to_utf16_cu(at) - rope.char_to_utf16_cu(rope.line_to_char(line));
    Position {
        line: count(line),
        character: count(units),
    }
}

/// A count of lines or units as the protocol has it; texts are far smaller than its limit.
pub(crate) fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Where a line ends, its line break left out.
fn line_end(rope: &Rope, line: usize, start: usize) -> usize {
    if line + 1 == rope.len_lines() {
        return rope.len_chars();
    }
    let end = rope.line_to_char(line + 1) - 1;
    if end > start && rope.char(end - 1) == '\r' {
        end - 1
    } else {
        end
    }
}

/// Hex SHA-256 of a text in pieces.
pub(crate) fn sha256<'a>(chunks: impl Iterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    chunks.for_each(|chunk| hash.update(chunk.as_bytes()));
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a String can't fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn positions_clamp() {
        let rope = Rope::from_str("a\u{1d11e}b\r\nc\u{2028}d\n");
        for (position, want) in [
            (at(0, 1), 1),
            (at(0, 2), 1), // inside the surrogate pair
            (at(0, 3), 2),
            (at(0, 4), 3),
            (at(0, 5), 3), // inside the CRLF
            (at(0, 99), 3),
            (at(1, 0), 5),
            (at(1, 3), 8),
            (at(2, 0), 9),
            (at(2, 7), 9),
            (at(9, 0), 9),
        ] {
            assert_eq!(char_at(&rope, position), want, "{position:?}");
        }
        assert_eq!(position_at(&rope, 3), at(0, 4));
        assert_eq!(position_at(&rope, 9), at(2, 0));
    }

    #[test]
    fn most_lines_decide_the_ending() {
        let of = |text: &str| LineEnding::of([text].into_iter());
        assert_eq!(of("a\r\nb\r\nc\n"), LineEnding::Crlf);
        assert_eq!(of("a\r\nb\n"), LineEnding::Lf);
        assert_eq!(of(""), LineEnding::Lf);
        assert_eq!(LineEnding::of(["a\r", "\nb"].into_iter()), LineEnding::Crlf);
    }
}
