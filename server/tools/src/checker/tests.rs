//! Real compilers on small projects.

use std::time::Duration;

use interline_log::CallStatus;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::testing::Bench;

const MANIFEST: &str = "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";

fn crate_with(main: &str) -> Bench {
    Bench::new(&[("Cargo.toml", MANIFEST), ("src/main.rs", main)])
}

/// Every file of the workspace with its bytes.
fn snapshot(bench: &Bench) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let walk = ignore::WalkBuilder::new(bench.environment.workspace.root())
        .standard_filters(false)
        .build();
    let files = walk.flatten().filter(|entry| entry.path().is_file());
    let files = files.map(|entry| {
        let bytes = std::fs::read(entry.path()).expect("readable");
        (entry.into_path(), bytes)
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_machine_applicable_error_is_found_fixed_and_verified() {
    let bench = crate_with(
        "fn take(_: &str) {}\nfn main() {\n    let _ = \"é😀\"; take(String::new());\n}\n",
    );
    let before = snapshot(&bench);
    let found = bench.call("diagnostics", json!({})).await;
    insta::assert_snapshot!(found.content, @r"
    src/main.rs:3:25: error[E0308]: mismatched types: expected `&str`, found `String`
      fix 1: consider borrowing here: `&` (machine-applicable)
    checked by cargo check (settled)
    ");
    let listed = bench
        .call("quickfix", json!({"path": "src/main.rs", "line": 3}))
        .await;
    insta::assert_snapshot!(listed.content, @r"
    1: consider borrowing here: `&` (machine-applicable)
    checked by cargo check (settled)
    ");
    let input = json!({"path": "src/main.rs", "line": 3, "apply": 1});
    let fixed = bench.call("quickfix", input).await;
    assert_eq!(fixed.status, CallStatus::Succeeded, "{}", fixed.content);
    assert_eq!(fixed.events.len(), 1);
    assert!(bench.text("src/main.rs").contains("take(&String::new());"));
    let clean = bench
        .call("diagnostics", json!({"path": "src/main.rs"}))
        .await;
    assert_eq!(
        clean.content,
        "no problems\nchecked by cargo check (settled)\n"
    );
    assert_eq!(snapshot(&bench), before, "the workspace was written");
}

#[tokio::test]
async fn unsaved_text_is_checked_and_text_that_goes_back_is_checked_again() {
    let good = "fn main() {}\n";
    let bench = crate_with(good);
    let workspace = &bench.environment.workspace;
    let file = workspace.root().join("src/main.rs");
    workspace.did_open("u", Some(&file), "rust", 1, "fn main() { nothing() }\n");
    let found = bench.call("diagnostics", json!({})).await;
    assert!(
        found.content.starts_with("src/main.rs:1:13: error[E0425]"),
        "{}",
        found.content
    );
    workspace.did_close("u");
    let clean = bench.call("diagnostics", json!({})).await;
    assert!(
        clean.content.starts_with("no problems"),
        "{}",
        clean.content
    );
    workspace.did_open("u", Some(&file), "rust", 1, "fn main() { nothing() }\n");
    let found = bench.call("diagnostics", json!({})).await;
    assert!(
        found.content.starts_with("src/main.rs:1:13: error[E0425]"),
        "{}",
        found.content
    );
}

#[tokio::test]
async fn new_moved_and_deleted_files_are_seen() {
    let bench = crate_with("mod a;\nfn main() { a::f() }\n");
    bench.put("src/a.rs", "pub fn f() {}\n");
    let clean = bench.call("diagnostics", json!({})).await;
    assert!(
        clean.content.starts_with("no problems"),
        "{}",
        clean.content
    );
    bench.call("delete", json!({"path": "src/a.rs"})).await;
    let found = bench.call("diagnostics", json!({})).await;
    assert!(found.content.contains("error[E0583]"), "{}", found.content);
    let done = bench
        .call(
            "write",
            json!({"path": "src/a/mod.rs", "content": "pub fn f() {}\n"}),
        )
        .await;
    assert_eq!(done.status, CallStatus::Succeeded, "{}", done.content);
    let clean = bench.call("diagnostics", json!({})).await;
    assert!(
        clean.content.starts_with("no problems"),
        "{}",
        clean.content
    );
}

#[tokio::test]
async fn fixes_of_several_parts_and_warnings() {
    let bench = crate_with(
        "fn main() {\n    let mut x = 1;\n    if (x == 2) {\n        print(x);\n    }\n}\nfn print(_: i32) {}\n",
    );
    let found = bench
        .call("diagnostics", json!({"path": "src/main.rs"}))
        .await;
    insta::assert_snapshot!(found.content, @r"
    src/main.rs:2:9: warning[unused_mut]: variable does not need to be mutable
      fix 1: remove this `mut` (machine-applicable)
    src/main.rs:3:8: warning[unused_parens]: unnecessary parentheses around `if` condition
      fix 1: remove these parentheses (machine-applicable)
    checked by cargo check (settled)
    ");
    let input = json!({"path": "src/main.rs", "line": 3, "apply": 1});
    let fixed = bench.call("quickfix", input).await;
    assert_eq!(fixed.status, CallStatus::Succeeded, "{}", fixed.content);
    assert!(
        bench.text("src/main.rs").contains("if x == 2 "),
        "{}",
        bench.text("src/main.rs")
    );
    // The numbers of the old text must not be applied to the new one.
    let input = json!({"path": "src/main.rs", "line": 2, "apply": 1});
    let fixed = bench.call("quickfix", input).await;
    assert_eq!(fixed.status, CallStatus::Succeeded, "{}", fixed.content);
    assert!(
        bench
            .text("src/main.rs")
            .contains("let x = 1;\n    if x == 2 ")
    );
}

#[tokio::test]
async fn an_untrusted_folder_runs_nothing() {
    let mut bench = crate_with("fn main() {}\n");
    bench.put(
        "build.rs",
        "fn main() { std::fs::write(\"ran\", \"\").unwrap() }\n",
    );
    bench.environment.trusted = false;
    let done = bench.call("diagnostics", json!({})).await;
    assert!(
        done.content
            .starts_with("not checked: the folder is not trusted"),
        "{}",
        done.content
    );
    assert!(!bench.environment.scratch.exists());
}

#[tokio::test]
async fn a_dependency_outside_is_checked_in_place_or_not_at_all() {
    let manifest = format!("{MANIFEST}[dependencies]\nneighbour = {{ path = \"../neighbour\" }}\n");
    let bench = Bench::new(&[
        ("Cargo.toml", &manifest),
        ("src/main.rs", "fn main() { neighbour::f() }\n"),
        (
            "Cargo.lock",
            "version = 4\n\n[[package]]\nname = \"neighbour\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"sample\"\nversion = \"0.1.0\"\ndependencies = [\n \"neighbour\",\n]\n",
        ),
    ]);
    bench.put(
        "../neighbour/Cargo.toml",
        &MANIFEST.replace("sample", "neighbour"),
    );
    bench.put("../neighbour/src/lib.rs", "pub fn f() {}\n");
    let before = snapshot(&bench);
    let clean = bench.call("diagnostics", json!({})).await;
    assert_eq!(
        clean.content,
        "no problems\nchecked by cargo check (settled)\n"
    );
    assert_eq!(snapshot(&bench), before, "the workspace was written");
    bench.put("src/main.rs", "fn main() { neighbour::g() }\n");
    let found = bench.call("diagnostics", json!({})).await;
    assert!(
        found.content.starts_with("src/main.rs:1:24: error[E0425]"),
        "{}",
        found.content
    );
    let edits = json!([{"old": "::g", "new": "::f"}]);
    bench
        .call("edit", json!({"path": "src/main.rs", "edits": edits}))
        .await;
    let done = bench.call("diagnostics", json!({})).await;
    insta::assert_snapshot!(done.content, @"not checked: cargo check: the dependency neighbour is outside the workspace, so a copy with the changes in it does not build: accept the pending hunks and save, then try again");
}

#[tokio::test]
async fn a_broken_manifest_is_a_reason() {
    let bench = Bench::new(&[("Cargo.toml", "[package\n"), ("src/main.rs", "")]);
    let done = bench.call("diagnostics", json!({})).await;
    assert!(
        done.content.starts_with("not checked: cargo check: error"),
        "{}",
        done.content
    );
    assert!(!done.content.contains("scratch"), "{}", done.content);
    let bench = Bench::new(&[("a.txt", "")]);
    let done = bench.call("diagnostics", json!({})).await;
    assert!(
        done.content
            .starts_with("not checked: no checker for this project"),
        "{}",
        done.content
    );
}

#[tokio::test]
async fn alternatives_are_fixes_of_their_own() {
    let bench = crate_with(
        "fn main() {\n    let _ = HashMap::<u8, u8>::new();\n    let _: Option<Duration> = None;\n    let _ = Entry;\n}\n",
    );
    let found = bench.call("diagnostics", json!({})).await;
    assert!(
        found
            .content
            .contains("fix 1: consider importing this struct: `use std::collections::HashMap;"),
        "{}",
        found.content
    );
    assert!(
        !found.content.contains("machine-applicable"),
        "{}",
        found.content
    );
    let input = json!({"path": "src/main.rs", "line": 2, "apply": 1});
    let fixed = bench.call("quickfix", input).await;
    assert_eq!(fixed.status, CallStatus::Succeeded, "{}", fixed.content);
    let text = bench.text("src/main.rs");
    assert!(
        text.starts_with("use std::collections::HashMap;\n\nfn main"),
        "{text}"
    );
}

#[tokio::test]
async fn cancelling_ends_a_build() {
    let bench = crate_with("fn main() {}\n");
    let up = bench.environment.workspace.root().with_file_name("up");
    let script = format!(
        "fn main() {{ std::fs::write({:?}, \"\").unwrap(); std::thread::sleep(std::time::Duration::from_secs(86_400)) }}\n",
        up.display().to_string()
    );
    bench.put("build.rs", &script);
    let cancel = CancellationToken::new();
    let stopper = cancel.clone();
    tokio::spawn(async move {
        while !up.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopper.cancel();
    });
    let done = bench.call_until("diagnostics", json!({}), cancel).await;
    assert_eq!(done.status, CallStatus::Cancelled);
    // The copy is free again, and nobody holds the build folder.
    bench.put("build.rs", "fn main() {}\n");
    let clean = bench.call("diagnostics", json!({})).await;
    assert!(
        clean.content.starts_with("no problems"),
        "{}",
        clean.content
    );
}
