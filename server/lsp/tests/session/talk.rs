//! What goes between the user and the model: settings, focus, questions, long answers.

use std::os::unix::fs::PermissionsExt as _;

use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

use super::{Client, Setup, TEXT, at};

async fn model(steps: impl IntoIterator<Item = Step>) -> Server {
    Server::start(Script::of(steps)).await
}

/// All text of the last request's last message.
fn last_message(model: &Server) -> String {
    let requests = model.requests();
    let messages = requests.last().unwrap().body["messages"].clone();
    messages.as_array().unwrap().last().unwrap().to_string()
}

fn event<'a>(kind: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |params| params["event"]["type"] == kind
}

#[tokio::test]
async fn each_wrong_setting_is_told_and_the_others_count() {
    let interline = json!({
        "event": true, "query": 1,
        "settings": { "mode": "plan", "model": "no-such", "colour": "red" }
    });
    let (mut client, _) = Client::start(None, interline).await;
    for part in [
        "`initializationOptions.interline.query` is ignored: invalid type",
        "`initializationOptions.interline.settings.colour` is ignored: unknown field `colour`, expected `model` or `mode`",
        "`interline.model` is ignored: there is no model `no-such`: the names are auto, builtin",
    ] {
        let told = client.told(part).await;
        assert_eq!(told["params"]["type"], 2, "a warning");
    }
    let configured = client.sees("interline/event", event("configured")).await;
    assert_eq!(configured["params"]["event"]["mode"], "plan");
    assert_eq!(configured["params"]["event"]["model"], "builtin");
}

#[tokio::test]
async fn changed_settings_are_read_key_by_key() {
    let (mut client, _) = Client::start(None, json!({ "event": true })).await;
    let changed = |section: Value| json!({ "settings": { "interline": section } });
    let method = "workspace/didChangeConfiguration";
    client
        .notify(method, changed(json!({ "mode": "plan", "model": 7 })))
        .await;
    client
        .told("`interline.model` is ignored: invalid type: integer `7`, expected a string")
        .await;
    let planning = |params: &Value| params["event"]["mode"] == "plan";
    client.sees("interline/event", planning).await;

    // The same mistake is not told twice, and plan mode is left as it was entered.
    client
        .notify(method, changed(json!({ "mode": "default", "model": 7 })))
        .await;
    let default = |params: &Value| params["event"]["mode"] == "default";
    client.sees("interline/event", default).await;
    client
        .notify(method, changed(json!({ "mode": "auto" })))
        .await;
    client.told("it may only make the mode stricter").await;
    client
        .notify(method, changed(json!({ "model": "gone" })))
        .await;
    client.told("there is no model `gone`").await;
    client.notify(method, changed(json!("plan"))).await;
    client
        .told("`interline` is ignored: it must be an object")
        .await;
    client.notify(method, json!({ "settings": null })).await;
    let left = client.settled().await.iter();
    let told = left.filter(|message| message["method"] == "window/showMessage");
    assert_eq!(told.count(), 0);
}

#[tokio::test]
async fn where_the_user_is_goes_with_the_request() {
    let model = model([Step::say("one"), Step::say("two"), Step::say("three")]).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    let missing = client
        .command("interline.edit", json!({ "instruction": "shout" }))
        .await;
    assert_eq!(missing["error"]["code"], -32602, "{missing}");
    assert!(
        missing["error"]["message"]
            .as_str()
            .unwrap()
            .contains("uri")
    );

    client.open("a.txt", TEXT).await;
    let line =
        json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 1, "character": 3 } });
    let screen =
        json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 2, "character": 5 } });
    let uri = client.uri("a.txt");
    let focus = json!({ "uri": uri, "selections": [line], "visibleRanges": [screen] });
    client.notify("interline/didChangeFocus", focus).await;
    for (command, argument, is_news) in [
        ("interline.prompt", json!({ "text": "what is this" }), true),
        ("interline.edit", json!({ "instruction": "shout" }), false),
    ] {
        client.command(command, argument).await;
        client.sees("interline/event", event("turnEnded")).await;
        let message = last_message(&model);
        let told = "<focus file=\\\"a.txt\\\" lines=\\\"2-2\\\" visible=\\\"1-3\\\">\\n    2\\ttwo\\n</focus>";
        assert_eq!(message.contains(told), is_news, "{message}");
    }
    assert!(last_message(&model).contains("Edit a.txt line 2: shout"));

    // A file outside of the folder is nobody's business.
    let elsewhere =
        json!({ "uri": "file:///etc/passwd", "selections": [line], "visibleRanges": [] });
    client.notify("interline/didChangeFocus", elsewhere).await;
    client
        .command("interline.prompt", json!({ "text": "and this" }))
        .await;
    client.sees("interline/event", event("turnEnded")).await;
    let message = last_message(&model);
    assert!(message.contains("<focus/>"), "{message}");
    assert!(!message.contains("passwd"), "{message}");
}

fn question(text: &str) -> Step {
    Step::call("ask", json!({ "question": text }))
}

#[tokio::test]
async fn the_next_prompt_answers_a_question() {
    let model = model([
        question("Which colour?"),
        question("Sure?"),
        Step::say("Blue it is."),
    ])
    .await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    let started = client
        .command("interline.prompt", json!({ "text": "paint it" }))
        .await;
    for (asked, said) in [("Which colour?", "blue"), ("Sure?", "quite")] {
        let question = client.sees("interline/event", event("question")).await;
        assert_eq!(question["params"]["event"]["text"], asked);
        assert_eq!(question["params"]["session"], started["result"]["session"]);
        let joined = client
            .command("interline.prompt", json!({ "text": said }))
            .await;
        assert_eq!(joined["result"], started["result"]);
    }
    client.sees("interline/event", event("turnEnded")).await;
    let results = last_message(&model);
    assert!(results.contains("the user answers: quite"), "{results}");
    // An answer is no steering: nothing but the result goes to the model.
    assert_eq!(results.matches("quite").count(), 1, "{results}");
}

#[tokio::test]
async fn a_cancelled_question_takes_no_answer() {
    let model = model([question("Which?"), Step::say("done")]).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({})).await;
    let started = client
        .command("interline.prompt", json!({ "text": "paint it" }))
        .await;
    client.told("Which?\n\nAnswer with").await;
    client.command("interline.cancel", json!({})).await;
    client
        .sees("$/progress", |params| params["value"]["kind"] == "end")
        .await;
    let next = client
        .command("interline.prompt", json!({ "text": "blue" }))
        .await;
    assert_ne!(next["result"]["turn"], started["result"]["turn"]);
    client.told("done").await;
    assert!(last_message(&model).contains("blue"));
}

#[tokio::test]
async fn an_unanswered_question_does_not_outlive_the_editor() {
    let model = model([question("Which?")]).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({})).await;
    client
        .command("interline.prompt", json!({ "text": "paint it" }))
        .await;
    client.told("Which?").await;
    client.leave().await;
}

#[tokio::test]
async fn a_long_answer_is_a_file() {
    let long = format!("begins {}", "ü".repeat(3_000));
    for (shows, capabilities) in [
        (
            true,
            json!({ "window": { "showDocument": { "support": true } } }),
        ),
        (false, json!({})),
    ] {
        let model = model([Step::say(&long)]).await;
        let setup = Setup::new(Some(model.base_url())).capabilities(capabilities);
        let (mut client, _) = setup.start().await;
        client
            .command("interline.prompt", json!({ "text": "tell me" }))
            .await;
        let told = client.told("begins").await;
        let message = told["params"]["message"].as_str().unwrap();
        let (begins, file) = message.split_once("…\n\nThe whole answer: ").unwrap();
        assert!(begins.len() < 500, "{begins}");
        assert!(std::fs::read_to_string(file).unwrap().contains(&long));
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "for the user's eyes alone");
        if shows {
            let show = client.sees("window/showDocument", |_| true).await;
            assert!(show["params"]["uri"].as_str().unwrap().ends_with(".md"));
        }
    }
}

#[tokio::test]
async fn an_explicit_range_beats_the_selection() {
    let model = model([Step::say("done")]).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({ "event": true })).await;
    client.open("a.txt", TEXT).await;
    let focus = json!({ "uri": client.uri("a.txt"), "selections": [at(0)], "visibleRanges": [] });
    client.notify("interline/didChangeFocus", focus).await;
    client
        .command("interline.explain", json!({ "range": at(2) }))
        .await;
    client.sees("interline/event", event("turnEnded")).await;
    let message = last_message(&model);
    assert!(message.contains("Explain a.txt line 3"), "{message}");
    assert!(!message.contains("cursor"), "{message}");
}

#[tokio::test]
async fn the_transcript_of_a_session_that_has_just_begun_is_no_error() {
    let model = Server::start(Script::of([Step::say("done")])).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({})).await;
    let argument = json!({ "text": "please" });
    let started = client.command("interline.prompt", argument).await;
    let session = &started["result"]["session"];
    let argument = json!({ "session": session });
    let transcript = client.command("interline.transcript", argument).await;
    assert_eq!(&transcript["result"]["session"], session, "{transcript}");
    client.told("done").await;
}
