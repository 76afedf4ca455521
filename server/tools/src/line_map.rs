//! Lines of the user's text ↔ lines of the text that a session sees.
//!
//! The editor's other language servers know the user's text; the model reads and names lines of that text with
//! the session's pending hunks in it. A line inside a hunk has no counterpart, and no guess is made.

use interline_log::{HunkKind, SessionId};
use interline_workspace::Workspace;
use interline_workspace::document::{Position, Range};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{HunkState, RangeEdit};

/// The pending hunks of one session in one file, as far as they move lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineMap {
    moves: Vec<Move>,
    /// The file exists only in the proposal, or not any more.
    whole: bool,
}

/// Lines `start..start + user` of the user's text stand as `proposed` lines in the other.
#[derive(Clone, Copy, Debug)]
struct Move {
    start: u32,
    user: u32,
    proposed: u32,
}

impl LineMap {
    pub(crate) fn new(workspace: &Workspace, session: SessionId, path: &WorkspacePath) -> Self {
        let mut map = Self::default();
        let files = workspace.hunks().into_iter();
        for hunk in files
            .filter(|file| file.path == *path)
            .flat_map(|file| file.hunks)
            .filter(|hunk| hunk.session == session && hunk.state == HunkState::Pending)
        {
            match hunk.kind {
                HunkKind::Text => map.moves.push(Move {
                    start: hunk.start_line,
                    user: hunk.line_count,
                    proposed: line_count(&hunk.new),
                }),
                HunkKind::Create
                | HunkKind::Delete
                | HunkKind::Move { .. }
                | HunkKind::Binary { .. } => map.whole = true,
                HunkKind::Mode { .. } => {}
            }
        }
        map.moves.sort_by_key(|hunk| hunk.start);
        map
    }

    /// The line in the session's text; `None` inside a hunk.
    pub(crate) fn proposed(&self, line: u32) -> Option<u32> {
        let mut moved = i64::from(line);
        for hunk in &self.moves {
            if line < hunk.start {
                break;
            }
            if line < hunk.start + hunk.user {
                return None;
            }
            moved += i64::from(hunk.proposed) - i64::from(hunk.user);
        }
        (!self.whole).then(|| u32::try_from(moved).ok()).flatten()
    }

    /// The line in the user's text; `None` inside a hunk.
    pub(crate) fn user(&self, line: u32) -> Option<u32> {
        let mut shift = 0i64;
        for hunk in &self.moves {
            let start = i64::from(hunk.start) + shift;
            if i64::from(line) < start {
                break;
            }
            if i64::from(line) < start + i64::from(hunk.proposed) {
                return None;
            }
            shift += i64::from(hunk.proposed) - i64::from(hunk.user);
        }
        (!self.whole)
            .then(|| u32::try_from(i64::from(line) - shift).ok())
            .flatten()
    }

    /// A range in the session's text; `None` where a hunk is in its way.
    pub(crate) fn proposed_range(&self, range: Range) -> Option<Range> {
        let place = |position: Position| {
            let line = self.proposed(position.line)?;
            Some(Position { line, ..position })
        };
        let moved = Range {
            start: place(range.start)?,
            end: place(range.end)?,
        };
        let lines = |range: Range| range.end.line.checked_sub(range.start.line);
        (lines(moved) == lines(range)).then_some(moved)
    }

    /// Edits in the session's text; `None` where a hunk is in the way of one.
    pub(crate) fn proposed_edits(&self, edits: &[RangeEdit]) -> Option<Vec<RangeEdit>> {
        let place = |edit: &RangeEdit| {
            Some(RangeEdit {
                range: self.proposed_range(edit.range)?,
                text: edit.text.clone(),
            })
        };
        edits.iter().map(place).collect()
    }
}

/// How many lines a text takes up; a last one without a line break counts.
fn line_count(text: &str) -> u32 {
    u32::try_from(text.split_inclusive('\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(moves: &[(u32, u32, u32)]) -> LineMap {
        let moves = moves.iter().map(|&(start, user, proposed)| Move {
            start,
            user,
            proposed,
        });
        LineMap {
            moves: moves.collect(),
            whole: false,
        }
    }

    #[test]
    fn lines_move_both_ways() {
        // Line 2 becomes three lines; a line is inserted before line 5; lines 7 and 8 go away.
        let map = map(&[(2, 1, 3), (5, 0, 1), (7, 2, 0)]);
        let proposed: Vec<_> = (0..10).map(|line| map.proposed(line)).collect();
        assert_eq!(
            proposed,
            [
                Some(0),
                Some(1),
                None,
                Some(5),
                Some(6),
                Some(8),
                Some(9),
                None,
                None,
                Some(10)
            ]
        );
        for line in 0..10 {
            if let Some(there) = map.proposed(line) {
                assert_eq!(map.user(there), Some(line));
            }
        }
        assert_eq!(map.user(3), None, "inside the first hunk");
        assert_eq!(map.user(7), None, "the inserted line");
    }

    #[test]
    fn a_range_over_a_hunk_has_no_place() {
        let map = map(&[(2, 0, 1)]);
        let at = |line| Position { line, character: 0 };
        let range = |start, end| Range {
            start: at(start),
            end: at(end),
        };
        assert_eq!(map.proposed_range(range(0, 1)), Some(range(0, 1)));
        assert_eq!(map.proposed_range(range(1, 2)), None);
        assert_eq!(map.proposed_range(range(2, 3)), Some(range(3, 4)));
    }
}
