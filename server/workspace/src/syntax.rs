//! Texts as syntax trees: which grammar a path has, parsing within limits, and what does not parse.
//!
//! The parser is C code that is fed hostile texts: every parse has a limit of size and of time, and a parser is never
//! used again after a limit cut it short without being reset. Reads no file, keeps nothing.

mod guard;
mod language;
mod problems;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{ParseOptions, ParseState, Parser, Range, Tree};

pub(crate) use language::Language;
pub use problems::{Problem, Problems, is_known, problems};

/// Largest text that is parsed, in bytes. A tree takes ten to twenty times as much memory as its text.
pub(crate) const MAX_BYTES: usize = 2 * 1024 * 1024;

/// The tree of a text; `None` where it has no grammar, is too large or parsing takes longer than `limit`. With `old`, edited to
/// have the text's places, only what changed is parsed.
pub(crate) fn parse(
    parser: &mut Parser,
    language: Language,
    text: &str,
    old: Option<&Tree>,
    limit: Duration,
) -> Option<Tree> {
    if text.len() > MAX_BYTES || guard::is_unsafe(language, text) {
        return None;
    }
    parser.set_language(&language.grammar()?).ok()?;
    run(parser, text, old, limit)
}

/// The tree of these parts of a text, as if there were nothing else; its places are those of the whole text.
pub(crate) fn parse_parts(
    parser: &mut Parser,
    language: Language,
    text: &str,
    parts: &[Range],
    limit: Duration,
) -> Option<Tree> {
    if text.len() > MAX_BYTES || guard::is_unsafe(language, text) {
        return None;
    }
    parser.set_language(&language.grammar()?).ok()?;
    parser.set_included_ranges(parts).ok()?;
    let tree = run(parser, text, None, limit);
    parser.set_included_ranges(&[]).ok()?;
    tree
}

fn run(parser: &mut Parser, text: &str, old: Option<&Tree>, limit: Duration) -> Option<Tree> {
    let deadline = Instant::now() + limit;
    let mut within = |_: &ParseState| {
        if Instant::now() < deadline {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut within);
    let bytes = text.as_bytes();
    let tree = parser.parse_with_options(
        &mut |at, _| bytes.get(at..).unwrap_or_default(),
        old,
        Some(options),
    );
    if tree.is_none() {
        // Else the next parse would go on with this text.
        parser.reset();
    }
    tree
}
