//! What a tool call proposes, worked out against a snapshot of a file: no lock is held meanwhile.

use interline_log::{HunkId, HunkKind, SessionId};
use ropey::Rope;

use super::compose::{Composed, Piece, View};
use super::file::{Basis, FileState};
use super::place::Place;
use super::tracked::{Stage, Tracked};
use super::{Origin, ProposalError, Proposed, RangeEdit};
use crate::disk::BOM;
use crate::document::{LineEnding, char_at};
use crate::edit::{self, Rule};
use crate::lines;
use crate::path::WorkspacePath;

/// A file as a session sees it, at one moment.
pub(super) struct Seen {
    pub(super) path: WorkspacePath,
    pub(super) basis: Basis,
    /// The session's hunks of this file that are not in the text.
    own: Vec<Tracked>,
}

/// What is to become of the session's hunks of the file.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) replaces: Vec<HunkId>,
    pub(super) adds: Vec<Tracked>,
    /// For the model: how it matched.
    pub(super) notices: Vec<String>,
    /// 1-based lines of the session's view that changed, first and last.
    pub(super) lines: Vec<(usize, usize)>,
}

impl Seen {
    pub(super) fn new(path: &WorkspacePath, file: &FileState, session: SessionId) -> Self {
        let own = |hunk: &&Tracked| hunk.origin.session == session && !hunk.is_in_text();
        Self {
            path: path.clone(),
            basis: file.basis.clone(),
            own: file.hunks.iter().filter(own).cloned().collect(),
        }
    }

    fn whole_file(&self, is: fn(&HunkKind) -> bool) -> Option<&Tracked> {
        self.own
            .iter()
            .find(|hunk| is(&hunk.kind) && hunk.place.fits())
    }

    pub(super) fn created(&self) -> Option<&Tracked> {
        self.whole_file(|kind| *kind == HunkKind::Create)
    }

    pub(super) fn moved(&self) -> Option<&Tracked> {
        self.whole_file(|kind| matches!(kind, HunkKind::Move { .. }))
    }

    fn deleted(&self) -> Option<&Tracked> {
        self.whole_file(|kind| *kind == HunkKind::Delete)
    }

    /// The session's text hunks that fit, in order.
    pub(super) fn text_hunks(&self) -> Vec<&Tracked> {
        let mut own: Vec<&Tracked> = self
            .own
            .iter()
            .filter(|hunk| hunk.is_text() && hunk.is_in_view())
            .collect();
        own.sort_by_key(|hunk| (hunk.place.start, hunk.place.end));
        own
    }

    /// The text that the session sees; `None` where there is no file for it.
    pub(super) fn text(&self) -> Option<String> {
        if let Some(created) = self.created() {
            return Some(created.new.to_string());
        }
        if !self.basis.exists() || self.deleted().is_some() {
            return None;
        }
        Some(View::new(&self.basis.rope, &self.text_hunks()).text)
    }

    /// As it would be.
    pub(super) fn with(mut self, plan: Plan) -> Self {
        self.own.retain(|hunk| !plan.replaces.contains(&hunk.id));
        self.own.extend(plan.adds);
        self
    }

    /// Works out a proposal. Atomic: an error changes nothing.
    pub(super) fn plan(&self, origin: Origin, what: &Proposed) -> Result<Plan, ProposalError> {
        match what {
            Proposed::Delete => self.delete(origin),
            Proposed::Move(to) => self.rename(origin, to),
            Proposed::Write(content) => {
                let content = lines::to_lf(content.strip_prefix(BOM).unwrap_or(content));
                self.change(origin, &content, Vec::new())
            }
            Proposed::Replace(edits) => {
                let (target, rules) = edit::replace(&self.existing()?, edits)
                    .map_err(|reason| self.error(&reason))?;
                self.become_exactly(origin, target, notices(&rules))
            }
            Proposed::Patch(hunks) => {
                let (target, rules) =
                    edit::patch(&self.existing()?, hunks).map_err(|reason| self.error(&reason))?;
                self.become_exactly(origin, target, notices(&rules))
            }
            Proposed::Ranges(edits) => {
                let target =
                    apply_ranges(&self.existing()?, edits).map_err(|reason| self.error(reason))?;
                self.become_exactly(origin, target, Vec::new())
            }
            Proposed::Rewrite { old, new } => self.rewrite(origin, old.as_deref(), new.as_deref()),
        }
    }

    fn error(&self, reason: &str) -> ProposalError {
        ProposalError(format!("`{}`: {reason}", self.path))
    }

    fn existing(&self) -> Result<String, ProposalError> {
        self.text().ok_or_else(|| {
            self.error(if self.deleted().is_some() {
                "the file is deleted in this proposal: write it anew instead"
            } else {
                "there is no such file: look for it with glob, or make it with write"
            })
        })
    }

    /// The session's view of a file that it sees becomes `target`, to the byte.
    fn become_exactly(
        &self,
        origin: Origin,
        target: String,
        notices: Vec<String>,
    ) -> Result<Plan, ProposalError> {
        if let Some(created) = self.created() {
            return self.create(origin, target, vec![created.id], notices);
        }
        let own = self.text_hunks();
        let view = View::new(&self.basis.rope, &own);
        let plan = self.become_text(origin, &view, &target, notices)?;
        self.changes_something(plan)
    }

    fn changes_something(&self, plan: Plan) -> Result<Plan, ProposalError> {
        if plan.replaces.is_empty() && plan.adds.is_empty() {
            return Err(self.error("the text reads like that already: there is nothing to change"));
        }
        Ok(plan)
    }

    /// The session's view becomes `target` (LF), line endings as they are.
    fn change(
        &self,
        origin: Origin,
        target: &str,
        notices: Vec<String>,
    ) -> Result<Plan, ProposalError> {
        if let Some(created) = self.created() {
            let seen = lines::split(&created.new);
            let text = lines::restore_endings(&seen, target, ending(&seen)).concat();
            return self.create(origin, text, vec![created.id], notices);
        }
        if !self.basis.exists() {
            return self.create(origin, target.to_owned(), Vec::new(), notices);
        }
        // A file that was deleted in the proposal and is written anew is a change of the user's file.
        let own = self.text_hunks();
        let view = View::new(&self.basis.rope, &own);
        let seen = lines::split(&view.text);
        let target = lines::restore_endings(&seen, target, ending(&seen)).concat();
        let plan = self.become_text(origin, &view, &target, notices)?;
        self.changes_something(plan)
    }

    /// The session's view of an existing file becomes `target`, to the byte.
    pub(super) fn become_text(
        &self,
        origin: Origin,
        view: &View<'_>,
        target: &str,
        notices: Vec<String>,
    ) -> Result<Plan, ProposalError> {
        let seen = lines::split(&view.text);
        let target = lines::split(target);
        let shown = lines::diff(&seen, &target)
            .iter()
            .map(|change| {
                (
                    change.after.start + 1,
                    change.after.end.max(change.after.start + 1),
                )
            })
            .collect();
        let composed = view.compose(&target)?;
        let mut plan = self.replacing(origin, composed);
        plan.replaces.extend(self.deleted().map(|hunk| hunk.id));
        (plan.notices, plan.lines) = (notices, shown);
        Ok(plan)
    }

    /// New hunks for composed ones. Conflicting hunks of the session in the same lines are superseded.
    fn replacing(&self, origin: Origin, composed: Composed) -> Plan {
        let rope = &self.basis.rope;
        let adds: Vec<Tracked> = composed
            .pieces
            .into_iter()
            .map(|piece| text_hunk(origin, rope, piece))
            .collect();
        let mut replaces = composed.replaces;
        let superseded = |lost: &&Tracked| {
            adds.iter().any(|hunk| {
                hunk.place.start <= lost.place.end && lost.place.start <= hunk.place.end
            })
        };
        let lost = self
            .own
            .iter()
            .filter(|hunk| hunk.is_text() && !hunk.place.fits());
        replaces.extend(lost.filter(superseded).map(|hunk| hunk.id));
        Plan {
            replaces,
            adds,
            notices: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub(super) fn create(
        &self,
        origin: Origin,
        text: String,
        replaces: Vec<HunkId>,
        notices: Vec<String>,
    ) -> Result<Plan, ProposalError> {
        let count = lines::split(&text).len().max(1);
        let hunk = whole_file_hunk(origin, HunkKind::Create, "", &text, 0);
        Ok(Plan {
            replaces,
            adds: vec![hunk],
            notices,
            lines: vec![(1, count)],
        })
    }

    pub(super) fn delete(&self, origin: Origin) -> Result<Plan, ProposalError> {
        self.existing()?;
        let replaces = self.replaceable()?;
        let mut adds = Vec::new();
        if self.created().is_none() {
            let rope = &self.basis.rope;
            let old = rope.to_string();
            adds.push(whole_file_hunk(
                origin,
                HunkKind::Delete,
                &old,
                "",
                rope.len_chars(),
            ));
        }
        Ok(Plan {
            replaces,
            adds,
            notices: Vec::new(),
            lines: Vec::new(),
        })
    }

    fn rename(&self, origin: Origin, to: &WorkspacePath) -> Result<Plan, ProposalError> {
        self.existing()?;
        if self.created().is_some() {
            return Err(
                self.error("the file is new in this proposal: delete it and write the other one")
            );
        }
        let replaces: Vec<HunkId> = self
            .whole_file(|kind| matches!(kind, HunkKind::Move { .. }))
            .map(|hunk| hunk.id)
            .into_iter()
            .collect();
        let kind = HunkKind::Move {
            to: to.as_str().to_owned(),
        };
        let from = self.path.as_str();
        let hunk = whole_file_hunk(origin, kind, from, "", self.basis.rope.len_chars());
        Ok(Plan {
            replaces,
            adds: vec![hunk],
            notices: Vec::new(),
            lines: Vec::new(),
        })
    }

    fn replaceable(&self) -> Result<Vec<HunkId>, ProposalError> {
        if self.own.iter().any(|hunk| hunk.stage == Stage::Applying) {
            return Err(self.error("hunks of it are just being accepted: try again"));
        }
        Ok(self.own.iter().map(|hunk| hunk.id).collect())
    }
}

fn ending(lines: &[&str]) -> LineEnding {
    LineEnding::of(lines.iter().copied())
}

fn text_hunk(origin: Origin, rope: &Rope, piece: Piece) -> Tracked {
    let start = rope.line_to_char(piece.lines.start.min(rope.len_lines()));
    Tracked {
        id: HunkId::new(),
        origin,
        kind: HunkKind::Text,
        stage: Stage::Pending,
        landed_once: false,
        place: Place::at(start, start + piece.old.chars().count()),
        old: piece.old.into(),
        new: piece.new.into(),
    }
}

pub(super) fn whole_file_hunk(
    origin: Origin,
    kind: HunkKind,
    old: &str,
    new: &str,
    end: usize,
) -> Tracked {
    Tracked {
        id: HunkId::new(),
        origin,
        kind,
        stage: Stage::Pending,
        landed_once: false,
        place: Place::at(0, end),
        old: old.into(),
        new: new.into(),
    }
}

fn notices(rules: &[Rule]) -> Vec<String> {
    let many = rules.len() > 1;
    let notice = |(i, rule): (usize, &Rule)| {
        let notice = rule.notice()?;
        Some(if many {
            format!("edit {} {notice}", i + 1)
        } else {
            notice.to_owned()
        })
    };
    rules.iter().enumerate().filter_map(notice).collect()
}

/// Applies edits whose positions are all in `text`; new lines get its line endings. Editors differ on overlaps and on
/// lines past the end: neither is let through.
fn apply_ranges(text: &str, edits: &[RangeEdit]) -> Result<String, &'static str> {
    let mut rope = Rope::from_str(text);
    let mut placed = Vec::with_capacity(edits.len());
    for edit in edits {
        let (start, end) = (edit.range.start, edit.range.end);
        if start > end {
            return Err("an edit's range ends before it starts: nothing was changed");
        }
        if end.line as usize >= rope.len_lines() {
            return Err(
                "an edit's range is past the end of the text: it was made for another version",
            );
        }
        placed.push((
            char_at(&rope, start),
            char_at(&rope, end),
            edit.text.as_str(),
        ));
    }
    placed.sort_by_key(|&(start, end, _)| (start, end));
    if placed
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.1 > b.0))
    {
        return Err("edits overlap: nothing was changed");
    }
    let ending = LineEnding::of(rope.chunks());
    for (start, end, new) in placed.into_iter().rev() {
        let old = rope.slice(start..end).to_string();
        let new = lines::restore_endings(&lines::split(&old), &lines::to_lf(new), ending);
        rope.remove(start..end);
        rope.insert(start, &new.concat());
    }
    Ok(rope.to_string())
}
