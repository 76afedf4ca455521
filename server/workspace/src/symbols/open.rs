//! Open documents in the index: what the user sees, whatever is on disk.
//!
//! Nothing here is on the typing path. Whoever looks has the documents that changed since the last look parsed; of those
//! that changed last the trees are kept, so that a keystroke costs what it changed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tree_sitter::{InputEdit, Parser, Point, Tree};

use super::build::Shared;
use super::extract::extract;
use super::source;
use crate::documents::Documents;
use crate::path::WorkspacePath;
use crate::syntax::{self, Language};

/// Trees that are kept. A tree takes ten to twenty times as much memory as its text.
const TREES: usize = 2;

/// The open documents as the index has them.
#[derive(Default)]
pub(super) struct Live(Mutex<HashMap<WorkspacePath, Seen>>);

struct Seen {
    /// Tells one state of a document from all others.
    tick: u64,
    /// Kept for those that changed last.
    tree: Option<(String, Tree)>,
}

impl Live {
    /// Brings the documents up to date; false where that would take longer than until `deadline`.
    pub(super) fn refresh(
        &self,
        shared: &Shared,
        documents: &Documents,
        deadline: Instant,
    ) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = Vec::new();
        for document in documents.all() {
            open.extend(document.path.clone());
        }
        if seen.len() != open.len() || open.iter().any(|path| !seen.contains_key(path)) {
            seen.retain(|path, _| open.contains(path));
            let is_open = |path: &str| open.iter().any(|open| open.as_str() == path);
            shared.write().keep_open(is_open);
        }
        let mut parser = Parser::new();
        for path in open {
            if Instant::now() > deadline {
                return false;
            }
            let Some(language) = Language::of(path.as_str()) else {
                continue;
            };
            let tick = seen.get(&path).map(|seen| seen.tick);
            // No snapshot is kept: the next change would copy what it touches.
            let Some(now) = documents.at(&path).filter(|now| Some(now.tick) != tick) else {
                continue;
            };
            let tick_now = now.tick;
            let text = now.document.text();
            drop(now);
            let old = seen.remove(&path).and_then(|seen| seen.tree);
            let changed = tick.is_some();
            let tree = index(shared, &mut parser, &path, language, &text, old);
            let tree = tree.filter(|_| changed).map(|tree| (text, tree));
            if tree.is_some() {
                forget_trees(&mut seen);
            }
            seen.insert(
                path,
                Seen {
                    tick: tick_now,
                    tree,
                },
            );
        }
        true
    }
}

/// Makes room for one more.
fn forget_trees(seen: &mut HashMap<WorkspacePath, Seen>) {
    let mut ticks: Vec<u64> = seen
        .values()
        .filter(|seen| seen.tree.is_some())
        .map(|seen| seen.tick)
        .collect();
    ticks.sort_unstable_by(|a, b| b.cmp(a));
    let Some(oldest) = ticks.get(TREES - 1) else {
        return;
    };
    for seen in seen.values_mut().filter(|seen| seen.tick <= *oldest) {
        seen.tree = None;
    }
}

fn index(
    shared: &Shared,
    parser: &mut Parser,
    path: &WorkspacePath,
    language: Language,
    text: &str,
    old: Option<(String, Tree)>,
) -> Option<Tree> {
    let fits = text.len() as u64 <= source::MAX_BYTES && source::is_written_by_hand(text);
    let text = if fits { text } else { "" };
    let old = old.map(|(before, tree)| edited(tree, &before, text));
    let tree = syntax::parse(parser, language, text, old.as_ref(), source::LIMIT);
    let found = extract(language, tree.as_ref(), text);
    shared.write().set_open(path.as_str(), &found);
    drop(found);
    tree.filter(|_| fits)
}

/// The tree with its places moved to where they are in the new text.
fn edited(mut tree: Tree, before: &str, now: &str) -> Tree {
    let (before, now) = (before.as_bytes(), now.as_bytes());
    let start = before.iter().zip(now).take_while(|(a, b)| a == b).count();
    let longest = before.len().min(now.len()) - start;
    let ends = before.iter().rev().zip(now.iter().rev());
    let end = ends.take(longest).take_while(|(a, b)| a == b).count();
    let (old_end, new_end) = (before.len() - end, now.len() - end);
    tree.edit(&InputEdit {
        start_byte: start,
        old_end_byte: old_end,
        new_end_byte: new_end,
        start_position: point(before, start),
        old_end_position: point(before, old_end),
        new_end_position: point(now, new_end),
    });
    tree
}

fn point(text: &[u8], at: usize) -> Point {
    let before = text.get(..at).unwrap_or(text);
    let line = before.iter().rposition(|byte| *byte == b'\n');
    Point {
        row: before.iter().filter(|byte| **byte == b'\n').count(),
        column: at - line.map_or(0, |line| line + 1),
    }
}

/// What typing does to a tree, for `tests/fuzz`: see there.
#[cfg(feature = "fuzzing")]
pub(crate) fn typed(
    language: Language,
    text: &str,
    edits: &[(usize, usize, &str)],
    name: &str,
) -> usize {
    use super::extract::occurrences;

    let mut parser = Parser::new();
    let mut text = text.to_owned();
    let mut tree = syntax::parse(&mut parser, language, &text, None, source::LIMIT);
    for (at, removed, added) in edits {
        let before = text.clone();
        let (from, to) = (*at, at.saturating_add(*removed));
        text.replace_range(floor(&before, from)..floor(&before, to), added);
        let old = tree.map(|tree| edited(tree, &before, &text));
        tree = syntax::parse(&mut parser, language, &text, old.as_ref(), source::LIMIT);
        if let Some(tree) = &tree {
            let _ = occurrences(language, tree, &text, name);
        }
    }
    let mut names = super::names::Names::default();
    let found = extract(language, tree.as_ref(), &text);
    let record = super::record::Record::new(&found, &mut names);
    record.map_or(0, |record| record.symbols().count())
}

/// The start of the character that is at, or around, a byte.
#[cfg(any(test, feature = "fuzzing"))]
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn an_edited_tree_gives_what_a_fresh_one_gives(
            edits in prop::collection::vec((0_usize..400, 0_usize..30, "[a-z{}();\n é]{0,12}"), 1..12)
        ) {
            let mut text = "mod a {\n    fn é(x: B) -> C { d(x) }\n    struct E { f: u8 }\n}\nimpl F for G { fn h() {} }\n".repeat(3);
            let mut parser = Parser::new();
            let mut parse = |text: &str, old: Option<&Tree>| {
                syntax::parse(&mut parser, Language::Rust, text, old, source::LIMIT).unwrap()
            };
            let mut tree = parse(&text, None);
            for (at, removed, added) in edits {
                let before = text.clone();
                text.replace_range(floor(&before, at)..floor(&before, at + removed), &added);
                tree = parse(&text, Some(&edited(tree, &before, &text)));
                let fresh = parse(&text, None);
                // In a text with errors the parser may recover in another way: its choice is by cost.
                if !fresh.root_node().has_error() {
                    let (a, b) = (extract(Language::Rust, Some(&tree), &text), extract(Language::Rust, Some(&fresh), &text));
                    prop_assert_eq!(a.symbols, b.symbols);
                    prop_assert_eq!(a.names, b.names);
                }
            }
        }
    }
}
