//! `list`: one folder.

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};

/// Entries of one answer.
const ENTRIES: usize = 500;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl List {
    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(".")
    }
}

impl Tool for List {
    const NAME: &'static str = "list";
    const DESCRIPTION: &'static str = "List one folder (the root when no path is given), a path a line; folders end \
        with `/`. Ignored files are left out.";
    const ACCESS: Access = Access::Read;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        format!("listing {}", self.path())
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        paths::facts(environment, &[(self.path(), Use::Read)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let environment = context.environment.clone();
        context.look(move || self.list(&environment)).await
    }
}

impl List {
    fn list(&self, environment: &Environment) -> Result<Answer, Stop> {
        let path = paths::parse(&environment.workspace, self.path())?;
        let entries = environment.workspace.list(environment.session, &path)?;
        let count = counted(entries.len(), "entry", "entries");
        let summary = format!("listed {} ({count})", self.path());
        if entries.is_empty() {
            return Ok(Answer::new("(the folder is empty)", summary));
        }
        let mut content = String::new();
        for entry in entries.iter().take(ENTRIES) {
            content.push_str(entry.path.as_str());
            content.push_str(if entry.folder { "/\n" } else { "\n" });
        }
        if let Some(more @ 1..) = entries.len().checked_sub(ENTRIES) {
            content.push_str(&format!("(and {more} more: use glob)\n"));
        }
        Ok(Answer::new(content, summary))
    }
}
