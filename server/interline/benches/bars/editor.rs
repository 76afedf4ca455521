//! An editor on the other end of `interline lsp`: blocking JSON-RPC over real pipes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::Place;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Editor<'a> {
    place: &'a Place,
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    next: i64,
    /// Params of every `interline/event` so far.
    pub(crate) events: Vec<Value>,
    /// From before the start of the process until `initialize` was answered.
    pub(crate) start: Duration,
}

impl<'a> Editor<'a> {
    /// A server that has answered `initialize`.
    pub(crate) fn new(place: &'a Place) -> Self {
        let mut command = place.command(&["lsp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        let (send, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::with_capacity(1 << 16, output);
            while let Some(message) = read(&mut output) {
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let mut editor = Self {
            place,
            child,
            input,
            messages,
            next: 0,
            events: Vec::new(),
            start: Duration::ZERO,
        };
        let params = json!({
            "processId": std::process::id(),
            "capabilities": { "window": { "workDoneProgress": true } },
            "workspaceFolders": [{ "uri": editor.uri(""), "name": "project" }],
            "initializationOptions": { "interline": { "event": true } },
        });
        let answer = editor.request("initialize", params);
        editor.start = started.elapsed();
        assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
        editor.notify("initialized", json!({}));
        editor
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn uri(&self, path: &str) -> String {
        let project = self.place.project().canonicalize().unwrap();
        format!("file://{}/{path}", project.display())
    }

    pub(crate) fn open(&mut self, path: &str, text: &str) {
        let uri = self.uri(path);
        let document = json!({ "uri": uri, "languageId": "rust", "version": 0, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The result; an error fails the benchmark.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    pub(crate) fn command(&mut self, command: &str, argument: Value) -> Value {
        let params = json!({ "command": command, "arguments": [argument] });
        self.request("workspace/executeCommand", params)
    }

    /// Titles of the code actions at a line.
    pub(crate) fn actions(&mut self, path: &str, line: u32) -> Vec<String> {
        let place = json!({ "line": line, "character": 0 });
        let params = json!({
            "textDocument": { "uri": self.uri(path) },
            "range": { "start": place, "end": place },
            "context": { "diagnostics": [] },
        });
        let actions = self.request("textDocument/codeAction", params);
        let titles = actions.as_array().unwrap().iter();
        titles
            .map(|action| action["title"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Returns when all that was sent has been dealt with: a request for what there isn't, the cheapest that there is.
    pub(crate) fn barrier(&mut self) {
        let answer = self.ask("interline/barrier", Value::Null);
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
    }

    /// Waits until a turn has ended.
    pub(crate) fn wait_for_end(&mut self) {
        self.wait("the end of a turn", |events| {
            events
                .iter()
                .any(|told| told["event"]["type"] == "turnEnded")
        });
    }

    /// Waits until the events so far fit.
    pub(crate) fn wait(&mut self, what: &str, fits: impl Fn(&[Value]) -> bool) {
        let start = Instant::now();
        while !fits(&self.events) {
            assert!(start.elapsed() < PATIENCE, "waited for {what}");
            if let Ok(message) = self.messages.recv_timeout(Duration::from_millis(100)) {
                self.take(message);
            }
        }
    }

    /// Sends frames as they are.
    pub(crate) fn write(&mut self, frames: &[u8]) {
        self.input.write_all(frames).unwrap();
    }

    /// Ends the server in good order. It must have complained of nothing.
    pub(crate) fn end(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        let code = self.child.wait().unwrap().code();
        let complaints = std::fs::read_to_string(self.place.stderr()).unwrap();
        assert_eq!((code, complaints.as_str()), (Some(0), ""));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("an answer");
            if message.get("method").is_none() && message["id"] == id {
                return message;
            }
            self.take(message);
        }
    }

    /// Requests of the server's get an empty result; events are kept.
    fn take(&mut self, mut message: Value) {
        if let Some(id) = message.get("id") {
            self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": null }));
        } else if message["method"] == "interline/event" {
            self.events.push(message["params"].take());
        }
    }

    fn send(&mut self, message: &Value) {
        let mut bytes = Vec::new();
        frame(&mut bytes, &message.to_string());
        self.write(&bytes);
    }
}

impl Drop for Editor<'_> {
    fn drop(&mut self) {
        // Gone already where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Appends a message.
pub(crate) fn frame(bytes: &mut Vec<u8>, body: &str) {
    write!(bytes, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
}

fn read(output: &mut BufReader<ChildStdout>) -> Option<Value> {
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().strip_prefix("Content-Length: ") {
            Some(number) => length = number.parse().ok()?,
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
