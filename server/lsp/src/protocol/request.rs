//! Requests from the server to the client: permission, saving, and questions to the editor's other language servers.

use interline_log::{CallId, PermissionAnswer, SessionId};
use lsp_types::request::Request;
use lsp_types::{Position, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lsp;

/// `interline/requestPermission`.
pub(crate) enum RequestPermission {}

impl Request for RequestPermission {
    type Params = PermissionParams;
    type Result = PermissionResult;
    const METHOD: &'static str = "interline/requestPermission";
}

/// `interline/save`.
pub(crate) enum Save {}

impl Request for Save {
    type Params = SaveParams;
    type Result = SaveResult;
    const METHOD: &'static str = "interline/save";
}

/// `interline/query`.
pub(crate) enum Query {}

impl Request for Query {
    type Params = QueryParams;
    type Result = QueryResult;
    const METHOD: &'static str = "interline/query";
}

/// What the user is asked to permit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionParams {
    /// Of this prompt, for one use.
    pub(crate) id: String,
    /// The session that asks; left out where it is the server itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
    /// The call that waits; left out with the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<CallId>,
    /// The tool's name.
    pub(crate) tool: String,
    /// One line.
    pub(crate) title: String,
    /// The command or the input in full, with nothing hidden.
    pub(crate) detail: String,
    /// What the call may do, one line each.
    pub(crate) effects: Vec<String>,
    /// Whether to warn.
    pub(crate) danger: bool,
    /// The rule that `allow_always` would keep; left out, that must not be offered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) always: Option<String>,
    /// What may be answered, in this order: `deny` first.
    pub(crate) options: Vec<PermissionOption>,
    /// Which of the prompts that wait for the user it is, from 1.
    pub(crate) position: u32,
    /// How many these are.
    pub(crate) total: u32,
}

/// One answer to a permission prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionOption {
    /// What is sent back.
    pub(crate) answer: PermissionAnswer,
    /// The words on its button.
    pub(crate) label: String,
}

/// The answer to a permission prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionResult {
    /// As asked; any other is a denial.
    pub(crate) id: String,
    /// One of the options.
    pub(crate) answer: PermissionAnswer,
}

/// Documents that the user wants saved, by an answer to a permission prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SaveParams {
    /// The documents, as the client named them.
    pub(crate) uris: Vec<String>,
}

/// What came of saving.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SaveResult {
    /// Why something was not saved; left out, everything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) problem: Option<String>,
}

/// What a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum QueryKind {
    /// Of a document, or all that are known.
    Diagnostics,
    /// Of a document, or over the workspace.
    Symbols,
    /// Of what is at a position.
    Definition,
    /// To what is at a position.
    References,
    /// About what is at a position.
    Hover,
    /// The edit that renames what is at a position.
    Rename,
    /// For a line.
    QuickFixes,
}

/// A question to the other language servers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryParams {
    /// What is asked; it decides which of the other fields are there.
    pub(crate) kind: QueryKind,
    /// The document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
    /// Where in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<lsp::Position>")]
    pub(crate) position: Option<Position>,
    /// What to search for over the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<String>,
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) new_name: Option<String>,
    /// The line, 0-based.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    /// Answer for this version of the document or a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) min_version: Option<i32>,
    /// How long to wait at most, in milliseconds.
    pub(crate) timeout_ms: u64,
}

/// What the other language servers answered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryResult {
    /// The protocol says which shape each kind has.
    pub(crate) items: Vec<Value>,
    /// Names of those who answered, comma-separated.
    pub(crate) source: String,
    /// The version of the document that the answer is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) doc_version: Option<i32>,
    /// Whether the answer is complete: false rather than a guess.
    pub(crate) settled: bool,
}
