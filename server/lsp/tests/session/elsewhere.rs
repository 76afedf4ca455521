//! Documents that are no files: notebooks and their cells, untitled buffers, what other extensions show. None is edited,
//! none is taken for a file, and nothing that an editor says of them does harm.

use serde_json::{Value, json};

use super::{Client, TEXT, at, titles};

/// Names as editors make them, one by one. `ROOT` stands for the folder.
const URIS: [&str; 7] = [
    "untitled:Untitled-1",
    "untitled:ROOT/a.txt",
    "vscode-notebook-cell:ROOT/n.ipynb#W0sZmlsZQ%3D%3D",
    "vscode-vfs://github/a/b/a.txt",
    "git:ROOT/a.txt?%7B%22ref%22%3A%22~%22%7D",
    "output:extension-output-a",
    "vscode-notebook-cell-output:ROOT/n.ipynb",
];

async fn open(client: &mut Client, uri: &str) {
    let document = json!({ "uri": uri, "languageId": "plaintext", "version": 1, "text": TEXT });
    client
        .notify("textDocument/didOpen", json!({ "textDocument": document }))
        .await;
}

async fn actions(client: &mut Client, uri: &str) -> Value {
    let params =
        json!({ "textDocument": { "uri": uri }, "range": at(1), "context": { "diagnostics": [] } });
    client.request("textDocument/codeAction", params).await
}

#[tokio::test]
async fn what_is_no_file_is_never_taken_for_one() {
    let (mut client, _) = Client::start(None, json!({})).await;
    std::fs::write(client.root.path().join("a.txt"), TEXT).unwrap();
    let root = client.root.path().canonicalize().unwrap();
    for uri in URIS.map(|uri| uri.replace("ROOT", &root.display().to_string())) {
        open(&mut client, &uri).await;
        let offered = actions(&mut client, &uri).await;
        assert_eq!(offered["result"], json!([]), "{uri}: {offered}");
        let focus = json!({ "uri": uri, "selections": [at(1)], "visibleRanges": [at(1)] });
        client.notify("interline/didChangeFocus", focus).await;
        for command in ["interline.edit", "interline.fix", "interline.explain"] {
            let argument = json!({ "uri": uri, "range": at(1), "instruction": "shout" });
            let answer = client.command(command, argument).await;
            let message = answer["error"]["message"].as_str().unwrap_or_default();
            assert!(!message.is_empty(), "{command} {uri}: {answer}");
        }
        let change = json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": [{ "text": "x" }] });
        client.notify("textDocument/didChange", change).await;
        let closed = json!({ "textDocument": { "uri": uri } });
        client.notify("textDocument/didClose", closed).await;
    }
    // The file of the same name is the user's still.
    let uri = client.uri("a.txt");
    open(&mut client, &uri).await;
    assert!(!titles(&actions(&mut client, &uri).await).is_empty());
    assert_eq!(std::fs::read_to_string(root.join("a.txt")).unwrap(), TEXT);
    client.leave().await;
}

#[tokio::test]
async fn notebooks_are_let_pass() {
    let (mut client, _) = Client::start(None, json!({})).await;
    let uri = client.uri("n.ipynb");
    let cell = format!(
        "vscode-notebook-cell:{}#W0",
        uri.trim_start_matches("file://")
    );
    let document = json!({ "uri": cell, "languageId": "python", "version": 1, "text": "x = 1\n" });
    let cells = json!([{ "kind": 2, "document": cell }]);
    let notebook =
        json!({ "uri": uri, "notebookType": "jupyter-notebook", "version": 1, "cells": cells });
    let opened = json!({ "notebookDocument": notebook, "cellTextDocuments": [document] });
    client.notify("notebookDocument/didOpen", opened).await;
    let changed =
        json!({ "notebookDocument": { "uri": uri, "version": 2 }, "change": { "cells": {} } });
    client.notify("notebookDocument/didChange", changed).await;
    assert_eq!(actions(&mut client, &cell).await["result"], json!([]));
    let saved = json!({ "notebookDocument": { "uri": uri } });
    client.notify("notebookDocument/didSave", saved).await;
    let closed =
        json!({ "notebookDocument": { "uri": uri }, "cellTextDocuments": [{ "uri": cell }] });
    client.notify("notebookDocument/didClose", closed).await;
    let hunks = client.command("interline.hunks", json!({})).await;
    assert!(hunks["error"].is_null(), "{hunks}");
    client.leave().await;
}
