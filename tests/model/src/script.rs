//! The script: what the server answers, step by step or by rule. Data only; knows no wire format.

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::check::Check;

/// All that the server will say.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Consumed in order, one per request that no rule matches.
    pub steps: Vec<Step>,
    /// Looked at first, in order.
    pub rules: Vec<Rule>,
    /// Start `steps` again at their end; otherwise the server says "script is over".
    #[serde(rename = "loop")]
    pub repeat: bool,
    /// Checks that this script turns off.
    pub allow: Vec<Check>,
}

/// Steps for the requests that meet a condition. Each conversation walks the steps by itself; a fresh user text
/// starts them again, and so does their end. Where several rules match, a condition on results wins, then the text
/// that the user said last, then the first rule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// All of its fields must hold.
    pub when: When,
    /// At least one, or the rule never matches.
    pub steps: Vec<Step>,
}

/// A condition on a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// In what the user said in this turn, context and steering included.
    pub last_user_contains: Option<String>,
    /// In the tool results since the model's last word.
    pub last_result_contains: Option<String>,
}

/// One answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// What the request must hold; else it is a violation.
    pub expect: Option<Expect>,
    /// A thinking block, streamed before everything else, with a signature.
    pub think: Option<String>,
    /// The data of a redacted thinking block (Anthropic only).
    pub redacted: Option<String>,
    /// A text block.
    pub say: Option<String>,
    /// Tool calls, after the text.
    pub calls: Vec<Call>,
    /// Why the answer ends; by default `tool_use` if there are calls, else `end_turn`.
    pub stop: Option<Stop>,
    /// Reported at the end; by default a quarter of the bytes.
    pub usage: Option<Usage>,
    /// Pause before the first byte, in milliseconds.
    pub delay_ms: u64,
    /// Pause before each event after the first, in milliseconds.
    pub event_delay_ms: u64,
    /// Bytes per delta, rounded to whole characters. By default 24.
    pub delta_bytes: Option<usize>,
    /// Stream `say` (or a filler word) this many times, one delta each.
    pub deltas: Option<usize>,
    /// Bytes per socket write. By default as many as there are.
    pub split: Option<usize>,
    /// How the event stream ends its lines.
    pub newline: Newline,
    /// Open the event stream with a byte order mark.
    pub bom: bool,
    /// What goes wrong.
    pub fault: Option<Fault>,
    /// Checks that this step's request may fail (say, `prefix` after a compaction).
    pub allow: Vec<Check>,
}

/// A condition that must hold, or the request is refused.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Each somewhere in the request's texts: system, messages, tool inputs and results.
    pub contains: Vec<String>,
    /// Each in what came since the model's last word (user text or tool results).
    pub last_contains: Vec<String>,
    /// None anywhere in the request's texts.
    pub lacks: Vec<String>,
    /// Tools that must be offered.
    pub tools: Vec<String>,
}

/// A tool call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool's name.
    pub tool: String,
    /// The arguments; an object.
    #[serde(default = "empty_object")]
    pub input: Value,
    /// Sent instead of `input`, as it stands: for arguments that are no JSON or cut short.
    #[serde(default)]
    pub raw_arguments: Option<String>,
    /// By default a fresh one.
    #[serde(default)]
    pub id: Option<String>,
}

/// Why an answer ends, in Anthropic's words; the other wires get their nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the provider's")]
pub enum Stop {
    EndTurn,
    ToolUse,
    MaxTokens,
    PauseTurn,
    Refusal,
}

/// Tokens, counted as Anthropic does: `input` excludes what the cache served or stored.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "told by the names")]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cache_read: u64,
    pub cache_write: u64,
}

/// The line ends of an event stream.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "told by the names")]
pub enum Newline {
    #[default]
    Lf,
    CrLf,
    Cr,
}

/// What goes wrong with an answer. The fault uses up its step; the retry gets the next one.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "no such fault: an object with \"status\", or one of close, hang, hang_after_bytes, cut_after_bytes, \
                 no_stop, error_event, garbage_line, garbage_data, unknown_event, pings_every_ms, empty, html"
)]
pub enum Fault {
    /// An HTTP error.
    Status(StatusFault),
    /// A failure of the stream.
    Stream(StreamFault),
}

/// An HTTP error instead of a stream.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusFault {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    #[serde(default)]
    pub retry_after: Option<u64>,
    /// `x-should-retry`.
    #[serde(default)]
    pub should_retry: Option<bool>,
    /// The error's text.
    #[serde(default)]
    pub message: Option<String>,
}

/// A stream that fails, or that merely looks odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamFault {
    /// The connection closes without an answer.
    Close,
    /// Not a byte comes, until the client leaves.
    Hang,
    /// The stream stops after this many bytes of events and stays open, until the client leaves.
    HangAfterBytes(usize),
    /// The connection closes after this many bytes of events.
    CutAfterBytes(usize),
    /// The body ends properly before the events that end the message.
    NoStop,
    /// An error event in the middle ends the stream.
    ErrorEvent,
    /// A line in the middle that the event stream format ignores; the answer is good.
    GarbageLine,
    /// An event of a known type in the middle whose data is no JSON.
    GarbageData,
    /// An event of an unknown type in the middle; the answer is good.
    UnknownEvent,
    /// After the opening events nothing but keep-alives, one each so many milliseconds, until the client leaves.
    PingsEveryMs(u64),
    /// 200 with an empty body.
    Empty,
    /// 200 with a web page, as captive portals do.
    Html,
}

impl Script {
    /// Steps in order.
    pub fn of(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds steps for the requests whose latest user text contains `text`.
    pub fn rule(mut self, text: &str, steps: impl IntoIterator<Item = Step>) -> Self {
        let when = When {
            last_user_contains: Some(text.to_owned()),
            ..When::default()
        };
        self.rules.push(Rule {
            when,
            steps: steps.into_iter().collect(),
        });
        self
    }

    /// Turns a check off.
    pub fn allow(mut self, check: Check) -> Self {
        self.allow.push(check);
        self
    }

    /// Reads a script: a JSON object `{steps, rules, loop, allow}`, a JSON array of steps, or one step per line.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = || text.lines().filter(|line| !line.trim().is_empty());
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(steps)) => steps.into_iter().enumerate().map(step).collect(),
            // A single line may be a one-step script in JSON Lines; only its keys tell.
            Ok(value) if is_script(&value) => {
                serde_json::from_value(value).context("the script is wrong")
            }
            Ok(value) => std::iter::once((0, value)).map(step).collect(),
            Err(whole) if lines().count() < 2 => Err(whole).context("the script is no JSON"),
            Err(_) => lines()
                .enumerate()
                .map(|(index, line)| {
                    let value = serde_json::from_str(line)
                        .with_context(|| format!("line {} of the script is no JSON", index + 1))?;
                    step((index, value))
                })
                .collect(),
        }
    }
}

impl FromIterator<Step> for Script {
    fn from_iter<T: IntoIterator<Item = Step>>(steps: T) -> Self {
        Self::of(steps)
    }
}

fn is_script(value: &Value) -> bool {
    ["steps", "rules", "loop"]
        .iter()
        .any(|key| value.get(key).is_some())
}

fn step((index, value): (usize, Value)) -> anyhow::Result<Step> {
    serde_json::from_value(value)
        .with_context(|| format!("step {} of the script is wrong", index + 1))
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

impl Step {
    /// A text, and the turn ends.
    pub fn say(text: &str) -> Self {
        Self {
            say: Some(text.to_owned()),
            ..Self::default()
        }
    }

    /// A tool call.
    pub fn call(tool: &str, input: Value) -> Self {
        Self::default().and_call(tool, input)
    }

    /// An HTTP error.
    pub fn status(status: u16) -> Self {
        Self {
            fault: Some(Fault::Status(StatusFault {
                status,
                ..StatusFault::default()
            })),
            ..Self::default()
        }
    }

    /// The same answer with one more tool call.
    pub fn and_call(mut self, tool: &str, input: Value) -> Self {
        self.calls.push(Call {
            tool: tool.to_owned(),
            input,
            ..Call::default()
        });
        self
    }

    /// The same answer with thinking before it.
    pub fn think(self, text: &str) -> Self {
        Self {
            think: Some(text.to_owned()),
            ..self
        }
    }

    /// The same answer, gone wrong.
    pub fn fault(self, fault: StreamFault) -> Self {
        Self {
            fault: Some(Fault::Stream(fault)),
            ..self
        }
    }

    pub(crate) fn stop_reason(&self) -> Stop {
        let by_default = if self.calls.is_empty() {
            Stop::EndTurn
        } else {
            Stop::ToolUse
        };
        self.stop.unwrap_or(by_default)
    }

    /// Whether the client is expected to send this request again.
    pub(crate) fn fails(&self) -> bool {
        match &self.fault {
            None => false,
            Some(Fault::Status(_)) => true,
            Some(Fault::Stream(fault)) => {
                !matches!(fault, StreamFault::GarbageLine | StreamFault::UnknownEvent)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        let object = r#"{"steps":[{"say":"a"}],"rules":[{"when":{"last_user_contains":"x"},"steps":[{"say":"b"}]}]}"#;
        assert_eq!(Script::parse(object).unwrap().rules.len(), 1);
        assert_eq!(
            Script::parse(r#"[{"say":"a"},{"fault":"hang"}]"#)
                .unwrap()
                .steps
                .len(),
            2
        );
        assert_eq!(
            Script::parse("{\"say\":\"a\"}\n\n{\"fault\":{\"status\":429,\"retry_after\":1}}\n")
                .unwrap()
                .steps
                .len(),
            2
        );
        assert_eq!(Script::parse(r#"{"say":"a"}"#).unwrap().steps.len(), 1);
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_the_step() {
        let error = Script::parse(r#"[{"say":"a"},{"sya":"b"}]"#).unwrap_err();
        assert!(format!("{error:#}").contains("step 2"), "{error:#}");
        assert!(format!("{error:#}").contains("sya"), "{error:#}");
        let error = Script::parse(r#"[{"fault":"hagn"}]"#).unwrap_err();
        assert!(format!("{error:#}").contains("no such fault"), "{error:#}");
    }
}
