//! Search against a naive walk with plain regular expressions over the texts that the session sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use interline_log::{CallId, SessionId, TurnId};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Grep, GrepResult};
use crate::Workspace;
use crate::path::WorkspacePath;
use crate::proposal::{Origin, Proposed};

fn put(root: &Path, path: &str, bytes: &[u8]) {
    use std::io::Write;
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::File::create(file).unwrap().write_all(bytes).unwrap();
}

fn workspace(files: &[(&str, &str)]) -> (TempDir, Arc<Workspace>) {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        put(root.path(), path, text.as_bytes());
    }
    let workspace = Workspace::open(root.path()).unwrap();
    (root, workspace)
}

fn open(workspace: &Workspace, path: &str, text: &str) {
    let file = workspace.root().join(path);
    workspace.did_open(
        &format!("file://{}", file.display()),
        Some(&file),
        "text",
        1,
        text,
    );
}

fn path(text: &str) -> WorkspacePath {
    WorkspacePath::new(text).unwrap()
}

fn query(pattern: &str) -> Grep {
    Grep {
        pattern: pattern.into(),
        path: path(""),
        glob: None,
        ignore_case: false,
        context: 0,
        limit: 1000,
    }
}

fn grep(workspace: &Workspace, grep: &Grep) -> GrepResult {
    workspace
        .grep(SessionId::new(), grep, &AtomicBool::new(false))
        .unwrap()
}

fn lines(result: &GrepResult) -> Vec<String> {
    let line = |l: &super::GrepLine| {
        format!(
            "{}{}{}:{}",
            l.path,
            if l.matched { ':' } else { '-' },
            l.line,
            l.text
        )
    };
    result.lines.iter().map(line).collect()
}

#[test]
fn buffers_shadow_their_files_and_ignored_ones_stay_out() {
    let (_root, workspace) = workspace(&[
        (".gitignore", "target/\n*.log\n"),
        (".hidden", "needle\n"),
        (".git/config", "needle\n"),
        ("a.log", "needle\n"),
        ("b.txt", "needle on disk\n"),
        ("c.txt", "hay\r\nneedle\r\n"),
        ("target/x.txt", "needle\n"),
        ("bin", "needle\n\0"),
    ]);
    open(&workspace, "b.txt", "typed\nneedle typed\n");
    open(&workspace, "new/d.txt", "needle, never saved");
    open(
        &workspace,
        "target/x.txt",
        "needle typed in an ignored file",
    );
    let found = grep(&workspace, &query("needle$|needle [a-z]|needle,"));
    assert_eq!(
        lines(&found),
        [
            ".hidden:1:needle",
            "b.txt:2:needle typed",
            "c.txt:2:needle",
            "new/d.txt:1:needle, never saved"
        ]
    );
    assert!(!found.truncated);
    // What is named is searched, ignored or not.
    let named = Grep {
        path: path("target/x.txt"),
        ..query("needle")
    };
    assert_eq!(
        lines(&grep(&workspace, &named)),
        ["target/x.txt:1:needle typed in an ignored file"]
    );
    let named = Grep {
        path: path("target"),
        ..query("needle")
    };
    assert_eq!(grep(&workspace, &named).lines.len(), 1);

    let listed = |folder: &str| -> Vec<String> {
        let entries = workspace.list(SessionId::new(), &path(folder)).unwrap();
        entries
            .iter()
            .map(|e| format!("{}{}", e.path, if e.folder { "/" } else { "" }))
            .collect()
    };
    assert_eq!(
        listed(""),
        [".gitignore", ".hidden", "b.txt", "bin", "c.txt", "new/"]
    );
    assert_eq!(listed("new"), ["new/d.txt"]);
    let globbed = |pattern: &str, from: &str, limit| {
        let (found, more) = workspace
            .glob(SessionId::new(), pattern, &path(from), limit)
            .unwrap();
        (
            found.iter().map(ToString::to_string).collect::<Vec<_>>(),
            more,
        )
    };
    assert_eq!(
        globbed("*.txt", "", 9),
        (
            vec!["b.txt".into(), "c.txt".into(), "new/d.txt".into()],
            false
        )
    );
    assert_eq!(globbed("*.txt", "", 1), (vec!["b.txt".into()], true));
    assert_eq!(globbed("new/*", "", 9).0, ["new/d.txt"]);
    assert_eq!(globbed("*/x", "", 9).0, [""; 0]);
    assert_eq!(globbed("./d.*", "new", 9).0, ["new/d.txt"]);
}

#[test]
fn a_session_sees_its_own_proposal() {
    let (_root, workspace) = workspace(&[("a.txt", "needle\n"), ("b.txt", "needle\n")]);
    let session = SessionId::new();
    let propose = |name, what| {
        workspace
            .propose(origin(session), &path(name), what)
            .unwrap();
    };
    propose("a.txt", Proposed::Delete);
    propose("b.txt", Proposed::Write("another needle\n".into()));
    propose("new/c.txt", Proposed::Write("a third needle\n".into()));
    let theirs = workspace
        .grep(session, &query("needle"), &AtomicBool::new(false))
        .unwrap();
    assert_eq!(
        lines(&theirs),
        ["b.txt:1:another needle", "new/c.txt:1:a third needle"]
    );
    let others = grep(&workspace, &query("needle"));
    assert_eq!(lines(&others), ["a.txt:1:needle", "b.txt:1:needle"]);
    assert_eq!(
        workspace.list(session, &path("")).unwrap().len(),
        2,
        "a.txt is gone, new/ is there"
    );
    for (name, session) in [("a.txt", session), ("new", SessionId::new())] {
        let grep = Grep {
            path: path(name),
            ..query("x")
        };
        let error = workspace
            .grep(session, &grep, &AtomicBool::new(false))
            .unwrap_err();
        assert!(error.0.contains("doesn't exist"), "{name}: {error}");
    }
}

/// Folders are left out once enough is found before them: `a.rs` stands before `a/`, and `a/` before `a0`.
#[test]
fn the_first_files_by_path_are_found() {
    let mut files: Vec<String> = (0..200)
        .flat_map(|n| {
            [
                format!("d{n}/a.rs"),
                format!("d{n}/a/x.rs"),
                format!("d{n}.rs"),
            ]
        })
        .collect();
    let texts: Vec<(&str, &str)> = files.iter().map(|file| (&**file, "")).collect();
    let (_root, workspace) = workspace(&texts);
    files.sort_unstable();
    for limit in [1, 2, 3, 7, 50, 599, 600] {
        let (found, more) = workspace
            .glob(SessionId::new(), "*.rs", &path(""), limit)
            .unwrap();
        let found: Vec<String> = found.into_iter().map(String::from).collect();
        assert_eq!(found, files[..limit]);
        assert_eq!(more, limit < files.len());
    }
}

#[cfg(unix)]
#[test]
fn symlinks_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    put(outside.path(), "secret.txt", b"needle\n");
    let (root, workspace) = workspace(&[("real/a.txt", "needle\n")]);
    let link = |to: &Path, name| std::os::unix::fs::symlink(to, root.path().join(name)).unwrap();
    link(outside.path(), "out");
    link(&outside.path().join("secret.txt"), "file");
    link(&root.path().join("real"), "in");
    assert_eq!(
        lines(&grep(&workspace, &query("needle"))),
        ["real/a.txt:1:needle"]
    );
    let through = Grep {
        path: path("in"),
        ..query("needle")
    };
    assert_eq!(lines(&grep(&workspace, &through)), ["real/a.txt:1:needle"]);
    for name in ["out", "out/secret.txt", "file"] {
        let through = Grep {
            path: path(name),
            ..query("needle")
        };
        assert!(
            workspace
                .grep(SessionId::new(), &through, &AtomicBool::new(false))
                .is_err(),
            "{name}"
        );
        assert!(
            workspace.list(SessionId::new(), &path(name)).is_err(),
            "{name}"
        );
    }
}

#[test]
fn what_is_wrong_is_said() {
    let (_root, workspace) = workspace(&[("a.txt", "x")]);
    let fails = |grep: Grep| {
        workspace
            .grep(SessionId::new(), &grep, &AtomicBool::new(false))
            .unwrap_err()
            .0
    };
    let error = fails(query("fn (x"));
    assert!(
        error.contains("unclosed group") && error.contains("    fn (x"),
        "{error}"
    );
    assert!(fails(query("a\nb")).contains("never span lines"));
    assert!(
        fails(Grep {
            glob: Some("[".into()),
            ..query("x")
        })
        .contains("no glob")
    );
    assert!(
        fails(Grep {
            path: path("no/where"),
            ..query("x")
        })
        .contains("doesn't exist")
    );
    assert!(
        workspace
            .list(SessionId::new(), &path("a.txt"))
            .unwrap_err()
            .0
            .contains("is a file")
    );
    let cancelled = workspace
        .grep(SessionId::new(), &query("x"), &AtomicBool::new(true))
        .unwrap();
    assert!(cancelled.truncated && cancelled.lines.is_empty());
}

#[test]
fn long_lines_are_cut_around_the_match() {
    let long = format!("{}needle{}", "é".repeat(5000), "ü".repeat(5000));
    let (_root, workspace) = workspace(&[("a.txt", &long)]);
    let found = grep(&workspace, &query("needle"));
    let text = &found.lines[0].text;
    assert!(
        text.starts_with("…é") && text.ends_with("ü…") && text.contains("needle"),
        "{text}"
    );
    assert!(text.len() < 500);
}

/// What the naive search finds: every file that is seen, in order, line by line.
fn naive(texts: &BTreeMap<String, String>, grep: &Grep) -> (Vec<String>, bool) {
    let pattern = regex::RegexBuilder::new(&grep.pattern)
        .case_insensitive(grep.ignore_case)
        .build()
        .unwrap();
    let (mut out, mut left, mut truncated) = (Vec::new(), grep.limit, false);
    for (path, text) in texts {
        let lines: Vec<&str> = text.lines().collect();
        let all: Vec<usize> = (0..lines.len())
            .filter(|&n| pattern.is_match(lines[n]))
            .collect();
        let kept = &all[..all.len().min(left)];
        truncated |= kept.len() < all.len();
        left -= kept.len();
        let end = all.get(kept.len()).copied().unwrap_or(lines.len());
        for (n, line) in lines.iter().enumerate().take(end) {
            if kept.iter().any(|k| k.abs_diff(n) <= grep.context) {
                let mark = if kept.contains(&n) { ':' } else { '-' };
                out.push(format!("{path}{mark}{}:{line}", n + 1));
            }
        }
    }
    (out, truncated)
}

fn some_text() -> impl Strategy<Value = String> {
    prop::collection::vec(("[ab X]{0,4}", prop_oneof![Just("\n"), Just("\r\n")]), 0..8)
        .prop_map(|lines| lines.into_iter().map(|(line, end)| line + end).collect())
}

fn some_path() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a",
        "b.rs",
        "c/d",
        "c/e.rs",
        "c/f/g.rs",
        ".h",
        "z",
        "ignored/i",
        "c/skip.log",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn grep_is_the_naive_search(
        disk in prop::collection::btree_map(some_path(), some_text(), 0..8),
        buffers in prop::collection::btree_map(some_path(), some_text(), 0..4),
        proposed in prop::collection::btree_map(some_path(), prop::option::of(some_text()), 0..4),
        pattern in prop::sample::select(vec!["a", "ab|ba", "^a", "b$", "X", "^$", "a.b", "[^a]"]),
        ignore_case in any::<bool>(),
        context in 0_usize..3,
        limit in 1_usize..12,
    ) {
        let files: Vec<(&str, &str)> = disk.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        let (root, workspace) = workspace(&files);
        put(root.path(), ".gitignore", b"/ignored\n*.log\n.gitignore\n");
        let mut seen = disk.clone();
        for (path, text) in &buffers {
            open(&workspace, path, text);
            seen.insert(path.clone(), text.clone());
        }
        let session = SessionId::new();
        for (name, text) in &proposed {
            let what = text.clone().map_or(Proposed::Delete, Proposed::Write);
            // What changes nothing is refused.
            if workspace.propose(origin(session), &path(name), what).is_ok() {
                match text {
                    None => seen.remove(name),
                    Some(_) => seen.insert(name.clone(), workspace.proposed_text(session, &path(name)).unwrap()),
                };
            }
        }
        seen.retain(|path, _| {
            let ignored = path.starts_with("ignored/") || path.ends_with(".log");
            !ignored || !disk.contains_key(path)
        });
        let grep = Grep { ignore_case, context, limit, ..query(pattern) };
        let found = workspace.grep(session, &grep, &AtomicBool::new(false)).unwrap();
        let (expected, truncated) = naive(&seen, &grep);
        prop_assert_eq!(lines(&found), expected);
        prop_assert_eq!(found.truncated, truncated);

        // The same files are seen by glob, and by list from folder to folder.
        let (globbed, more) = workspace.glob(session, "**/*", &path(""), 100).unwrap();
        let globbed: BTreeSet<String> = globbed.into_iter().map(String::from).collect();
        prop_assert_eq!(&globbed, &seen.keys().cloned().collect());
        prop_assert!(!more);
        let (first, more) = workspace.glob(session, "**/*", &path(""), limit).unwrap();
        prop_assert_eq!(more, globbed.len() > limit);
        let first: Vec<String> = first.into_iter().map(String::from).collect();
        prop_assert_eq!(first, globbed.iter().take(limit).cloned().collect::<Vec<_>>());
        prop_assert_eq!(listed_files(&workspace, session, &path("")), globbed);
    }
}

fn origin(session: SessionId) -> Origin {
    Origin {
        session,
        turn: TurnId::new(),
        call: CallId::new(),
    }
}

fn listed_files(
    workspace: &Workspace,
    session: SessionId,
    folder: &WorkspacePath,
) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for entry in workspace.list(session, folder).unwrap() {
        if entry.folder {
            files.append(&mut listed_files(workspace, session, &entry.path));
        } else {
            files.insert(entry.path.into());
        }
    }
    files
}
