//! The mirror against an oracle that we did not write: the text after each of 10,000 random edits is the one that npm
//! `vscode-languageserver-textdocument` has.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows tests by `#[test]`, not their helpers"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use interline_workspace::Workspace;
use interline_workspace::document::{Change, Position, Range};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

const EDITS: usize = 10_000;

/// Past this many chars the next change replaces the whole text.
const LONGEST: usize = 4_000;

/// What gets typed. A CR alone is left out: the oracle breaks lines at it, editors don't (see `document`).
const PIECES: [&str; 14] = [
    "",
    "a",
    "word",
    "\n",
    "\r\n",
    "x\ny",
    "x\r\ny\r\n",
    "\u{1d11e}",
    "é\u{301}",
    "\u{2028}",
    "\u{85}",
    "\u{c}",
    "\u{1f469}\u{200d}\u{1f4bb}\n",
    "\n\n\n",
];

/// A place, by numbers that are brought into the text (and a little over its edges) when it is known.
type Place = (usize, usize);

#[derive(Clone, Debug)]
struct Edit {
    whole: bool,
    start: Place,
    end: Place,
    caret: bool,
    pieces: Vec<usize>,
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = || (any::<usize>(), any::<usize>());
    let pieces = prop::collection::vec(0..PIECES.len(), 0..6);
    (
        prop::bool::weighted(0.01),
        place(),
        place(),
        any::<bool>(),
        pieces,
    )
        .prop_map(|(whole, start, end, caret, pieces)| Edit {
            whole,
            start,
            end,
            caret,
            pieces,
        })
}

impl Edit {
    fn change(&self, text: &str) -> Change {
        let typed = self.pieces.iter().map(|i| PIECES[*i]).collect();
        if self.whole || text.chars().count() > LONGEST {
            return Change {
                range: None,
                text: typed,
            };
        }
        let start = position(text, self.start);
        // Mostly near: else the text never grows.
        let near = (self.start.0.wrapping_add(self.end.0 % 3), self.end.1);
        let end = if self.caret {
            start
        } else {
            position(text, near)
        };
        // Now and then the end comes first.
        Change {
            range: Some(Range { start, end }),
            text: typed,
        }
    }
}

/// Up to one line past the end, up to two units past the end of a line; not inside a surrogate pair, which only the
/// oracle's strings can be cut in.
fn position(text: &str, (line, character): Place) -> Position {
    let lines: Vec<&str> = text.split('\n').collect();
    let line = line % (lines.len() + 1);
    let units: Vec<u16> = lines
        .get(line)
        .map_or_else(Vec::new, |line| line.encode_utf16().collect());
    let mut character = character % (units.len() + 3);
    if units
        .get(character)
        .is_some_and(|unit| (0xdc00..0xe000).contains(unit))
    {
        character += 1;
    }
    Position {
        line: line.try_into().unwrap(),
        character: character.try_into().unwrap(),
    }
}

#[test]
fn the_mirror_is_what_the_oracle_has() {
    let Some(mut oracle) = Oracle::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(folder.path()).unwrap();
    let uri = "file:///a";
    workspace.did_open(uri, None, "text", 0, "");
    let mut runner = TestRunner::deterministic();
    let batch = prop::collection::vec(edit(), 1..4);
    let (mut edits, mut version) = (0, 0);
    while edits < EDITS {
        let batch = batch.new_tree(&mut runner).unwrap().current();
        // Each change of a message stands against the text after the one before it.
        let mut text = workspace.document(uri).unwrap().text();
        let mut changes = Vec::new();
        for edit in &batch {
            let change = edit.change(&text);
            text = oracle.text_after(&change);
            changes.push(change);
        }
        version += 1;
        workspace.did_change(uri, version, &changes).unwrap();
        assert_eq!(
            workspace.document(uri).unwrap().text(),
            text,
            "after {changes:?}"
        );
        edits += changes.len();
    }
}

struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// `None`, with a word about it, where there is no npm and nobody insists.
    fn start() -> Option<Self> {
        let Some(modules) = install() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "npm is missing: the text-sync oracle can't run"
            );
            println!("SKIPPED: npm is missing, the text-sync oracle was not asked");
            return None;
        };
        let mut child = command("node")
            .arg(here().join("textdocument.js"))
            .env("NODE_PATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Some(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    fn text_after(&mut self, change: &Change) -> String {
        let mut json = serde_json::json!({ "text": change.text });
        if let Some(range) = change.range {
            json["range"] = serde_json::to_value(range).unwrap();
        }
        writeln!(self.input, "{}", serde_json::json!([json])).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

/// The oracle's modules, installed once into the tests' cache.
fn install() -> Option<PathBuf> {
    let cache = std::env::var_os("INTERLINE_TEST_CACHE")
        .map(PathBuf::from)
        .or_else(|| {
            let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
            let cache =
                cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
            cache.map(|cache| cache.join("interline-tests"))
        })?;
    let folder = cache.join("textdocument");
    let modules = folder.join("node_modules");
    if modules
        .join("vscode-languageserver-textdocument/package.json")
        .exists()
    {
        return Some(modules);
    }
    std::fs::create_dir_all(&folder).ok()?;
    std::fs::copy(here().join("package.json"), folder.join("package.json")).ok()?;
    let installed = command("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&folder)
        .status();
    installed
        .is_ok_and(|status| status.success())
        .then_some(modules)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the oracle is a program of the test's own"
)]
fn command(program: &str) -> Command {
    Command::new(program)
}
