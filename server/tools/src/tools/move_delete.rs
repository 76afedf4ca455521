//! `move` and `delete`: whole files, as hunks.

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::proposal::Proposed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::paths::{self, Use};
use crate::shown;
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    from: String,
    to: String,
}

impl Tool for Move {
    const NAME: &'static str = "move";
    const DESCRIPTION: &'static str =
        "Propose that a file gets another path. It does not change who refers to it.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        format!("moving {} to {}", self.from, self.to)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        let touched = [(self.from.as_str(), Use::Write), (&self.to, Use::Write)];
        paths::facts(environment, &touched)
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let environment = context.environment.clone();
        let origin = context.origin();
        let propose = move || {
            let Environment {
                workspace,
                session,
                memory,
                ..
            } = &environment;
            let from = paths::parse(workspace, &self.from)?;
            let to = paths::parse(workspace, &self.to)?;
            let before = workspace.proposed_text(*session, &from);
            let known = memory
                .shown
                .knows(&from, before.as_deref().unwrap_or_default());
            let outcome = workspace.propose(origin, &from, Proposed::Move(to.clone()))?;
            let mut events = vec![outcome.event];
            events.extend(shown::after_change(&environment, &to, known));
            let summary = format!("proposed to move {from} to {to}");
            Ok(Answer::new(outcome.summary, summary).with_events(events))
        };
        context.propose(propose).await
    }
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delete {
    path: String,
}

impl Tool for Delete {
    const NAME: &'static str = "delete";
    const DESCRIPTION: &'static str = "Propose to delete a file.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        format!("deleting {}", self.path)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        paths::facts(environment, &[(&self.path, Use::Write)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let environment = context.environment.clone();
        let origin = context.origin();
        let propose = move || {
            let path = paths::parse(&environment.workspace, &self.path)?;
            let outcome = environment
                .workspace
                .propose(origin, &path, Proposed::Delete)?;
            let summary = format!("proposed to delete {path}");
            Ok(Answer::new(outcome.summary, summary).with_events(vec![outcome.event]))
        };
        context.propose(propose).await
    }
}
