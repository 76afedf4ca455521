//! A session's hunks after a restart: the log, and the texts of then, are all that is left.

use interline_log::{Actor, CallId, Event, EventData, EventId, HunkId, SessionId};
use interline_workspace::Workspace;
use interline_workspace::proposal::{HunkState, Landing, Outcome, Proposed};

use crate::desk::Desk;

/// What the agent would have logged.
struct Log {
    session: SessionId,
    events: Vec<Event>,
}

impl Log {
    fn of(desk: &Desk) -> Self {
        Self {
            session: desk.session,
            events: Vec::new(),
        }
    }

    fn push(&mut self, data: EventData) {
        self.events.push(Event {
            version: 1,
            seq: self.events.len() as u64,
            id: EventId::new(),
            ts: 0,
            session: self.session,
            turn: None,
            call: Some(CallId::new()),
            actor: Actor::Agent,
            causes: Vec::new(),
            data,
        });
    }

    fn proposed(&mut self, outcome: Outcome) -> Vec<HunkId> {
        self.push(outcome.event);
        outcome.hunks.iter().map(|hunk| hunk.id).collect()
    }

    fn accepting(&mut self, landing: &Landing) {
        self.push(EventData::EditAccepting {
            path: landing.path.as_str().to_owned(),
            hunks: landing.hunks.clone(),
            pre_sha256: landing.pre_sha256.clone(),
            post_sha256: landing.post_sha256.clone(),
        });
    }

    fn applied(&mut self, landing: &Landing) {
        self.push(EventData::EditApplied {
            path: landing.path.as_str().to_owned(),
            hunks: landing.hunks.clone(),
            post_sha256: landing.post_sha256.clone(),
        });
    }
}

impl Desk {
    /// Another process opens the same folder.
    fn restart(&self) -> Self {
        let mut desk = self.as_session(self.session);
        desk.workspace = Workspace::open(self.workspace.root()).unwrap();
        desk
    }
}

const TEXT: &str = "one\ntwo\nthree\n}\n}\n";

fn three_hunks() -> (Desk, Log, Vec<HunkId>) {
    let desk = Desk::closed("a", TEXT);
    let mut log = Log::of(&desk);
    let target = "eins\ntwo\nthree\nfour\n}\n{}\n";
    let ids = log.proposed(desk.propose("a", Proposed::Write(target.into())).unwrap());
    assert_eq!(ids.len(), 3);
    (desk, log, ids)
}

#[test]
fn pending_hunks_come_back_where_they_were() {
    let (desk, log, _) = three_hunks();
    let seen = desk.seen("a");
    let again = desk.restart();
    assert_eq!(again.workspace.restore(again.session, &log.events), []);
    assert_eq!(again.seen("a"), seen);
    assert_eq!(
        again.workspace.restore(again.session, &log.events),
        [],
        "twice is once"
    );
    assert_eq!(again.ids().len(), 3);
}

#[test]
fn hunks_beside_an_accepted_one_come_back_too_and_it_can_be_undone() {
    let (desk, mut log, ids) = three_hunks();
    let seen = desk.seen("a");
    let landing = desk.workspace.accept(&ids[..1]).unwrap().remove(0);
    log.accepting(&landing);
    desk.land(&landing);
    log.applied(&landing);
    let again = desk.restart();
    assert_eq!(again.workspace.restore(again.session, &log.events), []);
    assert_eq!(again.states(), [HunkState::Pending; 2]);
    assert_eq!(again.seen("a"), seen);
    again.undo();
    assert_eq!(again.on_disk("a"), TEXT);
}

#[test]
fn a_text_that_changed_meanwhile_keeps_only_what_can_be_told() {
    let (desk, log, ids) = three_hunks();
    desk.write("a", "zero\none\ntwo\nthree\n}\n}\n");
    let again = desk.restart();
    let events = again.workspace.restore(again.session, &log.events);
    assert_eq!(
        events,
        [EventData::EditConflicted {
            hunks: ids[1..].to_vec()
        }]
    );
    assert_eq!(again.workspace.hunk(ids[0]).unwrap().start_line, 1);
}

#[test]
fn an_acceptance_that_was_cut_short_is_found_out() {
    for written in [false, true] {
        let (desk, mut log, ids) = three_hunks();
        let landing = desk.workspace.accept(&ids).unwrap().remove(0);
        log.accepting(&landing);
        if written {
            desk.workspace.land_on_disk(&landing).unwrap();
        }
        let again = desk.restart();
        let events = again.workspace.restore(again.session, &log.events);
        match &events[..] {
            [EventData::EditApplied { hunks, .. }] if written => assert_eq!(hunks, &ids),
            [EventData::EditRefused { hunks, .. }] if !written => assert_eq!(hunks, &ids),
            events => panic!("{events:?}"),
        }
        if written {
            again.undo();
            assert_eq!(again.on_disk("a"), TEXT);
        } else {
            assert_eq!(again.states(), [HunkState::Pending; 3]);
        }
    }
}

#[test]
fn files_made_moved_and_deleted_come_back() {
    let desk = Desk::closed("a", "one\n");
    let mut log = Log::of(&desk);
    log.proposed(desk.propose("new", Proposed::Write("x\n".into())).unwrap());
    log.proposed(desk.propose("a", Proposed::Move(desk.path("b"))).unwrap());
    for landing in desk.accept_all() {
        log.accepting(&landing);
        desk.land(&landing);
        log.applied(&landing);
    }
    let again = desk.restart();
    assert_eq!(again.workspace.restore(again.session, &log.events), []);
    again.undo();
    assert!(!again.exists("new") && !again.exists("b"));
    assert_eq!(again.on_disk("a"), "one\n");
}

#[test]
fn a_move_that_was_cut_between_its_two_names_is_finished() {
    let desk = Desk::closed("a", "one\n");
    let mut log = Log::of(&desk);
    log.proposed(desk.propose("a", Proposed::Move(desk.path("b"))).unwrap());
    let landing = desk.accept_all().remove(0);
    log.accepting(&landing);
    std::fs::hard_link(desk.file("a"), desk.file("b")).unwrap();
    let again = desk.restart();
    again.workspace.restore(again.session, &log.events);
    for landing in again.accept_all() {
        again.land(&landing);
    }
    assert!(!again.exists("a"));
    assert_eq!(again.on_disk("b"), "one\n");
}

#[test]
fn what_a_crash_left_beside_a_file_is_removed() {
    let (desk, mut log, ids) = three_hunks();
    let landing = desk.workspace.accept(&ids).unwrap().remove(0);
    log.accepting(&landing);
    let name = format!(".interline-{}.tmp", &landing.post_sha256[..16]);
    desk.write(&name, "half a te");
    let again = desk.restart();
    again.workspace.restore(again.session, &log.events);
    assert!(!again.exists(&name));
}

#[test]
fn an_empty_file_that_was_made_before_the_crash_is_made() {
    let desk = Desk::closed("a", "one\n");
    let mut log = Log::of(&desk);
    let proposed = desk.propose("new", Proposed::Write(String::new()));
    let hunks = log.proposed(proposed.unwrap());
    let landing = desk.accept_all().remove(0);
    log.accepting(&landing);
    desk.land(&landing);
    let again = desk.restart();
    let news = again.workspace.restore(again.session, &log.events);
    assert!(
        matches!(&news[..], [EventData::EditApplied { hunks: applied, .. }] if *applied == hunks),
        "{news:?}"
    );
}
