//! The program: its first line, its files, its exit code.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

#[expect(
    clippy::disallowed_methods,
    reason = "a test starts the program that it tests"
)]
fn start(folder: &Path, script: &str) -> Child {
    let path = folder.join("script.json");
    std::fs::File::create(&path)
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    Command::new(env!("CARGO_BIN_EXE_scripted-model"))
        .arg(path)
        .args(["--port-file".as_ref(), folder.join("port").as_os_str()])
        .args(["--record".as_ref(), folder.join("record.jsonl").as_os_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn post(url: &str, body: &Value) -> String {
    let mut socket = TcpStream::connect(url.trim().strip_prefix("http://").unwrap()).unwrap();
    let body = body.to_string();
    let head = "POST /v1/chat/completions HTTP/1.1\r\ncontent-type: application/json\r\nauthorization: Bearer key\r\n";
    write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn end(mut child: Child) -> (i32, String) {
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty(), "nothing after the first line");
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn url(child: &mut Child) -> String {
    let mut line = Vec::new();
    // Byte by byte, so that a second line would stay for `end` to see.
    let mut stdout = BufReader::with_capacity(1, child.stdout.as_mut().unwrap());
    stdout.read_until(b'\n', &mut line).unwrap();
    String::from_utf8(line).unwrap()
}

#[test]
fn says_its_address_records_and_ends_with_stdin() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), r#"{"say":"hello"}"#);
    let url = url(&mut child);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("port")).unwrap(),
        url
    );
    let body = json!({"model": "m", "stream": true, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    assert!(post(&url, &body).contains("hello"));
    assert_eq!(end(child), (0, String::new()));
    let record = std::fs::read_to_string(folder.path().join("record.jsonl")).unwrap();
    let lines: Vec<Value> = record
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["body"], body);
    assert_eq!(lines[0]["headers"]["authorization"], "[redacted]");
    assert!(lines[1]["answered_us"].as_u64() > lines[0]["at_us"].as_u64());
}

#[test]
fn a_violation_is_exit_code_3() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), r#"[{"say":"hello"}]"#);
    let url = url(&mut child);
    let answer = post(
        &url,
        &json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}),
    );
    assert!(answer.starts_with("HTTP/1.1 400"));
    let (code, complaint) = end(child);
    assert_eq!(code, 3);
    assert!(complaint.contains("MaxTokens"), "{complaint}");
}

#[test]
fn a_wrong_script_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (code, complaint) = end(start(folder.path(), r#"[{"sya":"hello"}]"#));
    assert_eq!(code, 1);
    assert!(
        complaint.contains("step 1") && complaint.contains("sya"),
        "{complaint}"
    );
}
