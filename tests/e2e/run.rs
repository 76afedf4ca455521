//! `interline run`: what it prints, what it writes, how it ends.

use serde_json::json;

use crate::place::{Place, edit, model, results};
use scripted_model::Step;

const FIX: &str = "fix the compile errors";

#[test]
fn without_a_model_the_compilers_own_fix_is_proposed() {
    let place = Place::fixture("greeter");
    let before = place.read("src/main.rs");
    let ended = place
        .interline(&["run", "-m", "builtin", "--trust", "--diff", FIX])
        .with(0);
    for line in [
        "--- a/src/main.rs",
        "+++ b/src/main.rs",
        "-    let sum = 0;",
        "+    let mut sum = 0;",
    ] {
        let printed = ended.out.lines().any(|printed| printed == line);
        assert!(
            printed,
            "{line}\n-- stdout\n{}\n-- stderr\n{}",
            ended.out, ended.err
        );
    }
    assert_eq!(place.read("src/main.rs"), before, "a diff writes nothing");
}

#[test]
fn apply_writes_the_fix_and_the_project_compiles() {
    let place = Place::fixture("greeter");
    assert_ne!(place.cargo_check().code, 0, "broken to begin with");
    place
        .interline(&["run", "-m", "builtin", "--trust", "--apply", FIX])
        .with(0);
    place.cargo_check().with(0);
}

#[test]
fn an_untrusted_folder_runs_no_code_of_its_own() {
    let place = Place::fixture("greeter");
    place.write(
        "build.rs",
        "fn main() { std::fs::write(\"ran\", \"\").unwrap(); }",
    );
    place.interline(&["run", "-m", "builtin", "--diff", FIX]);
    assert!(!place.project().join("ran").exists());
    assert!(!place.project().join("target").exists());
}

#[test]
fn a_models_edit_is_a_diff_or_is_applied() {
    for (flag, after) in [
        ("--diff", "one\ntwo\nthree\n"),
        ("--apply", "one\n2\nthree\n"),
    ] {
        let server = model([edit("two", "2"), Step::say("Done.")]);
        let place = Place::new().model(&server);
        let ended = place
            .interline(&["run", flag, "please see @notes.txt"])
            .with(0);
        assert!(ended.out.contains("-two\n+2\n"), "{}", ended.out);
        assert_eq!(place.read("notes.txt"), after);
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn jsonl_is_one_event_a_line() {
    let server = model([edit("two", "2"), Step::say("Done.")]);
    let place = Place::new().model(&server);
    let ended = place
        .interline(&[
            "run",
            "--output",
            "jsonl",
            "--diff",
            "please see @notes.txt",
        ])
        .with(0);
    let events = ended.events();
    let types: Vec<_> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    for kind in [
        "turnStarted",
        "callStarted",
        "callEnded",
        "text",
        "turnEnded",
        "proposal",
    ] {
        assert!(types.contains(&kind), "{kind} in {types:?}");
    }
    assert!(!ended.out.contains("test-key-1234") && !ended.err.contains("test-key-1234"));
}

#[test]
fn all_three_wires_give_the_same_diff() {
    for provider in ["anthropic", "openai-chat", "openai-responses"] {
        let server = model([
            Step::say("I look. ").and_call("read", json!({"path": "notes.txt"})),
            edit("two", "2"),
            Step::say("Done."),
        ]);
        let place = Place::new().env("KEY", "test-key-1234");
        let base = server.base_url();
        let suffix = if provider == "anthropic" { "" } else { "/v1" };
        place.config(&format!(
            "model = \"m\"\n[models.m]\nprovider = \"{provider}\"\nid = \"m-1\"\nbase_url = \"{base}{suffix}\"\napi_key_env = \"KEY\"\n"
        ));
        let ended = place.ask().with(0);
        assert!(
            ended.out.contains("-two\n+2\n"),
            "{provider}: {}",
            ended.out
        );
        assert_eq!(server.requests().len(), 3, "{provider}");
    }
}

#[test]
fn what_would_ask_is_denied_without_a_terminal() {
    let server = model([
        Step::call("shell", json!({"command": "git push"})),
        Step::say("Then I leave it."),
    ]);
    let place = Place::new().model(&server);
    let ended = place.ask().with(3);
    let results = results(&server.requests());
    assert!(results.len() == 1 && results[0].1, "{results:?}");
    assert!(ended.err.contains("run it with `--trust`"), "{}", ended.err);
}

#[test]
fn a_spent_budget_ends_the_turn() {
    let read = || Step::call("read", json!({"path": "notes.txt"}));
    let server = model([read(), read(), read(), read(), Step::say("never")]);
    let place = Place::new().model(&server);
    place.config("[budget]\nmax_steps = 2\n");
    place.ask().with(4);
    assert!(server.requests().len() <= 3, "{}", server.requests().len());
}

#[test]
fn wrong_usage_and_an_unreachable_model_have_their_codes() {
    let place = Place::new();
    place
        .interline(&["run", "--no-such-flag", "please see @notes.txt"])
        .with(2);
    place
        .interline(&["run", "--apply", "--diff", "please see @notes.txt"])
        .with(2);
    place
        .interline(&["run", "--mode", "yolo", "please see @notes.txt"])
        .with(2);
    let refused = model([Step::status(401)]);
    Place::new().model(&refused).ask().with(1);
    // Nothing listens where a server was.
    let gone = model([]);
    let place = Place::new().model(&gone);
    drop(gone);
    let ended = place.ask().with(1);
    assert!(ended.err.contains("can't reach"), "{}", ended.err);
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[test]
fn a_wrong_configuration_is_one_error_that_names_the_line() {
    let place = Place::new();
    place.config("model = \"auto\"\nmodle = \"x\"\n");
    let ended = place.ask();
    assert_ne!(ended.code, 0);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.contains("config.toml:2: "), "{}", ended.err);
    assert!(ended.err.contains("modle"), "{}", ended.err);
}

#[test]
fn what_cant_be_done_is_told_to_the_model_and_the_turn_goes_on() {
    let server = model([
        Step::call("read", json!({"path": "../outside.txt"})),
        Step::call("read", json!({"path": "binary"})),
        Step::call("read", json!({"path": "huge.txt"})),
        Step::call("edit", json!({"path": "notes.txt", "edits": "no list"})),
        edit("no such line", "x"),
        Step::call("no_such_tool", json!({})),
        Step::call(
            "write",
            json!({"path": "/etc/interline-e2e", "content": "x"}),
        ),
        Step::say("I give up."),
    ]);
    let place = Place::new().model(&server);
    place.write("binary", [0, 1, 2, 255, 0]);
    place.write("huge.txt", "0123456789abcde\n".repeat(1 << 22));
    place.write("../outside.txt", "not yours");
    let ended = place.ask();
    assert!(
        [0, 3].contains(&ended.code),
        "{}: {}",
        ended.code,
        ended.err
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 8, "{}", ended.err);
    let results = results(&requests);
    for (index, (text, is_error)) in results.iter().enumerate() {
        // A huge file may also be shown in part.
        assert!(
            *is_error || (index == 2 && text.len() < 200_000),
            "call {index}: {text:.300}"
        );
        assert!(!text.contains("not yours"));
    }
    assert!(!std::path::Path::new("/etc/interline-e2e").exists());
}

#[test]
fn the_model_hears_what_its_edits_broke_and_the_user_the_verdict() {
    let change = |old: &str, new: &str| {
        let edits = json!([{"old": old, "new": new}]);
        Step::call("edit", json!({"path": "src/main.rs", "edits": edits}))
    };
    let server = model([
        change("let sum = 0;", "let mut sum = missing();"),
        Step::say("Done."),
        change("missing()", "0"),
        Step::say("Now it compiles."),
    ]);
    let place = Place::fixture("greeter").model(&server);
    let ended = place
        .interline(&["run", "--trust", "--diff", "please see @src/main.rs"])
        .with(0);
    let requests = server.requests();
    assert_eq!(requests.len(), 4, "{}", ended.err);
    let told = |index: usize| requests[index].body["messages"].to_string();
    let broke = "src/main.rs:4:19: error[E0425]";
    assert!(told(2).contains(broke), "{}", told(2));
    assert!(told(2).contains("1 new error (E0425)"), "{}", told(2));
    let verdict = "clears E0596, no new problems, checked by cargo check";
    assert!(ended.err.contains(verdict), "{}", ended.err);
}
