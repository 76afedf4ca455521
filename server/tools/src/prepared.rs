//! A call between its parsing and its outcome: what policy decides on, and the only way to run it.

use futures::future::BoxFuture;
use interline_log::{CallId, CallStatus};
use interline_policy::{Bound, Call, Facts, Permit};
use tokio_util::sync::CancellationToken;

use crate::tool::{Answer, Context, Runnable, Stop};
use crate::visible;
use crate::{Environment, Output, ToolInfo};

/// A call that is ready to be decided on and run.
pub struct Prepared {
    pub(crate) call: Call,
    pub(crate) info: ToolInfo,
    pub(crate) title: String,
    pub(crate) input: Box<dyn Runnable>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
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
        if let Some(detail) = self.input.detail() {
            return visible::lines(&detail);
        }
        let paths = self.call.facts.paths.iter();
        let resolved: Vec<_> = paths
            .map(|path| interline_policy::visible(&path.resolved.to_string_lossy()))
            .collect();
        if resolved.is_empty() {
            interline_policy::visible(&self.call.input)
        } else {
            resolved.join("\n")
        }
    }

    /// Runs it. A permit for another call runs nothing and fails; so does a target that has changed since the
    /// decision (a symlink swapped in between). Cancelling kills what was started within 2 s.
    #[must_use]
    pub fn run(
        self,
        permit: Permit,
        call: CallId,
        environment: Environment,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Output> {
        Box::pin(async move {
            let name = self.call.tool.clone();
            let done = self.run_checked(permit, call, environment, cancel).await;
            output(&name, done)
        })
    }

    async fn run_checked(
        self,
        permit: Permit,
        call: CallId,
        environment: Environment,
        cancel: CancellationToken,
    ) -> Result<Answer, Stop> {
        if !permit.covers(&self.call) {
            return Err(Stop::Failed("no permit for this call".to_owned()));
        }
        if cancel.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        let facts = self.input.facts(&environment)?;
        let now = Call {
            bound: bound(&facts, &environment),
            facts,
            ..self.call
        };
        let grant = permit
            .redeem(&now)
            .map_err(|stale| Stop::Failed(stale.to_string()))?;
        let context = Context {
            environment,
            grant,
            call,
            cancel,
        };
        self.input.run(context).await
    }
}

/// What a decision on these facts is bound to.
pub(crate) fn bound(facts: &Facts, environment: &Environment) -> Bound {
    let env = environment.env.iter().map(|(name, _)| name.clone());
    Bound::look(facts, environment.workspace.root(), env)
}

fn output(tool: &str, done: Result<Answer, Stop>) -> Output {
    match done {
        Ok(answer) => Output {
            status: answer.status,
            content: answer.content,
            summary: visible::line(&answer.summary, 200),
            events: answer.events,
        },
        Err(Stop::Failed(message)) => {
            let summary = format!("{tool}: {}", visible::line(&message, 120));
            Output::failed(message, summary)
        }
        Err(Stop::Cancelled) => Output {
            status: CallStatus::Cancelled,
            content: "cancelled by the user".to_owned(),
            summary: format!("{tool}: cancelled"),
            events: Vec::new(),
        },
    }
}
