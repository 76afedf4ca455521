//! `diagnostics`: what is wrong, from the editor's servers or the project's own checker.

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diagnostics {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Tool for Diagnostics {
    const NAME: &'static str = "diagnostics";
    const DESCRIPTION: &'static str = "Errors and warnings of a file, or of the whole project, with your pending hunks in \
        place: use it after edits to verify them. From the editor's language servers, else the project's own checker (cargo \
        check, tsc, ruff, pyright). Lines `fix N: TITLE` are fixes that quickfix applies.";
    const ACCESS: Access = Access::Read;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        match &self.path {
            Some(path) => format!("checking {path}"),
            None => "checking the project".to_owned(),
        }
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        let path = self.path.as_deref().unwrap_or(".");
        paths::facts(environment, &[(path, Use::Read)])
    }

    async fn run(self, _: Context) -> Result<Answer, Stop> {
        Ok(Answer::new("not checked: no checker yet", "not checked"))
    }
}
