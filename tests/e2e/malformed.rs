//! Whatever comes in malformed gives one clear error, and the server lives on. One table for each door.

use scripted_model::{Call, Step, StreamFault};
use serde_json::{Value, json};

use crate::place::{Place, edit, model, results};
use crate::server::Server;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;

#[test]
fn frames() {
    let place = Place::new();
    let mut server = Server::initialized(&place);
    let frame = |body: &[u8]| {
        [
            format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
            body,
        ]
        .concat()
    };
    let message = |extra: &str| frame(format!("{{\"jsonrpc\":\"2.0\",{extra}}}").as_bytes());
    let nested = |open: &str, close: &str| {
        let params = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        message(&format!(
            "\"id\":1,\"method\":\"shutdown\",\"params\":{params}"
        ))
    };
    let table: Vec<(&str, Vec<u8>, Option<i32>)> = vec![
        (
            "no JSON",
            frame(b"{\"jsonrpc\":\"2.0\",\"id\""),
            Some(PARSE_ERROR),
        ),
        ("an empty body", frame(b""), Some(PARSE_ERROR)),
        (
            "not UTF-8",
            frame(b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\"}"),
            Some(PARSE_ERROR),
        ),
        (
            "half a surrogate pair",
            message("\"id\":1,\"method\":\"\\ud800\""),
            Some(PARSE_ERROR),
        ),
        ("10,000 lists deep", nested("[", "]"), Some(PARSE_ERROR)),
        (
            "10,000 objects deep",
            nested("{\"a\":", "}"),
            Some(PARSE_ERROR),
        ),
        ("a number", frame(b"1"), Some(INVALID_REQUEST)),
        ("null", frame(b"null"), Some(INVALID_REQUEST)),
        (
            "a batch",
            frame(b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"shutdown\"}]"),
            Some(INVALID_REQUEST),
        ),
        (
            "no version",
            frame(b"{\"id\":1,\"method\":\"shutdown\"}"),
            Some(INVALID_REQUEST),
        ),
        (
            "another version",
            frame(b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"shutdown\"}"),
            Some(INVALID_REQUEST),
        ),
        (
            "an id that is a list",
            message("\"id\":[1],\"method\":\"shutdown\""),
            Some(INVALID_REQUEST),
        ),
        (
            "an id that is a fraction",
            message("\"id\":1.5,\"method\":\"shutdown\""),
            Some(INVALID_REQUEST),
        ),
        (
            "a method that is a number",
            message("\"id\":1,\"method\":1"),
            Some(INVALID_REQUEST),
        ),
        (
            "neither method nor id",
            message("\"params\":{}"),
            Some(INVALID_REQUEST),
        ),
        (
            "no length",
            b"Content-Type: x\r\n\r\n{}".to_vec(),
            Some(PARSE_ERROR),
        ),
        (
            "a negative length",
            b"Content-Length: -2\r\n\r\n{}".to_vec(),
            Some(PARSE_ERROR),
        ),
        (
            "a length that is no number",
            b"Content-Length: two\r\n\r\n{}".to_vec(),
            Some(PARSE_ERROR),
        ),
        (
            "a length beyond all",
            b"Content-Length: 99999999999999999999999\r\n\r\n{}".to_vec(),
            Some(PARSE_ERROR),
        ),
        (
            "a length beyond any memory",
            b"Content-Length: 18446744073709551615\r\n\r\n{}".to_vec(),
            Some(PARSE_ERROR),
        ),
        (
            "two lengths",
            b"Content-Length: 9\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
            Some(INVALID_REQUEST),
        ),
        (
            "a header that never ends",
            [&b"x".repeat(200_000)[..], b"\r\n\r\n"].concat(),
            Some(PARSE_ERROR),
        ),
        (
            "an unknown notification",
            message("\"method\":\"no/such\""),
            None,
        ),
        (
            "a reply that nobody waits for",
            message("\"id\":77,\"result\":null"),
            None,
        ),
        (
            "a cancellation of nothing",
            message("\"method\":\"$/cancelRequest\",\"params\":{\"id\":99}"),
            None,
        ),
    ];
    for (name, bytes, code) in table {
        server.raw(&bytes);
        let said = server.alive();
        let codes: Vec<_> = said
            .iter()
            .map(|answer| answer["error"]["code"].as_i64())
            .collect();
        let expected: Vec<_> = code.iter().map(|code| Some(i64::from(*code))).collect();
        assert_eq!(codes, expected, "{name}: {said:?}");
    }
}

#[test]
fn parameters_of_every_method() {
    let place = Place::new();
    let mut server = Server::initialized(&place);
    let uri = format!("file://{}/notes.txt", place.project().display());
    let far = json!({"line": u32::MAX, "character": u32::MAX});
    let bad = [
        Value::Null,
        json!([]),
        json!([1, 2]),
        json!("x"),
        json!(-1),
        json!({}),
        json!({"textDocument": 1}),
        json!({"textDocument": {"uri": "not a uri", "version": 1, "languageId": "x", "text": ""}}),
        json!({"textDocument": {"uri": "file:///%00%ff/..", "version": 1, "languageId": "x", "text": ""}}),
        json!({"textDocument": {"uri": uri, "version": i64::MAX}, "contentChanges": [{"text": 1}]}),
        json!({"textDocument": {"uri": "file:///never/opened", "version": 1}, "contentChanges": [{"text": "x"}]}),
        json!({"textDocument": {"uri": uri}, "range": {"start": far, "end": far}, "context": {"diagnostics": []}}),
        json!({"command": "interline.edit", "arguments": {}}),
        json!({"command": "no.such.command"}),
        json!({"uri": "x", "version": -1, "diagnostics": {}}),
        json!({"token": {}}),
        json!({"settings": 7}),
    ];
    for method in [
        "initialize",
        "textDocument/codeAction",
        "textDocument/codeLens",
        "workspace/executeCommand",
    ] {
        for params in &bad {
            let answer = server.request(method, params.clone());
            let one = answer.get("result").is_some() != answer.get("error").is_some();
            assert!(one, "{method} {params}: {answer}");
            assert_ne!(
                answer["error"]["code"], -32603,
                "{method} {params}: a panic: {answer}"
            );
        }
        assert_eq!(server.alive(), [] as [Value; 0], "{method}");
    }
    for method in [
        "initialized",
        "textDocument/didOpen",
        "textDocument/didChange",
        "textDocument/didClose",
        "textDocument/didSave",
        "workspace/didChangeConfiguration",
        "interline/didChangeDiagnostics",
        "interline/didChangeFocus",
        "window/workDoneProgress/cancel",
        "$/setTrace",
    ] {
        for params in &bad {
            server.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
        }
        assert_eq!(server.alive(), [] as [Value; 0], "{method}");
    }
    // An open document keeps its text through positions far beyond it.
    let open = json!({"uri": uri, "languageId": "plaintext", "version": 1, "text": "one\n"});
    server.send(&json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": open}}));
    let change = json!({"range": {"start": far, "end": {"line": 0, "character": 0}}, "text": "x"});
    let params = json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [change]});
    server.send(&json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params}));
    assert_eq!(server.alive(), [] as [Value; 0]);
}

#[test]
fn arguments_of_every_command() {
    let place = Place::new().env("INTERLINE_MODEL", "builtin");
    let mut server = Server::initialized(&place);
    let bad = [
        json!([]),
        json!([null]),
        json!([1]),
        json!(["x"]),
        json!([[]]),
        json!([{"no_such_key": 1}]),
        json!([{"session": "x"}]),
        json!([{"session": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}]),
        json!([{"hunk": "../.."}]),
        json!([{"hunk": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}]),
        json!([{"uri": "\u{0}", "range": 1}]),
        json!([{"mode": "yolo"}]),
        json!([{"model": "no such model"}]),
        json!([{}, {}]),
    ];
    for name in [
        "edit",
        "fix",
        "explain",
        "prompt",
        "accept",
        "reject",
        "revise",
        "cancel",
        "undo",
        "mode",
        "model",
        "sessions",
        "resume",
        "transcript",
        "hunks",
        "diff",
    ] {
        for arguments in &bad {
            let params = json!({"command": format!("interline.{name}"), "arguments": arguments});
            let answer = server.request("workspace/executeCommand", params);
            assert_ne!(
                answer["error"]["code"], -32603,
                "{name} {arguments}: a panic: {answer}"
            );
            if let Some(message) = answer["error"]["message"].as_str() {
                assert!(
                    !message.is_empty() && message.lines().count() == 1,
                    "{name} {arguments}: {message}"
                );
            }
        }
        assert_eq!(server.alive(), [] as [Value; 0], "{name}");
    }
}

#[test]
fn before_and_after() {
    let place = Place::new();
    let mut server = Server::start(&place);
    for method in [
        "textDocument/codeAction",
        "workspace/executeCommand",
        "shutdown",
    ] {
        let answer = server.request(method, json!({}));
        assert_eq!(answer["error"]["code"], -32002, "{method}: {answer}");
    }
    let early = json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {}});
    server.send(&early);
    let started = json!({"processId": null, "capabilities": {}, "rootUri": null});
    assert!(server.request("initialize", started.clone())["result"].is_object());
    assert_eq!(
        server.request("initialize", started)["error"]["code"],
        -32600
    );
    assert_eq!(
        server.request("shutdown", Value::Null)["result"],
        Value::Null
    );
    for method in ["textDocument/codeAction", "shutdown"] {
        let answer = server.request(method, json!({}));
        assert_eq!(answer["error"]["code"], -32600, "{method}: {answer}");
    }
    server.send(&json!({"jsonrpc": "2.0", "method": "exit"}));
    assert!(server.process.wait().unwrap().success());
}

#[test]
fn configurations() {
    let table: [(&str, &str); 14] = [
        ("model = 1", "config.toml:1"),
        ("model = \"a\"\nmodel = \"b\"", "config.toml:2"),
        ("model = \"no such model\"", "no such model"),
        ("mode = \"yolo\"", "config.toml:1"),
        ("[budget]\nmax_steps = -1", "config.toml:2"),
        ("[budget]\nmax_usd = \"much\"", "config.toml:2"),
        ("[models.m]\nid = \"x\"", "provider"),
        (
            "model = \"m\"\n[models.m]\nprovider = \"telepathy\"\nid = \"x\"",
            "config.toml:3",
        ),
        (
            "model = \"m\"\n[models.m]\nprovider = \"anthropic\"\nid = \"x\"\napi_key_env = \"NO_SUCH_KEY\"",
            "NO_SUCH_KEY",
        ),
        (
            "model = \"m\"\n[models.m]\nprovider = \"openai-chat\"\nid = \"x\"\nbase_url = \"not a url\"",
            "base_url",
        ),
        (
            "[[rule]]\neffect = \"perhaps\"\ntool = \"shell\"",
            "config.toml:2",
        ),
        (
            "[[rule]]\neffect = \"allow\"\ntool = \"shell\"\nargv = [\"a\"]\nmatch = [\"b\"]",
            "b",
        ),
        ("[[rule]]\neffect = \"allow\"\ntool = \"*\"", "*"),
        ("\u{0}", "config.toml:1"),
    ];
    for (text, named) in table {
        let place = Place::new();
        place.config(text);
        let ended = place.ask();
        assert_ne!(ended.code, 0, "{text:?}: {}", ended.out);
        assert!(!ended.err.contains("panicked"), "{text:?}: {}", ended.err);
        assert!(ended.err.contains(named), "{text:?}: {}", ended.err);
        // A warning about a model that is not there, and then the error of its use.
        let most = if text.contains("NO_SUCH_KEY") { 2 } else { 1 };
        let lines = ended.err.trim_end().lines().count();
        assert!(lines <= most, "{text:?}: {}", ended.err);
    }
}

#[test]
fn a_configuration_that_is_no_text() {
    let place = Place::new();
    place.config("");
    place.write("../home/config/config.toml", [0xff, 0xfe, 0]);
    let ended = place.ask();
    assert_ne!(ended.code, 0);
    assert!(ended.err.contains("config.toml"), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
}

/// Calls that must each come back as one error, and leave no file changed.
fn wrong_calls() -> Vec<(&'static str, Value)> {
    let long = "x/".repeat(3000);
    let mut calls = vec![
        ("list", json!({"path": "notes.txt"})),
        ("glob", json!({"pattern": "[" })),
        ("grep", json!({"pattern": "(" })),
        ("shell", json!({"command": ""})),
        ("shell", json!({"command": "\u{0}"})),
        (
            "todo",
            json!({"items": [{"text": "x", "status": "perhaps"}]}),
        ),
        ("symbols", json!({"path": "../x"})),
        ("edit", json!({"path": "notes.txt", "edits": []})),
        (
            "edit",
            json!({"path": "notes.txt", "edits": [{"old": "", "new": "x"}]}),
        ),
        (
            "edit",
            json!({"path": "notes.txt", "edits": [{"old": "one", "new": "x", "count": 0}]}),
        ),
        (
            "edit",
            json!({"path": "notes.txt", "edits": [{"old": "one", "new": "x", "count": 4_294_967_296_u64}]}),
        ),
        ("write", json!({"path": "folder", "content": "x"})),
        ("move", json!({"from": "notes.txt", "to": "../out"})),
        ("move", json!({"from": "no such", "to": "x"})),
        ("delete", json!({"path": "folder"})),
        ("delete", json!({"path": "."})),
    ];
    for path in [
        "../out.txt",
        "/etc/passwd",
        "a/../../out",
        "link",
        "\u{0}",
        "",
        "no such",
        "folder",
        "fifo",
        "device",
        long.leak(),
    ] {
        calls.push(("read", json!({"path": path})));
        calls.push((
            "edit",
            json!({"path": path, "edits": [{"old": "a", "new": "b"}]}),
        ));
        calls.push(("delete", json!({"path": path})));
    }
    for path in ["binary", "latin1"] {
        calls.push(("read", json!({"path": path})));
        calls.push((
            "edit",
            json!({"path": path, "edits": [{"old": "a", "new": "b"}]}),
        ));
    }
    for tool in [
        "read",
        "list",
        "glob",
        "grep",
        "edit",
        "write",
        "move",
        "delete",
        "shell",
        "symbols",
        "definition",
        "references",
        "hover",
        "rename",
        "quickfix",
        "todo",
        "ask",
        "diagnostics",
    ] {
        calls.push((tool, json!({"no_such_key": [[[[]]]]})));
    }
    calls
}

#[test]
#[cfg(unix)]
fn calls_of_every_tool() {
    let calls = wrong_calls();
    // Each of another turn: three wrong calls in a row end one.
    let rules = calls.iter().enumerate().map(|(n, (tool, input))| {
        let call = Step::call(tool, input.clone());
        (format!("case-{n};"), [call, Step::say("So be it.")])
    });
    let script = rules.fold(
        scripted_model::Script::default(),
        |script, (text, steps)| script.rule(&text, steps),
    );
    let server = scripted_model::Server::launch(script, None).unwrap();
    let place = Place::new().model(&server);
    place.write("binary", [0, 1, 2, 255, 0]);
    place.write("latin1", b"caf\xe9 a\n");
    place.write("../out.txt", "not yours");
    let project = place.project();
    std::fs::create_dir(project.join("folder")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", project.join("device")).unwrap();
    std::os::unix::fs::symlink("../out.txt", project.join("link")).unwrap();
    place.run_program("mkfifo", &["fifo"]);
    for (n, (tool, input)) in calls.iter().enumerate() {
        let case = format!("{tool} {input:.200}");
        let ended = place.interline(&["run", "--diff", &format!("case-{n};")]);
        assert!(
            [0, 3].contains(&ended.code),
            "{case}: {}: {}",
            ended.code,
            ended.err
        );
        assert!(!ended.err.contains("panicked"), "{case}: {}", ended.err);
        let results = results(&server.requests());
        let [(text, is_error)] = results.as_slice() else {
            panic!("{case}: {results:?}");
        };
        assert!(*is_error, "{case}: {text:.300}");
        assert!(
            !text.contains("not yours") && !text.contains("root:x:"),
            "{case}: {text}"
        );
        assert!(text.len() < 4000, "{case}: {} bytes of error", text.len());
        assert!(!ended.out.contains("+++"), "{case}: {}", ended.out);
    }
    assert_eq!(place.read("notes.txt"), "one\ntwo\nthree\n");
}

#[test]
fn answers_of_every_wire() {
    let raw = |arguments: &str| Step {
        calls: vec![Call {
            tool: "edit".to_owned(),
            raw_arguments: Some(arguments.to_owned()),
            ..Call::default()
        }],
        ..Step::default()
    };
    for provider in ["anthropic", "openai-chat", "openai-responses"] {
        let broken = [
            Step::default().fault(StreamFault::Empty),
            Step::default().fault(StreamFault::Html),
            Step::say("half of it").fault(StreamFault::NoStop),
            Step::say("half of it").fault(StreamFault::ErrorEvent),
            Step::say("half of it").fault(StreamFault::GarbageData),
        ];
        for trouble in broken {
            let name = format!("{provider}: {:?}", trouble.fault);
            let server = model([trouble, edit("two", "2"), Step::say("Done.")]);
            let place = wire(provider, &server);
            let ended = place.ask();
            assert!(!ended.err.contains("panicked"), "{name}: {}", ended.err);
            // Tried again and well, or told; half an answer is never the answer.
            // (A piece of garbage between good events is skipped, and then the answer is whole.)
            let whole = name.contains("Garbage") && ended.out.starts_with("half of it\n");
            let well = ended.code == 0 && (whole || ended.out.contains("-two\n+2\n"));
            assert!(
                well || ended.code == 1,
                "{name}: {}\n{}",
                ended.out,
                ended.err
            );
        }
        for arguments in [
            "{\"path\": \"no",
            "[]",
            "7",
            "\"\"",
            "{\"path\":\"a\",\"path\":\"b\"}",
        ] {
            let name = format!("{provider}: {arguments}");
            let server = model([raw(arguments), edit("two", "2"), Step::say("Done.")]);
            let place = wire(provider, &server);
            let ended = place.ask();
            assert_eq!(ended.code, 0, "{name}: {}", ended.err);
            assert!(ended.out.contains("-two\n+2\n"), "{name}: {}", ended.out);
        }
    }
}

/// A place whose model speaks this wire.
fn wire(provider: &str, server: &scripted_model::Server) -> Place {
    let place = Place::new().env("KEY", "test-key-1234");
    let suffix = if provider == "anthropic" { "" } else { "/v1" };
    let base = server.base_url();
    place.config(&format!(
        "model = \"m\"\n[models.m]\nprovider = \"{provider}\"\nid = \"m-1\"\nbase_url = \"{base}{suffix}\"\napi_key_env = \"KEY\"\n"
    ));
    place
}
