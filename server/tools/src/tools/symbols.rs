//! `symbols`: what is declared in a file, or in the workspace by name; without either, a map of the repository.

use std::fmt::Write as _;

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::editor::{Query, QueryItems, Symbol};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};
use crate::tools::index;
use crate::tools::language::{Places, answered_by};

/// Symbols of one answer.
const SYMBOLS: usize = 200;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Symbols {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl Tool for Symbols {
    const NAME: &'static str = "symbols";
    const DESCRIPTION: &'static str = "Declarations of one file (path), or of the whole workspace by a part of their name \
        (query). Without both: a map of the files that matter most, with what others use of them.";
    const ACCESS: Access = Access::Read;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        match (&self.query, &self.path) {
            (Some(query), _) => format!("looking for symbol {query}"),
            (None, Some(path)) => format!("symbols of {path}"),
            (None, None) => "map of the repository".to_owned(),
        }
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        match &self.path {
            Some(path) => paths::facts(environment, &[(path, Use::Read)]),
            None => paths::facts(environment, &[(".", Use::Read)]),
        }
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let query = self.query.filter(|query| !query.trim().is_empty());
        if query.is_none() && self.path.is_none() {
            let map = index::map(&context).await?;
            return Ok(Answer::new(map, "mapped the repository".to_owned()));
        }
        let workspace = &context.environment.workspace;
        let path = self
            .path
            .as_deref()
            .map(|path| paths::parse(workspace, path));
        let asked = Query::Symbols {
            query,
            path: path.transpose()?,
        };
        let answer = index::query_or_index(&context, asked, "").await?;
        let QueryItems::Symbols(symbols) = &answer.items else {
            return Err(Stop::Failed(
                "the editor gave an answer of another kind: use grep instead".to_owned(),
            ));
        };
        let summary = format!("found {}", counted(symbols.len(), "symbol", "symbols"));
        let by = answered_by(&answer);
        let symbols = symbols.clone();
        let environment = context.environment.clone();
        let render = move || Ok(format!("{}{by}", render(&environment, &symbols)));
        Ok(Answer::new(context.look(render).await?, summary))
    }
}

fn render(environment: &Environment, symbols: &[Symbol]) -> String {
    if symbols.is_empty() {
        return "none found\n".to_owned();
    }
    let mut places = Places::new(environment);
    let mut content = String::new();
    for symbol in symbols.iter().take(SYMBOLS) {
        let path = &symbol.location.path;
        let (line, _) = places.line(path, symbol.location.range.start.line);
        // Writing to a String can't fail.
        let _ = write!(content, "{path}:{line}: {} {}", symbol.kind, symbol.name);
        let _ = match &symbol.container {
            Some(container) => writeln!(content, " (in {container})"),
            None => writeln!(content),
        };
    }
    if let Some(more @ 1..) = symbols.len().checked_sub(SYMBOLS) {
        let _ = writeln!(content, "(and {more} more: ask with a longer query)");
    }
    content
}
