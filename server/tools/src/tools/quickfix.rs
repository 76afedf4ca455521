//! `quickfix`: the fixes that are known for a line, and applying one as hunks.

use std::num::NonZeroU32;

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quickfix {
    path: String,
    line: NonZeroU32,
    /// Number of the fix to propose; leave out to list them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apply: Option<NonZeroU32>,
}

impl Tool for Quickfix {
    const NAME: &'static str = "quickfix";
    const DESCRIPTION: &'static str = "List the ready-made fixes of language servers and compilers for a line, or propose \
        one. Numbers are those of diagnostics.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        match self.apply {
            Some(_) => format!("applying a quick fix at {}:{}", self.path, self.line),
            None => format!("quick fixes at {}:{}", self.path, self.line),
        }
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        let using = if self.apply.is_some() {
            Use::Write
        } else {
            Use::Read
        };
        paths::facts(environment, &[(&self.path, using)])
    }

    async fn run(self, _: Context) -> Result<Answer, Stop> {
        Err(Stop::Failed("there are no quick fixes yet".to_owned()))
    }
}
