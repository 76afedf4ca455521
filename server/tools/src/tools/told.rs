//! What the query tools say of where an answer came from, and what becomes of the edits that they bring: as tests.

use interline_log::CallStatus;
use interline_workspace::document::{Position, Range};
use interline_workspace::editor::{
    EditorError, FileChange, Fix, Location, Query, QueryAnswer, QueryItems, Symbol,
};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::RangeEdit;
use serde_json::{Value, json};

use crate::testing::{Bench, TestEditor};

const FILES: [(&str, &str); 2] = [
    ("a.rs", "pub fn foo() {}\nfn main() { foo(); }\n"),
    ("a.unknown", "odd\n"),
];

fn path(text: &str) -> WorkspacePath {
    WorkspacePath::new(text).expect("a path")
}

fn edit(line: u32, start: u32, end: u32, text: &str) -> RangeEdit {
    let at = |character| Position { line, character };
    RangeEdit {
        range: Range {
            start: at(start),
            end: at(end),
        },
        text: text.to_owned(),
    }
}

fn renamed() -> Fix {
    Fix {
        title: "rename".to_owned(),
        edits: vec![(path("a.rs"), vec![edit(0, 7, 10, "bar")])],
        ..Fix::default()
    }
}

/// An editor whose servers answer anything.
fn editor(settled: bool) -> TestEditor {
    let items = |query: &Query| {
        let location = Location {
            path: "a.rs".to_owned(),
            range: edit(0, 7, 10, "").range,
        };
        match query {
            Query::Diagnostics { .. } => QueryItems::Diagnostics(Vec::new()),
            Query::Definition(_) | Query::References(_) => QueryItems::Locations(vec![location]),
            Query::Hover(_) => QueryItems::Hover("fn foo()".to_owned()),
            Query::Rename(..) | Query::QuickFixes { .. } => QueryItems::Fixes(vec![renamed()]),
            Query::Symbols { .. } => QueryItems::Symbols(vec![Symbol {
                name: "foo".to_owned(),
                kind: "function".to_owned(),
                container: None,
                location,
            }]),
        }
    };
    saying(move |query| {
        Ok(QueryAnswer {
            items: items(query),
            source: "gopls,other".to_owned(),
            settled,
        })
    })
}

fn saying(
    answer: impl Fn(&Query) -> Result<QueryAnswer, EditorError> + Send + Sync + 'static,
) -> TestEditor {
    TestEditor {
        answers: Some(Box::new(answer)),
        ..TestEditor::default()
    }
}

fn failing(error: EditorError) -> TestEditor {
    saying(move |_| Err(error.clone()))
}

fn fixing(fix: Fix) -> TestEditor {
    saying(move |_| {
        Ok(QueryAnswer {
            items: QueryItems::Fixes(vec![fix.clone()]),
            source: "server".to_owned(),
            settled: true,
        })
    })
}

fn input(tool: &str, file: &str) -> Value {
    let symbol = if file == "a.rs" { "foo" } else { "odd" };
    match tool {
        "symbols" => json!({ "path": file }),
        "diagnostics" => json!({ "path": file }),
        "quickfix" => json!({ "path": file, "line": 1 }),
        "rename" => json!({ "path": file, "line": 1, "symbol": symbol, "new_name": "bar" }),
        _ => json!({ "path": file, "line": 1, "symbol": symbol }),
    }
}

/// The line of an answer that says where it came from.
async fn origin(editor: TestEditor, tool: &str, input: Value) -> String {
    let mut bench = Bench::with_editor(&FILES, editor);
    bench.environment.trusted = false;
    let content = bench.call(tool, input).await.content;
    let says = |line: &&str| {
        ["answered by ", "checked by "]
            .iter()
            .any(|by| line.contains(by))
    };
    let line = content.lines().rfind(says);
    line.map_or(content.clone(), str::to_owned)
}

#[tokio::test]
async fn every_answer_says_where_it_came_from_and_whether_it_is_settled() {
    const TOOLS: [&str; 7] = [
        "symbols",
        "definition",
        "references",
        "hover",
        "rename",
        "quickfix",
        "diagnostics",
    ];
    for (settled, word) in [(true, "settled"), (false, "unsettled")] {
        for tool in TOOLS {
            let head = match tool {
                "rename" => "proposed: foo → bar; answered by",
                "diagnostics" => "checked by",
                _ => "answered by",
            };
            let said = origin(editor(settled), tool, input(tool, "a.rs")).await;
            assert_eq!(said, format!("{head} gopls,other ({word})"), "{tool}");
        }
        let said = origin(editor(settled), "symbols", json!({ "query": "fo" })).await;
        assert_eq!(said, format!("answered by gopls,other ({word})"));
    }
    let index = "answered by interline's index, by name (settled)";
    let nobody = || TestEditor::default();
    let unsupported = || failing(EditorError::Unsupported("nobody answers".to_owned()));
    let refused = || {
        failing(EditorError::Refused(
            "gopls: no answer in 2000 ms".to_owned(),
        ))
    };
    let gone = || failing(EditorError::Gone("interline/query timed out".to_owned()));
    let cases: [(&dyn Fn() -> TestEditor, &str); 4] = [
        (&nobody, "no language server can be asked here"),
        (&unsupported, "nobody answers"),
        (&refused, "the editor refused: gopls: no answer in 2000 ms"),
        (
            &gone,
            "the editor did not answer: interline/query timed out",
        ),
    ];
    for (editor, why) in cases {
        for tool in ["symbols", "definition", "references"] {
            assert_eq!(
                origin(editor(), tool, input(tool, "a.rs")).await,
                index,
                "{tool} {why}"
            );
        }
        for query in [json!({ "query": "fo" }), json!({})] {
            assert_eq!(origin(editor(), "symbols", query).await, index, "{why}");
        }
        let failed = format!("{why}: use grep and read instead");
        for (tool, file) in [
            ("hover", "a.rs"),
            ("rename", "a.rs"),
            ("definition", "a.unknown"),
            ("references", "a.unknown"),
            ("symbols", "a.unknown"),
        ] {
            assert_eq!(
                origin(editor(), tool, input(tool, file)).await,
                failed,
                "{tool}"
            );
        }
        let said = origin(editor(), "diagnostics", input("diagnostics", "a.rs")).await;
        assert!(said.starts_with("not checked: "), "{said}");
        let said = origin(editor(), "quickfix", input("quickfix", "a.rs")).await;
        assert!(said.starts_with("no quick fixes: "), "{said}");
    }
}

#[tokio::test]
async fn a_fix_creates_moves_and_deletes_files_as_hunks() {
    let fix = Fix {
        title: "extract".to_owned(),
        edits: vec![(path("a.rs"), vec![edit(0, 7, 10, "bar")])],
        files: vec![
            FileChange::Create {
                path: path("made.rs"),
                text: "fn made() {}\n".to_owned(),
            },
            FileChange::Move {
                from: path("a.rs"),
                to: path("b.rs"),
            },
            FileChange::Delete {
                path: path("a.unknown"),
            },
        ],
        ..Fix::default()
    };
    for (tool, mut input) in [
        ("rename", input("rename", "a.rs")),
        ("quickfix", input("quickfix", "a.rs")),
    ] {
        if tool == "quickfix" {
            input["apply"] = json!(1);
        }
        let bench = Bench::with_editor(&FILES, fixing(fix.clone()));
        let done = bench.call(tool, input).await;
        assert_eq!(done.status, CallStatus::Succeeded, "{}", done.content);
        let text = bench.text("b.rs");
        assert_eq!(text, "pub fn bar() {}\nfn main() { foo(); }\n", "{tool}");
        assert_eq!(bench.text("made.rs"), "fn made() {}\n");
        let session = bench.environment.session;
        for gone in ["a.rs", "a.unknown"] {
            let seen = bench
                .environment
                .workspace
                .proposed_text(session, &path(gone));
            assert!(seen.is_err(), "{tool} {gone}");
        }
        let root = bench.environment.workspace.root();
        assert!(root.join("a.rs").exists() && !root.join("made.rs").exists());
    }
}

#[tokio::test]
async fn what_a_fix_can_not_do_in_full_is_refused_and_nothing_is_proposed() {
    let taken = Fix {
        files: vec![FileChange::Create {
            path: path("a.unknown"),
            text: String::new(),
        }],
        ..renamed()
    };
    let command = Fix {
        title: "run it".to_owned(),
        refused: Some("it would run the command `x` in the editor".to_owned()),
        ..Fix::default()
    };
    for (fix, listed, why) in [
        (
            taken,
            "1: rename\n",
            "`a.unknown` exists already: nothing was proposed",
        ),
        (
            command,
            "1: run it (not offered: it would run the command `x` in the editor)\n",
            "it would run the command `x` in the editor, which is not done here: nothing was proposed, use edit",
        ),
    ] {
        let bench = Bench::with_editor(&FILES, fixing(fix));
        let list = bench.call("quickfix", input("quickfix", "a.rs")).await;
        assert!(list.content.starts_with(listed), "{}", list.content);
        let mut apply = input("quickfix", "a.rs");
        apply["apply"] = json!(1);
        for (tool, input) in [("quickfix", apply), ("rename", input("rename", "a.rs"))] {
            let done = bench.call(tool, input).await;
            assert_eq!(
                (done.status, done.content.as_str()),
                (CallStatus::Failed, why)
            );
        }
        assert_eq!(bench.text("a.rs"), FILES[0].1);
    }
}
