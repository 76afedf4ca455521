//! The process is killed at each type of event of a turn, and at random moments: what is on record stays true, and the turn can
//! go on. All events of a longer turn, without a process each: `matrix.rs`.
//!
//! The promise of each kill: whole lines only, the chain verifies, every edit that stands in a file is on record, nothing is
//! applied twice, no command runs twice, and a resumed session ends where the undisturbed one ends.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use scripted_model::Step;
use serde_json::{Value, json};

use crate::place::{Place, edit, model};

/// One command of its own in each run, told apart by the file that it leaves.
const COMMAND: &str = "mktemp ran-XXXXXX";

/// Where the turn leaves the folder, whatever happened on the way.
const END: &[(&str, &str)] = &[
    ("kept.txt", "moved\n"),
    ("new.txt", "eins\ndrei\n"),
    ("notes.txt", "one\n2\n3\n"),
];

/// The turn: the tool of each step, and the step.
fn script() -> Vec<(&'static str, Step)> {
    let call = |tool: &'static str, input: Value| (tool, Step::call(tool, input));
    let edit = |old, new| ("edit", edit(old, new));
    vec![
        call("read", json!({"path": "notes.txt"})),
        edit("two", "2"),
        call(
            "write",
            json!({"path": "new.txt", "content": "eins\nzwei\n"}),
        ),
        call("shell", json!({"command": COMMAND})),
        call(
            "todo",
            json!({"items": [{"text": "the rest", "status": "active"}]}),
        ),
        edit("three", "3"),
        call("delete", json!({"path": "gone.txt"})),
        call("move", json!({"from": "old.txt", "to": "kept.txt"})),
        call(
            "edit",
            json!({"path": "new.txt", "edits": [{"old": "zwei", "new": "drei"}]}),
        ),
        ("", Step::say("Done.")),
    ]
}

fn place(mode: &str) -> Place {
    let place = Place::new();
    place.write("gone.txt", "gone\n");
    place.write("old.txt", "moved\n");
    place.config(&format!(
        "mode = \"{mode}\"\n[[rule]]\neffect = \"allow\"\ntool = \"shell\"\nargv = [\"mktemp\", \"ran-XXXXXX\"]\n"
    ));
    place
}

/// When the process dies.
enum Moment {
    Event(usize),
    After(Duration),
}

/// Runs the turn up to the moment. False: it came to its end before.
fn killed(place: Place, moment: &Moment) -> (Place, bool) {
    let steps = script().into_iter().map(|(_, step)| Step {
        delay_ms: 3,
        ..step
    });
    let server = model(steps);
    let place = place.model(&server);
    let mut child = place.start(&["run", "--trust", "--apply", "please"]);
    let start = Instant::now();
    let lived = loop {
        let now = match moment {
            Moment::Event(events) => place.log().is_some_and(|log| whole_lines(&log) >= *events),
            Moment::After(time) => start.elapsed() >= *time,
        };
        if now {
            break child.try_wait().unwrap().is_some();
        }
        if child.try_wait().unwrap().is_some() {
            break true;
        }
        std::thread::sleep(Duration::from_micros(200));
    };
    // SIGKILL. One that has ended meanwhile is as good.
    let _ = child.kill();
    child.wait().unwrap();
    (place, !lived)
}

fn whole_lines(log: &PathBuf) -> usize {
    let bytes = std::fs::read(log).unwrap_or_default();
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// As a crash in the middle of a write would: the last line once more, but not to its end.
fn tear(log: &PathBuf) {
    let text = std::fs::read_to_string(log).unwrap();
    let last = text.lines().last().unwrap();
    let half = last.get(..last.len() / 2).unwrap();
    let mut file = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    std::io::Write::write_all(&mut file, half.as_bytes()).unwrap();
}

/// Events with payloads inline.
fn events(place: &Place, id: &str) -> Vec<Value> {
    place
        .interline(&["sessions", "export", id])
        .with(0)
        .events()
}

fn of<'a>(events: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let found = events.iter().filter(move |event| event["type"] == kind);
    found.map(|event| &event["data"])
}

/// Checks all promises and goes on with the turn to its end.
fn recovers(place: Place, torn: bool, moment: &str) {
    let list = place.interline(&["sessions"]).with(0).out;
    assert!(!list.contains('!'), "{moment}: {list}");
    place.interline(&["audit", "verify"]).with(0);
    let log = place.log().filter(|log| whole_lines(log) > 0);
    let Some(log) = log else {
        return; // Nothing was on record yet.
    };
    let id = list.split_whitespace().next().unwrap().to_owned();
    place.interline(&["replay", &id]).with(0);
    place
        .interline(&["replay", &id, "--against", "recorded"])
        .with(0);
    let before = events(&place, &id);
    if torn {
        tear(&log);
    }
    landed_is_on_record(&place, &before, moment);
    place.interline(&["sessions", "show", &id]).with(0);
    place
        .interline(&["sessions", "resume", &id, "--diff"])
        .with(0);
    let bytes = std::fs::read(&log).unwrap();
    assert_eq!(bytes.last(), Some(&b'\n'), "{moment}: a whole last line");
    let resumed = events(&place, &id);
    assert_eq!(
        of(&resumed, "log.recovered").count(),
        usize::from(torn),
        "{moment}"
    );
    commands_are_told_apart(&before, &resumed, moment);

    let (rest, place) = {
        let server = model(rest(&resumed));
        let place = place.model(&server);
        let ended = place.interline(&["sessions", "resume", &id, "go on", "--trust", "--apply"]);
        assert_eq!(ended.code, 0, "{moment}: {}\n{}", ended.out, ended.err);
        (server.steps_left(), place)
    };
    assert_eq!(rest, 0, "{moment}");
    place.interline(&["audit", "verify"]).with(0);
    place.interline(&["replay", &id]).with(0);
    place.interline(&["replay", &id, "--against"]).with(0);
    let after = events(&place, &id);
    applied_once(&after, moment);
    ends_as_undisturbed(&place, moment);
}

/// What a file holds was accepted, durably, before.
fn landed_is_on_record(place: &Place, events: &[Value], moment: &str) {
    let accepted: BTreeSet<_> = of(events, "edit.accepting")
        .map(|data| (data["path"].as_str(), data["post_sha256"].as_str()))
        .collect();
    let original = BTreeMap::from([
        ("notes.txt", "one\ntwo\nthree\n"),
        ("gone.txt", "gone\n"),
        ("old.txt", "moved\n"),
    ]);
    let files = files(place);
    for (name, text) in &files {
        // A draft is no text that was accepted: resuming removes it.
        let draft = name.starts_with(".interline-");
        if draft
            || name.starts_with("ran-")
            || name == "kept.txt"
            || original.get(name.as_str()) == Some(&text.as_str())
        {
            continue;
        }
        let hash = sha256(text);
        let on_record = accepted.contains(&(Some(name.as_str()), Some(hash.as_str())));
        assert!(on_record, "{moment}: {name} is not on record: {text:?}");
    }
    for name in original.keys().filter(|name| !files.contains_key(**name)) {
        let on_record = accepted.iter().any(|(path, _)| *path == Some(name));
        assert!(on_record, "{moment}: the loss of {name} is not on record");
    }
}

/// A command that had begun and whose outcome nobody knows is told as such.
fn commands_are_told_apart(before: &[Value], resumed: &[Value], moment: &str) {
    let begun = |events: &[Value]| {
        of(events, "tool.intent")
            .filter(|data| data["tool"] == "shell")
            .count()
    };
    let ended = |events: &[Value]| {
        of(events, "tool.outcome")
            .filter(|data| data["tool"] == "shell")
            .count()
    };
    assert_eq!(
        begun(before),
        begun(resumed),
        "{moment}: run again by resuming"
    );
    if begun(before) > ended(before) {
        let unknown = of(resumed, "tool.outcome").find(|data| data["tool"] == "shell");
        assert_eq!(unknown.unwrap()["status"], "unknown", "{moment}");
    }
}

/// What a model would do next: all that it has no good answer to, but for a command of which nobody knows.
fn rest(events: &[Value]) -> Vec<Step> {
    let mut done: Vec<_> = of(events, "tool.outcome")
        .filter(|data| {
            data["status"] == "succeeded" || data["status"] == "unknown" && data["tool"] == "shell"
        })
        .map(|data| data["tool"].as_str().unwrap().to_owned())
        .collect();
    let script = script().into_iter().filter(|(tool, _)| {
        let at = done.iter().position(|did| did == tool);
        at.map(|at| done.remove(at)).is_none()
    });
    let mut steps: Vec<_> = script.map(|(_, step)| step).collect();
    // A second server would count its ids from the first again.
    for (number, call) in steps
        .iter_mut()
        .flat_map(|step| &mut step.calls)
        .enumerate()
    {
        call.id = Some(format!("go_on_{number}"));
    }
    steps
}

fn applied_once(events: &[Value], moment: &str) {
    let mut seen = BTreeSet::new();
    for data in of(events, "edit.applied") {
        for hunk in data["hunks"].as_array().unwrap() {
            assert!(
                seen.insert(hunk.to_string()),
                "{moment}: applied twice: {hunk}"
            );
        }
    }
}

fn ends_as_undisturbed(place: &Place, moment: &str) {
    let mut files = files(place);
    let ran = files.keys().filter(|name| name.starts_with("ran-")).count();
    assert!(ran <= 1, "{moment}: the command ran {ran} times");
    files.retain(|name, _| !name.starts_with("ran-"));
    let end = END
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    assert_eq!(files, end.collect(), "{moment}");
}

fn files(place: &Place) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(place.project()).unwrap().flatten();
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let text = place.read(&name);
            (name, text)
        })
        .collect()
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How the events of the turn follow each other, where nobody kills it.
fn types(mode: &str) -> Vec<String> {
    let (place, _) = killed(place(mode), &Moment::After(Duration::from_secs(30)));
    let id = place.session();
    let events = events(&place, &id);
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    events.iter().map(kind).collect()
}

/// After one event of each type. All the others: `matrix.rs`.
fn at_each_type(mode: &str, one: impl Fn(&[String], &String) -> Option<usize>) {
    let types = types(mode);
    let moments: BTreeSet<_> = types.iter().filter_map(|kind| one(&types, kind)).collect();
    assert!(moments.len() > 15, "{types:?}");
    for at in moments.into_iter().map(|at| at + 1) {
        let moment = format!("{mode}, killed at event {at}");
        let (place, _) = killed(place(mode), &Moment::Event(at));
        recovers(place, at.is_multiple_of(3), &moment);
    }
}

#[test]
fn at_the_first_event_of_each_type_with_edits_landing() {
    at_each_type("accept-edits", |types, kind| {
        types.iter().position(|other| other == kind)
    });
}

#[test]
fn at_the_last_event_of_each_type_with_edits_applied_at_the_end() {
    at_each_type("default", |types, kind| {
        types.iter().rposition(|other| other == kind)
    });
}

#[test]
fn at_random_moments() {
    let mut random = std::process::id();
    for _ in 0..15 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let time = Duration::from_micros(u64::from(random >> 8) % 200_000);
        let (place, _) = killed(place("accept-edits"), &Moment::After(time));
        recovers(place, false, &format!("killed after {time:?}"));
    }
}
