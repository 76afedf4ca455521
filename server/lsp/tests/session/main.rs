//! Whole sessions over the protocol, as an editor without a plugin has them, with a scripted model.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests; fixtures are files"
)]

mod anew;
mod client;
mod compact;
mod elsewhere;
mod folders;
mod mentions;
mod permission;
mod plain;
mod prefix;
mod talk;
mod verdict;

use client::{Client, Setup};
use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

const TEXT: &str = "one\ntwo\nthree\n";

fn titles(answer: &Value) -> Vec<&str> {
    answer["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["title"].as_str().unwrap())
        .collect()
}

fn at(line: u32) -> Value {
    json!({ "start": { "line": line, "character": 0 }, "end": { "line": line, "character": 0 } })
}

async fn actions(client: &mut Client, line: u32, context: Value) -> Value {
    let uri = client.uri("a.txt");
    let params = json!({ "textDocument": { "uri": uri }, "range": at(line), "context": context });
    client.request("textDocument/codeAction", params).await
}

/// A model that proposes `TWO` for line 2 of `a.txt`, and a client that has seen the hunk.
async fn proposed(interline: Value) -> (Server, Client, Value) {
    let edit = json!({ "path": "a.txt", "edits": [{ "old": "two", "new": "TWO" }] });
    let model = Server::start(Script::of([Step::call("edit", edit), Step::say("done")])).await;
    let (mut client, _) = Client::start(Some(model.base_url()), interline).await;
    std::fs::write(client.root.path().join("a.txt"), TEXT).unwrap();
    client.open("a.txt", TEXT).await;
    let argument = json!({ "instruction": "shout", "uri": client.uri("a.txt"), "range": at(1) });
    let answer = client.command("interline.edit", argument).await;
    assert!(answer["result"]["turn"].is_string(), "{answer}");
    let hunk = client.sees("textDocument/publishDiagnostics", |params| {
        params["diagnostics"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
    });
    let hunk = hunk.await["params"].clone();
    (model, client, hunk)
}

#[tokio::test]
async fn actions_are_offered_and_arguments_checked() {
    let (mut client, answer) = Client::start(None, json!({})).await;
    assert_eq!(
        answer["capabilities"]["experimental"]["interline"]["version"],
        1
    );
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    client.open("a.txt", "# interline: sort these\ntwo\n").await;

    let all = actions(&mut client, 0, json!({ "diagnostics": [] })).await;
    assert_eq!(
        titles(&all),
        [
            "Fix this file with Interline",
            "Do what this comment says",
            "Document with Interline",
            "Write tests with Interline",
            "Simplify with Interline",
        ]
    );
    let diagnostic = json!({ "range": at(1), "message": "wrong", "source": "other" });
    let fixes = actions(
        &mut client,
        1,
        json!({ "diagnostics": [diagnostic], "only": ["quickfix"] }),
    )
    .await;
    assert_eq!(
        titles(&fixes),
        ["Fix with Interline", "Explain with Interline"]
    );

    for (command, argument, named) in [
        (
            "interline.edit",
            json!({ "uri": client.uri("a.txt") }),
            "instruction",
        ),
        (
            "interline.edit",
            json!({ "uri": client.uri("a.txt"), "instruction": "x", "rnge": 1 }),
            "rnge",
        ),
        (
            "interline.fix",
            json!({ "uri": client.uri("a.txt"), "range": { "start": 3 } }),
            "range",
        ),
        (
            "interline.fix",
            json!({ "uri": "file:///elsewhere/a.txt" }),
            "uri",
        ),
        ("interline.mode", json!({ "mode": "yolo" }), "mode"),
        ("interline.accept", json!([]), "object"),
        ("interline.nothing", json!({}), "interline.nothing"),
    ] {
        let answer = client.command(command, argument).await;
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(named),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_hunk_moves_with_the_text_and_lands_where_it_is() {
    let (_model, mut client, hunk) = proposed(json!({})).await;
    assert_eq!(hunk["diagnostics"][0]["source"], "interline");
    assert_eq!(hunk["diagnostics"][0]["code"], "hunk");
    assert_eq!(hunk["diagnostics"][0]["range"]["start"]["line"], 1);

    client
        .change("a.txt", 2, json!({ "range": at(0), "text": "zero\n" }))
        .await;
    let moved = client
        .sees("textDocument/publishDiagnostics", |params| {
            params["version"] == 2
        })
        .await;
    assert_eq!(
        moved["params"]["diagnostics"][0]["range"]["start"]["line"],
        2
    );
    let offered = actions(
        &mut client,
        2,
        json!({ "diagnostics": [], "only": ["quickfix"] }),
    )
    .await;
    assert!(
        titles(&offered).starts_with(&["Accept this change", "Reject this change"]),
        "{offered}"
    );

    let accept = offered["result"][0]["command"]["arguments"][0].clone();
    client.command("interline.accept", accept).await;
    let apply = client.sees("workspace/applyEdit", |_| true).await;
    let change = &apply["params"]["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"]["version"], 2);
    let edit = &change["edits"][0];
    assert_eq!(edit["range"]["start"]["line"], 2, "{edit}");
    let (range, text) = (edit["range"].clone(), edit["newText"].clone());
    // As Neovim does: the answer comes before the change.
    client.answer(&apply, json!({ "applied": true })).await;
    client
        .change("a.txt", 3, json!({ "range": range, "text": text }))
        .await;
    client
        .sees("textDocument/publishDiagnostics", |params| {
            params["diagnostics"] == json!([])
        })
        .await;
    let left = client.command("interline.hunks", json!({})).await;
    assert_eq!(left["result"]["documents"], json!([]));
}

#[tokio::test]
async fn a_turns_hunks_come_before_its_end() {
    let edit = json!({ "path": "a.txt", "edits": [{ "old": "two", "new": "TWO" }] });
    let steps = [Step::call("edit", edit), Step::say("done")];
    let model = Server::start(Script::of(steps)).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    client.open("a.txt", TEXT).await;
    let shout = json!({ "text": "shout in @a.txt" });
    client.command("interline.prompt", shout).await;
    let first = client
        .sees("interline/event", |params| {
            let kind = &params["event"]["type"];
            kind == "hunksChanged" || kind == "turnEnded"
        })
        .await;
    assert_eq!(first["params"]["event"]["type"], "hunksChanged");
}

#[tokio::test]
async fn a_rejected_hunk_goes_and_nothing_is_edited() {
    let (_model, mut client, _) = proposed(json!({ "event": true })).await;
    let pending = client.command("interline.hunks", json!({})).await;
    let hunk = &pending["result"]["documents"][0]["hunks"][0];
    assert_eq!(hunk["newLines"], json!(["TWO"]));
    client
        .command("interline.reject", json!({ "hunk": hunk["id"] }))
        .await;
    client
        .sees("interline/event", |params| {
            params["event"]["type"] == "hunksChanged"
                && params["event"]["documents"][0]["hunks"] == json!([])
        })
        .await;
    let again = client
        .command("interline.reject", json!({ "hunk": hunk["id"] }))
        .await;
    assert!(
        again["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no longer pending"),
        "{again}"
    );
}

#[tokio::test]
async fn a_prompt_denies_first_and_a_dismissal_is_a_denial() {
    let shell = json!({ "command": "touch ran" });
    let model = Server::start(Script::of([
        Step::call("shell", shell),
        Step::say("could not"),
    ]))
    .await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    client
        .command("interline.prompt", json!({ "text": "touch it" }))
        .await;
    let prompt = client.sees("window/showMessageRequest", |_| true).await;
    assert_eq!(prompt["params"]["actions"][0]["title"], "Deny");
    assert_eq!(prompt["params"]["actions"][1]["title"], "Allow once");
    client.answer(&prompt, Value::Null).await;
    let ended = client
        .sees("interline/event", |params| {
            params["event"]["type"] == "callEnded"
        })
        .await;
    assert_eq!(ended["params"]["event"]["status"], "denied");
    client
        .sees("interline/event", |params| {
            params["event"]["type"] == "turnEnded"
        })
        .await;
    assert!(!client.root.path().join("ran").exists());
}

#[tokio::test]
async fn a_running_turn_is_cancelled_by_its_progress() {
    let shell = json!({ "command": "touch ran" });
    let model = Server::start(Script::of([Step::call("shell", shell)])).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    client.open("a.txt", TEXT).await;
    client
        .command("interline.prompt", json!({ "text": "wait" }))
        .await;
    let begun = client
        .sees("$/progress", |params| params["value"]["kind"] == "begin")
        .await;
    client.sees("window/showMessageRequest", |_| true).await;
    let offered = actions(
        &mut client,
        0,
        json!({ "diagnostics": [], "only": ["quickfix"] }),
    )
    .await;
    assert_eq!(
        titles(&offered),
        ["Fix this file with Interline", "Cancel Interline"]
    );
    client
        .notify(
            "window/workDoneProgress/cancel",
            json!({ "token": begun["params"]["token"] }),
        )
        .await;
    let ended = client
        .sees("interline/event", |params| {
            params["event"]["type"] == "turnEnded"
        })
        .await;
    assert_eq!(ended["params"]["event"]["outcome"], "cancelled");
    client
        .sees("$/progress", |params| params["value"]["kind"] == "end")
        .await;
}
