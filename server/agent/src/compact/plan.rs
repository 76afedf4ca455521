//! What goes and what stays: which results are cleared, and where the recent tail begins.
//!
//! Sizes are bytes as a request has them. A tail begins with a message of the model's, so a call never stands without
//! its result, nor thinking without what it led to.

use std::collections::HashMap;

use interline_log::{
    AssistantBlock, AssistantContent, ClearedResult, Message, ToolResult, UserBlock,
};

/// Shorter results stay: a note would be as long.
const WORTH_CLEARING: usize = 400;

/// What a request has place for, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Tools, system prompt and whatever else stands in each request.
    pub(crate) fixed: u64,
    /// What the conversation may take beside it.
    pub(crate) bytes: u64,
}

impl Room {
    /// `limit` is what a request may have in all.
    pub(crate) fn new(fixed: u64, limit: u64) -> Self {
        Self {
            fixed,
            bytes: limit.saturating_sub(fixed),
        }
    }

    /// Part of the room, in hundredths.
    pub(crate) fn part(&self, percent: u64) -> usize {
        usize::try_from(self.bytes / 100 * percent).unwrap_or(usize::MAX)
    }

    /// A request of so many bytes leaves a good part of the room free: the next compaction is far.
    pub(crate) fn is_spacious(&self, bytes: u64, percent: u64) -> bool {
        bytes <= self.fixed.saturating_add(self.bytes / 100 * percent)
    }
}

/// Both stages, to choose from.
#[derive(Debug, PartialEq)]
pub(crate) struct Plan {
    /// All old results, and those too large to be kept.
    pub(crate) cleared: Vec<ClearedResult>,
    /// Where the tail begins that a summary leaves as it is; the number of messages: there is none.
    pub(crate) tail: usize,
}

/// What the model is told where a tool's output stood. `repeatable`: the call only looked at something.
fn note(name: &str, is_old: bool, repeatable: bool) -> String {
    let why = if is_old {
        "was cleared to make room"
    } else {
        "is too long for the context"
    };
    let what_now = match (repeatable, is_old) {
        (true, true) => "call it again if you need it",
        (true, false) => "call it again for a smaller part",
        (false, _) => "it did run: look at what came of it before you repeat it",
    };
    format!("[what `{name}` said here {why}. {what_now}]")
}

/// Plans for a conversation. `repeatable` tells the tools that only look at something. The tail takes 30 % of the room at most, its last step alone up to 60 %.
pub(crate) fn plan(messages: &[Message], room: Room, repeatable: impl Fn(&str) -> bool) -> Plan {
    let most = room.part(30);
    let old = recent(messages, most);
    let names = names(messages);
    let mut cleared = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let longest = longest(message, most);
        for result in results(message) {
            let is_old = at < old;
            if !is_old && result.content.len() <= longest {
                continue;
            }
            let name = names.get(result.tool_use_id.as_str());
            let name = name.copied().unwrap_or("tool");
            let note = note(name, is_old, repeatable(name));
            if result.content.len() > WORTH_CLEARING {
                cleared.push(ClearedResult {
                    message: at as u64,
                    tool_use_id: result.tool_use_id.clone(),
                    note,
                });
            }
        }
    }
    Plan { cleared, tail: old }
}

/// Of the results that are cleared those that stand in the tail: all others go with their messages.
pub(crate) fn oversized(plan: &Plan) -> Vec<ClearedResult> {
    let kept = plan
        .cleared
        .iter()
        .filter(|cleared| cleared.message >= plan.tail as u64);
    kept.cloned().collect()
}

/// Where the recent part of at most `most` bytes begins. A result that is too long alone counts as its note.
fn recent(messages: &[Message], most: usize) -> usize {
    let (mut size, mut begin) = (0_usize, messages.len());
    let mut steps = 0;
    for (at, message) in messages.iter().enumerate().rev() {
        size = size.saturating_add(size_of(message, most));
        if matches!(message, Message::User { .. }) {
            continue;
        }
        let allowed = if steps == 0 {
            most.saturating_mul(2)
        } else {
            most
        };
        if size > allowed {
            break;
        }
        (begin, steps) = (at, steps + 1);
    }
    begin
}

fn size_of(message: &Message, most: usize) -> usize {
    match message {
        Message::User { content } => {
            let longest = longest(message, most);
            let sizes = content.iter().map(|block| match block {
                UserBlock::Text { text } => text.len(),
                UserBlock::ToolResult(result) if result.content.len() > longest => WORTH_CLEARING,
                UserBlock::ToolResult(result) => result.content.len() + result.tool_use_id.len(),
            });
            sizes.sum()
        }
        Message::Assistant { content, .. } => content.iter().map(size_of_block).sum(),
    }
}

/// The longest result that a message of the tail may keep: each its share, where together they are too long.
fn longest(message: &Message, most: usize) -> usize {
    let sizes = || results(message).map(|result| result.content.len());
    if sizes().sum::<usize>() <= most {
        return usize::MAX;
    }
    most / sizes().count().max(1)
}

fn size_of_block(block: &AssistantBlock) -> usize {
    if let Some(raw) = &block.raw {
        return raw.to_string().len();
    }
    match &block.content {
        AssistantContent::Text { text } | AssistantContent::Thinking { text } => text.len(),
        AssistantContent::ToolUse {
            id,
            name,
            arguments,
        } => id.len() + name.len() + arguments.len(),
        AssistantContent::Other => 0,
    }
}

fn results(message: &Message) -> impl Iterator<Item = &ToolResult> {
    let content = match message {
        Message::User { content } => content.as_slice(),
        Message::Assistant { .. } => &[],
    };
    content.iter().filter_map(|block| match block {
        UserBlock::ToolResult(result) => Some(result),
        UserBlock::Text { .. } => None,
    })
}

/// The tools by the ids of their calls.
pub(super) fn names(messages: &[Message]) -> HashMap<&str, &str> {
    let blocks = messages.iter().flat_map(|message| match message {
        Message::Assistant { content, .. } => content.as_slice(),
        Message::User { .. } => &[],
    });
    let names = blocks.filter_map(|block| match &block.content {
        AssistantContent::ToolUse { id, name, .. } => Some((id.as_str(), name.as_str())),
        _ => None,
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use interline_log::{CompactSummary, SummaryBy, Wire, compacted};
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> UserBlock {
        let text = text.to_owned();
        UserBlock::Text { text }
    }

    /// A step: calls with results of these lengths, thinking before them, and steering after.
    #[derive(Clone, Debug)]
    struct Step {
        results: Vec<usize>,
        thinks: bool,
        steering: bool,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let results = prop::collection::vec(prop_oneof![0..300_usize, 300..9_000_usize], 0..4);
        let step = (results, any::<bool>(), prop::bool::weighted(0.1));
        let step = step.prop_map(|(results, thinks, steering)| Step {
            results,
            thinks,
            steering,
        });
        prop::collection::vec(step, 0..40)
    }

    /// As the fold has it: roles alternate, each call has its result in the message after it.
    fn conversation(steps: &[Step]) -> Vec<Message> {
        let mut messages = vec![Message::User {
            content: vec![text("the request")],
        }];
        for (at, step) in steps.iter().enumerate() {
            let id = |number: usize| format!("call_{}", number + at % 3 * 10);
            let thinking = AssistantBlock {
                content: AssistantContent::Thinking {
                    text: "hm".to_owned(),
                },
                raw: Some(serde_json::json!({"type": "thinking", "signature": at})),
            };
            let calls = (0..step.results.len()).map(|number| AssistantBlock {
                content: AssistantContent::ToolUse {
                    id: id(number),
                    name: if number == 0 { "read" } else { "shell" }.to_owned(),
                    arguments: "{}".to_owned(),
                },
                raw: None,
            });
            let said = AssistantBlock {
                content: AssistantContent::Text {
                    text: format!("step {at}"),
                },
                raw: None,
            };
            let thinking = step.thinks.then_some(thinking).into_iter();
            messages.push(Message::Assistant {
                wire: Wire::Anthropic,
                content: thinking.chain([said]).chain(calls).collect(),
            });
            let results = step.results.iter().enumerate().map(|(number, length)| {
                UserBlock::ToolResult(ToolResult {
                    tool_use_id: id(number),
                    content: "x".repeat(*length),
                    is_error: number % 2 == 1,
                })
            });
            let steering = (step.steering || step.results.is_empty()).then(|| text("go on"));
            messages.push(Message::User {
                content: results.chain(steering).collect(),
            });
        }
        messages
    }

    /// What providers ask of a conversation.
    fn check_valid(messages: &[Message]) {
        for (at, message) in messages.iter().enumerate() {
            assert_eq!(matches!(message, Message::User { .. }), at % 2 == 0);
            let Message::Assistant { content, .. } = message else {
                assert!(!matches!(message, Message::User { content } if content.is_empty()));
                continue;
            };
            let calls = content.iter().filter_map(|block| match &block.content {
                AssistantContent::ToolUse { id, .. } => Some(id.as_str()),
                _ => None,
            });
            let answers = messages.get(at + 1).into_iter().flat_map(results);
            let answers: Vec<_> = answers.map(|result| result.tool_use_id.as_str()).collect();
            assert_eq!(calls.collect::<Vec<_>>(), answers, "message {at}");
        }
        let orphans = messages.first().into_iter().flat_map(results).count();
        assert_eq!(orphans, 0);
    }

    fn bytes(messages: &[Message]) -> usize {
        messages
            .iter()
            .map(|message| size_of(message, usize::MAX))
            .sum()
    }

    proptest! {
        #[test]
        fn what_is_kept_is_whole_in_order_and_small(steps in steps(), room in 500..60_000_u64) {
            let before = conversation(&steps);
            check_valid(&before);
            let room = Room { fixed: 0, bytes: room };
            let plan = plan(&before, room, |name| name == "read");

            // Clearing: the same conversation but for results, each of which got shorter.
            let after = compacted(before.clone(), &plan.cleared, None);
            check_valid(&after);
            prop_assert!(bytes(&after) <= bytes(&before));
            for (one, other) in before.iter().zip(&after) {
                match one {
                    Message::Assistant { .. } => prop_assert_eq!(one, other),
                    Message::User { .. } => for (one, other) in results(one).zip(results(other)) {
                        prop_assert_eq!(one.is_error, other.is_error);
                        prop_assert!(one == other || other.content.len() < one.content.len());
                        let shell = one.tool_use_id.ends_with('0');
                        prop_assert!(one == other || other.content.contains("call it again") == shell);
                    },
                }
            }

            // A summary: the tail as it was, byte for byte, after the texts.
            let summary = CompactSummary {
                replaced: plan.tail as u64,
                texts: vec!["so far".to_owned()],
                by: SummaryBy::Log,
            };
            let short = compacted(before.clone(), &oversized(&plan), Some(&summary));
            check_valid(&short);
            let tail = short.get(1..).unwrap();
            prop_assert!(bytes(tail) <= room.part(60) + 1_700, "{} of {}", bytes(tail), room.bytes);
            prop_assert!(tail.len() <= 2 || bytes(tail) <= room.part(30) + 1_700);
            let kept = before.get(plan.tail..).unwrap();
            prop_assert_eq!(kept.len(), tail.len());
            let said = |messages: &[Message]| messages.iter().filter(|message| matches!(message, Message::Assistant { .. })).cloned().collect::<Vec<_>>();
            prop_assert_eq!(said(kept), said(tail));
        }

        #[test]
        fn a_plan_of_what_was_cleared_clears_nothing_again(steps in steps(), room in 2_000..60_000_u64) {
            let room = Room { fixed: 0, bytes: room };
            let before = conversation(&steps);
            let once = plan(&before, room, |_| true);
            let after = compacted(before, &once.cleared, None);
            let again = plan(&after, room, |_| true);
            let cleared = |plan: &Plan| plan.cleared.iter().map(|cleared| (cleared.message, cleared.tool_use_id.clone())).collect::<Vec<_>>();
            prop_assert!(cleared(&again).iter().all(|one| !cleared(&once).contains(one)));
        }
    }

    #[test]
    fn results_that_are_too_long_together_share_what_there_is() {
        let step = |results: &[usize]| Step {
            results: results.to_vec(),
            thinks: false,
            steering: false,
        };
        let messages = conversation(&[step(&[2_900]), step(&[9_000, 500, 800])]);
        let room = Room {
            fixed: 0,
            bytes: 10_000,
        };
        let plan = plan(&messages, room, |_| true);
        assert_eq!(plan.tail, 3);
        let cleared = |plan: &Plan| {
            let cleared = plan.cleared.iter();
            cleared.map(|one| one.message).collect::<Vec<_>>()
        };
        assert_eq!(cleared(&plan), [2, 4]);
        assert_eq!(oversized(&plan).len(), 1);
    }
}
