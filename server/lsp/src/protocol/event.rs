//! Notifications: what happens in a session, to the client; what the editor sees, to the server.

use interline_log::{CallId, CallStatus, HunkId, Mode, SessionId, TurnId, Usage};
use lsp_types::notification::Notification;
use lsp_types::{Diagnostic, Range, Uri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lsp;

/// `interline/event`.
pub(crate) enum EventNotification {}

impl Notification for EventNotification {
    type Params = EventParams;
    const METHOD: &'static str = "interline/event";
}

/// `interline/didChangeDiagnostics`.
pub(crate) enum DidChangeDiagnostics {}

impl Notification for DidChangeDiagnostics {
    type Params = DiagnosticsParams;
    const METHOD: &'static str = "interline/didChangeDiagnostics";
}

/// `interline/didChangeFocus`.
pub(crate) enum DidChangeFocus {}

impl Notification for DidChangeFocus {
    type Params = FocusParams;
    const METHOD: &'static str = "interline/didChangeFocus";
}

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventParams {
    /// The session; left out of a notice that belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<SessionId>,
    /// What happened.
    pub(crate) event: SessionEvent,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum SessionEvent {
    /// A turn began.
    TurnStarted {
        /// The turn.
        turn: TurnId,
        /// A few words of the request.
        title: String,
    },
    /// The model says more, at most about 20 times a second.
    Text {
        /// The turn.
        turn: TurnId,
        /// What comes after what it said so far.
        delta: String,
    },
    /// What the agent is at.
    Activity {
        /// The turn.
        turn: TurnId,
        /// One line.
        text: String,
    },
    /// A tool runs.
    CallStarted {
        /// The turn.
        turn: TurnId,
        /// The call.
        call: CallId,
        /// The tool's name.
        tool: String,
        /// One line.
        title: String,
    },
    /// A tool is done.
    CallEnded {
        /// The turn.
        turn: TurnId,
        /// The call.
        call: CallId,
        /// How it ended.
        status: CallStatus,
        /// One line.
        summary: String,
    },
    /// What the turn's edits do to the project's diagnostics, beside the text before them.
    Checked {
        /// The turn.
        turn: TurnId,
        /// Who checked, such as `cargo check`.
        by: String,
        /// Errors and warnings that are gone.
        cleared: u32,
        /// Errors that were not there before.
        new_errors: u32,
        /// Warnings that were not there before.
        new_warnings: u32,
        /// Errors that are there as before.
        left: u32,
        /// All that in words, one line.
        summary: String,
    },
    /// Nothing could say what the turn's edits do to the project's diagnostics.
    NotChecked {
        /// The turn.
        turn: TurnId,
        /// Why, one line.
        reason: String,
    },
    /// Pending hunks changed.
    HunksChanged {
        /// All documents that changed.
        documents: Vec<HunksChanged>,
    },
    /// Tokens were spent.
    Spent {
        /// The turn.
        turn: TurnId,
        /// By the turn so far.
        usage: Usage,
        /// In US dollars, where the prices are known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost_usd: Option<f64>,
        /// The whole session's, likewise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session_cost_usd: Option<f64>,
    },
    /// Something that the user should know.
    Notice {
        /// For the user.
        text: String,
        /// Whether something is wrong.
        warning: bool,
    },
    /// The model asks, and waits: the next `interline.prompt` to the session is the answer.
    Question {
        /// For the user.
        text: String,
    },
    /// What is in use from now on; first sent after `initialized`.
    Configured {
        /// Name of the model.
        model: String,
        /// The mode.
        mode: Mode,
    },
    /// A turn ended.
    TurnEnded {
        /// The turn.
        turn: TurnId,
        /// How.
        outcome: Outcome,
        /// For the user, with what to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Outcome {
    /// The agent gave its answer.
    Done,
    /// A limit stopped it; it can go on.
    Stopped,
    /// It could not go on.
    Failed,
    /// The user stopped it.
    Cancelled,
}

/// The pending hunks of a document, all of them; none clears it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HunksChanged {
    /// The document.
    #[schemars(with = "String")]
    pub(crate) uri: Uri,
    /// The version that the lines are of; left out where the document is not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i32>,
    /// In the order of their lines.
    pub(crate) hunks: Vec<HunkInfo>,
}

/// A pending hunk, in 0-based lines of the document as it is at the version it comes with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HunkInfo {
    /// Its id.
    pub(crate) id: HunkId,
    /// The session that proposed it.
    pub(crate) session: SessionId,
    /// What it does.
    pub(crate) kind: HunkKind,
    /// Where it stands.
    pub(crate) state: HunkState,
    /// Its first line.
    pub(crate) start_line: u32,
    /// How many lines it replaces; 0 is an insertion before `startLine`.
    pub(crate) line_count: u32,
    /// The lines that it replaces, without their line breaks. Of a binary file, and of a mode, one line for people.
    pub(crate) old_lines: Vec<String>,
    /// The lines that it puts there, without line breaks.
    pub(crate) new_lines: Vec<String>,
    /// The new path in the workspace, of a move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    /// What is known of it; left out where nobody has tried to check it, and where it is not pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<HunkVerdict>,
}

/// What is known of a hunk, for the text as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HunkVerdict {
    /// In a word.
    pub(crate) state: VerdictState,
    /// One line to show, such as `clears E0308, no new problems, checked by cargo check`.
    pub(crate) text: String,
}

/// What is known of a hunk, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum VerdictState {
    /// It is being checked.
    Checking,
    /// It was checked, with the other hunks of its turn, and makes no new errors.
    Checked,
    /// It makes new errors, or its file does not parse with it.
    Worse,
    /// Nothing could check it.
    NotChecked,
    /// What is known is of before the last change of a hunk or of a text.
    Outdated,
}

/// What a hunk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum HunkKind {
    /// Replaces lines.
    Text,
    /// Makes the file.
    Create,
    /// Deletes the file.
    Delete,
    /// Moves the file.
    Move,
    /// Makes, replaces or deletes a file that is no text. Its lines are one that tells of the file, on either side; none
    /// where there is no file.
    Binary,
    /// Makes the file executable, or takes that away. Its lines are one on either side.
    Mode,
}

/// Where a hunk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum HunkState {
    /// Waits for the user.
    Pending,
    /// The user changed its lines.
    Conflict,
    /// The editor was asked to apply it.
    Applying,
}

/// What the other servers say of a document now. Interline's own are left out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DiagnosticsParams {
    /// The document.
    #[schemars(with = "String")]
    pub(crate) uri: Uri,
    /// The version that they are of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i32>,
    /// All of them.
    #[schemars(with = "Vec<lsp::Diagnostic>")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Where the user is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FocusParams {
    /// The document.
    #[schemars(with = "String")]
    pub(crate) uri: Uri,
    /// The main one first.
    #[schemars(with = "Vec<lsp::Range>")]
    pub(crate) selections: Vec<Range>,
    /// What can be seen of it.
    #[schemars(with = "Vec<lsp::Range>")]
    pub(crate) visible_ranges: Vec<Range>,
}
