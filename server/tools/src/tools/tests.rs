//! Calls as models make them, through the registry.

use interline_log::{CallId, CallStatus, EventData};
use interline_workspace::document::{Change, Position, Range};
use interline_workspace::editor::{EditorError, Fix, Location, Query, QueryAnswer, QueryItems};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::RangeEdit;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::Environment;
use crate::testing::{Bench, CONTEXT, TestEditor, permit, policy};
use interline_policy::{Rules, decide};

fn range(line: u32, start: u32, end: u32) -> Range {
    let at = |character| Position { line, character };
    Range {
        start: at(start),
        end: at(end),
    }
}

fn path(text: &str) -> WorkspacePath {
    WorkspacePath::new(text).expect("a path")
}

fn answering(items: impl Fn(&Query) -> QueryItems + Send + Sync + 'static) -> TestEditor {
    TestEditor {
        answers: Some(Box::new(move |query| {
            Ok(QueryAnswer {
                items: items(query),
                source: "server".to_owned(),
                settled: true,
            })
        })),
        ..TestEditor::default()
    }
}

#[tokio::test]
async fn edits_are_seen_by_reads_and_touch_no_file() {
    let bench = Bench::new(&[("a.txt", "one\ntwo\n")]);
    let edits = json!([{"old": "two", "new": "2"}]);
    let done = bench
        .call("edit", json!({"path": "a.txt", "edits": edits}))
        .await;
    assert_eq!(done.status, CallStatus::Succeeded, "{}", done.content);
    assert!(matches!(
        done.events.as_slice(),
        [
            EventData::EditProposed { .. },
            EventData::ContextShown { .. }
        ]
    ));
    let read = bench.call("read", json!({"path": "a.txt"})).await;
    assert_eq!(read.content, "1\tone\n2\t2\n");
    let disk = std::fs::read_to_string(bench.environment.workspace.root().join("a.txt"));
    assert_eq!(disk.expect("a file"), "one\ntwo\n");
}

#[tokio::test]
async fn the_mark_of_a_secret_never_takes_its_place() {
    let bench = Bench::new(&[("a.env", "TOKEN=abc\nPORT=1\n")]);
    bench.call("read", json!({"path": "a.env"})).await;
    let text = "TOKEN=[redacted]\nPORT=2\n";
    let whole = json!({"path": "a.env", "content": text});
    let line = json!([{"old": "TOKEN=abc", "new": "TOKEN=[redacted]"}]);
    for (tool, input) in [
        ("write", whole),
        ("edit", json!({"path": "a.env", "edits": line})),
    ] {
        let refused = bench.call(tool, input).await;
        assert_eq!(refused.status, CallStatus::Failed, "{}", refused.content);
        assert!(
            refused.content.contains("were not shown"),
            "{}",
            refused.content
        );
    }
}

#[tokio::test]
async fn whole_files_are_replaced_only_by_who_has_read_them() {
    let bench = Bench::new(&[("a.txt", "one\n")]);
    let write = |text: &str| bench.call("write", json!({"path": "a.txt", "content": text}));
    let refused = write("1\n").await;
    assert_eq!(refused.status, CallStatus::Failed);
    assert_eq!(
        refused.content,
        "the file exists and you have not read it: read it first, then use edit, or write again"
    );
    bench.call("read", json!({"path": "a.txt"})).await;
    bench.put("a.txt", "changed\n");
    assert!(
        write("1\n")
            .await
            .content
            .starts_with("the text has changed since")
    );
    bench.call("read", json!({"path": "a.txt"})).await;
    assert_eq!(write("1\n").await.status, CallStatus::Succeeded);
    assert_eq!(
        write("2\n").await.status,
        CallStatus::Succeeded,
        "its own text is known"
    );
    assert_eq!(bench.text("a.txt"), "2\n");
    let new = bench
        .call("write", json!({"path": "b/c.txt", "content": "new\n"}))
        .await;
    assert_eq!(new.status, CallStatus::Succeeded, "{}", new.content);
}

#[tokio::test]
async fn an_edit_of_text_that_changed_says_so() {
    let bench = Bench::new(&[("a.txt", "one\ntwo\n")]);
    bench.call("read", json!({"path": "a.txt"})).await;
    bench.put("a.txt", "one\ntwo\nthree\n");
    let edits = json!([{"old": "two", "new": "2"}]);
    let done = bench
        .call("edit", json!({"path": "a.txt", "edits": edits}))
        .await;
    assert_eq!(done.status, CallStatus::Succeeded);
    assert!(
        done.content.contains("has changed since you read it"),
        "{}",
        done.content
    );
}

#[tokio::test]
async fn paths_lead_nowhere_else() {
    let bench = Bench::new(&[("a.txt", "one\n")]);
    let root = bench.environment.workspace.root().to_owned();
    let absolute = root.join("a.txt");
    let read = bench.call("read", json!({"path": absolute})).await;
    assert_eq!(read.status, CallStatus::Succeeded);
    std::os::unix::fs::symlink("/etc/passwd", root.join("link")).expect("a link");
    for outside in ["/etc/passwd", "../x", "a/../../x", "link", "a\0b"] {
        let error = bench
            .prepare("read", json!({"path": outside}))
            .expect_err(outside);
        assert!(!error.is_empty());
    }
}

#[tokio::test]
async fn a_target_that_is_swapped_after_the_decision_fails_closed() {
    let bench = Bench::new(&[("a.txt", "one\n"), ("b.txt", "two\n")]);
    let root = bench.environment.workspace.root().to_owned();
    let edits = json!([{"old": "two", "new": "2"}]);
    let calls = [
        ("edit", json!({"path": "a.txt", "edits": edits})),
        ("shell", json!({"command": "cp a.txt copy.txt"})),
    ];
    let prepared = calls.map(|(tool, input)| bench.prepare(tool, input).expect("valid"));
    std::fs::remove_file(root.join("a.txt")).expect("ours");
    std::os::unix::fs::symlink("b.txt", root.join("a.txt")).expect("a link");
    for prepared in prepared {
        let done = bench.try_run(prepared, CancellationToken::new()).await;
        done.expect_err("it is another file");
    }
    assert!(bench.environment.workspace.hunks().is_empty());
    assert!(!root.join("copy.txt").exists());
}

#[tokio::test]
async fn a_permit_is_for_one_call() {
    let bench = Bench::new(&[("a.txt", "one\n")]);
    let one = bench
        .prepare("shell", json!({"command": "touch x"}))
        .expect("valid");
    let other = bench
        .prepare("read", json!({"path": "a.txt"}))
        .expect("valid");
    let done = one.run(
        permit(&other),
        policy(),
        CallId::new(),
        bench.environment.clone(),
        CancellationToken::new(),
    );
    done.await.expect_err("not for this call");
    assert!(!bench.environment.workspace.root().join("x").exists());
}

#[tokio::test]
async fn a_buffer_that_was_typed_into_is_decided_on_anew() {
    let bench = Bench::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let workspace = &bench.environment.workspace;
    let open = |path: &str| {
        let file = workspace.root().join(path);
        workspace.did_open(path, Some(&file), "text", 1, "one\n");
    };
    open("a.txt");
    let edit = json!({"path": "a.txt", "edits": [{"old": "one", "new": "two"}]});
    let calls = [
        ("edit", edit.clone(), true),
        ("shell", json!({"command": "cp a.txt ../c.txt"}), true),
        ("shell", json!({"command": "cp b.txt ../c.txt"}), false),
        ("read", json!({"path": "a.txt"}), false),
    ];
    for (version, (tool, input, stale)) in (2..).zip(calls) {
        let prepared = bench.prepare(tool, input).expect("valid");
        workspace
            .did_change("a.txt", version, &[])
            .expect("it is open");
        let done = bench.try_run(prepared, CancellationToken::new()).await;
        assert_eq!(done.is_err(), stale, "{tool} {done:?}");
    }
    assert!(workspace.hunks().is_empty());
    let done = bench.call("edit", edit).await;
    assert_eq!(done.status, CallStatus::Succeeded, "{}", done.content);
}

#[test]
fn prompts_show_what_is_hidden() {
    let bench = Bench::new(&[]);
    let prepared = bench
        .prepare(
            "shell",
            json!({"command": "echo \u{202e}a\nrm -r b\u{1b}[1A"}),
        )
        .expect("valid");
    assert_eq!(prepared.detail(), "echo \\u{202e}a\nrm -r b\\u{1b}[1A");
    assert_eq!(prepared.title(), "running echo \\u{202e}a …");
    let prepared = bench
        .prepare("delete", json!({"path": "a.txt"}))
        .expect("valid");
    let file = bench.environment.workspace.root().join("a.txt");
    assert_eq!(prepared.detail(), file.to_string_lossy());
}

#[test]
fn an_unknown_tool_is_answered_with_the_known_ones() {
    let bench = Bench::new(&[]);
    let error = bench.prepare("bash", json!({})).expect_err("unknown");
    assert!(
        error.starts_with("there is no tool `bash`: use one of read, list,"),
        "{error}"
    );
}

#[tokio::test]
async fn search_tools_answer_in_lines() {
    let bench = Bench::new(&[("src/a.rs", "fn a() {}\n"), ("b.md", "x\n")]);
    let list = bench.call("list", json!({})).await;
    assert_eq!(list.content, "b.md\nsrc/\n");
    let glob = bench.call("glob", json!({"pattern": "**/*.rs"})).await;
    assert_eq!(glob.content, "src/a.rs\n");
    let grep = bench.call("grep", json!({"pattern": "fn \\w"})).await;
    assert_eq!(grep.content, "src/a.rs\n1:fn a() {}\n");
    let none = bench.call("grep", json!({"pattern": "nothing"})).await;
    assert_eq!(none.content, "no lines match");
    let wrong = bench.call("grep", json!({"pattern": "("})).await;
    assert_eq!(wrong.status, CallStatus::Failed);
}

#[tokio::test]
async fn references_are_in_the_lines_that_the_session_sees() {
    let editor = answering(|query| match query {
        Query::References(at) => QueryItems::Locations(vec![
            Location {
                path: at.path.to_string(),
                range: range(2, 0, 3),
            },
            Location {
                path: "/outside/lib.rs".to_owned(),
                range: range(9, 0, 3),
            },
        ]),
        other => panic!("{other:?}"),
    });
    let bench = Bench::with_editor(&[("a.rs", "foo();\n// x\nfoo();\n")], editor);
    let edits = json!([{"old": "// x\n", "new": "// x\n// y\n"}]);
    bench
        .call("edit", json!({"path": "a.rs", "edits": edits}))
        .await;
    let done = bench
        .call(
            "references",
            json!({"path": "a.rs", "line": 4, "symbol": "foo"}),
        )
        .await;
    insta::assert_snapshot!(done.content, @r"
    a.rs:4:1: foo();
    /outside/lib.rs:10:1
    answered by server (settled)
    ");
    let asked = crate::memory::lock(&bench.editor.asked);
    assert!(matches!(&asked[..], [Query::References(at)] if at.position.line == 2));
}

#[tokio::test]
async fn without_language_servers_the_model_is_told_what_to_use() {
    let bench = Bench::new(&[("a.rs", "foo();\n"), ("a.unknown", "foo();\n")]);
    for (tool, path) in [("definition", "a.unknown"), ("hover", "a.rs")] {
        let done = bench
            .call(tool, json!({"path": path, "line": 1, "symbol": "foo"}))
            .await;
        assert_eq!(
            done.content,
            "no language server can be asked here: use grep and read instead"
        );
    }
}

#[tokio::test]
async fn without_language_servers_the_index_answers_and_says_so() {
    let files = [
        ("a.rs", "pub fn foo() {}\n"),
        ("b.rs", "use crate::a;\nfn main() { a::foo(); }\n"),
    ];
    let refusing = TestEditor {
        answers: Some(Box::new(|_| {
            Err(EditorError::Unsupported("none".to_owned()))
        })),
        ..TestEditor::default()
    };
    for bench in [Bench::new(&files), Bench::with_editor(&files, refusing)] {
        let limit = std::time::Duration::from_secs(60);
        assert!(bench.environment.workspace.symbols_complete(limit));
        let at = json!({"path": "b.rs", "line": 2, "symbol": "a::foo"});
        for (tool, input, found) in [
            ("definition", at.clone(), "a.rs:1:8: pub fn foo() {}\n"),
            (
                "references",
                at,
                "b.rs:2:16: fn main() { a::foo(); }\na.rs:1:8: pub fn foo() {}\n",
            ),
            ("symbols", json!({"query": "fo"}), "a.rs:1: function foo\n"),
            (
                "symbols",
                json!({"path": "b.rs"}),
                "b.rs:2: function main\n",
            ),
            (
                "symbols",
                json!({}),
                "a.rs\n    1: pub fn foo() {}\nb.rs\n    2: fn main() { a::foo(); }\n",
            ),
        ] {
            let done = bench.call(tool, input).await;
            let by = "answered by interline's index, by name (settled)";
            assert_eq!(done.content, format!("{found}{by}"));
        }
    }
}

fn renames(files: &'static [&'static str]) -> TestEditor {
    answering(move |_| {
        let edit = RangeEdit {
            range: range(0, 0, 3),
            text: "bar".to_owned(),
        };
        let edits = files.iter().map(|file| (path(file), vec![edit.clone()]));
        QueryItems::Fixes(vec![Fix {
            title: "rename".to_owned(),
            machine_applicable: false,
            edits: edits.collect(),
            ..Fix::default()
        }])
    })
}

#[tokio::test]
async fn a_rename_becomes_hunks_in_all_files_or_in_none() {
    let input = json!({"path": "a.rs", "line": 1, "symbol": "foo", "new_name": "bar"});
    let bench = Bench::with_editor(
        &[("a.rs", "foo();\n"), ("b.rs", "foo();\n")],
        renames(&["a.rs", "b.rs"]),
    );
    let done = bench.call("rename", input.clone()).await;
    assert_eq!(done.status, CallStatus::Succeeded, "{}", done.content);
    assert_eq!(done.events.len(), 2);
    assert_eq!(
        (bench.text("a.rs"), bench.text("b.rs")),
        ("bar();\n".into(), "bar();\n".into())
    );
    let bench = Bench::with_editor(&[("a.rs", "foo();\n")], renames(&["a.rs", "missing.rs"]));
    let done = bench.call("rename", input).await;
    assert_eq!(done.status, CallStatus::Failed);
    assert_eq!(bench.text("a.rs"), "foo();\n");
}

#[tokio::test]
async fn diagnostics_and_fixes_of_the_editor() {
    let editor = answering(|query| match query {
        Query::Diagnostics { .. } => QueryItems::Diagnostics(Vec::new()),
        Query::QuickFixes { path, line } => QueryItems::Fixes(vec![Fix {
            title: "import it".to_owned(),
            machine_applicable: true,
            edits: vec![(
                path.clone(),
                vec![RangeEdit {
                    range: range(*line, 0, 0),
                    text: "use x;\n".to_owned(),
                }],
            )],
            ..Fix::default()
        }]),
        other => panic!("{other:?}"),
    });
    let mut bench = Bench::with_editor(&[("a.txt", "one\ntwo\n")], editor);
    bench.environment.trusted = false;
    let clean = bench.call("diagnostics", json!({"path": "a.txt"})).await;
    assert_eq!(clean.content, "no problems\nchecked by server (settled)\n");
    let listed = bench
        .call("quickfix", json!({"path": "a.txt", "line": 2}))
        .await;
    let asked = "checked by server (settled)\nanswered by server (settled)";
    assert_eq!(listed.content, format!("1: import it (preferred)\n{asked}"));
    let applied = bench
        .call("quickfix", json!({"path": "a.txt", "line": 2, "apply": 1}))
        .await;
    assert!(
        applied.content.starts_with("proposed: import it\n"),
        "{}",
        applied.content
    );
    assert_eq!(bench.text("a.txt"), "one\nuse x;\ntwo\n");
    let unseen = bench.call("diagnostics", json!({"path": "a.txt"})).await;
    assert!(
        unseen
            .content
            .starts_with("not checked: language servers do not see pending hunks, and the folder"),
        "{}",
        unseen.content
    );
    let none = bench
        .call("quickfix", json!({"path": "a.txt", "line": 1, "apply": 7}))
        .await;
    assert_eq!(none.status, CallStatus::Failed);
}

#[tokio::test]
async fn questions_get_answers_or_advice() {
    let editor = TestEditor {
        reply: Some("yes".to_owned()),
        ..TestEditor::default()
    };
    let bench = Bench::with_editor(&[], editor);
    let done = bench.call("ask", json!({"question": "really?"})).await;
    assert_eq!(done.content, "the user answers: yes");
    let bench = Bench::new(&[]);
    let done = bench.call("ask", json!({"question": "really?"})).await;
    assert_eq!(done.status, CallStatus::Failed);
    let editor = TestEditor {
        headless: true,
        ..TestEditor::default()
    };
    let bench = Bench::with_editor(&[], editor);
    let done = bench.call("ask", json!({"question": "really?"})).await;
    assert!(done.content.starts_with("nobody is there"));
}

#[tokio::test]
async fn the_list_of_things_to_do_is_an_event() {
    let bench = Bench::new(&[]);
    let items = json!([{"text": "a", "status": "done"}, {"text": "b", "status": "active"}]);
    let done = bench.call("todo", json!({"items": items})).await;
    assert_eq!(done.summary, "1/2 done: b");
    assert!(matches!(done.events.as_slice(), [EventData::TodoSet { items }] if items.len() == 2));
}

fn patch(body: &str) -> serde_json::Value {
    json!({"patch": format!("*** Begin Patch\n{body}\n*** End Patch\n")})
}

#[tokio::test]
async fn a_patch_becomes_hunks_in_all_files_or_in_none() {
    let files = [
        ("a.txt", "one\ntwo\n"),
        ("b.txt", "x\r\ny\r\n"),
        ("c.txt", "gone\n"),
        ("d.txt", "d\n"),
    ];
    let bench = Bench::new(&files);
    let edit = json!({"path": "a.txt", "edits": [{"old": "one", "new": "1"}]});
    bench.call("edit", edit).await;
    let parts = "*** Update File: a.txt\n@@\n 1\n-two\n+2\n*** Update File: b.txt\n-y\n+Y\n*** Delete File: c.txt\n\
        *** Add File: new/e.txt\n+e\n*** Update File: d.txt\n*** Move to: f.txt\n-d\n+D";
    // The last hunk of a file finds nothing: the hunk that was pending in another one is as it was.
    let missing = format!("{parts}\n*** Update File: g.txt\n-g\n+G");
    let refused = bench.call("apply_patch", patch(&missing)).await;
    assert_eq!(refused.status, CallStatus::Failed);
    assert_eq!(
        (bench.text("a.txt"), bench.text("d.txt")),
        ("1\ntwo\n".into(), "d\n".into())
    );
    assert_eq!(bench.environment.workspace.hunks().len(), 1);
    let wrong = parts.replace(" 1\n-two", " 1\n-three");
    let refused = bench.call("apply_patch", patch(&wrong)).await;
    assert!(
        refused.content.contains("`a.txt`: `old` was not found"),
        "{}",
        refused.content
    );
    let done = bench.call("apply_patch", patch(parts)).await;
    assert_eq!(done.status, CallStatus::Succeeded, "{}", done.content);
    let proposed = |event: &&EventData| matches!(event, EventData::EditProposed { .. });
    assert_eq!(
        done.events.iter().filter(proposed).count(),
        6,
        "{:?}",
        done.events
    );
    let texts = ["a.txt", "b.txt", "new/e.txt", "f.txt"].map(|path| bench.text(path));
    assert_eq!(texts, ["1\n2\n", "x\r\nY\r\n", "e\n", "D\n"]);
    let Environment {
        workspace, session, ..
    } = &bench.environment;
    assert!(workspace.proposed_text(*session, &path("c.txt")).is_err());
    assert!(workspace.proposed_text(*session, &path("d.txt")).is_err());
}

#[tokio::test]
async fn a_patch_that_is_unclear_changes_nothing() {
    let bench = Bench::new(&[("a.txt", "one\n"), ("n.ipynb", "{}\n")]);
    for (body, reason) in [
        (
            "*** Update File: a.txt\n-one\n+1\n*** Update File: a.txt\n-one\n+2",
            "twice",
        ),
        ("*** Add File: a.txt\n+one", "exists already"),
        (
            "*** Add File: b.txt\n+one\n*** Update File: a.txt\n*** Move to: b.txt",
            "twice",
        ),
        ("*** Update File: a.txt\n+one", "nothing says where"),
        (
            "*** Update File: n.ipynb\n-{}\n+{}x",
            "notebooks can't be edited as text",
        ),
        (
            "*** Add File: m.ipynb\n+{}",
            "notebooks can't be edited as text",
        ),
    ] {
        let refused = bench.call("apply_patch", patch(body)).await;
        assert!(
            refused.content.contains(reason),
            "{body}: {}",
            refused.content
        );
        assert!(bench.environment.workspace.hunks().is_empty());
    }
    for cut in [
        json!({"patch": "*** Begin Patch\n*** Update File: a.txt\n-one"}),
        patch("*** Update File: ../a\n-b"),
    ] {
        assert!(bench.prepare("apply_patch", cut).is_err());
    }
    let facts =
        patch("*** Update File: a.txt\n*** Move to: z.txt\n-one\n+1\n*** Delete File: y.txt");
    let prepared = bench.prepare("apply_patch", facts).expect("valid");
    let paths = prepared.call().facts.paths.iter();
    let written: Vec<_> = paths
        .filter(|path| path.write)
        .map(|path| path.sent.as_str())
        .collect();
    assert_eq!(written, ["a.txt", "z.txt", "y.txt"]);
}

#[tokio::test]
async fn what_was_read_in_part_is_not_replaced_whole() {
    let long = "line\n".repeat(3_000);
    let wide = format!("{}\n", "x".repeat(5_000));
    let bench = Bench::new(&[
        ("long.txt", &long),
        ("wide.txt", &wide),
        ("two.txt", "1\n2\n"),
    ]);
    let write = |path: &str| bench.call("write", json!({"path": path, "content": "new\n"}));
    for input in [
        json!({"path": "long.txt"}),
        json!({"path": "wide.txt"}),
        json!({"path": "two.txt", "start_line": 2}),
    ] {
        bench.call("read", input.clone()).await;
        let path = input["path"].as_str().expect("a path").to_owned();
        let refused = write(&path).await;
        assert!(
            refused.content.starts_with("you have read only a part"),
            "{}",
            refused.content
        );
    }
    // Moving a file shows nothing of it.
    bench
        .call("move", json!({"from": "two.txt", "to": "2.txt"}))
        .await;
    assert_eq!(write("2.txt").await.status, CallStatus::Failed);
    bench.call("read", json!({"path": "2.txt"})).await;
    assert_eq!(write("2.txt").await.status, CallStatus::Succeeded);
}

#[tokio::test]
async fn the_user_types_between_a_read_and_an_edit() {
    let bench = Bench::new(&[("a.txt", "one\ntwo\n")]);
    let workspace = &bench.environment.workspace;
    let file = workspace.root().join("a.txt");
    workspace.did_open("a.txt", Some(&file), "text", 1, "one\ntwo\n");
    bench.call("read", json!({"path": "a.txt"})).await;
    let typed = |version, text: &str| {
        let change = Change {
            range: None,
            text: text.to_owned(),
        };
        workspace
            .did_change("a.txt", version, &[change])
            .expect("it is open");
    };
    typed(2, "zero\none\ntwo\n");
    let write = bench
        .call("write", json!({"path": "a.txt", "content": "mine\n"}))
        .await;
    assert!(
        write.content.starts_with("the text has changed since"),
        "{}",
        write.content
    );
    let edits = json!([{"old": "two", "new": "2"}]);
    let edit = bench
        .call("edit", json!({"path": "a.txt", "edits": edits}))
        .await;
    assert!(
        edit.content.contains("has changed since you read it"),
        "{}",
        edit.content
    );
    let one = bench
        .call("apply_patch", patch("*** Update File: a.txt\n-one\n+1"))
        .await;
    assert!(
        one.content.contains("has changed since you read it"),
        "{}",
        one.content
    );
    assert_eq!(bench.text("a.txt"), "zero\n1\n2\n");
}

#[tokio::test]
async fn renames_keep_line_endings_and_marks() {
    let bench = Bench::with_editor(
        &[("a.rs", "\u{feff}foo();\r\nx\n"), ("b.rs", "foo();\r\n")],
        renames(&["a.rs", "b.rs"]),
    );
    let input = json!({"path": "a.rs", "line": 1, "symbol": "foo", "new_name": "bar"});
    let done = bench.call("rename", input).await;
    assert_eq!(done.status, CallStatus::Succeeded, "{}", done.content);
    assert_eq!(bench.text("a.rs"), "bar();\r\nx\n");
    assert_eq!(bench.text("b.rs"), "bar();\r\n");
}

#[tokio::test]
#[cfg(unix)]
async fn each_file_of_a_patch_is_in_its_facts() {
    let bench = Bench::new(&[
        ("a.txt", "a\n"),
        ("b.txt", "b\n"),
        ("c.txt", "c\n"),
        (".git/config", "g\n"),
    ]);
    let root = bench.environment.workspace.root().to_owned();
    std::os::unix::fs::symlink(".git/config", root.join("link")).expect("a link");
    std::os::unix::fs::symlink("/etc/passwd", root.join("out")).expect("a link");
    let facts = |parts: &str| {
        let prepared = bench.prepare("apply_patch", patch(parts))?;
        let paths = prepared.call().facts.paths.iter();
        let name = |fact: &interline_policy::PathFact| {
            assert!(fact.write && fact.inside, "{fact:?}");
            fact.resolved
                .strip_prefix(&root)
                .expect("below the root")
                .display()
                .to_string()
        };
        Ok::<Vec<_>, String>(paths.map(name).collect())
    };
    let all = "*** Update File: a.txt\n*** Move to: d.txt\n-a\n+A\n*** Delete File: b.txt\n*** Add File: e/f.txt\n+x\n\
        *** Update File: link\n-g\n+G";
    let named = facts(all).expect("a patch");
    assert_eq!(named, ["a.txt", "d.txt", "b.txt", "e/f.txt", ".git/config"]);
    for outside in [
        "*** Delete File: ../x",
        "*** Update File: a.txt\n*** Move to: ../x",
        "*** Update File: out\n-r\n+R",
    ] {
        assert!(facts(outside).is_err(), "{outside}");
    }
    // A protected file among others asks, whatever stands before it.
    let decided = |parts: &str| {
        let prepared = bench.prepare("apply_patch", patch(parts)).expect("a patch");
        format!(
            "{:?}",
            decide(prepared.call(), &Rules::default(), &CONTEXT).verdict
        )
    };
    assert!(decided("*** Update File: a.txt\n-a\n+A").starts_with("Allow"));
    assert!(
        !decided("*** Update File: a.txt\n-a\n+A\n*** Update File: link\n-g\n+G")
            .starts_with("Allow")
    );
    assert!(
        !decided("*** Update File: a.txt\n*** Move to: .git/hooks/pre-commit\n-a\n+A")
            .starts_with("Allow")
    );
    assert!(!decided("*** Delete File: .git/config").starts_with("Allow"));
}
