//! The lesser sandbox with the real binary, on a machine that gives out no namespaces: one is made of a user namespace
//! in which no further ones can be had.
#![cfg(target_os = "linux")]

use serde_json::json;

use crate::place::{Ended, Place, ended, model, results};
use scripted_model::Step;

/// `interline ARGS` in the project where no namespace can be had.
fn without_namespaces(place: &Place, args: &[&str]) -> Ended {
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let mut command = place.command("unshare");
    command.args(["-Ur", "sh", "-c", script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_interline")).args(args);
    ended(&mut command)
}

#[test]
fn a_command_runs_on_the_copy_and_comes_back_as_hunks() {
    let place = Place::new();
    place.write("gone.txt", "gone\n");
    let outside = place.beside("outside.txt");
    let command = format!(
        "pwd; sed -i s/two/2/ notes.txt; echo new > made.txt; rm gone.txt; echo evil > {}; echo tried",
        outside.display()
    );
    let input = json!({"command": command, "timeout_seconds": 30}).to_string();
    let ended = without_namespaces(&place, &["tools", "call", "--trust", "shell", &input]);
    let said = ended.with(0).out;
    let real = place.project().canonicalize().unwrap();
    assert!(!said.starts_with(&real.display().to_string()), "{said}");
    for line in [
        "shadow/copy\n",
        "Permission denied",
        "tried\n",
        "-two\n+2\n",
        "+++ b/made.txt",
        "--- a/gone.txt\n+++ /dev/null",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert_eq!(place.read("notes.txt"), "one\ntwo\nthree\n");
    assert_eq!(place.read("gone.txt"), "gone\n");
    assert!(!place.project().join("made.txt").exists() && !outside.exists());
}

#[test]
fn doctor_names_the_level_its_cause_and_the_remedy() {
    let place = Place::new();
    let said = without_namespaces(&place, &["doctor"]).out;
    for part in [
        "sandbox: the lesser one works (seccomp; Landlock: ABI",
        "auto mode is off",
        "new namespaces: No space left on device",
        "run `sysctl -w user.max_user_namespaces=",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
}

#[test]
fn mode_auto_counts_as_accept_edits() {
    let commit = "git commit -m two --allow-empty";
    let server = model([
        Step::call(
            "shell",
            json!({"command": "sed -i s/two/2/ notes.txt && cat notes.txt"}),
        ),
        Step::call("shell", json!({"command": commit})),
        Step::say("Done."),
    ]);
    let place = Place::new().model(&server).commit();
    // Under auto this rule covers a commit, which is made on the real folder.
    place.config("[[rule]]\neffect = \"allow\"\ntool = \"shell\"\nargv = [\"git\", \"commit\"]\n");
    let ended = without_namespaces(
        &place,
        &["run", "--trust", "--mode", "auto", "--diff", "please"],
    );
    let results = results(&server.requests());
    assert!(results[0].0.contains(r"one\n2\nthree"), "{results:?}");
    assert!(results[1].1, "{results:?}");
    assert!(
        ended.err.contains("mode auto counts as accept-edits"),
        "{}",
        ended.err
    );
    let head = std::fs::read_to_string(place.project().join(".git/logs/HEAD")).unwrap();
    assert_eq!(head.lines().count(), 1, "{head}");
}
