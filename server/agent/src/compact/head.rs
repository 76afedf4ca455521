//! The message that stands for what was said: instructions, summary, state, and the request word for word.
//!
//! The summary and the state are marked as context, so that nothing in them is taken for a request.

use std::collections::HashMap;
use std::fmt::Write as _;

use interline_log::{LoadedFile, Message, SummaryBy, UserBlock};
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;

use super::record::Record;
use crate::instructions::{self, Instructions};

const WHAT_IT_IS: &str = "\
The conversation up to here was shortened to fit your context. This is what happened in it. It is context, not a request: \
what was asked in it is done, dropped or below. What files and tools said is not here any more: read again what you need.";

/// What happened, and by whom it is told.
pub(crate) struct Summary {
    pub(crate) text: String,
    pub(crate) by: SummaryBy,
}

/// The blocks of the first message, and the instruction files among them.
pub(crate) struct Head {
    pub(crate) texts: Vec<String>,
    pub(crate) files: Vec<LoadedFile>,
}

/// Makes the head of a conversation that goes on with `tail`.
pub(crate) fn head(
    instructions: Vec<Instructions>,
    summary: &Summary,
    state: &str,
    record: &Record,
    tail: &[Message],
) -> Head {
    let mut head = Head {
        texts: Vec::new(),
        files: Vec::new(),
    };
    let mut text = String::new();
    for one in instructions {
        let quoted = quoted(&one);
        head.files.push(one.file);
        if !texts(tail).any(|text| text.contains(quoted.as_str())) {
            text.push_str(&quoted);
        }
    }
    head.texts.push(text);
    // A line that closes the block would end it for who reads by lines.
    let told = summary.text.trim().replace("</summary>", "(/summary)");
    head.texts
        .push(format!("<summary>\n{WHAT_IT_IS}\n\n{told}\n</summary>\n"));
    let (follows, request) = request(record, tail);
    let state = state.replace("</state>", "(/state)");
    head.texts
        .push(format!("<state>\n{state}{follows}\n</state>\n"));
    head.texts.extend(request);
    head.texts.retain(|text| !text.is_empty());
    head
}

/// The request and what was added to it, where the tail does not have it; and a word on where it stands.
fn request(record: &Record, tail: &[Message]) -> (&'static str, Vec<String>) {
    let Some((text, context, steering)) = record.request() else {
        return (
            "No request is being worked on: wait for the next one.",
            Vec::new(),
        );
    };
    let is_there = |text: &str| texts(tail).any(|there| there == text);
    let mut missing = Vec::new();
    if !is_there(text) {
        missing.push(text.to_owned());
        missing.push(without_instructions(context));
    }
    let added = steering.iter().filter(|text| !is_there(text));
    missing.extend(added.cloned());
    let follows = match (missing.is_empty(), steering.is_empty()) {
        (true, _) => "The request that is being worked on stands in the conversation below.",
        (false, true) => "The request that is being worked on follows, word for word.",
        (false, false) => {
            "The request that is being worked on follows word for word, then what the user added since, in order; \
             of both, what does not stand further below."
        }
    };
    (follows, missing)
}

/// The instruction files that the session was told of, as they are now, nearest first.
pub(crate) fn reload(workspace: &Workspace, known: &HashMap<String, String>) -> Vec<Instructions> {
    let mut paths: Vec<_> = known
        .keys()
        .filter_map(|path| WorkspacePath::new(path).ok())
        .collect();
    let depth = |path: &WorkspacePath| path.as_str().matches('/').count();
    paths.sort_by(|a, b| {
        depth(b)
            .cmp(&depth(a))
            .then_with(|| a.as_str().cmp(b.as_str()))
    });
    instructions::read(workspace, paths)
}

/// As the context of a request quotes it.
fn quoted(Instructions { file, text }: &Instructions) -> String {
    format!(
        "<instructions file=\"{}\">\n{}\n</instructions>\n",
        file.path,
        text.trim_end()
    )
}

/// A context without the instructions, which are told anew.
pub(super) fn without_instructions(context: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in context.lines() {
        inside |= line.starts_with("<instructions file=");
        if !inside {
            // Writing into a String fails never.
            let _ = writeln!(out, "{line}");
        }
        inside &= line != "</instructions>";
    }
    out
}

fn texts(messages: &[Message]) -> impl Iterator<Item = &str> {
    let blocks = messages.iter().flat_map(|message| match message {
        Message::User { content } => content.as_slice(),
        Message::Assistant { .. } => &[],
    });
    blocks.filter_map(|block| match block {
        UserBlock::Text { text } => Some(text.as_str()),
        UserBlock::ToolResult(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use interline_log::{Actor, Event, EventData, EventId, SessionId};

    use super::*;

    fn record(data: Vec<EventData>) -> Record {
        let event = |data| Event {
            version: 1,
            seq: 0,
            id: EventId::new(),
            ts: 0,
            session: SessionId::new(),
            turn: None,
            call: None,
            causes: Vec::new(),
            actor: Actor::User,
            data,
        };
        Record::of(&data.into_iter().map(event).collect::<Vec<_>>())
    }

    fn asked() -> Vec<EventData> {
        vec![
            EventData::InputUser {
                title: String::new(),
                text: "fix it\n".to_owned(),
                context: "<instructions file=\"AGENTS.md\">\nold rules\n</instructions>\n<focus file=\"a.rs\"/>\n".to_owned(),
            },
            EventData::InputSteer {
                text: "and that".to_owned(),
            },
        ]
    }

    fn rules() -> Vec<Instructions> {
        let file = LoadedFile {
            path: "AGENTS.md".to_owned(),
            sha256: "0".repeat(64),
        };
        let text = "new rules\n".to_owned();
        vec![Instructions { file, text }]
    }

    fn made(record: &Record, tail: &[Message]) -> Head {
        let summary = Summary {
            text: "all went well\n</summary>".to_owned(),
            by: SummaryBy::Model,
        };
        head(rules(), &summary, "Mode: default.\n", record, tail)
    }

    #[test]
    fn the_request_and_what_was_added_come_word_for_word_after_what_is_context() {
        let head = made(&record(asked()), &[]);
        assert_eq!(
            head.texts[0],
            "<instructions file=\"AGENTS.md\">\nnew rules\n</instructions>\n"
        );
        assert!(
            head.texts[1].starts_with("<summary>\n")
                && head.texts[1].ends_with("well\n(/summary)\n</summary>\n")
        );
        assert!(head.texts[2].ends_with("of both, what does not stand further below.\n</state>\n"));
        assert_eq!(
            head.texts[3..],
            ["fix it\n", "<focus file=\"a.rs\"/>\n", "and that"]
        );
        assert_eq!(head.files.len(), 1);
    }

    #[test]
    fn what_stands_in_the_tail_is_not_told_twice() {
        let text = |text: &str| UserBlock::Text {
            text: text.to_owned(),
        };
        let rules = "<instructions file=\"AGENTS.md\">\nnew rules\n</instructions>\n<focus file=\"a.rs\"/>\n";
        let tail = [Message::User {
            content: vec![text("fix it\n"), text(rules)],
        }];
        let head = made(&record(asked()), &tail);
        assert!(head.texts[0].starts_with("<summary>"), "{:?}", head.texts);
        assert_eq!(head.texts[2..], ["and that"]);
        assert_eq!(head.files.len(), 1);
    }

    #[test]
    fn a_request_that_is_over_is_not_put_again() {
        let mut log = asked();
        log.push(EventData::TurnEnded {
            outcome: interline_log::TurnOutcome::Done,
        });
        let head = made(&record(log), &[]);
        assert_eq!(head.texts.len(), 3);
        assert!(
            head.texts[2].contains("No request is being worked on"),
            "{:?}",
            head.texts
        );
    }

    #[test]
    fn instructions_are_told_as_they_are_now() {
        let root = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(root.path().join("AGENTS.md"), "as they are now").unwrap();
        let workspace = Workspace::open(root.path()).unwrap();
        let known = ["AGENTS.md", "gone/AGENTS.md"].map(|path| (path.to_owned(), "0".to_owned()));
        let loaded = reload(&workspace, &known.into());
        let texts: Vec<_> = loaded.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["as they are now"]);
    }
}
