//! `shell`: one command, run in the real folder after approval.

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shell {
    command: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u32>,
}

impl Tool for Shell {
    const NAME: &'static str = "shell";
    const DESCRIPTION: &'static str = "Run a command in the workspace's root; bash, no terminal, no input. It sees the \
        files on disk, not unsaved text or pending hunks: check changes with diagnostics. The user may be asked, so keep it \
        one plain command; use read, grep, glob and edit for files. Time-out 120 s, at most 600.";
    const ACCESS: Access = Access::Execute;
    const RETRY: RetryClass = RetryClass::Opaque;

    fn title(&self) -> String {
        format!("running {}", self.command)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        Ok(interline_policy::analyse_shell(
            &self.command,
            environment.workspace.root(),
        ))
    }

    fn detail(&self) -> Option<String> {
        Some(self.command.clone())
    }

    async fn run(self, _: Context) -> Result<Answer, Stop> {
        Err(Stop::Failed("shell can't run yet".to_owned()))
    }
}
