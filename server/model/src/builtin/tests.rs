//! The rule engine against scripted tools.

use futures::{FutureExt, StreamExt};
use interline_log::{Message, SessionId, ToolDefinition, ToolResult, UserBlock, Wire};
use serde_json::json;

use super::*;

/// A conversation that goes on as the tools answer.
struct Talk {
    request: Request,
    client: Builtin,
}

impl Talk {
    fn new(text: &str) -> Self {
        let tool = |name: &str| ToolDefinition {
            name: name.to_owned(),
            description: String::new(),
            input_schema: json!({}),
        };
        let request = Request {
            tools: ["diagnostics", "quickfix", "hover"].map(tool).into(),
            system: String::new(),
            messages: vec![Message::User {
                content: vec![UserBlock::Text {
                    text: text.to_owned(),
                }],
            }],
            max_output: None,
            session: SessionId::new(),
        };
        Self {
            request,
            client: Builtin::new(ModelSpec::builtin()),
        }
    }

    /// The blocks of the next answer, through the same bytes as in the real thing.
    fn step(&mut self) -> Vec<AssistantContent> {
        let body = self.client.encode(&self.request).unwrap();
        let events: Vec<_> = self
            .client
            .send(body)
            .map(Result::unwrap)
            .collect()
            .now_or_never()
            .unwrap();
        assert!(matches!(events.last(), Some(ModelEvent::Stopped { .. })));
        let blocks = events.into_iter().filter_map(|event| match event {
            ModelEvent::Block(block) => Some(block),
            _ => None,
        });
        let content: Vec<_> = blocks.collect();
        self.request.messages.push(Message::Assistant {
            wire: Wire::Builtin,
            content: content.clone(),
        });
        content.into_iter().map(|block| block.content).collect()
    }

    /// Lets it work until it answers; `tools` maps a call to its result. Gives the calls and the answer.
    fn run(
        mut self,
        mut tools: impl FnMut(&str) -> Result<String, String>,
    ) -> (Vec<String>, String) {
        let mut calls = Vec::new();
        for _ in 0..100 {
            let mut results = Vec::new();
            for block in self.step() {
                let (id, call) = match block {
                    AssistantContent::Text { text } => return (calls, text),
                    AssistantContent::ToolUse {
                        id,
                        name,
                        arguments,
                    } => (id, format!("{name} {arguments}")),
                    other => panic!("{other:?}"),
                };
                let result = tools(&call);
                let is_error = result.is_err();
                let content = result.unwrap_or_else(|error| error);
                results.push(UserBlock::ToolResult(ToolResult {
                    tool_use_id: id,
                    content,
                    is_error,
                }));
                calls.push(call);
            }
            self.request
                .messages
                .push(Message::User { content: results });
        }
        panic!("it never answers: {calls:#?}");
    }
}

/// Answers the n-th check with the n-th text, and stays with the last.
fn checks<'a>(texts: &'a [&'a str]) -> impl FnMut(&str) -> Option<String> + 'a {
    let mut texts = texts.iter();
    let mut last = "";
    move |call| {
        call.starts_with("diagnostics").then(|| {
            last = texts.next().copied().unwrap_or(last);
            last.to_owned()
        })
    }
}

#[test]
fn fixes_what_is_safe_one_at_a_time_and_says_what_is_left() {
    let mut check = checks(&[
        "src/a.rs:2:9: warning[unused_mut]: variable does not need to be mutable\n  fix 1: remove this `mut` (machine-applicable)\n\
         src/a.rs:7:5: error[E0308]: mismatched types\n  fix 1: no\n  fix 2: consider borrowing here\n\
         src/b.rs:1:1: error[E0433]: unknown name\n  fix 1: import it\nchecked by cargo check (settled)",
        "src/a.rs:2:9: warning[unused_mut]: variable does not need to be mutable\n  fix 1: remove this `mut` (machine-applicable)\n\
         src/a.rs:7:5: error[E0382]: use of moved value: `x`\n\
         src/b.rs:1:1: error[E0433]: unknown name\n  fix 1: import it\nchecked by cargo check (settled)",
        "src/a.rs:7:5: error[E0382]: use of moved value: `x`\n\
         src/b.rs:1:1: error[E0433]: unknown name\n  fix 1: import it\nchecked by cargo check (settled)",
    ]);
    let (calls, answer) = Talk::new("fix everything").run(|call| {
        Ok(check(call).unwrap_or_else(|| match call {
            r#"quickfix {"path":"src/a.rs","line":2}"# => {
                "1: remove this `mut` (machine-applicable)".to_owned()
            }
            r#"quickfix {"path":"src/a.rs","line":7}"# => {
                "1: no\n2: consider borrowing here (preferred)".to_owned()
            }
            r#"quickfix {"path":"src/b.rs","line":1}"# => "1: import it".to_owned(),
            r#"quickfix {"path":"src/a.rs","line":7,"apply":2}"# => {
                "proposed: consider borrowing here\n@@ 7".to_owned()
            }
            r#"quickfix {"path":"src/a.rs","line":2,"apply":1}"# => {
                "proposed: remove this `mut`\n@@ 2".to_owned()
            }
            other => panic!("{other}"),
        }))
    });
    assert_eq!(
        calls,
        [
            "diagnostics {}",
            r#"quickfix {"path":"src/a.rs","line":2}"#,
            r#"quickfix {"path":"src/a.rs","line":7}"#,
            r#"quickfix {"path":"src/b.rs","line":1}"#,
            r#"quickfix {"path":"src/a.rs","line":7,"apply":2}"#,
            "diagnostics {}",
            r#"quickfix {"path":"src/a.rs","line":2}"#,
            r#"quickfix {"path":"src/b.rs","line":1}"#,
            r#"quickfix {"path":"src/a.rs","line":2,"apply":1}"#,
            "diagnostics {}",
            r#"quickfix {"path":"src/b.rs","line":1}"#,
        ]
    );
    let expected = format!(
        "Proposed, for you to review:\n- `src/a.rs:7` consider borrowing here\n- `src/a.rs:2` remove this `mut`\n\n\
         cargo check still finds 2 problems now.\n\nLeft as they are:\n\
         - `src/a.rs:7` error[E0382]: use of moved value: `x`: no fix is on offer\n\
         - `src/b.rs:1` error[E0433]: unknown name: not sure to be right, so yours to choose: “import it”\n\n{}",
        answer::HOW
    );
    assert_eq!(answer, expected);
}

#[test]
fn many_problems_of_one_kind_are_all_fixed() {
    let mut left = 10;
    let (calls, answer) = Talk::new("fix the errors").run(|call| {
        if call.starts_with("diagnostics") {
            let lines: String = (1..=left)
                .map(|line| format!("a.rs:{line}:1: error[E0308]: mismatched types\n  fix 1: f\n"))
                .collect();
            let none = if left == 0 { "no problems\n" } else { "" };
            return Ok(format!("{lines}{none}checked by rustc (settled)"));
        }
        if call.contains("apply") {
            left -= 1;
            return Ok("proposed: f".to_owned());
        }
        Ok("1: f (machine-applicable)".to_owned())
    });
    assert_eq!(
        calls.iter().filter(|call| call.contains("apply")).count(),
        10
    );
    assert!(
        answer.ends_with("With that rustc finds no problems."),
        "{answer}"
    );
}

#[test]
fn after_a_fix_that_fails_the_next_is_tried() {
    let mut check = checks(&[
        "a.rs:1:1: error: e\n  fix 1: f\na.rs:2:1: error: g\n  fix 1: h\nchecked by rustc (settled)",
        "a.rs:1:1: error: e\n  fix 1: f\nchecked by rustc (settled)",
    ]);
    let (calls, answer) = Talk::new("fix it").run(|call| match check(call) {
        Some(check) => Ok(check),
        None if call.contains("apply") && call.contains("\"line\":1") => Err("no".to_owned()),
        None if call.contains("apply") => Ok("proposed: h".to_owned()),
        None => Ok("1: f (preferred)".to_owned()),
    });
    assert_eq!(
        calls
            .iter()
            .filter(|call| call.contains("\"line\":1,\"apply\""))
            .count(),
        2,
        "{calls:#?}"
    );
    assert!(
        answer.contains("- `a.rs:2` h\n")
            && answer.contains("Could not be applied:\n- `a.rs:1` no\n\n"),
        "{answer}"
    );
}

#[test]
fn a_clean_end_is_short() {
    let mut check = checks(&[
        "a.rs:1:1: error: e\n  fix 1: f\nchecked by rustc (settled)",
        "no problems\nchecked by rustc (settled)",
    ]);
    let (_, answer) = Talk::new("fix it").run(|call| {
        Ok(check(call).unwrap_or_else(|| {
            if call.contains("apply") {
                "proposed: f".to_owned()
            } else {
                "1: f (preferred)".to_owned()
            }
        }))
    });
    assert_eq!(
        answer,
        "Proposed, for you to review:\n- `a.rs:1` f\n\nWith that rustc finds no problems."
    );
}

#[test]
fn a_fix_that_does_not_help_is_not_tried_for_ever() {
    let mut check = checks(&["a.rs:1:1: error: e\n  fix 1: f\nchecked by rustc (settled)"]);
    let (calls, answer) = Talk::new("fix it").run(|call| {
        Ok(check(call).unwrap_or_else(|| {
            if call.contains("apply") {
                "proposed: f".to_owned()
            } else {
                "1: f (preferred)".to_owned()
            }
        }))
    });
    assert_eq!(
        calls.iter().filter(|call| call.contains("apply")).count(),
        2
    );
    assert!(answer.contains("its fix did not help"), "{answer}");
}

#[test]
fn new_errors_without_end_are_given_up() {
    let mut round = 0;
    let (calls, _) = Talk::new("fix it").run(|call| {
        if call.starts_with("diagnostics") {
            round += 1;
            return Ok(format!(
                "a.rs:{round}:1: error: e{round}\n  fix 1: f\nchecked by rustc (settled)"
            ));
        }
        Ok(if call.contains("apply") {
            "proposed: f".to_owned()
        } else {
            "1: f (preferred)".to_owned()
        })
    });
    assert_eq!(
        calls.iter().filter(|call| call.contains("apply")).count(),
        24
    );
}

#[test]
fn a_refused_fix_is_told() {
    let mut check = checks(&["a.rs:1:1: error: e\n  fix 1: f\nchecked by rustc (settled)"]);
    let (calls, answer) = Talk::new("fix it").run(|call| match check(call) {
        Some(check) => Ok(check),
        None if call.contains("apply") => Err("the file changed".to_owned()),
        None => Ok("1: f (preferred)".to_owned()),
    });
    assert_eq!(calls.len(), 3);
    assert!(
        answer.starts_with("Could not be applied:\n- `a.rs:1` the file changed\n"),
        "{answer}"
    );
}

#[test]
fn only_what_was_asked_for_is_fixed_and_what_that_uncovers() {
    let mut check = checks(&[
        "a.rs:3:1: error: asked\n  fix 1: f\na.rs:9:1: error: not asked\n  fix 1: g\nchecked by rustc (settled)",
        "a.rs:4:1: error: uncovered\n  fix 1: h\na.rs:9:1: error: not asked\n  fix 1: g\nchecked by rustc (settled)",
        "a.rs:9:1: error: not asked\n  fix 1: g\nchecked by rustc (settled)",
    ]);
    let request = "Fix this.\n<diagnostics>\na.rs:3:1: error: asked\n</diagnostics>\n";
    let (calls, answer) = Talk::new(request).run(|call| {
        Ok(check(call).unwrap_or_else(|| {
            if call.contains("apply") {
                "proposed: f".to_owned()
            } else {
                "1: f (preferred)".to_owned()
            }
        }))
    });
    assert_eq!(
        calls.first().map(String::as_str),
        Some(r#"diagnostics {"path":"a.rs"}"#)
    );
    assert!(
        !calls.iter().any(|call| call.contains("\"line\":9")),
        "{calls:#?}"
    );
    assert!(
        calls.iter().any(|call| call.contains("\"line\":4")),
        "{calls:#?}"
    );
    assert!(
        answer
            .ends_with("rustc finds nothing more of what you asked for now, and 1 other problem."),
        "{answer}"
    );
}

#[test]
fn what_cannot_be_checked_is_said() {
    let (_, answer) =
        Talk::new("fix").run(|_| Ok("not checked: the folder is not trusted".to_owned()));
    assert!(
        answer.starts_with("Not checked: the folder is not trusted.\n"),
        "{answer}"
    );
    let (_, answer) = Talk::new("fix").run(|_| Err("no checker. install one".to_owned()));
    assert!(
        answer.starts_with("Not checked: no checker. install one.\n"),
        "{answer}"
    );
}

#[test]
fn explains_with_what_the_tools_know() {
    let request = "Explain this.\n<diagnostics>\na.rs:3:1: error[E0382]: use of moved value: `x`\n</diagnostics>";
    let (calls, answer) = Talk::new(request).run(|call| {
        Ok(if call.starts_with("hover") {
            "let x: String"
        } else {
            "a.rs:3:1: error[E0382]: use of moved value: `x`\nchecked by rustc (settled)"
        }
        .to_owned())
    });
    assert_eq!(
        calls,
        [
            r#"diagnostics {"path":"a.rs"}"#,
            r#"hover {"path":"a.rs","line":3,"symbol":"x"}"#
        ]
    );
    assert!(
        answer.contains("use of moved value") && answer.contains("let x: String"),
        "{answer}"
    );
    assert!(
        answer.contains("`rustc --explain E0382`") && answer.contains("ANTHROPIC_API_KEY"),
        "{answer}"
    );
}

#[test]
fn what_needs_a_model_is_refused_at_once_and_honestly() {
    for request in [
        "document this function",
        "what does this do?",
        "explain the architecture",
    ] {
        let (calls, answer) = Talk::new(request).run(|call| panic!("{call}"));
        assert_eq!((calls.len(), answer), (0, answer::cannot()));
    }
}

#[test]
fn the_second_turn_starts_anew() {
    let mut talk = Talk::new("document this");
    talk.step();
    talk.request.messages.push(Message::User {
        content: vec![UserBlock::Text {
            text: "then fix it".to_owned(),
        }],
    });
    assert!(
        matches!(talk.step().as_slice(), [AssistantContent::ToolUse { name, .. }] if name == "diagnostics")
    );
}
