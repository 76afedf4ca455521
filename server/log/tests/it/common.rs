//! A store in a folder of its own, and short ways to write events.

use std::path::{Path, PathBuf};

use interline_log::{
    Actor, Against, Anchor, Entry, Event, EventData, KeyFile, Log, SessionId, Store,
};

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

    /// A session with these steers whose log was closed, and so signed.
    pub(crate) fn signed(texts: &[&str]) -> Self {
        let bench = Self::new().signing();
        let mut log = bench.store.create(bench.id).unwrap();
        for text in texts {
            log.append(steer(text)).unwrap();
        }
        close(log);
        bench
    }

    fn signing(mut self) -> Self {
        let key = self.key();
        self.store = self.store.signing(key);
        self
    }

    pub(crate) fn key(&self) -> KeyFile {
        KeyFile::own(self.folder.path())
    }

    /// The store's own key.
    pub(crate) fn against(&self) -> Against {
        Against {
            keys: vec![self.key().public().unwrap()],
            anchor: None,
        }
    }

    /// Against the checkpoint with this text as well.
    pub(crate) fn anchored(&self, note: &str) -> Against {
        let path = self.folder.path().join("anchor");
        overwrite(&path, note.as_bytes());
        Against {
            anchor: Some(Anchor::read(&path).unwrap()),
            ..self.against()
        }
    }

    pub(crate) fn checkpoint(&self, size: u64) -> PathBuf {
        self.folder().join(format!("checkpoints/{size}"))
    }

    /// Leaves it on the disk, for people.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep().join("sessions")
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

    pub(crate) fn set_bytes(&self, bytes: &[u8]) {
        overwrite(&self.segment(0), bytes);
    }
}

#[expect(clippy::disallowed_methods, reason = "the test damages a log's files")]
pub(crate) fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
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
        bench
            .store
            .verify(bench.id, &Against::default())
            .unwrap()
            .events,
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
