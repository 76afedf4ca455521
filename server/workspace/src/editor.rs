//! The port to whatever the user works in: an LSP editor, a terminal, or a test.
//!
//! The agent knows its editor only by this trait. `lsp` implements it over the protocol, the command line on a
//! terminal, tests in memory. No method blocks; those that answer return futures, and dropping one withdraws it.

use futures::future::BoxFuture;
use interline_log::{
    CallId, CallStatus, EditVerdict, Mode, PermissionAnswer, SessionId, TurnId, TurnOutcome, Usage,
};
use serde::{Deserialize, Serialize};

use crate::document::{Position, Range};
use crate::path::WorkspacePath;
use crate::proposal::Landing;

/// What the agent asks of the editor.
pub trait Editor: Send + Sync {
    /// What this editor can do.
    fn abilities(&self) -> Abilities;

    /// Lands a change in an open buffer (or, where it says so in its abilities, in closed files). `Ok` means only that
    /// the editor claims to have applied it: the caller confirms against the mirror.
    fn apply(&self, landing: Landing) -> BoxFuture<'static, Result<(), EditorError>>;

    /// Asks for permission. Dismissal, time-out and every doubt are `Deny`.
    fn permission(&self, prompt: PermissionPrompt) -> BoxFuture<'static, PermissionReply>;

    /// Saves these documents, named as the editor names them. `Ok` means only that it claims to have saved them.
    fn save(&self, documents: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>>;

    /// Asks a question of the model's; `None` when the user gives no answer.
    fn question(&self, question: Question) -> BoxFuture<'static, Option<String>>;

    /// Asks the editor's other language servers.
    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>>;

    /// Where the user is now, from memory; `None`: this editor doesn't say.
    fn situation(&self) -> Option<Situation> {
        None
    }

    /// Shows what happens, live. Never blocks; may coalesce.
    fn show(&self, session: SessionId, display: Display);
}

/// Where the user is, and what is wrong there.
#[derive(Clone, Debug, Default)]
pub struct Focus {
    /// The file.
    pub path: Option<WorkspacePath>,
    /// What is selected, or what the request is about.
    pub selection: Option<Range>,
    /// Where the caret is, where nothing is selected.
    pub cursor: Option<Position>,
    /// What can be seen of the file.
    pub visible: Vec<Range>,
    /// What is wrong in the file, or what the request is about.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where the user is, and whether anything has changed since an earlier look.
#[derive(Clone, Debug, Default)]
pub struct Situation {
    /// `None`: in no file of this workspace.
    pub focus: Option<Focus>,
    /// Grows whenever the focus, a buffer, a save or a diagnostic has changed.
    pub changes: u64,
}

/// What an editor can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// It can ask its other language servers.
    pub query: bool,
    /// It can save documents.
    pub save: bool,
    /// Nobody is there to answer: what would ask is denied.
    pub headless: bool,
}

/// Why the editor did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditorError {
    /// It said no, or did nothing.
    #[error("the editor refused: {0}")]
    Refused(String),
    /// This editor can't.
    #[error("{0}")]
    Unsupported(String),
    /// No answer in time, or the connection is gone.
    #[error("the editor did not answer: {0}")]
    Gone(String),
}

/// A permission prompt. All texts are plain, control characters already made visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionPrompt {
    /// The session that asks.
    pub session: SessionId,
    /// The call that it is for.
    pub call: CallId,
    /// The tool.
    pub tool: String,
    /// One line: what would happen.
    pub title: String,
    /// The whole command or target, never cut.
    pub detail: String,
    /// What it would do, resolved, in words; one a line.
    pub effects: Vec<String>,
    /// It can destroy or send something: no default button.
    pub danger: bool,
    /// The rule that "always allow" would write; `None`: not offered.
    pub always: Option<String>,
    /// What may be answered, `Deny` first. Anything else is a denial.
    pub options: Vec<PermissionAnswer>,
}

/// What came of a permission prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionReply {
    /// The answer.
    pub answer: PermissionAnswer,
    /// Who gave it: `user`, or why there is none.
    pub by: String,
}

impl PermissionReply {
    /// The user's own answer.
    #[must_use]
    pub fn user(answer: PermissionAnswer) -> Self {
        Self {
            answer,
            by: "user".to_owned(),
        }
    }

    /// No answer that counts, and why.
    #[must_use]
    pub fn none(why: impl Into<String>) -> Self {
        Self {
            answer: PermissionAnswer::Deny,
            by: why.into(),
        }
    }
}

/// A question of the model's to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The session that asks.
    pub session: SessionId,
    /// The question.
    pub text: String,
    /// Answers to choose from; empty: free text.
    pub options: Vec<String>,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// An error.
    Error,
    /// A warning.
    Warning,
    /// Information.
    Info,
    /// A hint.
    Hint,
}

/// One diagnostic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file.
    pub path: WorkspacePath,
    /// Where.
    pub range: Range,
    /// How bad.
    pub severity: Severity,
    /// Such as `E0308`.
    pub code: Option<String>,
    /// Who says so, such as `rustc`.
    pub source: Option<String>,
    /// What is wrong.
    pub message: String,
    /// Fixes that are known with it.
    pub fixes: Vec<Fix>,
}

/// A ready-made fix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does.
    pub title: String,
    /// The tool that offers it says that it can be applied without a look.
    pub machine_applicable: bool,
    /// Its edits, by file; positions in the text that was checked.
    pub edits: Vec<(WorkspacePath, Vec<crate::proposal::RangeEdit>)>,
    /// What it does with whole files, once the edits are done; in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileChange>,
    /// Why it can't be proposed: it would do more than edits of the workspace's files can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What a fix does with a whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum FileChange {
    /// A new file, where none is.
    Create {
        /// Which.
        path: WorkspacePath,
        /// All of it.
        text: String,
    },
    /// Another path for a file.
    Move {
        /// The old one.
        from: WorkspacePath,
        /// The new one.
        to: WorkspacePath,
    },
    /// It goes.
    Delete {
        /// Which.
        path: WorkspacePath,
    },
}

/// A place in a file with the line's text where known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file; a text since it may be outside of the workspace.
    pub path: String,
    /// Where.
    pub range: Range,
}

/// A symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Such as `function`.
    pub kind: String,
    /// What it is inside of.
    pub container: Option<String>,
    /// Where.
    pub location: Location,
}

/// A question to the editor's other language servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Diagnostics of a file, or of all.
    Diagnostics {
        /// `None`: all.
        path: Option<WorkspacePath>,
    },
    /// Symbols of a file, or of the workspace by name.
    Symbols {
        /// A part of the name.
        query: Option<String>,
        /// One file.
        path: Option<WorkspacePath>,
    },
    /// Where a symbol is defined.
    Definition(SymbolAt),
    /// Where it is used.
    References(SymbolAt),
    /// What is known of it.
    Hover(SymbolAt),
    /// The edits of a rename.
    Rename(SymbolAt, String),
    /// Quick fixes at a line.
    QuickFixes {
        /// The file.
        path: WorkspacePath,
        /// 0-based.
        line: u32,
    },
}

/// A symbol at a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolAt {
    /// The file.
    pub path: WorkspacePath,
    /// The place of the symbol's first character.
    pub position: crate::document::Position,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// The items.
    pub items: QueryItems,
    /// Who answered, such as `rust-analyzer`.
    pub source: String,
    /// False: the answer may be older than the last change.
    pub settled: bool,
}

/// The items of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryItems {
    /// Diagnostics.
    Diagnostics(Vec<Diagnostic>),
    /// Symbols.
    Symbols(Vec<Symbol>),
    /// Definitions or references.
    Locations(Vec<Location>),
    /// Plain text or Markdown.
    Hover(String),
    /// Quick fixes, or the one edit of a rename.
    Fixes(Vec<Fix>),
}

/// What the user is shown while the agent works.
#[derive(Clone, Debug, PartialEq)]
pub enum Display {
    /// A turn began.
    TurnStarted {
        /// The turn.
        turn: TurnId,
        /// A few words.
        title: String,
    },
    /// A piece of the answer. Coalesced by the frontier.
    Text {
        /// The turn.
        turn: TurnId,
        /// Markdown.
        delta: String,
    },
    /// What the agent does now, one line: progress.
    Activity {
        /// The turn.
        turn: TurnId,
        /// Such as `reading src/main.rs`.
        text: String,
    },
    /// A tool call began.
    CallStarted {
        /// The turn.
        turn: TurnId,
        /// The call.
        call: CallId,
        /// The tool.
        tool: String,
        /// One line.
        title: String,
    },
    /// A tool call came to its end.
    CallEnded {
        /// The turn.
        turn: TurnId,
        /// The call.
        call: CallId,
        /// How.
        status: CallStatus,
        /// One line.
        summary: String,
    },
    /// Pending hunks changed (also by typing): look at the proposals.
    HunksChanged,
    /// What the turn's edits do to the project's diagnostics.
    Checked {
        /// The turn.
        turn: TurnId,
        /// In numbers.
        verdict: EditVerdict,
    },
    /// Nothing could say what the turn's edits do to the project's diagnostics.
    NotChecked {
        /// The turn.
        turn: TurnId,
        /// Why.
        reason: String,
    },
    /// Tokens and cost of the turn so far.
    Spent {
        /// The turn.
        turn: TurnId,
        /// Tokens.
        usage: Usage,
        /// In millionths of a US dollar, where the price is known.
        cost_micro_usd: Option<u64>,
        /// Of the whole session, likewise.
        session_micro_usd: Option<u64>,
    },
    /// Something to know that ends nothing.
    Notice {
        /// Plain text.
        text: String,
        /// True: something is wrong.
        warning: bool,
    },
    /// Model or mode changed.
    Configured {
        /// Name of the model.
        model: String,
        /// The mode.
        mode: Mode,
    },
    /// The turn came to its end.
    TurnEnded {
        /// The turn.
        turn: TurnId,
        /// How.
        outcome: TurnOutcome,
    },
}
