//! What a built-in tool is, and what it runs in.

use std::future::Future;

use futures::future::BoxFuture;
use interline_log::{Access, CallId, CallStatus, EventData, RetryClass};
use interline_policy::{Facts, Grant};
use interline_workspace::proposal::{Origin, ProposalError};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::Environment;

/// A tool: the type is its input, the methods are what it does with it.
pub(crate) trait Tool:
    DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static
{
    /// As the model calls it.
    const NAME: &'static str;
    /// What the model is told of it. Every byte is paid for in each session.
    const DESCRIPTION: &'static str;
    const ACCESS: Access;
    const RETRY: RetryClass;

    /// One line for people. May hold anything that the model wrote: the caller makes it visible.
    fn title(&self) -> String;

    /// What the call would touch. Made twice, before the decision and right before it runs.
    fn facts(&self, environment: &Environment) -> Result<Facts, String>;

    /// The whole of it for a prompt; `None`: the paths of the facts say it.
    fn detail(&self) -> Option<String> {
        None
    }

    fn run(self, context: Context) -> impl Future<Output = Result<Answer, Stop>> + Send;
}

/// What a call runs in.
pub(crate) struct Context {
    pub(crate) environment: Environment,
    pub(crate) grant: Grant,
    pub(crate) call: CallId,
    pub(crate) cancel: CancellationToken,
}

impl Context {
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            session: self.environment.session,
            turn: self.environment.turn,
            call: self.call,
        }
    }

    /// [`unless_cancelled`] of this call.
    pub(crate) async fn unless_cancelled<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        unless_cancelled(&self.cancel, work).await
    }

    /// [`look`] of this call.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
    ) -> Result<T, Stop> {
        look(&self.cancel, work).await
    }

    /// Runs what changes the proposal, to its end: hunks that nobody has recorded must not stay behind.
    pub(crate) async fn propose(
        &self,
        work: impl FnOnce() -> Result<Answer, Stop> + Send + 'static,
    ) -> Result<Answer, Stop> {
        blocking(work).await
    }
}

/// Waits for something that may be dropped at any moment; the user's cancelling drops it.
pub(crate) async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, Stop> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Stop::Cancelled),
        done = work => Ok(done),
    }
}

/// Runs what only looks, where it holds nobody up. After a cancel it may go on, but nobody listens.
pub(crate) async fn look<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    unless_cancelled(cancel, blocking(work)).await?
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Stop::Failed(format!("the tool broke down: {error}"))))
}

/// What a tool has to say.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: CallStatus,
    /// For the model.
    pub(crate) content: String,
    /// For people.
    pub(crate) summary: String,
    pub(crate) events: Vec<EventData>,
}

impl Answer {
    pub(crate) fn new(content: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            status: CallStatus::Succeeded,
            content: content.into(),
            summary: summary.into(),
            events: Vec::new(),
        }
    }

    pub(crate) fn with_events(mut self, events: Vec<EventData>) -> Self {
        self.events = events;
        self
    }
}

/// Why a tool gave no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// For the model: what went wrong and what to do.
    Failed(String),
    Cancelled,
}

impl From<ProposalError> for Stop {
    fn from(error: ProposalError) -> Self {
        Self::Failed(error.0)
    }
}

impl From<String> for Stop {
    fn from(error: String) -> Self {
        Self::Failed(error)
    }
}

/// A parsed call, its type forgotten.
pub(crate) trait Runnable: Send + Sync {
    fn facts(&self, environment: &Environment) -> Result<Facts, String>;
    fn detail(&self) -> Option<String>;
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Answer, Stop>>;
}

impl<T: Tool> Runnable for T {
    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        Tool::facts(self, environment)
    }

    fn detail(&self) -> Option<String> {
        Tool::detail(self)
    }

    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Answer, Stop>> {
        Box::pin(Tool::run(*self, context))
    }
}
