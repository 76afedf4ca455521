//! The ledger: whatever became of its cache, it says what a fold over all logs says.

use std::path::{Path, PathBuf};

use interline_log::{
    EventData, Ledger, Log, Others, SessionId, Spending, Spent, StopReason, Store, TurnOutcome,
    Usage,
};
use proptest::prelude::*;

use crate::common::{close, entry, steer};

struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().join("sessions"));
        Self { folder, store }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("spent.jsonl")
    }

    /// As a process has it that was just started.
    fn ledger(&self) -> Ledger {
        Ledger::new(&self.store, self.cache())
    }

    fn session(&self, root: &str, costs: &[u64]) -> SessionId {
        let id = SessionId::new();
        let mut log = self.store.create(id).unwrap();
        let created = EventData::SessionCreated {
            version: "0".into(),
            roots: vec![root.into()],
        };
        log.append(entry(created)).unwrap();
        costs.iter().for_each(|cost| spend(&mut log, *cost));
        close(log);
        id
    }

    fn go_on(&self, id: SessionId, costs: &[u64]) {
        let (mut log, _) = self.store.open(id).unwrap();
        costs.iter().for_each(|cost| spend(&mut log, *cost));
        close(log);
    }

    /// What the logs say.
    fn folded(&self, besides: Option<SessionId>, root: &str) -> Others {
        let mut others = Others::default();
        for summary in self.store.list().unwrap() {
            let mut spending = Spending::default();
            for event in self.store.read(summary.id).unwrap() {
                spending.apply(event.seq, event.ts, &event.data);
            }
            if besides == Some(summary.id) {
                continue;
            }
            others.day.merge(&spending.on(today()));
            if spending.is_in(root) {
                others.workspace.merge(&spending.total());
            }
        }
        others
    }
}

fn spend(log: &mut Log, cost: u64) {
    // Long ones go through a blob.
    let reason = StopReason::Other("x".repeat(if cost.is_multiple_of(3) { 9000 } else { 1 }));
    let usage = Usage {
        output: cost,
        ..Usage::default()
    };
    let stopped = EventData::ResponseStopped {
        reason,
        usage,
        cost_micro_usd: (cost.is_multiple_of(2)).then_some(cost),
    };
    log.append(entry(stopped)).unwrap();
}

fn today() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Spending::day_of(now.unwrap().as_millis() as u64)
}

fn tokens(spent: &Spent) -> u64 {
    spent.usage.total()
}

#[test]
fn others_count_for_the_day_and_those_in_the_folder_for_the_workspace() {
    let place = Place::new();
    let own = place.session("/w", &[1]);
    place.session("/w", &[2, 4]);
    place.session("/elsewhere", &[8]);
    let others = place.ledger().others(Some(own), today(), "/w").unwrap();
    assert_eq!((tokens(&others.day), tokens(&others.workspace)), (14, 6));
    let all = place.ledger().others(None, today() + 1, "/w").unwrap();
    assert_eq!((tokens(&all.day), tokens(&all.workspace)), (0, 7));
}

#[test]
fn what_a_fork_has_copied_counts_once_and_what_it_spends_then_too() {
    let place = Place::new();
    let first = place.session("/w", &[1, 2]);
    let fork = place.store.fork(first, None).unwrap().session;
    let again = place.store.fork(fork, None).unwrap().session;
    place.go_on(fork, &[4]);
    place.go_on(again, &[8]);
    for ledger in [place.ledger(), place.ledger()] {
        let all = ledger.others(None, today(), "/w").unwrap();
        assert_eq!((tokens(&all.day), tokens(&all.workspace)), (15, 15));
    }
    let listed = place.store.list().unwrap();
    let spent = |id| {
        listed
            .iter()
            .find(|session| session.id == id)
            .unwrap()
            .spent
    };
    assert_eq!([first, fork, again].map(|id| tokens(&spent(id))), [3, 4, 8]);
}

#[test]
fn what_another_process_spends_is_seen_at_the_next_look() {
    let place = Place::new();
    let here = place.ledger();
    assert_eq!(here.others(None, today(), "/w").unwrap(), Others::default());
    let id = SessionId::new();
    let mut log = place.store.create(id).unwrap();
    let reserved = EventData::BudgetReserved {
        tokens: 100,
        micro_usd: 7,
    };
    log.append(entry(reserved)).unwrap();
    wait(&log);
    assert_eq!(tokens(&here.others(None, today(), "/w").unwrap().day), 100);
    spend(&mut log, 5);
    wait(&log);
    assert_eq!(tokens(&here.others(None, today(), "/w").unwrap().day), 5);
    log.append(entry(EventData::TurnEnded {
        outcome: TurnOutcome::Done,
    }))
    .unwrap();
    close(log);
}

fn wait(log: &Log) {
    let barrier = log.durable();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(barrier)
        .unwrap();
}

#[test]
fn a_torn_line_counts_when_it_is_whole() {
    let place = Place::new();
    let id = place.session("/w", &[2, 4]);
    let log = place.store.session_folder(id).join("events-00000.jsonl");
    let whole = std::fs::read(&log).unwrap();
    write(&log, &whole[..whole.len() - 20]);
    let here = place.ledger();
    assert_eq!(tokens(&here.others(None, today(), "/w").unwrap().day), 2);
    write(&log, &whole);
    assert_eq!(tokens(&here.others(None, today(), "/w").unwrap().day), 6);
    // A log that has become shorter is another log: of this one the first two lines are left.
    write(&log, &whole[..=line_end(&whole, 1)]);
    assert_eq!(tokens(&here.others(None, today(), "/w").unwrap().day), 2);
}

/// Where the line with this number ends.
fn line_end(bytes: &[u8], number: usize) -> usize {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at).nth(number).unwrap()
}

#[test]
fn a_session_that_is_gone_counts_no_more() {
    let place = Place::new();
    let id = place.session("/w", &[2]);
    place.session("/w", &[4]);
    let here = place.ledger();
    assert_eq!(tokens(&here.others(None, today(), "/w").unwrap().day), 6);
    std::fs::remove_dir_all(place.store.session_folder(id)).unwrap();
    for ledger in [here, place.ledger()] {
        assert_eq!(tokens(&ledger.others(None, today(), "/w").unwrap().day), 4);
    }
}

#[test]
fn the_cache_saves_reading_and_does_not_grow_forever() {
    let place = Place::new();
    let id = place.session("/w", &[2]);
    place.ledger().others(None, today(), "/w").unwrap();
    // Were the log read again, this would count.
    let log = place.store.session_folder(id).join("events-00000.jsonl");
    let length = std::fs::read(&log).unwrap().len();
    write(&log, &vec![b' '; length]);
    assert_eq!(
        tokens(&place.ledger().others(None, today(), "/w").unwrap().day),
        2
    );

    let line = std::fs::read(place.cache()).unwrap();
    write(&place.cache(), &line.repeat(1100));
    place.ledger().others(None, today(), "/w").unwrap();
    assert!(std::fs::read(place.cache()).unwrap().len() <= line.len());
}

#[test]
fn a_claim_is_held_by_one() {
    let place = Place::new();
    let counter = place.folder.path().join("counter");
    write(&counter, b"0");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let _claim = place.ledger().claim().unwrap();
                    let count: u32 = std::fs::read_to_string(&counter).unwrap().parse().unwrap();
                    std::thread::yield_now();
                    write(&counter, (count + 1).to_string().as_bytes());
                }
            });
        }
    });
    assert_eq!(std::fs::read_to_string(&counter).unwrap(), "80");
}

#[expect(clippy::disallowed_methods, reason = "the test damages files")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// What happens between two looks.
#[derive(Clone, Debug)]
enum Step {
    Session(bool, Vec<u64>),
    GoOn(prop::sample::Index, Vec<u64>),
    Text(prop::sample::Index),
    /// The process ends and another one starts.
    Restart,
    /// A crash cuts the cache, or somebody writes into it.
    Cut(prop::sample::Index),
    Garbage(Vec<u8>),
    Remove,
}

fn step() -> impl Strategy<Value = Step> {
    let costs = || prop::collection::vec(0..50u64, 0..4);
    prop_oneof![
        (any::<bool>(), costs()).prop_map(|(here, costs)| Step::Session(here, costs)),
        (any::<prop::sample::Index>(), costs()).prop_map(|(at, costs)| Step::GoOn(at, costs)),
        any::<prop::sample::Index>().prop_map(Step::Text),
        Just(Step::Restart),
        any::<prop::sample::Index>().prop_map(Step::Cut),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Garbage),
        Just(Step::Remove),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn the_ledger_is_the_fold_of_the_logs(steps in prop::collection::vec(step(), 1..12)) {
        let place = Place::new();
        let mut sessions = Vec::new();
        let (mut ledger, other) = (place.ledger(), place.ledger());
        for step in steps {
            match step {
                Step::Session(here, costs) => {
                    sessions.push(place.session(if here { "/w" } else { "/v" }, &costs));
                }
                Step::GoOn(at, costs) if !sessions.is_empty() => place.go_on(*at.get(&sessions), &costs),
                Step::Text(at) if !sessions.is_empty() => {
                    let (mut log, _) = place.store.open(*at.get(&sessions)).unwrap();
                    log.append(steer("words")).unwrap();
                    close(log);
                }
                Step::Restart => ledger = place.ledger(),
                Step::Cut(at) => {
                    let bytes = std::fs::read(place.cache()).unwrap_or_default();
                    write(&place.cache(), &bytes[..at.index(bytes.len() + 1)]);
                }
                Step::Garbage(bytes) => {
                    let before = std::fs::read(place.cache()).unwrap_or_default();
                    write(&place.cache(), &[before, bytes].concat());
                }
                Step::Remove => drop(std::fs::remove_file(place.cache())),
                Step::GoOn(..) | Step::Text(_) => {}
            }
            let besides = sessions.first().copied();
            prop_assert_eq!(ledger.others(besides, today(), "/w").unwrap(), place.folded(besides, "/w"));
            prop_assert_eq!(other.others(None, today(), "/w").unwrap(), place.folded(None, "/w"));
        }
    }
}
