//! A client as plain as can be: a socket, and the bodies that a good client of each format sends.

use std::io::{Read, Write};
use std::net::TcpStream;

use scripted_model::Server;
use serde_json::{Value, json};

pub(crate) const ANTHROPIC: &str = "/v1/messages";
pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const RESPONSES: &str = "/v1/responses";

const HEADERS: &str = "content-type: application/json\r\nx-api-key: secret\r\nauthorization: Bearer secret\r\n\
                       anthropic-version: 2023-06-01\r\n";

/// An answer, as far as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// The body without its chunks.
    pub(crate) body: String,
    /// The body's end was seen.
    pub(crate) complete: bool,
}

impl Answer {
    /// The events' names (the type, where the format names none) and data.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let text = self
            .body
            .trim_start_matches('\u{feff}')
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        text.split("\n\n")
            .filter(|block| !block.is_empty())
            .map(event)
            .collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.events().into_iter().map(|(name, _)| name).collect()
    }

    /// The strings at `pointer` in all events, joined.
    pub(crate) fn joined(&self, pointer: &str) -> String {
        self.events()
            .iter()
            .filter_map(|(_, data)| Some(data.pointer(pointer)?.as_str()?.to_owned()))
            .collect()
    }

    pub(crate) fn last(&self) -> Value {
        self.events().pop().unwrap().1
    }
}

fn event(block: &str) -> (String, Value) {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim_start)
    };
    let data = field("data:").unwrap_or_default();
    let value = serde_json::from_str(data).unwrap_or_else(|_| Value::String(data.to_owned()));
    (field("event:").unwrap_or_default().to_owned(), value)
}

pub(crate) fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.base_url().strip_prefix("http://").unwrap()).unwrap()
}

pub(crate) fn post(server: &Server, path: &str, body: &Value) -> Answer {
    send(server, path, HEADERS, &body.to_string())
}

pub(crate) fn send(server: &Server, path: &str, headers: &str, body: &str) -> Answer {
    let mut socket = connect(server);
    write(&mut socket, path, headers, body);
    read(&mut socket)
}

/// Sends a good request and reads nothing.
pub(crate) fn begin(server: &Server, path: &str, body: &Value) -> TcpStream {
    let mut socket = connect(server);
    write(&mut socket, path, HEADERS, &body.to_string());
    socket
}

pub(crate) fn write(socket: &mut TcpStream, path: &str, headers: &str, body: &str) {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
}

/// Reads one answer, to its end or the connection's.
pub(crate) fn read(socket: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        if let Some(answer) = parse(&bytes, false) {
            return answer;
        }
        let mut buffer = [0; 64 * 1024];
        match socket.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
    let nothing = Answer {
        status: 0,
        head: String::new(),
        body: String::new(),
        complete: false,
    };
    parse(&bytes, true).unwrap_or(nothing)
}

fn parse(bytes: &[u8], at_end: bool) -> Option<Answer> {
    let split = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    let rest = &bytes[split + 4..];
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let (body, complete) = match length {
        Some(length) => (
            rest.to_vec(),
            rest.len() == length.parse::<usize>().unwrap(),
        ),
        None if !at_end && !rest.ends_with(b"\r\n0\r\n\r\n") => return None,
        None => dechunk(rest),
    };
    (complete || at_end).then(|| Answer {
        status,
        head,
        body: String::from_utf8(body).unwrap(),
        complete,
    })
}

fn dechunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let length =
            usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if length == 0 {
            return (body, true);
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 4 + length..];
    }
    (body, false)
}

fn schema() -> Value {
    json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]})
}

/// A good request with these messages.
pub(crate) fn anthropic(messages: Value) -> Value {
    json!({
        "model": "m", "max_tokens": 100, "stream": true, "system": [{"type": "text", "text": "be brief"}],
        "tools": [{"name": "read", "description": "reads", "input_schema": schema()}], "messages": messages,
    })
}

pub(crate) fn chat(messages: Value) -> Value {
    json!({
        "model": "m", "max_tokens": 100, "stream": true, "stream_options": {"include_usage": true},
        "tools": [{"type": "function", "function": {"name": "read", "parameters": schema()}}], "messages": messages,
    })
}

pub(crate) fn responses(input: Value) -> Value {
    json!({
        "model": "m", "max_output_tokens": 100, "stream": true, "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "read", "parameters": schema()}], "input": input,
    })
}

pub(crate) fn user(text: &str) -> Value {
    json!({"role": "user", "content": [{"type": "text", "text": text}]})
}

/// The user message that answers these calls.
pub(crate) fn results(ids: &[&str]) -> Value {
    let block = |id: &&str| json!({"type": "tool_result", "tool_use_id": id, "content": "fine"});
    json!({"role": "user", "content": ids.iter().map(block).collect::<Vec<_>>()})
}

/// The assistant's message that an Anthropic stream told.
pub(crate) fn said(answer: &Answer) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    let mut arguments = String::new();
    for (name, data) in answer.events() {
        match name.as_str() {
            "content_block_start" => blocks.push(data["content_block"].clone()),
            "content_block_delta" => {
                let block = blocks.last_mut().unwrap();
                for (key, piece) in data["delta"].as_object().unwrap() {
                    match key.as_str() {
                        "type" => {}
                        "partial_json" => arguments.push_str(piece.as_str().unwrap()),
                        key => {
                            block[key] = json!(
                                block[key].as_str().unwrap().to_owned() + piece.as_str().unwrap()
                            )
                        }
                    }
                }
            }
            "content_block_stop" if !arguments.is_empty() => {
                blocks.last_mut().unwrap()["input"] =
                    serde_json::from_str(&std::mem::take(&mut arguments)).unwrap();
            }
            _ => {}
        }
    }
    json!({"role": "assistant", "content": blocks})
}
