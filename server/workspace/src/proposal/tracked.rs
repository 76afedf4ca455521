//! One hunk with its place: what stands in the text for it now, and what would stand there instead.

use std::sync::Arc;

use interline_log::{HunkId, HunkKind, HunkRecord};
use ropey::Rope;

use super::place::{Place, open_ended, whole_at};
use super::{Hunk, HunkState, Origin};
use crate::document::{LineEnding, Span, count};
use crate::lines;
use crate::path::WorkspacePath;

/// How far a hunk is. Whether it conflicts is a matter of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not in the text.
    Pending,
    /// Handed to the editor.
    Applying,
    /// In the text.
    Applied,
    /// In the text; taking it back was handed to the editor.
    Undoing,
}

/// A hunk that is followed. Cloning is cheap.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) id: HunkId,
    pub(super) origin: Origin,
    pub(super) kind: HunkKind,
    pub(super) stage: Stage,
    /// It stood in the text at some time: the editor's own undo and redo are recognised.
    pub(super) landed_once: bool,
    pub(super) old: Arc<str>,
    pub(super) new: Arc<str>,
    pub(super) place: Place,
}

impl Tracked {
    pub(super) fn is_text(&self) -> bool {
        self.kind == HunkKind::Text
    }

    /// What stands at the place now.
    pub(super) fn standing(&self) -> &Arc<str> {
        if self.is_in_text() {
            &self.new
        } else {
            &self.old
        }
    }

    fn other(&self) -> &Arc<str> {
        if self.is_in_text() {
            &self.old
        } else {
            &self.new
        }
    }

    pub(super) fn is_in_text(&self) -> bool {
        matches!(self.stage, Stage::Applied | Stage::Undoing)
    }

    /// Pending or applying, and can be placed: part of what its session sees.
    pub(super) fn is_in_view(&self) -> bool {
        !self.is_in_text() && self.place.fits()
    }

    /// The change of the text that turns what stands into the other, as it must be spelt at this place now. `base`: the
    /// text that the user sees.
    pub(super) fn swap(&self, text: &Rope, base: &Rope) -> Span {
        let (start, end) = (self.place.start, self.place.end);
        Span {
            start,
            end,
            text: at_place(self.other(), text, end, base).into(),
        }
    }

    /// False where nothing would change: a hunk that takes the final line break away, when the text went on after it.
    pub(super) fn matters(&self, text: &Rope) -> bool {
        !self.place.fits() || *self.swap(text, text).text != **self.standing()
    }

    /// Turns over: applied becomes pending, pending becomes applied, standing at `start`.
    pub(super) fn flip(&mut self, start: usize, standing: &str) {
        if self.is_in_text() {
            self.stage = Stage::Pending;
            self.old = standing.into();
        } else {
            self.stage = Stage::Applied;
            self.landed_once = true;
            self.new = standing.into();
        }
        self.place = Place::at(start, start + standing.chars().count());
    }

    /// Follows one (trimmed) change of the text by the user, which may be the editor's undo or redo of this very hunk.
    pub(super) fn follow(&mut self, before: &Rope, span: &Span, after: &Rope) {
        self.make_room(before, span, after);
        let stands_still = matches!(self.stage, Stage::Pending | Stage::Applied);
        if self.is_text()
            && self.landed_once
            && stands_still
            && let Some(start) = self.turned_over(span, after)
        {
            let other = self.other().clone();
            self.flip(start, &other);
        }
    }

    /// Follows one change of the text that another hunk makes.
    pub(super) fn make_room(&mut self, before: &Rope, span: &Span, after: &Rope) {
        if self.is_text() {
            let standing = self.standing().clone();
            self.place.follow(before, span, after, &standing);
            self.respell(after);
        }
    }

    /// A line break that comes to or goes from the end of the text (editors do that on saving) changes no line: the
    /// hunk of the last line takes it over.
    fn respell(&mut self, after: &Rope) {
        let standing = self.standing();
        let body = lines::body(standing);
        // An empty last line without a break is no line.
        if self.place.fits() || body.is_empty() || body.ends_with('\n') {
            return;
        }
        let spellings = ["", "\n", "\r\n"].map(|ending| (ending, format!("{body}{ending}")));
        let found = spellings.iter().find_map(|(ending, text)| {
            let start = self.place.reads(after, text)?;
            let end = start + text.chars().count();
            let whole = if ending.is_empty() {
                end == after.len_chars()
            } else {
                !standing.ends_with('\n')
            };
            whole.then_some((start, end, *ending, text))
        });
        let Some((start, end, ending, text)) = found else {
            return;
        };
        let other = self.other();
        let other: Arc<str> = if other.is_empty() {
            other.clone()
        } else {
            format!("{}{ending}", lines::body(other)).into()
        };
        let standing: Arc<str> = text.as_str().into();
        (self.old, self.new) = if self.is_in_text() {
            (other, standing)
        } else {
            (standing, other)
        };
        self.place = Place::at(start, end);
    }

    /// Where the other text stands, if this change was the editor's undo or redo of the hunk.
    fn turned_over(&self, span: &Span, after: &Rope) -> Option<usize> {
        let other = self.other();
        if let Some(start) = self.place.reads(after, other) {
            return Some(start);
        }
        // What is inserted at an empty place doesn't touch it. The editor may spell the same insertion rotated, ending
        // before the place or beginning after it.
        if !self.place.fits()
            || !self.standing().is_empty()
            || span.start != span.end
            || span.text.len() != other.len()
        {
            return None;
        }
        let length = other.chars().count();
        let here = self.place.start;
        [Some(here), here.checked_sub(length)]
            .into_iter()
            .flatten()
            .find(|start| {
                let near = span.start <= start + length && *start <= span.start + length;
                near && whole_at(after, *start, other)
                    && after
                        .get_slice(*start..start + length)
                        .is_some_and(|text| text == **other)
            })
    }

    /// The lines that it covers: first, and how many.
    pub(super) fn lines(&self, text: &Rope) -> (u32, u32) {
        let length = text.len_chars();
        let (start, end) = (self.place.start.min(length), self.place.end.min(length));
        let first = text.char_to_line(start);
        let lines = if end > start {
            text.char_to_line(end - 1) + 1 - first
        } else {
            0
        };
        (count(first), count(lines))
    }

    pub(super) fn record(&self, text: &Rope) -> HunkRecord {
        HunkRecord {
            id: self.id,
            kind: self.kind.clone(),
            start_line: self.lines(text).0,
            old: self.shown_old(),
            new: self.new.to_string(),
        }
    }

    /// A move keeps the name that it takes back in `old`: no text of anybody's.
    fn shown_old(&self) -> String {
        match self.kind {
            HunkKind::Move { .. } => String::new(),
            _ => self.old.to_string(),
        }
    }

    pub(super) fn hunk(&self, path: &WorkspacePath, text: &Rope) -> Hunk {
        let (start_line, line_count) = self.lines(text);
        Hunk {
            id: self.id,
            session: self.origin.session,
            turn: self.origin.turn,
            call: self.origin.call,
            path: path.clone(),
            kind: self.kind.clone(),
            state: match self.stage {
                Stage::Pending if self.place.fits() => HunkState::Pending,
                Stage::Pending => HunkState::Conflict,
                Stage::Applying | Stage::Undoing => HunkState::Applying,
                Stage::Applied => HunkState::Applied,
            },
            start_line,
            line_count,
            old: self.shown_old(),
            new: self.new.to_string(),
        }
    }
}

/// A replacement as it must be spelt up to `end` of a text: with a line break, as most lines of `base` have it, where
/// the text goes on after it.
pub(super) fn at_place(new: &str, text: &Rope, end: usize, base: &Rope) -> String {
    let mut spelt = new.to_owned();
    if open_ended(new) && end < text.len_chars() {
        spelt.push_str(LineEnding::of(base.chunks()).as_str());
    }
    spelt
}
