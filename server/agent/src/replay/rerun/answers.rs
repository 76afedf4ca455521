//! Where the answers of a re-run come from: the record, or a script that says what the model says instead.

use std::collections::VecDeque;

use interline_log::{AssistantBlock, AssistantContent, StopReason, Usage};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What a model says in a re-run, answer by answer, in place of what is on record. Answers alone: what went wrong on
/// the way to the model stays as it was.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
}

/// One answer, in the words of the scripted model server (`tests/model`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Step {
    think: Option<String>,
    say: Option<String>,
    calls: Vec<Call>,
    stop: Option<StopReason>,
    usage: Option<Tokens>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    tool: String,
    #[serde(default = "empty")]
    input: Value,
    #[serde(default)]
    id: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Tokens {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
}

/// An answer as the turn loop gets it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) blocks: Vec<AssistantBlock>,
    pub(super) reason: StopReason,
    pub(super) usage: Usage,
}

impl Script {
    /// Reads a script: a JSON array of answers, an object `{"steps": […]}`, or one answer a line.
    ///
    /// # Errors
    /// Which answer is wrong, and how.
    pub fn parse(text: &str) -> Result<Self, String> {
        let steps = match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(steps)) => steps,
            Ok(Value::Object(mut object)) if object.contains_key("steps") => {
                match (object.remove("steps"), object.keys().next()) {
                    (Some(Value::Array(steps)), None) => steps,
                    (_, Some(key)) => {
                        return Err(format!("replay knows no `{key}`: give `steps` alone"));
                    }
                    _ => return Err("`steps` is no array".to_owned()),
                }
            }
            Ok(single) => vec![single],
            Err(_) => {
                let lines = text.lines().filter(|line| !line.trim().is_empty());
                let parse = |(at, line)| {
                    serde_json::from_str(line)
                        .map_err(|error| format!("line {} is no json: {error}", at + 1))
                };
                lines.enumerate().map(parse).collect::<Result<_, _>>()?
            }
        };
        let step = |(at, value)| {
            serde_json::from_value(value)
                .map_err(|error| format!("answer {} of the script is wrong: {error}", at + 1))
        };
        let steps = steps.into_iter().enumerate().map(step);
        Ok(Self {
            steps: steps.collect::<Result<_, _>>()?,
        })
    }

    /// Answers that nobody has asked for yet.
    pub(super) fn left(&self) -> usize {
        self.steps.len()
    }

    /// The next answer. What the script leaves open, or says just as the record does, is the record's.
    pub(super) fn next(&mut self, recorded: Option<Answer>) -> Option<Answer> {
        let step = self.steps.pop_front()?;
        let mut recorded = recorded.unwrap_or(Answer {
            blocks: Vec::new(),
            reason: StopReason::EndTurn,
            usage: Usage::default(),
        });
        let mut blocks = Vec::new();
        let contents = step.contents(&recorded.blocks);
        for (at, content) in contents.into_iter().enumerate() {
            blocks.push(match recorded.blocks.get_mut(at) {
                Some(block) if says(&block.content, &content) => block.clone(),
                _ => AssistantBlock { content, raw: None },
            });
        }
        let by_default = if step.calls.is_empty() {
            StopReason::EndTurn
        } else {
            StopReason::ToolUse
        };
        let usage = step.usage.map(|tokens| Usage {
            input: tokens.input,
            output: tokens.output,
            cache_read: tokens.cache_read,
            cache_write: tokens.cache_write,
        });
        Some(Answer {
            blocks,
            reason: step.stop.unwrap_or(by_default),
            usage: usage.unwrap_or(recorded.usage),
        })
    }
}

impl Step {
    fn contents(&self, recorded: &[AssistantBlock]) -> Vec<AssistantContent> {
        let think = self.think.iter().cloned();
        let think = think.map(|text| AssistantContent::Thinking { text });
        let say = self.say.iter().cloned();
        let say = say.map(|text| AssistantContent::Text { text });
        let mut contents: Vec<_> = think.chain(say).collect();
        for call in &self.calls {
            let known = match recorded.get(contents.len()).map(|block| &block.content) {
                Some(AssistantContent::ToolUse { id, .. }) => Some(id.clone()),
                _ => None,
            };
            let number = contents.len();
            let fresh = || format!("call_{}_{number}", call.tool);
            let id = call.id.clone().or(known).unwrap_or_else(fresh);
            contents.push(AssistantContent::ToolUse {
                id,
                name: call.tool.clone(),
                arguments: call.input.to_string(),
            });
        }
        contents
    }
}

/// Do both say the same, whatever the white space and the order of an input's members?
fn says(recorded: &AssistantContent, scripted: &AssistantContent) -> bool {
    use AssistantContent::ToolUse;
    match (recorded, scripted) {
        (
            ToolUse {
                id,
                name,
                arguments,
            },
            ToolUse {
                id: other_id,
                name: other_name,
                arguments: other,
            },
        ) => {
            let parsed = |text: &str| match text.trim() {
                "" => Some(empty()),
                text => serde_json::from_str::<Value>(text).ok(),
            };
            id == other_id && name == other_name && parsed(arguments) == parsed(other)
        }
        _ => recorded == scripted,
    }
}

fn empty() -> Value {
    Value::Object(Map::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read_and_a_wrong_key_is_named() {
        for text in [
            r#"[{"say": "a"}, {"say": "b"}]"#,
            r#"{"steps": [{"say": "a"}, {"calls": [{"tool": "read"}]}]}"#,
            "{\"say\": \"a\"}\n\n{\"say\": \"b\", \"stop\": \"max_tokens\"}\n",
        ] {
            assert_eq!(Script::parse(text).unwrap().left(), 2, "{text}");
        }
        assert_eq!(Script::parse(r#"{"say": "a"}"#).unwrap().left(), 1);
        let error = Script::parse(r#"[{"say": "a"}, {"sya": "b"}]"#).unwrap_err();
        assert!(
            error.contains("answer 2") && error.contains("sya"),
            "{error}"
        );
        let error = Script::parse(r#"{"steps": [], "rules": []}"#).unwrap_err();
        assert!(error.contains("rules"), "{error}");
        Script::parse("{").unwrap_err();
    }

    #[test]
    fn what_is_said_as_it_was_is_the_record_s_own_block() {
        let block = AssistantBlock {
            content: AssistantContent::ToolUse {
                id: "t1".into(),
                name: "read".into(),
                arguments: "{ \"path\" :\"a\"}".into(),
            },
            raw: Some(serde_json::json!({"signature": "s"})),
        };
        let recorded = Answer {
            blocks: vec![block.clone()],
            reason: StopReason::ToolUse,
            usage: Usage::default(),
        };
        let said = |text: &str| {
            let mut script = Script::parse(text).unwrap();
            script.next(Some(recorded.clone())).unwrap()
        };
        assert_eq!(
            said(r#"{"calls": [{"tool": "read", "input": {"path": "a"}}]}"#),
            recorded
        );
        let other = said(r#"{"calls": [{"tool": "read", "input": {"path": "b"}}]}"#);
        let [other] = other.blocks.as_slice() else {
            panic!("{other:?}")
        };
        assert_eq!(other.raw, None);
        assert!(matches!(&other.content, AssistantContent::ToolUse { id, .. } if id == "t1"));
    }
}
