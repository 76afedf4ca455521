//! The typing path: one-character changes of big documents. Bars: 200,000 a second, p99 under 2 ms.
//!
//! `cargo bench -p interline-workspace --bench sync`

use std::sync::Arc;
use std::time::{Duration, Instant};

use divan::Bencher;
use divan::counter::ItemsCount;
use interline_log::{CallId, SessionId, TurnId};
use interline_workspace::Workspace;
use interline_workspace::document::{Change, Position, Range};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Origin, Proposed, Replacement};

const MEGABYTE: usize = 1 << 20;
const BATCH: u32 = 10_000;
const NAME: &str = "big.txt";

fn main() {
    latencies();
    divan::main();
}

/// A desk with one big open buffer.
struct Desk {
    _folder: tempfile::TempDir,
    workspace: Arc<Workspace>,
    uri: String,
    lines: u32,
    version: i32,
}

impl Desk {
    fn new(bytes: usize) -> Self {
        let line = "let value = compute(\"some text with words\", 42); // and a comment\n";
        let mut text = "// the first line\n".to_owned();
        while text.len() < bytes {
            text.push_str(line);
        }
        let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = Workspace::open(folder.path()).expect("the folder exists");
        let file = workspace.root().join(NAME);
        let uri = format!("file://{}", file.display());
        workspace.did_open(&uri, Some(&file), "text", 0, &text);
        Self {
            _folder: folder,
            workspace,
            uri,
            lines,
            version: 0,
        }
    }

    /// Hunks on the buffer: its changes are queued.
    fn propose(&self) {
        let path = WorkspacePath::new(NAME).expect("a plain name");
        let origin = Origin {
            session: SessionId::new(),
            turn: TurnId::new(),
            call: CallId::new(),
        };
        let edit = Replacement {
            old: "// the first line".into(),
            new: "// another".into(),
            count: 1,
        };
        self.workspace
            .propose(origin, &path, Proposed::Replace(vec![edit]))
            .expect("it stands there once");
    }

    /// Types one character, and another time takes it back, somewhere below the first line.
    fn type_one(&mut self, n: u32) {
        self.version += 1;
        let line = 1 + (n / 2).wrapping_mul(2_654_435_761) % (self.lines - 1);
        let start = Position {
            line,
            character: 10,
        };
        let change = if n.is_multiple_of(2) {
            Change {
                range: Some(Range { start, end: start }),
                text: "x".into(),
            }
        } else {
            let end = Position {
                line,
                character: 11,
            };
            Change {
                range: Some(Range { start, end }),
                text: String::new(),
            }
        };
        self.workspace
            .did_change(&self.uri, self.version, &[change])
            .expect("it is open");
    }
}

#[divan::bench(args = [1, 10])]
fn typing(bencher: Bencher<'_, '_>, megabytes: usize) {
    let mut desk = Desk::new(megabytes * MEGABYTE);
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| (0..BATCH).for_each(|n| desk.type_one(n)));
}

#[divan::bench(args = [1, 10])]
fn typing_under_hunks(bencher: Bencher<'_, '_>, megabytes: usize) {
    let mut desk = Desk::new(megabytes * MEGABYTE);
    desk.propose();
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        (0..BATCH).for_each(|n| desk.type_one(n));
        divan::black_box(desk.workspace.hunks())
    });
}

#[divan::bench(args = [1, 10])]
fn opening(bencher: Bencher<'_, '_>, megabytes: usize) {
    bencher.bench_local(|| Desk::new(megabytes * MEGABYTE));
}

/// Up to the biggest file that is taken up. No typing waits for these.
#[divan::bench(args = [1, 10, 49], sample_count = 10)]
fn proposing(bencher: Bencher<'_, '_>, megabytes: usize) {
    bencher
        .with_inputs(|| Desk::new(megabytes * MEGABYTE))
        .bench_local_refs(|desk| desk.propose());
}

#[divan::bench(args = [1, 10, 49], sample_count = 10)]
fn accepting(bencher: Bencher<'_, '_>, megabytes: usize) {
    let proposed = || {
        let desk = Desk::new(megabytes * MEGABYTE);
        desk.propose();
        desk
    };
    bencher.with_inputs(proposed).bench_local_refs(|desk| {
        let files = desk.workspace.hunks();
        let hunks: Vec<_> = files.iter().flat_map(|file| &file.hunks).collect();
        let ids: Vec<_> = hunks.iter().map(|hunk| hunk.id).collect();
        desk.workspace.accept(&ids).expect("nothing is in its way")
    });
}

/// Single changes of a 10 MB document while eight threads look at what the user sees, as busy sessions do.
#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn latencies() {
    let mut desk = Desk::new(10 * MEGABYTE);
    desk.propose();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (workspace, uri, stop) = (desk.workspace.clone(), desk.uri.clone(), stop.clone());
            std::thread::spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    divan::black_box((workspace.document(&uri), workspace.hunks()));
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
        })
        .collect();
    let mut times: Vec<Duration> = (0..20_000)
        .map(|n| {
            let start = Instant::now();
            desk.type_one(n);
            let time = start.elapsed();
            // Faster than anybody types, slow enough for the readers to come in between.
            std::thread::sleep(Duration::from_micros(50));
            time
        })
        .collect();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        // A reader that panicked has said so.
        let _ = reader.join();
    }
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get(times.len() * share / 1000)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "one-character didChange, 10 MB, 8 readers: p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
        at(500),
        at(990),
        at(999),
        times.last().copied().unwrap_or_default()
    );
}
