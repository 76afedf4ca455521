//! A landing on its way: what our own edit does to every hunk of its file, however the editor will spell it.
//!
//! Editors answer early, late or wrongly and spell the same edit in many ways. So a landing has arrived when the text
//! reads as it must afterwards, and then the hunks are moved by our steps from where they were when it began.

use interline_log::HunkId;
use ropey::Rope;

use super::LandingChange;
use super::file::follow;
use super::place::applied;
use super::tracked::Tracked;
use crate::document::{LineEnding, Span, sha256};

/// A landing that was handed out.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) hunks: Vec<HunkId>,
    pub(super) undo: bool,
    /// The text has, or had, what it must read.
    pub(super) seen: bool,
    /// Makes, deletes or moves the file.
    pub(super) change: Option<LandingChange>,
    /// Changes its text.
    text: Option<TextFlight>,
}

#[derive(Clone, Debug)]
struct TextFlight {
    /// The hunks after our steps.
    moved: Vec<Tracked>,
    after: Rope,
    post_sha256: String,
}

impl Flight {
    pub(super) fn of_text(
        hunks: Vec<HunkId>,
        undo: bool,
        steps: &Steps,
        post_sha256: String,
    ) -> Self {
        let text = TextFlight {
            moved: steps.hunks.clone(),
            after: steps.text.clone(),
            post_sha256,
        };
        Self {
            hunks,
            undo,
            seen: false,
            change: None,
            text: Some(text),
        }
    }

    pub(super) fn of_file(hunks: Vec<HunkId>, undo: bool, change: LandingChange) -> Self {
        Self {
            hunks,
            undo,
            seen: false,
            change: Some(change),
            text: None,
        }
    }

    /// The hunks as they stand after the landing, the first time that the text reads as it must: to the byte, or but
    /// for a line break at the very end, which some editors add or take away by themselves.
    pub(super) fn arrived(&mut self, now: &Rope) -> Option<Vec<Tracked>> {
        let flight = self.text.as_ref().filter(|_| !self.seen)?;
        let (got, want) = (now.len_bytes(), flight.after.len_bytes());
        if got == want {
            (sha256(now.chunks()) == flight.post_sha256).then_some(())?;
            self.seen = true;
            return Some(flight.moved.clone());
        }
        if got.abs_diff(want) > 2 {
            return None;
        }
        let span = final_break(&flight.after, now)?;
        let mut moved = flight.moved.clone();
        follow(&mut moved, &flight.after, &span, now);
        self.seen = true;
        Some(moved)
    }

    /// The text after the landing and its hunks, for what was landed on disk by ourselves.
    pub(super) fn outcome(&self) -> Option<(Rope, Vec<Tracked>)> {
        self.text
            .as_ref()
            .map(|flight| (flight.after.clone(), flight.moved.clone()))
    }
}

/// The change at the end that makes one text the other, where a final line break is all that they differ in.
fn final_break(from: &Rope, to: &Rope) -> Option<Span> {
    let (short, long) = if from.len_bytes() < to.len_bytes() {
        (from, to)
    } else {
        (to, from)
    };
    let common = short.len_chars();
    let rest = long.get_slice(common..)?;
    let is_break = [LineEnding::Lf, LineEnding::Crlf]
        .iter()
        .any(|ending| rest == ending.as_str());
    if !is_break || long.get_slice(..common)? != *short {
        return None;
    }
    let text = to.get_slice(common..)?.to_string();
    Some(Span {
        start: common,
        end: from.len_chars(),
        text: text.into(),
    })
}

/// A text and its hunks, moved on hunk by hunk.
#[derive(Clone, Debug)]
pub(super) struct Steps {
    base: Rope,
    pub(super) text: Rope,
    pub(super) hunks: Vec<Tracked>,
}

impl Steps {
    pub(super) fn new(text: &Rope, hunks: &[Tracked]) -> Self {
        Self {
            base: text.clone(),
            text: text.clone(),
            hunks: hunks.to_vec(),
        }
    }

    /// Turns hunks over, last one first, and moves the others along; returns what each one's step did to the text that
    /// it found, in that order. Unknown ids and hunks that don't fit are left out.
    pub(super) fn flip(&mut self, ids: &[HunkId]) -> Vec<Span> {
        let mut order: Vec<(usize, usize, HunkId)> = self
            .hunks
            .iter()
            .filter(|hunk| ids.contains(&hunk.id) && hunk.place.fits())
            .map(|hunk| (hunk.place.start, hunk.place.end, hunk.id))
            .collect();
        order.sort_by_key(|&(start, end, _)| (start, end));
        order
            .iter()
            .rev()
            .filter_map(|(.., id)| self.flip_one(*id))
            .collect()
    }

    fn flip_one(&mut self, id: HunkId) -> Option<Span> {
        let at = self
            .hunks
            .iter()
            .position(|hunk| hunk.id == id && hunk.place.fits())?;
        let mut own = self.hunks.remove(at);
        let span = own.swap(&self.text, &self.base);
        let after = applied(&self.text, &span);
        // By whole lines, not trimmed: what stands next to these lines is not touched.
        for hunk in &mut self.hunks {
            hunk.make_room(&self.text, &span, &after);
        }
        own.flip(span.start, &span.text);
        self.hunks.insert(at, own);
        self.text = after;
        Some(span)
    }
}
