//! What is known of pending hunks beside their text: what a check found, whether they parse, which wait to be shown.
//!
//! It is told by whoever checks and read by whoever shows; nothing is looked at here. What is told holds for one
//! [`Moment`]: once a hunk or a buffer is another one, it is known to be of before.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use interline_log::{EditVerdict, HunkId, SessionId, TurnId};

use crate::Workspace;
use crate::path::WorkspacePath;
use crate::proposal::{FileHunks, Hunk, HunkState};

/// What came of checking a turn's hunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// It goes on.
    Running,
    /// It came to its end.
    Done(EditVerdict),
    /// There is none, and why.
    NotDone(String),
}

/// A session's pending hunks and the open buffers, as they were at one moment.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    hunks: BTreeSet<HunkId>,
    /// How often each buffer had been changed since it was opened.
    changes: BTreeMap<Arc<str>, u64>,
}

impl Moment {
    fn of(
        files: &[FileHunks],
        session: SessionId,
        path: Option<&WorkspacePath>,
        changes: BTreeMap<Arc<str>, u64>,
    ) -> Self {
        let files = files.iter().filter(|file| is_of(&file.path, path));
        let ours = |hunk: &&Hunk| hunk.session == session && hunk.state == HunkState::Pending;
        let hunks = files.flat_map(|file| &file.hunks).filter(ours);
        Self {
            hunks: hunks.map(|hunk| hunk.id).collect(),
            changes,
        }
    }

    fn is_still(&self, now: &Self) -> bool {
        self.hunks == now.hunks && self.has_same_texts(now)
    }

    /// Was no buffer changed in between? One that was opened meanwhile has the text of before, until it is changed.
    #[must_use]
    pub fn has_same_texts(&self, other: &Self) -> bool {
        let changes = |moment: &Self, uri| moment.changes.get(uri).copied().unwrap_or_default();
        let mut uris = self.changes.keys().chain(other.changes.keys());
        uris.all(|uri| changes(self, uri) == changes(other, uri))
    }
}

fn is_of(file: &WorkspacePath, path: Option<&WorkspacePath>) -> bool {
    path.is_none_or(|path| path == file)
}

/// What is known of a hunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What came of checking its turn's hunks; `None`: nobody has tried.
    pub check: Option<Check>,
    /// The check is of before the last change of a buffer or of the session's hunks.
    pub check_is_old: bool,
    /// Where its file does not parse with it, as `LINE:COLUMN: what: the line`; empty: it parses, or nobody can tell.
    pub unparsed: Vec<String>,
    /// The same of that.
    pub unparsed_is_old: bool,
    /// It is not to be shown yet.
    pub is_held: bool,
}

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    told: Mutex<Told>,
    /// Something was told: each change of a buffer may make it old.
    stands: AtomicBool,
}

#[derive(Debug, Default)]
struct Told {
    of_turns: HashMap<TurnId, (Check, Moment)>,
    unparsed: HashMap<HunkId, (Vec<String>, Moment)>,
    /// Turns whose hunks nobody is shown yet.
    held: HashSet<TurnId>,
}

impl Checks {
    pub(crate) fn stand(&self) -> bool {
        self.stands.load(Ordering::Relaxed)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Workspace {
    /// The session's pending hunks and all buffers as they are now: what a check that begins now is of.
    #[must_use]
    pub fn moment(&self, session: SessionId) -> Moment {
        Moment::of(&self.hunks(), session, None, self.documents.changes(None))
    }

    /// Says what came of checking a turn's hunks, as they were then.
    pub fn set_check(&self, turn: TurnId, check: Check, of: Moment) {
        let files = self.hunks();
        let pending = files.iter().flat_map(|file| &file.hunks);
        let pending: HashSet<_> = pending.map(|hunk| hunk.turn).collect();
        let mut told = self.checks.told();
        told.of_turns.retain(|turn, _| pending.contains(turn));
        told.of_turns.insert(turn, (check, of));
        drop(told);
        self.told_of_checks();
    }

    /// Forgets what was said of a turn's hunks: they are others now.
    pub fn unset_check(&self, turn: TurnId) {
        if self.checks.told().of_turns.remove(&turn).is_some() {
            self.touch();
        }
    }

    /// Says that a file does not parse with these hunks, and where.
    pub fn set_unparsed(
        &self,
        session: SessionId,
        path: &WorkspacePath,
        hunks: &[HunkId],
        problems: &[String],
    ) {
        let files = self.hunks();
        let pending = files.iter().flat_map(|file| &file.hunks);
        let pending: HashSet<_> = pending.map(|hunk| hunk.id).collect();
        let changes = self.documents.changes(Some(path));
        let moment = Moment::of(&files, session, Some(path), changes);
        let mut told = self.checks.told();
        told.unparsed.retain(|hunk, _| pending.contains(hunk));
        for hunk in hunks.iter().filter(|hunk| pending.contains(hunk)) {
            let problems = problems.to_vec();
            told.unparsed.insert(*hunk, (problems, moment.clone()));
        }
        drop(told);
        self.told_of_checks();
    }

    /// The turn's hunks are not to be shown until they are released.
    pub fn hold(&self, turn: TurnId) {
        self.checks.told().held.insert(turn);
        self.told_of_checks();
    }

    /// The hunks of a turn, or all, are to be shown. False: none were held.
    pub fn release(&self, turn: Option<TurnId>) -> bool {
        let mut told = self.checks.told();
        let released = match turn {
            Some(turn) => told.held.remove(&turn),
            None => !std::mem::take(&mut told.held).is_empty(),
        };
        drop(told);
        if released {
            self.touch();
        }
        released
    }

    /// What is known of these hunks, which are all that wait; of most nothing is, and they are left out.
    #[must_use]
    pub fn known_of(&self, files: &[FileHunks]) -> HashMap<HunkId, Known> {
        if !self.checks.stand() {
            return HashMap::new();
        }
        let changes = self.documents.changes(None);
        let mut told = self.checks.told();
        if files.is_empty() && told.held.is_empty() {
            // Nothing is left that a change could make old.
            *told = Told::default();
            self.checks.stands.store(false, Ordering::Relaxed);
        }
        let mut moments: HashMap<SessionId, Moment> = HashMap::new();
        let mut all = HashMap::new();
        for hunk in files.iter().flat_map(|file| &file.hunks) {
            let mut known = Known {
                is_held: told.held.contains(&hunk.turn),
                ..Known::default()
            };
            if let Some((check, moment)) = told.of_turns.get(&hunk.turn) {
                let now = moments
                    .entry(hunk.session)
                    .or_insert_with(|| Moment::of(files, hunk.session, None, changes.clone()));
                known.check_is_old = !moment.is_still(now);
                known.check = Some(check.clone());
            }
            if let Some((problems, moment)) = told.unparsed.get(&hunk.id) {
                let path = Some(&hunk.path);
                let now = Moment::of(files, hunk.session, path, self.documents.changes(path));
                known.unparsed_is_old = !moment.is_still(&now);
                known.unparsed.clone_from(problems);
            }
            if known != Known::default() {
                all.insert(hunk.id, known);
            }
        }
        all
    }

    fn told_of_checks(&self) {
        self.checks.stands.store(true, Ordering::Relaxed);
        self.touch();
    }
}

#[cfg(test)]
mod tests {
    use interline_log::CallId;

    use super::*;
    use crate::document::{Change, Position, Range};
    use crate::proposal::{Origin, Proposed, Replacement};

    const START: Position = Position {
        line: 0,
        character: 0,
    };

    struct Bench {
        folder: tempfile::TempDir,
        workspace: Arc<Workspace>,
        origin: Origin,
    }

    impl Bench {
        #[expect(clippy::disallowed_methods, reason = "the files are the test's own")]
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            for name in ["a.rs", "b.rs"] {
                std::fs::write(folder.path().join(name), "one\ntwo\nthree\n").expect("a file");
            }
            let workspace = Workspace::open(folder.path()).expect("a workspace");
            let origin = Origin {
                session: SessionId::new(),
                turn: TurnId::new(),
                call: CallId::new(),
            };
            Self {
                folder,
                workspace,
                origin,
            }
        }

        fn open(&self, name: &str) {
            let file = self.folder.path().join(name);
            let text = "one\ntwo\nthree\n";
            self.workspace.did_open(name, Some(&file), "rust", 1, text);
        }

        fn type_into(&self, name: &str) {
            let change = Change {
                range: Some(Range {
                    start: START,
                    end: START,
                }),
                text: "\n".to_owned(),
            };
            self.workspace
                .did_change(name, 2, &[change])
                .expect("it is open");
        }

        fn propose(&self, old: &str) {
            let replacement = Replacement {
                old: old.to_owned(),
                new: "new".to_owned(),
                count: 1,
            };
            let path = WorkspacePath::new("a.rs").expect("a path");
            self.workspace
                .propose(self.origin, &path, Proposed::Replace(vec![replacement]))
                .expect("it is there");
        }

        fn check(&self) {
            let moment = self.workspace.moment(self.origin.session);
            let check = Check::NotDone("why".to_owned());
            self.workspace.set_check(self.origin.turn, check, moment);
        }

        fn hunks(&self) -> Vec<Hunk> {
            let files = self.workspace.hunks().into_iter();
            files.flat_map(|file| file.hunks).collect()
        }

        fn known(&self) -> Known {
            let known = self.workspace.known_of(&self.workspace.hunks());
            known.get(&self.hunks()[0].id).cloned().unwrap_or_default()
        }

        fn is_old(&self) -> bool {
            let known = self.known();
            assert!(known.check.is_some());
            known.check_is_old
        }
    }

    #[test]
    fn a_check_holds_until_the_text_or_the_hunks_change() {
        let bench = Bench::new();
        bench.open("a.rs");
        bench.propose("one");
        bench.propose("three");
        bench.check();
        assert!(!bench.is_old());
        // To look at a file changes nothing.
        bench.open("b.rs");
        assert!(!bench.is_old());
        bench.type_into("a.rs");
        assert!(bench.is_old(), "typed into its file");
        bench.check();
        bench.type_into("b.rs");
        assert!(bench.is_old(), "typed into another file");
        bench.check();
        assert!(!bench.is_old());
        let last = bench.hunks()[1].id;
        bench.workspace.reject(&[last]);
        assert!(bench.is_old(), "there is one hunk less");
    }

    #[test]
    fn what_does_not_parse_is_known_of_its_file_alone() {
        let bench = Bench::new();
        bench.open("a.rs");
        bench.open("b.rs");
        bench.propose("one");
        let hunk = bench.hunks().remove(0);
        let problems = ["1:1: unexpected".to_owned()];
        let session = bench.origin.session;
        bench
            .workspace
            .set_unparsed(session, &hunk.path, &[hunk.id], &problems);
        bench.type_into("b.rs");
        let known = bench.known();
        assert_eq!(
            (known.unparsed.as_slice(), known.unparsed_is_old),
            (problems.as_slice(), false)
        );
        bench.type_into("a.rs");
        assert!(bench.known().unparsed_is_old);
    }

    #[test]
    fn a_change_of_any_buffer_is_told_while_a_check_stands() {
        let bench = Bench::new();
        bench.open("a.rs");
        bench.open("b.rs");
        bench.propose("one");
        let mut changes = bench.workspace.watch();
        bench.type_into("b.rs");
        assert!(!changes.has_changed().expect("it is there"));
        bench.check();
        changes.mark_unchanged();
        bench.type_into("b.rs");
        assert!(changes.has_changed().expect("it is there"));
    }
}
