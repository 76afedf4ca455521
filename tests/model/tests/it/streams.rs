//! Each format's stream has the events that its provider documents, in order.

use scripted_model::{Call, Newline, Script, Server, Step, Stop, Usage};
use serde_json::{Value, json};

use crate::client::{
    ANTHROPIC, Answer, CHAT, RESPONSES, anthropic, chat, post, responses, said, user,
};

fn rich() -> Step {
    Step {
        usage: Some(Usage {
            input: 10,
            output: 20,
            cache_read: 30,
            cache_write: 40,
        }),
        say: Some("Good day, wörld: a longer text.".to_owned()),
        ..Step::call("read", json!({"path": "a \"quoted\" path.rs"}))
            .think("hm, let me think about it")
    }
}

async fn answer(step: Step, path: &str, body: &Value) -> Answer {
    let server = Server::start(Script::of([step])).await;
    let answer = post(&server, path, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.complete);
    assert!(answer.head.contains("content-type: text/event-stream"));
    answer
}

fn squeezed(names: Vec<String>) -> Vec<String> {
    let mut names = names;
    names.dedup();
    names
}

#[tokio::test]
async fn anthropic_messages() {
    let answer = answer(rich(), ANTHROPIC, &anthropic(json!([user("hi")]))).await;
    let block = [
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
    ];
    let expected = [
        &["message_start", "ping"],
        &block[..],
        &block,
        &block,
        &["message_delta", "message_stop"],
    ]
    .concat();
    assert_eq!(squeezed(answer.names()), expected);
    assert!(
        answer
            .events()
            .iter()
            .all(|(name, data)| data["type"] == **name),
        "names and types agree"
    );
    let message = said(&answer);
    assert_eq!(
        message["content"][0]["thinking"],
        "hm, let me think about it"
    );
    assert!(
        !message["content"][0]["signature"]
            .as_str()
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        message["content"][1]["text"],
        "Good day, wörld: a longer text."
    );
    assert_eq!(message["content"][2]["name"], "read");
    assert_eq!(
        message["content"][2]["input"]["path"],
        "a \"quoted\" path.rs"
    );
    let events = answer.events();
    let (_, delta) = &events[events.len() - 2];
    assert_eq!(delta["delta"]["stop_reason"], "tool_use");
    assert_eq!(delta["usage"]["output_tokens"], 20);
    assert_eq!(delta["usage"]["cache_read_input_tokens"], 30);
    assert_eq!(events[0].1["message"]["usage"]["input_tokens"], 10);
}

#[tokio::test]
async fn chat_completions() {
    let answer = answer(
        rich(),
        CHAT,
        &chat(json!([{"role": "user", "content": "hi"}])),
    )
    .await;
    let events = answer.events();
    assert_eq!(events[0].1["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(
        answer.joined("/choices/0/delta/reasoning_content"),
        "hm, let me think about it"
    );
    assert_eq!(
        answer.joined("/choices/0/delta/content"),
        "Good day, wörld: a longer text."
    );
    assert_eq!(
        answer.joined("/choices/0/delta/tool_calls/0/function/name"),
        "read"
    );
    let arguments = answer.joined("/choices/0/delta/tool_calls/0/function/arguments");
    assert_eq!(
        serde_json::from_str::<Value>(&arguments).unwrap()["path"],
        "a \"quoted\" path.rs"
    );
    let [.., (_, finish), (_, usage), (_, done)] = events.as_slice() else {
        panic!("too short")
    };
    assert_eq!(finish["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(usage["usage"]["prompt_tokens"], 80);
    assert_eq!(usage["usage"]["prompt_tokens_details"]["cached_tokens"], 30);
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(done, "[DONE]");
}

#[tokio::test]
async fn chat_sends_usage_only_if_asked() {
    let mut body = chat(json!([{"role": "user", "content": "hi"}]));
    body["stream_options"] = Value::Null;
    let answer = answer(rich(), CHAT, &body).await;
    assert!(
        answer
            .events()
            .iter()
            .all(|(_, data)| data["usage"].is_null())
    );
}

#[tokio::test]
async fn openai_responses() {
    let answer = answer(rich(), RESPONSES, &responses(json!("hi"))).await;
    let expected = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ];
    assert_eq!(squeezed(answer.names()), expected);
    let events = answer.events();
    assert!(
        events
            .iter()
            .enumerate()
            .all(|(n, (_, data))| data["sequence_number"] == n)
    );
    assert!(events.iter().all(|(name, data)| data["type"] == **name));
    let response = answer.last()["response"].clone();
    assert_eq!(response["status"], "completed");
    assert_eq!(response["usage"]["input_tokens"], 80);
    assert_eq!(
        response["output"][0]["summary"][0]["text"],
        "hm, let me think about it"
    );
    assert!(response["output"][0]["encrypted_content"].is_string());
    assert_eq!(
        response["output"][1]["content"][0]["text"],
        "Good day, wörld: a longer text."
    );
    let done: Vec<Value> = events
        .iter()
        .filter(|(name, _)| name == "response.output_item.done")
        .map(|(_, data)| data["item"].clone())
        .collect();
    assert_eq!(
        response["output"],
        Value::Array(done),
        "the end repeats the items"
    );
    let text = events
        .iter()
        .filter(|(name, _)| name == "response.output_text.delta");
    let text: String = text
        .map(|(_, data)| data["delta"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(text, "Good day, wörld: a longer text.");
}

#[tokio::test]
async fn every_stop_has_its_word() {
    for (stop, anthropic_word, chat_word, last) in [
        (Stop::EndTurn, "end_turn", "stop", "response.completed"),
        (
            Stop::MaxTokens,
            "max_tokens",
            "length",
            "response.incomplete",
        ),
        (
            Stop::Refusal,
            "refusal",
            "content_filter",
            "response.incomplete",
        ),
        (Stop::PauseTurn, "pause_turn", "stop", "response.completed"),
    ] {
        let step = || Step {
            stop: Some(stop),
            ..Step::say("so")
        };
        let one = answer(step(), ANTHROPIC, &anthropic(json!([user("hi")]))).await;
        assert_eq!(one.joined("/delta/stop_reason"), anthropic_word);
        let two = answer(
            step(),
            CHAT,
            &chat(json!([{"role": "user", "content": "hi"}])),
        )
        .await;
        assert_eq!(two.joined("/choices/0/finish_reason"), chat_word);
        let three = answer(step(), RESPONSES, &responses(json!("hi"))).await;
        assert_eq!(three.names().last().unwrap(), last);
    }
}

#[tokio::test]
async fn raw_arguments_go_out_as_they_stand_and_an_empty_object_as_nothing() {
    let raw = Call {
        raw_arguments: Some("{\"path\": \"a".to_owned()),
        ..Call::default()
    };
    let mut step = Step {
        calls: vec![Call {
            tool: "read".to_owned(),
            ..raw
        }],
        ..Step::default()
    };
    let broken = answer(step.clone(), ANTHROPIC, &anthropic(json!([user("hi")]))).await;
    assert_eq!(broken.joined("/delta/partial_json"), "{\"path\": \"a");
    step.calls = vec![Call {
        tool: "list".to_owned(),
        input: json!({}),
        ..Call::default()
    }];
    let empty = answer(step, ANTHROPIC, &anthropic(json!([user("hi")]))).await;
    assert_eq!(empty.joined("/delta/partial_json"), "");
}

#[tokio::test]
async fn many_deltas_and_odd_pieces_make_the_same_text() {
    let filler = Step {
        deltas: Some(5000),
        split: Some(1000),
        ..Step::say("né ")
    };
    let long = answer(filler, ANTHROPIC, &anthropic(json!([user("hi")]))).await;
    assert_eq!(long.joined("/delta/text"), "né ".repeat(5000));
    assert_eq!(
        long.names()
            .iter()
            .filter(|name| *name == "content_block_delta")
            .count(),
        5000
    );
    for newline in [Newline::CrLf, Newline::Cr] {
        let step = Step {
            newline,
            bom: true,
            split: Some(1),
            delta_bytes: Some(1),
            ..Step::say("né!")
        };
        let odd = answer(step, ANTHROPIC, &anthropic(json!([user("hi")]))).await;
        assert_eq!(odd.joined("/delta/text"), "né!");
        assert!(odd.body.starts_with('\u{feff}'));
        assert!(odd.body.contains('\r'));
    }
}
