//! Searches of a tree of more than 60,000 files beside ripgrep on the same tree, each figure beside its bar.
//!
//! `cargo bench -p interline-workspace --bench search`; wants `rg` on the path, or in the tests' cache, else builds it there.
//! The tree is made once below target/tmp: copies of the sources that cargo has fetched, else made-up text.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use interline_log::SessionId;
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use interline_workspace::search::Grep;

const FILES: usize = 60_000;
const ROUNDS: usize = 7;
/// What the tool `glob` asks for.
const LIMIT: usize = 200;
/// Files larger than this are no sources.
const MAX_BYTES: u64 = 4 << 20;

const RARE: [&str; 3] = [
    "interline_needle_4711",
    "ThisIsNowhereAtAll",
    "(?:zyzzyva|quokka)_[0-9]{4}",
];
const SELECTIVE: [&str; 6] = [
    "RegexMatcherBuilder",
    "fn from_str_radix",
    r"impl\s+Drop\s+for\s+\w+Guard",
    "unclosed (group|class)",
    r"\bpanic_any\b",
    "(?i)thread.?pool.?builder",
];
/// The last one matches nothing, so that all files are looked at.
const GLOBS: [&str; 4] = ["**/Cargo.toml", "**/*", "**/*.rs", "**/*.nothing"];
const PLAIN: [&str; 2] = [r"\w{60,}", "return"];

#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn main() {
    let rg = ripgrep();
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("search-tree");
    let (files, bytes) = tree(&root);
    println!("{files} files, {} MB, {}", bytes >> 20, version(&rg));
    let plain = Workspace::open(&root).expect("it exists");
    println!("\ncold: no index; bar: 1.10 of ripgrep");
    for pattern in RARE.iter().take(1).chain(&SELECTIVE).chain(&PLAIN) {
        beside(pattern, &rg, &plain, None);
    }
    println!("\nfiles: bar: 1.10 of rg --files");
    for pattern in GLOBS {
        files_beside(pattern, &rg, &plain);
    }
    listing(&rg, &plain);

    let state = tempfile::tempdir().expect("a temporary folder");
    let warm = indexed(&root, state.path(), "made");
    let kept = size(state.path());
    println!(
        "it takes {} MB: {:.1} % of the text; bar: 25 %",
        kept >> 20,
        100.0 * kept as f64 / bytes as f64
    );
    println!("\nwarm; bars: 10 times faster than ripgrep, 5 ms");
    for pattern in RARE {
        beside(pattern, &rg, &warm, Some(&plain));
    }
    println!("\nwarm; bars: 10 times faster than ripgrep, 50 ms");
    for pattern in SELECTIVE {
        beside(pattern, &rg, &warm, Some(&plain));
    }
    println!("\nwarm, without anything to select by");
    for pattern in PLAIN {
        beside(pattern, &rg, &warm, Some(&plain));
    }
    for pattern in GLOBS {
        files_beside(pattern, &rg, &warm);
    }
    drop(warm);
    // The thread that keeps the index looks every few seconds whether it is needed.
    std::thread::sleep(Duration::from_secs(7));
    drop(indexed(&root, state.path(), "compared with what was kept"));
}

// --- what is measured ---

/// One pattern, ripgrep and ours in turn.
#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn beside(pattern: &str, rg: &Path, workspace: &Workspace, plain: Option<&Workspace>) {
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    let (mut their_lines, mut our_lines) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let output = run(
            rg,
            &[
                "--line-number",
                "--no-heading",
                "--with-filename",
                "--regexp",
                pattern,
            ],
            workspace,
        );
        theirs.push(start.elapsed());
        their_lines = lines(&output);
        let start = Instant::now();
        our_lines = grep(workspace, pattern);
        ours.push(start.elapsed());
    }
    let same =
        our_lines == their_lines && plain.is_none_or(|plain| grep(plain, pattern) == our_lines);
    let said = if same {
        "the same lines"
    } else {
        "OTHER LINES"
    };
    println!(
        "  {pattern:40} {} {:>7} lines: {said}",
        figures(&mut theirs, &mut ours),
        our_lines.len()
    );
}

#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn files_beside(pattern: &str, rg: &Path, workspace: &Workspace) {
    let (mut theirs, mut ours, mut count) = (Vec::new(), Vec::new(), (0, false));
    let root = WorkspacePath::new("").expect("the root");
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run(rg, &["--files"], workspace);
        theirs.push(start.elapsed());
        let start = Instant::now();
        let (found, more) = workspace
            .glob(SessionId::new(), pattern, &root, LIMIT)
            .expect("it is a glob");
        ours.push(start.elapsed());
        count = (found.len(), more);
    }
    println!(
        "  {pattern:40} {} {:>7} files{}",
        figures(&mut theirs, &mut ours),
        count.0,
        if count.1 { ", of more" } else { "" }
    );
}

/// One folder: ripgrep reads the one above it too.
#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn listing(rg: &Path, workspace: &Workspace) {
    let (mut theirs, mut ours, mut count) = (Vec::new(), Vec::new(), 0);
    let folder = WorkspacePath::new("0").expect("a plain name");
    for _ in 0..ROUNDS {
        let start = Instant::now();
        run(rg, &["--files", "--max-depth", "2"], workspace);
        theirs.push(start.elapsed());
        let start = Instant::now();
        let entries = workspace.list(SessionId::new(), &folder);
        ours.push(start.elapsed());
        count = entries.expect("it is there").len();
    }
    println!(
        "  {:40} {} {count:>7} entries",
        "list of one folder",
        figures(&mut theirs, &mut ours)
    );
}

fn figures(theirs: &mut [Duration], ours: &mut [Duration]) -> String {
    theirs.sort_unstable();
    ours.sort_unstable();
    let median = |times: &[Duration]| times.get(times.len() / 2).copied().unwrap_or_default();
    let (theirs, ours) = (median(theirs), median(ours));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    format!(
        "ripgrep {theirs:>8.1?}, ours {ours:>8.1?}: {ratio:5.2}, {:6.1} times faster",
        1.0 / ratio
    )
}

/// A workspace whose index is complete.
#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn indexed(root: &Path, state: &Path, how: &str) -> Arc<Workspace> {
    let workspace = Workspace::open(root).expect("it exists");
    workspace.keep_index_in(state);
    // The first question is what starts it.
    grep(&workspace, "the first question");
    let start = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        if workspace
            .indexed()
            .is_some_and(|indexed| indexed.waiting < 128)
        {
            break;
        }
    }
    println!(
        "\nthe index is {how} after {:.1?}, of which it waits 1 s, by one thread of the lowest priority",
        start.elapsed()
    );
    workspace
}

fn grep(workspace: &Workspace, pattern: &str) -> BTreeSet<(String, u64)> {
    let grep = Grep {
        pattern: pattern.to_owned(),
        path: WorkspacePath::new("").expect("the root"),
        glob: None,
        ignore_case: false,
        context: 0,
        limit: usize::MAX - 1,
    };
    let found = workspace
        .grep(SessionId::new(), &grep, &AtomicBool::new(false))
        .expect("it is a pattern");
    found
        .lines
        .into_iter()
        .map(|line| (line.path.to_string(), line.line))
        .collect()
}

// --- ripgrep ---

#[expect(clippy::disallowed_methods, reason = "what is compared with")]
fn run(rg: &Path, args: &[&str], workspace: &Workspace) -> Output {
    let same_files = [
        "--no-config",
        "--hidden",
        "--no-require-git",
        "--glob",
        "!.git",
        "--color",
        "never",
    ];
    Command::new(rg)
        .current_dir(workspace.root())
        .args(same_files)
        .args(args)
        .arg("./")
        .output()
        .expect("it runs")
}

fn lines(output: &Output) -> BTreeSet<(String, u64)> {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |line: &str| {
        let (path, rest) = line.strip_prefix("./")?.split_once(':')?;
        Some((path.to_owned(), rest.split_once(':')?.0.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

#[expect(clippy::disallowed_methods, reason = "what is compared with")]
fn ripgrep() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("INTERLINE_TEST_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("interline-tests")))
        .or_else(|| Some(variable("HOME")?.join(".cache/interline-tests")));
    let cache = cache.unwrap_or_else(std::env::temp_dir).join("cargo");
    let candidates = [PathBuf::from("rg"), cache.join("bin/rg")];
    let works = |rg: &&PathBuf| {
        Command::new(rg)
            .arg("--version")
            .output()
            .is_ok_and(|it| it.status.success())
    };
    if let Some(rg) = candidates.iter().find(works) {
        return rg.clone();
    }
    let mut arguments: Vec<OsString> = ["install", "--locked", "--quiet", "ripgrep", "--root"]
        .map(Into::into)
        .into();
    arguments.push(cache.clone().into());
    let built = Command::new("cargo").args(arguments).status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "ripgrep can't be built: install it"
    );
    cache.join("bin/rg")
}

#[expect(clippy::disallowed_methods, reason = "what is compared with")]
fn version(rg: &Path) -> String {
    let output = Command::new(rg)
        .arg("--version")
        .output()
        .expect("it ran before");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

// --- the tree ---

/// Makes the tree if it isn't there, and counts its files and their bytes.
fn tree(root: &Path) -> (usize, u64) {
    let done = root.with_extension("done");
    if !done.exists() {
        let _ = fs::remove_dir_all(root);
        let mut sources = Vec::new();
        let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
        if let Some(home) = home {
            find(&home.join("registry/src"), &mut sources);
        }
        match sources.len() {
            0..1_000 => make_up(root),
            _ => copy(&sources, root),
        }
        put(&root.join("0/needle.rs"), b"// interline_needle_4711\n");
        put(&done, b"");
    }
    let mut all = Vec::new();
    find(root, &mut all);
    let bytes = all
        .iter()
        .filter_map(|file| file.metadata().ok())
        .map(|facts| facts.len())
        .sum();
    (all.len(), bytes)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => find(&entry.path(), files),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

fn copy(sources: &[PathBuf], root: &Path) {
    let registry = sources
        .iter()
        .map(|file| file.components().count())
        .min()
        .unwrap_or_default();
    let mut count = 0;
    for copy in 0.. {
        for source in sources {
            if source.metadata().is_ok_and(|facts| facts.len() > MAX_BYTES) {
                continue;
            }
            let rest: PathBuf = source
                .components()
                .skip(registry.saturating_sub(2))
                .collect();
            let to = root.join(copy.to_string()).join(rest);
            let _ = to.parent().map(fs::create_dir_all);
            if fs::copy(source, &to).is_ok() {
                count += 1;
            }
        }
        if count >= FILES {
            return;
        }
    }
}

/// Words by a falling distribution, in lines and files of uneven lengths.
fn make_up(root: &Path) {
    let mut seed = 1_u64;
    let mut random = move |below: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for file in 0..FILES + FILES / 20 {
        let mut text = String::new();
        for _ in 0..20 + random(400) {
            for _ in 0..random(9) {
                let rank = (1 << random(17)) + random(1 << 10);
                let word = rank.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                text.extend(
                    word.to_le_bytes()
                        .iter()
                        .take(3 + (word >> 60) as usize % 6)
                        .map(|byte| char::from(b'a' + byte % 26)),
                );
                text.push(' ');
            }
            text.push('\n');
        }
        put(
            &root.join(format!("{}/{}/f{file}.rs", file % 3, file % 997)),
            text.as_bytes(),
        );
    }
}

fn put(file: &Path, bytes: &[u8]) {
    let _ = file.parent().map(fs::create_dir_all);
    let mut file = File::create(file).expect("ours");
    file.write_all(bytes).expect("ours");
}

fn size(folder: &Path) -> u64 {
    let mut files = Vec::new();
    find(folder, &mut files);
    files
        .iter()
        .filter_map(|file| file.metadata().ok())
        .map(|facts| facts.len())
        .sum()
}
