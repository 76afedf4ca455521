//! Several workspace folders, and none.

use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

use super::{Client, Setup};

fn edit(old: &str, new: &str) -> Step {
    let edits = json!([{ "old": old, "new": new }]);
    Step::call("edit", json!({ "path": "a.txt", "edits": edits }))
}

/// Folders `one` and `two`, each with an `a.txt` that holds its name.
async fn two_folders(model: &Server, folders: Vec<&'static str>) -> Client {
    let setup = Setup {
        folders,
        ..Setup::new(Some(model.base_url()))
    };
    for folder in ["one", "two"] {
        let folder = setup.root.path().join(folder);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(
            folder.join("a.txt"),
            folder.file_name().unwrap().as_encoded_bytes(),
        )
        .unwrap();
    }
    setup.start().await.0
}

async fn proposed(client: &mut Client, path: &str) -> Value {
    let uri = client.uri(path);
    client
        .sees("textDocument/publishDiagnostics", |params| {
            params["uri"] == uri && params["diagnostics"] != json!([])
        })
        .await
}

#[tokio::test]
async fn a_request_goes_to_the_folder_of_its_document() {
    let model = Server::start(Script::of([
        edit("two", "TWO"),
        Step::say("done"),
        edit("one", "ONE"),
        Step::say("done"),
    ]))
    .await;
    let mut client = two_folders(&model, vec!["one", "two"]).await;
    client.open("two/a.txt", "two").await;
    let mut sessions = Vec::new();
    for path in ["two/a.txt", "one/a.txt"] {
        let argument = json!({ "instruction": "shout in @a.txt", "uri": client.uri(path) });
        let answer = client.command("interline.edit", argument).await;
        sessions.push(answer["result"]["session"].clone());
        proposed(&mut client, path).await;
        client.told("done").await;
    }
    assert_ne!(sessions[0], sessions[1]);
    let all = client.command("interline.hunks", json!({})).await;
    assert_eq!(all["result"]["documents"].as_array().unwrap().len(), 2);
    let listed = client.command("interline.sessions", json!({})).await;
    assert_eq!(listed["result"]["sessions"].as_array().unwrap().len(), 2);

    // The open one lands in its buffer, the other on the disk.
    client.command("interline.accept", json!({})).await;
    client.apply_text("two/a.txt", 2).await;
    for path in ["two/a.txt", "one/a.txt"] {
        let uri = client.uri(path);
        client
            .sees("textDocument/publishDiagnostics", |params| {
                params["uri"] == uri && params["diagnostics"] == json!([])
            })
            .await;
    }
    let written = std::fs::read_to_string(client.root.path().join("one/a.txt")).unwrap();
    assert_eq!(written, "ONE");
}

#[tokio::test]
async fn a_folder_may_come_later_and_takes_the_documents_that_are_open_in_it() {
    let model = Server::start(Script::of([edit("typed", "TYPED"), Step::say("done")])).await;
    let mut client = two_folders(&model, vec!["one"]).await;
    client.open("two/a.txt", "typed").await;
    let argument = json!({ "instruction": "shout in @a.txt", "uri": client.uri("two/a.txt") });
    let refused = client.command("interline.edit", argument.clone()).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("open its folder"), "{message}");

    let added = json!([{ "uri": client.uri("two"), "name": "two" }]);
    let event = json!({ "event": { "added": added, "removed": [] } });
    client
        .notify("workspace/didChangeWorkspaceFolders", event)
        .await;
    client.command("interline.edit", argument).await;
    proposed(&mut client, "two/a.txt").await;
}

#[tokio::test]
async fn a_folder_that_is_closed_takes_only_what_names_it() {
    let model = Server::start(Script::of([Step::say("here"), Step::say("here")])).await;
    let mut client = two_folders(&model, vec!["one"]).await;
    let one = json!([{ "uri": client.uri("one"), "name": "one" }]);
    let change =
        |added: &Value, removed: &Value| json!({ "event": { "added": added, "removed": removed } });
    let method = "workspace/didChangeWorkspaceFolders";
    let hello = json!({ "text": "hello" });
    client.notify(method, change(&json!([]), &one)).await;
    let refused = client.command("interline.prompt", hello.clone()).await;
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("no folder is open"), "{message}");
    let named = json!({ "text": "hello", "uri": client.uri("one/a.txt") });
    let first = client.command("interline.prompt", named).await;
    client.told("here").await;

    client.notify(method, change(&one, &json!([]))).await;
    let again = client.command("interline.prompt", hello).await;
    assert_eq!(again["result"]["session"], first["result"]["session"]);
    client.told("here").await;
}

#[tokio::test]
async fn without_a_folder_a_file_is_worked_on_in_its_own() {
    let model = Server::start(Script::of([edit("two", "TWO"), Step::say("done")])).await;
    let mut client = two_folders(&model, Vec::new()).await;
    let nothing = client
        .command("interline.prompt", json!({ "text": "hello" }))
        .await;
    let message = nothing["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("open a folder or a file first"),
        "{message}"
    );

    client.open("two/a.txt", "two").await;
    let argument = json!({ "instruction": "shout in @a.txt", "uri": client.uri("two/a.txt") });
    client.command("interline.edit", argument).await;
    proposed(&mut client, "two/a.txt").await;
    let trusted = client.command("interline.trust", json!({})).await;
    assert!(trusted["result"]["trusted"].is_boolean(), "{trusted}");
}
