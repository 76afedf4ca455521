//! Typing while the agent is busy: eight sessions stream at once, hunks are pending in the document that is typed in.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

use crate::editor::Editor;
use crate::place::Place;
use crate::sync::{Typist, big};
use crate::table::{self, Bar, milliseconds};

const SESSIONS: usize = 8;
const HUNKS: usize = 20;
/// The number of the line that the first hunk is in.
const FIRST: usize = 7;
const ROUNDS: usize = 2_000;
const NAME: &str = "big.rs";
/// Faster than anybody types, slow enough for the streams to come in between.
const PAUSE: Duration = Duration::from_millis(4);

pub(crate) fn bench() {
    let server = Server::launch(script(), None).unwrap();
    let place = Place::new().model(&server);
    let text = big(10);
    place.write(NAME, &text);
    // A command without a session goes to the current one, so that several must be on record to be resumed.
    (0..SESSIONS).for_each(|_| drop(place.run("be there")));
    let mut editor = Editor::new(&place);
    editor.open(NAME, &text);
    editor.open("small.rs", "fn one() {}\n");
    let sessions = resume(&mut editor);
    propose(&mut editor, &sessions[0]);
    for session in &sessions {
        prompt(&mut editor, session, "talk");
    }
    editor.wait("eight streams", |events| letters(events).len() == SESSIONS);
    measure(&mut editor, &text);
    editor.command("interline.cancel", json!({}));
    editor.end();
}

fn script() -> Script {
    let edits = (0..HUNKS).map(|hunk| {
        let name = format!("let value{} =", FIRST + hunk * 5_000);
        json!({ "old": name, "new": format!("{name} 1 +") })
    });
    let edits = json!({ "path": NAME, "edits": edits.collect::<Vec<_>>() });
    let talk = Step {
        deltas: Some(20_000),
        event_delay_ms: 5,
        ..Step::say("word ")
    };
    Script::default()
        .rule("be there", [Step::say("Yes.")])
        .rule("propose", [Step::call("edit", edits), Step::say("Done.")])
        .rule("talk", [talk])
}

fn resume(editor: &mut Editor<'_>) -> Vec<Value> {
    let known = editor.command("interline.sessions", json!({}));
    let known = known["sessions"].as_array().unwrap().iter();
    let sessions: Vec<_> = known.map(|session| session["id"].clone()).collect();
    assert_eq!(sessions.len(), SESSIONS);
    for session in &sessions {
        editor.command("interline.resume", json!({ "session": session }));
    }
    sessions
}

fn prompt(editor: &mut Editor<'_>, session: &Value, text: &str) {
    editor.command(
        "interline.prompt",
        json!({ "session": session, "text": text }),
    );
}

fn propose(editor: &mut Editor<'_>, session: &Value) {
    prompt(editor, session, "propose @big.rs:1-2");
    editor.wait_for_end();
    let documents = editor.command("interline.hunks", json!({}));
    let hunks = documents["documents"][0]["hunks"].as_array().map(Vec::len);
    assert_eq!(hunks, Some(HUNKS), "{documents}");
}

/// Every round a change of the big document, and a request for code actions there.
fn measure(editor: &mut Editor<'_>, text: &str) {
    let mut typist = Typist::new(&editor.uri(NAME), text);
    let (mut changes, mut actions, mut frames) = (Vec::new(), Vec::new(), Vec::new());
    let before = letters(&editor.events);
    // Below the comment.
    let line = FIRST as u32 + 1;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        frames.clear();
        typist.type_one(&mut frames);
        changes.push(timed(|| {
            editor.write(&frames);
            editor.barrier();
        }));
        std::thread::sleep(PAUSE);
        let mut titles = Vec::new();
        actions.push(timed(|| titles = editor.actions(NAME, line)));
        assert!(
            titles.iter().any(|title| title == "Reject this change"),
            "{titles:?}"
        );
        std::thread::sleep(PAUSE);
    }
    let seconds = start.elapsed().as_secs_f64();
    let after = letters(&editor.events);
    for (session, count) in &after {
        let rate = (count - before[session]) as f64 / 5.0 / seconds;
        assert!(
            rate > 20.0,
            "session {session} streamed {rate:.0} words a second only"
        );
    }
    table::line(
        "lsp busy: didChange of 10 MB until taken, ms",
        Bar::P99(2.0),
        changes,
    );
    table::line(
        "lsp busy: code actions of 10 MB until answered, ms",
        Bar::P99(5.0),
        actions,
    );
}

fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    milliseconds(start.elapsed())
}

/// Letters streamed so far, by session, of those that talk.
fn letters(events: &[Value]) -> HashMap<String, usize> {
    let mut letters = HashMap::new();
    for told in events {
        let (session, delta) = (told["session"].as_str(), told["event"]["delta"].as_str());
        if let (Some(session), Some(delta)) = (session, delta)
            && delta.starts_with("word")
        {
            *letters.entry(session.to_owned()).or_default() += delta.len();
        }
    }
    letters
}
