//! The index as a whole, on folders.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use super::build::{Shared, list};
use crate::Workspace;
use crate::document::Change;
use crate::path::WorkspacePath;

const LONG: Duration = Duration::from_secs(60);

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        put(folder.path(), path, text);
    }
    folder
}

#[expect(clippy::disallowed_methods, reason = "these are the files of a test")]
fn put(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn open(root: &TempDir) -> Arc<Workspace> {
    Workspace::open(root.path()).unwrap()
}

fn path(text: &str) -> WorkspacePath {
    WorkspacePath::new(text).unwrap()
}

/// `path:line kind name`, once everything is indexed.
fn definitions(workspace: &Workspace, name: &str, from: Option<&str>) -> Vec<String> {
    assert!(workspace.symbols_complete(LONG));
    let found = workspace.definitions(name, from.map(path).as_ref(), 100);
    assert!(found.complete);
    let line = |symbol: &crate::editor::Symbol| {
        let (path, line) = (&symbol.location.path, symbol.location.range.start.line + 1);
        format!("{path}:{line} {}", symbol.kind)
    };
    found.items.iter().map(line).collect()
}

const FILES: [(&str, &str); 6] = [
    (
        "src/a.rs",
        "pub struct Store;\nimpl Store { pub fn open() {} }\n",
    ),
    (
        "src/b.rs",
        "use crate::a::Store;\nfn main() { let open = Store::open(); /* Store */ }\n",
    ),
    ("src/far/c.rs", "struct Store;\n"),
    ("lib/d.py", "class Store: pass\n"),
    ("ignored/e.rs", "struct Store;\n"),
    (".gitignore", "ignored/\n"),
];

#[test]
fn definitions_are_ranked_by_what_is_near() {
    let folder = folder(&FILES);
    let workspace = open(&folder);
    assert_eq!(
        definitions(&workspace, "Store", Some("src/b.rs")),
        [
            "src/a.rs:1 struct",
            "src/far/c.rs:1 struct",
            "lib/d.py:1 class"
        ]
    );
    assert_eq!(
        definitions(&workspace, "Store", Some("src/far/c.rs")),
        [
            "src/far/c.rs:1 struct",
            "src/a.rs:1 struct",
            "lib/d.py:1 class"
        ]
    );
    assert_eq!(definitions(&workspace, "open", None), ["src/a.rs:2 method"]);
    assert!(definitions(&workspace, "nothing", None).is_empty());
}

#[test]
fn references_are_identifiers_not_texts() {
    let folder = folder(&FILES);
    let workspace = open(&folder);
    assert!(workspace.symbols_complete(LONG));
    let found = workspace.references("Store", Some(&path("src/b.rs")), 100);
    assert!(found.complete);
    let places: Vec<String> = (found.items.iter())
        .map(|at| {
            let start = at.range.start;
            format!("{}:{}:{}", at.path, start.line, start.character)
        })
        .collect();
    let expected = [
        "src/b.rs:0:14",
        "src/b.rs:1:23",
        "src/a.rs:0:11",
        "src/a.rs:1:5",
        "src/far/c.rs:0:7",
        "lib/d.py:0:6",
    ];
    assert_eq!(places, expected);
    let few = workspace.references("Store", None, 2);
    assert_eq!((few.items.len(), few.complete), (2, false));
}

#[test]
fn symbols_are_found_by_a_part_of_their_name() {
    let folder = folder(&[(
        "a.rs",
        "struct RepoMap;\nimpl RepoMap { fn map() {} }\nfn remap() {}\nfn map_all() {}\n",
    )]);
    let workspace = open(&folder);
    assert!(workspace.symbols_complete(LONG));
    let names = |query| -> Vec<String> {
        let found = workspace.find_symbols(query, 10);
        found.items.into_iter().map(|symbol| symbol.name).collect()
    };
    assert_eq!(names("map"), ["map", "map_all", "remap", "RepoMap"]);
    assert_eq!(names("RPM"), ["RepoMap"]);
    assert_eq!(names("RepoMap::map"), ["map"]);
    assert!(names("zzz").is_empty());
}

#[test]
fn a_buffer_stands_before_its_file() {
    let folder = folder(&[("a.rs", "fn on_disk() {}\n")]);
    let workspace = open(&folder);
    let file = folder.path().join("a.rs");
    workspace.did_open("u", Some(&file), "rust", 1, "fn in_buffer() {}\n");
    assert!(definitions(&workspace, "on_disk", None).is_empty());
    assert_eq!(
        definitions(&workspace, "in_buffer", None),
        ["a.rs:1 function"]
    );
    for (version, name) in [(2, "twice"), (3, "thrice")] {
        let text = format!("// é\nfn {name}() {{}}\n");
        let change = Change { range: None, text };
        workspace.did_change("u", version, &[change]).unwrap();
        assert_eq!(definitions(&workspace, name, None), ["a.rs:2 function"]);
    }
    assert!(definitions(&workspace, "twice", None).is_empty());
    workspace.did_close("u");
    assert_eq!(
        definitions(&workspace, "on_disk", None),
        ["a.rs:1 function"]
    );
    assert!(definitions(&workspace, "thrice", None).is_empty());
}

#[test]
fn what_changes_on_disk_is_seen() {
    let folder = folder(&FILES);
    let workspace = open(&folder);
    assert_eq!(definitions(&workspace, "Store", None).len(), 3);
    put(folder.path(), "src/far/c.rs", "struct Shop;\n");
    fs::remove_file(folder.path().join("lib/d.py")).unwrap();
    // The disk is looked at again after a while.
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(
        definitions(&workspace, "Store", None),
        ["src/a.rs:1 struct"]
    );
    assert_eq!(
        definitions(&workspace, "Shop", None),
        ["src/far/c.rs:1 struct"]
    );
}

#[test]
fn the_index_is_kept_and_a_damaged_one_is_built_anew() {
    let (folder, state) = (folder(&FILES), tempfile::tempdir().unwrap());
    let start = || {
        let workspace = open(&folder);
        workspace.keep_symbols_in(state.path());
        let found = definitions(&workspace, "Store", Some("src/b.rs"));
        (workspace, found)
    };
    let (first, expected) = start();
    let file = first.index.shared.file.get().unwrap().clone();
    // It is saved after the answer.
    let saved = (0..500).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        fs::read(&file).ok()
    });
    let saved = saved.unwrap();
    assert_eq!(start().1, expected);
    for at in (0..saved.len()).step_by(7) {
        let mut damaged = saved.clone();
        damaged[at] ^= 0x20;
        assert!(super::saved::decode(&damaged).is_none(), "at {at}");
        assert!(super::saved::decode(&saved[..at]).is_none());
    }
    let round = super::saved::decode(&saved).unwrap();
    assert_eq!(super::saved::encode(&round), saved);
    fs::File::create(&file).unwrap().set_len(1000).unwrap();
    assert_eq!(start().1, expected);
}

/// Each save is of what came before: the file as it stands at any moment is what a kill at this moment leaves.
#[test]
fn after_a_kill_only_the_rest_is_parsed() {
    let (folder, state) = (folder(&[]), tempfile::tempdir().unwrap());
    let root = folder.path().canonicalize().unwrap();
    for n in 0..60 {
        put(&root, &format!("f{n}.rs"), &format!("fn f{n}() {{}}\n"));
    }
    let file = state.path().join("symbols");
    let start = || {
        let mut shared = Shared::new(&root);
        shared.save_after = 10;
        shared.file.set(file.clone()).unwrap();
        shared.load();
        let rest = shared.compare(list(&root)).len();
        shared.stall(&root);
        (shared, rest)
    };
    let (shared, rest) = start();
    assert_eq!(rest, 60);
    let mut parser = tree_sitter::Parser::new();
    for _ in 0..34 {
        assert!(shared.index_next(&mut parser));
    }
    // After 10, 20 and 30; and the next one was cut.
    put(state.path(), "symbols.new", "ILSYM");
    drop(shared);
    let (shared, rest) = start();
    assert_eq!((shared.read().files.len(), rest), (30, 30));
    for _ in 0..20 {
        shared.index_next(&mut parser);
    }
    drop(shared);
    assert_eq!(start().1, 30 - 15);
    assert!(!state.path().join("symbols.new").exists());
}

#[test]
fn a_file_that_is_not_indexed_yet_is_searched() {
    let folder = folder(&FILES);
    let workspace = open(&folder);
    // As in the first moments: there is work, and nobody does it.
    workspace
        .index
        .shared
        .stall(&folder.path().canonicalize().unwrap());
    let found = workspace.definitions("Store", None, 10);
    assert_eq!((found.items.len(), found.complete), (3, false));
    assert!(workspace.definitions("nothing", None, 10).items.is_empty());
}

#[test]
fn the_map_has_what_others_use_and_fits() {
    let uses: String = (0..20)
        .map(|n| format!("fn u{n}() {{ central({n}); }}\n"))
        .collect();
    let folder = folder(&[
        ("z.rs", "pub fn central(n: u8) {\n}\nfn alone() {}\n"),
        ("a.rs", &uses),
        ("b.rs", "fn b() { central(1) }\n"),
        ("notes.md", "# central\n"),
    ]);
    let workspace = open(&folder);
    assert!(workspace.symbols_complete(LONG));
    let map = workspace.repo_map(100_000);
    assert!(map.complete);
    assert!(
        map.items
            .starts_with("z.rs\n    1: pub fn central(n: u8)\n    3: fn alone() {}\na.rs\n"),
        "{}",
        map.items
    );
    assert!(!map.items.contains("notes.md"));
    assert!(workspace.repo_map(80).items.len() <= 80);
    let b = folder.path().join("b.rs");
    workspace.did_open("u", Some(&b), "rust", 1, "fn b() { central(1) }\n");
    assert!(
        workspace
            .repo_map(100_000)
            .items
            .contains("b.rs\n    1: fn b() { central(1) }\na.rs")
    );
}
