//! Commands in the sandbox, on the shadow: what they see, what they leave, and that nothing else is touched.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::json;

use crate::place::{Place, edit, model, repository, results};
use scripted_model::Step;

fn shell(command: &str) -> Step {
    Step::call("shell", json!({"command": command, "timeout_seconds": 30}))
}

#[test]
fn a_build_sees_the_proposal_and_asks_nobody() {
    let change = json!([{"old": "let sum = 0;", "new": "let mut sum = 0;"}]);
    let server = model([
        shell("cargo check --offline"),
        Step::call("edit", json!({"path": "src/main.rs", "edits": change})),
        shell("cargo check --offline && cargo run --offline -q"),
        Step::say("Done."),
    ]);
    let place = Place::fixture("greeter").model(&server);
    let before = snapshot(&place.project());
    place
        .interline(&["run", "--trust", "--diff", "please see @src/main.rs"])
        .with(0);
    let results = results(&server.requests());
    assert!(
        results[0].1 && results[0].0.contains("E0596"),
        "{results:?}"
    );
    assert!(
        !results[2].1 && results[2].0.contains("3 greetings"),
        "{results:?}"
    );
    assert_eq!(snapshot(&place.project()), before, "the real folder");
}

#[test]
fn what_a_command_changes_is_a_diff_to_review() {
    let server = model([
        edit("one", "1"),
        shell("sed -i s/two/2/ notes.txt && mkdir sub && mv notes.txt sub/ && echo new > made.txt"),
        shell("cat sub/notes.txt made.txt; ls"),
        Step::say("Done."),
    ]);
    let place = Place::new().model(&server);
    let ended = place
        .interline(&["run", "--trust", "--diff", "please see @notes.txt"])
        .with(0);
    let seen = &results(&server.requests())[2].0;
    assert!(
        seen.starts_with(r#""1\n2\nthree\nnew\nmade.txt\nsub\n"#),
        "{seen}"
    );
    for line in ["--- a/notes.txt", "+++ b/sub/notes.txt", "+new"] {
        assert!(ended.out.contains(line), "{line}\n{}", ended.out);
    }
    assert_eq!(place.read("notes.txt"), "one\ntwo\nthree\n");
    assert!(!place.project().join("made.txt").exists());
}

#[test]
fn a_checker_runs_the_projects_code_in_the_sandbox() {
    let place = Place::fixture("greeter");
    let person = place.beside("person");
    std::fs::create_dir_all(&person).unwrap();
    place.write(
        "build.rs",
        r#"fn main() {
            let written = std::fs::write("PERSON/ran", "").is_ok();
            let here = std::fs::write("ran", "").is_ok();
            println!("cargo::warning=outside {written}, in the copy {here}");
        }"#
        .replace("PERSON", &person.to_string_lossy()),
    );
    let before = snapshot(&place.project());
    let ended = place
        .interline(&["tools", "call", "--trust", "diagnostics", "{}"])
        .with(0);
    assert!(ended.out.contains("error[E0596]"), "{}", ended.out);
    assert!(!person.join("ran").exists(), "the build script got out");
    assert_eq!(snapshot(&place.project()), before);
}

#[test]
fn bytes_and_modes_are_reviewed_too() {
    let script = r"printf '\000new' > icon && printf '\001\377' > made && printf '#!/bin/sh\necho hi\n' > run.sh && chmod +x run.sh notes.txt";
    for flag in ["--diff", "--apply"] {
        let server = model([
            shell(script),
            shell("./run.sh && od -An -tx1 icon made"),
            Step::say("Done."),
        ]);
        let place = Place::new().model(&server);
        place.write("icon", "\0old");
        let ended = place
            .interline(&["run", "--trust", flag, "please see @notes.txt"])
            .with(0);
        let seen = &results(&server.requests())[1].0;
        assert!(
            seen.starts_with(r#""hi\n 00 6e 65 77 01 ff"#),
            "the next command sees it: {seen}"
        );
        for line in [
            "Binary files a/icon and b/icon differ",
            "Binary files /dev/null and b/made differ",
            "new file mode 100755",
            "old mode 100644\nnew mode 100755",
        ] {
            assert!(ended.out.contains(line), "{line}\n{}", ended.out);
        }
        let executable = |name: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = place.project().join(name).metadata();
            metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o111 == 0o111)
        };
        let applied = flag == "--apply";
        let icon = std::fs::read(place.project().join("icon")).unwrap();
        assert_eq!(icon, if applied { b"\0new" } else { b"\0old" });
        assert_eq!(place.project().join("made").exists(), applied);
        assert_eq!(
            [executable("run.sh"), executable("notes.txt")],
            [applied; 2]
        );
    }
}

#[test]
fn what_would_leave_the_sandbox_is_asked_for() {
    let server = model([
        shell("curl -s http://127.0.0.1:1/"),
        shell("git push"),
        Step::say("Done."),
    ]);
    let place = Place::new().model(&server);
    place
        .interline(&["run", "--trust", "--diff", "please see @notes.txt"])
        .with(3);
    let results = results(&server.requests());
    assert!(results.iter().all(|(_, failed)| *failed), "{results:?}");
}

#[test]
fn an_untrusted_folder_runs_none_of_its_own_code_in_the_sandbox_either() {
    let server = model([shell("make"), Step::say("Done.")]);
    let place = Place::new().model(&server);
    place.write("Makefile", "all:\n\ttouch ran\n");
    place
        .interline(&["run", "--diff", "please see @notes.txt"])
        .with(3);
    assert!(results(&server.requests())[0].0.contains("not trusted"));
}

/// As in a container, where root works on a folder of the user outside.
#[test]
fn root_works_on_a_folder_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    place.write("kept/secret.txt", "real\n");
    let mode = |name: &str, mode: u32| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(place.project().join(name), permissions).unwrap();
    };
    mode("kept/secret.txt", 0o600);
    mode("kept", 0o700);
    place.run_program("chown", &["-R", "65534:65534", "."]);
    let before = snapshot(&place.project());
    let command = "set -e; echo more >> kept/secret.txt; echo new > made.txt; rm notes.txt; ls -A ../../../../..";
    let input = json!({"command": command, "timeout_seconds": 30}).to_string();
    let ended = place
        .interline(&["tools", "call", "--trust", "shell", &input])
        .with(0);
    for line in [
        " real\n+more\n",
        "+++ b/made.txt",
        "--- a/notes.txt\n+++ /dev/null",
        // Of ours it sees no more than the way to the copy.
        "\nscratch\nexit code 0",
    ] {
        assert!(ended.out.contains(line), "{line}\n{}", ended.out);
    }
    assert_eq!(snapshot(&place.project()), before, "the real folder");
}

/// The bar of 140 of 150: these run without a prompt, and whatever they do, nothing outside of the shadow changes.
/// Two tests, that they run side by side.
#[test]
fn everyday_commands_run_unasked_and_touch_nothing_first_half() {
    everyday(0);
}

#[test]
fn everyday_commands_run_unasked_and_touch_nothing_second_half() {
    everyday(1);
}

fn everyday(half: usize) {
    let list = repository().join("tests/fixtures/shell/everyday.txt");
    let list = std::fs::read_to_string(list).unwrap();
    let commands = list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '?']))
        .skip(half)
        .step_by(2);
    let place = project();
    let home = place.beside("person");
    // One of them writes there; the sandbox has a `/tmp` of its own.
    let temporary = || {
        std::fs::metadata("/tmp/build.log")
            .and_then(|facts| facts.modified())
            .ok()
    };
    let before = (snapshot(&place.project()), snapshot(&home), temporary());
    let (mut ran, mut asked) = (0, Vec::new());
    for command in commands {
        let command = command.replace("\\n", "\n");
        let input = json!({"command": command, "timeout_seconds": 10}).to_string();
        let ended = place.interline(&["tools", "call", "--trust", "shell", &input]);
        if ended.code == 3 {
            asked.push(command.clone());
        } else {
            ran += 1;
            assert!(
                !ended.out.contains("could not be set up"),
                "{command}\n{}",
                ended.out
            );
        }
        let after = (snapshot(&place.project()), snapshot(&home), temporary());
        assert_eq!(before, after, "{command}\n{}", ended.out);
    }
    assert!(ran >= 70, "{ran} ran, these asked: {asked:#?}");
}

/// A project of three languages with a history, and a home that is not the machine's.
fn project() -> Place {
    let place = Place::fixture("greeter");
    for (path, text) in [
        ("src/lib.rs", "pub fn one() -> u32 { 1 }\n"),
        (
            "package.json",
            "{\"name\": \"sample\", \"version\": \"1.0.0\", \"scripts\": {\"test\": \"node --test\", \"build\": \"node index.js\", \"lint\": \"node index.js\"}}\n",
        ),
        ("index.js", "console.log('hello')\n"),
        ("main.py", "print('hello')\n"),
        (
            "tests/test_parser.py",
            "import unittest\n\nclass Empty(unittest.TestCase):\n    def test_empty(self):\n        pass\n",
        ),
        ("Makefile", "all test:\n\techo made > made.txt\n"),
        ("data.csv", "a,b,c\n1,2,3\n"),
        (
            "scripts/check.sh",
            "echo check > ../../outside.txt; echo check > $HOME/outside.txt; touch checked\n",
        ),
        (".gitignore", "target\n"),
    ] {
        place.write(path, text);
    }
    let home = place.beside("person");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    let real = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let kept = |name: &str, folder: &str| {
        let set = std::env::var_os(name).map(PathBuf::from);
        set.unwrap_or_else(|| real.join(folder))
            .to_string_lossy()
            .into_owned()
    };
    place
        .env("HOME", home.to_string_lossy())
        .env("CARGO_HOME", kept("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", kept("RUSTUP_HOME", ".rustup"))
        .commit()
}

/// Every entry below a folder with its time and its bytes.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let facts = entry.metadata().unwrap();
            let bytes = if facts.is_file() {
                std::fs::read(entry.path()).unwrap()
            } else {
                Vec::new()
            };
            if facts.is_dir() {
                folders.push(entry.path());
            }
            found.insert(entry.path(), (facts.modified().unwrap(), bytes));
        }
    }
    found
}
