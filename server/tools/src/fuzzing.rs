//! The door for `tests/fuzz`: not an interface.

use std::path::Path;

use interline_workspace::editor::Diagnostic;

/// What one of the checkers printed about the files in a folder.
#[must_use]
pub fn checker(which: u8, output: &str, folder: &Path) -> Vec<Diagnostic> {
    crate::checker::understood(which, output, folder)
}
