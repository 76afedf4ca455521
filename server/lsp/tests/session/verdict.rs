//! What is known of a hunk stands on it, and a fix waits for that.

use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

use super::{Client, TEXT, actions, at, proposed, titles};

/// The verdict of the one hunk there is; null: it has none, or there is no hunk.
async fn verdict(client: &mut Client) -> Value {
    let answer = client.command("interline.hunks", json!({})).await;
    answer["result"]["documents"][0]["hunks"][0]["verdict"].clone()
}

async fn lenses(client: &mut Client) -> Vec<String> {
    let params = json!({ "textDocument": { "uri": client.uri("a.txt") } });
    let answer = client.request("textDocument/codeLens", params).await;
    let lenses = answer["result"].as_array().unwrap().iter();
    let title = |lens: &Value| lens["command"]["title"].as_str().unwrap().to_owned();
    lenses.map(title).collect()
}

async fn hover(client: &mut Client, line: u32) -> Value {
    let position = json!({ "line": line, "character": 0 });
    let document = json!({ "uri": client.uri("a.txt") });
    let params = json!({ "textDocument": document, "position": position });
    let answer = client.request("textDocument/hover", params).await;
    answer["result"]["contents"]["value"].clone()
}

#[tokio::test]
async fn what_was_not_checked_says_so_on_the_hunk() {
    let (_model, mut client, _) = proposed(json!({})).await;
    client.told("done").await;
    let why = "not checked: no checker for a.txt is installed";
    let verdict = verdict(&mut client).await;
    assert_eq!(verdict["state"], "notChecked");
    let text = verdict["text"].as_str().unwrap();
    assert!(text.starts_with(why), "{text}");
    assert_eq!(
        lenses(&mut client).await,
        ["Accept", "Reject", "not checked"]
    );
    let shown = hover(&mut client, 1).await;
    assert!(shown.as_str().unwrap().contains(why), "{shown}");
    assert_eq!(hover(&mut client, 0).await, Value::Null, "no hunk is there");
}

/// A fix whose turn has proposed and waits for an answer of the user's.
async fn fixing() -> (Server, Client) {
    let edit = json!({ "path": "a.txt", "edits": [{ "old": "two", "new": "TWO" }] });
    let steps = [
        Step::call("read", json!({ "path": "a.txt" })),
        Step::call("edit", edit),
        Step::call("ask", json!({ "question": "is that right" })),
        Step::say("fixed"),
    ];
    let model = Server::start(Script::of(steps)).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({})).await;
    client.open("a.txt", TEXT).await;
    let problem = json!({ "range": at(1), "message": "wrong", "source": "other" });
    let argument = json!({ "uri": client.uri("a.txt"), "diagnostics": [problem] });
    client.command("interline.fix", argument).await;
    client.told("is that right").await;
    (model, client)
}

#[tokio::test]
async fn a_fix_is_shown_with_its_verdict_and_not_before() {
    let (_model, mut client) = fixing().await;
    let hunks = client.command("interline.hunks", json!({})).await;
    assert_eq!(hunks["result"]["documents"], json!([]));
    assert_eq!(lenses(&mut client).await, [""; 0]);
    let offered = actions(&mut client, 1, json!({ "diagnostics": [] })).await;
    assert!(!titles(&offered).contains(&"Accept this change"));
    let all = client.command("interline.accept", json!({})).await;
    assert!(all["error"].is_object(), "nothing that is shown: {all}");
    let published = client.settled().await.iter();
    let published = published.filter(|it| it["method"] == "textDocument/publishDiagnostics");
    assert_eq!(published.count(), 0);

    client
        .command("interline.prompt", json!({ "text": "yes" }))
        .await;
    let hint = client
        .sees("textDocument/publishDiagnostics", |params| {
            params["diagnostics"] != json!([])
        })
        .await;
    let message = hint["params"]["diagnostics"][0]["message"].as_str();
    assert!(message.unwrap().contains("not checked: "), "{hint}");
    client.told("fixed").await;
    assert_eq!(verdict(&mut client).await["state"], "notChecked");
}

#[tokio::test]
async fn who_asks_for_the_changes_sees_a_fix_at_once() {
    let (_model, mut client) = fixing().await;
    let diff = client.command("interline.diff", json!({})).await;
    assert_eq!(diff["result"]["files"][0]["path"], "a.txt");
    let hunks = client.command("interline.hunks", json!({})).await;
    assert_eq!(hunks["result"]["documents"][0]["hunks"][0]["startLine"], 1);
    client.command("interline.cancel", json!({})).await;
}

#[tokio::test]
async fn a_fix_that_is_cancelled_is_shown() {
    let (_model, mut client) = fixing().await;
    client.command("interline.cancel", json!({})).await;
    client
        .sees("textDocument/publishDiagnostics", |params| {
            params["diagnostics"] != json!([])
        })
        .await;
    let verdict = verdict(&mut client).await;
    assert_eq!(verdict["state"], "notChecked");
}

#[tokio::test]
async fn what_does_not_parse_says_so_until_it_is_typed_over() {
    let edit = json!({ "path": "a.rs", "edits": [{ "old": "b();", "new": "b(;" }] });
    let steps = [
        Step::call("edit", edit.clone()),
        Step::call("edit", edit),
        Step::say("done"),
    ];
    let model = Server::start(Script::of(steps)).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({})).await;
    client.open("a.rs", "fn a() {\n    b();\n}\n").await;
    let argument = json!({ "text": "break it in @a.rs" });
    client.command("interline.prompt", argument).await;
    client.told("done").await;
    let told = verdict(&mut client).await;
    assert_eq!(told["state"], "worse");
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("does not parse (2:"), "{text}");
    assert!(text.contains("; not checked: "), "{text}");
    client
        .change("a.rs", 2, json!({ "range": at(0), "text": "\n" }))
        .await;
    let told = verdict(&mut client).await;
    assert_eq!(told["state"], "outdated");
    let text = told["text"].as_str().unwrap();
    assert!(text.starts_with("did not parse before the last change"));
}

/// Answers what the editor's servers are asked until a notice comes, as `after` from the landing on; the notice.
async fn noticed(client: &mut Client, before: &Value, after: &Value) -> Value {
    let mut landed = false;
    loop {
        let message = client.next().await;
        let params = &message["params"];
        match message["method"].as_str() {
            Some("interline/query") => {
                let said = if landed { after } else { before };
                let all = json!([{ "uri": client.uri("a.txt"), "diagnostics": said }]);
                let result = json!({ "items": all, "source": "other", "settled": true });
                client.answer(&message, result).await;
            }
            Some("workspace/applyEdit") => {
                landed = true;
                let edit = params["edit"]["documentChanges"][0]["edits"][0].clone();
                let change = json!({ "range": edit["range"], "text": edit["newText"] });
                client.change("a.txt", 2, change).await;
                client.answer(&message, json!({ "applied": true })).await;
            }
            Some("interline/event") if params["event"]["type"] == "notice" => {
                return params["event"].clone();
            }
            _ => {}
        }
    }
}

async fn accepted(before: Value, after: Value) -> Value {
    let interline = json!({ "event": true, "query": true });
    let (_model, mut client, _) = proposed(interline).await;
    client
        .sees("interline/event", |params| {
            params["event"]["type"] == "turnEnded"
        })
        .await;
    client.command("interline.accept", json!({})).await;
    let notice = noticed(&mut client, &before, &after).await;
    let state = client.state.clone();
    let store = interline_log::Store::new(state.path().join("sessions"));
    let session = store.list().unwrap()[0].id;
    client.leave().await;
    let events = store.read(session).unwrap();
    let checked = |event: &&interline_log::Event| {
        let found = matches!(&event.data, interline_log::EventData::EditChecked { verdict, .. } if verdict.is_some());
        found && event.turn.is_none()
    };
    assert_eq!(events.iter().filter(checked).count(), 1);
    notice
}

#[tokio::test]
async fn what_is_accepted_by_hand_is_looked_at_by_the_editors_servers() {
    let problem = |code: &str| json!([{ "range": at(1), "severity": 1, "code": code, "message": "wrong", "source": "other" }]);
    let cleared = accepted(problem("E1"), json!([])).await;
    assert_eq!(
        cleared["text"],
        "accepted: clears E1, no new problems, checked by other"
    );
    assert_eq!(cleared["warning"], false);
    let worse = accepted(json!([]), problem("E2")).await;
    let text = worse["text"].as_str().unwrap();
    assert!(text.contains("1 new error (E2)"), "{text}");
    assert!(text.ends_with("(Interline's Fix mends it)"), "{text}");
    assert_eq!(worse["warning"], true);
}
