//! `glob`: files by name.

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};

/// Files of one answer.
const FILES: usize = 200;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Glob {
    pattern: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Glob {
    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(".")
    }
}

impl Tool for Glob {
    const NAME: &'static str = "glob";
    const DESCRIPTION: &'static str = "Find files by name below a folder, sorted by path, with a pattern such as \
        `**/*.rs` or `src/{a,b}*.ts`. Ignored files are left out.";
    const ACCESS: Access = Access::Read;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        format!("finding {}", self.pattern)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        paths::facts(environment, &[(self.path(), Use::Read)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let environment = context.environment.clone();
        context.look(move || self.find(&environment)).await
    }
}

impl Glob {
    fn find(&self, environment: &Environment) -> Result<Answer, Stop> {
        let path = paths::parse(&environment.workspace, self.path())?;
        let (files, more) =
            environment
                .workspace
                .glob(environment.session, &self.pattern, &path, FILES)?;
        let found = counted(files.len(), "file", "files");
        let summary = format!("found {found} for {}", self.pattern);
        if files.is_empty() {
            return Ok(Answer::new("no files match", summary));
        }
        let mut content: String = files.iter().map(|file| format!("{file}\n")).collect();
        if more {
            content.push_str("(there are more: narrow the pattern or give a path)\n");
        }
        Ok(Answer::new(content, summary))
    }
}
