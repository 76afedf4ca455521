//! The tool registry and the executors. The only crate that starts processes.
//!
//! A call goes: [`Registry::prepare`] (parse the input, make the facts) → `policy::decide` → [`Prepared::run`] with
//! the permit. Nothing here asks the user or decides.

use std::sync::Arc;

use futures::future::BoxFuture;
use interline_log::{
    Access, CallId, CallStatus, EventData, RetryClass, SessionId, Tier, ToolDefinition, TurnId,
};
use interline_policy::{Call, Permit};
use interline_workspace::Workspace;
use interline_workspace::editor::Editor;
use tokio_util::sync::CancellationToken;

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
    /// A folder of ours for this session (the checker's copy of the workspace, build caches).
    pub scratch: std::path::PathBuf,
    /// The user's environment, as read at start; children get an allow-listed part of it.
    pub env: Arc<Vec<(String, String)>>,
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

/// All tools, in the order in which models are shown them.
#[derive(Clone, Debug)]
pub struct Registry {
    tools: Arc<[ToolInfo]>,
}

impl Registry {
    /// The built-in tools.
    #[must_use]
    pub fn built_in() -> Self {
        todo!()
    }

    /// In order.
    #[must_use]
    pub fn tools(&self) -> &[ToolInfo] {
        &self.tools
    }

    /// Parses a call and makes its facts. The error is for the model: unknown tool, or what is wrong with the input.
    pub fn prepare(
        &self,
        name: &str,
        arguments: &str,
        environment: &Environment,
    ) -> Result<Prepared, String> {
        let _ = (name, arguments, environment);
        todo!()
    }
}

/// A call that is ready to be decided on and run.
pub struct Prepared {
    call: Call,
    info: ToolInfo,
    title: String,
}

impl Prepared {
    /// For `policy::decide`.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The tool.
    #[must_use]
    pub fn info(&self) -> &ToolInfo {
        &self.info
    }

    /// One line for people, such as `reading src/main.rs`.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The whole command or target for a prompt, control characters made visible.
    #[must_use]
    pub fn detail(&self) -> String {
        todo!()
    }

    /// Runs it. A permit for another call runs nothing and fails. Cancelling kills what was started within 2 s.
    #[must_use]
    pub fn run(
        self,
        permit: Permit,
        call: CallId,
        environment: Environment,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Output> {
        let _ = (permit, call, environment, cancel);
        todo!()
    }
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
