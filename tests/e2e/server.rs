//! `interline lsp`, the real binary, as a test speaks to it over its pipes.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout};

use serde_json::{Value, json};

use crate::place::{Place, wait};

/// `interline lsp`, spoken to in bytes.
pub(crate) struct Server {
    pub(crate) process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next: i64,
    /// What came while an answer was awaited.
    passed: VecDeque<Value>,
}

impl Server {
    pub(crate) fn start(place: &Place) -> Self {
        let mut process = place.start_lsp();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self {
            process,
            input,
            output,
            next: 0,
            passed: VecDeque::new(),
        }
    }

    pub(crate) fn initialized(place: &Place) -> Self {
        Self::with_options(place, &json!({}))
    }

    /// One that has answered `initialize` with these `initializationOptions.interline`.
    pub(crate) fn with_options(place: &Place, options: &Value) -> Self {
        let mut server = Self::start(place);
        let folder = json!({"uri": format!("file://{}", place.project().display()), "name": "p"});
        let params = json!({
            "processId": null, "capabilities": {}, "workspaceFolders": [folder],
            "initializationOptions": {"interline": options},
        });
        assert!(server.request("initialize", params)["result"].is_object());
        server.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
        server
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    pub(crate) fn body(&mut self, body: &[u8]) {
        self.raw(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        self.raw(body);
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.body(message.to_string().as_bytes());
    }

    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.read();
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.passed.push_back(message);
        }
    }

    pub(crate) fn command(&mut self, command: &str, argument: Value) -> Value {
        let params = json!({"command": command, "arguments": [argument]});
        let answer = self.request("workspace/executeCommand", params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// The next message of the server's with this method. Those before it are dropped.
    pub(crate) fn sees(&mut self, method: &str) -> Value {
        self.next_that(|message| message["method"] == method)
    }

    /// Answers a prompt that is a request of ours.
    pub(crate) fn decide(&mut self, prompt: &Value, answer: &str) {
        let result = json!({"id": prompt["params"]["id"], "answer": answer});
        self.send(&json!({"jsonrpc": "2.0", "id": prompt["id"], "result": result}));
    }

    /// Trusts the folder, as the user does who is asked.
    pub(crate) fn trust(&mut self) {
        self.command("interline.trust", json!({"trusted": true}));
        let prompt = self.sees("interline/requestPermission");
        self.decide(&prompt, "allow");
        self.tells("trusted from now on");
    }

    fn next_that(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = match self.passed.pop_front() {
                Some(message) => message,
                None => self.read(),
            };
            if fits(&message) {
                return message;
            }
        }
    }

    /// Waits for a message to the user with this in it.
    pub(crate) fn tells(&mut self, part: &str) {
        self.next_that(|message| {
            let text = message["params"]["message"].as_str();
            message["method"] == "window/showMessage" && text.is_some_and(|it| it.contains(part))
        });
    }

    /// Closes its input, as an editor does that dies, and waits until it is gone too.
    pub(crate) fn left_alone(mut self) {
        drop(self.input.take());
        wait("the server to go", || {
            self.process.try_wait().unwrap().is_some()
        });
    }

    pub(crate) fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(
                self.output.read_line(&mut line).unwrap() > 0,
                "the server is gone"
            );
            match line.trim().strip_prefix("Content-Length: ") {
                Some(value) => length = value.parse().unwrap(),
                None if line.trim().is_empty() => break,
                None => panic!("not the protocol: {line:?}"),
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The server still answers; what it said before that, notices to the user aside.
    #[track_caller]
    pub(crate) fn alive(&mut self) -> Vec<Value> {
        self.send(&json!({"jsonrpc": "2.0", "id": "alive", "method": "no/such/method"}));
        let mut said = Vec::new();
        loop {
            let message = self.read();
            if message["id"] == "alive" {
                assert_eq!(message["error"]["code"], -32601, "{message}");
                return said;
            }
            if message.get("method").is_none() {
                said.push(message);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
