//! Questions to the index.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use tree_sitter::Parser;

use super::build::distance;
use super::extract::{extract, occurrences};
use super::map;
use super::names::NameId;
use super::record::Entry;
use super::source;
use super::store::{Store, same_language};
use super::{Indexed, SEARCH, WAIT};
use crate::Workspace;
use crate::document::{Position, Range, count};
use crate::editor::{Location, Symbol};
use crate::path::WorkspacePath;
use crate::syntax::Language;

/// How long open documents are brought up to date where nobody is to wait.
const OPEN: Duration = Duration::from_millis(20);
/// How long a map waits for the index to be complete: one of a part of the files says little.
const MAP: Duration = Duration::from_secs(2);
/// How long references are looked for in the files that have the name.
const REFERENCES: Duration = Duration::from_millis(500);

/// Brings the index up to date as far as time allows: open documents, then files, then a plain search of those that
/// are not indexed yet for texts that `wanted` takes. True where nothing was left out.
fn look(workspace: &Workspace, wanted: impl Fn(&str) -> bool) -> bool {
    let index = &workspace.index;
    workspace.index_symbols();
    let start = Instant::now();
    let open = index
        .live
        .refresh(&index.shared, &workspace.documents, start + SEARCH);
    if index.shared.wait(start + WAIT) {
        return open && !index.shared.read().is_full();
    }
    let mut parser = Parser::new();
    for job in index.shared.pending() {
        if start.elapsed() > WAIT + SEARCH {
            break;
        }
        index.shared.index_file(&mut parser, &job, &wanted);
    }
    // The threads may be done by now.
    index.shared.wait(start) && open
}

pub(super) fn find(workspace: &Workspace, query: &str, limit: usize) -> Indexed<Vec<Symbol>> {
    let (container, name) = split(query.trim());
    let folded = name.to_lowercase();
    let complete = look(workspace, |text| {
        text.contains(name) || text.to_lowercase().contains(&folded)
    });
    let (items, more) = search(workspace, container, name, limit);
    Indexed {
        items,
        complete: complete && !more,
    }
}

/// From what is there.
pub(super) fn known(workspace: &Workspace, query: &str, limit: usize) -> Vec<Symbol> {
    let index = &workspace.index;
    workspace.index_symbols();
    let until = Instant::now() + OPEN;
    (index.live).refresh(&index.shared, &workspace.documents, until);
    let (container, name) = split(query.trim());
    search(workspace, container, name, limit).0
}

/// The best, and whether there are more.
fn search(
    workspace: &Workspace,
    container: Option<&str>,
    name: &str,
    limit: usize,
) -> (Vec<Symbol>, bool) {
    let folded = name.to_lowercase();
    let store = workspace.index.shared.read();
    let mut scores: HashMap<NameId, Option<(u8, usize)>> = HashMap::new();
    let mut score = |id: NameId| {
        let scored = scores.entry(id);
        *scored.or_insert_with(|| score(store.names.get(id)?, name, &folded))
    };
    let mut found = store.symbols(|id| score(id).is_some());
    if let Some(container) = container {
        let within = |entry: &Entry| {
            let of = entry.container.and_then(|id| store.names.get(id));
            of.is_some_and(|of| of.ends_with(container))
        };
        found.retain(|(_, entry)| within(entry));
    }
    found.sort_by_cached_key(|(path, entry)| {
        (score(entry.name), entry.kind.weight(), *path, entry.line)
    });
    let more = found.len() > limit;
    (symbols(&store, found, limit), more)
}

/// `A` and `b` of `A::b`.
fn split(query: &str) -> (Option<&str>, &str) {
    let parts = query
        .rsplit_once("::")
        .or_else(|| query.rsplit_once(['.', '#']));
    match parts {
        Some((container, name)) if !name.is_empty() => {
            let container = container.rsplit([':', '.']).next().unwrap_or(container);
            (Some(container), name)
        }
        _ => (None, query),
    }
}

/// How well a name answers a query, lowest best; `folded` is the query in lower case.
fn score(name: &str, query: &str, folded: &str) -> Option<(u8, usize)> {
    if name == query {
        return Some((0, 0));
    }
    let low = name.to_lowercase();
    let rank = if low == folded {
        1
    } else if low.starts_with(folded) {
        2
    } else if low.contains(folded) {
        3
    } else if folded.len() > 2 && is_subsequence(folded, &low) {
        4
    } else {
        return None;
    };
    Some((rank, name.len()))
}

fn is_subsequence(letters: &str, of: &str) -> bool {
    let mut rest = of.chars();
    letters.chars().all(|letter| rest.any(|c| c == letter))
}

pub(super) fn outline(workspace: &Workspace, path: &WorkspacePath) -> Option<Vec<Symbol>> {
    let language = Language::of(path.as_str())?;
    let text = workspace.text(path).ok()?;
    let tree = source::tree(&mut Parser::new(), language, &text);
    if tree.is_none() && language.grammar().is_some() {
        return None;
    }
    let found = extract(language, tree.as_ref(), &text);
    let symbols = found.symbols.iter().map(|symbol| Symbol {
        name: symbol.name.to_owned(),
        kind: symbol.kind.name().to_owned(),
        container: (!symbol.container.is_empty()).then(|| symbol.container.to_owned()),
        location: location(path.as_str(), symbol.line, symbol.column, symbol.name),
    });
    Some(symbols.collect())
}

pub(super) fn definitions(
    workspace: &Workspace,
    name: &str,
    from: Option<&WorkspacePath>,
    limit: usize,
) -> Indexed<Vec<Symbol>> {
    let complete = look(workspace, |text| text.contains(name));
    let store = workspace.index.shared.read();
    let Some(id) = store.names.find(name) else {
        return Indexed {
            items: Vec::new(),
            complete,
        };
    };
    let mut found = store.symbols(|other| other == id);
    let is_program = |entry: &Entry| !entry.kind.is_data();
    if found.iter().any(|(_, entry)| is_program(entry)) {
        found.retain(|(_, entry)| is_program(entry));
    }
    let from = from.map(WorkspacePath::as_str);
    found.sort_by_cached_key(|(path, entry)| {
        let near = from.map(|from| {
            (
                Reverse(*path == from),
                Reverse(same_language(path, from)),
                Reverse(names_module(&store, from, path)),
                distance(path, from),
            )
        });
        (near, entry.kind.weight(), *path, entry.line)
    });
    let more = found.len() > limit;
    Indexed {
        items: symbols(&store, found, limit),
        complete: complete && !more,
    }
}

/// `from` has the name of the module that `path` is: as good as an import.
fn names_module(store: &Store, from: &str, path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or(path);
    let stem = file.split('.').next().unwrap_or(file);
    let module = match stem {
        "mod" | "lib" | "index" | "__init__" | "init" => parts.next(),
        stem => Some(stem),
    };
    let id = module.and_then(|module| store.names.find(module));
    let names = store.record(from).zip(id);
    names.is_some_and(|(record, id)| record.names().any(|name| name == id))
}

pub(super) fn references(
    workspace: &Workspace,
    name: &str,
    from: Option<&WorkspacePath>,
    limit: usize,
) -> Indexed<Vec<Location>> {
    let mut complete = look(workspace, |text| text.contains(name));
    let mut files: Vec<String> = {
        let store = workspace.index.shared.read();
        let id = store.names.find(name);
        let files = id.map_or_else(Vec::new, |id| store.with_name(id));
        files.into_iter().map(str::to_owned).collect()
    };
    if let Some(from) = from {
        files.sort_by_cached_key(|path| (distance(path, from.as_str()), path.clone()));
        // The file that is asked from comes before its neighbours.
        files.sort_by_key(|path| path != from.as_str());
    } else {
        files.sort_unstable();
    }
    let deadline = Instant::now() + REFERENCES;
    let mut parser = Parser::new();
    let mut found = Vec::new();
    for path in files {
        if found.len() > limit || Instant::now() > deadline {
            complete = false;
            break;
        }
        found.extend(references_in(workspace, &mut parser, &path, name));
    }
    complete &= found.len() <= limit;
    found.truncate(limit);
    Indexed {
        items: found,
        complete,
    }
}

fn references_in(
    workspace: &Workspace,
    parser: &mut Parser,
    path: &str,
    name: &str,
) -> Vec<Location> {
    let text = WorkspacePath::new(path)
        .ok()
        .and_then(|path| workspace.text(&path).ok())
        .filter(|text| text.contains(name));
    let Some((language, text)) = Language::of(path).zip(text) else {
        return Vec::new();
    };
    let Some(tree) = source::tree(parser, language, &text) else {
        return Vec::new();
    };
    let places = occurrences(language, &tree, &text, name).into_iter();
    places
        .map(|(line, column)| location(path, line, column, name))
        .collect()
}

pub(super) fn map(workspace: &Workspace, bytes: usize) -> Indexed<Arc<str>> {
    workspace.symbols_complete(MAP);
    let complete = look(workspace, |_| false);
    let mut open: Vec<String> = (workspace.documents.all().iter())
        .filter_map(|document| Some(document.path.as_ref()?.as_str().to_owned()))
        .collect();
    open.sort_unstable();
    let index = &workspace.index;
    let (key, files) = {
        let store = index.shared.read();
        let key = map::Key {
            generation: store.generation(),
            open,
            bytes,
        };
        if let Some(items) = index.map.get(&key) {
            return Indexed { items, complete };
        }
        let files = map::choose(&store, &key.open);
        (key, files)
    };
    let text_of = |path: &str| workspace.text(&WorkspacePath::new(path).ok()?).ok();
    let items: Arc<str> = map::render(files, bytes, text_of).into();
    index.map.set(key, items.clone());
    Indexed { items, complete }
}

fn symbols(store: &Store, found: Vec<(&str, Entry)>, limit: usize) -> Vec<Symbol> {
    let symbol = |(path, entry): (&str, Entry)| {
        let name = store.names.get(entry.name)?;
        let container = entry.container.and_then(|id| store.names.get(id));
        Some(Symbol {
            name: name.to_owned(),
            kind: entry.kind.name().to_owned(),
            container: container.map(str::to_owned),
            location: location(path, entry.line, entry.column, name),
        })
    };
    found.into_iter().take(limit).filter_map(symbol).collect()
}

fn location(path: &str, line: u32, column: u32, name: &str) -> Location {
    let at = |character| Position { line, character };
    let width = count(name.encode_utf16().count());
    Location {
        path: path.to_owned(),
        range: Range {
            start: at(column),
            end: at(column.saturating_add(width)),
        },
    }
}
