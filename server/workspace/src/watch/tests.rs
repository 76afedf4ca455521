//! The list against a walk, after changes of all kinds.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;

use super::{Changes, Tree};
use crate::search::walker;

fn walked(root: &Path) -> BTreeSet<String> {
    let entries = walker(root).build().flatten();
    let files = entries.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    let path = |path: &Path| path.strip_prefix(root).unwrap().to_str().map(str::to_owned);
    files.filter_map(|entry| path(entry.path())).collect()
}

/// What the list says; `None` in doubt.
fn listed(tree: &Tree) -> Option<BTreeSet<String>> {
    let current = tree.current()?;
    let files = current.below("").unwrap();
    Some(files.map(|(path, _)| path.to_string()).collect())
}

fn put(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::File::create(file)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

fn tree(files: &[&str]) -> (tempfile::TempDir, Tree) {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        put(root.path(), file, "text");
    }
    let tree = Tree::new(root.path());
    tree.renew().unwrap();
    (root, tree)
}

#[test]
fn what_is_done_is_seen_at_once() {
    let (root, tree) = tree(&["a", "b/c", "b/d/e", "f/g"]);
    let root = root.path();
    let now = tree.current().unwrap().now();
    put(root, "new", "");
    put(root, "b/x/y/z", "");
    fs::remove_file(root.join("a")).unwrap();
    fs::rename(root.join("b/d"), root.join("f/d")).unwrap();
    fs::rename(root.join("f/g"), root.join("b/c")).unwrap();
    let files = ["b/c", "b/x/y/z", "f/d/e", "new"].map(str::to_owned);
    assert_eq!(listed(&tree), Some(files.into()));
    assert_eq!(walked(root), listed(&tree).unwrap());
    // In folders that came, too.
    put(root, "b/x/y/more", "");
    put(root, "f/d/e", "other text");
    assert_eq!(walked(root), listed(&tree).unwrap());
    let Changes::Paths(changed) = tree.current().unwrap().changes(now) else {
        panic!("they are few");
    };
    let changed: Vec<&str> = changed.iter().map(|path| &**path).collect();
    assert_eq!(
        changed,
        [
            "a",
            "b/c",
            "b/d/e",
            "b/x/y/more",
            "b/x/y/z",
            "f/d/e",
            "f/g",
            "new"
        ]
    );
}

#[test]
fn a_change_of_rules_puts_the_list_in_doubt() {
    for rules in [
        ".gitignore",
        "b/.ignore",
        ".git/info/exclude",
        "../.gitignore",
    ] {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        for file in ["a", "b/c", ".git/info/x"] {
            put(&root, file, "");
        }
        let tree = Tree::new(&root);
        tree.renew().unwrap();
        assert!(listed(&tree).is_some());
        put(&root, rules, "c\n");
        assert_eq!(listed(&tree), None, "{rules}");
        tree.renew().unwrap();
        assert_eq!(listed(&tree).unwrap(), walked(&root), "{rules}");
        assert!(!walked(&root).contains("b/c"), "{rules}");
    }
}

#[test]
fn a_folder_that_was_moved_away_is_not_current() {
    let (root, tree) = tree(&["a"]);
    let elsewhere = root.path().with_extension("elsewhere");
    fs::rename(root.path(), &elsewhere).unwrap();
    assert_eq!(listed(&tree), None);
    fs::rename(&elsewhere, root.path()).unwrap();
}

#[test]
fn many_changes_are_left_to_the_background() {
    let (root, tree) = tree(&["a"]);
    for n in 0..40 {
        put(root.path(), &format!("d{n}/f"), "");
    }
    assert!(listed(&tree).is_some());
    for n in 0..40 {
        put(root.path(), &format!("d{n}/g"), "");
    }
    assert_eq!(listed(&tree), None);
    assert!(!tree.is_in_doubt());
    tree.refresh();
    assert_eq!(listed(&tree).unwrap(), walked(root.path()));
}

/// Something that somebody does to the files.
#[derive(Clone, Debug)]
enum Deed {
    Write(String, String),
    Remove(String),
    Rename(String, String),
    Link(String, String),
    Look,
    Refresh,
}

fn some_path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "x.log", ".h", ".gitignore"]);
    prop::collection::vec(name, 1..4).prop_map(|names| names.join("/"))
}

fn some_text() -> impl Strategy<Value = String> {
    let texts = [
        "a\n",
        "*.log\n",
        "/b/c\n",
        "!a\n",
        "c/\n",
        "b/*\n!b/a\n",
        "",
    ];
    prop::sample::select(texts.to_vec()).prop_map(str::to_owned)
}

fn some_deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (some_path(), some_text()).prop_map(|(path, text)| Deed::Write(path, text)),
        2 => some_path().prop_map(Deed::Remove),
        3 => (some_path(), some_path()).prop_map(|(from, to)| Deed::Rename(from, to)),
        1 => (some_path(), some_path()).prop_map(|(from, to)| Deed::Link(from, to)),
        3 => Just(Deed::Look),
        1 => Just(Deed::Refresh),
    ]
}

/// What can't be done isn't.
fn attempt(root: &Path, deed: &Deed) {
    match deed {
        Deed::Write(path, text) => {
            let file = root.join(path);
            let _ = fs::create_dir_all(file.parent().unwrap());
            if let Ok(mut file) = fs::File::create(file) {
                file.write_all(text.as_bytes()).unwrap();
            }
        }
        Deed::Remove(path) => {
            let path = root.join(path);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(path));
        }
        Deed::Rename(from, to) => drop(fs::rename(root.join(from), root.join(to))),
        Deed::Link(from, to) => drop(fs::hard_link(root.join(from), root.join(to))),
        Deed::Look | Deed::Refresh => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_list_is_what_a_walk_finds(deeds in prop::collection::vec(some_deed(), 0..40)) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        let tree = Tree::new(&root);
        tree.renew().unwrap();
        for deed in deeds.iter().chain([&Deed::Look]) {
            attempt(&root, deed);
            match deed {
                Deed::Refresh => tree.refresh(),
                Deed::Look => match listed(&tree) {
                    Some(files) => prop_assert_eq!(files, walked(&root)),
                    None => {
                        tree.renew().unwrap();
                        prop_assert_eq!(listed(&tree).unwrap(), walked(&root));
                    }
                }
                _ => {}
            }
        }
    }
}
