//! What goes wrong on the way: torn streams, overload, a killed process.

use scripted_model::{Check, Step, StreamFault};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::place::{Place, edit, model, wait};

/// The diff and the turn's words, with the trouble in front of the edit.
fn answer(trouble: Vec<Step>, mend: impl Fn(Step) -> Step) -> String {
    let steps = trouble.into_iter().chain([
        mend(edit("two", "zwei – 二")),
        mend(Step::say("Fertig – 完了.")),
    ]);
    let server = model(steps);
    let ended = Place::new().model(&server).ask().with(0);
    assert_eq!(server.steps_left(), 0);
    ended.out
}

#[test]
fn trouble_on_the_way_changes_nothing_in_the_answer() {
    let plain = answer(Vec::new(), |step| step);
    assert!(plain.contains("-two\n+zwei – 二\n"), "{plain}");
    assert_eq!(
        answer(vec![Step::status(529)], |step| step),
        plain,
        "overloaded"
    );
    let cut = Step::say("half of an answer").fault(StreamFault::CutAfterBytes(300));
    assert_eq!(answer(vec![cut], |step| step), plain, "cut");
    let close = Step::default().fault(StreamFault::Close);
    assert_eq!(answer(vec![close], |step| step), plain, "closed");
    assert_eq!(
        answer(Vec::new(), |step| step.fault(StreamFault::GarbageLine)),
        plain,
        "garbage"
    );
    assert_eq!(
        answer(Vec::new(), |step| Step {
            split: Some(3),
            ..step
        }),
        plain,
        "three bytes a write"
    );
}

#[test]
fn a_killed_turn_keeps_its_hunks() {
    let server = model([edit("two", "2"), Step::default().fault(StreamFault::Hang)]);
    let place = Place::new().model(&server);
    let mut child = place.start(&["run", "--diff", "please see @notes.txt"]);
    // The second request carries the edit's result, which is durable by then.
    wait("the second request", || server.requests().len() == 2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.read("notes.txt"), "one\ntwo\nthree\n");

    let list = place.interline(&["sessions"]).with(0).out;
    assert!(list.contains("unfinished"), "{list}");
    let id = list.split_whitespace().next().unwrap();
    let verified = place.interline(&["audit", "verify", id]).with(0).out;
    assert!(verified.contains("ok"), "{verified}");
    let resumed = place
        .interline(&["sessions", "resume", id, "--diff"])
        .with(0)
        .out;
    assert!(resumed.contains("-two\n+2\n"), "{resumed}");
    place.interline(&["audit", "verify"]).with(0);
    place.interline(&["sessions", "export", id]).with(0);
    place
        .interline(&["sessions", "resume", id, "--apply"])
        .with(0);
    assert_eq!(place.read("notes.txt"), "one\n2\nthree\n");
}

#[test]
fn two_processes_never_write_one_log() {
    let server = model([edit("two", "2"), Step::default().fault(StreamFault::Hang)]);
    let place = Place::new().model(&server);
    let mut child = place.start(&["run", "--diff", "please see @notes.txt"]);
    wait("the second request", || server.requests().len() == 2);
    let id = place.session();
    let log = std::fs::read(place.log().unwrap()).unwrap();
    let second = place
        .interline(&["sessions", "resume", &id, "--diff"])
        .with(1);
    let holder = format!("is open elsewhere (process {})", child.id());
    assert!(second.err.contains(&holder), "{}", second.err);
    let now = std::fs::read(place.log().unwrap()).unwrap();
    assert_eq!(now, log, "nothing was written");
    // Reading takes no lock.
    place.interline(&["sessions", "show", &id]).with(0);
    place.interline(&["replay", &id]).with(0);
    child.kill().unwrap();
    child.wait().unwrap();
    place
        .interline(&["sessions", "resume", &id, "--diff"])
        .with(0);
}

#[test]
fn who_has_lost_the_lock_writes_no_more() {
    let late = Step {
        delay_ms: 5_000,
        ..Step::say("too late")
    };
    let server = model([edit("two", "2"), late]);
    let place = Place::new().model(&server);
    let mut child = place.start(&["run", "--diff", "please see @notes.txt"]);
    wait("the second request", || server.requests().len() == 2);
    let id = place.session();
    let folder = place.log().unwrap().parent().unwrap().to_owned();
    std::fs::remove_file(folder.join("lock")).unwrap();
    place
        .interline(&["sessions", "resume", &id, "--diff"])
        .with(0);
    assert_eq!(child.wait().unwrap().code(), Some(1));
    place.interline(&["audit", "verify", &id]).with(0);
    place.interline(&["replay", &id]).with(0);
    let shown = place.interline(&["sessions", "show", &id]).with(0).out;
    assert!(!shown.contains("too late"), "{shown}");
}

#[test]
fn a_damaged_record_is_told() {
    let server = model([edit("two", "2"), Step::say("Done.")]);
    let place = Place::new().model(&server);
    place.ask().with(0);
    let state = place.project().join("../home/state");
    let log = find(&state, "jsonl").expect("a log below the state folder");
    let text = std::fs::read_to_string(&log)
        .unwrap()
        .replacen("please", "plEase", 1);
    place.write(log.to_str().unwrap(), text);
    let ended = place.interline(&["audit", "verify"]).with(1);
    assert!(ended.out.contains("damaged"), "{}", ended.out);
}

#[test]
fn a_record_that_is_damaged_in_the_middle_is_gone_on_with_in_a_fork() {
    let server = model([
        Step::call("read", json!({"path": "notes.txt"})),
        edit("two", "2"),
        Step::say("Done."),
        // What stands behind the damage was never said.
        Step {
            allow: vec![Check::Prefix],
            ..Step::say("Again.")
        },
    ]);
    let place = Place::new().model(&server);
    place.ask().with(0);
    let id = place.session();
    let log = place.log().unwrap();
    let whole = std::fs::read_to_string(&log).unwrap();
    let line = 1 + whole
        .lines()
        .position(|line| line.contains("edit.proposed"))
        .unwrap();
    let damaged = whole.replacen("edit.proposed", "edit.propOsed", 1);
    place.write(log.to_str().unwrap(), &damaged);

    let offer = format!("at line {line} (event {}): ", line - 1);
    let command = format!("`interline sessions fork {id}`");
    let list = place.interline(&["sessions"]).with(0).out;
    assert!(list.contains(&offer) && list.contains(&command), "{list}");
    let refused = place.interline(&["sessions", "resume", &id]).with(1).err;
    assert!(
        refused.contains(&offer) && refused.contains(&command),
        "{refused}"
    );

    let forked = place.interline(&["sessions", "fork", &id]).with(0).out;
    let fork = forked.split_whitespace().next().unwrap();
    assert!(forked.contains("left behind: "), "{forked}");
    let events = place
        .interline(&["sessions", "export", fork])
        .with(0)
        .events();
    assert_eq!(events.len(), line);
    assert_eq!(events[0]["type"], "session.forked");
    assert_eq!(events[0]["data"]["of"], id.as_str());
    assert_eq!(events[0]["data"]["events"], line - 1);
    assert_eq!(events[1]["type"], "session.created");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), damaged);

    place.interline(&["audit", "verify", fork]).with(0);
    place.interline(&["replay", fork]).with(0);
    place
        .interline(&["sessions", "resume", fork, "go on", "--diff"])
        .with(0);
    place.interline(&["replay", fork]).with(0);

    // Of one that is whole, too, up to an event; not beyond its end.
    let shorter = place.interline(&["sessions", "fork", fork, "--at", "3"]);
    assert!(shorter.with(0).out.contains("has the first 3 events"));
    place
        .interline(&["sessions", "fork", fork, "--at", "9999"])
        .with(1);
}

#[test]
fn a_record_is_checked_on_another_machine() {
    let server = model([edit("two", "2"), Step::say("Done.")]);
    let place = Place::new().model(&server);
    place
        .interline(&["run", "--apply", "please see @notes.txt"])
        .with(0);
    let key = place.interline(&["audit", "key"]).with(0).out;
    place
        .interline(&["audit", "export", &place.session(), "--output", "bundle"])
        .with(0);
    let statement: Value = serde_json::from_str(&place.read("bundle/statement.json")).unwrap();
    let notes = format!("{:x}", Sha256::digest(place.read("notes.txt")));
    assert_eq!(
        statement["subject"],
        json!([{"name": "notes.txt", "digest": {"sha256": notes}}])
    );

    let elsewhere = Place::new();
    let bundle = place.project().join("bundle");
    let verify = ["audit", "verify", "--bundle", bundle.to_str().unwrap()];
    let own = elsewhere.interline(&verify).with(0).out;
    assert!(own.contains("compare it with one that you trust"), "{own}");
    elsewhere.write("key", &key);
    let verify = [&verify[..], &["--public-key", "key"]].concat();
    elsewhere.interline(&verify).with(0);
    place.write(
        "bundle/statement.json",
        place
            .read("bundle/statement.json")
            .replace("notes", "other"),
    );
    let changed = elsewhere.interline(&verify).with(1).out;
    assert!(changed.contains("statement.json is not what"), "{changed}");
}

#[test]
fn who_has_the_public_key_and_a_checkpoint_sees_what_was_taken_back() {
    let server = model([edit("two", "2"), Step::say("Done.")]);
    let place = Place::new().model(&server);
    place.ask().with(0);
    let key = place.interline(&["audit", "key"]).with(0).out;
    let ok = place
        .interline(&["audit", "verify", "--public-key", key.trim()])
        .with(0)
        .out;
    assert!(ok.contains(" events, all signed, head "), "{ok}");
    let id = ok.split_whitespace().next().unwrap();
    let note = place.interline(&["audit", "checkpoint", id]).with(0).out;
    assert!(
        note.starts_with(&format!("interline/session/{id}\n")),
        "{note}"
    );
    place.write("anchor", &note);
    let anchored = ["audit", "verify", "--checkpoint", "anchor"];
    place.interline(&anchored).with(0);

    let session = place.project().join("../home/state/sessions").join(id);
    let log = session.join("events-00000.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    let (before, _) = text.trim_end().rsplit_once('\n').unwrap();
    place.write(log.to_str().unwrap(), format!("{before}\n"));
    let cut = place.interline(&["audit", "verify"]).with(1).out;
    assert!(cut.contains("the end of the log is gone"), "{cut}");
    std::fs::remove_dir_all(session.join("checkpoints")).unwrap();
    place.interline(&["audit", "verify"]).with(0);
    let back = place.interline(&anchored).with(1).out;
    assert!(back.contains("the end of the log is gone"), "{back}");
    let stranger = key.replace("interline/audit", "stranger");
    place
        .interline(&["audit", "verify", "--public-key", &stranger])
        .with(2);
}

fn find(folder: &std::path::Path, extension: &str) -> Option<std::path::PathBuf> {
    std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            find(&path, extension)
        } else {
            path.extension()
                .is_some_and(|e| e == extension)
                .then_some(path)
        }
    })
}
