//! A tiny JSON-RPC client over a pipe, in place of an editor.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use interline_agent::{Budget, Settings};
use interline_log::Mode;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf,
    WriteHalf,
};

pub(crate) struct Client {
    input: BufReader<ReadHalf<DuplexStream>>,
    output: WriteHalf<DuplexStream>,
    next: i64,
    /// What came while something else was awaited.
    seen: Vec<Value>,
    pub(crate) root: tempfile::TempDir,
    _state: tempfile::TempDir,
}

impl Client {
    /// A client whose server has answered `initialize`. Without a model's address: the built-in model.
    pub(crate) async fn start(model: Option<String>, interline: Value) -> (Self, Value) {
        let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (input, output) = tokio::io::split(theirs);
        let settings = settings(state.path(), model);
        let open = move |_: &Path| {
            Ok(interline_lsp::Opened {
                settings: settings.clone(),
                warnings: Vec::new(),
            })
        };
        tokio::spawn(interline_lsp::serve(input, output, open));
        let (input, output) = tokio::io::split(ours);
        let input = BufReader::new(input);
        let mut client = Self {
            input,
            output,
            next: 0,
            seen: Vec::new(),
            root,
            _state: state,
        };
        let folder = json!({ "uri": client.uri(""), "name": "w" });
        let params = json!({
            "processId": null,
            "capabilities": { "window": { "workDoneProgress": true } },
            "workspaceFolders": [folder],
            "initializationOptions": { "interline": interline },
        });
        let answer = client.request("initialize", params).await;
        client.notify("initialized", json!({})).await;
        (client, answer["result"].clone())
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        format!(
            "file://{}/{path}",
            self.root.path().canonicalize().unwrap().display()
        )
    }

    pub(crate) async fn open(&mut self, path: &str, text: &str) {
        let document =
            json!({ "uri": self.uri(path), "languageId": "plaintext", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }))
            .await;
    }

    pub(crate) async fn change(&mut self, path: &str, version: i32, change: Value) {
        let document = json!({ "uri": self.uri(path), "version": version });
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        )
        .await;
    }

    pub(crate) async fn command(&mut self, command: &str, argument: Value) -> Value {
        self.request(
            "workspace/executeCommand",
            json!({ "command": command, "arguments": [argument] }),
        )
        .await
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params }))
            .await;
    }

    pub(crate) async fn answer(&mut self, request: &Value, result: Value) {
        self.send(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }))
            .await;
    }

    pub(crate) async fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .await;
        self.wait(|message| message.get("method").is_none() && message["id"] == id)
            .await
    }

    /// The first message of the server's with this method that fits.
    pub(crate) async fn sees(&mut self, method: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.wait(|message| message["method"] == method && fits(&message["params"]))
            .await
    }

    async fn wait(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.seen.iter().position(&fits) {
            return self.seen.remove(at);
        }
        loop {
            let read = tokio::time::timeout(Duration::from_secs(20), self.read()).await;
            let Ok(message) = read else {
                panic!("it did not come; what did: {:#?}", self.seen)
            };
            if message["method"] == "window/workDoneProgress/create" {
                self.answer(&message, Value::Null).await;
            }
            if fits(&message) {
                return message;
            }
            self.seen.push(message);
        }
    }

    async fn send(&mut self, message: Value) {
        let body = message.to_string();
        let text = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.output.write_all(text.as_bytes()).await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(
                self.input.read_line(&mut line).await.unwrap() > 0,
                "the server is gone"
            );
            match line.trim() {
                "" => break,
                header => {
                    if let Some(value) = header.strip_prefix("Content-Length: ") {
                        length = value.parse().unwrap();
                    }
                }
            }
        }
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }
}

fn settings(state: &Path, model: Option<String>) -> Settings {
    let name = if model.is_some() { "auto" } else { "builtin" };
    let env = model.map(|url| {
        vec![
            ("ANTHROPIC_API_KEY".to_owned(), "test".to_owned()),
            ("ANTHROPIC_BASE_URL".to_owned(), url),
        ]
    });
    Settings {
        version: "0".to_owned(),
        model: name.to_owned(),
        mode: Mode::Default,
        models: Vec::new(),
        budget: Budget::default(),
        rules: interline_policy::Rules::default(),
        state: state.to_owned(),
        env: Arc::new(env.unwrap_or_default()),
        trust: true,
    }
}
