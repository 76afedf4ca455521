//! A call between its parsing and its outcome: what policy decides on, and the only way to run it.

use std::path::PathBuf;

use futures::future::BoxFuture;
use interline_log::{Access, CallId, CallStatus};
use interline_policy::{Bound, Call, Facts, Permit, Stale};
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

    /// Runs it. `policy` is what holds now ([`interline_policy::Context::policy`]). Cancelling kills what was started
    /// within 2 s.
    ///
    /// # Errors
    /// [`Stale`] where the permit is not for this call as things are now (a symlink swapped, a buffer typed into, the
    /// mode changed since): nothing was done, and it is to be prepared and decided on anew.
    pub fn run(
        self,
        permit: Permit,
        policy: String,
        call: CallId,
        environment: Environment,
        cancel: CancellationToken,
    ) -> BoxFuture<'static, Result<Output, Stale>> {
        Box::pin(async move {
            let name = self.call.tool.clone();
            if cancel.is_cancelled() {
                return Ok(output(&name, Err(Stop::Cancelled)));
            }
            let facts = match self.input.facts(&environment) {
                Ok(facts) => facts,
                Err(message) => return Ok(output(&name, Err(Stop::Failed(message)))),
            };
            let now = Call {
                bound: bound(&facts, self.call.access, &environment),
                facts,
                ..self.call
            };
            let context = Context {
                grant: permit.redeem(&now, &policy)?,
                environment,
                call,
                cancel,
            };
            Ok(output(&name, self.input.run(context).await))
        })
    }
}

/// What a decision on these facts is bound to.
pub(crate) fn bound(facts: &Facts, access: Access, environment: &Environment) -> Bound {
    let env = environment.env.iter().map(|(name, _)| name.clone());
    let documents = match access {
        Access::Propose | Access::Execute => documents(facts, environment),
        // What reads or only talks is about what stands there when it does.
        Access::Read | Access::Interact => Vec::new(),
    };
    Bound {
        documents,
        ..Bound::look(facts, environment.workspace.root(), env)
    }
}

/// The open buffers among the files of the facts: what a change would do there, or a command find, is what they say.
fn documents(facts: &Facts, environment: &Environment) -> Vec<(PathBuf, i64)> {
    let workspace = &environment.workspace;
    let open = interline_policy::named(facts, workspace.root()).filter_map(|path| {
        let document = workspace.document_at(&workspace.path_of(&path)?)?;
        Some((path, i64::from(document.version)))
    });
    open.collect()
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
