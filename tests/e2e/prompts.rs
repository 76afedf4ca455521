//! Prompts and what their answers do, with the real binary: in an editor, on a terminal, and where nobody is.
#![cfg(target_os = "linux")]

use scripted_model::Step;
use serde_json::{Value, json};

use crate::place::{Place, edit, model, results, wait};
use crate::server::Server;
use crate::terminal::Screen;

const ASKED: &str = "interline/requestPermission";

fn shell(command: &str) -> Step {
    Step::call("shell", json!({"command": command, "timeout_seconds": 20}))
}

/// An editor with our prompts, in a folder that is trusted.
fn editor(place: &Place) -> Server {
    let mut server = Server::with_options(place, &json!({"permission": true}));
    server.trust();
    server
}

fn ask(server: &mut Server) -> Value {
    server.command("interline.prompt", json!({"text": "please"}))["session"].clone()
}

/// Tags are of git's history, which asks; the copy tells what the command saw, and where.
const TAG: &str = "cp notes.txt copy.txt && git tag two";

/// Has it run on the real files?
fn tagged(place: &Place) -> bool {
    let tag = place.project().join(".git/refs/tags/two").exists();
    assert_eq!(tag, place.project().join("copy.txt").exists());
    tag
}

#[test]
fn a_command_is_run_in_the_shadow_instead() {
    let answers = model([shell(TAG), Step::say("Done.")]);
    let place = Place::new().model(&answers).commit();
    let mut server = editor(&place);
    ask(&mut server);
    let prompt = server.sees(ASKED);
    let instead = json!({"answer": "allow_in_sandbox", "label": "Run in the shadow instead"});
    let options = prompt["params"]["options"].as_array().unwrap();
    assert!(options.contains(&instead), "{prompt}");
    server.decide(&prompt, "allow_in_sandbox");
    server.tells("Done.");
    assert!(!tagged(&place));
    let pending = server.command("interline.hunks", json!({}));
    let documents = pending["documents"].as_array().unwrap();
    assert_eq!(documents.len(), 1, "{pending}");
    assert_eq!(
        documents[0]["hunks"][0]["newLines"],
        json!(["one", "two", "three"])
    );
    assert!(place.said().contains(r#""answer":"allow_in_sandbox""#));
    server.left_alone();
}

#[test]
fn the_terminal_accepts_and_saves_before_it_runs() {
    let answers = model([edit("one", "1"), shell(TAG), Step::say("Done.")]);
    let place = Place::new().model(&answers).commit();
    let mut screen = Screen::interline(&place, &["run", "--trust", "please see @notes.txt"]);
    let shown = screen.shows("Allow this? [N]o, yes, accept, shadow: ");
    assert!(
        shown.contains("1 hunk pending is not seen by this command"),
        "{shown}"
    );
    screen.types("accept");
    screen.shows("Done.");
    assert_eq!(screen.ends(), 0);
    assert!(tagged(&place));
    assert_eq!(place.read("copy.txt"), "1\ntwo\nthree\n");
    assert_eq!(place.read("notes.txt"), "1\ntwo\nthree\n");
}

#[test]
fn the_terminal_runs_it_in_the_shadow_instead() {
    let answers = model([shell(TAG), Step::say("Done.")]);
    let place = Place::new().model(&answers).commit();
    let mut screen = Screen::interline(
        &place,
        &["run", "--trust", "--diff", "please see @notes.txt"],
    );
    screen.shows("Allow this? [N]o, yes, shadow: ");
    screen.types("shadow");
    screen.shows("+++ b/copy.txt");
    assert_eq!(screen.ends(), 0);
    assert!(!tagged(&place));
    assert!(place.said().contains(r#""answer":"allow_in_sandbox""#));
}

/// A project whose only session waits for an answer, since its editor was killed; and the session.
fn waiting(place: &Place) -> String {
    let mut server = editor(place);
    let session = ask(&mut server);
    server.sees(ASKED);
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    let listed = place.interline(&["sessions"]).with(0).out;
    assert!(
        listed.contains("waiting for your permission: running cp notes.txt"),
        "{listed}"
    );
    let session = session.as_str().unwrap().to_owned();
    let shown = place.interline(&["sessions", "show", &session]).with(0).out;
    assert!(
        shown.contains("*Waiting for your permission: running cp notes.txt"),
        "{shown}"
    );
    session
}

#[test]
fn a_prompt_of_a_killed_editor_is_answered_in_the_next_one() {
    let answers = model([shell(TAG), Step::say("Done.")]);
    let place = Place::new().model(&answers).commit();
    let session = waiting(&place);
    let mut next = Server::with_options(&place, &json!({"permission": true}));
    next.command("interline.resume", json!({"session": session}));
    let prompt = next.sees(ASKED);
    assert!(!tagged(&place));
    next.decide(&prompt, "allow");
    next.tells("Done.");
    assert!(tagged(&place));
    next.left_alone();
    let listed = place.interline(&["sessions"]).with(0).out;
    assert!(!listed.contains("waiting"), "{listed}");
    place.interline(&["audit", "verify"]).with(0);
}

#[test]
fn a_prompt_that_waits_is_answered_on_the_terminal() {
    let answers = model([shell(TAG), Step::say("Done.")]);
    let place = Place::new().model(&answers).commit();
    let session = waiting(&place);
    let mut screen = Screen::interline(&place, &["sessions", "resume", &session]);
    screen.shows("Allow this? [N]o, yes, shadow: ");
    assert!(!tagged(&place));
    screen.types("yes");
    screen.shows("Done.");
    assert_eq!(screen.ends(), 0);
    assert!(tagged(&place));
}

#[test]
fn a_prompt_that_waits_is_denied_where_nobody_is() {
    let answers = model([shell(TAG), Step::say("So not.")]);
    let place = Place::new().model(&answers).commit();
    let session = waiting(&place);
    let ended = place
        .interline(&["sessions", "resume", &session, "--diff"])
        .with(3);
    assert!(ended.out.contains("So not."), "{}", ended.out);
    assert!(!tagged(&place));
    assert!(results(&answers.requests())[0].1, "the model is told");
    let listed = place.interline(&["sessions"]).with(0).out;
    assert!(!listed.contains("waiting"), "{listed}");
}

/// Processes of this machine with this word among their arguments.
fn alive(word: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let has = |line: &Vec<u8>| {
        line.split(|&byte| byte == 0)
            .any(|argument| argument == word.as_bytes())
    };
    arguments.filter(has).count()
}

#[test]
fn a_command_that_is_cancelled_is_dead_and_its_outcome_on_record() {
    let long = format!("1000.{}", std::process::id());
    let answers = model([
        shell(&format!("trap '' TERM INT; sleep {long} & sleep {long}")),
        Step::say("never"),
    ]);
    let place = Place::new().model(&answers);
    let mut server = editor(&place);
    let session = ask(&mut server);
    wait("the command to run", || alive(&long) == 2);
    server.command("interline.cancel", json!({"session": session}));
    wait("the end of the turn", || {
        place.said().contains(r#""turn.ended""#)
    });
    assert_eq!(alive(&long), 0);
    let said = place.said();
    let outcome = said.lines().find(|line| line.contains(r#""tool.outcome""#));
    assert!(
        outcome.is_some_and(|line| line.contains("cancelled")),
        "{said}"
    );
    assert_eq!(answers.requests().len(), 1);
    server.left_alone();
}
