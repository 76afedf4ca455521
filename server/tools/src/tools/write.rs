//! `write`: a new file, or a small one whole.

use interline_log::{Access, Extent, RetryClass};
use interline_policy::Facts;
use interline_workspace::proposal::Proposed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::parses;
use crate::paths::{self, Use};
use crate::redaction::keeps_secrets;
use crate::shown::{self, Known};
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    path: String,
    content: String,
}

impl Tool for Write {
    const NAME: &'static str = "write";
    const DESCRIPTION: &'static str = "Propose a new file, or the whole new text of a small one that you have read. \
        Prefer edit for files that exist.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        format!("writing {}", self.path)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        paths::facts(environment, &[(&self.path, Use::Write)])
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
            let path = paths::parse(workspace, &self.path)?;
            // Text that can't be read (missing, binary) is `propose`'s to judge.
            if let Ok(before) = workspace.proposed_text(*session, &path) {
                may_replace(memory.shown.knows(&path, &before), &before)?;
                keeps_secrets(&before, &self.content)?;
            }
            let outcome =
                parses::propose(&environment, origin, &path, Proposed::Write(self.content))?;
            let mut events = outcome.events;
            let whole = Known::Current(Extent::Whole);
            events.extend(shown::after_change(&environment, &path, whole));
            let summary = format!("proposed {path}, whole");
            Ok(Answer::new(outcome.summary, summary).with_events(events))
        };
        context.propose(propose).await
    }
}

/// A whole text is replaced only by who has seen it.
fn may_replace(known: Known, before: &str) -> Result<(), Stop> {
    let problem = match known {
        Known::Unread if !before.is_empty() => "the file exists and you have not read it",
        Known::Current(Extent::Part | Extent::Lines) => "you have read only a part of the file",
        Known::Changed(_) => "the text has changed since you read it",
        Known::Current(Extent::Whole) | Known::Unread => return Ok(()),
    };
    Err(Stop::Failed(format!(
        "{problem}: read it first, then use edit, or write again"
    )))
}
