//! Paths of a session in an editor without a plugin: resuming, undoing, files that move or go, failures at the start.

use std::process::{Command, Stdio};

use scripted_model::{Script, Server, Step};
use serde_json::{Value, json};

use super::{Client, Setup, TEXT, at, proposed};

/// Waits for the hunks of a document; `[]` where they are to be gone.
async fn published(client: &mut Client, path: &str, some: bool) {
    let uri = client.uri(path);
    client
        .sees("textDocument/publishDiagnostics", |params| {
            params["uri"] == uri && (params["diagnostics"] != json!([])) == some
        })
        .await;
}

#[tokio::test]
async fn a_landed_turn_is_undone_in_the_buffer() {
    let (_model, mut client, _) = proposed(json!({})).await;
    client.command("interline.accept", json!({})).await;
    let edit = client.apply_text("a.txt", 2).await;
    assert_eq!(edit["newText"].as_str().unwrap().trim_end(), "TWO");
    published(&mut client, "a.txt", false).await;
    let undone = client.command("interline.undo", json!({})).await;
    assert!(undone["result"]["session"].is_string(), "{undone}");
    let edit = client.apply_text("a.txt", 3).await;
    assert_eq!(edit["newText"].as_str().unwrap().trim_end(), "two");
    client.told("done").await;
    client.command("interline.undo", json!({})).await;
    client.told("there is nothing to undo").await;
}

#[tokio::test]
async fn a_session_is_resumed_with_its_hunks() {
    let (model, client, _) = proposed(json!({})).await;
    let (root, state) = (client.root.clone(), client.state.clone());
    client.leave().await;

    let setup = Setup {
        root,
        state,
        ..Setup::new(Some(model.base_url()))
    };
    let (mut client, _) = setup.start().await;
    client.open("a.txt", TEXT).await;
    let listed = client.command("interline.sessions", json!({})).await;
    let session = listed["result"]["sessions"][0].clone();
    assert_eq!(
        (&session["title"], &session["open"]),
        (&json!("shout"), &json!(false))
    );
    let argument = json!({ "session": session["id"] });
    let resumed = client.command("interline.resume", argument).await;
    assert_eq!(resumed["result"]["session"], session["id"]);
    published(&mut client, "a.txt", true).await;
    client.command("interline.accept", json!({})).await;
    client.apply_text("a.txt", 2).await;
    published(&mut client, "a.txt", false).await;
}

#[tokio::test]
async fn a_configuration_that_cant_be_read_is_told_and_answered() {
    let setup = Setup {
        problem: Some("config.toml:2: unknown key `modle`"),
        ..Setup::new(None)
    };
    let (mut client, answer) = setup.start().await;
    assert!(answer["capabilities"].is_object());
    let told = client.told("config.toml:2: unknown key").await;
    assert_eq!(told["params"]["type"], 1, "an error");
    client.open("a.txt", TEXT).await;
    client
        .change("a.txt", 2, json!({ "range": at(0), "text": "zero\n" }))
        .await;
    let answer = client
        .command("interline.prompt", json!({ "text": "hello" }))
        .await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("config.toml:2"), "{message}");
    let actions = super::actions(&mut client, 0, json!({ "diagnostics": [] })).await;
    assert_eq!(actions["result"], json!([]));
    client.leave().await;
}

#[tokio::test]
async fn the_server_goes_with_the_process_that_started_it() {
    let sleep = Command::new("sleep")
        .arg("1000")
        .stdin(Stdio::null())
        .spawn();
    let mut editor = sleep.unwrap();
    let mut setup = Setup::new(None);
    setup.params["processId"] = json!(editor.id());
    let (mut client, _) = setup.start().await;
    client.settled().await;
    editor.kill().unwrap();
    editor.wait().unwrap();
    client.abandoned().await;
}

/// A client that can move and delete files, and has the file open; with the operation that it is asked for.
async fn file_operation(call: Step) -> (Client, Value, Value) {
    let model = Server::start(Script::of([call, Step::say("done")])).await;
    let operations = json!(["create", "rename", "delete"]);
    let edit = json!({ "documentChanges": true, "resourceOperations": operations });
    let setup = Setup::new(Some(model.base_url()))
        .capabilities(json!({ "workspace": { "workspaceEdit": edit } }));
    let (mut client, _) = setup.start().await;
    std::fs::write(client.root.path().join("a.txt"), TEXT).unwrap();
    client.open("a.txt", TEXT).await;
    client
        .command("interline.prompt", json!({ "text": "tidy up" }))
        .await;
    published(&mut client, "a.txt", true).await;
    client.told("done").await;
    client.command("interline.accept", json!({})).await;
    let apply = client.sees("workspace/applyEdit", |_| true).await;
    let operation = apply["params"]["edit"]["documentChanges"][0].clone();
    (client, apply, operation)
}

async fn close(client: &mut Client, path: &str) {
    let document = json!({ "uri": client.uri(path) });
    client
        .notify("textDocument/didClose", json!({ "textDocument": document }))
        .await;
}

#[tokio::test]
async fn an_open_file_is_moved_by_the_editor() {
    let call = Step::call("move", json!({ "from": "a.txt", "to": "b.txt" }));
    let (mut client, apply, operation) = file_operation(call).await;
    assert_eq!(operation["kind"], "rename");
    assert_eq!(operation["oldUri"], client.uri("a.txt"));
    assert_eq!(operation["newUri"], client.uri("b.txt"));
    assert_eq!(operation["options"]["overwrite"], false);
    let root = client.root.path();
    std::fs::rename(root.join("a.txt"), root.join("b.txt")).unwrap();
    close(&mut client, "a.txt").await;
    client.open("b.txt", TEXT).await;
    client.answer(&apply, json!({ "applied": true })).await;
    published(&mut client, "a.txt", false).await;
    let left = client.command("interline.hunks", json!({})).await;
    assert_eq!(left["result"]["documents"], json!([]));
}

#[tokio::test]
async fn an_open_file_is_deleted_by_the_editor() {
    let call = Step::call("delete", json!({ "path": "a.txt" }));
    let (mut client, apply, operation) = file_operation(call).await;
    assert_eq!(operation["kind"], "delete");
    assert_eq!(operation["uri"], client.uri("a.txt"));
    std::fs::remove_file(client.root.path().join("a.txt")).unwrap();
    close(&mut client, "a.txt").await;
    client.answer(&apply, json!({ "applied": true })).await;
    published(&mut client, "a.txt", false).await;
    let left = client.command("interline.hunks", json!({})).await;
    assert_eq!(left["result"]["documents"], json!([]));
}

#[tokio::test]
async fn a_client_that_can_do_nothing_optional_is_served() {
    let edit = json!({ "path": "a.txt", "edits": [{ "old": "two", "new": "TWO" }] });
    let model = Server::start(Script::of([
        Step::call("edit", edit),
        Step::call("delete", json!({ "path": "b.txt" })),
        Step::say("I changed it."),
    ]))
    .await;
    let mut setup = Setup::new(Some(model.base_url())).capabilities(json!({}));
    setup.folders = Vec::new();
    // As clients say it that know no workspace folders.
    setup.params["rootUri"] = json!(format!(
        "file://{}",
        setup.root.path().canonicalize().unwrap().display()
    ));
    let (mut client, _) = setup.start().await;
    for path in ["a.txt", "b.txt"] {
        std::fs::write(client.root.path().join(path), TEXT).unwrap();
        client.open(path, TEXT).await;
    }
    client
        .command("interline.prompt", json!({ "text": "tidy up @a.txt" }))
        .await;
    client.told("I changed it.").await;
    for path in ["a.txt", "b.txt"] {
        published(&mut client, path, true).await;
    }
    let uri = client.uri("a.txt");
    client
        .command("interline.accept", json!({ "uri": uri }))
        .await;
    client.apply_text("a.txt", 2).await;
    published(&mut client, "a.txt", false).await;
    let uri = client.uri("b.txt");
    client
        .command("interline.accept", json!({ "uri": uri }))
        .await;
    client
        .told("b.txt was not changed: this editor can't move or delete files: close b.txt first")
        .await;
    close(&mut client, "b.txt").await;
    let uri = client.uri("b.txt");
    client
        .command("interline.accept", json!({ "uri": uri }))
        .await;
    let deleted = async {
        while client.root.path().join("b.txt").exists() {
            client.settled().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), deleted)
        .await
        .unwrap();
    for asked in [
        "window/workDoneProgress/create",
        "window/showDocument",
        "workspace/codeLens/refresh",
    ] {
        let seen = client.settled().await.iter();
        assert_eq!(
            seen.filter(|message| message["method"] == asked).count(),
            0,
            "{asked}"
        );
    }
}

#[tokio::test]
async fn symbols_are_searched_where_no_shim_has_servers_for_it() {
    let setup = Setup::new(None);
    let file = setup.root.path().join("a.rs");
    std::fs::write(&file, "fn on_disk() {}\n").unwrap();
    let (mut client, answer) = setup.start().await;
    assert_eq!(answer["capabilities"]["workspaceSymbolProvider"], true);
    client.open("a.rs", "struct É; fn in_buffer() {}\n").await;
    let mut found = json!([]);
    // The first questions may come before anything is indexed.
    for _ in 0..500 {
        let query = json!({ "query": "buf" });
        found = client.request("workspace/symbol", query).await["result"].clone();
        if found != json!([]) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let start = &found[0]["location"]["range"]["start"];
    assert_eq!(found[0]["name"], "in_buffer");
    assert_eq!(found[0]["location"]["uri"], client.uri("a.rs"));
    assert_eq!(
        (&start["line"], &start["character"]),
        (&json!(0), &json!(13))
    );
    client.leave().await;

    let mut setup = Setup::new(None);
    setup.params["initializationOptions"] = json!({ "interline": { "query": true } });
    let (client, answer) = setup.start().await;
    assert_eq!(
        answer["capabilities"]["workspaceSymbolProvider"],
        json!(null)
    );
    client.leave().await;
}
