//! The door for `tests/fuzz`: not an interface.

use crate::edit::{self, Rule};
use crate::patch::PatchHunk;
use crate::proposal::Replacement;
use crate::symbols;
use crate::syntax::Language;

/// Search and replace, each `(old, new, count)` after the other; and whether all stood there exactly.
///
/// # Errors
/// Why an edit did not match.
pub fn replace(text: &str, edits: &[(&str, &str, u32)]) -> Result<(String, bool), String> {
    let edits: Vec<_> = edits
        .iter()
        .map(|(old, new, count)| Replacement {
            old: (*old).to_owned(),
            new: (*new).to_owned(),
            count: *count,
        })
        .collect();
    let (text, rules) = edit::replace(text, &edits)?;
    let exact = |rule: &Rule| matches!(rule, Rule::Exact | Rule::LineEndings);
    Ok((text, rules.iter().all(exact)))
}

/// The hunks of a patch, all or none.
///
/// # Errors
/// Why one did not match.
pub fn patch(text: &str, hunks: &[PatchHunk]) -> Result<String, String> {
    edit::patch(text, hunks).map(|(text, _)| text)
}

/// Parses a text as what its path says, and again after each edit `(at, removed, added)` in bytes, and reads its symbols
/// and the places of a name each time. What is returned is how many symbols there are at the end.
///
/// An edit that is not at the start of a character is moved there.
pub fn typed(path: &str, text: &str, edits: &[(usize, usize, &str)], name: &str) -> usize {
    Language::of(path).map_or(0, |language| symbols::typed(language, text, edits, name))
}
