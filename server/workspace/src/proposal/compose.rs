//! From the text that a session wants to the hunks of its proposal.
//!
//! A session sees the user's text with its own pending hunks in it, and edits that. What it changes outside of its
//! hunks becomes a new hunk; what touches some is taken up with them into one against the user's text. A hunk that
//! is composed back to the user's text vanishes.

use std::ops::Range;

use interline_log::HunkId;
use ropey::Rope;

use super::ProposalError;
use super::place::slice;
use super::tracked::{Stage, Tracked};
use crate::document::LineEnding;
use crate::lines::{self, LineChange};

/// The text that a session sees.
#[derive(Debug)]
pub(super) struct View<'a> {
    base: &'a Rope,
    own: Vec<Own<'a>>,
    pub(super) text: String,
}

/// A hunk of the session: the user's lines that it replaces, and its lines in the view.
#[derive(Debug)]
struct Own<'a> {
    hunk: &'a Tracked,
    base: Range<usize>,
    view: Range<usize>,
}

/// Lines of the user's text that become other lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) lines: Range<usize>,
    pub(super) old: String,
    pub(super) new: String,
}

/// How a proposal changes: what it loses and what it gains instead.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Composed {
    pub(super) replaces: Vec<HunkId>,
    pub(super) pieces: Vec<Piece>,
}

impl<'a> View<'a> {
    /// `own`: hunks of one session that fit, in order.
    pub(super) fn new(base: &'a Rope, own: &[&'a Tracked]) -> Self {
        let mut text = String::with_capacity(base.len_bytes());
        let (mut at, mut line, mut base_line) = (0, 0, 0);
        let mut placed = Vec::with_capacity(own.len());
        for hunk in own {
            let (start, end) = (hunk.place.start, hunk.place.end);
            push(&mut text, base, &slice(base, at, start));
            let (first, count) = hunk.lines(base);
            let range = first as usize..(first + count) as usize;
            line += range.start - base_line;
            let length = lines::split(&hunk.new).len();
            push(&mut text, base, &hunk.new);
            placed.push(Own {
                hunk,
                base: range.clone(),
                view: line..line + length,
            });
            (at, line, base_line) = (end, line + length, range.end);
        }
        push(&mut text, base, &slice(base, at, base.len_chars()));
        Self {
            base,
            own: placed,
            text,
        }
    }

    /// The user's lines that lines of the view stand for, whole hunks included.
    pub(super) fn base_lines(&self, lines: &Range<usize>) -> Range<usize> {
        let (mut before, mut through) = (0_isize, 0_isize);
        let (mut start, mut end) = (None, None);
        for own in &self.own {
            let change = own.base.len().cast_signed() - own.view.len().cast_signed();
            if own.view.end <= lines.start {
                before += change;
                through += change;
            } else if own.view.start < lines.end {
                through += change;
                start = start.or((own.view.start <= lines.start).then_some(own.base.start));
                end = (own.view.end >= lines.end).then_some(own.base.end);
            }
        }
        let start = start.unwrap_or_else(|| moved(lines.start, before));
        let end = end.unwrap_or_else(|| moved(lines.end, through));
        start..end.max(start)
    }

    /// What makes the view read `target`, line by line with their breaks.
    pub(super) fn compose(&self, target: &[&str]) -> Result<Composed, ProposalError> {
        let seen = lines::split(&self.text);
        let base = self.base.to_string();
        let base = lines::split(&base);
        let mut composed = Composed::default();
        for group in self.groups(lines::diff(&seen, target)) {
            if group
                .own
                .iter()
                .any(|own| own.hunk.stage == Stage::Applying)
            {
                return Err(ProposalError(
                    "these lines are just being accepted: read the file and try again".to_owned(),
                ));
            }
            composed
                .replaces
                .extend(group.own.iter().map(|own| own.hunk.id));
            let new = target.get(group.target.clone()).unwrap_or_default();
            let old = base.get(group.base.clone()).unwrap_or_default();
            for change in lines::diff(old, new) {
                let start = group.base.start;
                composed.pieces.push(Piece {
                    lines: start + change.before.start..start + change.before.end,
                    old: old.get(change.before).unwrap_or_default().concat(),
                    new: new.get(change.after).unwrap_or_default().concat(),
                });
            }
        }
        Ok(composed)
    }

    /// Changes with the hunks that they touch.
    fn groups(&self, changes: Vec<LineChange>) -> Vec<Group<'_>> {
        let mut items: Vec<Item<'_>> = changes.into_iter().map(Item::Change).collect();
        items.extend(self.own.iter().map(Item::Own));
        items.sort_by_key(|item| (item.view().start, item.view().end));
        let mut groups: Vec<Vec<Item<'_>>> = Vec::new();
        let (mut reach, mut open) = (0..0, false);
        for item in items {
            let view = item.view();
            match groups.last_mut() {
                Some(group)
                    if touch(&reach, &view)
                        || (open && reach.end == view.start)
                        || group.iter().any(|other| other.is_beside(&item)) =>
                {
                    reach.end = reach.end.max(view.end);
                    open = item.is_open_ended();
                    group.push(item);
                }
                _ => {
                    reach = view;
                    open = item.is_open_ended();
                    groups.push(vec![item]);
                }
            }
        }
        let (mut to_base, mut to_target) = (0_isize, 0_isize);
        let mut result = Vec::new();
        for items in groups {
            let group = Group::of(&items, &mut to_base, &mut to_target);
            if items.iter().any(|item| matches!(item, Item::Change(_))) {
                result.push(group);
            }
        }
        result
    }
}

/// Do two ranges of lines, the first not after the second, share lines, or meet where one is empty, so that nobody
/// could tell which comes first?
fn touch(a: &Range<usize>, b: &Range<usize>) -> bool {
    b.start < a.end || (b.start == a.end && (a.is_empty() || b.is_empty()))
}

enum Item<'a> {
    Change(LineChange),
    Own(&'a Own<'a>),
}

impl Item<'_> {
    fn view(&self) -> Range<usize> {
        match self {
            Self::Change(change) => change.before.clone(),
            Self::Own(own) => own.view.clone(),
        }
    }

    /// Both are insertions at the same place: their order must not depend on which of them was made last.
    fn is_beside(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Own(a), Self::Own(b)) => {
                a.base.is_empty() && b.base.is_empty() && a.base == b.base
            }
            _ => false,
        }
    }

    /// A hunk that was meant for the end of the text: what follows it decides whether it ends with a line break.
    fn is_open_ended(&self) -> bool {
        matches!(self, Self::Own(own) if !own.hunk.new.is_empty() && !own.hunk.new.ends_with('\n'))
    }
}

struct Group<'a> {
    own: Vec<&'a Own<'a>>,
    base: Range<usize>,
    target: Range<usize>,
}

impl<'a> Group<'a> {
    /// The group's lines in the user's text and in the target. The offsets are those of the view's lines to either
    /// before the group, and after it when this returns.
    fn of(items: &[Item<'a>], to_base: &mut isize, to_target: &mut isize) -> Self {
        let start = items
            .iter()
            .map(|item| item.view().start)
            .min()
            .unwrap_or(0);
        let end = items.iter().map(|item| item.view().end).max().unwrap_or(0);
        let own: Vec<&Own<'_>> = items
            .iter()
            .filter_map(|item| match item {
                Item::Own(own) => Some(*own),
                Item::Change(_) => None,
            })
            .collect();
        let (first_base, first_target) = (moved(start, *to_base), moved(start, *to_target));
        for own in &own {
            *to_base += own.base.len().cast_signed() - own.view.len().cast_signed();
        }
        for item in items {
            if let Item::Change(change) = item {
                *to_target += change.after.len().cast_signed() - change.before.len().cast_signed();
            }
        }
        Self {
            own,
            base: first_base..moved(end, *to_base),
            target: first_target..moved(end, *to_target),
        }
    }
}

fn moved(line: usize, by: isize) -> usize {
    line.saturating_add_signed(by)
}

/// Adds whole lines. What was meant for the end of the text gets a line break where it is not any more.
fn push(text: &mut String, base: &Rope, more: &str) {
    if !more.is_empty() && !text.is_empty() && !text.ends_with('\n') {
        text.push_str(LineEnding::of(base.chunks()).as_str());
    }
    text.push_str(more);
}
