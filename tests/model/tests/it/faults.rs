//! Each fault does what it says, and its step is used up.

use std::io::Read;

use scripted_model::{Fault, Script, Server, StatusFault, Step, StreamFault};
use serde_json::json;

use crate::client::{
    ANTHROPIC, Answer, CHAT, RESPONSES, anthropic, begin, chat, post, read, responses, user, write,
};

async fn failing(fault: StreamFault, path: &str) -> Answer {
    let server = Server::start(Script::of([
        Step::say("a text of some length").fault(fault),
        Step::say("ok"),
    ]))
    .await;
    let body = match path {
        ANTHROPIC => anthropic(json!([user("hi")])),
        CHAT => chat(json!([{"role": "user", "content": "hi"}])),
        _ => responses(json!("hi")),
    };
    let answer = post(&server, path, &body);
    let retry = post(&server, path, &body);
    assert!(
        retry.complete && retry.body.contains("ok"),
        "the retry gets the next step"
    );
    answer
}

#[tokio::test]
async fn http_errors() {
    let fault = StatusFault {
        status: 429,
        retry_after: Some(7),
        should_retry: Some(true),
        message: Some("slow".to_owned()),
    };
    let step = Step {
        fault: Some(Fault::Status(fault)),
        ..Step::default()
    };
    let server = Server::start(Script::of([step, Step::status(529)])).await;
    let limited = post(&server, ANTHROPIC, &anthropic(json!([user("hi")])));
    assert_eq!(limited.status, 429);
    assert!(limited.head.contains("retry-after: 7"));
    assert!(limited.head.contains("x-should-retry: true"));
    assert!(
        limited
            .body
            .contains(r#""type":"rate_limit_error","message":"slow""#),
        "{}",
        limited.body
    );
    let overloaded = post(&server, ANTHROPIC, &anthropic(json!([user("hi")])));
    assert_eq!(overloaded.status, 529);
    assert!(overloaded.body.contains("overloaded_error"));
    assert_eq!(server.requests()[1].status, 529);
}

#[tokio::test]
async fn broken_connections() {
    let closed = failing(StreamFault::Close, ANTHROPIC).await;
    assert_eq!((closed.status, closed.complete), (0, false));
    let cut = failing(StreamFault::CutAfterBytes(100), ANTHROPIC).await;
    assert_eq!(
        (cut.status, cut.complete, cut.body.len()),
        (200, false, 100)
    );
}

#[tokio::test]
async fn streams_without_an_end() {
    let anthropic = failing(StreamFault::NoStop, ANTHROPIC).await;
    assert!(anthropic.complete);
    assert_eq!(anthropic.names().last().unwrap(), "content_block_stop");
    let chat = failing(StreamFault::NoStop, CHAT).await;
    assert!(!chat.body.contains("[DONE]") && !chat.body.contains(r#""finish_reason":"stop""#));
    assert!(chat.body.contains("length"));
    let responses = failing(StreamFault::NoStop, RESPONSES).await;
    assert_eq!(
        responses.names().last().unwrap(),
        "response.output_item.done"
    );
    assert_eq!(failing(StreamFault::Empty, ANTHROPIC).await.body, "");
    assert!(
        failing(StreamFault::Html, ANTHROPIC)
            .await
            .head
            .contains("text/html")
    );
}

#[tokio::test]
async fn errors_in_the_middle() {
    for (path, last) in [
        (ANTHROPIC, "error"),
        (CHAT, ""),
        (RESPONSES, "response.failed"),
    ] {
        let answer = failing(StreamFault::ErrorEvent, path).await;
        assert_eq!(answer.names().last().unwrap(), last);
        assert!(
            answer.last().to_string().contains("scripted failure"),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn noise_in_the_middle() {
    for fault in [
        StreamFault::GarbageLine,
        StreamFault::UnknownEvent,
        StreamFault::GarbageData,
    ] {
        let noisy = failing(fault, ANTHROPIC).await;
        assert_eq!(
            noisy.joined("/delta/text"),
            "a text of some length",
            "the answer itself is whole"
        );
        assert_eq!(noisy.names().last().unwrap(), "message_stop");
        let noise = match fault {
            StreamFault::GarbageLine => "garbage that is no field\n: a comment\nevent: ",
            StreamFault::UnknownEvent => "\nevent: scripted.unknown\n",
            _ => "\ndata: {\"type\": not json\n",
        };
        assert!(noisy.body.contains(noise), "{}", noisy.body);
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed() {
    for fault in [
        StreamFault::Hang,
        StreamFault::HangAfterBytes(50),
        StreamFault::PingsEveryMs(1),
    ] {
        let server = Server::start(Script::of([Step::say("never to be seen").fault(fault)])).await;
        let mut socket = begin(&server, ANTHROPIC, &anthropic(json!([user("hi")])));
        server.wait_for_requests(1).await;
        if fault != StreamFault::Hang {
            assert_eq!(socket.read(&mut [0; 8]).unwrap(), 8);
        }
        assert_eq!(server.requests()[0].answered_at, None);
        drop(socket);
        server.wait_for_answers(1).await;
        assert!(server.requests()[0].client_gone, "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_stream_ends_when_the_client_leaves() {
    let slow = Step {
        deltas: Some(1000),
        event_delay_ms: 3_600_000,
        ..Step::default()
    };
    let server = Server::start(Script::of([slow])).await;
    let socket = begin(&server, ANTHROPIC, &anthropic(json!([user("hi")])));
    server.wait_for_requests(1).await;
    drop(socket);
    server.wait_for_answers(1).await;
    assert!(server.requests()[0].client_gone);
}

#[tokio::test]
async fn a_connection_carries_many_requests_and_their_times_are_in_order() {
    let server = Server::start(Script {
        repeat: true,
        ..Script::of([Step::say("ok")])
    })
    .await;
    let mut socket = crate::client::connect(&server);
    let headers = "content-type: application/json\r\nx-api-key: k\r\nanthropic-version: x\r\n";
    for n in 1..=3 {
        write(
            &mut socket,
            ANTHROPIC,
            headers,
            &anthropic(json!([user(&format!("hi {n}"))])).to_string(),
        );
        assert!(read(&mut socket).complete);
        server.wait_for_answers(n).await;
    }
    let times: Vec<_> = server
        .requests()
        .iter()
        .flat_map(|request| [request.at, request.answered_at.unwrap()])
        .collect();
    assert!(times.is_sorted());
    assert_eq!(times.len(), 6);
}
