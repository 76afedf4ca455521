//! The tool registry and the executors. The only crate that starts processes.
//!
//! A call goes: [`Registry::prepare`] (parse the input, make the facts) → `policy::decide` → [`Prepared::run`] with
//! the permit. Nothing here asks for permission or decides, and no file of the workspace is written: edits become
//! hunks (`tools/edit.rs` and its neighbours), checkers work on a copy (`checker/`). Only `shell` reaches the real
//! folder, once the user has approved the exact command.

mod apply;
mod checker;
mod count;
mod diagnosis;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hook;
mod line_map;
mod memory;
mod obeyed;
mod parses;
mod paths;
mod prepared;
mod process;
mod redaction;
mod registry;
pub mod sandbox;
mod schema;
mod shaded;
mod shown;
#[cfg(test)]
mod testing;
mod tool;
mod tools;
mod verdict;
mod visible;
mod visited;

use std::sync::Arc;

use interline_log::{
    Access, CallStatus, EventData, RetryClass, SessionId, Tier, ToolDefinition, TurnId,
};
use interline_workspace::Workspace;
use interline_workspace::editor::Editor;

pub use hook::{Hook, Question, REPO_HOOKS, consult};
pub use memory::Memory;
pub use obeyed::obeyed;
pub use prepared::Prepared;
pub use registry::Registry;
pub use shaded::Confinement;
pub use verdict::{Before, Findings, Verdict, landed, verdict};

/// What a call works on.
#[derive(Clone)]
pub struct Environment {
    /// The workspace.
    pub workspace: Arc<Workspace>,
    /// The editor.
    pub editor: Arc<dyn Editor>,
    /// The session.
    pub session: SessionId,
    /// The turn.
    pub turn: TurnId,
    /// The user trusts the folder: its own checker may run.
    pub trusted: bool,
    /// The sandbox, where one works: what policy allows there runs there and nowhere else.
    pub confinement: Option<Confinement>,
    /// A folder of ours for this session (the checker's copy of the workspace, build caches).
    pub scratch: std::path::PathBuf,
    /// The user's environment, as read at start; children get an allow-listed part of it.
    pub env: Arc<Vec<(String, String)>>,
    /// What the tools remember of this session; a new session starts with the default.
    pub memory: Arc<Memory>,
}

/// A tool of the registry.
#[derive(Clone, Debug)]
pub struct ToolInfo {
    /// What the model is shown.
    pub definition: ToolDefinition,
    /// Where it comes from.
    pub tier: Tier,
    /// What it may do.
    pub access: Access,
    /// What a resumed session does with it.
    pub retry: RetryClass,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct Output {
    /// How it ended.
    pub status: CallStatus,
    /// What the model is told.
    pub content: String,
    /// One line for people.
    pub summary: String,
    /// Events that it made (`edit.proposed`, `todo.set`), to be logged before its outcome.
    pub events: Vec<EventData>,
}

impl Output {
    /// Of a call that did nothing: why, for the model, and one line for people.
    #[must_use]
    pub fn failed(content: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            status: CallStatus::Failed,
            content: content.into(),
            summary: summary.into(),
            events: Vec::new(),
        }
    }
}
