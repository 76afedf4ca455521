//! The black box: a panic ends its turn alone; a process that dies leaves word; the next start tells it once, and the
//! session goes on.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use scripted_model::{Server as Model, Step, StreamFault};
use serde_json::{Value, json};

use crate::place::{Place, edit, model, wait};
use crate::server::Server;

const SECRET: &str = "s3cr3t-of-the-drill-77";

fn hang() -> Step {
    Step::default().fault(StreamFault::Hang)
}

fn glob() -> Step {
    Step::call("glob", json!({"pattern": "*"}))
}

/// A turn with a change pending that waits for the model, in a process of its own.
fn in_the_middle() -> (Place, Model, Child) {
    let server = model([edit("two", "2"), hang(), Step::say("Gone on.")]);
    let place = Place::new().model(&server).env("MY_TOKEN", SECRET);
    let child = place.start(&["run", "--diff", "please see @notes.txt"]);
    wait("the second request", || server.requests().len() == 2);
    (place, server, child)
}

fn send(child: &Child, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}

fn of(place: &Place, session: &str, kind: &str) -> Vec<Value> {
    let events = place
        .interline(&["sessions", "export", session])
        .with(0)
        .events();
    let found = events.into_iter().filter(|event| event["type"] == kind);
    found.map(|event| event["data"].clone()).collect()
}

/// The crash files: readable by their owner alone, and without a word of what was said.
fn crashes(place: &Place) -> Vec<Value> {
    let Ok(entries) = std::fs::read_dir(place.state("crashes")) else {
        return Vec::new();
    };
    let file = |path: std::path::PathBuf| {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        for said in [SECRET, "test-key-1234", "please see @notes.txt"] {
            assert!(!text.contains(said), "{said} in {text}");
        }
        serde_json::from_str(&text).unwrap()
    };
    entries.map(|entry| file(entry.unwrap().path())).collect()
}

#[test]
fn a_fatal_signal_leaves_word_and_the_next_start_tells_it_once() {
    let signals = [
        (Signal::SEGV, "SIGSEGV"),
        (Signal::BUS, "SIGBUS"),
        (Signal::ILL, "SIGILL"),
        (Signal::FPE, "SIGFPE"),
        (Signal::ABORT, "SIGABRT"),
    ];
    for (signal, name) in signals {
        let (place, _server, mut child) = in_the_middle();
        send(&child, signal);
        assert_eq!(child.wait().unwrap().signal(), Some(signal.as_raw()));
        let files = crashes(&place);
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!(files[0]["cause"], name);
        assert_eq!(
            files[0]["events"].as_array().unwrap().last().unwrap()["type"],
            "request.sent"
        );

        let first = place.interline(&["sessions"]).with(0);
        let told = format!(
            "({name}); session \"please see @notes.txt\" can be resumed: `interline sessions resume "
        );
        assert!(
            first.err.contains("interline ended unexpectedly on "),
            "{}",
            first.err
        );
        assert!(first.err.contains(&told), "{}", first.err);
        let id = first.out.split_whitespace().next().unwrap();
        let second = place.interline(&["sessions"]).with(0).err;
        assert!(!second.contains("unexpectedly"), "{second}");
        let doctor = place.interline(&["doctor"]).out;
        assert!(doctor.contains(&format!("crash: {name} on ")), "{doctor}");

        let resumed = place
            .interline(&["sessions", "resume", id, "--diff"])
            .with(0);
        assert!(resumed.out.contains("-two\n+2\n"), "{}", resumed.out);
        place
            .interline(&["sessions", "resume", id, "--diff"])
            .with(0);
        let on_record = of(&place, id, "crash");
        assert_eq!(on_record.len(), 1, "{on_record:?}");
        assert_eq!(on_record[0]["cause"], name);
        assert_eq!(
            on_record[0]["last"].as_array().unwrap().last().unwrap()["type"],
            "request.sent"
        );
    }
}

#[test]
fn a_process_that_was_killed_is_told_as_gone_without_a_word() {
    let (place, server, mut child) = in_the_middle();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(crashes(&place).is_empty());
    let again = place
        .interline(&["run", "--diff", "something else"])
        .with(0)
        .err;
    assert!(again.contains("without a word"), "{again}");
    assert!(
        again.contains("session \"please see @notes.txt\" can be resumed"),
        "{again}"
    );
    let list = place.interline(&["sessions"]).with(0);
    assert!(!list.err.contains("unexpectedly"), "{}", list.err);
    let cut = list
        .out
        .lines()
        .find(|line| line.contains("please"))
        .unwrap();
    let id = cut.split_whitespace().next().unwrap();
    assert_eq!(of(&place, id, "crash"), Vec::<Value>::new());
    place
        .interline(&["sessions", "resume", id, "--diff"])
        .with(0);
    let on_record = of(&place, id, "crash");
    assert_eq!(on_record.len(), 1);
    assert_eq!(on_record[0]["cause"], "unknown");
    drop(server);
}

#[test]
fn a_turn_that_ends_leaves_nothing_to_tell() {
    let server = model([edit("two", "2"), Step::say("Done.")]);
    let place = Place::new().model(&server);
    place.ask().with(0);
    assert_eq!(
        std::fs::read_dir(place.state("running")).unwrap().count(),
        0
    );
    assert!(!place.state("crashes").exists());
    assert_eq!(place.interline(&["sessions"]).with(0).err, "");
}

/// As if it had been written so many days ago.
fn age(path: &Path, days: u64) {
    let written = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
    File::open(path).unwrap().set_modified(written).unwrap();
}

#[test]
fn what_is_old_goes_after_a_turn_and_what_a_resume_needs_stays() {
    let (place, _server, mut child) = in_the_middle();
    send(&child, Signal::SEGV);
    child.wait().unwrap();
    let crash = |id: &str| place.state(&format!("crashes/crash-{id}.json"));
    let session = place.session();
    let own = std::fs::read_dir(place.state("crashes")).unwrap();
    let own = own.map(|entry| entry.unwrap().path()).next().unwrap();
    let stray = crash("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    let text = r#"{"version":"0","process":1,"ts":2,"cause":"SIGBUS","fatal":true}"#;
    place.write(stray.to_str().unwrap(), text);
    let scratch = place.state("scratch/0123456789abcdef/0");
    std::fs::create_dir_all(scratch.join("shadow")).unwrap();
    let lock = scratch.with_extension("lock");
    place.write(lock.to_str().unwrap(), "");
    for (path, days) in [(&own, 100), (&stray, 100), (&lock, 40)] {
        age(path, days);
    }
    let mut editor = Server::initialized(&place);
    assert!(stray.exists() && scratch.exists());
    let params = json!({"command": "interline.prompt", "arguments": [{"text": "else"}]});
    editor.request("workspace/executeCommand", params);
    editor.tells("Gone on.");
    wait("the old files to go", || place.state("pruned").exists());
    editor.left_alone();
    assert!(!stray.exists() && !scratch.exists() && !lock.exists());
    place
        .interline(&["sessions", "resume", &session, "--diff"])
        .with(0);
    assert_eq!(of(&place, &session, "crash")[0]["cause"], "SIGSEGV");
}

#[test]
fn a_panic_ends_its_turn_alone() {
    let server = model([glob(), Step::say("Gone on.")]);
    let place = Place::new()
        .model(&server)
        .env("MY_TOKEN", SECRET)
        .env("INTERLINE_DRILL", format!("panic glob {SECRET}"));
    let mut editor = Server::initialized(&place);
    let prompt = |text: &str| json!({"command": "interline.prompt", "arguments": [{"text": text}]});
    editor.request("workspace/executeCommand", prompt("please"));
    editor.tells("an internal error ended this turn: a drill: ");
    // The same session: the scripted model refuses a conversation in which a call has no result.
    editor.request("workspace/executeCommand", prompt("go on"));
    editor.tells("Gone on.");
    editor.left_alone();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests[1]
            .body
            .to_string()
            .contains("an internal error ended this")
    );

    let files = crashes(&place);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0]["cause"], "panic");
    assert_eq!(files[0]["fatal"], false);
    let message = files[0]["message"].as_str().unwrap();
    assert!(
        message.contains("[redacted]") && message.contains("crash.rs:"),
        "{message}"
    );
    let id = place.session();
    assert_eq!(of(&place, &id, "tool.announced").len(), 1);
    assert_eq!(of(&place, &id, "tool.outcome").len(), 1);
    let outcomes = of(&place, &id, "turn.ended");
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(|end| end["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["failed", "done"]);
    let on_record = of(&place, &id, "crash");
    assert_eq!(on_record.len(), 1);
    assert_eq!(on_record[0]["message"], message);
    assert!(on_record[0]["report"].is_string());
    assert_eq!(place.interline(&["sessions"]).with(0).err, "");
}

#[test]
fn an_abort_and_a_stack_overflow_leave_word_too() {
    for (drill, signal, says) in [
        ("abort glob", "SIGABRT", ""),
        ("overflow glob", "SIGSEGV", "has overflowed its stack"),
    ] {
        let server = model([glob()]);
        let place = Place::new().model(&server).env("INTERLINE_DRILL", drill);
        let ended = place.ask();
        assert_eq!(ended.code, -1, "{}", ended.err);
        assert!(ended.err.contains(says), "{}", ended.err);
        let files = crashes(&place);
        assert_eq!(files.len(), 1);
        assert_eq!(files[0]["cause"], signal);
        let err = place.interline(&["sessions"]).with(0).err;
        assert!(err.contains(&format!("({signal})")), "{err}");
    }
}

#[test]
fn an_editor_is_told_and_resumes() {
    let (place, server, mut child) = in_the_middle();
    send(&child, Signal::SEGV);
    child.wait().unwrap();
    let mut editor = Server::initialized(&place);
    let asked = loop {
        let message = editor.read();
        if message["method"] == "window/showMessageRequest" {
            break message;
        }
    };
    let text = asked["params"]["message"].as_str().unwrap();
    assert!(
        text.contains("(SIGSEGV); session \"please see @notes.txt\" can be resumed"),
        "{text}"
    );
    assert_eq!(asked["params"]["actions"][0]["title"], "Resume");
    let answer = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"title": "Resume"}});
    editor.send(&answer);
    editor.tells("the session is open again");
    let params = json!({"command": "interline.prompt", "arguments": [{"text": "go on"}]});
    editor.request("workspace/executeCommand", params);
    editor.tells("Gone on.");
    editor.left_alone();
    // It went on in the session that was cut: what was said before it is there.
    let last = server.requests().last().unwrap().body.to_string();
    assert!(last.contains("please") && last.contains("go on"), "{last}");
    let mut editor = Server::initialized(&place);
    let said = editor.alive();
    assert!(said.is_empty(), "{said:?}");
    editor.left_alone();
}
