//! Files as texts for the index: what is too large, generated in bulk or no text is left out.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use tree_sitter::{Parser, Tree};

use super::extract::{Found, extract};
use super::skim::{Skimmed, skim};
use crate::syntax::{self, Language};

/// Largest text that is indexed, in bytes.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;
/// Texts from here on are looked at for being minified.
const LARGE: usize = 16 * 1024;
/// Bytes a line, on average, that nobody writes by hand.
const MINIFIED: usize = 250;
/// Longest time that one text is parsed for; a Rust file twice at most.
pub(super) const LIMIT: Duration = Duration::from_secs(1);

/// The text of a file; `None`: it is not to be indexed.
pub(super) fn read(file: &Path) -> Option<String> {
    // Looked at before opening: opening a pipe would wait for its writer, and no link is followed.
    let metadata = file.symlink_metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).ok()? + 1);
    let mut opened = File::open(file).ok()?.take(MAX_BYTES);
    opened.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    is_written_by_hand(&text).then_some(text)
}

pub(super) fn is_written_by_hand(text: &str) -> bool {
    let lines = || text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    text.len() < LARGE || text.len() / lines() < MINIFIED
}

/// Without its byte-order mark, which is no part of the text.
pub(super) fn without_bom(text: &str) -> &str {
    text.strip_prefix(crate::disk::BOM).unwrap_or(text)
}

/// The tree of a text, where its language has a grammar and it parses in time.
pub(super) fn tree(parser: &mut Parser, language: Language, text: &str) -> Option<Tree> {
    syntax::parse(parser, language, text, None, LIMIT)
}

/// Reads a text and hands on what it declares and names.
pub(super) fn found<T>(
    parser: &mut Parser,
    language: Language,
    text: &str,
    then: impl FnOnce(&Found<'_>) -> T,
) -> T {
    let tree = match language {
        Language::Rust => skimmed(parser, text),
        _ => None,
    };
    let (tree, names) = match tree {
        Some((tree, names)) => (Some(tree), names),
        None => (self::tree(parser, language, text), Vec::new()),
    };
    let mut found = extract(language, tree.as_ref(), text);
    found.names.extend(names);
    then(&found)
}

/// The tree of a Rust file without what declares nothing, and the names in that; `None`: all of it is to be parsed.
fn skimmed<'t>(parser: &mut Parser, text: &'t str) -> Option<(Tree, Vec<&'t str>)> {
    let Skimmed { parts, names } = skim(text)?;
    let tree = syntax::parse_parts(parser, Language::Rust, text, &parts, LIMIT)?;
    // How errors are recovered from depends on what is beside them.
    (!tree.root_node().has_error()).then_some((tree, names))
}
