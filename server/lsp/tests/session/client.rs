//! A tiny JSON-RPC client over a pipe, in place of an editor.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use interline_agent::{Budget, Hook, Settings};
use interline_log::Mode;
use interline_model::ModelSpec;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf,
    WriteHalf,
};
use tokio::task::JoinHandle;

pub(crate) struct Client {
    input: BufReader<ReadHalf<DuplexStream>>,
    output: WriteHalf<DuplexStream>,
    next: i64,
    /// What came while something else was awaited.
    seen: Vec<Value>,
    pub(crate) root: Arc<TempDir>,
    pub(crate) state: Arc<TempDir>,
    served: JoinHandle<std::io::Result<()>>,
}

/// What an editor is like.
pub(crate) struct Setup {
    /// Address of the model; `None`: the built-in one.
    pub(crate) model: Option<String>,
    /// The whole of `initialize`'s parameters but the folders.
    pub(crate) params: Value,
    /// Workspace folders, by their paths below `root`.
    pub(crate) folders: Vec<&'static str>,
    pub(crate) root: Arc<TempDir>,
    pub(crate) state: Arc<TempDir>,
    pub(crate) rules: interline_policy::Rules,
    pub(crate) hooks: Vec<Hook>,
    /// Models of the configuration; where there is one, it is used.
    pub(crate) models: Vec<ModelSpec>,
    /// The configuration can't be read.
    pub(crate) problem: Option<&'static str>,
}

impl Setup {
    /// An editor without a plugin that shows progress, with one folder.
    pub(crate) fn new(model: Option<String>) -> Self {
        Self {
            model,
            params: json!({
                "processId": null,
                "capabilities": { "window": { "workDoneProgress": true } },
            }),
            folders: vec![""],
            root: Arc::new(tempfile::tempdir().unwrap()),
            state: Arc::new(tempfile::tempdir().unwrap()),
            rules: interline_policy::Rules::default(),
            hooks: Vec::new(),
            models: Vec::new(),
            problem: None,
        }
    }

    pub(crate) fn interline(mut self, interline: Value) -> Self {
        self.params["initializationOptions"] = json!({ "interline": interline });
        self
    }

    pub(crate) fn capabilities(mut self, capabilities: Value) -> Self {
        self.params["capabilities"] = capabilities;
        self
    }

    /// Starts a server that has answered `initialize`; with its answer.
    pub(crate) async fn start(self) -> (Client, Value) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (input, output) = tokio::io::split(theirs);
        let base = settings(self.state.path(), self.model);
        let settings = Settings {
            model: self
                .models
                .first()
                .map_or(base.model, |model| model.name.clone()),
            models: self.models,
            rules: self.rules,
            hooks: self.hooks,
            ..base
        };
        let problem = self.problem;
        let open = move |_: &Path| match problem {
            Some(problem) => Err(problem.to_owned()),
            None => Ok(interline_lsp::Opened {
                settings: settings.clone(),
                warnings: Vec::new(),
            }),
        };
        let served = tokio::spawn(interline_lsp::serve(input, output, open));
        let (input, output) = tokio::io::split(ours);
        let mut client = Client {
            input: BufReader::new(input),
            output,
            next: 0,
            seen: Vec::new(),
            root: self.root,
            state: self.state,
            served,
        };
        let folders = self.folders.iter();
        let folders = folders.map(|path| json!({ "uri": client.uri(path), "name": "w" }));
        let mut params = self.params;
        params["workspaceFolders"] = folders.collect();
        let answer = client.request("initialize", params).await;
        client.notify("initialized", json!({})).await;
        (client, answer["result"].clone())
    }
}

impl Client {
    /// A client whose server has answered `initialize`. Without a model's address: the built-in model.
    pub(crate) async fn start(model: Option<String>, interline: Value) -> (Self, Value) {
        Setup::new(model).interline(interline).start().await
    }

    /// Goes as an editor goes; returns once the server is gone too.
    pub(crate) async fn leave(mut self) {
        self.request("shutdown", Value::Null).await;
        self.notify("exit", Value::Null).await;
        (&mut self.served).await.unwrap().unwrap();
    }

    /// Waits until the server is gone by itself.
    pub(crate) async fn abandoned(mut self) {
        let gone = tokio::time::timeout(Duration::from_secs(20), &mut self.served).await;
        gone.unwrap().unwrap().unwrap();
    }

    /// Applies a `workspace/applyEdit` of text to what the server mirrors, as an editor does, and answers it.
    pub(crate) async fn apply_text(&mut self, path: &str, version: i32) -> Value {
        let apply = self.sees("workspace/applyEdit", |_| true).await;
        let edit = apply["params"]["edit"]["documentChanges"][0]["edits"][0].clone();
        let change = json!({ "range": edit["range"], "text": edit["newText"] });
        self.change(path, version, change).await;
        self.answer(&apply, json!({ "applied": true })).await;
        edit
    }

    /// The next message with this text in it.
    pub(crate) async fn told(&mut self, part: &str) -> Value {
        self.sees("window/showMessage", |params| {
            params["message"].as_str().unwrap().contains(part)
        })
        .await
    }

    /// Everything that was sent before was taken in. Answers what came meanwhile that was not waited for.
    pub(crate) async fn settled(&mut self) -> &[Value] {
        self.command("interline.hunks", json!({})).await;
        &self.seen
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

    /// What comes next, whatever it is.
    pub(crate) async fn next(&mut self) -> Value {
        self.wait(|_| true).await
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

/// Whatever a test does: what is on record gives itself again.
impl Drop for Client {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let store = interline_log::Store::new(self.state.path().join("sessions"));
        for session in store.list().unwrap() {
            let events = store.read(session.id).unwrap();
            let replayed = interline_agent::replay(&events);
            assert_eq!(replayed.difference, None);
            assert_eq!(replayed.not_comparable, 0);
            assert_eq!(run_again(events).difference, None);
        }
    }
}

/// Where this is dropped a runtime is at work already.
fn run_again(events: Vec<interline_log::Event>) -> interline_agent::Rerun {
    let work = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().build().unwrap();
        let rerun = interline_agent::rerun(events, None, &[]);
        runtime.block_on(rerun).unwrap()
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap())
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
        budget: Arc::new(Budget::default),
        rules: interline_policy::Rules::default(),
        hooks: Vec::new(),
        state: state.to_owned(),
        launcher: None,
        telemetry: None,
        env: Arc::new(env.unwrap_or_default()),
        trust: true,
        audit_key: None,
    }
}
