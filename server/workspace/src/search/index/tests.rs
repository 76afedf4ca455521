//! Searches with the index against the plain walk, whatever is done to the files in between.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use interline_log::SessionId;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Index, Plan};
use crate::Workspace;
use crate::indexing::Indexing;
use crate::path::WorkspacePath;
use crate::search::Grep;
use crate::watch::Tree;

/// Times of files are only so fine.
const REST: Duration = Duration::from_millis(20);

/// One folder, once with an index and once without.
struct Twins {
    folder: TempDir,
    root: PathBuf,
    indexed: Arc<Workspace>,
    plain: Arc<Workspace>,
}

impl Twins {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        for (path, text) in files {
            put(&root, path, text.as_bytes());
        }
        let mut twins = Self {
            indexed: Workspace::open(&root).unwrap(),
            plain: Workspace::open(&root).unwrap(),
            folder,
            root,
        };
        twins.restart();
        twins
    }

    /// The server ends and starts again: what is known is what was kept.
    fn restart(&mut self) {
        // Texts of tests are small.
        self.restart_with(1 << 20);
    }

    fn restart_with(&mut self, spare: u64) {
        self.indexed = Workspace::open(&self.root).unwrap();
        let folder = self.folder.path().join("index");
        let search = Index {
            rest: REST,
            enough: 1,
            spare,
            ..Index::new(&folder)
        };
        let tree = Tree::new(&self.root);
        tree.renew().unwrap();
        let indexing = Indexing {
            folder,
            // The tests are its thread.
            started: true.into(),
            tree,
            search,
        };
        self.indexed.indexing.set(Arc::new(indexing)).unwrap();
    }

    fn indexing(&self) -> &Indexing {
        self.indexed.indexing.get().unwrap()
    }

    /// The background does what it does.
    fn work(&self) {
        std::thread::sleep(REST + Duration::from_millis(5));
        let Indexing { tree, search, .. } = self.indexing();
        if tree.is_in_doubt() {
            tree.renew().unwrap();
        }
        tree.refresh();
        // What is dissolved in the first round is made anew in the second.
        search.work(tree, &|| true).unwrap();
        search.work(tree, &|| true).unwrap();
    }

    /// Paths that would be read for a pattern.
    fn candidates(&self, pattern: &str) -> Vec<String> {
        let Indexing { tree, search, .. } = self.indexing();
        let current = tree.current().unwrap();
        let found = search
            .candidates(&current, "", &Plan::of(pattern, false))
            .unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    fn waiting(&self) -> usize {
        self.indexed.indexed().unwrap().waiting
    }

    fn both(&self, what: impl Fn(&Workspace) -> String) -> (String, String) {
        (what(&self.indexed), what(&self.plain))
    }
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let file = root.join(path);
    let _ = fs::create_dir_all(file.parent().unwrap());
    if let Ok(mut file) = fs::File::create(file) {
        file.write_all(bytes).unwrap();
    }
}

fn query(pattern: &str) -> Grep {
    Grep {
        pattern: pattern.into(),
        path: WorkspacePath::new("").unwrap(),
        glob: None,
        ignore_case: false,
        context: 0,
        limit: 100,
    }
}

fn found(workspace: &Workspace, grep: &Grep) -> String {
    let result = workspace.grep(SessionId::new(), grep, &AtomicBool::new(false));
    format!("{result:?}")
}

fn globbed(workspace: &Workspace, pattern: &str, from: &str) -> String {
    let from = WorkspacePath::new(from).unwrap();
    let result = workspace.glob(SessionId::new(), pattern, &from, 10);
    format!("{result:?}")
}

#[test]
fn only_what_can_match_is_read() {
    let mut twins = Twins::new(&[
        ("a/one.rs", "fn Needle() {}\n"),
        ("a/two.rs", "fn other() {}\n"),
        ("b.txt", "a needle in\na haystack\n"),
    ]);
    // Before anything is indexed all are read.
    assert_eq!(twins.candidates("haystack").len(), 3);
    twins.work();
    assert_eq!(twins.waiting(), 0);
    assert_eq!(twins.candidates("haystack"), ["b.txt"]);
    assert_eq!(twins.candidates("eedle"), ["a/one.rs", "b.txt"]);
    assert_eq!(twins.candidates("nowhere"), [""; 0]);
    // What changes is read, whatever was in it.
    put(&twins.root, "a/two.rs", b"anything");
    put(&twins.root, "new", b"");
    assert_eq!(twins.candidates("haystack"), ["a/two.rs", "b.txt", "new"]);
    fs::remove_file(twins.root.join("b.txt")).unwrap();
    twins.work();
    assert_eq!(twins.candidates("haystack"), [""; 0]);
    assert_eq!(twins.candidates("anything"), ["a/two.rs"]);
    // What was kept is compared with what is there.
    put(&twins.root, "a/one.rs", b"in between");
    twins.restart();
    twins.indexing().search.is_ours();
    assert_eq!(twins.candidates("anything"), ["a/one.rs", "a/two.rs"]);
    assert_eq!(twins.waiting(), 1);
}

#[test]
fn what_can_not_be_indexed_is_searched() {
    let twins = Twins::new(&[("a", "needle\n"), ("shared", "needle\n")]);
    fs::hard_link(
        twins.root.join("shared"),
        twins.folder.path().join("other name"),
    )
    .unwrap();
    let utf16: Vec<u8> = "\u{feff}needle\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    put(&twins.root, "utf16", &utf16);
    put(
        &twins.root,
        "huge",
        &[b"x".repeat(17 << 20), b"\nneedle\n".to_vec()].concat(),
    );
    put(&twins.root, "binary", b"a needle\0b");
    put(&twins.root, "late", b"b\0a needle");
    twins.work();
    assert_eq!(twins.waiting(), 0);
    assert_eq!(
        twins.candidates("needle"),
        ["a", "binary", "huge", "shared", "utf16"]
    );
    put(twins.folder.path(), "other name", b"by another name\n");
    for pattern in ["needle", "another"] {
        let (indexed, plain) = twins.both(|workspace| found(workspace, &query(pattern)));
        assert_eq!(indexed, plain);
        assert_ne!(indexed, found(&twins.plain, &query("nowhere")));
    }
}

#[test]
fn a_damaged_index_is_made_again() {
    let files = [("a", "a needle\n"), ("b", "some hay\n")];
    let segment = |twins: &Twins| {
        let all = fs::read_dir(twins.folder.path().join("index"))
            .unwrap()
            .flatten();
        all.map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|kind| kind == "grams"))
    };
    for damage in 0..4 {
        // Large enough that nothing is thinned away.
        let texts = files.map(|(path, text)| (path, text.repeat(50)));
        let mut twins = Twins::new(&texts.each_ref().map(|(path, text)| (*path, text.as_str())));
        twins.work();
        let path = segment(&twins).unwrap();
        let bytes = fs::read(&path).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        match damage {
            0 => file.set_len(bytes.len() as u64 / 2).unwrap(),
            1 => file.set_len(3).unwrap(),
            2 => drop(std::os::unix::fs::FileExt::write_all_at(
                &file,
                &[!bytes[9]],
                9,
            )),
            _ => drop(std::os::unix::fs::FileExt::write_all_at(
                &file,
                b"ilgrams0",
                bytes.len() as u64 - 40,
            )),
        }
        // While it is in use: one that was cut is given up, and what is found is right.
        if damage == 1 {
            assert_eq!(twins.candidates("needle"), ["a", "b"], "{damage}");
        }
        twins.restart();
        assert!(twins.indexing().search.is_ours());
        assert!(segment(&twins).is_none(), "{damage}");
        twins.work();
        assert_eq!(twins.candidates("needle"), ["a"], "{damage}");
    }
}

#[test]
fn one_process_keeps_it_and_the_others_search_without() {
    let twins = Twins::new(&[("a", "needle\n")]);
    twins.work();
    let folder = twins.folder.path().join("index");
    let other = Index {
        enough: 1,
        rest: REST,
        ..Index::new(&folder)
    };
    let tree = &twins.indexing().tree;
    assert!(!other.work(tree, &|| true).unwrap());
    let all = other.candidates(&tree.current().unwrap(), "", &Plan::of("nowhere", false));
    assert_eq!(all.unwrap().len(), 1);
}

#[test]
fn it_stays_small() {
    let texts: Vec<(String, String)> = (0..200_u32)
        .map(|n| {
            (
                format!("f{n}"),
                format!("{:x}{:x}", n.wrapping_mul(0x9E37_79B1), n * 7919),
            )
        })
        .collect();
    let files: Vec<_> = texts
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let mut twins = Twins::new(&files);
    twins.restart_with(0);
    put(
        &twins.root,
        "large",
        "fn main() { some text; }\n".repeat(2_000).as_bytes(),
    );
    twins.work();
    let kept: u64 = fs::read_dir(twins.folder.path().join("index"))
        .unwrap()
        .flatten()
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    let all: u64 = fs::read_dir(&twins.root)
        .unwrap()
        .flatten()
        .map(|entry| entry.metadata().unwrap().len())
        .sum();
    assert!(kept * 4 <= all, "{kept} of {all}");
    let (indexed, plain) = twins.both(|workspace| found(workspace, &query("main")));
    assert_eq!(indexed, plain);
}

#[test]
fn a_large_workspace_is_indexed_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let (root, state) = (folder.path().join("root"), folder.path().join("state"));
    for n in 0..2_000 {
        let text = format!("fn function_{n}() {{ some_text_of_a_usual_length() }}\n").repeat(20);
        put(&root, &format!("d{}/f{n}.rs", n % 40), text.as_bytes());
    }
    let [indexed, plain] = [(); 2].map(|()| Workspace::open(&root).unwrap());
    indexed.keep_index_in(&state);
    let is_started = || {
        let indexing = indexed.indexing.get().unwrap();
        indexing.started.load(Ordering::Relaxed) || state.exists()
    };
    assert!(!is_started());
    found(&indexed, &query("nowhere"));
    assert!(is_started());
    while indexed.indexed().is_none_or(|indexed| indexed.waiting > 0) {
        std::thread::sleep(Duration::from_millis(50));
    }
    for pattern in ["function_1234", "function_12[0-3]4", "nowhere"] {
        let (indexed, plain) = (
            found(&indexed, &query(pattern)),
            found(&plain, &query(pattern)),
        );
        assert_eq!(indexed, plain);
    }
    let indexing = indexed.indexing.get().unwrap();
    let current = indexing.tree.current().unwrap();
    let plan = Plan::of("function_1234", false);
    let read = indexing.search.candidates(&current, "", &plan).unwrap();
    assert!(read.len() < 10, "{read:?}");
}

/// Something that somebody does.
#[derive(Clone, Debug)]
enum Deed {
    Write(String, Vec<u8>),
    Append(String, String),
    Remove(String),
    Rename(String, String),
    Open(String, String),
    Close(String),
    Work,
    Restart,
    Search(Box<Grep>),
    Glob(String, String),
}

fn some_path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c.rs", "x.log", ".h"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

fn some_text() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "needle",
        "Needle",
        "NEEDLE",
        "hay",
        "stack",
        "kelvin",
        "\u{212A}elvin",
        "été",
        "ÉTÉ",
        "ab",
        "foo_bar",
        "x",
        "\r\n",
        "\n",
        "\n\n",
        " ",
        "\t",
        "日本語",
    ]);
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => some_text().prop_map(String::into_bytes),
        1 => (some_text(), some_text()).prop_map(|(a, b)| [a.as_bytes(), b"\0", b.as_bytes()].concat()),
        1 => (some_text(), some_text()).prop_map(|(a, b)| [a.as_bytes(), b"\xFF", b.as_bytes()].concat()),
    ]
}

fn some_grep() -> impl Strategy<Value = Grep> {
    let pattern = prop::sample::select(vec![
        "needle",
        "need|hays",
        "[Nn]eedle",
        "n.edle",
        "nee+dle",
        "kelvin",
        "été",
        "日本",
        r"\bhay\b",
        "^needle",
        "stack$",
        "foo_?bar",
        "(hay)?stack",
        "ab{1,3}x",
        r"\w+_bar",
        "needle(hay|stack)",
        "nothing",
        "x",
        r"hay\s*stack",
        "(?i)NEEDLEhay",
        "[a-z]eedle",
    ]);
    let path = prop::sample::select(vec!["", "", "", "a", "b", "a/b", "c.rs"]);
    let glob = prop::option::weighted(
        0.3,
        prop::sample::select(vec!["*.rs", "**/*.log", "a/**", "!*.rs"]),
    );
    (pattern, path, glob, any::<bool>(), 0_usize..3, 1_usize..12).prop_map(
        |(pattern, path, glob, ignore_case, context, limit)| Grep {
            path: WorkspacePath::new(path).unwrap(),
            glob: glob.map(str::to_owned),
            ignore_case,
            context,
            limit,
            ..query(pattern)
        },
    )
}

fn some_deed() -> impl Strategy<Value = Deed> {
    let rules = prop::sample::select(vec!["*.log\n", "b/\n", "/a\n", "", "c.rs\n!a/c.rs\n"]);
    prop_oneof![
        6 => (some_path(), some_bytes()).prop_map(|(path, text)| Deed::Write(path, text)),
        2 => (some_path(), some_text()).prop_map(|(path, text)| Deed::Append(path, text)),
        1 => (prop::sample::select(vec![".gitignore", "a/.ignore"]), rules).prop_map(|(path, text)| Deed::Write(path.into(), text.into())),
        1 => some_path().prop_map(Deed::Remove),
        2 => (some_path(), some_path()).prop_map(|(from, to)| Deed::Rename(from, to)),
        1 => (some_path(), some_text()).prop_map(|(path, text)| Deed::Open(path, text)),
        1 => some_path().prop_map(Deed::Close),
        3 => Just(Deed::Work),
        1 => Just(Deed::Restart),
        8 => some_grep().prop_map(|grep| Deed::Search(Box::new(grep))),
        2 => (prop::sample::select(vec!["*", "**/*.rs", "a/*"]), prop::sample::select(vec!["", "a"])).prop_map(|(pattern, from)| Deed::Glob(pattern.into(), from.into())),
    ]
}

impl Twins {
    /// What can't be done isn't.
    fn attempt(&mut self, deed: &Deed) {
        let root = &self.root;
        let uri = |path: &str| format!("file://{}", root.join(path).display());
        match deed {
            Deed::Write(path, text) => put(root, path, text),
            Deed::Append(path, text) => {
                if let Ok(mut file) = fs::File::options().append(true).open(root.join(path)) {
                    file.write_all(text.as_bytes()).unwrap();
                }
            }
            Deed::Remove(path) => {
                let path = root.join(path);
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(path));
            }
            Deed::Rename(from, to) => drop(fs::rename(root.join(from), root.join(to))),
            Deed::Open(path, text) => {
                for workspace in [&self.indexed, &self.plain] {
                    workspace.did_open(&uri(path), Some(&root.join(path)), "text", 1, text);
                }
            }
            Deed::Close(path) => {
                for workspace in [&self.indexed, &self.plain] {
                    workspace.did_close(&uri(path));
                }
            }
            Deed::Work => self.work(),
            Deed::Restart => {
                let open = self.plain.documents();
                self.plain = Workspace::open(&self.root).unwrap();
                self.restart();
                for document in open {
                    let path = document.path.as_ref();
                    let file = path.map(|path| self.root.join(path.as_str()));
                    for workspace in [&self.indexed, &self.plain] {
                        workspace.did_open(
                            &document.uri,
                            file.as_deref(),
                            "text",
                            1,
                            &document.text(),
                        );
                    }
                }
            }
            Deed::Search(_) | Deed::Glob(..) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_finds_what_the_plain_walk_finds(deeds in prop::collection::vec(some_deed(), 0..60)) {
        let mut twins = Twins::new(&[("a/c.rs", "needle\nhay\n"), ("b/x.log", "stack\n"), ("c.rs", "NEEDLE hay")]);
        for deed in &deeds {
            twins.attempt(deed);
            let (indexed, plain) = match deed {
                Deed::Search(grep) => twins.both(|workspace| found(workspace, grep)),
                Deed::Glob(pattern, from) => twins.both(|workspace| globbed(workspace, pattern, from)),
                _ => continue,
            };
            prop_assert_eq!(indexed, plain, "{:?}", deed);
        }
    }
}
