//! A store in a folder of its own, and short ways to write events.

use std::path::PathBuf;

use interline_log::{Actor, Entry, Event, EventData, Log, SessionId, Store};

pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) id: SessionId,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: Store::new(folder.path().join("sessions")),
            id: SessionId::new(),
            folder,
        }
    }

    /// A session with these steers, closed.
    pub(crate) fn with(texts: &[&str]) -> (Self, Vec<Event>) {
        let bench = Self::new();
        let mut log = bench.store.create(bench.id).unwrap();
        let events = texts
            .iter()
            .map(|text| log.append(steer(text)).unwrap())
            .collect();
        drop(log);
        (bench, events)
    }

    pub(crate) fn redacting(mut self, secret: &str) -> Self {
        self.store =
            Store::new(self.folder.path().join("sessions")).redacting(vec![secret.to_owned()]);
        self
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.store.session_folder(self.id)
    }

    pub(crate) fn segment(&self, number: u32) -> PathBuf {
        self.folder().join(format!("events-{number:05}.jsonl"))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.segment(0)).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "the test damages a log's file")]
    pub(crate) fn set_bytes(&self, bytes: &[u8]) {
        std::fs::write(self.segment(0), bytes).unwrap();
    }
}

pub(crate) fn entry(data: EventData) -> Entry {
    Entry {
        turn: None,
        call: None,
        causes: Vec::new(),
        actor: Actor::User,
        data,
    }
}

pub(crate) fn steer(text: &str) -> Entry {
    entry(EventData::InputSteer {
        text: text.to_owned(),
    })
}

/// Opens, appends, and reads again: the log goes on.
pub(crate) fn goes_on(bench: &Bench) -> Vec<Event> {
    let (mut log, mut events) = bench.store.open(bench.id).unwrap();
    events.push(log.append(steer("and on")).unwrap());
    close(log);
    assert_eq!(bench.store.read(bench.id).unwrap(), events);
    assert_eq!(
        bench.store.verify(bench.id).unwrap().events,
        events.len() as u64
    );
    events
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

pub(crate) fn close(log: Log) {
    block_on(log.close()).unwrap();
}
