//! Entering the shadow of a workspace of 100,000 files. Bar: under 150 ms, whatever the size.
//!
//! `cargo bench -p interline-workspace --bench shadow`

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interline_log::{CallId, SessionId, TurnId};
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Origin, Proposed};
use interline_workspace::shadow::Shadow;

const FOLDERS: usize = 1_000;
const FILES: usize = 100;
const BUFFERS: usize = 50;
const HUNKS: usize = 50;
const ROUNDS: usize = 50;

/// A big workspace with open buffers and pending hunks.
struct Desk {
    folder: tempfile::TempDir,
    workspace: Arc<Workspace>,
    session: SessionId,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path().join("root");
        for n in 0..FOLDERS {
            let folder = root.join(format!("d{n}"));
            std::fs::create_dir_all(&folder).expect("ours");
            for n in 0..FILES {
                let mut file = File::create(folder.join(format!("f{n}.rs"))).expect("ours");
                file.write_all(b"fn main() {}\n").expect("ours");
            }
        }
        let workspace = Workspace::open(&root).expect("it exists");
        let desk = Self {
            folder,
            workspace,
            session: SessionId::new(),
        };
        for n in 0..HUNKS {
            desk.propose(&format!("d{n}/f1.rs"));
        }
        desk
    }

    fn propose(&self, name: &str) {
        let path = WorkspacePath::new(name).expect("a plain name");
        let origin = Origin {
            session: self.session,
            turn: TurnId::new(),
            call: CallId::new(),
        };
        let text = "fn main() { proposed() }\n".to_owned();
        self.workspace
            .propose(origin, &path, Proposed::Write(text))
            .expect("it can be changed");
    }

    /// Every buffer reads another text than before.
    fn type_all(&self, round: usize) {
        for n in 0..BUFFERS {
            let file = self.workspace.root().join(format!("d{n}/f0.rs"));
            let uri = format!("file://{}", file.display());
            let text = format!("fn main() {{ typed({round}) }}\n").repeat(500);
            self.workspace.did_open(&uri, Some(&file), "rust", 1, &text);
        }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn main() {
    let desk = Desk::new();
    let shadow = Shadow::new(&desk.folder.path().join("shadow"));
    let mut entering = Vec::new();
    let mut reading = Vec::new();
    for round in 0..ROUNDS {
        desk.type_all(round);
        let start = Instant::now();
        let mut entered = shadow
            .enter(&desk.workspace, desk.session)
            .expect("it can be entered");
        entering.push(start.elapsed());
        let start = Instant::now();
        let changes = entered.changes().expect("it can be read back");
        reading.push(start.elapsed());
        assert!(changes.changes.is_empty());
    }
    let files = FOLDERS * FILES;
    let first = entering.first().copied().unwrap_or_default();
    println!("{files} files, {BUFFERS} buffers that changed, {HUNKS} hunks");
    println!("entering: first {first:?}, {}", spread(entering));
    println!("reading back nothing: {}", spread(reading));
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |i: usize| times.get(i).copied().unwrap_or_default();
    format!(
        "median {:?}, most {:?}",
        at(times.len() / 2),
        at(times.len() - 1)
    )
}
