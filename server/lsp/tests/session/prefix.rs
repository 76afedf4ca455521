//! The prompt's prefix only grows (I9), whatever goes on in the editor: 200 steps a wire format, compared by what the
//! model got and by what the log says.

use std::collections::BTreeMap;

use interline_log::EventData;
use interline_model::{ModelSpec, Price, Provider, Secret};
use scripted_model::{RecordedRequest, Script, Server, Step};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Client, Setup, at};

const TURNS: usize = 8;
const STEPS: usize = 25;

fn spec(provider: Provider, base_url: &str) -> ModelSpec {
    let version = if provider == Provider::Anthropic {
        ""
    } else {
        "/v1"
    };
    let free = Price {
        input: 0.0,
        output: 0.0,
        cache_read: 0.0,
        cache_write: 0.0,
    };
    ModelSpec {
        name: "m".to_owned(),
        provider,
        id: "m-1".to_owned(),
        base_url: format!("{base_url}{version}"),
        api_key: Some(Secret::new("test")),
        price: Some(free),
        ..ModelSpec::builtin()
    }
}

/// What the model does in one turn: reading, asking other servers, editing, thinking, a question that is answered late.
fn turn(turn: usize) -> Vec<Step> {
    let step = |n: usize| match n % 6 {
        _ if n == 20 => Step::call("ask", json!({ "question": "Which colour?" })),
        0 => Step::call("read", json!({ "path": "a.txt", "end_line": n + 1 })),
        1 => Step::call("diagnostics", json!({ "path": "a.txt" })).think("Is it well?"),
        2 => Step::say("I look. ").and_call("symbols", json!({ "query": format!("s{n}") })),
        3 => {
            let edit = json!({ "old": "three\n", "new": format!("three {turn} {n}\n") });
            Step::call("edit", json!({ "path": "a.txt", "edits": [edit] }))
        }
        4 => Step::call("read", json!({ "path": format!("sub/{turn}/x.txt") }))
            .and_call("grep", json!({ "pattern": format!("o{n}") })),
        _ => Step::call("list", json!({ "path": "sub" }))
            .and_call("glob", json!({ "pattern": format!("*{n}") })),
    };
    let steps = (0..STEPS - 1).map(step);
    steps.chain([Step::say("That is all.")]).collect()
}

/// The editor, as it goes on meanwhile.
struct Editor {
    client: Client,
    /// Calls that have ended.
    calls: usize,
    version: i32,
    /// The text of `b.txt`.
    typed: String,
}

impl Editor {
    /// Goes through a turn to its end.
    async fn work(&mut self, prompt: &str) {
        let argument = json!({ "text": prompt });
        let started = self.client.command("interline.prompt", argument).await;
        assert!(started["result"]["turn"].is_string(), "{started}");
        loop {
            let message = self.client.next().await;
            let event = &message["params"]["event"];
            match message["method"].as_str().unwrap_or_default() {
                "interline/query" => self.answer(&message).await,
                "interline/event" if event["type"] == "turnEnded" => {
                    assert_eq!(event["outcome"], "done", "{event}");
                    return;
                }
                "interline/event" if event["type"] == "callEnded" => {
                    self.calls += 1;
                    self.go_on().await;
                }
                "interline/event" if event["type"] == "question" => {
                    self.go_on().await;
                    let argument = json!({ "text": "blue" });
                    self.client.command("interline.prompt", argument).await;
                }
                _ => {}
            }
        }
    }

    /// The other servers are restarted now and then.
    fn servers_are_gone(&self) -> bool {
        self.calls % 40 > 25
    }

    async fn answer(&mut self, query: &Value) {
        let source = if self.servers_are_gone() { "" } else { "other" };
        let result = json!({ "items": [], "source": source, "settled": true });
        self.client.answer(query, result).await;
    }

    /// The user looks elsewhere, types, saves and steers; diagnostics come and go.
    async fn go_on(&mut self) {
        let n = self.calls;
        let line = u32::try_from(n % 3).unwrap();
        let file = if n.is_multiple_of(4) {
            "b.txt"
        } else {
            "a.txt"
        };
        let uri = self.client.uri(file);
        let focus = json!({ "uri": uri, "selections": [at(line)], "visibleRanges": [at(line)] });
        self.client.notify("interline/didChangeFocus", focus).await;
        let mut wrong =
            vec![json!({ "range": at(line), "severity": 1, "message": format!("bad {}", n % 5) })];
        if self.servers_are_gone() {
            wrong.clear();
        }
        let diagnostics = json!({ "uri": uri, "diagnostics": wrong });
        self.client
            .notify("interline/didChangeDiagnostics", diagnostics)
            .await;
        match n % 9 {
            2 => {
                self.version += 1;
                self.typed = format!("typed {n}\n");
                let change = json!({ "text": self.typed });
                self.client.change("b.txt", self.version, change).await;
            }
            5 => {
                let file = self.client.root.path().join("b.txt");
                std::fs::write(file, &self.typed).unwrap();
                let document = json!({ "textDocument": { "uri": self.client.uri("b.txt") } });
                self.client.notify("textDocument/didSave", document).await;
            }
            7 => {
                let argument = json!({ "text": format!("mind @b.txt and @sub/ too, {n}") });
                self.client.command("interline.prompt", argument).await;
            }
            8 => {
                self.client.command("interline.reject", json!({})).await;
            }
            _ => {}
        }
    }
}

/// A body's parts in the order of the cache, as they were sent.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    tools: &'a RawValue,
    #[serde(borrow, alias = "instructions")]
    system: Option<&'a RawValue>,
    #[serde(borrow, alias = "input")]
    messages: Vec<&'a RawValue>,
}

fn parts(request: &RecordedRequest) -> Vec<String> {
    let body: Body<'_> = serde_json::from_slice(&request.raw).unwrap();
    let head = [Some(body.tools), body.system];
    let all = head.into_iter().flatten().chain(body.messages);
    let mark = r#","cache_control":{"type":"ephemeral"}"#;
    all.map(|part| part.get().replace(mark, "")).collect()
}

/// LCP over the length of the one before, by bytes.
fn stability(before: &[String], after: &[String]) -> f64 {
    let (before, after) = (before.concat(), after.concat());
    let both = before.bytes().zip(after.bytes());
    let common = both.take_while(|(one, other)| one == other).count();
    common as f64 / before.len() as f64
}

async fn session(provider: Provider) {
    let steps = (0..TURNS).flat_map(turn);
    let model = Server::start(Script::of(steps)).await;
    let mut setup = Setup::new(None).interline(json!({ "event": true, "query": true }));
    setup.models = vec![spec(provider, &model.base_url())];
    for (file, text) in [
        ("a.txt", "one\ntwo\nthree\n"),
        ("b.txt", "b\n"),
        ("AGENTS.md", "be kind\n"),
    ] {
        std::fs::write(setup.root.path().join(file), text).unwrap();
    }
    for turn in 0..TURNS {
        let folder = setup.root.path().join(format!("sub/{turn}"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("x.txt"), "x\n").unwrap();
        std::fs::write(folder.join("CLAUDE.md"), format!("folder {turn}\n")).unwrap();
    }
    let (mut client, _) = setup.start().await;
    client.open("a.txt", "one\ntwo\nthree\n").await;
    client.open("b.txt", "b\n").await;
    let mut editor = Editor {
        client,
        calls: 0,
        version: 1,
        typed: "b\n".to_owned(),
    };
    for turn in 0..TURNS {
        editor.work(&format!("go on with @a.txt:1-2, {turn}")).await;
    }

    let requests = model.requests();
    assert!(requests.len() >= TURNS * STEPS, "{}", requests.len());
    let sent: Vec<_> = requests.iter().map(parts).collect();
    for (n, (before, after)) in sent.iter().zip(sent.iter().skip(1)).enumerate() {
        let stability = stability(before, after);
        assert!(
            stability == 1.0,
            "{provider:?} request {}: {stability}",
            n + 1
        );
    }
    told(&sent);
    logged(&editor.client, requests.len());
}

/// There was something to tell, and it was told where it was new.
fn told(sent: &[Vec<String>]) {
    let all = sent.last().unwrap().concat();
    let counts: BTreeMap<_, _> = [
        ("<focus file=", 20),
        ("none any more", 5),
        ("<unsaved>b.txt", 2),
        ("<review>", 2),
        ("bad ", 20),
        ("<file path=", 8),
        ("<folder path=", 2),
    ]
    .into_iter()
    .map(|(tag, least)| (tag, (all.matches(tag).count(), least)))
    .collect();
    assert!(
        counts.values().all(|(count, least)| count >= least),
        "{counts:?}"
    );
    for once in ["be kind", "folder 0", "folder 7", "<today>"] {
        assert_eq!(all.matches(once).count(), 1, "{once}");
    }
}

fn logged(client: &Client, requests: usize) {
    let store = interline_log::Store::new(client.state.path().join("sessions"));
    let sessions = store.list().unwrap();
    let events = store.read(sessions[0].id).unwrap();
    let prefixes: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.data {
            EventData::RequestSent { prefix, .. } => Some(prefix.clone().unwrap()),
            _ => None,
        })
        .collect();
    assert_eq!(prefixes.len(), requests);
    assert_eq!(prefixes[0].stability(), None);
    for (before, prefix) in prefixes.iter().zip(prefixes.iter().skip(1)) {
        assert_eq!(prefix.stability(), Some(1.0), "{prefix:?}");
        assert_eq!(prefix.before, before.bytes);
        assert_eq!(prefix.reason, "");
    }
    let state = interline_agent::state(&events);
    assert!(state.contains("prompt prefix: 1.000 stable"), "{state}");
}

#[tokio::test]
async fn two_hundred_steps_keep_the_prefix_on_anthropics_wire() {
    session(Provider::Anthropic).await;
}

#[tokio::test]
async fn two_hundred_steps_keep_the_prefix_on_the_chat_wire() {
    session(Provider::OpenaiChat).await;
}

#[tokio::test]
async fn two_hundred_steps_keep_the_prefix_on_the_responses_wire() {
    session(Provider::OpenaiResponses).await;
}

#[tokio::test]
async fn another_mode_is_why_a_prefix_is_another() {
    let model = Server::start(Script::of([Step::say("one"), Step::say("two")])).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    let ended = |params: &Value| params["event"]["type"] == "turnEnded";
    client
        .command("interline.prompt", json!({ "text": "first" }))
        .await;
    client.sees("interline/event", ended).await;
    client
        .command("interline.mode", json!({ "mode": "plan" }))
        .await;
    client
        .command("interline.prompt", json!({ "text": "second" }))
        .await;
    client.sees("interline/event", ended).await;
    let store = interline_log::Store::new(client.state.path().join("sessions"));
    let sessions = store.list().unwrap();
    let events = store.read(sessions[0].id).unwrap();
    let last = events.iter().rev().find_map(|event| match &event.data {
        EventData::RequestSent { prefix, .. } => prefix.clone(),
        _ => None,
    });
    let last = last.unwrap();
    assert_eq!(last.reason, "mode");
    assert!(last.kept > 4_096 && last.kept < last.before, "{last:?}");
    let state = interline_agent::state(&events);
    assert!(state.contains(", by mode"), "{state}");
    model.take_violations();
}
