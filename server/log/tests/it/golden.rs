//! Logs of each version of the events are read by every later build, and give the same folds.
//!
//! `tests/fixtures/logs/README.md` says how one is added.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::common::{Bench, close, entry};
use interline_log::{
    AssistantBlock, AssistantContent, BudgetLevel, BudgetLimit, BudgetStop, CallId, CallStatus,
    ClearedResult, CompactSummary, CompactTrigger, Conversation, CrashId, EditVerdict, Encoding,
    Entry, Event, EventData, EventHead, Extent, FileBytes, HunkId, HunkKind, HunkRecord,
    LoadedFile, Mode, PermissionAnswer, Prefix, RetryClass, SessionId, SessionSummary, ShownFile,
    StopReason, Store, SummaryBy, TodoItem, TodoStatus, ToolDefinition, TurnId, TurnOutcome,
    UnsupportedClaim, Usage, Visit, Wire, Workflow,
};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/fixtures/logs"]
        .iter()
        .collect()
}

/// Each golden log: its name and its events.
fn golden() -> Vec<(String, Vec<Event>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap().flatten() {
        if !entry.path().is_dir() {
            continue;
        }
        let sessions = std::fs::read_dir(entry.path()).unwrap().flatten();
        let ids = sessions.filter_map(|session| session.file_name().to_str()?.parse().ok());
        let ids: Vec<SessionId> = ids.collect();
        let [id] = ids[..] else {
            panic!("one session in {}", entry.path().display())
        };
        let events = Store::new(entry.path()).read(id).unwrap();
        all.push((entry.file_name().into_string().unwrap(), events));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(all.len() >= 2);
    all
}

/// A type and the version that it was written with.
fn kinds(events: &[Event]) -> BTreeSet<(String, u32)> {
    let kinds = events.iter().map(|event| {
        let value = serde_json::to_value(&event.data).unwrap();
        (value["type"].as_str().unwrap().to_owned(), event.version)
    });
    kinds.collect()
}

#[test]
fn golden_logs_give_the_folds_of_then() {
    for (name, events) in golden() {
        let mut conversation = Conversation::new();
        let mut summary = SessionSummary::new(events[0].session);
        for event in &events {
            assert!(
                !matches!(event.data, EventData::Unknown { .. }),
                "{name}: event {} is of a type that was known",
                event.seq
            );
            conversation.apply(event);
            summary.apply(event);
        }
        let folds = serde_json::json!({
            "conversation": conversation,
            "workflow": Workflow::of(&events),
            "summary": summary,
        });
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_json_snapshot!(name, folds));
    }
}

/// A fold that was kept half-way goes on as if it had never stopped.
#[test]
fn folds_resume_from_any_event() {
    for (name, events) in golden() {
        let whole = Workflow::of(&events);
        let mut conversation = Conversation::new();
        events.iter().for_each(|event| conversation.apply(event));
        for at in 0..events.len() {
            let (before, after) = events.split_at(at);
            let text = serde_json::to_string(&Workflow::of(before)).unwrap();
            let mut workflow: Workflow = serde_json::from_str(&text).unwrap();
            let mut said = Conversation::new();
            before.iter().for_each(|event| said.apply(event));
            let text = serde_json::to_string(&said).unwrap();
            let mut said: Conversation = serde_json::from_str(&text).unwrap();
            for event in after {
                workflow.apply(event);
                said.apply(event);
            }
            assert_eq!(workflow, whole, "{name} at {at}");
            assert_eq!(said, conversation, "{name} at {at}");
        }
    }
}

#[test]
fn each_type_and_version_has_a_golden_log() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    let events: Vec<_> = every_type()
        .into_iter()
        .map(|entry| log.append(entry).unwrap())
        .collect();
    close(log);
    assert_eq!(bench.store.read(bench.id).unwrap(), events);
    let golden: BTreeSet<_> = golden()
        .iter()
        .flat_map(|(_, events)| kinds(events))
        .collect();
    let missing: Vec<_> = kinds(&events).difference(&golden).cloned().collect();
    if !missing.is_empty() {
        let kept = bench.keep();
        panic!(
            "no golden log has {missing:?}: {} has one of each",
            kept.display()
        );
    }
    for (kind, newest) in kinds(&events) {
        for version in 1..=newest {
            let has = golden.contains(&(kind.clone(), version));
            assert!(has, "no golden log has {kind} of version {version}");
        }
    }
}

/// Makes the list below grow with the types: a new one does not compile until it stands here, and below.
fn is_listed(data: &EventData) {
    match data {
        EventData::SessionCreated { .. }
        | EventData::SessionConfig { .. }
        | EventData::SessionForked { .. }
        | EventData::SessionResumed { .. }
        | EventData::SessionLabelled { .. }
        | EventData::InputUser { .. }
        | EventData::InputSteer { .. }
        | EventData::InputEditor { .. }
        | EventData::ContextLoaded { .. }
        | EventData::ContextShown { .. }
        | EventData::RequestSent { .. }
        | EventData::RequestRetry { .. }
        | EventData::ThinkingStripped { .. }
        | EventData::ResponseBlock { .. }
        | EventData::ResponseStopped { .. }
        | EventData::ToolAnnounced { .. }
        | EventData::ToolGated { .. }
        | EventData::ToolIntent { .. }
        | EventData::ToolOutcome { .. }
        | EventData::ToolVisited { .. }
        | EventData::PermissionAsked { .. }
        | EventData::PermissionDecided { .. }
        | EventData::PermissionRefused { .. }
        | EventData::EditProposed { .. }
        | EventData::EditConflicted { .. }
        | EventData::EditAccepting { .. }
        | EventData::EditApplied { .. }
        | EventData::EditRefused { .. }
        | EventData::EditRejected { .. }
        | EventData::EditUndone { .. }
        | EventData::EditChecked { .. }
        | EventData::EditUnparsed { .. }
        | EventData::AnswerChecked { .. }
        | EventData::BudgetReserved { .. }
        | EventData::BudgetStopped(_)
        | EventData::TodoSet { .. }
        | EventData::CompactAsked { .. }
        | EventData::CompactSent { .. }
        | EventData::CompactCommitted { .. }
        | EventData::CompactAbandoned { .. }
        | EventData::TurnEnded { .. }
        | EventData::LogRecovered { .. }
        | EventData::Crash { .. }
        | EventData::Unknown { .. } => {}
    }
}

fn every_type() -> Vec<Entry> {
    let (turn, call) = (TurnId::new(), CallId::new());
    let hunks: Vec<_> = (0..6).map(|_| HunkId::new()).collect();
    let hash = |digit: &str| digit.repeat(64);
    let mut all = session_types();
    all.extend(model_types());
    all.extend(call_types());
    all.extend(compact_types());
    all.extend(edit_types(&hunks, hash));
    all.extend([
        EventData::TodoSet {
            items: [TodoStatus::Done, TodoStatus::Active, TodoStatus::Pending]
                .map(|status| TodoItem {
                    text: "a thing".into(),
                    status,
                })
                .into(),
        },
        EventData::BudgetReserved {
            tokens: 1000,
            micro_usd: 20,
        },
        EventData::BudgetStopped(BudgetStop {
            level: BudgetLevel::Day,
            limit: BudgetLimit::MicroUsd,
            max: 50,
            spent: 40,
            projected: 20,
        }),
        EventData::LogRecovered {
            bytes: 7,
            kept_in: "torn-9".into(),
        },
    ]);
    all.push(EventData::Crash {
        cause: "SIGSEGV".into(),
        message: String::new(),
        report: Some(CrashId::new()),
        last: vec![EventHead {
            session: SessionId::new(),
            seq: 3,
            ts: 4,
            r#type: "tool.intent".into(),
        }],
    });
    let ends = [
        TurnOutcome::Done,
        TurnOutcome::Cancelled,
        TurnOutcome::Failed {
            message: "no".into(),
        },
        TurnOutcome::Stopped {
            reason: "budget".into(),
            message: "raise it".into(),
        },
    ];
    all.extend(ends.map(|outcome| EventData::TurnEnded { outcome }));
    let place = |data: EventData| {
        is_listed(&data);
        let of_call = matches!(
            data,
            EventData::ToolAnnounced { .. }
                | EventData::ToolGated { .. }
                | EventData::ToolIntent { .. }
                | EventData::ToolOutcome { .. }
                | EventData::PermissionAsked { .. }
                | EventData::PermissionDecided { .. }
        );
        Entry {
            turn: Some(turn),
            call: of_call.then_some(call),
            ..entry(data)
        }
    };
    all.into_iter().map(place).collect()
}

fn session_types() -> Vec<EventData> {
    vec![
        EventData::SessionCreated {
            version: "0.1.0".into(),
            roots: vec!["/project".into()],
        },
        EventData::SessionForked {
            of: SessionId::new(),
            events: 7,
            damage: "it is no whole line".into(),
        },
        EventData::SessionConfig {
            model: "sonnet".into(),
            model_id: "claude-x".into(),
            wire: Wire::Anthropic,
            mode: Mode::Default,
            system: "be kind".into(),
            tools: vec![ToolDefinition {
                name: "shell".into(),
                description: "runs".into(),
                input_schema: serde_json::json!({ "type": "object" }),
            }],
            encoding: Some(Encoding {
                max_output: 1000,
                effort: Some("high".into()),
                openai: false,
            }),
        },
        EventData::SessionResumed {
            version: "0.1.0".into(),
        },
        EventData::SessionLabelled {
            untrusted: true,
            private: false,
        },
        EventData::ContextLoaded {
            files: vec![LoadedFile {
                path: "AGENTS.md".into(),
                sha256: "0".repeat(64),
            }],
        },
        EventData::ContextShown {
            files: vec![ShownFile {
                path: "src/main.rs".into(),
                sha256: "3".repeat(64),
                version: Some(4),
                extent: Extent::Part,
            }],
        },
        EventData::InputUser {
            title: "t".into(),
            text: "do it".into(),
            context: "here".into(),
        },
        EventData::InputSteer {
            text: "and that".into(),
        },
        EventData::InputEditor {
            text: "look".into(),
        },
    ]
}

fn model_types() -> Vec<EventData> {
    let block = |content| EventData::ResponseBlock {
        block: AssistantBlock { content, raw: None },
    };
    vec![
        EventData::RequestSent {
            body_sha256: "1".repeat(64),
            body_bytes: 1,
            max_output: Some(2000),
            prefix: Some(Prefix {
                bytes: 9_000,
                before: 8_000,
                kept: 4_096,
                reason: "model".into(),
            }),
        },
        EventData::RequestRetry {
            attempt: 1,
            delay_ms: 500,
            reason: "overloaded".into(),
        },
        EventData::ThinkingStripped {
            reason: "signature".into(),
        },
        EventData::ResponseBlock {
            block: AssistantBlock {
                content: AssistantContent::Thinking { text: "hm".into() },
                raw: Some(serde_json::json!({ "type": "thinking", "signature": "s", "n": 1.5 })),
            },
        },
        block(AssistantContent::Text {
            text: "ja – 是".into(),
        }),
        block(AssistantContent::Other),
        block(AssistantContent::ToolUse {
            id: "use_1".into(),
            name: "shell".into(),
            arguments: "{\"command\":\"make\"}".into(),
        }),
        EventData::ResponseStopped {
            reason: StopReason::ToolUse,
            usage: Usage {
                input: 1,
                output: 2,
                cache_read: 3,
                cache_write: 4,
            },
            cost_micro_usd: Some(5),
        },
    ]
}

/// What was said before is there for the texts to take its place.
fn compact_types() -> Vec<EventData> {
    vec![
        EventData::CompactAsked {
            system: "be brief".into(),
            text: "sum it up".into(),
            max_output: 300,
        },
        EventData::CompactSent {
            body_sha256: "6".repeat(64),
            body_bytes: 2,
        },
        EventData::CompactCommitted {
            trigger: CompactTrigger::TooLong,
            before: 900,
            after: 90,
            cleared: vec![ClearedResult {
                message: 2,
                tool_use_id: "use_1".into(),
                note: "call it again".into(),
            }],
            summary: Some(CompactSummary {
                replaced: 1,
                texts: vec!["so far".into(), "do it".into()],
                by: SummaryBy::Model,
            }),
        },
        EventData::CompactAbandoned {
            trigger: CompactTrigger::Threshold,
            reason: "nothing to clear".into(),
        },
    ]
}

fn call_types() -> Vec<EventData> {
    vec![
        EventData::ToolAnnounced {
            tool: "shell".into(),
            tool_use_id: "use_1".into(),
        },
        EventData::ToolGated {
            decision: "ask".into(),
            by: "mode".into(),
            reasons: vec!["outside".into()],
            digest: "2".repeat(64),
        },
        EventData::PermissionAsked {
            text: "make".into(),
            digest: "2".repeat(64),
        },
        EventData::PermissionRefused {
            reason: "nobody asked".into(),
        },
        EventData::PermissionDecided {
            answer: PermissionAnswer::Allow,
            by: "user".into(),
        },
        EventData::ToolIntent {
            tool: "shell".into(),
            digest: "2".repeat(64),
            retry: RetryClass::Opaque,
        },
        EventData::ToolVisited {
            visits: vec![Visit {
                host: "example.invalid".into(),
                port: 443,
                refused: Some("no rule".into()),
                times: 1,
                sent: 2,
                received: 3,
            }],
            left_out: 4,
        },
        EventData::ToolOutcome {
            tool: "shell".into(),
            tool_use_id: "use_1".into(),
            status: CallStatus::Unknown,
            content: "nobody knows".into(),
            summary: "outcome unknown".into(),
        },
    ]
}

fn edit_types(ids: &[HunkId], hash: impl Fn(&str) -> String) -> Vec<EventData> {
    let bytes = |digit| {
        Some(FileBytes {
            sha256: hash(digit),
            bytes: 9,
        })
    };
    let kinds = [
        HunkKind::Text,
        HunkKind::Create,
        HunkKind::Delete,
        HunkKind::Move { to: "b.txt".into() },
        HunkKind::Binary {
            before: None,
            after: bytes("3"),
        },
        HunkKind::Mode { executable: true },
    ];
    let record = |(id, kind): (&HunkId, HunkKind)| HunkRecord {
        id: *id,
        kind,
        start_line: 3,
        old: "old\n".into(),
        new: "new\n".into(),
    };
    let (path, hunks) = ("a.txt".to_owned(), vec![ids[0]]);
    vec![
        EventData::EditProposed {
            path: path.clone(),
            base_sha256: hash("4"),
            replaces: Vec::new(),
            hunks: ids.iter().zip(kinds).map(record).collect(),
        },
        EventData::EditConflicted {
            hunks: vec![ids[1]],
        },
        EventData::EditAccepting {
            path: path.clone(),
            hunks: hunks.clone(),
            pre_sha256: hash("4"),
            post_sha256: hash("5"),
        },
        EventData::EditApplied {
            path: path.clone(),
            hunks: hunks.clone(),
            post_sha256: hash("5"),
        },
        EventData::EditRefused {
            hunks: vec![ids[2]],
            reason: "moved on".into(),
        },
        EventData::EditRejected {
            hunks: vec![ids[3]],
        },
        EventData::EditUndone {
            path,
            hunks,
            post_sha256: hash("4"),
        },
        EventData::EditChecked {
            verdict: Some(EditVerdict {
                by: "cargo check".into(),
                cleared: 1,
                new_errors: 2,
                new_warnings: 3,
                left: 4,
                cleared_codes: vec!["E0308".into()],
                new_codes: vec!["E0425".into()],
            }),
            reason: String::new(),
        },
        EventData::EditUnparsed {
            path: "src/main.rs".into(),
            hunks: vec![ids[4]],
            problems: vec!["3:1: missing }".into()],
        },
        EventData::AnswerChecked {
            supported: 1,
            unsupported: vec![UnsupportedClaim {
                claim: "the tests pass".into(),
                record: "no command ran in this turn".into(),
            }],
        },
    ]
}
