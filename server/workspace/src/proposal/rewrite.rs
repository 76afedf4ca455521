//! What a command in the shadow made of a file, against the text of now.
//!
//! The command worked on a text that may be gone by then: its changes are brought into the text of now line by line,
//! and what both changed becomes a hunk in conflict. Nothing is dropped, nothing is put where it does not belong.

use interline_log::HunkKind;

use super::compose::View;
use super::place::{Place, slice};
use super::plan::{Plan, Seen, whole_file_hunk};
use super::tracked::Tracked;
use super::{Origin, ProposalError};
use crate::lines::{self, Clash, Merged};

impl Seen {
    /// Works out the hunks for a text that a command made of another one.
    pub(super) fn rewrite(
        &self,
        origin: Origin,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<Plan, ProposalError> {
        if let (None, Some(new), Some(moved)) = (old, new, self.moved()) {
            let own = self.text_hunks();
            let view = View::new(&self.basis.rope, &own);
            let mut plan = self.become_text(origin, &view, new, Vec::new())?;
            plan.replaces.push(moved.id);
            return Ok(plan);
        }
        let now = self.text();
        match (old, new, now) {
            (_, new, now) if new == now.as_deref() => Ok(Plan::default()),
            (old, None, now) if old == now.as_deref() => self.delete(origin),
            (old, None, _) => {
                let old = old.unwrap_or_default();
                Ok(lost(whole_file_hunk(origin, HunkKind::Delete, old, "", 0)))
            }
            (None, Some(new), None) if self.basis.exists() => {
                let view = View::new(&self.basis.rope, &[]);
                self.become_text(origin, &view, new, Vec::new())
            }
            (None, Some(new), None) => self.create(origin, new.to_owned(), Vec::new(), Vec::new()),
            // Another file has the name, or this one became another text.
            (None, Some(new), Some(_)) => {
                Ok(lost(whole_file_hunk(origin, HunkKind::Create, "", new, 0)))
            }
            (Some(old), Some(new), None) => Ok(lost(text_hunk(origin, old, new, None))),
            (Some(old), Some(new), Some(now)) => self.bring(origin, old, new, &now),
        }
    }

    /// Brings the changes from `old` to `new` into what the session sees now.
    fn bring(
        &self,
        origin: Origin,
        old: &str,
        new: &str,
        now: &str,
    ) -> Result<Plan, ProposalError> {
        let (base, theirs) = (lines::split(old), lines::split(new));
        let Merged { text, conflicts } = lines::merge(&base, &lines::split(now), &theirs);
        if let Some(created) = self.created() {
            let replaces = vec![created.id];
            if conflicts.is_empty() {
                return self.create(origin, text, replaces, Vec::new());
            }
            return Ok(lost(whole_file_hunk(origin, HunkKind::Create, "", new, 0)));
        }
        let own = self.text_hunks();
        let view = View::new(&self.basis.rope, &own);
        let mut plan = self.become_text(origin, &view, &text, Vec::new())?;
        for clash in &conflicts {
            let old = base.get(clash.base.clone()).unwrap_or_default().concat();
            let new = theirs
                .get(clash.theirs.clone())
                .unwrap_or_default()
                .concat();
            let place = self.region(&view, clash);
            plan.adds.push(text_hunk(origin, &old, &new, place));
        }
        if !conflicts.is_empty() {
            plan.notices.push(notice(conflicts.len()));
        }
        Ok(plan)
    }

    /// Where the user's lines of a clash are now; `None` where there are none.
    fn region(&self, view: &View<'_>, clash: &Clash) -> Option<Place> {
        let rope = &self.basis.rope;
        let lines = view.base_lines(&clash.ours);
        let start = rope.try_line_to_char(lines.start).ok()?;
        let end = rope.try_line_to_char(lines.end).ok()?;
        (!slice(rope, start, end).is_empty()).then(|| Place::at(start, end))
    }
}

/// A hunk that has no place in the text of now, until it reads `old` there again.
fn text_hunk(origin: Origin, old: &str, new: &str, place: Option<Place>) -> Tracked {
    let place = match place {
        Some(mut place) if !old.is_empty() => {
            place.displace();
            place
        }
        _ => Place::nowhere(),
    };
    Tracked {
        kind: HunkKind::Text,
        place,
        ..whole_file_hunk(origin, HunkKind::Text, old, new, 0)
    }
}

/// One hunk in conflict, and nothing else.
fn lost(mut hunk: Tracked) -> Plan {
    if !hunk.is_text() {
        hunk.place = Place::whole_file(0, false);
    }
    Plan {
        adds: vec![hunk],
        notices: vec![notice(1)],
        ..Plan::default()
    }
}

fn notice(conflicts: usize) -> String {
    format!("{conflicts} in conflict with what changed while the command ran")
}
