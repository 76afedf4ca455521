//! `interline.compact`: the user has the conversation made shorter.

use scripted_model::{Check, Script, Server, Step};
use serde_json::{Value, json};

use super::Client;

async fn asked(client: &mut Client, text: &str) -> Vec<Value> {
    client
        .command("interline.prompt", json!({ "text": text }))
        .await;
    let mut notices = Vec::new();
    loop {
        let message = client.next().await;
        let event = &message["params"]["event"];
        match event["type"].as_str() {
            Some("turnEnded") => return notices,
            Some("notice") => notices.push(event["text"].clone()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_user_has_a_conversation_made_shorter_before_its_next_request() {
    let long = "many words of an answer. ".repeat(400);
    let says = [
        long.as_str(),
        long.as_str(),
        "what was said, in short",
        "ok",
        "ok",
    ];
    let script = Script::of(says.map(Step::say)).allow(Check::Prefix);
    let model = Server::start(script).await;
    let interline = json!({ "event": true });
    let (mut client, _) = Client::start(Some(model.base_url()), interline).await;
    asked(&mut client, "the first thing").await;
    asked(&mut client, "the second thing").await;
    let started = client.command("interline.compact", json!({})).await;
    assert!(started["result"]["session"].is_string(), "{started}");

    asked(&mut client, "the third thing").await;
    let requests = model.requests();
    assert_eq!(requests.len(), 4, "one more for the summary");
    let last = requests.last().unwrap().body.to_string();
    assert_eq!(last.matches(&long).count(), 1, "the first answer is gone");
    assert!(last.contains("what was said, in short") && last.contains("the third thing"));

    // Once, and not again.
    asked(&mut client, "the fourth thing").await;
    assert_eq!(model.requests().len(), 5);
}

#[tokio::test]
async fn what_is_short_already_stays_and_the_user_is_told() {
    let model = Server::start(Script::of(["one", "two"].map(Step::say))).await;
    let interline = json!({ "event": true });
    let (mut client, _) = Client::start(Some(model.base_url()), interline).await;
    asked(&mut client, "the first thing").await;
    client.command("interline.compact", json!({})).await;
    let notices = asked(&mut client, "the second thing").await;
    let told = json!("the conversation stays as it is: there is next to nothing to leave out");
    assert!(notices.contains(&told), "{notices:?}");
    let last = model.requests().last().unwrap().body.to_string();
    assert!(last.contains("the first thing"));
}
