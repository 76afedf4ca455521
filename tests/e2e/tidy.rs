//! What holds for the whole tree: who depends on whom, how long files are, that the map names what is there.
//!
//! A failure here says which rule was broken; the rules are those of `server/ARCHITECTURE.md`. Change the tables with them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::place::repository;

/// Our crates, and which of ours each may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("interline-log", &[]),
    ("interline-policy", &["log"]),
    ("interline-model", &["log"]),
    ("interline-workspace", &["log"]),
    ("interline-tools", &["log", "policy", "workspace"]),
    (
        "interline-agent",
        &["log", "policy", "model", "workspace", "tools"],
    ),
    ("interline-lsp", &["log", "workspace", "agent"]),
    (
        "interline",
        &[
            "log",
            "policy",
            "model",
            "workspace",
            "tools",
            "agent",
            "lsp",
        ],
    ),
    ("scripted-model", &[]),
];

/// Crates that only some of ours may name: the protocol stays in `lsp`, HTTP in `model`.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("lsp-types", &["interline-lsp", "interline"]),
    ("tower-lsp-server", &["interline-lsp", "interline"]),
    ("reqwest", &["interline-model"]),
];

const MOST_LINES: usize = 800;
/// Longer files, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Packages in Cargo.lock. Raise it knowingly: each is code that users run.
const MOST_PACKAGES: usize = 430;

#[test]
fn crates_depend_downwards_only() {
    let found = dependencies();
    let known: BTreeSet<_> = MAY_DEPEND_ON
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let there: BTreeSet<_> = found.keys().cloned().collect();
    assert_eq!(there, known, "each crate has its line in MAY_DEPEND_ON");
    let mut wrong = Vec::new();
    for (name, allowed) in MAY_DEPEND_ON {
        for dependency in &found[*name] {
            let ours = known.contains(dependency);
            let short = dependency.trim_start_matches("interline-");
            if ours && !allowed.contains(&short) {
                wrong.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    for (dependency, only) in ONLY_IN {
        let users = found.iter().filter(|(_, uses)| uses.contains(*dependency));
        let strays = users.filter(|(name, _)| !only.contains(&name.as_str()));
        wrong.extend(strays.map(|(name, _)| format!("{name} must not name {dependency}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for path in rust_files() {
        let text = std::fs::read_to_string(repository().join(&path)).unwrap();
        let lines = text.lines().count();
        let name = path.display().to_string();
        if lines > MOST_LINES && !LONG_FILES.iter().any(|(long, _)| *long == name) {
            wrong.push(format!("{name} has {lines} lines, of at most {MOST_LINES}"));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!(
                "{name} does not open with `//!` and what it is for"
            ));
        }
    }
    for (name, _) in LONG_FILES {
        let lines =
            std::fs::read_to_string(repository().join(name)).map_or(0, |text| text.lines().count());
        if lines <= MOST_LINES {
            wrong.push(format!("{name} needs no exception any more"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_lock_file_stays_within_its_budget() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock")).unwrap();
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(
        packages <= MOST_PACKAGES,
        "{packages} packages in Cargo.lock, of at most {MOST_PACKAGES}"
    );
}

#[test]
fn the_map_names_what_is_there() {
    let map = std::fs::read_to_string(repository().join("server/ARCHITECTURE.md"))
        .expect("server/ARCHITECTURE.md is the map");
    let names = code_words(&map);
    assert!(
        !names.is_empty(),
        "the map names files and crates in backquotes"
    );
    let crates = dependencies();
    let missing: Vec<_> = names.iter().filter(|name| !exists(name, &crates)).collect();
    assert!(
        missing.is_empty(),
        "server/ARCHITECTURE.md names what is not there: {missing:?}"
    );
}

#[test]
fn the_tests_on_the_map_are_there() {
    let map = std::fs::read_to_string(repository().join("server/ARCHITECTURE.md")).unwrap();
    let (_, table) = map.split_once("## Faults that end well").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let sources: Vec<_> = rust_files()
        .iter()
        .map(|file| std::fs::read_to_string(repository().join(file)).unwrap())
        .collect();
    let names = table.split('`').skip(1).step_by(2);
    let tests: Vec<_> = names.filter(|name| !name.contains('/')).collect();
    assert!(tests.len() > 20, "the tests are found");
    for name in tests {
        let head = format!("fn {name}(");
        let there = sources.iter().any(|source| source.contains(&head));
        assert!(there, "server/ARCHITECTURE.md names the test {name}");
    }
}

#[test]
fn names_on_the_map_are_told_from_other_code() {
    let map = "See `log/src/event.rs`, `interline-agent` and `Permit`; not `a/b c` nor\n```\n`x/y.rs`\n```\n`server/PROTOCOL.md#hunks`, `textDocument/hover`.";
    assert_eq!(
        code_words(map),
        ["log/src/event.rs", "interline-agent", "server/PROTOCOL.md"]
    );
}

/// The words in backquotes that name a path or a crate of ours; fenced blocks aside.
fn code_words(markdown: &str) -> Vec<String> {
    let prose = markdown.split("```").step_by(2);
    let words = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    let names = words.filter(|word| {
        let path =
            word.contains('/') && !is_method(word) && !word.starts_with(['/', '$', '~', '<', '-']);
        let krate = word.starts_with("interline-");
        (path || krate) && !word.contains([' ', '*', '{', '…', ':', '<'])
    });
    names
        .map(|name| name.split('#').next().unwrap_or(name).to_owned())
        .collect()
}

/// A method of the protocol also has a slash in it.
fn is_method(word: &str) -> bool {
    const SPACES: &[&str] = &[
        "client/",
        "codeAction/",
        "completionItem/",
        "interline/",
        "notebookDocument/",
        "textDocument/",
        "window/",
        "workspace/",
    ];
    // Two of these are folders of ours, too: there a path goes on to a source file.
    let is_path = word.ends_with('/') || word.ends_with(".rs") || word.contains("/src");
    !is_path && SPACES.iter().any(|space| word.starts_with(space))
}

fn exists(name: &str, crates: &BTreeMap<String, BTreeSet<String>>) -> bool {
    if name.starts_with("interline-") && !name.contains('/') {
        return crates.contains_key(name);
    }
    ["", "server"]
        .iter()
        .any(|folder| repository().join(folder).join(name).exists())
}

/// Our crates with all that their manifests name (tests of theirs aside).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = run(
        env!("CARGO"),
        &["metadata", "--format-version=1", "--no-deps", "--offline"],
    );
    let metadata: Value = serde_json::from_str(&output).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &Value| {
        let named = package["dependencies"].as_array().unwrap();
        let used = named
            .iter()
            .filter(|dependency| dependency["kind"] != "dev");
        used.map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect()
    };
    packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), of(package)))
        .collect()
}

/// Rust files of ours, fixtures aside. By folder, so that a source archive will do.
fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["server", "tests"] {
        walk(Path::new(folder), &mut files);
    }
    assert!(files.len() > 100, "the files are found");
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(repository().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        let skipped = ["fixtures", "target", "node_modules"]
            .iter()
            .any(|name| entry.file_name() == *name);
        if entry.file_type().unwrap().is_dir() && !skipped {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a test asks cargo")]
fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
