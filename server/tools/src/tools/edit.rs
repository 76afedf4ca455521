//! `edit`: search-and-replace that becomes hunks. All of a call's edits land in the proposal, or none.

use std::num::NonZeroU32;

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::proposal::{Proposed, Replacement};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::parses;
use crate::paths::{self, Use};
use crate::redaction::keeps_secrets;
use crate::shown::{self, Known};
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    path: String,
    edits: Vec<Replace>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Replace {
    /// Exact text, with enough lines around it to be unique.
    old: String,
    new: String,
    /// How often `old` must match (1); all are replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<NonZeroU32>,
}

impl Tool for Edit {
    const NAME: &'static str = "edit";
    const DESCRIPTION: &'static str = "Propose changes to a file: each `old` is replaced by `new`, in order. `old` must \
        match exactly `count` times, else nothing changes and the error shows the nearest lines. Keep each edit small: the \
        user reviews them one by one. Later reads show the file with your changes.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        format!("editing {}", self.path)
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
            let before = workspace.proposed_text(*session, &path)?;
            let shown = &memory.shown;
            let known = shown.knows(&path, &before);
            shown.may_edit(
                &path,
                known,
                self.edits.iter().map(|edit| edit.old.as_str()),
            )?;
            for edit in &self.edits {
                keeps_secrets(&before, &edit.new)?;
            }
            let replacements = self.edits.into_iter().map(Replacement::from).collect();
            let outcome =
                parses::propose(&environment, origin, &path, Proposed::Replace(replacements))?;
            let mut content = outcome.summary;
            if matches!(known, Known::Changed(_)) {
                content.push_str("\nnote: the text has changed since you read it: read it again before further edits");
            }
            let mut events = outcome.events;
            events.extend(shown::after_change(
                &environment,
                &path,
                known.once_edited(),
            ));
            let hunks = counted(outcome.hunks.len(), "hunk", "hunks");
            let summary = format!("proposed {hunks} in {path}");
            Ok(Answer::new(content, summary).with_events(events))
        };
        context.propose(propose).await
    }
}

impl From<Replace> for Replacement {
    fn from(edit: Replace) -> Self {
        Self {
            old: edit.old,
            new: edit.new,
            count: edit.count.map_or(1, NonZeroU32::get),
        }
    }
}
