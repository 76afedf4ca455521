//! Bringing a session's hunks back from its log, placed in the texts of now.
//!
//! Hashes prove where hunks belong: a text that gives the logged one when the applied hunks are taken out of it is that
//! text with those hunks. Without such a proof only lines that stand in the text once, and tell one place from
//! another, are taken; the rest is in conflict.

use std::collections::BTreeMap;

use interline_log::{CallId, Event, EventData, HunkId, HunkKind, HunkRecord, SessionId, TurnId};
use ropey::Rope;

use super::Origin;
use super::entries::LoggedEntry;
use super::entry::EntryChange;
use super::file::FileState;
use super::place::{Place, applied, chars, only_place, slice};
use super::tracked::{Stage, Tracked, at_place};
use crate::Workspace;
use crate::document::sha256;
use crate::lines;
use crate::path::WorkspacePath;

/// A hunk as the log has it.
struct Logged {
    record: HunkRecord,
    origin: Origin,
    base_sha256: String,
    stage: LoggedStage,
    conflicted: bool,
}

#[derive(Clone)]
enum LoggedStage {
    Pending,
    /// Accepting began; nobody knows how it ended.
    Accepting {
        pre: String,
        post: String,
    },
    Applied,
    /// Taking it back began; nobody knows how it ended.
    Undoing {
        post: String,
    },
}

type Files = BTreeMap<String, Vec<Logged>>;

impl Workspace {
    pub(crate) fn restore_hunks(&self, session: SessionId, events: &[Event]) -> Vec<EventData> {
        let mut made = Vec::new();
        for (name, logged) in fold(session, events) {
            let Ok(path) = WorkspacePath::new(&name) else {
                continue;
            };
            for logged in &logged {
                // Of bytes, too: a draft goes by their hash.
                if let LoggedStage::Accepting { post, .. } | LoggedStage::Undoing { post } =
                    &logged.stage
                {
                    self.discard_draft(&path, post);
                }
            }
            let (entries, logged): (Vec<_>, Vec<_>) = logged
                .into_iter()
                .partition(|logged| !logged.record.kind.is_of_text());
            made.extend(self.take_back_entries(&path, entries));
            if logged.is_empty() {
                continue;
            }
            // A file that can't be read now has no place for hunks: it is as if it were gone.
            let Ok(mut proposals) = self.known(&path) else {
                continue;
            };
            if let Some(file) = proposals.files.get_mut(&path) {
                made.extend(file.take_back(&path, logged));
            }
            proposals.prune(&self.documents);
        }
        self.touch();
        made
    }
}

impl Workspace {
    fn take_back_entries(&self, path: &WorkspacePath, logged: Vec<Logged>) -> Vec<EventData> {
        if logged.is_empty() {
            return Vec::new();
        }
        let entries = logged.into_iter().filter_map(|logged| {
            Some(LoggedEntry {
                id: logged.record.id,
                origin: logged.origin,
                change: EntryChange::of(&logged.record.kind)?,
                stage: match logged.stage {
                    LoggedStage::Pending => Stage::Pending,
                    LoggedStage::Accepting { .. } => Stage::Applying,
                    LoggedStage::Applied => Stage::Applied,
                    LoggedStage::Undoing { .. } => Stage::Undoing,
                },
                conflicted: logged.conflicted,
            })
        });
        let news = self.restore_entries(path, entries.collect());
        let now = self.look(path, None, true);
        news.events(path, now.bytes().map_or("", |bytes| &bytes.sha256))
    }
}

/// What is left of a session's proposal at the end of its log, by file.
fn fold(session: SessionId, events: &[Event]) -> Files {
    let mut files = Files::new();
    for event in events.iter().filter(|event| event.session == session) {
        match &event.data {
            EventData::EditProposed {
                path,
                base_sha256,
                replaces,
                hunks,
            } => {
                drop_all(&mut files, replaces);
                let origin = Origin {
                    session,
                    turn: event.turn.unwrap_or_else(TurnId::new),
                    call: event.call.unwrap_or_else(CallId::new),
                };
                let logged = |record: &HunkRecord| Logged {
                    record: record.clone(),
                    origin,
                    base_sha256: base_sha256.clone(),
                    stage: LoggedStage::Pending,
                    // Its text is not what was proposed: a secret was kept out of it.
                    conflicted: [&record.old, &record.new]
                        .iter()
                        .any(|text| text.contains(interline_log::REDACTED)),
                };
                files
                    .entry(path.clone())
                    .or_default()
                    .extend(hunks.iter().map(logged));
            }
            EventData::EditRejected { hunks } | EventData::EditUndone { hunks, .. } => {
                drop_all(&mut files, hunks);
            }
            EventData::EditConflicted { hunks } => {
                each(&mut files, hunks, |logged| logged.conflicted = true);
            }
            EventData::EditAccepting {
                hunks,
                pre_sha256,
                post_sha256,
                ..
            } => {
                let (pre, post) = (pre_sha256.clone(), post_sha256.clone());
                each(&mut files, hunks, |logged| {
                    let (pre, post) = (pre.clone(), post.clone());
                    logged.stage = match logged.stage {
                        LoggedStage::Applied => LoggedStage::Undoing { post },
                        _ => LoggedStage::Accepting { pre, post },
                    };
                });
            }
            EventData::EditApplied { path, hunks, .. } => {
                each(&mut files, hunks, |logged| {
                    logged.stage = LoggedStage::Applied
                });
                follow_move(&mut files, path, hunks);
            }
            EventData::EditRefused { hunks, .. } => {
                each(&mut files, hunks, |logged| {
                    logged.stage = match logged.stage {
                        LoggedStage::Undoing { .. } => LoggedStage::Applied,
                        _ => LoggedStage::Pending,
                    };
                });
            }
            _ => {}
        }
    }
    files.retain(|_, logged| !logged.is_empty());
    files
}

fn drop_all(files: &mut Files, ids: &[HunkId]) {
    for logged in files.values_mut() {
        logged.retain(|logged| !ids.contains(&logged.record.id));
    }
}

fn each(files: &mut Files, ids: &[HunkId], mut change: impl FnMut(&mut Logged)) {
    let all = files.values_mut().flatten();
    all.filter(|logged| ids.contains(&logged.record.id))
        .for_each(&mut change);
}

/// A file that was moved takes its hunks with it.
fn follow_move(files: &mut Files, path: &str, ids: &[HunkId]) {
    let to = files
        .get(path)
        .into_iter()
        .flatten()
        .find_map(|logged| match &logged.record.kind {
            HunkKind::Move { to } if ids.contains(&logged.record.id) => Some(to.clone()),
            _ => None,
        });
    if let Some(to) = to {
        let mut logged = files.remove(path).unwrap_or_default();
        // The name that a move takes back: `old` of a logged move is empty.
        for moved in logged
            .iter_mut()
            .filter(|logged| ids.contains(&logged.record.id))
        {
            moved.record.old = path.to_owned();
        }
        files.entry(to).or_default().extend(logged);
    }
}

impl FileState {
    /// Takes logged hunks up; returns what is to be logged about them.
    fn take_back(&mut self, path: &WorkspacePath, logged: Vec<Logged>) -> Vec<EventData> {
        let now = sha256(self.basis.rope.chunks());
        let (mut hunks, mut was_conflicted, mut news) = (Vec::new(), Vec::new(), News::default());
        for logged in logged
            .into_iter()
            .filter(|logged| self.get(logged.record.id).is_none())
        {
            let Some(stage) = self.probe(&logged, &now, &mut news) else {
                continue;
            };
            if logged.conflicted {
                was_conflicted.push(logged.record.id);
            }
            hunks.push((logged.base_sha256.clone(), tracked(path, logged, stage)));
        }
        place_all(&self.basis.rope, &mut hunks);
        let first = self.hunks.len();
        self.hunks.extend(hunks.into_iter().map(|(_, hunk)| hunk));
        self.check_whole_file();
        let lost = |hunk: &&Tracked| hunk.stage == Stage::Pending && !hunk.place.fits();
        news.conflicted = self
            .hunks
            .iter()
            .skip(first)
            .filter(lost)
            .map(|hunk| hunk.id)
            .filter(|id| !was_conflicted.contains(id))
            .collect();
        self.sort();
        self.generation += 1;
        news.events(path, &now)
    }

    /// How far a hunk is, by the hash of the text of now; `None`: it was taken back.
    fn probe(&self, logged: &Logged, now: &str, news: &mut News) -> Option<Stage> {
        let id = logged.record.id;
        let there = self.basis.exists();
        match (&logged.stage, &logged.record.kind) {
            (LoggedStage::Pending, _) => Some(Stage::Pending),
            (LoggedStage::Applied, _) => Some(Stage::Applied),
            (LoggedStage::Accepting { post, .. }, HunkKind::Delete | HunkKind::Move { .. })
                if !there =>
            {
                news.applied.push(id);
                news.gone = Some(post.clone());
                Some(Stage::Applied)
            }
            // The text before and after says nothing where both are empty; that the new file is there does.
            (LoggedStage::Accepting { pre, post }, kind)
                if post == now && there && (pre != post || *kind == HunkKind::Create) =>
            {
                news.applied.push(id);
                Some(Stage::Applied)
            }
            (LoggedStage::Accepting { .. }, _) => {
                news.refused.push(id);
                Some(Stage::Pending)
            }
            (LoggedStage::Undoing { post }, _) if post == now => {
                news.undone.push(id);
                None
            }
            (LoggedStage::Undoing { .. }, _) => Some(Stage::Applied),
        }
    }
}

/// What restoring found out that the log doesn't have.
#[derive(Default)]
pub(super) struct News {
    pub(super) applied: Vec<HunkId>,
    pub(super) refused: Vec<HunkId>,
    pub(super) undone: Vec<HunkId>,
    pub(super) conflicted: Vec<HunkId>,
    /// The hash of the text of a file that is no longer at its place: what moved has it still.
    gone: Option<String>,
}

impl News {
    fn events(self, path: &WorkspacePath, now: &str) -> Vec<EventData> {
        let (path, post_sha256) = (path.as_str().to_owned(), now.to_owned());
        let reason = "the server ended before the change was confirmed".to_owned();
        let mut events = Vec::new();
        let mut push = |hunks: &[HunkId], event: EventData| {
            if !hunks.is_empty() {
                events.push(event);
            }
        };
        let Self {
            applied,
            refused,
            undone,
            conflicted,
            gone,
        } = self;
        push(
            &applied,
            EventData::EditApplied {
                path: path.clone(),
                hunks: applied.clone(),
                post_sha256: gone.unwrap_or_else(|| post_sha256.clone()),
            },
        );
        push(
            &refused,
            EventData::EditRefused {
                hunks: refused.clone(),
                reason,
            },
        );
        push(
            &undone,
            EventData::EditUndone {
                path,
                hunks: undone.clone(),
                post_sha256,
            },
        );
        push(
            &conflicted,
            EventData::EditConflicted {
                hunks: conflicted.clone(),
            },
        );
        events
    }
}

fn tracked(path: &WorkspacePath, logged: Logged, stage: Stage) -> Tracked {
    let HunkRecord {
        id,
        kind,
        start_line,
        old,
        new,
    } = logged.record;
    let is_pending_move = matches!(kind, HunkKind::Move { .. }) && old.is_empty();
    let old = if is_pending_move {
        path.as_str().to_owned()
    } else {
        old
    };
    Tracked {
        id,
        origin: logged.origin,
        kind,
        stage,
        landed_once: stage == Stage::Applied,
        // A line until it is placed.
        place: Place::at(start_line as usize, start_line as usize),
        old: old.into(),
        new: new.into(),
    }
}

/// Places the text hunks, with the hashes of the texts that they were proposed against.
fn place_all(text: &Rope, hunks: &mut [(String, Tracked)]) {
    let mut bases: Vec<String> = hunks.iter().map(|(base, _)| base.clone()).collect();
    bases.sort_unstable();
    bases.dedup();
    for base in bases {
        let mut group: Vec<&mut Tracked> = hunks
            .iter_mut()
            .filter(|(other, hunk)| *other == base && hunk.is_text())
            .map(|(_, hunk)| hunk)
            .collect();
        group.sort_by_key(|hunk| (hunk.place.start, !hunk.old.is_empty()));
        let proven = proven(text, &group, &base);
        for (i, hunk) in group.into_iter().enumerate() {
            hunk.place = match proven.as_ref().and_then(|places| places.get(i)) {
                Some(place) => place.clone(),
                None => only_place(text, hunk.standing()).unwrap_or_else(Place::nowhere),
            };
        }
    }
}

/// The places of hunks that were all proposed against one text, if the text of now is that one with the applied ones
/// in it: then each stands where it stood, moved by those above it.
fn proven(text: &Rope, group: &[&mut Tracked], base_sha256: &str) -> Option<Vec<Place>> {
    let mut places = Vec::with_capacity(group.len());
    let mut moved = 0_isize;
    for hunk in group {
        let line = hunk.place.start.checked_add_signed(moved)?;
        let start = text.try_line_to_char(line).ok()?;
        let standing = hunk.standing();
        let end = start + chars(standing);
        if end > text.len_chars() || slice(text, start, end) != **standing {
            return None;
        }
        if hunk.is_in_text() {
            let count = |text: &str| lines::split(text).len().cast_signed();
            moved += count(&hunk.new) - count(&hunk.old);
        }
        places.push(Place::at(start, end));
    }
    let mut base = text.clone();
    for (hunk, place) in group
        .iter()
        .zip(&places)
        .rev()
        .filter(|(hunk, _)| hunk.is_in_text())
    {
        let span = crate::document::Span {
            start: place.start,
            end: place.end,
            text: at_place(&hunk.old, &base, place.end, text).into(),
        };
        base = applied(&base, &span);
    }
    (sha256(base.chunks()) == base_sha256).then_some(places)
}
