//! Questions to the editor's other language servers, and their answers made ours.
//!
//! Items that don't have their shape are left out: they come from servers that we know nothing of.

use std::sync::Arc;
use std::time::Duration;

use interline_workspace::Workspace;
use interline_workspace::editor::{
    Diagnostic, EditorError, Fix, Location, Query, QueryAnswer, QueryItems, Symbol, SymbolAt,
};
use interline_workspace::path::WorkspacePath;
use lsp_types as lsp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::Client;

use crate::protocol::{self, QueryKind, QueryParams};
use crate::{connection, fixes, from_lsp, to_lsp};

/// What the client may take.
const TIMEOUT: Duration = Duration::from_millis(2_000);
/// And then the way back.
const GRACE: Duration = Duration::from_millis(1_000);

pub(crate) async fn ask(
    client: Client,
    workspace: Arc<Workspace>,
    query: Query,
) -> Result<QueryAnswer, EditorError> {
    let params = params(&workspace, &query)?;
    let request = client.send_request::<protocol::Query>(params);
    let result = tokio::time::timeout(TIMEOUT + GRACE, request).await;
    let result = result.map_err(|_| EditorError::Gone("interline/query timed out".to_owned()))?;
    let result = result.map_err(|error| EditorError::Refused(error.message.into_owned()))?;
    if result.source.is_empty() {
        // Nobody knows is another answer than "nothing is wrong".
        return Err(EditorError::Unsupported(
            "no other language server answers here".to_owned(),
        ));
    }
    Ok(QueryAnswer {
        items: items(&workspace, &query, result.items),
        source: result.source,
        settled: result.settled,
    })
}

fn params(workspace: &Workspace, query: &Query) -> Result<QueryParams, EditorError> {
    let none = QueryParams {
        kind: QueryKind::Diagnostics,
        uri: None,
        position: None,
        query: None,
        new_name: None,
        line: None,
        min_version: None,
        timeout_ms: u64::try_from(TIMEOUT.as_millis()).unwrap_or(u64::MAX),
    };
    let about = |kind, path: &WorkspacePath| -> Result<QueryParams, EditorError> {
        let uri = to_lsp::uri(workspace, path)
            .ok_or_else(|| EditorError::Unsupported(format!("{path} has no usable URI")))?;
        let min_version = workspace.document_at(path).map(|document| document.version);
        Ok(QueryParams {
            kind,
            uri: Some(uri),
            min_version,
            ..none.clone()
        })
    };
    let at = |kind, at: &SymbolAt| {
        about(kind, &at.path).map(|params| QueryParams {
            position: Some(to_lsp::position(at.position)),
            ..params
        })
    };
    match query {
        Query::Diagnostics { path: Some(path) } => about(QueryKind::Diagnostics, path),
        Query::Diagnostics { path: None } => Ok(none),
        Query::Symbols {
            query,
            path: Some(path),
        } => Ok(QueryParams {
            query: query.clone(),
            ..about(QueryKind::Symbols, path)?
        }),
        Query::Symbols { query, path: None } => Ok(QueryParams {
            kind: QueryKind::Symbols,
            query: Some(query.clone().unwrap_or_default()),
            ..none
        }),
        Query::Definition(symbol) => at(QueryKind::Definition, symbol),
        Query::References(symbol) => at(QueryKind::References, symbol),
        Query::Hover(symbol) => at(QueryKind::Hover, symbol),
        Query::Rename(symbol, name) => Ok(QueryParams {
            new_name: Some(name.clone()),
            ..at(QueryKind::Rename, symbol)?
        }),
        Query::QuickFixes { path, line } => Ok(QueryParams {
            line: Some(*line),
            ..about(QueryKind::QuickFixes, path)?
        }),
    }
}

#[derive(Deserialize)]
struct DocumentDiagnostics {
    uri: lsp::Uri,
    diagnostics: Vec<lsp::Diagnostic>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuickFix {
    title: String,
    #[serde(default)]
    is_preferred: bool,
    edit: Option<Value>,
    /// Why there is no edit.
    refused: Option<String>,
}

fn items(workspace: &Workspace, query: &Query, items: Vec<Value>) -> QueryItems {
    match query {
        Query::Diagnostics { .. } => {
            let documents = parsed::<DocumentDiagnostics>(items);
            QueryItems::Diagnostics(
                documents
                    .flat_map(|document| diagnostics(workspace, &document))
                    .collect(),
            )
        }
        Query::Symbols { .. } => QueryItems::Symbols(
            parsed(items)
                .map(|found| symbol(workspace, found))
                .collect(),
        ),
        Query::Definition(_) | Query::References(_) => {
            let found = parsed::<lsp::Location>(items);
            QueryItems::Locations(found.map(|found| location(workspace, &found)).collect())
        }
        Query::Hover(_) => {
            QueryItems::Hover(parsed::<String>(items).collect::<Vec<_>>().join("\n\n"))
        }
        Query::Rename(_, name) => {
            let title = format!("rename to {name}");
            let items = items.into_iter();
            QueryItems::Fixes(
                items
                    .map(|edit| fixes::of(workspace, title.clone(), true, edit))
                    .collect(),
            )
        }
        Query::QuickFixes { .. } => {
            let fixes = parsed::<QuickFix>(items).map(|fix| match (fix.edit, fix.refused) {
                (Some(edit), _) => fixes::of(workspace, fix.title, fix.is_preferred, edit),
                (None, why) => Fix {
                    title: fix.title,
                    refused: Some(why.unwrap_or_else(|| "it has no edit".to_owned())),
                    ..Fix::default()
                },
            });
            QueryItems::Fixes(fixes.collect())
        }
    }
}

fn parsed<T: DeserializeOwned>(items: Vec<Value>) -> impl Iterator<Item = T> {
    items.into_iter().filter_map(|item| {
        serde_json::from_value(item)
            .inspect_err(|error| tracing::debug!(%error, "an item of interline/query"))
            .ok()
    })
}

pub(crate) fn path_of(workspace: &Workspace, uri: &lsp::Uri) -> Option<WorkspacePath> {
    match workspace.document(uri.as_str()) {
        Some(document) => document.path.clone(),
        None => workspace.path_of(&from_lsp::file_path(uri)?),
    }
}

fn diagnostics(workspace: &Workspace, document: &DocumentDiagnostics) -> Vec<Diagnostic> {
    let Some(path) = path_of(workspace, &document.uri) else {
        return Vec::new();
    };
    let others = document
        .diagnostics
        .iter()
        .filter(|diagnostic| !connection::is_ours(diagnostic));
    others
        .map(|diagnostic| from_lsp::diagnostic(&path, diagnostic))
        .collect()
}

fn location(workspace: &Workspace, location: &lsp::Location) -> Location {
    let path = match path_of(workspace, &location.uri) {
        Some(path) => path.to_string(),
        None => match from_lsp::file_path(&location.uri) {
            Some(file) => file.display().to_string(),
            None => location.uri.as_str().to_owned(),
        },
    };
    Location {
        path,
        range: from_lsp::range(location.range),
    }
}

fn symbol(workspace: &Workspace, symbol: lsp::SymbolInformation) -> Symbol {
    Symbol {
        location: location(workspace, &symbol.location),
        name: symbol.name,
        // `lsp_types` prints its constants by their names.
        kind: format!("{:?}", symbol.kind).to_lowercase(),
        container: symbol.container_name,
    }
}
