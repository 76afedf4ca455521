//! Cases from a git repository: each file that a commit changed, before and after.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cases::{self, Case};

/// Larger files tell nothing more, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Cases with `wanted` edits, oldest commits first, and where they come from. None outside of a checkout.
pub(crate) fn cases(wanted: usize) -> (Vec<Case>, String) {
    let repository = repository();
    let mut cases = Vec::new();
    let changes = changes(&repository);
    let Ok(mut blobs) = Blobs::open(&repository) else {
        return (cases, "no git".to_owned());
    };
    let mut edits = 0;
    for (before, after, path) in changes {
        if edits >= wanted {
            break;
        }
        if let (Some(before), Some(after)) = (blobs.text(&before), blobs.text(&after))
            && let Some(case) = Case::new(&path, &before, &after)
        {
            edits += case.edits.len();
            cases.push(case);
        }
    }
    let name = repository
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let from = format!(
        "{} edits in {} files from the history of {name}",
        cases::count(&cases),
        cases.len()
    );
    (cases, from)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a choice of whoever runs the test"
)]
fn repository() -> PathBuf {
    let named = std::env::var("INTERLINE_EDITS_REPO")
        .ok()
        .map(PathBuf::from);
    let own = || {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()
            .unwrap()
    };
    named.unwrap_or_else(own)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test reads a history, which nothing else here does"
)]
fn git(repository: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(repository).stderr(Stdio::null());
    git
}

/// Blobs before and after, and the path.
fn changes(repository: &Path) -> Vec<(String, String, String)> {
    let log = git(repository)
        .args([
            "-c",
            "core.quotePath=false",
            "log",
            // What a later commit adds changes no case.
            "--reverse",
            "--no-merges",
            "--no-renames",
            "--diff-filter=M",
        ])
        .args(["--raw", "--no-abbrev", "--format="])
        .output();
    let log = log.map(|done| String::from_utf8_lossy(&done.stdout).into_owned());
    let change = |line: &str| {
        let (facts, path) = line.strip_prefix(':')?.split_once('\t')?;
        let mut facts = facts.split(' ').skip(2);
        Some((
            facts.next()?.to_owned(),
            facts.next()?.to_owned(),
            path.to_owned(),
        ))
    };
    log.unwrap_or_default().lines().filter_map(change).collect()
}

/// `git cat-file --batch`.
struct Blobs(std::process::Child);

impl Blobs {
    fn open(repository: &Path) -> std::io::Result<Self> {
        git(repository)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map(Self)
    }

    /// A text of the history; `None`: it is none, or too large.
    fn text(&mut self, id: &str) -> Option<String> {
        let input = self.0.stdin.as_mut()?;
        writeln!(input, "{id}").and_then(|()| input.flush()).ok()?;
        let mut output = BufReader::with_capacity(1, self.0.stdout.as_mut()?);
        let mut head = String::new();
        output.read_line(&mut head).ok()?;
        let size: usize = head.trim().split(' ').nth(2)?.parse().ok()?;
        let mut bytes = vec![0; size + 1];
        output.read_exact(&mut bytes).ok()?;
        bytes.pop();
        let text = String::from_utf8(bytes).ok()?;
        (size <= MOST_BYTES && !text.contains('\0')).then_some(text)
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
