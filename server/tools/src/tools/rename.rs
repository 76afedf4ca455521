//! `rename`: a symbol everywhere, by the editor's language servers, as hunks.

use std::num::NonZeroU32;

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::editor::{Query, QueryItems};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::apply;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};
use crate::tools::language::{Named, answered_by, query};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    path: String,
    line: NonZeroU32,
    symbol: String,
    new_name: String,
}

impl Tool for Rename {
    const NAME: &'static str = "rename";
    const DESCRIPTION: &'static str = "Propose to rename a symbol that stands in a line, everywhere in the workspace, by \
        the editor's language servers.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        format!("renaming {} to {}", self.symbol, self.new_name)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        paths::facts(environment, &[(&self.path, Use::Write)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let named = Named::find(&context, &self.path, self.line, &self.symbol).await?;
        let asked = Query::Rename(named.at, self.new_name.clone());
        let answer = query(&context, asked).await?;
        let by = answered_by(&answer);
        let QueryItems::Fixes(fixes) = answer.items else {
            return Err(Stop::Failed(
                "the editor gave an answer of another kind: use grep and edit instead".to_owned(),
            ));
        };
        let done = format!(
            "{}proposed: {} → {}; {by}",
            named.note, self.symbol, self.new_name
        );
        let (environment, origin) = (context.environment.clone(), context.origin());
        let propose = move || {
            let mut fixes = fixes;
            for fix in &mut fixes {
                fix.edits = apply::to_session(&environment, &fix.edits)?;
            }
            apply::propose(&environment, origin, &fixes, &done, Vec::new())
        };
        context.propose(propose).await
    }
}
