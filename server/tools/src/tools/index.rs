//! What Interline's own symbol index answers where no language server of the editor's does: by name, which is less than
//! a language server knows, and says so.

use interline_workspace::Workspace;
use interline_workspace::editor::{Location, Query, QueryAnswer, QueryItems, Symbol, SymbolAt};
use interline_workspace::path::WorkspacePath;
use interline_workspace::symbols::Indexed;

use crate::tool::{Context, Stop};

/// More are not looked for.
const LIMIT: usize = 500;
/// Size of the map of the repository: some 2,000 tokens.
const MAP: usize = 8_000;

/// Asks the editor's other language servers; where none answers, the index. `symbol` is what the model calls it.
pub(super) async fn query_or_index(
    context: &Context,
    query: Query,
    symbol: &str,
) -> Result<QueryAnswer, Stop> {
    let failed = match super::language::query(context, query.clone()).await {
        Err(Stop::Failed(why)) => why,
        answered => return answered,
    };
    let name = own_name(symbol).to_owned();
    let workspace = context.environment.workspace.clone();
    context
        .look(move || {
            let none = || Stop::Failed(failed);
            let (items, complete) = ask(&workspace, query, &name).ok_or_else(none)?;
            Ok(QueryAnswer {
                items,
                source: "interline's index, by name".to_owned(),
                settled: complete,
            })
        })
        .await
}

/// The last name of `a::b.c`.
fn own_name(symbol: &str) -> &str {
    let in_name = |c: &char| c.is_alphanumeric() || *c == '_';
    let tail: usize = symbol
        .chars()
        .rev()
        .take_while(in_name)
        .map(char::len_utf8)
        .sum();
    match symbol
        .len()
        .checked_sub(tail)
        .and_then(|at| symbol.get(at..))
    {
        Some(name) if !name.is_empty() => name,
        _ => symbol,
    }
}

/// The items, and whether they are all; `None`: the index has no answer of this kind, or doesn't know the language.
fn ask(workspace: &Workspace, query: Query, name: &str) -> Option<(QueryItems, bool)> {
    match query {
        Query::Symbols {
            path: Some(path),
            query,
        } => outline(workspace, &path, query.as_deref()),
        Query::Symbols {
            path: None,
            query: Some(query),
        } => {
            let found = workspace.find_symbols(&query, LIMIT);
            Some((QueryItems::Symbols(found.items), found.complete))
        }
        Query::Definition(SymbolAt { path, .. }) => {
            let found = workspace.definitions(name, Some(&path), LIMIT);
            let items = found.items.into_iter().map(|symbol| symbol.location);
            places(
                &path,
                Indexed {
                    items: items.collect(),
                    complete: found.complete,
                },
            )
        }
        Query::References(SymbolAt { path, .. }) => {
            places(&path, workspace.references(name, Some(&path), LIMIT))
        }
        _ => None,
    }
}

fn outline(
    workspace: &Workspace,
    path: &WorkspacePath,
    part: Option<&str>,
) -> Option<(QueryItems, bool)> {
    let mut symbols: Vec<Symbol> = workspace.symbols_of(path)?;
    if let Some(part) = part {
        let part = part.to_lowercase();
        symbols.retain(|symbol| symbol.name.to_lowercase().contains(&part));
    }
    Some((QueryItems::Symbols(symbols), true))
}

/// That nothing was found means something only of a language that the index knows.
fn places(path: &WorkspacePath, found: Indexed<Vec<Location>>) -> Option<(QueryItems, bool)> {
    let known = interline_workspace::syntax::is_known(path.as_str());
    let counts = known || !found.items.is_empty();
    counts.then_some((QueryItems::Locations(found.items), found.complete))
}

/// The map of the repository, and who made it.
pub(super) async fn map(context: &Context) -> Result<String, Stop> {
    let workspace = context.environment.workspace.clone();
    context
        .look(move || {
            let map = workspace.repo_map(MAP);
            let settled = super::language::settled(map.complete);
            let by = format!("answered by interline's index, by name ({settled})");
            Ok(if map.items.is_empty() {
                format!("no declarations are known here: use list and grep\n{by}")
            } else {
                format!("{}{by}", map.items)
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::own_name;

    #[test]
    fn the_last_name_counts() {
        for (symbol, name) in [
            ("a::b", "b"),
            ("a.b_c", "b_c"),
            ("é::ü", "ü"),
            ("a", "a"),
            ("==", "=="),
        ] {
            assert_eq!(own_name(symbol), name);
        }
    }
}
