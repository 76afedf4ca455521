//! What the log costs: appending, and waiting for the disk.
//!
//! `cargo bench -p interline-log`. Put `TMPDIR` on the disk that is meant: a tmpfs makes `durable` look free.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use divan::Bencher;
use interline_log::{Actor, Entry, EventData, Log, SessionId, Store};

fn main() {
    divan::main();
}

struct Session {
    _folder: tempfile::TempDir,
    log: Log,
}

fn session() -> Session {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().to_owned());
    let log = store.create(SessionId::new()).unwrap();
    Session {
        _folder: folder,
        log,
    }
}

fn steer(bytes: usize) -> Entry {
    let data = EventData::InputSteer {
        text: "x".repeat(bytes),
    };
    Entry {
        turn: None,
        call: None,
        causes: Vec::new(),
        actor: Actor::User,
        data,
    }
}

/// Up to 4,000 bytes stand in the line, more in a blob.
#[divan::bench(args = [100, 1_000, 4_000, 100_000], sample_size = 1, sample_count = 1_000)]
fn append(bencher: Bencher<'_, '_>, bytes: usize) {
    let mut session = session();
    bencher
        .with_inputs(|| steer(bytes))
        .bench_local_values(|entry| session.log.append(entry).unwrap());
}

#[divan::bench(args = [100, 4_000, 100_000], sample_size = 1, sample_count = 1_000)]
fn append_and_wait(bencher: Bencher<'_, '_>, bytes: usize) {
    let mut session = session();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    bencher
        .with_inputs(|| steer(bytes))
        .bench_local_values(|entry| {
            session.log.append(entry).unwrap();
            runtime.block_on(session.log.durable()).unwrap();
        });
}

/// The floor of `append_and_wait`: the same bytes by the system's own calls.
#[divan::bench(sample_size = 1, sample_count = 1_000)]
fn bare_write_and_sync(bencher: Bencher<'_, '_>) {
    use std::io::Write;
    let mut file = tempfile::tempfile().unwrap();
    let line = "x".repeat(500);
    bencher.bench_local(|| {
        file.write_all(line.as_bytes()).unwrap();
        file.sync_data().unwrap();
    });
}

/// What a tool reads: code in which names of secrets stand, and no secret.
#[divan::bench(args = [3_500, 100_000], sample_size = 1, sample_count = 1_000)]
fn append_code(bencher: Bencher<'_, '_>, bytes: usize) {
    let mut session = session();
    let text: String = include_str!("../src/store.rs")
        .chars()
        .cycle()
        .take(bytes)
        .collect();
    bencher
        .with_inputs(|| Entry {
            data: EventData::InputSteer { text: text.clone() },
            ..steer(0)
        })
        .bench_local_values(|entry| session.log.append(entry).unwrap());
}
