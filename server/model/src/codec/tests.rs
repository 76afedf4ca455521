//! The codecs against streams in the form in which the providers send them, and against golden bodies.

use std::sync::Arc;

use interline_log::{
    AssistantBlock, AssistantContent, Message, SessionId, StopReason, ToolDefinition, ToolResult,
    Usage, UserBlock,
};
use serde_json::{Value, json};

use super::*;
use crate::{ErrorClass, Secret};

const ANTHROPIC: &str = include_str!("fixtures/anthropic.sse");
const CHAT: &str = include_str!("fixtures/chat.sse");
const RESPONSES: &str = include_str!("fixtures/responses.sse");

fn spec(provider: Provider) -> ModelSpec {
    ModelSpec {
        name: "test".to_owned(),
        provider,
        id: "model-1".to_owned(),
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        api_key: Some(Secret::new("key")),
        max_output: 1000,
        ..ModelSpec::builtin()
    }
}

/// Reads a stream that comes in chunks of this size.
fn read_in(provider: Provider, stream: &str, size: usize) -> Result<Vec<ModelEvent>, ModelError> {
    let mut parser = sse::Parser::new();
    let mut decoder = decoder(&spec(provider), &Bytes::from_static(b"body"));
    let mut out = Events::default();
    let mut result = Ok(());
    for chunk in stream.as_bytes().chunks(size) {
        let each = |event: sse::Event<'_>| {
            if result.is_ok() {
                result = decoder.event(event, &mut out).map(|_| ());
            }
        };
        parser.feed(chunk, each).unwrap();
    }
    result?;
    let mut events: Vec<_> = std::iter::from_fn(|| out.pop()).collect();
    if !matches!(events.last(), Some(ModelEvent::Stopped { .. })) {
        decoder.end(&mut out)?;
        events.extend(std::iter::from_fn(|| out.pop()));
    }
    Ok(events)
}

/// Blocks, reason and usage; the same however the stream is cut.
fn read(provider: Provider, stream: &str) -> (Vec<AssistantBlock>, StopReason, Usage) {
    let whole = read_in(provider, stream, stream.len()).unwrap();
    for size in 1..=7 {
        assert_eq!(
            joined(read_in(provider, stream, size).unwrap()),
            joined(whole.clone()),
            "{size}"
        );
    }
    let mut blocks = Vec::new();
    for event in whole {
        match event {
            ModelEvent::Block(block) => blocks.push(block),
            ModelEvent::Stopped { reason, usage } => return (blocks, reason, usage),
            _ => {}
        }
    }
    panic!("no stop")
}

/// Without the cuts between deltas.
fn joined(events: Vec<ModelEvent>) -> Vec<ModelEvent> {
    let mut out = Events::default();
    for event in events {
        match event {
            ModelEvent::TextDelta(text) => out.text(&text),
            ModelEvent::ThinkingDelta(text) => out.thinking(&text),
            other => out.push(other),
        }
    }
    out.0.into()
}

fn raw(block: &AssistantBlock) -> String {
    block.raw.as_ref().unwrap().to_string()
}

fn request(messages: Vec<Message>) -> Request {
    let tool = |name: &str| ToolDefinition {
        name: name.to_owned(),
        description: format!("{name}s"),
        input_schema: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
    };
    Request {
        tools: Arc::new([tool("read"), tool("edit")]),
        system: "be brief".to_owned(),
        messages,
        max_output: None,
        session: "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse::<SessionId>().unwrap(),
    }
}

fn text(text: &str) -> UserBlock {
    UserBlock::Text {
        text: text.to_owned(),
    }
}

fn result(id: &str, content: &str, is_error: bool) -> UserBlock {
    UserBlock::ToolResult(ToolResult {
        tool_use_id: id.to_owned(),
        content: content.to_owned(),
        is_error,
    })
}

fn user(content: Vec<UserBlock>) -> Message {
    Message::User { content }
}

fn body(spec: &ModelSpec, request: &Request) -> String {
    String::from_utf8(encode(spec, request).unwrap().to_vec()).unwrap()
}

/// A conversation that another wire began.
fn foreign() -> Vec<Message> {
    let block = |content| AssistantBlock {
        content,
        raw: Some(json!({"never": "sent"})),
    };
    let call = AssistantContent::ToolUse {
        id: "call:1".to_owned(),
        name: "read".to_owned(),
        arguments: r#"{"path": "a"}"#.to_owned(),
    };
    vec![
        user(vec![text("do it"), text("<focus/>")]),
        Message::Assistant {
            wire: interline_log::Wire::Builtin,
            content: vec![
                block(AssistantContent::Thinking {
                    text: "hm".to_owned(),
                }),
                block(AssistantContent::Text {
                    text: "so".to_owned(),
                }),
                block(call),
            ],
        },
        user(vec![result("call:1", "gone", true), text("go on")]),
    ]
}

#[test]
fn anthropic_stream() {
    let (blocks, reason, usage) = read(Provider::Anthropic, ANTHROPIC);
    assert_eq!(reason, StopReason::ToolUse);
    assert_eq!(
        usage,
        Usage {
            input: 12,
            output: 89,
            cache_read: 4000,
            cache_write: 300
        }
    );
    let raws: Vec<_> = blocks.iter().map(raw).collect();
    assert_eq!(
        raws,
        [
            r#"{"type":"thinking","thinking":"Let me \"look\" — 🦀","signature":"EqQBCg+/abc==","new_field":{"z":1,"a":0.1}}"#,
            r#"{"type":"redacted_thinking","data":"EmwKAhgB"}"#,
            r#"{"type":"text","text":"I'll read\nit.","citations":[{"type":"char_location","start":0}]}"#,
            r#"{"type":"future_block","payload":{"k":"v"}}"#,
            r#"{"type":"tool_use","id":"toolu_01","name":"read","input":{"path":"src/main.rs"},"caller":{"type":"direct"}}"#,
            r#"{"type":"tool_use","id":"toolu_02","name":"grep","input":{"INVALID_JSON":"{\"pattern\":"}}"#,
        ]
    );
    let content: Vec<_> = blocks.into_iter().map(|block| block.content).collect();
    let tool = |id: &str, name: &str, arguments: &str| AssistantContent::ToolUse {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    assert_eq!(
        content,
        [
            AssistantContent::Thinking {
                text: "Let me \"look\" — 🦀".to_owned()
            },
            AssistantContent::Thinking {
                text: String::new()
            },
            AssistantContent::Text {
                text: "I'll read\nit.".to_owned()
            },
            AssistantContent::Other,
            tool("toolu_01", "read", r#"{"path": "src/main.rs"}"#),
            tool("toolu_02", "grep", r#"{"pattern":"#),
        ]
    );
}

#[test]
fn deltas_come_before_their_block_and_tools_are_announced() {
    let events = read_in(Provider::Anthropic, ANTHROPIC, ANTHROPIC.len()).unwrap();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| match event {
            ModelEvent::TextDelta(text) => format!("text {text:?}"),
            ModelEvent::ThinkingDelta(text) => format!("thinking {text:?}"),
            ModelEvent::ToolStarted { name } => format!("tool {name}"),
            ModelEvent::Block(_) => "block".to_owned(),
            ModelEvent::Stopped { .. } => "stopped".to_owned(),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "thinking \"Let me \\\"look\\\" — 🦀\"",
            "block",
            "block",
            "text \"I'll read\\nit.\"",
            "block",
            "block",
            "tool read",
            "block",
            "tool grep",
            "block",
            "stopped"
        ]
    );
}

#[test]
fn anthropic_body() {
    let (blocks, ..) = read(Provider::Anthropic, ANTHROPIC);
    let mut messages = vec![user(vec![text("do it"), text(" ")])];
    messages.push(Message::Assistant {
        wire: interline_log::Wire::Anthropic,
        content: blocks,
    });
    messages.push(user(vec![
        result("toolu_01", "fn main", false),
        result("toolu_02", "bad input", true),
    ]));
    let expected = concat!(
        r#"{"model":"model-1","tools":[{"name":"read","description":"reads","input_schema":{"type":"object","properties":{"path":{"type":"string"}}}},"#,
        r#"{"name":"edit","description":"edits","input_schema":{"type":"object","properties":{"path":{"type":"string"}}},"cache_control":{"type":"ephemeral"}}],"#,
        r#""system":[{"type":"text","text":"be brief","cache_control":{"type":"ephemeral"}}],"#,
        r#""messages":[{"role":"user","content":[{"type":"text","text":"do it"}]},{"role":"assistant","content":["#,
        r#"{"type":"thinking","thinking":"Let me \"look\" — 🦀","signature":"EqQBCg+/abc==","new_field":{"z":1,"a":0.1}},"#,
        r#"{"type":"redacted_thinking","data":"EmwKAhgB"},"#,
        r#"{"type":"text","text":"I'll read\nit.","citations":[{"type":"char_location","start":0}]},"#,
        r#"{"type":"future_block","payload":{"k":"v"}},"#,
        r#"{"type":"tool_use","id":"toolu_01","name":"read","input":{"path":"src/main.rs"},"caller":{"type":"direct"}},"#,
        r#"{"type":"tool_use","id":"toolu_02","name":"grep","input":{"INVALID_JSON":"{\"pattern\":"}}]},"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01","content":"fn main"},"#,
        r#"{"type":"tool_result","tool_use_id":"toolu_02","content":"bad input","is_error":true,"cache_control":{"type":"ephemeral"}}]}],"#,
        r#""max_tokens":1000,"stream":true}"#,
    );
    assert_eq!(
        body(&spec(Provider::Anthropic), &request(messages)),
        expected
    );
}

#[test]
fn anthropic_body_of_a_conversation_that_another_wire_began() {
    let expected = concat!(
        r#""messages":[{"role":"user","content":[{"type":"text","text":"do it"},{"type":"text","text":"<focus/>"}]},"#,
        r#"{"role":"assistant","content":[{"type":"text","text":"so"},{"type":"tool_use","id":"call_1","name":"read","input":{"path": "a"}}]},"#,
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"gone","is_error":true},"#,
        r#"{"type":"text","text":"go on","cache_control":{"type":"ephemeral"}}]}],"#,
    );
    let body = body(&spec(Provider::Anthropic), &request(foreign()));
    assert!(body.contains(expected), "{body}");
}

#[test]
fn anthropic_effort_takes_the_form_that_the_model_knows() {
    let tail = |id: &str, effort: &str, messages: Vec<Message>| {
        let spec = ModelSpec {
            id: id.to_owned(),
            effort: Some(effort.to_owned()),
            max_output: 16_000,
            ..spec(Provider::Anthropic)
        };
        let body = body(&spec, &request(messages));
        body.split_once(r#""stream":true"#).unwrap().1.to_owned()
    };
    assert_eq!(
        tail("claude-sonnet-5", "low", vec![]),
        r#","thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}"#
    );
    assert_eq!(
        tail("claude-haiku-4-5", "high", vec![]),
        r#","thinking":{"type":"enabled","budget_tokens":8000}}"#
    );
    assert_eq!(tail("claude-sonnet-5", "none", vec![]), "}");
    // Calls without the thinking that led to them, which a budget would ask for.
    assert_eq!(tail("claude-haiku-4-5", "high", foreign()), "}");
    let (blocks, ..) = read(Provider::Anthropic, ANTHROPIC);
    let said = |content| {
        vec![Message::Assistant {
            wire: interline_log::Wire::Anthropic,
            content,
        }]
    };
    assert_ne!(tail("claude-haiku-4-5", "high", said(blocks.clone())), "}");
    assert_eq!(
        tail("claude-haiku-4-5", "high", said(blocks[2..].to_vec())),
        "}"
    );
}

#[test]
fn chat_stream() {
    let (blocks, reason, usage) = read(Provider::OpenaiChat, CHAT);
    assert_eq!(reason, StopReason::ToolUse);
    assert_eq!(
        usage,
        Usage {
            input: 200,
            output: 50,
            cache_read: 800,
            cache_write: 0
        }
    );
    let [thinking, said, first, second] = blocks.as_slice() else {
        panic!("{blocks:#?}")
    };
    assert_eq!(raw(thinking), r#"{"reasoning_content":"thinking"}"#);
    assert_eq!(
        said.content,
        AssistantContent::Text {
            text: "Reading both.".to_owned()
        }
    );
    assert_eq!(
        raw(first),
        r#"{"id":"call_a","type":"function","function":{"name":"read","arguments":"{\"path\":\"a\"}"},"extra_content":{"google":{"thought_signature":"sig="}}}"#
    );
    assert_eq!(
        raw(second),
        r#"{"id":"call_b","type":"function","function":{"name":"read","arguments":"{\"path\":\"b\"}"}}"#
    );
}

#[test]
fn chat_body() {
    let (blocks, ..) = read(Provider::OpenaiChat, CHAT);
    let mut messages = vec![user(vec![text("do it"), text("<focus/>")])];
    messages.push(Message::Assistant {
        wire: interline_log::Wire::OpenaiChat,
        content: blocks,
    });
    messages.push(user(vec![
        result("call_a", "fn main", false),
        result("call_b", "gone", true),
        text("go on"),
    ]));
    let expected = concat!(
        r#"{"model":"model-1","tools":[{"type":"function","function":{"name":"read","description":"reads","parameters":{"type":"object","properties":{"path":{"type":"string"}}}}},"#,
        r#"{"type":"function","function":{"name":"edit","description":"edits","parameters":{"type":"object","properties":{"path":{"type":"string"}}}}}],"#,
        r#""messages":[{"role":"system","content":"be brief"},{"role":"user","content":"do it\n\n<focus/>"},"#,
        r#"{"role":"assistant","content":"Reading both.","tool_calls":[{"id":"call_a","type":"function","function":{"name":"read","arguments":"{\"path\":\"a\"}"},"extra_content":{"google":{"thought_signature":"sig="}}},"#,
        r#"{"id":"call_b","type":"function","function":{"name":"read","arguments":"{\"path\":\"b\"}"}}],"reasoning_content":"thinking"},"#,
        r#"{"role":"tool","tool_call_id":"call_a","content":"fn main"},{"role":"tool","tool_call_id":"call_b","content":"error: gone"},"#,
        r#"{"role":"user","content":"go on"}],"max_tokens":1000,"stream":true,"stream_options":{"include_usage":true}}"#,
    );
    assert_eq!(
        body(&spec(Provider::OpenaiChat), &request(messages)),
        expected
    );
    let own = ModelSpec {
        base_url: "https://api.openai.com/v1".to_owned(),
        ..spec(Provider::OpenaiChat)
    };
    assert!(body(&own, &request(foreign())).contains(r#""max_completion_tokens":1000"#));
}

#[test]
fn only_openai_gets_the_key_of_its_cache() {
    let keyed = |base_url: &str, provider| {
        let spec = ModelSpec {
            base_url: base_url.to_owned(),
            ..spec(provider)
        };
        body(&spec, &request(foreign()))
            .contains(r#""prompt_cache_key":"01ARZ3NDEKTSV4RRFFQ69G5FAV""#)
    };
    for provider in [Provider::OpenaiChat, Provider::OpenaiResponses] {
        assert!(keyed("https://api.openai.com/v1", provider));
        assert!(keyed("https://us.openai.azure.com/openai/v1", provider));
        // LiteLLM in front of another provider answers 400.
        assert!(!keyed("http://127.0.0.1:4000/v1", provider));
        assert!(!keyed("https://gateway.test/api.openai.com/v1", provider));
    }
}

#[test]
fn chat_gateways_that_differ() {
    let calls = |stream: &str| {
        let (blocks, reason, _) = read(Provider::OpenaiChat, stream);
        assert_eq!(reason, StopReason::ToolUse, "{stream}");
        let call = |block: AssistantBlock| match block.content {
            AssistantContent::ToolUse {
                id,
                name,
                arguments,
            } => (id, name, arguments),
            other => panic!("{other:?}"),
        };
        blocks.into_iter().map(call).collect::<Vec<_>>()
    };
    let owned = |id: &str, name: &str, arguments: &str| {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    };
    // No id, no index, a whole call in one chunk, arguments as an object, `stop` as the reason.
    let whole = calls(
        r#"data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"read","arguments":{"path":"a"}}},{"function":{"name":"read","arguments":"{}"}}]},"finish_reason":"stop"}]}

data: [DONE]

"#,
    );
    let [(first_id, ..), (second_id, ..)] = whole.as_slice() else {
        panic!("{whole:?}")
    };
    assert_ne!(first_id, second_id);
    assert!(first_id.starts_with("call_"));
    assert_eq!(
        whole.first().map(|call| call.2.as_str()),
        Some(r#"{"path":"a"}"#)
    );
    // Each parallel call at index 0; no [DONE].
    let zero = calls(
        r#"data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"{"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"}"}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"y","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}

"#,
    );
    assert_eq!(zero, [owned("a", "x", "{}"), owned("b", "y", "{}")]);
    // No reason at all.
    let silent = calls(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"x\"}}]}}]}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(silent, [owned("a", "x", "")]);
    // A whole message instead of deltas.
    let (blocks, reason, _) = read(
        Provider::OpenaiChat,
        "data: {\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"eos\"}]}\n\ndata: [DONE]\n\n",
    );
    assert_eq!(reason, StopReason::EndTurn);
    assert!(
        matches!(blocks.as_slice(), [AssistantBlock { content: AssistantContent::Text { text }, .. }] if text == "hi")
    );
}

#[test]
fn responses_stream() {
    let (blocks, reason, usage) = read(Provider::OpenaiResponses, RESPONSES);
    assert_eq!(reason, StopReason::ToolUse);
    assert_eq!(
        usage,
        Usage {
            input: 116,
            output: 60,
            cache_read: 384,
            cache_write: 0
        }
    );
    let content: Vec<_> = blocks.iter().map(|block| block.content.clone()).collect();
    assert_eq!(
        content,
        [
            AssistantContent::Thinking {
                text: "**Looking**".to_owned()
            },
            AssistantContent::Text {
                text: "I'll read.".to_owned()
            },
            AssistantContent::ToolUse {
                id: "call_1".to_owned(),
                name: "read".to_owned(),
                arguments: r#"{"path":"a"}"#.to_owned()
            },
        ]
    );
}

#[test]
fn responses_body() {
    let (blocks, ..) = read(Provider::OpenaiResponses, RESPONSES);
    let mut messages = vec![user(vec![text("do it")])];
    messages.push(Message::Assistant {
        wire: interline_log::Wire::OpenaiResponses,
        content: blocks,
    });
    messages.push(user(vec![result("call_1", "fn main", false)]));
    let expected = concat!(
        r#"{"model":"model-1","tools":[{"type":"function","name":"read","description":"reads","parameters":{"type":"object","properties":{"path":{"type":"string"}}},"strict":false},"#,
        r#"{"type":"function","name":"edit","description":"edits","parameters":{"type":"object","properties":{"path":{"type":"string"}}},"strict":false}],"#,
        r#""instructions":"be brief","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"do it"}]},"#,
        r#"{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"**Looking**"}],"encrypted_content":"gAAAAAB+/=","new":1.5},"#,
        r#"{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"text":"I'll read."}],"role":"assistant"},"#,
        r#"{"id":"fc_1","type":"function_call","status":"completed","arguments":"{\"path\":\"a\"}","call_id":"call_1","name":"read"},"#,
        r#"{"type":"function_call_output","call_id":"call_1","output":"fn main"}],"max_output_tokens":1000,"stream":true,"store":false,"#,
        r#""include":["reasoning.encrypted_content"]}"#,
    );
    assert_eq!(
        body(&spec(Provider::OpenaiResponses), &request(messages)),
        expected
    );
}

#[test]
fn responses_body_of_a_conversation_that_another_wire_began() {
    let expected = concat!(
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"so"}]},"#,
        r#"{"type":"function_call","call_id":"call:1","name":"read","arguments":"{\"path\": \"a\"}"},"#,
        r#"{"type":"function_call_output","call_id":"call:1","output":"error: gone"},"#,
    );
    let body = body(&spec(Provider::OpenaiResponses), &request(foreign()));
    assert!(body.contains(expected), "{body}");
}

#[test]
fn responses_end_in_three_ways() {
    let incomplete = "data: {\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"ha\"}]}]}}\n\n";
    let (blocks, reason, _) = read(Provider::OpenaiResponses, incomplete);
    assert_eq!((blocks.len(), reason), (1, StopReason::MaxTokens));
    let failed = "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"Your input exceeds the context window\"}}}\n\n";
    assert_eq!(
        read_in(Provider::OpenaiResponses, failed, 9)
            .unwrap_err()
            .class(),
        ErrorClass::TooLong
    );
    let error = "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"oops\",\"param\":null}\n\n";
    assert_eq!(
        read_in(Provider::OpenaiResponses, error, 9)
            .unwrap_err()
            .class(),
        ErrorClass::Retry
    );
}

#[test]
fn every_prefix_of_a_stream_is_a_cut_and_never_an_answer() {
    // Chat's answer is complete with its reason; the rest is usage and a mark.
    let chat = CHAT.find("\"finish_reason\":\"tool_calls\"").unwrap();
    for (provider, stream, end) in [
        (Provider::Anthropic, ANTHROPIC, ANTHROPIC.len() - 1),
        (Provider::OpenaiChat, CHAT, chat),
        (Provider::OpenaiResponses, RESPONSES, RESPONSES.len() - 1),
    ] {
        for length in (0..end).step_by(13).chain([end - 1]) {
            let length = (length..).find(|&at| stream.is_char_boundary(at)).unwrap();
            let error = read_in(provider, &stream[..length], usize::MAX).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Cut, "{provider:?} {length}");
        }
    }
}

#[test]
fn garbage_between_the_frames_changes_nothing() {
    let garbage = "garbage\ndata: {not json\n\ndata: 17\n\ndata: {\"type\":7}\n\ndata: \n\nevent: x\nid: 1\n\n";
    for (provider, stream) in [
        (Provider::Anthropic, ANTHROPIC),
        (Provider::OpenaiChat, CHAT),
        (Provider::OpenaiResponses, RESPONSES),
    ] {
        let dirty = stream.replace("\n\n", &format!("\n\n{garbage}"));
        assert_eq!(
            read(provider, &dirty),
            read(provider, stream),
            "{provider:?}"
        );
    }
}

#[test]
fn error_events_are_errors() {
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    assert_eq!(
        read_in(Provider::Anthropic, overloaded, 5)
            .unwrap_err()
            .kind,
        ErrorKind::Server
    );
    let gateway = "data: {\"error\":{\"code\":429,\"message\":\"slow down\"},\"choices\":[]}\n\n";
    assert_eq!(
        read_in(Provider::OpenaiChat, gateway, 5).unwrap_err().kind,
        ErrorKind::RateLimited
    );
}

/// Tools, system and messages of a body as text, without cache breakpoints.
fn whole_prefix(provider: Provider, body: &str) -> String {
    let body = body.replace(r#","cache_control":{"type":"ephemeral"}"#, "");
    let (end, list) = match provider {
        Provider::OpenaiResponses => (r#"],"max_output_tokens""#, body),
        _ => (r#"],"max_tokens""#, body),
    };
    list.split_once(end).unwrap().0.to_owned()
}

#[test]
fn a_request_begins_with_the_bytes_of_the_one_before() {
    for (provider, wire, stream) in [
        (
            Provider::Anthropic,
            interline_log::Wire::Anthropic,
            ANTHROPIC,
        ),
        (Provider::OpenaiChat, interline_log::Wire::OpenaiChat, CHAT),
        (
            Provider::OpenaiResponses,
            interline_log::Wire::OpenaiResponses,
            RESPONSES,
        ),
    ] {
        let (blocks, ..) = read(provider, stream);
        let mut request = request(foreign());
        let mut last = whole_prefix(provider, &body(&spec(provider), &request));
        for step in 0..30 {
            request.messages.push(Message::Assistant {
                wire,
                content: blocks.clone(),
            });
            let calls = blocks.iter().filter_map(|block| match &block.content {
                AssistantContent::ToolUse { id, .. } => {
                    Some(result(id, &format!("result {step}"), step % 3 == 0))
                }
                _ => None,
            });
            request.messages.push(user(calls.collect()));
            request.max_output = (step % 2 == 0).then_some(7);
            // What the log gives back is written as what was never stored.
            let stored = serde_json::to_string(&request.messages).unwrap();
            request.messages = serde_json::from_str(&stored).unwrap();
            let body = body(&spec(provider), &request);
            let next = whole_prefix(provider, &body);
            assert!(next.starts_with(&last), "{provider:?} step {step}");
            let ours: Vec<_> = prefix(provider, body.as_bytes()).collect();
            let ours = String::from_utf8(ours.concat()).unwrap();
            assert!(next.starts_with(&ours), "{provider:?} step {step}");
            let closing = next.len() - ours.len();
            assert!(closing < 8, "only closing brackets are left out: {closing}");
            assert!(body.matches("cache_control").count() <= 4);
            last = next;
        }
    }
}

#[test]
fn what_is_added_to_the_last_message_moves_no_prefix() {
    for provider in [
        Provider::Anthropic,
        Provider::OpenaiChat,
        Provider::OpenaiResponses,
        Provider::Builtin,
    ] {
        let joined = |request: &Request| {
            let body = body(&spec(provider), request);
            let pieces: Vec<_> = prefix(provider, body.as_bytes()).collect();
            String::from_utf8(pieces.concat()).unwrap()
        };
        // It looks like the end of the messages, and like a mark.
        let tricky = r#"say "x"],"max_tokens":1 and ,"cache_control":{"type":"ephemeral"}"#;
        let mut request = request(vec![user(vec![text(tricky)])]);
        let before = joined(&request);
        let escaped = r#"\"max_tokens\":1 and ,\"cache_control\""#;
        assert!(before.contains(escaped), "{provider:?}: {before}");
        if let Some(Message::User { content }) = request.messages.last_mut() {
            content.push(text("and more"));
        }
        let after = joined(&request);
        assert!(after.starts_with(&before) && after.len() > before.len());
    }
}

#[test]
fn breakpoints_stand_at_the_tail_and_where_the_look_back_ends() {
    let spec = spec(Provider::Anthropic);
    let mut request = request(vec![]);
    for turn in 0..40 {
        request.messages.push(user(vec![text(&format!("u{turn}"))]));
        request.messages.push(Message::Assistant {
            wire: interline_log::Wire::Builtin,
            content: vec![AssistantBlock {
                content: AssistantContent::Text {
                    text: "a".to_owned(),
                },
                raw: None,
            }],
        });
    }
    request.messages.push(user(vec![text("last")]));
    let body: Value = serde_json::from_str(&body(&spec, &request)).unwrap();
    let blocks = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|message| message["content"].as_array().unwrap());
    let marked: Vec<_> = blocks
        .enumerate()
        .filter(|(_, block)| block.get("cache_control").is_some())
        .map(|(at, _)| at)
        .collect();
    assert_eq!(marked, [60, 80]);
}

#[test]
fn arguments_are_always_an_object() {
    assert_eq!(object(r#" {"b":1,"a":[]} "#), r#"{"b":1,"a":[]}"#);
    assert_eq!(object(""), "{}");
    assert_eq!(object(r#"{"a":"#), r#"{"INVALID_JSON":"{\"a\":"}"#);
    assert_eq!(object("[1]"), r#"{"INVALID_JSON":"[1]"}"#);
}

#[test]
fn errors_are_marked_once() {
    assert_eq!(marked("no such file", true), "error: no such file");
    assert_eq!(marked("Error: no", true), "Error: no");
    assert_eq!(marked("ü", true), "error: ü");
    assert_eq!(marked("fine", false), "fine");
}
