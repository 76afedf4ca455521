//! Golden logs are lived through again without a difference, and a changed script is told from them.

use interline_log::{Conversation, Wire};
use sha2::Digest as _;

use super::*;
use crate::replay::tests::golden;

async fn again(name: &str, script: Option<&str>) -> Rerun {
    let script = script.map(|text| Script::parse(text).unwrap());
    rerun(golden(name), script, &[]).await.unwrap()
}

#[tokio::test]
async fn golden_logs_are_lived_through_again() {
    for name in ["0.1.0", "0.1.0-early"] {
        let rerun = again(name, None).await;
        assert_eq!(rerun.difference, None, "{name}");
        assert_eq!((rerun.events, rerun.turns), (87, 2), "{name}");
    }
}

#[tokio::test]
async fn a_script_that_says_something_else_is_told_with_the_place() {
    let rerun = again(
        "0.1.0",
        Some(r#"[{"calls": [{"tool": "read", "input": {"path": "other"}}]}]"#),
    )
    .await;
    let difference = rerun.difference.unwrap();
    assert_eq!(
        (difference.seq, difference.event.as_str()),
        (5, "response.block")
    );
    assert_eq!(difference.what, "block.content.arguments");
}

/// A golden log as it would be if the model had been OpenAI's, or Anthropic's, on this wire.
fn on_wire(wire: Wire) -> Vec<Event> {
    let mut conversation = Conversation::default();
    let (mut model, mut tools, mut prompt) = (ModelSpec::builtin(), Vec::new(), String::new());
    let mut events = golden("0.1.0");
    for event in &mut events {
        match &mut event.data {
            EventData::SessionConfig {
                wire: of,
                model_id,
                system,
                tools: known,
                encoding: Some(encoding),
                ..
            } => {
                *of = wire;
                encoding.openai = wire != Wire::Anthropic;
                model = ModelSpec::recorded(wire, model_id, encoding);
                (tools, prompt) = (known.clone(), system.clone());
            }
            // What a wire makes of a block is that wire's own.
            EventData::ResponseBlock { block } => block.raw = None,
            EventData::RequestSent {
                body_sha256,
                body_bytes,
                max_output,
                ..
            } => {
                let request = interline_model::Request {
                    tools: tools.clone().into(),
                    system: prompt.clone(),
                    messages: conversation.messages().to_vec(),
                    max_output: *max_output,
                    session: event.session,
                };
                let body = interline_model::encode(&model, &request).unwrap();
                *body_bytes = body.len() as u64;
                *body_sha256 = format!("{:x}", sha2::Sha256::digest(&body));
            }
            _ => {}
        }
        conversation.apply(event);
    }
    events
}

#[tokio::test]
async fn a_fork_is_lived_through_again_on_each_wire() {
    for wire in [Wire::Anthropic, Wire::OpenaiChat, Wire::OpenaiResponses] {
        let folder = tempfile::tempdir().unwrap();
        let store = interline_log::Store::new(folder.path().to_owned());
        let events = on_wire(wire);
        let mut log = store.create(events[0].session).unwrap();
        for event in events {
            let entry = interline_log::Entry {
                turn: event.turn,
                call: event.call,
                causes: event.causes,
                actor: event.actor,
                data: event.data,
            };
            log.append(entry).unwrap();
        }
        let mut session = log.session();
        drop(log);
        // Itself, a fork of it, a fork of that one, and one of a part of it.
        for at in [None, None, Some(40), None] {
            let events = store.read(session).unwrap();
            let replayed = crate::replay(&events);
            assert_eq!(replayed.difference, None, "{wire:?}");
            let rerun = rerun(events, None, &[]).await.unwrap();
            assert_eq!(rerun.difference, None, "{wire:?}");
            assert_eq!(rerun.events, replayed.events);
            session = store.fork(session, at).unwrap().session;
        }
    }
}
