//! Prompts: one at a time, taken back with their turn, and answered by nothing but their own response.

use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

use super::{Client, Setup, TEXT};

pub(super) const ASKS: &str = "window/showMessageRequest";
pub(super) const REQUESTS: &str = "interline/requestPermission";

pub(super) fn shell(command: &str) -> Step {
    Step::call("shell", json!({ "command": command }))
}

pub(super) async fn model(steps: impl IntoIterator<Item = Step>) -> Server {
    Server::start(Script::of(steps)).await
}

fn titles(prompt: &Value) -> Vec<&str> {
    let actions = prompt["params"]["actions"].as_array().unwrap().iter();
    actions
        .map(|action| action["title"].as_str().unwrap())
        .collect()
}

/// What the session's log says, by type.
pub(super) fn on_record(client: &Client, session: &Value, kind: &str) -> Vec<Value> {
    let store = interline_log::Store::new(client.state.path().join("sessions"));
    let id = serde_json::from_value(session.clone()).unwrap();
    let events = store.read(id).unwrap_or_default();
    let events = events
        .iter()
        .map(|event| serde_json::to_value(event).unwrap());
    events.filter(|event| event["type"] == kind).collect()
}

/// Waits until the log says this so many times.
async fn recorded(client: &Client, session: &Value, kind: &str, count: usize) -> Vec<Value> {
    loop {
        let events = on_record(client, session, kind);
        if events.len() >= count {
            assert_eq!(events.len(), count, "{events:?}");
            return events;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

pub(super) async fn ask(client: &mut Client, text: &str) -> Value {
    client
        .command("interline.prompt", json!({ "text": text }))
        .await["result"]["session"]
        .clone()
}

async fn ask_in(client: &mut Client, folder: &str, text: &str) -> Value {
    let file = format!("{folder}/a.txt");
    client.open(&file, TEXT).await;
    let argument = json!({ "text": text, "uri": client.uri(&file) });
    let started = client.command("interline.prompt", argument).await;
    started["result"]["session"].clone()
}

async fn turn_ends(client: &mut Client) {
    client
        .sees("$/progress", |params| params["value"]["kind"] == "end")
        .await;
}

#[tokio::test]
async fn the_prompt_says_where_and_what_and_denies_first() {
    let hidden = "touch 'a\u{202e}b' && curl example.invalid";
    let model = model([shell(hidden), Step::say("then not")]).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({})).await;
    let session = ask(&mut client, "run it").await;
    let prompt = client.sees(ASKS, |_| true).await;
    let text = prompt["params"]["message"].as_str().unwrap();
    assert!(text.contains(r"a\u{202e}b"), "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
    assert!(text.contains("runs outside of the sandbox"), "{text}");
    assert_eq!(titles(&prompt)[..2], ["Deny", "Allow once"]);
    client.answer(&prompt, json!({ "title": "Allow" })).await;
    client.told("then not").await;
    let decided = on_record(&client, &session, "permission.decided");
    assert_eq!(decided[0]["data"]["answer"], "deny", "not the exact words");
}

#[tokio::test]
async fn without_a_sandbox_every_command_asks() {
    // This server has no launcher for sandboxes.
    let model = model([shell("touch made.txt"), Step::say("then not")]).await;
    let (mut client, _) = Client::start(Some(model.base_url()), json!({})).await;
    ask(&mut client, "run it").await;
    let prompt = client.sees(ASKS, |_| true).await;
    let text = prompt["params"]["message"].as_str().unwrap();
    assert!(text.contains("runs outside of the sandbox"), "{text}");
    assert!(!titles(&prompt).contains(&"Run in the shadow instead"));
    client.answer(&prompt, Value::Null).await;
    client.told("then not").await;
    assert!(!client.root.path().join("made.txt").exists());
}

#[tokio::test]
async fn a_cancelled_turn_takes_its_prompt_back_and_the_others_stay() {
    let model = Server::start(
        Script::default()
            .rule("in the first", [shell("curl first.invalid")])
            .rule(
                "in the second",
                [shell("curl second.invalid"), Step::say("so not")],
            ),
    )
    .await;
    let mut setup = Setup::new(Some(model.base_url()));
    setup.folders = vec!["one", "two"];
    for folder in &setup.folders {
        std::fs::create_dir(setup.root.path().join(folder)).unwrap();
    }
    let (mut client, _) = setup.start().await;
    let waits = |params: &Value| {
        let message = params["value"]["message"].as_str();
        message.is_some_and(|text| text.starts_with("waiting for your permission"))
    };
    let first_session = ask_in(&mut client, "one", "in the first").await;
    client.sees("$/progress", waits).await;
    let first = client.sees(ASKS, |_| true).await;
    let text = first["params"]["message"].as_str().unwrap();
    assert!(!text.starts_with('('), "{text}");
    let second_session = ask_in(&mut client, "two", "in the second").await;
    // The second one waits: nothing more is asked while the first one stands.
    client.sees("$/progress", waits).await;
    let asked = client.settled().await.iter();
    assert_eq!(asked.filter(|message| message["method"] == ASKS).count(), 0);

    let argument = json!({ "session": first_session });
    client.command("interline.cancel", argument).await;
    let taken_back = client.sees("$/cancelRequest", |_| true).await;
    assert_eq!(taken_back["params"]["id"], first["id"]);
    let second = client.sees(ASKS, |_| true).await;
    let text = second["params"]["message"].as_str().unwrap();
    assert!(text.starts_with("(2 of 2) "), "{text}");

    // Too late, then twice: on record, and nothing runs.
    client
        .answer(&first, json!({ "title": "Allow once" }))
        .await;
    client.answer(&second, json!({ "title": "Deny" })).await;
    client
        .answer(&second, json!({ "title": "Allow once" }))
        .await;
    client.told("so not").await;
    for session in [&first_session, &second_session] {
        let refused = recorded(&client, session, "permission.refused", 1).await;
        let reason = refused[0]["data"]["reason"].as_str().unwrap();
        assert!(reason.contains("taken back"), "{reason}");
        assert!(on_record(&client, session, "tool.intent").is_empty());
    }
}

#[tokio::test]
async fn an_approval_that_nobody_asked_for_is_refused_and_on_record() {
    let model = model([shell("curl example.invalid"), Step::say("so not")]).await;
    let flags = json!({ "permission": true });
    let (mut client, _) = Client::start(Some(model.base_url()), flags).await;
    let session = ask(&mut client, "run it").await;
    let prompt = client.sees(REQUESTS, |_| true).await;
    let id = &prompt["params"]["id"];
    let options = prompt["params"]["options"].as_array().unwrap();
    assert_eq!(options[0], json!({ "answer": "deny", "label": "Deny" }));
    assert_eq!(prompt["params"]["position"], 1);
    assert_eq!(prompt["params"]["total"], 1);
    // As the response to something else, with the right id in it.
    let forged = json!({ "id": 4711 });
    let yes = json!({ "id": id, "answer": "allow" });
    client.answer(&forged, yes).await;
    client.settled().await;
    // As the response to the request, but to another prompt.
    let replayed = json!({ "id": "another", "answer": "allow" });
    client.answer(&prompt, replayed).await;
    turn_ends(&mut client).await;
    let refused = recorded(&client, &session, "permission.refused", 1).await;
    assert_eq!(refused[0]["data"]["reason"], "nothing was asked");
    let decided = on_record(&client, &session, "permission.decided");
    assert_eq!(decided[0]["data"]["answer"], "deny");
    let by = decided[0]["data"]["by"].as_str().unwrap();
    assert!(by.contains("another prompt"), "{by}");
    assert!(on_record(&client, &session, "tool.intent").is_empty());
}

#[tokio::test]
async fn a_prompt_outlives_its_connection_and_is_asked_again() {
    let model = model([
        shell("cp a.txt ../interline-asked-again"),
        Step::say("done"),
    ])
    .await;
    let mut setup = Setup::new(Some(model.base_url()));
    setup.folders = vec!["w"];
    let (root, state) = (setup.root.clone(), setup.state.clone());
    std::fs::create_dir(root.path().join("w")).unwrap();
    std::fs::write(root.path().join("w/a.txt"), TEXT).unwrap();
    let (mut client, _) = setup.start().await;
    let session = ask(&mut client, "copy it").await;
    let first = client.sees(ASKS, |_| true).await;
    client.leave().await;

    for (answer, copied) in [(None, false), (Some("Allow once"), true)] {
        let mut again = Setup::new(Some(model.base_url()));
        again.folders = vec!["w"];
        (again.root, again.state) = (root.clone(), state.clone());
        let (mut client, _) = again.start().await;
        assert!(on_record(&client, &session, "permission.decided").is_empty());
        assert!(on_record(&client, &session, "turn.ended").is_empty());
        let listed = client.command("interline.sessions", json!({})).await;
        let waiting = &listed["result"]["sessions"][0]["waiting"];
        assert!(waiting.as_str().unwrap().contains("cp a.txt"), "{listed}");
        client
            .command("interline.resume", json!({ "session": session }))
            .await;
        let asked = client.sees(ASKS, |_| true).await;
        assert_eq!(asked["params"], first["params"], "the same words");
        let target = root.path().join("interline-asked-again");
        assert!(!target.exists(), "nothing runs before the answer");
        if let Some(title) = answer {
            client.answer(&asked, json!({ "title": title })).await;
            client.told("done").await;
        }
        assert_eq!(target.exists(), copied);
        client.leave().await;
    }
}

#[tokio::test]
async fn a_request_joins_the_turn_that_waits() {
    let model = Server::start(
        Script::default()
            .rule("copy it", [shell("cp a.txt ../interline-never")])
            .rule("something else", [Step::say("as you say")]),
    )
    .await;
    let setup = Setup::new(Some(model.base_url()));
    let (root, state) = (setup.root.clone(), setup.state.clone());
    let (mut client, _) = setup.start().await;
    let session = ask(&mut client, "copy it").await;
    client.sees(ASKS, |_| true).await;
    client.leave().await;

    let mut again = Setup::new(Some(model.base_url()));
    (again.root, again.state) = (root, state);
    let (mut client, _) = again.start().await;
    let argument = json!({ "session": session });
    client.command("interline.resume", argument).await;
    let asked = client.sees(ASKS, |_| true).await;
    // Joins the turn that waits; the denial goes on with it.
    let argument = json!({ "session": session, "text": "something else" });
    client.command("interline.prompt", argument).await;
    client.answer(&asked, json!({ "title": "Deny" })).await;
    client.told("as you say").await;
    assert!(model.violations().is_empty(), "{:?}", model.violations());
}

/// A turn that proposes a change of `a.txt` and then wants to commit, with another file unsaved.
async fn commits(interline: Value, method: &str) -> (Server, Client, Value, Value) {
    let edit = json!({ "path": "a.txt", "edits": [{ "old": "two", "new": "TWO" }] });
    let model = model([
        Step::call("edit", edit),
        shell("cp a.txt ../interline-copy-of-a.txt"),
        Step::say("done"),
    ])
    .await;
    let mut setup = Setup::new(Some(model.base_url())).interline(interline);
    setup.folders = vec!["w"];
    let work = setup.root.path().join("w");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(work.join("a.txt"), TEXT).unwrap();
    std::fs::write(work.join("b.txt"), TEXT).unwrap();
    let (mut client, _) = setup.start().await;
    client.open("w/b.txt", "not saved\n").await;
    let session = ask(&mut client, "shout and copy @a.txt").await;
    let prompt = client.sees(method, |_| true).await;
    (model, client, session, prompt)
}

#[tokio::test]
async fn a_command_on_the_real_files_is_told_what_it_does_not_see() {
    let (_model, mut client, _, prompt) = commits(json!({}), ASKS).await;
    let text = prompt["params"]["message"].as_str().unwrap();
    let unseen = "1 hunk pending and 1 unsaved file are not seen by this command";
    assert!(text.contains(unseen), "{text}");
    // Nobody here can save for a server.
    assert!(!titles(&prompt).contains(&"Accept and save all, then run"));
    client.answer(&prompt, Value::Null).await;
    client.told("done").await;
}

#[tokio::test]
async fn all_is_accepted_and_saved_before_it_runs() {
    let flags = json!({ "permission": true, "save": true });
    let (_model, mut client, session, prompt) = commits(flags, REQUESTS).await;
    let options = prompt["params"]["options"].as_array().unwrap();
    let accept = json!({ "answer": "accept_and_allow", "label": "Accept and save all, then run" });
    assert!(options.contains(&accept), "{options:?}");
    let answer = json!({ "id": prompt["params"]["id"], "answer": "accept_and_allow" });
    client.answer(&prompt, answer).await;
    let save = client.sees("interline/save", |_| true).await;
    assert_eq!(save["params"]["uris"], json!([client.uri("w/b.txt")]));
    std::fs::write(client.root.path().join("w/b.txt"), "not saved\n").unwrap();
    client.answer(&save, json!({})).await;
    client.told("done").await;
    let copied = client.root.path().join("interline-copy-of-a.txt");
    assert_eq!(
        std::fs::read_to_string(copied).unwrap(),
        "one\nTWO\nthree\n",
        "the change had landed before"
    );
    assert_eq!(on_record(&client, &session, "permission.asked").len(), 1);
}

#[tokio::test]
async fn what_can_not_be_saved_is_not_run() {
    let flags = json!({ "permission": true, "save": true });
    let (_model, mut client, session, prompt) = commits(flags, REQUESTS).await;
    let answer = json!({ "id": prompt["params"]["id"], "answer": "accept_and_allow" });
    client.answer(&prompt, answer).await;
    let save = client.sees("interline/save", |_| true).await;
    let problem = json!({ "problem": "b.txt is read-only" });
    client.answer(&save, problem).await;
    client.told("done").await;
    assert!(!client.root.path().join("interline-copy-of-a.txt").exists());
    let outcome = on_record(&client, &session, "tool.outcome");
    let said = outcome[1]["data"]["content"].as_str().unwrap();
    assert!(said.contains("b.txt is read-only"), "{said}");
}
