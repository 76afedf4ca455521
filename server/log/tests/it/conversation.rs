//! The conversation only grows, whatever the events; and it is always one that a provider takes.

use interline_log::{
    Actor, AssistantBlock, AssistantContent, CallStatus, ClearedResult, CompactSummary,
    CompactTrigger, Conversation, Event, EventData, EventId, Message, Mode, SessionId,
    SessionSummary, StopReason, SummaryBy, TurnId, TurnOutcome, Usage, UserBlock, Wire,
};
use proptest::prelude::*;

fn config(wire: Wire) -> EventData {
    let (model, model_id, system) = (String::new(), String::new(), String::new());
    EventData::SessionConfig {
        model,
        model_id,
        wire,
        mode: Mode::Default,
        system,
        tools: Vec::new(),
        encoding: None,
    }
}

fn user(text: &str, context: &str) -> EventData {
    EventData::InputUser {
        title: text.into(),
        text: text.into(),
        context: context.into(),
    }
}

fn steer(text: &str) -> EventData {
    EventData::InputSteer { text: text.into() }
}

fn sent() -> EventData {
    EventData::RequestSent {
        body_sha256: String::new(),
        body_bytes: 0,
        max_output: None,
        prefix: None,
    }
}

fn block(content: AssistantContent) -> EventData {
    EventData::ResponseBlock {
        block: AssistantBlock {
            content,
            raw: Some(serde_json::json!({ "raw": 1 })),
        },
    }
}

fn text(text: &str) -> EventData {
    block(AssistantContent::Text { text: text.into() })
}

fn tool(id: &str) -> EventData {
    block(AssistantContent::ToolUse {
        id: id.into(),
        name: "read".into(),
        arguments: "{}".into(),
    })
}

fn stopped() -> EventData {
    let usage = Usage {
        input: 3,
        output: 2,
        ..Usage::default()
    };
    EventData::ResponseStopped {
        reason: StopReason::ToolUse,
        usage,
        cost_micro_usd: Some(5),
    }
}

fn outcome(id: &str, status: CallStatus) -> EventData {
    let (tool, summary) = ("read".into(), String::new());
    EventData::ToolOutcome {
        tool,
        tool_use_id: id.into(),
        status,
        content: format!("of {id}"),
        summary,
    }
}

fn events(data: Vec<EventData>) -> Vec<Event> {
    let (session, turn) = (SessionId::new(), TurnId::new());
    let event = |(seq, data): (usize, EventData)| Event {
        version: 1,
        seq: seq as u64,
        id: EventId::new(),
        ts: seq as u64,
        session,
        turn: Some(turn),
        call: None,
        causes: Vec::new(),
        actor: Actor::System,
        data,
    };
    data.into_iter().enumerate().map(event).collect()
}

/// Messages in short: `user: text, =result, !failed result` and `agent: text, call(id)`.
fn check(data: Vec<EventData>, want: &[&str], orphans: &[&str]) {
    let mut conversation = Conversation::new();
    events(data)
        .iter()
        .for_each(|event| conversation.apply(event));
    let got: Vec<_> = conversation.messages().iter().map(brief).collect();
    assert_eq!(got, want);
    assert_eq!(conversation.orphans(), orphans);
}

fn brief(message: &Message) -> String {
    match message {
        Message::User { content } => {
            let blocks = content.iter().map(|block| match block {
                UserBlock::Text { text } => text.clone(),
                UserBlock::ToolResult(result) => {
                    format!(
                        "{}{}",
                        if result.is_error { '!' } else { '=' },
                        result.tool_use_id
                    )
                }
            });
            format!("user: {}", blocks.collect::<Vec<_>>().join(", "))
        }
        Message::Assistant { content, .. } => {
            let blocks = content.iter().map(|block| match &block.content {
                AssistantContent::ToolUse { id, .. } => format!("call({id})"),
                AssistantContent::Text { text } => text.clone(),
                other => panic!("{other:?}"),
            });
            format!("agent: {}", blocks.collect::<Vec<_>>().join(", "))
        }
    }
}

use CallStatus::{Denied, Succeeded};

#[test]
fn a_turn_with_tools() {
    let turn = vec![
        config(Wire::Anthropic),
        user("fix", "focus"),
        sent(),
        text("I look"),
        tool("a"),
        tool("b"),
        stopped(),
        outcome("b", Denied),
        outcome("a", Succeeded),
        sent(),
        text("done"),
        stopped(),
        EventData::TurnEnded {
            outcome: TurnOutcome::Done,
        },
        user("more", ""),
    ];
    check(
        turn,
        &[
            "user: fix, focus",
            "agent: I look, call(a), call(b)",
            "user: !b, =a",
            "agent: done",
            "user: more",
        ],
        &[],
    );
}

#[test]
fn steering_comes_after_the_results_and_never_into_a_request_that_is_out() {
    let mut turn = vec![
        user("fix", ""),
        sent(),
        steer("also this"),
        tool("a"),
        stopped(),
        steer("and that"),
    ];
    check(turn.clone(), &["user: fix", "agent: call(a)"], &["a"]);
    turn.push(outcome("a", Succeeded));
    check(
        turn,
        &[
            "user: fix",
            "agent: call(a)",
            "user: =a, also this, and that",
        ],
        &[],
    );
    let answered = vec![
        user("fix", ""),
        sent(),
        steer("also this"),
        text("done"),
        stopped(),
    ];
    check(
        answered,
        &["user: fix", "agent: done", "user: also this"],
        &[],
    );
}

#[test]
fn results_wait_for_the_end_of_the_response_and_for_each_other() {
    let mut turn = vec![
        user("fix", ""),
        sent(),
        tool("a"),
        outcome("a", Succeeded),
        tool("b"),
    ];
    check(
        turn.clone(),
        &["user: fix", "agent: call(a), call(b)"],
        &["b"],
    );
    turn.extend([stopped(), outcome("b", Succeeded)]);
    check(
        turn,
        &["user: fix", "agent: call(a), call(b)", "user: =a, =b"],
        &[],
    );
}

#[test]
fn calls_of_a_cut_turn_are_orphans_until_they_are_answered() {
    let resumed = EventData::SessionResumed {
        version: "0".into(),
    };
    let mut turn = vec![
        user("fix", ""),
        sent(),
        tool("a"),
        tool("a"),
        tool("b"),
        resumed,
        outcome("a", Denied),
    ];
    check(
        turn.clone(),
        &["user: fix", "agent: call(a), call(a), call(b)"],
        &["a", "b"],
    );
    turn.extend([
        user("go on", ""),
        outcome("a", Denied),
        outcome("b", Denied),
        outcome("b", Denied),
    ]);
    check(
        turn,
        &[
            "user: fix",
            "agent: call(a), call(a), call(b)",
            "user: !a, !a, !b, go on",
        ],
        &[],
    );
}

#[test]
fn a_response_that_goes_on_is_one_message() {
    let mut turn = vec![
        config(Wire::Anthropic),
        user("fix", ""),
        sent(),
        text("half"),
        stopped(),
        sent(),
        text("rest"),
    ];
    check(turn.clone(), &["user: fix", "agent: half, rest"], &[]);
    turn.insert(5, config(Wire::OpenaiChat));
    let mut conversation = Conversation::new();
    events(turn)
        .iter()
        .for_each(|event| conversation.apply(event));
    let Message::Assistant { wire, content } = &conversation.messages()[1] else {
        panic!()
    };
    assert_eq!(*wire, Wire::Anthropic);
    assert_eq!(
        content
            .iter()
            .map(|block| block.raw.is_some())
            .collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn refused_thinking_is_left_out_from_there_on() {
    let thinking = || block(AssistantContent::Thinking { text: "hm".into() });
    let refused = EventData::ThinkingStripped {
        reason: "signature".into(),
    };
    let turn = vec![
        user("fix", ""),
        sent(),
        thinking(),
        stopped(),
        user("so?", ""),
        sent(),
        refused.clone(),
    ];
    check(turn, &["user: fix, so?"], &[]);
    let mut turn = vec![
        user("fix", ""),
        sent(),
        thinking(),
        tool("a"),
        stopped(),
        outcome("a", Succeeded),
        sent(),
    ];
    turn.extend([refused, sent(), text("done"), stopped()]);
    check(
        turn,
        &["user: fix", "agent: call(a)", "user: =a", "agent: done"],
        &[],
    );
}

fn compacted(cleared: &[(u64, &str)], summary: Option<(u64, &[&str])>) -> EventData {
    let clear = |(message, id): &(u64, &str)| ClearedResult {
        message: *message,
        tool_use_id: (*id).to_owned(),
        note: "cleared".to_owned(),
    };
    let replace = |(replaced, texts): (u64, &[&str])| CompactSummary {
        replaced,
        texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        by: SummaryBy::Log,
    };
    EventData::CompactCommitted {
        trigger: CompactTrigger::Threshold,
        before: 2,
        after: 1,
        cleared: cleared.iter().map(clear).collect(),
        summary: summary.map(replace),
    }
}

fn two_steps() -> Vec<EventData> {
    vec![
        user("fix", ""),
        sent(),
        tool("a"),
        stopped(),
        outcome("a", Succeeded),
        sent(),
        tool("b"),
        stopped(),
        outcome("b", Succeeded),
    ]
}

#[test]
fn what_is_compacted_keeps_its_tail_as_it_was() {
    let mut turn = two_steps();
    turn.push(compacted(&[], Some((3, &["so far", "fix"]))));
    let short = ["user: so far, fix", "agent: call(b)", "user: =b"];
    check(turn.clone(), &short, &[]);
    // A call that waits for its result keeps everything where it is.
    turn.extend([
        sent(),
        tool("c"),
        stopped(),
        compacted(&[], Some((9, &["x"]))),
    ]);
    let last = "agent: call(c)";
    check(turn, &[short[0], short[1], short[2], last], &["c"]);
}

#[test]
fn results_whose_calls_are_gone_go_too_and_nothing_is_replaced_by_nothing() {
    for (replaced, want) in [
        (
            0,
            &[
                "user: so far, fix",
                "agent: call(a)",
                "user: =a",
                "agent: call(b)",
                "user: =b, also",
            ][..],
        ),
        (4, &["user: so far, also"]),
        (u64::MAX, &["user: so far"]),
    ] {
        let mut turn = two_steps();
        turn.extend([steer("also"), compacted(&[], Some((replaced, &["so far"])))]);
        check(turn, want, &[]);
    }
    let mut turn = two_steps();
    turn.push(compacted(&[], Some((3, &[""]))));
    check(
        turn,
        &[
            "user: fix",
            "agent: call(a)",
            "user: =a",
            "agent: call(b)",
            "user: =b",
        ],
        &[],
    );
}

#[test]
fn a_cleared_result_is_told_by_its_place_too() {
    let mut turn = two_steps();
    turn.extend([sent(), tool("a"), stopped(), outcome("a", Denied)]);
    turn.push(compacted(&[(2, "a"), (4, "a"), (9, "b"), (1, "a")], None));
    let mut conversation = Conversation::new();
    events(turn)
        .iter()
        .for_each(|event| conversation.apply(event));
    let blocks = conversation
        .messages()
        .iter()
        .flat_map(|message| match message {
            Message::User { content } => content.clone(),
            Message::Assistant { .. } => Vec::new(),
        });
    let results = blocks.filter_map(|block| match block {
        UserBlock::ToolResult(result) => Some((result.content, result.is_error)),
        UserBlock::Text { .. } => None,
    });
    let results: Vec<_> = results.collect();
    let result = |text: &str, is_error| (text.to_owned(), is_error);
    assert_eq!(
        results,
        [
            result("cleared", false),
            result("of b", false),
            result("of a", true)
        ]
    );
}

fn any_event() -> impl Strategy<Value = EventData> {
    prop_oneof![
        1 => prop_oneof![Just(config(Wire::Anthropic)), Just(config(Wire::OpenaiChat))],
        1 => Just(user("fix", "focus")),
        1 => Just(steer("also")),
        1 => Just(EventData::InputEditor { text: "changed".into() }),
        3 => Just(sent()),
        2 => Just(text("hm")),
        3 => prop_oneof![Just(tool("a")), Just(tool("b"))],
        3 => Just(stopped()),
        4 => prop_oneof![Just(outcome("a", Succeeded)), Just(outcome("b", Denied))],
        1 => Just(EventData::TurnEnded { outcome: TurnOutcome::Cancelled }),
        1 => Just(EventData::SessionResumed { version: "0".into() }),
        1 => (0..9_u64, 0..9_u64).prop_map(|(at, replaced)| compacted(&[(at, "a")], Some((replaced, &["so far"])))),
    ]
}

/// Everything before the closing brackets of the last message: what a longer conversation must begin with.
fn prefix(messages: &[Message]) -> String {
    let whole = serde_json::to_string(messages).unwrap();
    whole.strip_suffix("]}]").unwrap_or("[").to_owned()
}

fn check_shape(conversation: &Conversation) {
    let messages = conversation.messages();
    for (at, message) in messages.iter().enumerate() {
        assert_eq!(
            matches!(message, Message::User { .. }),
            matches!(messages[0], Message::User { .. }) == (at % 2 == 0)
        );
        let Message::Assistant { content, .. } = message else {
            continue;
        };
        let mut calls: Vec<_> = content
            .iter()
            .filter_map(|block| match &block.content {
                AssistantContent::ToolUse { id, .. } => Some(id.clone()),
                _ => None,
            })
            .collect();
        let Some(Message::User { content }) = messages.get(at + 1) else {
            continue;
        };
        let mut answers: Vec<_> = content
            .iter()
            .map_while(|block| match block {
                UserBlock::ToolResult(result) => Some(result.tool_use_id.clone()),
                UserBlock::Text { .. } => None,
            })
            .collect();
        let rest = &content[answers.len()..];
        assert!(
            rest.iter()
                .all(|block| matches!(block, UserBlock::Text { .. })),
            "a result after text"
        );
        calls.sort();
        answers.sort();
        assert_eq!(calls, answers);
    }
}

proptest! {
    #[test]
    fn it_only_grows_and_keeps_its_shape(data in prop::collection::vec(any_event(), 0..60)) {
        let mut conversation = Conversation::new();
        let mut before = prefix(&[]);
        for event in events(data) {
            conversation.apply(&event);
            if matches!(event.data, EventData::CompactCommitted { .. }) {
                before = prefix(&[]);
            }
            let after = prefix(conversation.messages());
            prop_assert!(after.starts_with(&before), "{event:?}: {before} became {after}");
            check_shape(&conversation);
            before = after;
        }
    }

    #[test]
    fn a_fold_can_be_put_down_and_taken_up(data in prop::collection::vec(any_event(), 0..60), at in 0..60_usize) {
        let events = events(data);
        let (first, second) = events.split_at(at.min(events.len()));
        let mut whole = (Conversation::new(), SessionSummary::new(SessionId::new()));
        let mut parts = whole.clone();
        events.iter().for_each(|event| { whole.0.apply(event); whole.1.apply(event); });
        first.iter().for_each(|event| { parts.0.apply(event); parts.1.apply(event); });
        let kept = serde_json::to_string(&parts).unwrap();
        let mut parts: (Conversation, SessionSummary) = serde_json::from_str(&kept).unwrap();
        second.iter().for_each(|event| { parts.0.apply(event); parts.1.apply(event); });
        prop_assert_eq!(parts, whole);
    }
}
