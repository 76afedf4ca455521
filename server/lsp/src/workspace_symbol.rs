//! `workspace/symbol` for editors without a shim, from the symbol index. A shim's editor has native servers for this.
//!
//! Answered from what is indexed at the moment, off the serve loop; the first question starts the indexing.

use std::sync::Arc;

use interline_workspace::Workspace;
use interline_workspace::editor::Symbol;
use interline_workspace::path::WorkspacePath;
use lsp_types as lsp;

use crate::folders::Folder;
use crate::to_lsp;

/// Symbols of one folder.
const LIMIT: usize = 256;

pub(crate) async fn symbols(
    folders: Vec<Arc<Folder>>,
    query: String,
) -> Vec<lsp::SymbolInformation> {
    let look = move || {
        let mut found = Vec::new();
        for folder in folders {
            let workspace = &folder.workspace;
            let symbols = workspace.known_symbols(&query, LIMIT).into_iter();
            found.extend(symbols.filter_map(|symbol| information(workspace, symbol)));
        }
        found
    };
    // A panic there is on record already.
    tokio::task::spawn_blocking(look).await.unwrap_or_default()
}

fn information(workspace: &Workspace, symbol: Symbol) -> Option<lsp::SymbolInformation> {
    let path = WorkspacePath::new(&symbol.location.path).ok()?;
    #[expect(deprecated, reason = "the type has no other constructor")]
    Some(lsp::SymbolInformation {
        name: symbol.name,
        kind: kind(&symbol.kind),
        tags: None,
        deprecated: None,
        location: lsp::Location {
            uri: to_lsp::uri(workspace, &path)?,
            range: to_lsp::range(symbol.location.range),
        },
        container_name: symbol.container,
    })
}

/// The protocol has fewer names.
fn kind(name: &str) -> lsp::SymbolKind {
    match name {
        "function" | "macro" => lsp::SymbolKind::FUNCTION,
        "method" => lsp::SymbolKind::METHOD,
        "constructor" => lsp::SymbolKind::CONSTRUCTOR,
        "struct" | "union" => lsp::SymbolKind::STRUCT,
        "interface" | "trait" => lsp::SymbolKind::INTERFACE,
        "enum" => lsp::SymbolKind::ENUM,
        "enummember" => lsp::SymbolKind::ENUM_MEMBER,
        "constant" => lsp::SymbolKind::CONSTANT,
        "field" => lsp::SymbolKind::FIELD,
        "module" => lsp::SymbolKind::MODULE,
        "heading" => lsp::SymbolKind::STRING,
        "key" => lsp::SymbolKind::KEY,
        "variable" => lsp::SymbolKind::VARIABLE,
        _ => lsp::SymbolKind::CLASS,
    }
}
