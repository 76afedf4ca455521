//! The names of the checks, what they found, and the checks that every wire format shares.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::http::Request;

/// A rule that requests must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The path is one that the server has.
    Path,
    /// The body is JSON of the right shape.
    Body,
    /// A key is sent, the way this provider wants it.
    Auth,
    /// The other headers that the provider requires.
    Headers,
    /// An upper limit for the output is there.
    MaxTokens,
    /// The answer is to be streamed, for this server can do nothing else.
    Stream,
    /// Roles alternate, first and last are the user's.
    Roles,
    /// Content blocks are neither empty nor malformed.
    Content,
    /// Every call is answered exactly once, at once, and nothing else is.
    ToolResults,
    /// At most four cache breakpoints, on blocks that may have one.
    CacheControl,
    /// Thinking comes back with its calls, unaltered.
    Thinking,
    /// Tools are well-formed.
    Tools,
    /// Tools, system and past messages stay as they were in the conversation's last request.
    Prefix,
    /// The script's own expectation.
    Expect,
}

/// A request broke a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The request, counted from 0: an index into [`Server::requests`](crate::Server::requests).
    pub request: usize,
    /// The rule.
    pub check: Check,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "request {}: {:?}: {}",
            self.request + 1,
            self.check,
            self.message
        )
    }
}

/// What the checks of one request found.
#[derive(Default)]
pub(crate) struct Findings(pub(crate) Vec<(Check, String)>);

impl Findings {
    pub(crate) fn add(&mut self, check: Check, message: impl Into<String>) {
        self.0.push((check, message.into()));
    }

    pub(crate) fn require(&mut self, holds: bool, check: Check, message: &str) {
        if !holds {
            self.add(check, message);
        }
    }
}

pub(crate) fn bearer(request: &Request, found: &mut Findings) {
    let key = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    found.require(
        key.is_some_and(|key| !key.trim().is_empty()),
        Check::Auth,
        "no `authorization: Bearer …` header",
    );
}

pub(crate) fn positive(body: &Value, keys: &[&str], found: &mut Findings) {
    let holds = keys
        .iter()
        .any(|key| body[*key].as_u64().is_some_and(|limit| limit > 0));
    found.require(
        holds,
        Check::MaxTokens,
        &format!("`{}` must be a positive number", keys.join("` or `")),
    );
}

pub(crate) fn streams(request: &Request, body: &Value, found: &mut Findings) {
    found.require(
        body["stream"] == Value::Bool(true),
        Check::Stream,
        "`stream` must be true",
    );
    found.require(
        body["model"].as_str().is_some_and(|name| !name.is_empty()),
        Check::Body,
        "`model` is missing",
    );
    let json = request
        .header("content-type")
        .is_some_and(|value| value.starts_with("application/json"));
    found.require(
        json,
        Check::Headers,
        "`content-type` must be application/json",
    );
}

/// Names and schemas of the tools; `longest` is the provider's limit for a name, in characters.
pub(crate) fn tools<'a>(
    tools: impl Iterator<Item = (&'a Value, &'a Value)>,
    longest: usize,
    found: &mut Findings,
) {
    let mut seen = HashSet::new();
    for (name, schema) in tools {
        let Some(name) = name.as_str() else {
            found.add(Check::Tools, "a tool has no name");
            continue;
        };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > longest || !name.chars().all(good) {
            found.add(
                Check::Tools,
                format!("tool name `{name}` must be 1 to {longest} of a-z, A-Z, 0-9, _ and -"),
            );
        }
        if !seen.insert(name) {
            found.add(Check::Tools, format!("tool `{name}` is there twice"));
        }
        if schema["type"] != "object" {
            found.add(
                Check::Tools,
                format!("the schema of tool `{name}` must have type \"object\""),
            );
        }
        schema_shape(name, schema, found);
    }
}

/// `required` names known properties, and every property is itself a schema.
fn schema_shape(tool: &str, schema: &Value, found: &mut Findings) {
    let properties = schema["properties"].as_object();
    for key in schema["required"].as_array().into_iter().flatten() {
        let known = key
            .as_str()
            .is_some_and(|key| properties.is_some_and(|all| all.contains_key(key)));
        found.require(
            known,
            Check::Tools,
            &format!("tool `{tool}` requires {key}, which is no property"),
        );
    }
    for (key, value) in properties.into_iter().flatten() {
        let shaped = value.is_object() || value.is_boolean();
        found.require(
            shaped,
            Check::Tools,
            &format!("property `{key}` of tool `{tool}` is no schema"),
        );
    }
}

/// Calls and results of one exchange: each call exactly one result, no result without its call.
pub(crate) fn answered(calls: &[&str], results: &[&str], found: &mut Findings) {
    for call in calls {
        match results.iter().filter(|id| id == &call).count() {
            1 => {}
            0 => found.add(
                Check::ToolResults,
                format!("call `{call}` has no result in the message right after it"),
            ),
            many => found.add(
                Check::ToolResults,
                format!("call `{call}` has {many} results"),
            ),
        }
    }
    for result in results.iter().filter(|id| !calls.contains(id)) {
        found.add(
            Check::ToolResults,
            format!("result `{result}` answers no call of the message before it"),
        );
    }
}
