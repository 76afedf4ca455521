//! Accepting and undoing: what is handed to the editor (or the disk), and what comes of it.

use interline_log::{HunkId, HunkKind, SessionId, TurnId};
use ropey::Rope;

use super::file::{Basis, FileState, Source};
use super::flight::{Flight, Steps};
use super::place::trimmed;
use super::tracked::{Stage, Tracked};
use super::{Landing, LandingChange, LandingDocument, RangeEdit};
use crate::document::{Range, Span, position_at, sha256};
use crate::lines;
use crate::path::WorkspacePath;

/// Whose applied hunks are taken back.
#[derive(Clone, Copy)]
pub(super) struct Undo {
    pub(super) session: SessionId,
    pub(super) turn: Option<TurnId>,
}

impl Undo {
    fn means(self, hunk: &Tracked) -> bool {
        hunk.stage == Stage::Applied
            && hunk.origin.session == self.session
            && self.turn.is_none_or(|turn| hunk.origin.turn == turn)
    }
}

impl FileState {
    /// Why a hunk can't be accepted now.
    pub(super) fn hindrance(&self, path: &WorkspacePath, id: HunkId) -> Option<String> {
        let hunk = self.get(id)?;
        let line = hunk.lines(&self.basis.rope).0 + 1;
        Some(match hunk.stage {
            Stage::Pending if !hunk.place.fits() => format!(
                "the hunk at `{path}` line {line} conflicts with what you typed since: reject or revise it"
            ),
            Stage::Pending if hunk.is_text() && !hunk.matters(&self.basis.rope) => {
                format!("the hunk at `{path}` line {line} would change nothing any more: reject it")
            }
            Stage::Pending if !self.flights.is_empty() => {
                format!("another change of `{path}` is just being applied: try again in a moment")
            }
            Stage::Pending => return None,
            Stage::Applying | Stage::Undoing => {
                format!("the hunk at `{path}` is just being applied")
            }
            Stage::Applied => format!("the hunk at `{path}` is accepted already"),
        })
    }

    /// Begins to accept those of the hunks that can be: the text first, then what becomes of the file.
    pub(super) fn accept(&mut self, path: &WorkspacePath, ids: &[HunkId]) -> Vec<Landing> {
        let can =
            |hunk: &&Tracked| ids.contains(&hunk.id) && self.hindrance(path, hunk.id).is_none();
        let chosen: Vec<&Tracked> = self.hunks.iter().filter(can).collect();
        let whole = |kind: fn(&HunkKind) -> bool| chosen.iter().find(|hunk| kind(&hunk.kind));
        if let Some(hunk) = whole(|kind| matches!(kind, HunkKind::Create | HunkKind::Delete)) {
            let hunk = (*hunk).clone();
            return vec![self.accept_whole(path, &hunk)];
        }
        let rename =
            whole(|kind| matches!(kind, HunkKind::Move { .. })).map(|hunk| (*hunk).clone());
        let text = apart(chosen.into_iter().filter(|hunk| hunk.is_text()));
        let mut landings = Vec::new();
        let mut rope = self.basis.rope.clone();
        if !text.is_empty() {
            let mut steps = Steps::new(&self.basis.rope, &self.hunks);
            let spans = steps.flip(&text);
            rope = steps.text.clone();
            let edits = edits(&self.basis.rope, spans);
            landings.push(self.take_off(path, text, edits, &steps, false));
        }
        if let Some(hunk) = rename
            && let HunkKind::Move { to } = &hunk.kind
            && let Ok(to) = WorkspacePath::new(to)
        {
            let sha256 = sha256(rope.chunks());
            let change = LandingChange::Move(to);
            landings.push(self.take_off_whole(
                path,
                vec![hunk.id],
                change,
                sha256.clone(),
                sha256,
                false,
            ));
        }
        landings
    }

    fn accept_whole(&mut self, path: &WorkspacePath, hunk: &Tracked) -> Landing {
        let rope = &self.basis.rope;
        let pre = sha256(rope.chunks());
        let post = sha256(std::iter::once(&*hunk.new));
        let change = match hunk.kind {
            HunkKind::Create if self.basis.exists() => {
                let start = position_at(rope, 0);
                let range = Range { start, end: start };
                let after = hunk.new.to_string();
                LandingChange::Text {
                    edits: vec![RangeEdit {
                        range,
                        text: after.clone(),
                    }],
                    after,
                }
            }
            HunkKind::Create => LandingChange::Create(hunk.new.to_string()),
            _ => LandingChange::Delete,
        };
        self.take_off_whole(path, vec![hunk.id], change, pre, post, false)
    }

    /// The landings that take applied hunks back, and the hunks that can't be.
    pub(super) fn undo(&mut self, path: &WorkspacePath, undo: Undo) -> (Vec<Landing>, Vec<HunkId>) {
        let wanted: Vec<HunkId> = self
            .hunks
            .iter()
            .filter(|hunk| undo.means(hunk))
            .map(|hunk| hunk.id)
            .collect();
        if wanted.is_empty() {
            return (Vec::new(), Vec::new());
        }
        if !self.flights.is_empty() {
            return (Vec::new(), wanted);
        }
        let mut steps = Steps::new(&self.basis.rope, &self.hunks);
        let mut rounds = Vec::new();
        let mut taken: Vec<HunkId> = Vec::new();
        // A later hunk may stand on the lines of an earlier one, which fits again once the later one is gone.
        loop {
            let fits = |hunk: &&Tracked| undo.means(hunk) && hunk.is_text() && hunk.place.fits();
            let round = uncovered(steps.hunks.iter().filter(fits));
            if round.is_empty() {
                break;
            }
            rounds.push(steps.flip(&round));
            steps.hunks.retain(|hunk| !round.contains(&hunk.id));
            taken.extend(round);
        }
        let landings = self.undo_landings(path, undo, rounds, &steps, &mut taken);
        let stuck = wanted
            .into_iter()
            .filter(|id| !taken.contains(id))
            .collect();
        (landings, stuck)
    }

    fn undo_landings(
        &mut self,
        path: &WorkspacePath,
        undo: Undo,
        mut rounds: Vec<Vec<Span>>,
        steps: &Steps,
        taken: &mut Vec<HunkId>,
    ) -> Vec<Landing> {
        let whole = self
            .hunks
            .iter()
            .find(|hunk| undo.means(hunk) && !hunk.is_text())
            .cloned();
        let (now, after) = (
            sha256(self.basis.rope.chunks()),
            sha256(steps.text.chunks()),
        );
        if let Some(hunk) = &whole {
            let nothing = sha256(std::iter::empty());
            if hunk.kind == HunkKind::Create && self.basis.exists() && steps.text == *hunk.new {
                taken.push(hunk.id);
                return vec![self.take_off_whole(
                    path,
                    taken.clone(),
                    LandingChange::Delete,
                    now,
                    nothing,
                    true,
                )];
            }
            if hunk.kind == HunkKind::Delete && !self.basis.exists() {
                taken.push(hunk.id);
                let change = LandingChange::Create(hunk.old.to_string());
                let post = sha256(std::iter::once(&*hunk.old));
                return vec![self.take_off_whole(path, vec![hunk.id], change, now, post, true)];
            }
        }
        let mut landings = Vec::new();
        if !taken.is_empty() {
            let edits = match (rounds.pop(), rounds.is_empty()) {
                (Some(spans), true) => edits(&self.basis.rope, spans),
                _ => edits_between(&self.basis.rope, &steps.text),
            };
            landings.push(self.take_off(path, taken.clone(), edits, steps, true));
        }
        if let Some((hunk, from)) = whole
            .as_ref()
            .and_then(|hunk| Some((hunk, moved_from(hunk)?)))
        {
            taken.push(hunk.id);
            let change = LandingChange::Move(from);
            landings.push(self.take_off_whole(
                path,
                vec![hunk.id],
                change,
                after.clone(),
                after,
                true,
            ));
        }
        landings
    }

    fn landing_document(&self) -> Option<LandingDocument> {
        let (uri, version) = self.basis.document()?;
        let uri = uri.clone();
        Some(LandingDocument { uri, version })
    }

    fn take_off(
        &mut self,
        path: &WorkspacePath,
        hunks: Vec<HunkId>,
        edits: Vec<RangeEdit>,
        steps: &Steps,
        undo: bool,
    ) -> Landing {
        let post_sha256 = sha256(steps.text.chunks());
        self.flights.push(Flight::of_text(
            hunks.clone(),
            undo,
            steps,
            post_sha256.clone(),
        ));
        self.mark(&hunks, undo);
        let landing = Landing {
            path: path.clone(),
            hunks,
            document: self.landing_document(),
            change: LandingChange::Text {
                edits,
                after: steps.text.to_string(),
            },
            pre_sha256: sha256(self.basis.rope.chunks()),
            post_sha256,
        };
        if landing.pre_sha256 == landing.post_sha256 {
            // Hunks that cancel each other: no change of the text will tell of the arrival.
            self.settle();
        }
        landing
    }

    fn take_off_whole(
        &mut self,
        path: &WorkspacePath,
        hunks: Vec<HunkId>,
        change: LandingChange,
        pre_sha256: String,
        post_sha256: String,
        undo: bool,
    ) -> Landing {
        self.flights
            .push(Flight::of_file(hunks.clone(), undo, change.clone()));
        self.mark(&hunks, undo);
        Landing {
            path: path.clone(),
            hunks,
            document: self.landing_document(),
            change,
            pre_sha256,
            post_sha256,
        }
    }

    fn mark(&mut self, ids: &[HunkId], undo: bool) {
        self.generation += 1;
        for hunk in self.hunks.iter_mut().filter(|hunk| ids.contains(&hunk.id)) {
            hunk.stage = if undo {
                Stage::Undoing
            } else {
                Stage::Applying
            };
        }
    }

    /// Ends a landing. What the mirror saw counts, whatever the editor said.
    pub(super) fn landed(&mut self, landing: &Landing, confirmed: bool, disk: Source) {
        let Some(at) = self
            .flights
            .iter()
            .position(|flight| flight.hunks == landing.hunks)
        else {
            return;
        };
        let flight = self.flights.remove(at);
        self.generation += 1;
        let on_disk = confirmed && self.basis.document().is_none();
        match flight.outcome() {
            _ if flight.seen => {}
            Some((text, hunks)) if on_disk => {
                self.basis = Basis {
                    rope: text,
                    source: disk,
                };
                let gone = if flight.undo {
                    landing.hunks.clone()
                } else {
                    Vec::new()
                };
                self.take_over(hunks, &gone);
            }
            None if confirmed => self.landed_whole(&flight, on_disk, disk),
            _ => self.call_back(&landing.hunks),
        }
        self.check_whole_file();
    }

    /// A file was made, deleted or moved.
    fn landed_whole(&mut self, flight: &Flight, on_disk: bool, disk: Source) {
        if flight.undo {
            self.hunks.retain(|hunk| !flight.hunks.contains(&hunk.id));
        }
        for hunk in self
            .hunks
            .iter_mut()
            .filter(|hunk| flight.hunks.contains(&hunk.id))
        {
            hunk.stage = Stage::Applied;
            hunk.landed_once = true;
        }
        let text = match &flight.change {
            Some(LandingChange::Create(text)) => text.as_str(),
            Some(LandingChange::Delete) => "",
            _ => return,
        };
        if on_disk || matches!(disk, Source::Missing) {
            self.rebase(Basis {
                rope: Rope::from_str(text),
                source: disk,
            });
        }
    }

    /// The hunks did not land: they are what they were before.
    fn call_back(&mut self, ids: &[HunkId]) {
        for hunk in self.hunks.iter_mut().filter(|hunk| ids.contains(&hunk.id)) {
            hunk.stage = match hunk.stage {
                Stage::Applying => Stage::Pending,
                Stage::Undoing => Stage::Applied,
                stage => stage,
            };
        }
    }
}

/// Where a move came from; kept with the hunk, since the file goes by its new name by then.
fn moved_from(hunk: &Tracked) -> Option<WorkspacePath> {
    matches!(hunk.kind, HunkKind::Move { .. }).then(|| WorkspacePath::new(&hunk.old).ok())?
}

/// The hunks that don't overlap an earlier one: of two sessions' hunks on the same lines the first wins.
fn apart<'a>(hunks: impl Iterator<Item = &'a Tracked>) -> Vec<HunkId> {
    let mut sorted: Vec<&Tracked> = hunks.collect();
    sorted.sort_by_key(|hunk| (hunk.place.start, hunk.place.end));
    let mut reach = 0;
    let mut apart = Vec::new();
    for hunk in sorted {
        if hunk.place.start >= reach {
            reach = hunk.place.end;
            apart.push(hunk.id);
        }
    }
    apart
}

/// The hunks that no later one, in the order of their making, stands on.
fn uncovered<'a>(hunks: impl DoubleEndedIterator<Item = &'a Tracked>) -> Vec<HunkId> {
    let mut chosen: Vec<&Tracked> = Vec::new();
    for hunk in hunks.rev() {
        let meets = |other: &&Tracked| {
            hunk.place.start < other.place.end && other.place.start < hunk.place.end
        };
        if !chosen.iter().any(meets) {
            chosen.push(hunk);
        }
    }
    chosen.iter().map(|hunk| hunk.id).collect()
}

/// The smallest edits that do what `spans` (last one first, so each in the coordinates of `text`) do.
fn edits(text: &Rope, spans: Vec<Span>) -> Vec<RangeEdit> {
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans
        .into_iter()
        .rev()
        .filter_map(|span| trimmed(text, &span))
    {
        let span = around_crlf(text, span);
        match merged.last_mut() {
            // Editors disagree on the order of edits that meet.
            Some(last) if last.end >= span.start => {
                last.end = span.end;
                last.text = format!("{}{}", last.text, span.text).into();
            }
            _ => merged.push(span),
        }
    }
    merged
        .into_iter()
        .map(|span| range_edit(text, span))
        .collect()
}

/// Positions between CR and LF don't exist: an edit takes the whole break or none of it.
fn around_crlf(text: &Rope, span: Span) -> Span {
    let inside = |at: usize| {
        at > 0 && text.get_char(at - 1) == Some('\r') && text.get_char(at) == Some('\n')
    };
    let mut span = span;
    if inside(span.end) {
        span.text = format!("{}\n", span.text).into();
        span.end += 1;
    }
    if inside(span.start) {
        span.text = format!("\r{}", span.text).into();
        span.start -= 1;
    }
    span
}

fn range_edit(text: &Rope, span: Span) -> RangeEdit {
    let range = Range {
        start: position_at(text, span.start),
        end: position_at(text, span.end),
    };
    RangeEdit {
        range,
        text: span.text.into(),
    }
}

/// The edits that make one text the other, by lines.
fn edits_between(before: &Rope, after: &Rope) -> Vec<RangeEdit> {
    let (old, new) = (before.to_string(), after.to_string());
    let (old, new) = (lines::split(&old), lines::split(&new));
    let spans = lines::diff(&old, &new).into_iter().rev().map(|change| {
        let char_at = |line: usize| before.line_to_char(line.min(before.len_lines()));
        let text = new.get(change.after).unwrap_or_default().concat();
        Span {
            start: char_at(change.before.start),
            end: char_at(change.before.end),
            text: text.into(),
        }
    });
    edits(before, spans.collect())
}
