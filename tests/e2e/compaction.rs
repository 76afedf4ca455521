//! A long session with a small window: the conversation is compacted, and nothing that counts is lost on the way.

use std::collections::BTreeSet;

use interline_log::{Event, EventData, SessionId, Store, SummaryBy};
use scripted_model::{Check, RecordedRequest, Script, Server, Step, Usage, When};
use serde_json::{Value, json};

use crate::place::Place;

const RULES: &str = "Never use tabs in this project.\nKeep the public interface as it is.\n";
const REQUEST: &str =
    "Port every module to the new interface, one by one, and keep the tests green";

/// Where the wires answer.
const WIRES: [(&str, &str); 3] = [
    ("anthropic", ""),
    ("openai-chat", "/v1"),
    ("openai-responses", "/v1"),
];

/// The model `m` at this server, with a small window and room for many steps.
fn serve(place: &Place, server: &Server, provider: &str, window: u64) {
    let suffix = WIRES.iter().find(|(wire, _)| *wire == provider).unwrap().1;
    place.config(&format!(
        "model = \"m\"\n[models.m]\nprovider = \"{provider}\"\nid = \"m-1\"\nbase_url = \"{}{suffix}\"\n\
         api_key_env = \"KEY\"\ncontext_window = {window}\nmax_output = 1000\n\
         price = {{ input = 1.0, output = 1.0, cache_read = 1.0, cache_write = 1.0 }}\n[budget]\nmax_steps = 1000\n",
        server.base_url()
    ));
}

fn place(server: &Server, provider: &str, window: u64) -> Place {
    let place = Place::new().env("KEY", "test-key-1234");
    serve(&place, server, provider, window);
    place.write("AGENTS.md", RULES);
    for module in 0..40 {
        let lines = (0..60).map(|line| format!("fn module_{module}_line_{line}() {{}}\n"));
        place.write(&format!("src/m{module}.rs"), lines.collect::<String>());
    }
    place
}

fn read(module: usize) -> Step {
    Step::call("read", json!({"path": format!("src/m{}.rs", module % 40)}))
}

fn todo(done: usize) -> Step {
    let status = |at: usize| match at.cmp(&done) {
        std::cmp::Ordering::Less => "done",
        std::cmp::Ordering::Equal => "active",
        std::cmp::Ordering::Greater => "pending",
    };
    let items: Vec<_> = (0..4)
        .map(|at| json!({"text": format!("part {at} of the port"), "status": status(at)}))
        .collect();
    Step::call("todo", json!({ "items": items }))
}

/// 200 steps: reads, thinking, a plan that goes on, edits.
fn steps(count: usize) -> Vec<Step> {
    let step = |at: usize| match at % 10 {
        0 => todo(at * 4 / count),
        3 => read(at).think("Which of these are used?"),
        6 => Step::call(
            "edit",
            json!({"path": format!("src/m{}.rs", at / 10), "edits": [
                {"old": format!("fn module_{}_line_7() {{}}", at / 10), "new": format!("fn module_{}_port_7() {{}}", at / 10)}
            ]}),
        ),
        _ => read(at),
    };
    let mut steps: Vec<_> = (0..count - 1).map(step).collect();
    steps.push(Step::say("All modules are ported."));
    steps
}

/// The script, whose summaries stand beside the steps: a request for one holds a transcript.
fn script(steps: Vec<Step>) -> Script {
    let mut script = Script::of(steps).allow(Check::Prefix);
    let summary =
        Step::say("SUMMARY: the modules were read in order, and those up to here are ported.");
    script.rules.push(scripted_model::Rule {
        when: When {
            last_user_contains: Some("<transcript>".to_owned()),
            ..When::default()
        },
        steps: vec![summary],
    });
    script
}

fn events(place: &Place) -> (SessionId, Vec<Event>) {
    let id: SessionId = place.session().parse().unwrap();
    let store = Store::new(place.beside("home/state/sessions"));
    (id, store.read(id).unwrap())
}

/// The bytes of each request are made again, and the turn loop lives through the record again.
fn replays(place: &Place, id: SessionId) {
    let id = id.to_string();
    place.interline(&["replay", &id]).with(0);
    place
        .interline(&["replay", &id, "--against", "recorded"])
        .with(0);
}

fn is_summary(request: &RecordedRequest) -> bool {
    request
        .body
        .get("tools")
        .is_none_or(|tools| tools.as_array().is_none_or(Vec::is_empty))
}

fn count(events: &[Event], fits: impl Fn(&EventData) -> bool) -> usize {
    events.iter().filter(|event| fits(&event.data)).count()
}

fn committed(data: &EventData) -> bool {
    matches!(data, EventData::CompactCommitted { .. })
}

#[test]
fn two_hundred_steps_in_a_small_window() {
    for (provider, _) in WIRES {
        let server = Server::launch(script(steps(200)), None).unwrap();
        let place = place(&server, provider, 16_000);
        let ended = place.interline(&["run", "--trust", "--diff", REQUEST]);
        assert_eq!(server.violations(), [], "{provider}");
        let ended = ended.with(0);
        assert_eq!(server.steps_left(), 0, "{provider}: {}", ended.err);
        let (id, events) = events(&place);
        replays(&place, id);
        place.interline(&["audit", "verify"]).with(0);

        let compactions = count(&events, committed);
        assert!(
            (3..=60).contains(&compactions),
            "{provider}: {compactions} compactions in 200 steps"
        );
        let requests = server.requests();
        let summaries = requests
            .iter()
            .filter(|request| is_summary(request))
            .count();
        assert!(
            (1..=30).contains(&summaries),
            "{provider}: {summaries} summaries"
        );
        let by_model = count(
            &events,
            |data| matches!(data, EventData::CompactCommitted { summary: Some(summary), .. } if summary.by == SummaryBy::Model),
        );
        assert_eq!(by_model, summaries, "{provider}");
        // Both stages have been.
        let cleared = count(&events, |data| {
            matches!(data, EventData::CompactCommitted { summary: None, .. })
        });
        assert!(
            cleared > 0,
            "{provider}: nothing was cleared without a summary"
        );
        nothing_is_lost(&requests, provider);
        at_most_one_between_two_requests(&events);
        the_summaries_are_paid_for(&events, &requests);
    }
}

/// The same conversation, of which a provider says that it has few tokens or many, most of them from its cache.
#[test]
fn what_the_provider_counts_decides_when_room_is_made() {
    let few = Usage {
        input: 600,
        output: 10,
        ..Usage::default()
    };
    let many = Usage {
        input: 10,
        output: 10,
        cache_read: 20_000,
        ..Usage::default()
    };
    for (provider, _) in WIRES {
        let compactions = [few, many].map(|usage| {
            let counted = |step| Step {
                usage: Some(usage),
                ..step
            };
            let reads = (0..10).map(read).chain([Step::say("Read.")]);
            let server = Server::launch(script(reads.map(counted).collect()), None).unwrap();
            let place = place(&server, provider, 24_000);
            place
                .interline(&["run", "--trust", "--diff", REQUEST])
                .with(0);
            count(&events(&place).1, committed)
        });
        assert_eq!(compactions[0], 0, "{provider}: few tokens");
        assert!(compactions[1] > 0, "{provider}: many tokens");
    }
}

/// Instructions and the request stand in each request, the plan with where it is in each that had one before.
fn nothing_is_lost(requests: &[RecordedRequest], provider: &str) {
    let mut planned = false;
    for (at, request) in requests
        .iter()
        .enumerate()
        .filter(|(_, request)| !is_summary(request))
    {
        let text = texts(&request.body);
        for lost in [RULES.trim(), REQUEST] {
            assert!(
                text.contains(lost),
                "{provider}: {lost:?} is not in request {at}"
            );
        }
        assert_eq!(
            text.matches(RULES.trim()).count(),
            1,
            "{provider}: {at}: rules once"
        );
        assert!(
            request.raw.len() < 16_000 * 5,
            "{provider}: request {at} has {} bytes",
            request.raw.len()
        );
        let plan = [
            "[done] part",
            "[active] part",
            "\"status\":\"active\"",
            "\\\"status\\\":\\\"active\\\"",
        ];
        let has = plan.iter().any(|mark| text.contains(mark));
        assert!(has || !planned, "{provider}: no plan in request {at}");
        planned |= has;
    }
    assert!(planned);
}

fn at_most_one_between_two_requests(events: &[Event]) {
    let mut since = 0;
    for event in events {
        match &event.data {
            EventData::RequestSent { .. } => since = 0,
            data if committed(data) => since += 1,
            _ => {}
        }
        assert!(since <= 1, "event {}", event.seq);
    }
}

/// What the provider counted for all requests, summaries included, is what the log says was spent.
fn the_summaries_are_paid_for(events: &[Event], requests: &[RecordedRequest]) {
    let counted = count(events, |data| {
        matches!(data, EventData::ResponseStopped { .. })
    });
    assert_eq!(counted, requests.len());
    let reserved = count(events, |data| {
        matches!(data, EventData::BudgetReserved { .. })
    });
    assert_eq!(reserved, requests.len());
}

/// All strings of a value.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(items) => items.iter().map(texts).collect(),
        Value::Object(fields) => {
            let strings = fields.iter().map(|(name, value)| match value {
                // A call's arguments are JSON in one wire and text in others.
                Value::Object(_) if name == "input" => value.to_string(),
                other => texts(other),
            });
            strings.collect()
        }
        _ => String::new(),
    }
}

#[test]
fn unchanged_prefixes_but_at_compactions() {
    let server = Server::launch(script(steps(60)), None).unwrap();
    let place = place(&server, "anthropic", 16_000);
    place
        .interline(&["run", "--trust", "--diff", REQUEST])
        .with(0);
    let (_, events) = events(&place);
    let requests = server.requests();
    let asked: Vec<_> = requests
        .iter()
        .filter(|request| !is_summary(request))
        .collect();
    let mut compacted_before = Vec::new();
    let mut fresh = false;
    for event in &events {
        match &event.data {
            EventData::RequestSent { .. } => compacted_before.push(std::mem::take(&mut fresh)),
            data => fresh |= committed(data),
        }
    }
    assert_eq!(asked.len(), compacted_before.len());
    for (at, pair) in asked.windows(2).enumerate() {
        let [before, after] = [pair[0], pair[1]].map(|request| {
            let messages = request.body["messages"].as_array().unwrap();
            messages.iter().map(without_marks).collect::<Vec<_>>()
        });
        let grew = after.starts_with(&before);
        assert_eq!(!grew, compacted_before[at + 1], "request {}", at + 1);
    }
}

fn without_marks(value: &Value) -> String {
    let text = value.to_string();
    text.replace("\"cache_control\":{\"type\":\"ephemeral\"},", "")
        .replace(",\"cache_control\":{\"type\":\"ephemeral\"}", "")
}

#[test]
fn a_request_that_is_refused_as_too_long_is_sent_once_more_and_shorter() {
    for (provider, _) in WIRES {
        let too_long = |status| Step {
            fault: Some(scripted_model::Fault::Status(scripted_model::StatusFault {
                status,
                message: Some("prompt is too long: context_length_exceeded".to_owned()),
                ..Default::default()
            })),
            ..Step::default()
        };
        for status in [400, 413] {
            let mut all: Vec<_> = (0..12).map(read).collect();
            all.push(too_long(status));
            all.extend([read(20), Step::say("Done.")]);
            let server = Server::launch(script(all), None).unwrap();
            let place = place(&server, provider, 1_000_000);
            place
                .interline(&["run", "--trust", "--diff", REQUEST])
                .with(0);
            assert_eq!((server.violations(), server.steps_left()), (Vec::new(), 0));
            let (id, events) = events(&place);
            replays(&place, id);
            assert_eq!(count(&events, committed), 1, "{provider} {status}");
            let requests = server.requests();
            nothing_is_lost_without_plan(&requests);
            let refused = requests
                .iter()
                .find(|request| request.status == status)
                .unwrap();
            let next = requests.last().unwrap();
            assert!(
                next.raw.len() < refused.raw.len() / 4 * 3 + 4_000,
                "{provider}"
            );
        }
        // What is refused again ends the turn, and says what takes the place.
        let mut all: Vec<_> = (0..12).map(read).collect();
        all.extend([too_long(400), too_long(400)]);
        let server = Server::launch(script(all), None).unwrap();
        let place = place(&server, provider, 1_000_000);
        let ended = place
            .interline(&["run", "--trust", "--diff", REQUEST])
            .with(1);
        assert!(
            ended.err.contains("no longer fits the model's context"),
            "{}",
            ended.err
        );
        assert_eq!(count(&events(&place).1, committed), 1, "{provider}");
    }
}

fn nothing_is_lost_without_plan(requests: &[RecordedRequest]) {
    for request in requests.iter().filter(|request| !is_summary(request)) {
        let text = texts(&request.body);
        assert!(text.contains(RULES.trim()) && text.contains(REQUEST));
    }
}

#[test]
fn without_a_summary_from_the_model_the_log_has_one() {
    let mut long = script(steps(60));
    // Refusals, silence and errors.
    long.rules[0].steps = vec![
        Step::status(400),
        Step::say(" "),
        Step {
            stop: Some(scripted_model::Stop::Refusal),
            ..Step::say("no")
        },
    ];
    let server = Server::launch(long, None).unwrap();
    let place = place(&server, "anthropic", 16_000);
    place
        .interline(&["run", "--trust", "--diff", REQUEST])
        .with(0);
    let (id, events) = events(&place);
    replays(&place, id);
    let by_log = count(
        &events,
        |data| matches!(data, EventData::CompactCommitted { summary: Some(summary), .. } if summary.by == SummaryBy::Log),
    );
    assert!(by_log > 0);
    nothing_is_lost(&server.requests(), "anthropic");
}

#[test]
fn the_transcript_keeps_everything_and_later_turns_know_what_is_over() {
    let mut all = steps(60);
    all.push(Step::say("Yes."));
    let server = Server::launch(script(all), None).unwrap();
    let place = place(&server, "anthropic", 16_000);
    place
        .interline(&["run", "--trust", "--diff", REQUEST])
        .with(0);
    let (id, _) = events(&place);
    let id = id.to_string();
    place
        .interline(&[
            "sessions",
            "resume",
            &id,
            "is it done?",
            "--trust",
            "--diff",
        ])
        .with(0);
    let shown = place.interline(&["sessions", "show", &id]).with(0).out;
    let reads: BTreeSet<_> = (0..59)
        .filter(|at| !matches!(at % 10, 0 | 6))
        .map(|at| at % 40)
        .collect();
    for module in reads {
        assert!(
            shown.contains(&format!("src/m{module}.rs")),
            "m{module} is not in the transcript"
        );
    }
    assert!(
        shown.contains("The conversation was compacted from about "),
        "{shown}"
    );
    assert_eq!(shown.matches("All modules are ported.").count(), 1);
}

#[test]
fn what_is_always_there_and_too_much_ends_the_turn_with_its_size() {
    let server = Server::launch(script(steps(60)), None).unwrap();
    let place = place(&server, "anthropic", 5_000);
    place.write(
        "AGENTS.md",
        format!("{RULES}{}", "Mind this rule too.\n".repeat(600)),
    );
    let ended = place
        .interline(&["run", "--trust", "--diff", REQUEST])
        .with(1);
    assert!(
        ended.err.contains("tools and system prompt take about"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("instruction files"), "{}", ended.err);
    let requests = server.requests().len();
    assert!(requests < 8, "{requests}");
    let (id, _) = events(&place);
    replays(&place, id);
}

/// The process is killed at each event of a compaction: what is on record can be gone on with, and nothing is lost.
#[test]
fn killed_in_the_middle_of_a_compaction() {
    let slow = |step: Step| Step {
        delay_ms: 20,
        ..step
    };
    let slowly = || {
        let mut script = script(steps(44).into_iter().map(slow).collect());
        let summaries = std::mem::take(&mut script.rules[0].steps);
        script.rules[0].steps = summaries.into_iter().map(slow).collect();
        script
    };
    let kind = |event: &Event| match event.data {
        EventData::CompactAsked { .. } => Some("asked"),
        EventData::CompactSent { .. } => Some("sent"),
        EventData::CompactCommitted {
            summary: Some(_), ..
        } => Some("committed"),
        _ => None,
    };
    let undisturbed = {
        let server = Server::launch(slowly(), None).unwrap();
        let place = place(&server, "anthropic", 16_000);
        place
            .interline(&["run", "--trust", "--diff", REQUEST])
            .with(0);
        events(&place).1
    };
    let at = |what| {
        undisturbed
            .iter()
            .position(|event| kind(event) == Some(what))
            .unwrap()
    };
    for lines in at("asked")..at("committed") + 4 {
        let place = {
            let server = Server::launch(slowly(), None).unwrap();
            let place = place(&server, "anthropic", 16_000);
            let mut child = place.start(&["run", "--trust", "--diff", REQUEST]);
            crate::place::wait("the compaction", || {
                let said = place.said();
                said.bytes().filter(|byte| *byte == b'\n').count() >= lines
            });
            child.kill().unwrap();
            child.wait().unwrap();
            place
        };
        let (id, before) = events(&place);
        assert!(before.len() >= lines, "{lines}");
        replays(&place, id);

        let call = |at: usize| {
            let mut step = read(at);
            // Another server would count its ids from the first again.
            step.calls[0].id = Some(format!("go_on_{at}"));
            step
        };
        let more: Vec<_> = (0..6).map(call).chain([Step::say("Done.")]).collect();
        let mut more = script(more);
        // Nor does it know what the first one signed.
        more = more.allow(Check::Thinking);
        let server = Server::launch(more, None).unwrap();
        serve(&place, &server, "anthropic", 16_000);
        place
            .interline(&[
                "sessions",
                "resume",
                &id.to_string(),
                "go on",
                "--trust",
                "--diff",
            ])
            .with(0);
        assert_eq!((server.violations(), server.steps_left()), (Vec::new(), 0));
        let requests = server.requests();
        let first = requests
            .iter()
            .find(|request| !is_summary(request))
            .unwrap();
        for kept in [RULES.trim(), REQUEST, "go on"] {
            assert!(texts(&first.body).contains(kept), "{lines}: {kept:?}");
        }
        replays(&place, id);
        place.interline(&["audit", "verify"]).with(0);
    }
}
