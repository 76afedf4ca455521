//! What a resumed session waits for: reading a long log, checking it against its signed checkpoints, and both folds of it.
//!
//! `cargo bench -p interline-log --bench resume`. The bar: 100,000 events, with payloads in blobs, under 1 s.
#![expect(clippy::unwrap_used, reason = "a benchmark")]

use divan::Bencher;
use interline_log::{
    Actor, AssistantBlock, AssistantContent, CallId, CallStatus, Conversation, Entry, EventData,
    KeyFile, RetryClass, SessionId, StopReason, Store, TurnId, Usage, Workflow,
};

fn main() {
    divan::main();
}

const EVENTS: usize = 100_000;
/// Of 100 results one is long: a whole file, or what a build has said.
const LONG: usize = 100;

/// The eight events of a step with one call.
fn step(number: usize) -> [EventData; 8] {
    let id = format!("toolu_{number:08}");
    let long = number.is_multiple_of(LONG);
    let content = if long {
        "a line of a file\n".repeat(1_000)
    } else {
        "a short result\n".repeat(20)
    };
    [
        EventData::RequestSent {
            body_sha256: "0".repeat(64),
            body_bytes: 10_000,
            max_output: None,
            prefix: None,
        },
        EventData::ResponseBlock {
            block: AssistantBlock {
                content: AssistantContent::ToolUse {
                    id: id.clone(),
                    name: "shell".to_owned(),
                    arguments: format!("{{\"command\":\"make {number}\"}}"),
                },
                raw: Some(serde_json::json!({
                    "type": "tool_use", "id": id, "name": "shell", "input": { "command": number },
                })),
            },
        },
        EventData::ResponseStopped {
            reason: StopReason::ToolUse,
            usage: Usage {
                input: 10,
                output: 20,
                ..Usage::default()
            },
            cost_micro_usd: Some(7),
        },
        EventData::ToolAnnounced {
            tool: "shell".to_owned(),
            tool_use_id: id.clone(),
        },
        EventData::ToolGated {
            decision: "allow".to_owned(),
            by: "mode: default".to_owned(),
            reasons: Vec::new(),
            digest: "1".repeat(64),
        },
        EventData::ToolIntent {
            tool: "shell".to_owned(),
            digest: "1".repeat(64),
            retry: RetryClass::Opaque,
        },
        EventData::ToolOutcome {
            tool: "shell".to_owned(),
            tool_use_id: id,
            status: CallStatus::Succeeded,
            content,
            summary: "exit code 0".to_owned(),
        },
        EventData::InputSteer {
            text: "go on".to_owned(),
        },
    ]
}

/// Signed as real logs are: a checkpoint for each 1,000 events.
fn long_session(folder: &std::path::Path) -> (Store, SessionId) {
    let store = Store::new(folder.join("sessions")).signing(KeyFile::own(folder));
    let id = SessionId::new();
    let mut log = store.create(id).unwrap();
    let turn = TurnId::new();
    for number in 0..EVENTS / 8 {
        let call = CallId::new();
        for data in step(number) {
            let of_call = matches!(
                data,
                EventData::ToolAnnounced { .. }
                    | EventData::ToolGated { .. }
                    | EventData::ToolIntent { .. }
                    | EventData::ToolOutcome { .. }
            );
            let entry = Entry {
                turn: Some(turn),
                call: of_call.then_some(call),
                causes: Vec::new(),
                actor: Actor::Agent,
                data,
            };
            log.append(entry).unwrap();
        }
    }
    (store, id)
}

#[divan::bench(sample_size = 1, sample_count = 10)]
fn resume(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap();
    let (store, id) = long_session(folder.path());
    bencher.bench_local(|| {
        let (log, events) = store.open(id).unwrap();
        let mut conversation = Conversation::new();
        events.iter().for_each(|event| conversation.apply(event));
        let workflow = Workflow::of(&events);
        assert_eq!(events.len(), EVENTS);
        assert_eq!(workflow.steps.len(), EVENTS / 8);
        (log, conversation, workflow)
    });
}

/// The list of sessions with a long one among them.
#[divan::bench(sample_size = 1, sample_count = 10)]
fn list(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = long_session(folder.path());
    bencher.bench_local(|| store.list().unwrap());
}
