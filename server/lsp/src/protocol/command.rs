//! The commands of `workspace/executeCommand`: names, arguments, results.
//!
//! Arguments refuse unknown fields: a misspelt `range` would otherwise edit the whole document.

use interline_log::{HunkId, Mode, SessionId, TurnId};
use lsp_types::{Diagnostic, Range, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HunksChanged, lsp};

macro_rules! commands {
    ($($name:ident = $text:literal)*) => {
        $(#[doc = concat!("The command `", $text, "`.")] pub(crate) const $name: &str = $text;)*

        /// Every command, in the order of the document.
        pub(crate) const COMMANDS: [&str; 19] = [$($name),*];
    };
}

commands! {
    EDIT = "interline.edit"
    FIX = "interline.fix"
    EXPLAIN = "interline.explain"
    PROMPT = "interline.prompt"
    ACCEPT = "interline.accept"
    REJECT = "interline.reject"
    REVISE = "interline.revise"
    CANCEL = "interline.cancel"
    UNDO = "interline.undo"
    COMPACT = "interline.compact"
    MODE = "interline.mode"
    MODEL = "interline.model"
    TRUST = "interline.trust"
    SESSIONS = "interline.sessions"
    RESUME = "interline.resume"
    TRANSCRIPT = "interline.transcript"
    HUNKS = "interline.hunks"
    DIFF = "interline.diff"
    COMPLETE = "interline.complete"
}

/// Argument of `interline.edit`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EditArgs {
    /// What to do.
    pub(crate) instruction: String,
    /// The document; the one that the user looks at where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
    /// The range. Where left out, the selection if `uri` is too, else the whole document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<lsp::Range>")]
    pub(crate) range: Option<Range>,
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.fix`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FixArgs {
    /// The document; the one that the user looks at where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
    /// Where. Left out, the selection if `uri` is too, else the whole document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<lsp::Range>")]
    pub(crate) range: Option<Range>,
    /// The diagnostics; else those known in the range, else those of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<lsp::Diagnostic>>")]
    pub(crate) diagnostics: Option<Vec<Diagnostic>>,
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.explain`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExplainArgs {
    /// The document; the one that the user looks at where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
    /// Where. Left out, the selection if `uri` is too, else the whole document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<lsp::Range>")]
    pub(crate) range: Option<Range>,
    /// The diagnostics; else those known in the range, else those of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<lsp::Diagnostic>>")]
    pub(crate) diagnostics: Option<Vec<Diagnostic>>,
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.prompt`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PromptArgs {
    /// The request.
    pub(crate) text: String,
    /// The document that it is about; the one that the user looks at where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
    /// The range that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<lsp::Range>")]
    pub(crate) range: Option<Range>,
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.accept` and `interline.reject`: the first field that is given says which pending hunks; none:
/// all of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HunkSelection {
    /// This hunk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hunk: Option<HunkId>,
    /// Those of this document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
    /// Those of this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.revise`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReviseArgs {
    /// The hunk to do again.
    pub(crate) hunk: HunkId,
    /// What is wrong with it.
    pub(crate) text: String,
}

/// Argument of `interline.cancel`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CancelArgs {
    /// The session; all of them where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.compact`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CompactArgs {
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.undo`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct UndoArgs {
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
    /// The turn; the last one that landed hunks where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<TurnId>,
}

/// Argument of `interline.mode`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ModeArgs {
    /// How far the agent goes without asking.
    pub(crate) mode: Mode,
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.model`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ModelArgs {
    /// Name of the model; left out to ask for the names only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.trust`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TrustArgs {
    /// What to set; left out to ask only. True is confirmed by a prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trusted: Option<bool>,
    /// A document of the folder; the folder of the last request where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
}

/// Argument of `interline.sessions`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SessionsArgs {}

/// Argument of `interline.resume`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResumeArgs {
    /// The session to open again.
    pub(crate) session: SessionId,
}

/// Argument of `interline.transcript`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TranscriptArgs {
    /// The session; the current one where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.hunks`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HunksArgs {
    /// The document; all where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
}

/// Argument of `interline.diff`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DiffArgs {
    /// The document; all where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) uri: Option<Uri>,
    /// The session; all of them where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
}

/// Argument of `interline.complete`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CompleteArgs {
    /// What is typed of the mention, without the `@`.
    pub(crate) begun: String,
}

/// What every command answers.
#[derive(Clone, Debug, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Started {
    /// The session that the command went to; null where none is concerned.
    pub(crate) session: Option<SessionId>,
    /// The turn that it started or steered; null where there is none.
    pub(crate) turn: Option<TurnId>,
}

/// Result of `interline.model`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelResult {
    /// What every command answers.
    #[serde(flatten)]
    pub(crate) started: Started,
    /// The model in use from now on.
    pub(crate) model: String,
    /// The names that can be set.
    pub(crate) models: Vec<String>,
}

/// Result of `interline.trust`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrustResult {
    /// What every command answers.
    #[serde(flatten)]
    pub(crate) started: Started,
    /// Whether the folder is trusted now.
    pub(crate) trusted: bool,
}

/// Result of `interline.sessions`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionsResult {
    /// What every command answers.
    #[serde(flatten)]
    pub(crate) started: Started,
    /// Newest first.
    pub(crate) sessions: Vec<SessionInfo>,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionInfo {
    /// Its id.
    pub(crate) id: SessionId,
    /// A few words of its first request; may be empty.
    pub(crate) title: String,
    /// When something last happened in it, in milliseconds since the Unix epoch.
    pub(crate) updated: u64,
    /// How many turns it has.
    pub(crate) turns: u64,
    /// Whether this server has it open.
    pub(crate) open: bool,
    /// What it asks permission for; left out where it waits for none. `interline.resume` asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<String>,
}

/// Result of `interline.transcript`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TranscriptResult {
    /// What every command answers.
    #[serde(flatten)]
    pub(crate) started: Started,
    /// Where the transcript can be read again.
    #[schemars(with = "String")]
    pub(crate) uri: Uri,
    /// Markdown.
    pub(crate) text: String,
}

/// Result of `interline.hunks`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HunksResult {
    /// What every command answers.
    #[serde(flatten)]
    pub(crate) started: Started,
    /// Documents that have pending hunks.
    pub(crate) documents: Vec<HunksChanged>,
}

/// Result of `interline.diff`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiffResult {
    /// What every command answers.
    #[serde(flatten)]
    pub(crate) started: Started,
    /// The files that the proposal changes.
    pub(crate) files: Vec<DiffFile>,
}

/// One file of the proposal, texts whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiffFile {
    /// The file.
    #[schemars(with = "String")]
    pub(crate) uri: Uri,
    /// Its path in the workspace.
    pub(crate) path: String,
    /// The text as it is; empty where the proposal creates the file.
    pub(crate) before: String,
    /// The text as proposed; empty where the proposal deletes the file.
    pub(crate) after: String,
}

/// Result of `interline.complete`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompleteResult {
    /// What every command answers.
    #[serde(flatten)]
    pub(crate) started: Started,
    /// At most 50, best first.
    pub(crate) items: Vec<MentionItem>,
}

/// What a mention can become.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MentionItem {
    /// The whole mention, without the `@`; of a folder with a `/` at its end.
    pub(crate) text: String,
    /// What it is, in a few words.
    pub(crate) detail: String,
}
