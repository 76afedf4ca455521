//! The symbol index on a tree of about 2,300 Rust files: those of the crates that cargo has here, else made up.
//!
//! `cargo bench -p interline-workspace --bench symbols`
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use interline_workspace::Workspace;
use interline_workspace::document::{Change, Position, Range};
use tempfile::TempDir;

const FILES: usize = 2_300;
const LINES: usize = 5_000;
const ROUNDS: usize = 9;
const LONG: Duration = Duration::from_secs(120);

fn main() {
    let (folder, state) = (tree(), temporary());
    let workspace = open(&folder, &state);
    let before = cpu_time();
    let built = complete(&workspace);
    let spent = cpu_time().saturating_sub(before);
    let sizes = workspace.symbol_sizes();
    println!(
        "{} files, {} symbols, {} kB of names",
        sizes.files,
        sizes.symbols,
        sizes.names / 1000
    );
    line("build, complete", built, "2 s");
    // Its threads have a low priority: on a busy machine this says more.
    line("processor time of the build", spent, "4 s on two cores");
    let (cold, cached) = map(&workspace);
    line("repo map after the build", cold, "2 s with the build");
    line("repo map, cached", cached, "50 ms");
    line("definitions", definitions(&workspace), "-");
    line("references", references(&workspace), "-");
    line("symbols by a part of a name", fuzzy(&workspace), "-");
    drop(workspace);
    let saved = saved(state.path());
    println!("on disk: {} kB", saved / 1000);

    let workspace = open(&folder, &state);
    line("reload, complete", complete(&workspace), "50 ms");
    let sizes = workspace.symbol_sizes();
    let each = |bytes: usize| bytes / sizes.symbols.max(1);
    println!(
        "per symbol beside the names: {} B (bar 200 B)",
        each(sizes.other)
    );
    let again = (0..ROUNDS).map(|_| complete(&open(&folder, &state)));
    line("reload, median", median(again.collect()), "50 ms");

    let start = Instant::now();
    let found = open(&folder, &temporary()).definitions("Visitor", None, 10);
    line("first question, nothing indexed", start.elapsed(), "-");
    println!(
        "  {} found, complete: {}",
        found.items.len(),
        found.complete
    );
    line("after a keystroke", keystroke(), "5 ms");
}

fn line(what: &str, took: Duration, bar: &str) {
    println!(
        "{what:>34}: {:>9.2} ms (bar {bar})",
        took.as_secs_f64() * 1000.0
    );
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn open(folder: &TempDir, state: &TempDir) -> Arc<Workspace> {
    let workspace = Workspace::open(folder.path()).expect("the folder exists");
    workspace.keep_symbols_in(state.path());
    workspace
}

fn complete(workspace: &Workspace) -> Duration {
    let start = Instant::now();
    assert!(workspace.symbols_complete(LONG), "it takes too long");
    start.elapsed()
}

/// What this process has used of all processors; zero where the system does not say.
fn cpu_time() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may have spaces.
    let rest = text.rsplit(')').next().unwrap_or_default();
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // The kernel shows a hundred ticks a second to all programs.
    Duration::from_millis(ticks * 10)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn timed(mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    median((0..ROUNDS).map(time).collect())
}

fn map(workspace: &Workspace) -> (Duration, Duration) {
    let start = Instant::now();
    let map = workspace.repo_map(8_000);
    let cold = start.elapsed();
    assert!(!map.items.is_empty(), "there is a map");
    (cold, timed(|| drop(workspace.repo_map(8_000))))
}

fn definitions(workspace: &Workspace) -> Duration {
    timed(|| drop(workspace.definitions("Visitor", None, 100)))
}

fn references(workspace: &Workspace) -> Duration {
    timed(|| drop(workspace.references("Visitor", None, 100)))
}

fn fuzzy(workspace: &Workspace) -> Duration {
    timed(|| drop(workspace.find_symbols("parse", 100)))
}

/// Size of the saved index, which is written after the answer.
fn saved(state: &Path) -> u64 {
    let file = || {
        let folders = state.join("index").read_dir().ok()?;
        let mut files = folders
            .flatten()
            .map(|folder| folder.path().join("symbols"));
        files.find_map(|file| file.metadata().ok())
    };
    for _ in 0..1000 {
        if let Some(facts) = file() {
            return facts.len();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    0
}

/// One character at a time in the middle of a big file, and what is found then.
fn keystroke() -> Duration {
    let mut text = String::new();
    while text.lines().count() < LINES {
        let number = text.len();
        text.push_str(&module(number));
    }
    let folder = temporary();
    let workspace = Workspace::open(folder.path()).expect("the folder exists");
    let file = workspace.root().join("big.rs");
    workspace.did_open("big", Some(&file), "rust", 0, &text);
    let look = || drop(workspace.known_symbols("name_that_is_nowhere", 1));
    assert!(workspace.symbols_complete(LONG), "it takes too long");
    look();
    let line = u32::try_from(LINES / 2).unwrap_or(0) / 12 * 12 + 5;
    let type_at = |version: i32| {
        let character = 12 + u32::try_from(version).unwrap_or(0);
        let at = Position { line, character };
        let range = Range { start: at, end: at };
        let change = Change {
            range: Some(range),
            text: "x".to_owned(),
        };
        let changed = workspace.did_change("big", version, &[change]);
        changed.expect("the buffer is open");
    };
    // The first change after opening parses the whole file: from then on its tree is kept.
    type_at(1);
    let first = Instant::now();
    look();
    let first = first.elapsed();
    println!(
        "  first change of a file of {LINES} lines: {:.2} ms",
        first.as_secs_f64() * 1000.0
    );
    let rounds = 2..40;
    let times = rounds.map(|version| {
        type_at(version);
        let start = Instant::now();
        look();
        start.elapsed()
    });
    median(times.collect())
}

/// About 2,300 Rust files.
fn tree() -> TempDir {
    let folder = temporary();
    let mut sources = Vec::new();
    if let Some(registry) = registry() {
        collect(&registry, &mut sources);
    }
    sources.sort_unstable();
    // From all over the list: neighbours resemble each other.
    let step = (sources.len() / FILES).max(1);
    let chosen: Vec<PathBuf> = sources.into_iter().step_by(step).take(FILES).collect();
    for number in 0..FILES {
        let file = folder
            .path()
            .join(format!("crate{}", number / 40))
            .join(format!("file{number}.rs"));
        fs::create_dir_all(file.parent().expect("below the folder")).expect("a folder");
        match chosen.get(number) {
            Some(source) => fs::copy(source, &file).map(drop),
            None => put(&file, &module(number).repeat(20)),
        }
        .expect("a file of the bench");
    }
    let bytes: u64 = chosen
        .iter()
        .flat_map(fs::metadata)
        .map(|facts| facts.len())
        .sum();
    println!(
        "{} files of cargo's crates, {} kB",
        chosen.len(),
        bytes / 1000
    );
    folder
}

#[expect(clippy::disallowed_methods, reason = "the bench's own files")]
fn put(file: &Path, text: &str) -> std::io::Result<()> {
    fs::write(file, text)
}

fn registry() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    Some(home.join("registry/src"))
}

fn collect(folder: &Path, sources: &mut Vec<PathBuf>) {
    let Ok(entries) = folder.read_dir() else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&path, sources),
            Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "rs") => {
                sources.push(path);
            }
            _ => {}
        }
    }
}

fn module(number: usize) -> String {
    format!(
        "/// A value.\npub struct Value{number} {{\n    pub left: u32,\n    right: Vec<u8>,\n}}\n\
         pub fn compute{number}(value: &Value{number}, by: u32) -> u32 {{\n    let mut sum = value.left;\n    \
         for byte in &value.right {{\n        sum += u32::from(*byte) * by;\n    }}\n    sum\n}}\n"
    )
}
