//! The loop over a pair of pipes, with a server of the tests' own behind it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lsp_types::{
    DidChangeTextDocumentParams, ExecuteCommandParams, InitializeParams, InitializeResult,
    MessageActionItem, MessageType,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;
use tower_lsp::{Client, jsonrpc};

use super::*;

#[derive(Default)]
struct Seen {
    versions: Mutex<Vec<i32>>,
    answered: AtomicUsize,
}

struct Server {
    client: Client,
    seen: Arc<Seen>,
}

impl LanguageServer for Server {
    async fn initialize(&self, _: InitializeParams) -> jsonrpc::Result<InitializeResult> {
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> jsonrpc::Result<()> {
        Ok(())
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let version = params.text_document.version;
        self.seen.versions.lock().unwrap().push(version);
        // What comes after the mutation may sleep.
        tokio::task::yield_now().await;
    }

    async fn execute_command(
        &self,
        params: ExecuteCommandParams,
    ) -> jsonrpc::Result<Option<Value>> {
        match params.command.as_str() {
            "panic" => panic!("a handler of the tests"),
            "log" => {
                self.client.log_message(MessageType::LOG, "before").await;
                Ok(None)
            }
            "give up" => {
                let asked = self.ask();
                let _ = tokio::time::timeout(Duration::from_millis(1), asked).await;
                Ok(None)
            }
            _ => {
                let chosen = self.ask().await;
                self.seen.answered.fetch_add(1, Ordering::SeqCst);
                Ok(chosen.map(|item| Value::String(item.title)))
            }
        }
    }
}

impl Server {
    async fn ask(&self) -> Option<MessageActionItem> {
        let chosen = self
            .client
            .show_message_request(MessageType::INFO, "?", None);
        chosen.await.unwrap()
    }
}

struct Editor {
    to: DuplexStream,
    from: DuplexStream,
    seen: Arc<Seen>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Editor {
    async fn start() -> Self {
        let (to, input) = tokio::io::duplex(1 << 16);
        let (output, from) = tokio::io::duplex(1 << 16);
        let seen = Arc::new(Seen::default());
        let server_seen = seen.clone();
        let (service, socket) = LspService::new(|client| Server {
            client,
            seen: server_seen,
        });
        let served = tokio::spawn(serve(input, output, service, socket, |_| {}));
        let mut editor = Self {
            to,
            from,
            seen,
            served,
        };
        editor
            .request(0, "initialize", json!({"capabilities": {}}))
            .await;
        assert_eq!(editor.read().await["id"], 0);
        editor
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.to.write_all(bytes).await.unwrap();
    }

    async fn body(&mut self, body: &[u8]) {
        self.raw(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes())
            .await;
        self.raw(body).await;
    }

    async fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = "2.0".into();
        self.body(message.to_string().as_bytes()).await;
    }

    async fn request(&mut self, id: i32, method: &str, params: Value) {
        self.send(json!({"id": id, "method": method, "params": params}))
            .await;
    }

    async fn command(&mut self, id: i32, command: &str) {
        self.request(id, "workspace/executeCommand", json!({"command": command}))
            .await;
    }

    async fn change(&mut self, version: i32) {
        let params = json!({
            "textDocument": {"uri": "file:///a", "version": version},
            "contentChanges": [{"text": "a"}],
        });
        self.send(json!({"method": "textDocument/didChange", "params": params}))
            .await;
    }

    async fn read(&mut self) -> Value {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.from.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let length = head.trim().strip_prefix("Content-Length: ").unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.from.read_exact(&mut body).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// Everything sent before was taken in, and the server still answers; returns what it said until then.
    async fn alive(&mut self) -> Vec<Value> {
        self.command(-1, "log").await;
        let mut said = Vec::new();
        loop {
            let message = self.read().await;
            if message["id"] == -1 {
                said.pop();
                return said;
            }
            said.push(message);
        }
    }
}

#[tokio::test]
async fn changes_are_applied_in_the_order_of_messages() {
    let mut editor = Editor::start().await;
    for version in 0..2000 {
        editor.change(version).await;
    }
    editor.alive().await;
    let expected: Vec<i32> = (0..2000).collect();
    assert_eq!(*editor.seen.versions.lock().unwrap(), expected);
}

#[tokio::test]
async fn waiting_handlers_hold_up_neither_edits_nor_replies() {
    let mut editor = Editor::start().await;
    let mut asked = Vec::new();
    for id in 1..=40 {
        editor.command(id, "ask").await;
        let prompt = editor.read().await;
        assert_eq!(prompt["method"], "window/showMessageRequest");
        asked.push(prompt["id"].clone());
    }
    for version in 0..200 {
        editor.change(version).await;
    }
    editor.alive().await;
    assert_eq!(editor.seen.versions.lock().unwrap().len(), 200);
    for id in asked {
        editor
            .send(json!({"id": id, "result": {"title": "yes"}}))
            .await;
    }
    for _ in 1..=40 {
        assert_eq!(editor.read().await["result"], "yes");
    }
}

#[tokio::test]
async fn a_message_of_a_handler_comes_before_its_answer() {
    let mut editor = Editor::start().await;
    for id in 1..50 {
        editor.command(id, "log").await;
        assert_eq!(editor.read().await["method"], "window/logMessage");
        assert_eq!(editor.read().await["id"], id);
    }
}

#[tokio::test]
async fn a_panic_is_an_error_answer() {
    let mut editor = Editor::start().await;
    editor.command(1, "panic").await;
    let answer = editor.read().await;
    assert_eq!(
        (&answer["id"], &answer["error"]["code"]),
        (&json!(1), &json!(-32603))
    );
    assert!(editor.alive().await.is_empty());
}

#[tokio::test]
async fn replies_nobody_waits_for_are_dropped() {
    let mut editor = Editor::start().await;
    editor.command(1, "give up").await;
    let prompt = editor.read().await;
    assert_eq!(editor.read().await["id"], 1);
    for id in [
        prompt["id"].clone(),
        prompt["id"].clone(),
        json!(99),
        json!("x"),
        json!(null),
    ] {
        editor.send(json!({"id": id, "result": null})).await;
    }
    assert!(editor.alive().await.is_empty());
}

#[tokio::test]
async fn a_reply_without_a_result_is_a_dismissal_and_is_not_answered() {
    let mut editor = Editor::start().await;
    editor.command(1, "ask").await;
    let prompt = editor.read().await;
    editor.send(json!({"id": prompt["id"]})).await;
    let answer = editor.read().await;
    assert_eq!(
        (&answer["id"], &answer["result"]),
        (&json!(1), &json!(null))
    );
}

#[tokio::test]
async fn a_waiting_request_is_cancelled_at_once() {
    let mut editor = Editor::start().await;
    editor.command(1, "ask").await;
    editor.read().await;
    editor
        .send(json!({"method": "$/cancelRequest", "params": {"id": 1}}))
        .await;
    assert_eq!(editor.read().await["error"]["code"], -32800);
}

#[tokio::test]
async fn unknown_requests_are_refused_and_unknown_notifications_ignored() {
    let mut editor = Editor::start().await;
    editor
        .send(json!({"method": "window/workDoneProgress/cancel", "params": {"token": 1}}))
        .await;
    editor.request(1, "no/such", json!({})).await;
    assert_eq!(editor.read().await["error"]["code"], -32601);
}

#[tokio::test]
async fn exit_ends_it_with_the_input_open() {
    let mut editor = Editor::start().await;
    editor.command(1, "ask").await;
    editor.read().await;
    editor.send(json!({"id": 2, "method": "shutdown"})).await;
    assert_eq!(editor.read().await["id"], 2);
    editor.send(json!({"method": "exit"})).await;
    editor.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_end_of_input_ends_it_and_its_waiting_handlers() {
    let mut editor = Editor::start().await;
    editor.command(1, "ask").await;
    editor.read().await;
    drop(editor.to);
    editor.served.await.unwrap().unwrap();
    // The pipe closes only once nothing holds the service or its outbox.
    assert_eq!(editor.from.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    while Arc::strong_count(&editor.seen) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(editor.seen.answered.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_broken_costs_one_error_each() {
    let mut editor = Editor::start().await;
    for (body, code) in [
        (&b"{\"jsonrpc\":"[..], -32700),
        (b"\xff\xfe", -32700),
        (b" [{}]", -32600),
        (b"{}", -32600),
        (b"{\"jsonrpc\":\"2.0\"}", -32600),
    ] {
        editor.body(body).await;
        let answer = editor.read().await;
        assert_eq!(answer["error"]["code"], code);
        assert_eq!(answer["id"], json!(null));
    }
    assert!(editor.alive().await.is_empty());
}

#[tokio::test]
async fn a_body_after_bad_headers_does_not_swallow_what_follows() {
    let mut editor = Editor::start().await;
    editor.raw(b"Content-Length: many\r\n\r\n{}").await;
    assert_eq!(editor.read().await["error"]["code"], -32700);
    assert!(editor.alive().await.is_empty());
}
