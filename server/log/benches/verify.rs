//! What checking a signed log costs, per byte of its lines, and what its two hashes over each line alone cost.
//!
//! `cargo bench -p interline-log --bench verify`. One core; the files are in the system's cache.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use divan::Bencher;
use divan::counter::BytesCount;
use interline_log::{Actor, Against, Entry, EventData, KeyFile, SessionId, Store};
use sha2::{Digest as _, Sha256};

fn main() {
    divan::main();
}

struct Signed {
    _folder: tempfile::TempDir,
    store: Store,
    id: SessionId,
    against: Against,
    log: Vec<u8>,
}

/// 10,000 events with texts of so many bytes.
fn signed(bytes: usize) -> Signed {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyFile::own(folder.path());
    let store = Store::new(folder.path().join("sessions")).signing(key.clone());
    let id = SessionId::new();
    let mut log = store.create(id).unwrap();
    for _ in 0..10_000 {
        log.append(Entry {
            turn: None,
            call: None,
            causes: Vec::new(),
            actor: Actor::User,
            data: EventData::InputSteer {
                text: "x".repeat(bytes),
            },
        })
        .unwrap();
    }
    drop(log);
    let against = Against {
        keys: vec![key.public().unwrap()],
        anchor: None,
    };
    let mut log = Vec::new();
    for segment in 0.. {
        let path = store
            .session_folder(id)
            .join(format!("events-{segment:05}.jsonl"));
        let Ok(bytes) = std::fs::read(path) else {
            break;
        };
        log.extend(bytes);
    }
    Signed {
        _folder: folder,
        store,
        id,
        against,
        log,
    }
}

#[divan::bench(args = [200, 1_000, 3_000], sample_size = 1, sample_count = 20)]
fn verify(bencher: Bencher<'_, '_>, bytes: usize) {
    let session = signed(bytes);
    bencher
        .counter(BytesCount::new(session.log.len()))
        .bench_local(|| session.store.verify(session.id, &session.against).unwrap());
}

/// The floor: each line through SHA-256 twice, for the chain and for the tree.
#[divan::bench(args = [200, 1_000, 3_000], sample_size = 1, sample_count = 20)]
fn bare_hashes(bencher: Bencher<'_, '_>, bytes: usize) {
    let log = signed(bytes).log;
    bencher.counter(BytesCount::new(log.len())).bench_local(|| {
        for line in log.split(|byte| *byte == b'\n') {
            black_box((Sha256::digest(line), Sha256::digest(line)));
        }
    });
}
