//! Each check fires on its bad request, and none on a good one.

use scripted_model::{Check, Expect, Script, Server, Step};
use serde_json::{Value, json};

use crate::client::{
    ANTHROPIC, CHAT, RESPONSES, anthropic, chat, post, responses, results, said, send, user,
};

/// The checks that this one request breaks.
async fn broken(path: &str, body: &Value) -> Vec<Check> {
    let server = Server::start(Script::of([Step::say("ok")])).await;
    let answer = post(&server, path, body);
    let violations = server.take_violations();
    assert_eq!(
        answer.status,
        if violations.is_empty() { 200 } else { 400 },
        "{}",
        answer.body
    );
    assert_eq!(
        server.steps_left(),
        usize::from(!violations.is_empty()),
        "a refused request uses up no step"
    );
    let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let told = told["error"]["message"].as_str().unwrap_or_default();
    assert!(
        violations
            .iter()
            .all(|violation| told.contains(&violation.message))
    );
    let mut checks: Vec<Check> = violations
        .into_iter()
        .map(|violation| violation.check)
        .collect();
    checks.dedup();
    checks
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}

fn call(id: &str) -> Value {
    json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "read", "input": {"path": "a"}}]})
}

#[tokio::test]
async fn good_requests_pass() {
    let marked = json!({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}});
    assert_eq!(broken(ANTHROPIC, &anthropic(json!([user("hi")]))).await, []);
    assert_eq!(
        broken(
            ANTHROPIC,
            &anthropic(json!([user("a"), call("t1"), results(&["t1"])]))
        )
        .await,
        []
    );
    assert_eq!(
        broken(
            ANTHROPIC,
            &anthropic(json!([{"role": "user", "content": vec![marked; 4]}]))
        )
        .await,
        []
    );
    let mut steered = results(&["t1"]);
    steered["content"]
        .as_array_mut()
        .unwrap()
        .push(json!({"type": "text", "text": "and hurry"}));
    assert_eq!(
        broken(
            ANTHROPIC,
            &anthropic(json!([user("a"), call("t1"), steered]))
        )
        .await,
        []
    );
    let function = json!({"name": "read", "arguments": "{}"});
    let calling = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "c", "type": "function", "function": function}]});
    let answered = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}, calling,
                          {"role": "tool", "tool_call_id": "c", "content": ""}]);
    assert_eq!(broken(CHAT, &chat(answered)).await, []);
    let input = json!([{"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
                       {"type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"},
                       {"type": "function_call_output", "call_id": "c", "output": "fine"}]);
    assert_eq!(broken(RESPONSES, &responses(input)).await, []);
}

#[tokio::test]
async fn bad_frames_are_refused() {
    let good = || anthropic(json!([user("hi")]));
    let server = Server::start(Script::default()).await;
    for (headers, check) in [
        (
            "content-type: application/json\r\nanthropic-version: x\r\n",
            Check::Auth,
        ),
        (
            "content-type: application/json\r\nx-api-key: k\r\n",
            Check::Headers,
        ),
        ("x-api-key: k\r\nanthropic-version: x\r\n", Check::Headers),
    ] {
        assert_eq!(
            send(&server, ANTHROPIC, headers, &good().to_string()).status,
            400
        );
        assert_eq!(server.take_violations()[0].check, check);
    }
    let headers = "content-type: application/json\r\nx-api-key: k\r\n";
    for (path, body) in [
        (CHAT, chat(json!([{"role": "user", "content": "x"}]))),
        (RESPONSES, responses(json!("x"))),
    ] {
        assert_eq!(send(&server, path, headers, &body.to_string()).status, 400);
        assert_eq!(server.take_violations()[0].check, Check::Auth);
    }
    assert_eq!(post(&server, "/v1/complete", &good()).status, 404);
    assert_eq!(server.take_violations()[0].check, Check::Path);
    assert_eq!(send(&server, ANTHROPIC, "", "{not json").status, 400);
    assert!(
        server
            .take_violations()
            .iter()
            .any(|violation| violation.check == Check::Body)
    );
    assert!(server.requests().iter().all(|request| {
        request
            .header("x-api-key")
            .is_none_or(|key| key == "[redacted]")
    }));
}

#[tokio::test]
async fn limits_and_streaming_are_required() {
    let message = json!([{"role": "user", "content": "hi"}]);
    for (path, body, limit) in [
        (ANTHROPIC, anthropic(message.clone()), "/max_tokens"),
        (CHAT, chat(message.clone()), "/max_tokens"),
        (RESPONSES, responses(message.clone()), "/max_output_tokens"),
    ] {
        assert_eq!(
            broken(path, &with(body.clone(), limit, Value::Null)).await,
            [Check::MaxTokens]
        );
        assert_eq!(
            broken(path, &with(body.clone(), limit, json!(0))).await,
            [Check::MaxTokens]
        );
        assert_eq!(
            broken(path, &with(body.clone(), "/stream", json!(false))).await,
            [Check::Stream]
        );
        assert_eq!(
            broken(path, &with(body, "/model", json!(""))).await,
            [Check::Body]
        );
    }
    let linked = with(responses(message), "/previous_response_id", json!("resp_1"));
    assert_eq!(broken(RESPONSES, &linked).await, [Check::Body]);
}

#[tokio::test]
async fn every_call_has_exactly_one_result() {
    for messages in [
        json!([user("a"), call("t1"), user("and?")]),
        json!([user("a"), call("t1"), results(&["t1", "t1"])]),
        json!([user("a"), call("t1"), results(&["t1", "t2"])]),
        json!([user("a"), call("t1"), results(&["t2"])]),
        json!([results(&["t1"])]),
        json!([
            user("a"),
            call("t1"),
            results(&["t1"]),
            call("t1"),
            results(&["t1"])
        ]),
        json!([user("a"), call("t1"), {"role": "user", "content": [
            {"type": "text", "text": "first"}, {"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}]),
    ] {
        assert_eq!(
            broken(ANTHROPIC, &anthropic(messages.clone())).await,
            [Check::ToolResults],
            "{messages}"
        );
    }
}

#[tokio::test]
async fn every_call_has_exactly_one_result_at_openai() {
    let function = json!({"name": "read", "arguments": "{}"});
    let calling = json!({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]});
    let result = json!({"role": "tool", "tool_call_id": "c", "content": "x"});
    let ask = json!({"role": "user", "content": "hi"});
    for messages in [
        json!([ask, calling, ask]),
        json!([ask, calling, result, result]),
        json!([ask, result]),
        json!([ask, calling, ask, result]),
    ] {
        assert_eq!(
            broken(CHAT, &chat(messages.clone())).await,
            [Check::ToolResults],
            "{messages}"
        );
    }
    let calling =
        json!({"type": "function_call", "call_id": "c", "name": "read", "arguments": "{}"});
    let result = json!({"type": "function_call_output", "call_id": "c", "output": "x"});
    for input in [
        json!([ask, calling, ask]),
        json!([ask, calling, result, result]),
        json!([ask, result]),
        json!([ask, calling, ask, result]),
    ] {
        assert_eq!(
            broken(RESPONSES, &responses(input.clone())).await,
            [Check::ToolResults],
            "{input}"
        );
    }
}

#[tokio::test]
async fn roles_alternate() {
    let model = json!({"role": "assistant", "content": "so"});
    for messages in [
        json!([]),
        json!([user("a"), user("b")]),
        json!([model, user("b")]),
        json!([user("a"), model]),
        json!([user("a"), model, model, user("b")]),
        json!([{"role": "system", "content": "x"}, user("b")]),
    ] {
        assert_eq!(
            broken(ANTHROPIC, &anthropic(messages.clone())).await,
            [Check::Roles],
            "{messages}"
        );
    }
    assert_eq!(
        broken(
            CHAT,
            &chat(json!([{"role": "user", "content": "a"}, model]))
        )
        .await,
        [Check::Roles]
    );
    assert_eq!(
        broken(
            RESPONSES,
            &responses(json!([{"role": "user", "content": "a"}, model]))
        )
        .await,
        [Check::Roles]
    );
}

#[tokio::test]
async fn content_is_whole() {
    let bad_input = json!({"type": "tool_use", "id": "t1", "name": "read", "input": "{}"});
    for messages in [
        json!([{"role": "user", "content": ""}]),
        json!([{"role": "user", "content": []}]),
        json!([{"role": "user", "content": [{"type": "text", "text": "  "}]}]),
        json!([{"role": "user", "content": [{"type": "mystery"}]}]),
        json!([user("a"), {"role": "assistant", "content": [bad_input]}, results(&["t1"])]),
    ] {
        assert_eq!(
            broken(ANTHROPIC, &anthropic(messages.clone())).await,
            [Check::Content],
            "{messages}"
        );
    }
}

#[tokio::test]
async fn four_breakpoints_are_the_limit() {
    let mark = json!({"type": "ephemeral"});
    let text = json!({"type": "text", "text": "x", "cache_control": mark});
    let body = anthropic(json!([{"role": "user", "content": vec![text.clone(); 3]}]));
    let body = with(
        with(body, "/system", json!([text])),
        "/tools/0/cache_control",
        mark,
    );
    assert_eq!(broken(ANTHROPIC, &body).await, [Check::CacheControl]);
    let odd = json!([{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "forever"}}]}]);
    assert_eq!(
        broken(ANTHROPIC, &anthropic(odd)).await,
        [Check::CacheControl]
    );
}

#[tokio::test]
async fn tools_are_well_formed() {
    let body = || anthropic(json!([user("hi")]));
    let twice = json!([body()["tools"][0], body()["tools"][0]]);
    for tools in [
        twice,
        json!([{"name": "a b", "input_schema": {"type": "object"}}]),
        json!([{"name": "a"}]),
        json!([{"input_schema": {"type": "object"}}]),
        json!([{"name": "a", "input_schema": {"type": "object", "properties": {}, "required": ["x"]}}]),
        json!([{"name": "a", "input_schema": {"type": "object", "properties": {"x": "string"}}}]),
    ] {
        assert_eq!(
            broken(ANTHROPIC, &with(body(), "/tools", tools.clone())).await,
            [Check::Tools],
            "{tools}"
        );
    }
    let chat_tools =
        json!([{"type": "function", "function": {"name": "a", "parameters": {"type": "string"}}}]);
    let ask = json!([{"role": "user", "content": "hi"}]);
    assert_eq!(
        broken(CHAT, &with(chat(ask.clone()), "/tools", chat_tools)).await,
        [Check::Tools]
    );
    let tools = json!([{"type": "function", "name": "a"}]);
    assert_eq!(
        broken(RESPONSES, &with(responses(ask), "/tools", tools)).await,
        [Check::Tools]
    );
}

#[tokio::test]
async fn thinking_comes_back_as_it_was() {
    let thinking = Step {
        redacted: Some("b64".to_owned()),
        ..Step::call("read", json!({"path": "a"})).think("hm\n—")
    };
    let server = Server::start(Script::of([thinking, Step::say("ok")])).await;
    let message = said(&post(&server, ANTHROPIC, &anthropic(json!([user("hi")]))));
    let id = message["content"][2]["id"].as_str().unwrap().to_owned();
    let back = |message: &Value| {
        post(
            &server,
            ANTHROPIC,
            &anthropic(json!([user("hi"), message, results(&[&id])])),
        )
    };
    let mut without = message.clone();
    without["content"].as_array_mut().unwrap().remove(0);
    let mut without_redacted = message.clone();
    without_redacted["content"]
        .as_array_mut()
        .unwrap()
        .remove(1);
    for bad in [
        with(message.clone(), "/content/0/thinking", json!("hm\n-")),
        with(message.clone(), "/content/0/signature", json!("forged")),
        with(
            message.clone(),
            "/content/0/cache_control",
            json!({"type": "ephemeral"}),
        ),
        without,
        without_redacted,
    ] {
        assert_eq!(back(&bad).status, 400, "{bad}");
        let violations = server.take_violations();
        assert!(
            violations
                .iter()
                .any(|violation| violation.check == Check::Thinking),
            "{violations:?}"
        );
    }
    assert_eq!(back(&message).status, 200);
}

#[tokio::test]
async fn reasoning_comes_back_as_it_was() {
    let step = Step::call("read", json!({"path": "a"})).think("hm");
    let server = Server::start(Script::of([step, Step::say("ok")])).await;
    let ask = json!({"role": "user", "content": "hi"});
    let output =
        post(&server, RESPONSES, &responses(json!([ask]))).last()["response"]["output"].clone();
    let result =
        json!({"type": "function_call_output", "call_id": output[1]["call_id"], "output": "fine"});
    let back = |thought: &Value| {
        post(
            &server,
            RESPONSES,
            &responses(json!([ask, thought, output[1], result])),
        )
    };
    assert_eq!(
        back(&with(output[0].clone(), "/encrypted_content", json!("x"))).status,
        400
    );
    assert_eq!(server.take_violations()[0].check, Check::Thinking);
    assert_eq!(
        post(
            &server,
            RESPONSES,
            &responses(json!([ask, output[1], result]))
        )
        .status,
        400
    );
    assert_eq!(server.take_violations()[0].check, Check::Thinking);
    assert_eq!(back(&output[0]).status, 200);
}

#[tokio::test]
async fn the_scripts_own_expectations_count() {
    let strings = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    let expect = |expect: Expect| {
        Script::of([Step {
            expect: Some(expect),
            ..Step::say("ok")
        }])
    };
    let messages = json!([user("first"), {"role": "assistant", "content": "so"}, user("second")]);
    for (wants, status) in [
        (
            Expect {
                contains: strings(&["first", "be brief"]),
                ..Expect::default()
            },
            200,
        ),
        (
            Expect {
                contains: strings(&["third"]),
                ..Expect::default()
            },
            400,
        ),
        (
            Expect {
                last_contains: strings(&["second"]),
                ..Expect::default()
            },
            200,
        ),
        (
            Expect {
                last_contains: strings(&["first"]),
                ..Expect::default()
            },
            400,
        ),
        (
            Expect {
                lacks: strings(&["third"]),
                ..Expect::default()
            },
            200,
        ),
        (
            Expect {
                lacks: strings(&["first"]),
                ..Expect::default()
            },
            400,
        ),
        (
            Expect {
                tools: strings(&["read"]),
                ..Expect::default()
            },
            200,
        ),
        (
            Expect {
                tools: strings(&["edit"]),
                ..Expect::default()
            },
            400,
        ),
    ] {
        let server = Server::start(expect(wants.clone())).await;
        assert_eq!(
            post(&server, ANTHROPIC, &anthropic(messages.clone())).status,
            status,
            "{wants:?}"
        );
        assert!(
            server
                .take_violations()
                .iter()
                .all(|violation| violation.check == Check::Expect)
        );
    }
}

#[tokio::test]
async fn a_violation_that_nobody_took_fails_the_test() {
    let server = Server::start(Script::default().allow(Check::MaxTokens)).await;
    let body = with(anthropic(json!([user("hi")])), "/max_tokens", Value::Null);
    assert_eq!(
        post(&server, ANTHROPIC, &body).status,
        200,
        "an allowed check is off"
    );
    assert_eq!(
        post(&server, ANTHROPIC, &with(body, "/stream", json!(false))).status,
        400
    );
    assert_eq!(server.violations().len(), 1);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(server))).is_err());
}
