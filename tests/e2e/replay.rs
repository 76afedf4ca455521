//! `interline replay`: what is on record gives itself again, and what was changed afterwards is named.
//!
//! Sessions with prompts, cancels and resumes are replayed at the end of each test of `server/lsp/tests/session`, killed
//! ones in `kills.rs`.

use interline_log::{AssistantContent, Entry, Event, EventData, SessionId, Store};
use scripted_model::Step;
use serde_json::json;

use crate::place::{Place, edit, model};

/// A session of two turns with reads, edits that land, a command, a denied one and a broken stream.
fn session() -> (Place, Store, SessionId) {
    let place = Place::new();
    place.config(
        "mode = \"accept-edits\"\n[[rule]]\neffect = \"allow\"\ntool = \"shell\"\nargv = [\"touch\", \"made\"]\n",
    );
    let call = |tool: &str, input| Step::call(tool, input);
    let server = model([
        Step::status(529),
        call("read", json!({"path": "notes.txt"})),
        edit("two", "2"),
        call("shell", json!({"command": "touch made"})),
        call("shell", json!({"command": "curl example.invalid"})),
        call("no_such_tool", json!({})),
        call("write", json!({"path": "new.txt", "content": "eins\n"})),
        call(
            "todo",
            json!({"items": [{"text": "the rest", "status": "active"}]}),
        ),
        Step::say("Halb fertig – 半分."),
        edit("three", "3"),
        Step {
            think: Some("let me see".to_owned()),
            ..Step::say("Done.")
        },
    ]);
    let place = place.model(&server);
    place
        .interline(&["run", "--trust", "--apply", "please"])
        .with(3);
    let id = place.session();
    place
        .interline(&["sessions", "resume", &id, "go on", "--trust", "--apply"])
        .with(0);
    assert_eq!(server.steps_left(), 0);
    let store = Store::new(place.beside("home/state/sessions"));
    (place, store, id.parse().unwrap())
}

#[test]
fn a_session_gives_itself_again() {
    let (place, store, id) = session();
    let ended = place.interline(&["replay", &id.to_string()]).with(0);
    let asked = |event: &&Event| matches!(event.data, EventData::RequestSent { .. });
    let events = store.read(id).unwrap();
    let requests = events.iter().filter(asked).count();
    assert!(requests >= 10, "{requests}");
    let told = format!("{requests} requests rebuilt byte for byte, 4 hunks (0 pending)");
    assert!(ended.out.contains(&told), "{}", ended.out);
    assert!(!ended.out.contains("not compared"), "{}", ended.out);

    let shown = place
        .interline(&["sessions", "show", &id.to_string()])
        .with(0)
        .out;
    let (_, states) = shown.split_once("## Session state\n").unwrap();
    let (session, workflow) = states.split_once("## Workflow state\n").unwrap();
    assert!(session.contains("mode accept-edits"), "{session}");
    assert!(
        session.contains("- permissions: 0 given, 0 denied"),
        "{session}"
    );
    assert!(workflow.contains("- [>] the rest\n"), "{workflow}");
    assert!(
        workflow.contains("- steps: 6 done, 2 failed\n"),
        "{workflow}"
    );
    assert!(
        workflow.contains("- changed: notes.txt (sha256 "),
        "{workflow}"
    );

    let again = place
        .interline(&["replay", &id.to_string(), "--against", "recorded"])
        .with(0);
    let told = format!("equal: 2 turns run again, {} events compared", events.len());
    assert!(again.out.contains(&told), "{}", again.out);

    place.interline(&["replay", "nonsense"]).with(2);
    let nobody = SessionId::new().to_string();
    let none = place.interline(&["replay", &nobody]).with(1);
    assert!(none.err.contains("there is no session"), "{}", none.err);
}

/// The session once more under the same id, with its events changed: a chain that is whole, of a story that isn't.
fn forged(
    place: &Place,
    id: SessionId,
    events: &[Event],
    change: impl Fn(&mut EventData),
) -> String {
    let store = Store::new(place.beside("home/state/sessions"));
    std::fs::remove_dir_all(store.session_folder(id)).unwrap();
    let mut log = store.create(id).unwrap();
    for event in events {
        let mut data = event.data.clone();
        change(&mut data);
        let entry = Entry {
            turn: event.turn,
            call: event.call,
            causes: event.causes.clone(),
            actor: event.actor,
            data,
        };
        log.append(entry).unwrap();
    }
    drop(log);
    place.interline(&["audit", "verify"]).with(0);
    place.interline(&["replay", &id.to_string()]).with(1).out
}

#[test]
fn one_changed_byte_is_named_with_its_event() {
    let (place, store, id) = session();
    let events = store.read(id).unwrap();
    let first_request = seq_of(&events, |data| {
        matches!(data, EventData::RequestSent { .. })
    });

    let told = forged(&place, id, &events, |data| {
        if let EventData::SessionConfig { system, .. } = data {
            system.replace_range(0..1, "y");
        }
    });
    let named =
        format!("different: event {first_request} (request.sent), the request: on record is ");
    assert!(told.contains(&named), "{told}");
    assert!(told.contains("replayed"), "{told}");

    let told = forged(&place, id, &events, |data| {
        if let EventData::RequestSent { body_sha256, .. } = data {
            let first = if body_sha256.starts_with('0') {
                "1"
            } else {
                "0"
            };
            body_sha256.replace_range(0..1, first);
        }
    });
    assert!(told.contains(&named), "{told}");

    // A word of the model's or a tool's result, in the request after it.
    let after = |fits: fn(&EventData) -> bool| {
        let changed = seq_of(&events, fits);
        let rest = events.get(usize::try_from(changed).unwrap()..).unwrap();
        seq_of(rest, |data| matches!(data, EventData::RequestSent { .. }))
    };
    let result = |data: &EventData| matches!(data, EventData::ToolOutcome { .. });
    let told = forged(&place, id, &events, |data| {
        if let EventData::ToolOutcome { content, .. } = data {
            content.push('.');
        }
    });
    let named = format!("event {} (request.sent)", after(result));
    assert!(told.contains(&named), "{told}");
    let said = |data: &EventData| matches!(data, EventData::ResponseBlock { .. });
    let told = forged(&place, id, &events, |data| {
        if let EventData::ResponseBlock { block } = data {
            block.raw = None;
            match &mut block.content {
                AssistantContent::ToolUse { arguments, .. } => {
                    *arguments = arguments.replace("notes", "Notes");
                }
                AssistantContent::Text { text } => text.push('!'),
                _ => {}
            }
        }
    });
    let named = format!("event {} (request.sent)", after(said));
    assert!(told.contains(&named), "{told}");
}

/// The answers of [`session`], with some text in the place of another.
fn script(from: &str, to: &str) -> String {
    json!([
        {"calls": [{"tool": "read", "input": {"path": "notes.txt"}}]},
        {"calls": [{"tool": "edit", "input": {"path": "notes.txt", "edits": [{"old": "two", "new": "2"}]}}]},
        {"calls": [{"tool": "shell", "input": {"command": "touch made"}}]},
        {"calls": [{"tool": "shell", "input": {"command": "curl example.invalid"}}]},
        {"calls": [{"tool": "no_such_tool"}]},
        {"calls": [{"tool": "write", "input": {"path": "new.txt", "content": "eins\n"}}]},
        {"calls": [{"tool": "todo", "input": {"items": [{"text": "the rest", "status": "active"}]}}]},
        {"say": "Halb fertig – 半分."},
        {"calls": [{"tool": "edit", "input": {"path": "notes.txt", "edits": [{"old": "three", "new": "3"}]}}]},
        {"think": "let me see", "say": "Done."},
    ])
    .to_string()
    .replace(from, to)
}

#[test]
fn a_script_is_run_against_the_record_and_what_it_changes_is_named() {
    let (place, store, id) = session();
    let events = store.read(id).unwrap();
    let before = everything(&place);
    let against = |text: &str, code| {
        let file = place.beside("script.json");
        #[expect(clippy::disallowed_methods, reason = "a test makes its script")]
        std::fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let ended = place.interline(&["replay", &id.to_string(), "--against", &file]);
        ended.with(code)
    };
    let ended = against(&script("", ""), 0);
    assert!(ended.out.contains("equal: 2 turns"), "{}", ended.out);

    let write = seq_of(&events, |data| match data {
        EventData::ResponseBlock { block } => match &block.content {
            AssistantContent::ToolUse { name, .. } => name == "write",
            _ => false,
        },
        _ => false,
    });
    let ended = against(&script("eins", "zwei"), 1);
    let told = format!("different: event {write} (response.block), block.content.arguments: ");
    assert!(ended.out.contains(&told), "{}", ended.out);
    assert!(ended.out.contains("zwei"), "{}", ended.out);

    // An answer more than the record has, and one less.
    let longer = script(
        r#"{"say":"Halb"#,
        r#"{"calls":[{"tool":"read"}]},{"say":"Halb"#,
    );
    assert!(against(&longer, 1).out.contains("different: event "));
    let more = script(r#""say":"Done."}"#, r#""say":"Done."},{"say":"More."}"#);
    let ended = against(&more, 1);
    assert!(ended.out.contains("has 1 answer left"), "{}", ended.out);
    let none = against("[]", 1);
    assert!(none.out.contains("no more answers"), "{}", none.out);
    let wrong = against(r#"[{"fault": "hang"}]"#, 1);
    assert!(
        wrong.err.contains("answer 1 of the script"),
        "{}",
        wrong.err
    );

    // Whatever a script asks for, nothing of it is done.
    against(&script("touch made", "touch other"), 1);
    assert_eq!(everything(&place), before);
}

/// The project and the log, by name and content.
fn everything(place: &Place) -> Vec<(String, Vec<u8>)> {
    let log = place.log().unwrap();
    let files = std::fs::read_dir(place.project()).unwrap().flatten();
    let files = files.map(|entry| entry.path()).chain([log]);
    let mut all: Vec<_> = files
        .filter(|file| file.is_file())
        .map(|file| (file.display().to_string(), std::fs::read(&file).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn a_changed_proposal_is_named() {
    let (place, store, id) = session();
    let events = store.read(id).unwrap();
    let told = forged(&place, id, &events, |data| {
        if let EventData::EditProposed { path, hunks, .. } = data
            && path == "new.txt"
        {
            hunks.iter_mut().for_each(|hunk| hunk.new.push('\n'));
        }
    });
    assert!(told.contains("(edit.accepting), hunk "), "{told}");
}

fn seq_of(events: &[Event], fits: impl Fn(&EventData) -> bool) -> u64 {
    events.iter().find(|event| fits(&event.data)).unwrap().seq
}
