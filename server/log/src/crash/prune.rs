//! Bounds on what crashes leave: by age and by number.
//!
//! Must not take what a session that a crash cut still needs to say, when it is opened again, what it ended by; nor the
//! mark of a turn whose process lives.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::running::is_held;
use super::{Crashes, Running};
use crate::{SessionId, Store};

/// How long a file is kept.
const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Crash files that are kept, the newest. One takes 100 kB at most.
const MOST_CRASHES: usize = 100;
/// Marks of turns whose process is gone.
const MOST_MARKS: usize = 1_000;

impl Crashes {
    /// Removes the files that are old or too many, but those of sessions that still wait to be resumed. Reads the disk,
    /// now and then a log: not for a thread that others wait for.
    pub fn prune(&self, store: &Store, now: SystemTime) {
        let files = self.list().unwrap_or_default();
        for (place, file) in files.iter().rev().enumerate() {
            let due = place >= MOST_CRASHES || is_old(&file.path, now);
            let needed = || {
                let crash = file.crash.as_ref().ok().filter(|crash| crash.fatal);
                crash.is_some_and(|crash| crash.sessions().any(|id| store.is_cut(id)))
            };
            if due && !needed() {
                // Another process may have done it.
                let _ = std::fs::remove_file(&file.path);
            }
        }
    }
}

impl Running {
    /// Removes the marks that are old or too many. Only that it was cut is not told of such a turn any more: that it was,
    /// and how to go on, is in its session's log.
    pub fn prune(&self, store: &Store, now: SystemTime) {
        let entries = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let mut marks: Vec<SessionId> = entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        marks.sort_unstable_by(|one, other| other.cmp(one));
        marks.retain(|session| !is_held(&store.session_folder(*session)));
        for (place, session) in marks.into_iter().enumerate() {
            if place >= MOST_MARKS || is_old(&self.path(session), now) {
                self.ended(session);
            }
        }
    }
}

impl super::Crash {
    fn sessions(&self) -> impl Iterator<Item = SessionId> {
        let mut sessions: Vec<_> = self.events.iter().map(|event| event.session).collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions.into_iter()
    }
}

fn is_old(path: &Path, now: SystemTime) -> bool {
    let modified = std::fs::symlink_metadata(path).and_then(|facts| facts.modified());
    modified.is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > LONGEST))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
mod tests {
    use super::super::{Crash, Crashes, Running};
    use super::*;
    use crate::{Actor, CrashId, Entry, EventData, EventHead, Log, TurnId, TurnOutcome};

    fn crash(session: SessionId) -> Crash {
        Crash {
            version: "0".into(),
            process: 1,
            ts: 2,
            cause: "SIGSEGV".into(),
            fatal: true,
            message: String::new(),
            thread: String::new(),
            backtrace: String::new(),
            events: vec![EventHead {
                session,
                seq: 0,
                ts: 4,
                r#type: "input.user".into(),
            }],
        }
    }

    fn append(log: &mut Log, turn: TurnId, data: EventData) {
        log.append(Entry {
            turn: Some(turn),
            call: None,
            causes: Vec::new(),
            actor: Actor::User,
            data,
        })
        .unwrap();
    }

    /// A session whose turn was cut, or has ended.
    fn session(store: &Store, ended: bool) -> SessionId {
        let (id, turn) = (SessionId::new(), TurnId::new());
        let mut log = store.create(id).unwrap();
        let asked = EventData::InputUser {
            title: "please".into(),
            text: "please".into(),
            context: String::new(),
        };
        append(&mut log, turn, asked);
        if ended {
            let outcome = TurnOutcome::Done;
            append(&mut log, turn, EventData::TurnEnded { outcome });
        }
        id
    }

    fn later() -> SystemTime {
        SystemTime::now() + LONGEST + Duration::from_secs(60)
    }

    fn left(crashes: &Crashes) -> Vec<CrashId> {
        crashes.list().unwrap().iter().map(|file| file.id).collect()
    }

    #[test]
    fn old_files_go_but_those_of_sessions_that_were_not_resumed() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path().join("sessions"));
        let crashes = Crashes::new(state.path());
        let ids = [(); 4].map(|()| CrashId::new());
        let of = [
            session(&store, false),
            session(&store, true),
            SessionId::new(),
        ];
        for (id, session) in ids.iter().zip(of) {
            crashes.write(*id, &crash(session)).unwrap();
        }
        // What a crash had no time to write tells nobody anything.
        std::fs::write(crashes.path(ids[3]), "{").unwrap();
        crashes.prune(&store, SystemTime::now());
        assert_eq!(left(&crashes).len(), 4);
        crashes.prune(&store, later());
        assert_eq!(left(&crashes), [ids[0]]);

        // A panic that ended a task alone is on record already.
        let of_task = Crash {
            fatal: false,
            ..crash(of[0])
        };
        crashes.write(CrashId::new(), &of_task).unwrap();
        crashes.prune(&store, later());
        assert_eq!(left(&crashes), [ids[0]]);
    }

    #[test]
    fn of_too_many_files_the_newest_stay() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path().join("sessions"));
        let crashes = Crashes::new(state.path());
        let needed = session(&store, false);
        let mut ids: Vec<_> = (0..MOST_CRASHES + 5).map(|_| CrashId::new()).collect();
        ids.sort_unstable();
        for (place, id) in ids.iter().enumerate() {
            let of = if place == 0 { needed } else { SessionId::new() };
            crashes.write(*id, &crash(of)).unwrap();
        }
        crashes.prune(&store, SystemTime::now());
        assert_eq!(left(&crashes), [&ids[..1], &ids[5..]].concat());
    }

    #[test]
    fn old_marks_go_but_those_of_living_processes() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::new(state.path().join("sessions"));
        let running = Running::new(state.path());
        let root = Path::new("/w");
        let (held, gone) = (SessionId::new(), session(&store, false));
        let log = store.create(held).unwrap();
        running.began(held, root);
        running.began(gone, root);
        running.prune(&store, SystemTime::now());
        assert_eq!(running.left(&store, root), [gone]);
        running.prune(&store, later());
        assert!(running.left(&store, root).is_empty());
        drop(log);
        assert_eq!(running.left(&store, root), [held]);
    }
}
