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
