//! What a run costs: turnaround of its steps, processor time, memory; a long stream; a stream that is cut.

use scripted_model::{Script, Server, Step, StreamFault};
use serde_json::json;

use crate::editor::Editor;
use crate::place::{Place, cpu_of_ended_children};
use crate::table::{Bar, line, milliseconds};

const STEPS: usize = 50;
const DELTAS: usize = 50_000;
const RUNS: usize = 10;

pub(crate) fn bench() {
    steps();
    stream_in_a_run();
    stream_in_the_server();
    cut();
}

/// Reads and edits of a small file in turns, then the answer.
fn steps() {
    let (mut turnarounds, mut cpu, mut peak) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let steps = (0..STEPS).map(|step| match step % 2 {
            0 => Step::call("read", json!({ "path": "notes.rs" })),
            _ => edit(step / 2),
        });
        let (server, place) = model(steps.chain([Step::say("Done.")]));
        place.write("notes.rs", "fn one() {}\nconst N: usize = 0;\n");
        let ran = place.run("please");
        let last = format!("+const N: usize = {};", STEPS / 2);
        assert!(ran.stdout.contains(&last), "{}", ran.stdout);
        let requests = server.requests();
        assert_eq!(requests.len(), STEPS + 1);
        turnarounds.extend(requests.windows(2).map(|pair| {
            let answered = pair[0].answered_at.unwrap();
            milliseconds(pair[1].at.saturating_duration_since(answered))
        }));
        cpu.push(ran.cpu.as_secs_f64());
        peak.push(ran.peak);
    }
    line(
        "run: turnaround of a step, ms",
        Bar::Median(1.0),
        turnarounds,
    );
    line("run: processor time of 51 requests, s", Bar::Max(0.2), cpu);
    line(
        "run: peak resident memory of 51 requests, MB",
        Bar::Max(25.0),
        peak,
    );
}

fn edit(number: usize) -> Step {
    let line = |number| format!("const N: usize = {number};");
    let edit = json!({ "old": line(number), "new": line(number + 1) });
    Step::call("edit", json!({ "path": "notes.rs", "edits": [edit] }))
}

fn long_answer() -> Step {
    Step {
        deltas: Some(DELTAS),
        ..Step::say("lorem ")
    }
}

fn stream_in_a_run() {
    let mut cpu = Vec::new();
    for _ in 0..RUNS {
        let (_server, place) = model([long_answer()]);
        let ran = place.run("please");
        assert_eq!(ran.stdout.matches("lorem").count(), DELTAS);
        cpu.push(ran.cpu.as_secs_f64());
    }
    line(
        "run: processor time of 50,000 deltas, s",
        Bar::Max(0.15),
        cpu,
    );
}

/// The same with an editor that takes the events. Start and end of the server are in it.
fn stream_in_the_server() {
    let mut cpu = Vec::new();
    for _ in 0..RUNS {
        let (_server, place) = model([long_answer()]);
        let before = cpu_of_ended_children();
        let mut editor = Editor::new(&place);
        editor.command("interline.prompt", json!({ "text": "please" }));
        editor.wait_for_end();
        let events = editor.events.iter().map(|told| &told["event"]);
        let texts = events.filter(|event| event["type"] == "text");
        let words = texts.map(|text| text["delta"].as_str().unwrap().matches("lorem").count());
        assert_eq!(words.sum::<usize>(), DELTAS);
        editor.end();
        cpu.push((cpu_of_ended_children() - before).as_secs_f64());
    }
    line(
        "lsp: processor time of 50,000 deltas, s",
        Bar::Max(0.15),
        cpu,
    );
}

fn cut() {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let half = Step::say("half of an answer that never comes to its end")
            .fault(StreamFault::CutAfterBytes(600));
        let (server, place) = model([half, Step::say("The whole.")]);
        let ran = place.run("please");
        assert!(ran.stdout.contains("The whole."), "{}", ran.stdout);
        let requests = server.requests();
        assert_eq!(requests.len(), 2);
        times.push(milliseconds(
            requests[1].at - requests[0].answered_at.unwrap(),
        ));
    }
    line("run: cut stream to its retry, ms", Bar::Max(300.0), times);
}

fn model(steps: impl IntoIterator<Item = Step>) -> (Server, Place) {
    let server = Server::launch(Script::of(steps), None).unwrap();
    let place = Place::new().model(&server);
    (server, place)
}
