//! The conversation as the rule engine sees it: what is asked, and the steps since.

use std::collections::HashMap;

use interline_log::{AssistantContent, Message, UserBlock};
use serde_json::Value;

use super::words::{Problem, problems};

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    Fix,
    Explain,
    /// Something for a real model.
    Other,
}

/// The turn so far.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) intent: Intent,
    pub(super) scope: Scope,
    pub(super) steps: Vec<Vec<Done>>,
}

/// What is to be fixed or explained.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scope {
    /// The one file, where the request is about one.
    pub(super) path: Option<String>,
    /// The very problems, where they came with the request.
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: bool,
}

/// A call with its result.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) tool: String,
    pub(super) input: Value,
    pub(super) result: String,
    pub(super) failed: bool,
}

impl Turn {
    /// The last turn of a conversation; `None` if there is nothing to answer.
    pub(super) fn of(messages: &[Message]) -> Option<Self> {
        let start = messages
            .iter()
            .rposition(|message| request(message).is_some())?;
        let (first, rest) = messages.get(start..)?.split_first()?;
        let text = request(first)?;
        let own = without_context(&text);
        let words = own.to_lowercase();
        let intent = intent(&words);
        let all = [
            "project",
            "workspace",
            "everything",
            "everywhere",
            "all",
            "crate",
            "compile",
            "build",
        ];
        let whole = words
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| all.contains(&word));
        // What the user names goes before all else that is wrong there.
        let given = match problems(&own) {
            none if none.is_empty() => problems(&text),
            named => named,
        };
        let path = given
            .first()
            .map(|problem| problem.path.clone())
            .or_else(|| focus(messages.get(..=start)?))
            .filter(|_| !whole);
        let problems = if whole { Vec::new() } else { given };
        let warnings = words.contains("warning") || !words.contains("error");
        Some(Self {
            intent,
            scope: Scope {
                path,
                problems,
                warnings,
            },
            steps: steps(rest),
        })
    }
}

/// The text of a message that starts a turn. After a turn that was stopped it stands behind the results of its
/// calls, and so does steering; but so does what the harness tells about problems, which is no request.
fn request(message: &Message) -> Option<String> {
    let Message::User { content } = message else {
        return None;
    };
    let texts = content.iter().filter_map(|block| match block {
        UserBlock::Text { text } => Some(text.as_str()),
        UserBlock::ToolResult(_) => None,
    });
    let texts: Vec<_> = texts.collect();
    let words = without_context(&texts.join("\n"));
    let brings_results = texts.len() < content.len();
    let told = brings_results && (words.trim().is_empty() || !problems(&words).is_empty());
    (!told).then(|| texts.join("\n"))
}

fn steps(messages: &[Message]) -> Vec<Vec<Done>> {
    let mut results = HashMap::new();
    for message in messages {
        let Message::User { content } = message else {
            continue;
        };
        for block in content {
            if let UserBlock::ToolResult(result) = block {
                results.insert(result.tool_use_id.as_str(), result);
            }
        }
    }
    let calls = messages.iter().filter_map(|message| match message {
        Message::Assistant { content, .. } => Some(content),
        Message::User { .. } => None,
    });
    let done = |content: &AssistantContent| {
        let AssistantContent::ToolUse {
            id,
            name,
            arguments,
        } = content
        else {
            return None;
        };
        let result = results.get(id.as_str())?;
        Some(Done {
            tool: name.clone(),
            input: serde_json::from_str(arguments).ok()?,
            result: result.content.clone(),
            failed: result.is_error,
        })
    };
    let steps = calls.map(|blocks| {
        blocks
            .iter()
            .filter_map(|block| done(&block.content))
            .collect::<Vec<_>>()
    });
    steps.filter(|step| !step.is_empty()).collect()
}

/// The request's own words, without the tagged context that goes with it.
fn without_context(text: &str) -> String {
    let mut words = String::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let tag = line
            .trim_start()
            .strip_prefix('<')
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
        match (&open, tag) {
            (Some(end), _) => {
                if line.trim_end().ends_with(end.as_str()) {
                    open = None;
                }
            }
            (None, Some(Some(name))) if !name.is_empty() => {
                let end = format!("</{name}>");
                let closed = line.trim_end().ends_with("/>") || line.contains(&end);
                open = (!closed).then_some(end);
            }
            _ => {
                words.push_str(line);
                words.push('\n');
            }
        }
    }
    words
}

/// By the first word that says what to do.
fn intent(words: &str) -> Intent {
    let mut tokens = words
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '\''))
        .filter(|word| !word.is_empty());
    let verb = |word: &str| match word {
        "fix" | "fixes" | "repair" | "resolve" | "correct" | "mend" | "quickfix" => {
            Some(Intent::Fix)
        }
        "explain" | "why" | "describe" => Some(Intent::Explain),
        "document" | "write" | "add" | "make" | "change" | "edit" | "rename" | "refactor"
        | "simplify" | "implement" | "test" | "create" | "remove" | "delete" | "convert"
        | "replace" | "extract" | "move" | "update" | "do" => Some(Intent::Other),
        _ => None,
    };
    let first = tokens.find_map(verb).unwrap_or(Intent::Other);
    let compile = [
        "make it compile",
        "make it build",
        "make this compile",
        "make the build",
    ];
    if first == Intent::Other && compile.iter().any(|phrase| words.contains(phrase)) {
        Intent::Fix
    } else {
        first
    }
}

/// The file that the user looks at: it is told when it changes.
fn focus(messages: &[Message]) -> Option<String> {
    let texts = messages.iter().rev().filter_map(|message| match message {
        Message::User { content } => Some(content.iter().rev()),
        Message::Assistant { .. } => None,
    });
    let last = texts.flatten().find_map(|block| match block {
        UserBlock::Text { text } => text.rsplit_once("<focus"),
        UserBlock::ToolResult(_) => None,
    });
    let (_, told) = last?;
    let (path, _) = told.strip_prefix(" file=\"")?.split_once('"')?;
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(text: &str) -> Turn {
        let content = text
            .split("||")
            .map(|text| UserBlock::Text {
                text: text.to_owned(),
            })
            .collect();
        Turn::of(&[Message::User { content }]).unwrap()
    }

    #[test]
    fn the_first_verb_says_what_is_wanted() {
        let table = [
            ("Fix this", Intent::Fix),
            ("please fix the compile errors", Intent::Fix),
            ("make it compile!", Intent::Fix),
            ("Explain how to fix this", Intent::Explain),
            ("why does fix_all fail?", Intent::Explain),
            ("document fn fix", Intent::Other),
            ("add a fix for the bug", Intent::Other),
            ("make this return a Result", Intent::Other),
            ("hello", Intent::Other),
            ("", Intent::Other),
            (
                "<instructions file=\"AGENTS.md\">\nfix everything\n</instructions>\nrename it",
                Intent::Other,
            ),
            ("<focus file=\"a.rs\"/>\nfix", Intent::Fix),
        ];
        for (text, intent) in table {
            assert_eq!(turn(text).intent, intent, "{text}");
        }
    }

    #[test]
    fn a_request_after_a_stopped_turn_counts_and_news_of_problems_do_not() {
        let result = || {
            UserBlock::ToolResult(interline_log::ToolResult {
                tool_use_id: "1".to_owned(),
                content: "stopped".to_owned(),
                is_error: true,
            })
        };
        let say = |text: &str| UserBlock::Text {
            text: text.to_owned(),
        };
        let after = |text: &str| {
            let first = Message::User {
                content: vec![say("fix it")],
            };
            Turn::of(&[
                first,
                Message::User {
                    content: vec![result(), say(text)],
                },
            ])
            .unwrap()
            .intent
        };
        assert_eq!(after("document it"), Intent::Other);
        assert_eq!(after("explain it"), Intent::Explain);
        assert_eq!(
            after("new since your edit:\na.rs:1:1: error: add a semicolon"),
            Intent::Fix
        );
        assert_eq!(after("<diagnostics>\nadd\n</diagnostics>"), Intent::Fix);
    }

    #[test]
    fn the_context_narrows_the_scope_unless_the_request_is_about_everything() {
        let context = "<focus file=\"src/a.rs\" lines=\"3-3\">\n    3\tlet x\n</focus>\n<diagnostics>\nsrc/a.rs:3:5: error[E1]: bad\n</diagnostics>";
        let narrow = turn(&format!("fix this||{context}")).scope;
        assert_eq!(
            (narrow.path.as_deref(), narrow.problems.len()),
            (Some("src/a.rs"), 1)
        );
        let wide = turn(&format!("fix the compile errors||{context}")).scope;
        assert_eq!(
            wide,
            Scope {
                path: None,
                problems: vec![],
                warnings: false
            }
        );
        assert_eq!(
            turn("fix||<focus file=\"b.rs\"/>").scope.path.as_deref(),
            Some("b.rs")
        );
    }
}
