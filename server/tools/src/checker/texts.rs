//! The texts that were checked: checkers' lines and columns become positions, and hashes say later whether a
//! text is still the same.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use interline_workspace::document::{Position, Range};
use interline_workspace::editor::Diagnostic;
use interline_workspace::path::WorkspacePath;
use interline_workspace::shadow::Seen;

use crate::memory::hash;

/// The texts that checkers see, read when they are first spoken of.
pub(super) struct Texts {
    /// Where checkers see the workspace.
    base: PathBuf,
    /// `None`: below the base itself.
    seen: Option<Seen>,
    read: HashMap<WorkspacePath, String>,
}

impl Texts {
    pub(super) fn new(base: &Path, seen: Option<Seen>) -> Self {
        Self {
            base: base.to_owned(),
            seen,
            read: HashMap::new(),
        }
    }

    /// Checkers see the workspace at another place from now on.
    pub(super) fn rebase(&mut self, base: &Path) {
        base.clone_into(&mut self.base);
    }

    /// The workspace's name for a file that a checker speaks of; `None` for files outside.
    pub(super) fn path(&self, file: &Path) -> Option<WorkspacePath> {
        let file = self.base.join(file);
        let below = file.strip_prefix(&self.base).ok()?;
        WorkspacePath::new(below.to_str()?).ok()
    }

    /// From 1-based lines and 1-based columns in characters.
    pub(super) fn range(
        &mut self,
        path: &WorkspacePath,
        start: (u32, u32),
        end: (u32, u32),
    ) -> Range {
        Range {
            start: self.position(path, start),
            end: self.position(path, end),
        }
    }

    fn position(&mut self, path: &WorkspacePath, (line, column): (u32, u32)) -> Position {
        let line = line.saturating_sub(1);
        let before = column.saturating_sub(1);
        let text = self.text(path).split('\n').nth(line as usize);
        let units = text.map_or(before as usize, |text| {
            let before = text.chars().take(before as usize);
            before.map(char::len_utf16).sum()
        });
        Position {
            line,
            character: u32::try_from(units).unwrap_or(u32::MAX),
        }
    }

    fn text(&mut self, path: &WorkspacePath) -> &str {
        let (base, seen) = (&self.base, &self.seen);
        self.read.entry(path.clone()).or_insert_with(|| {
            if let Some(seen) = seen {
                return seen.text(path).unwrap_or_default();
            }
            let text = std::fs::read_to_string(base.join(path.as_str())).unwrap_or_default();
            // The mirror's texts come without it too.
            text.strip_prefix('\u{feff}')
                .map(str::to_owned)
                .unwrap_or(text)
        })
    }

    /// Hashes of all texts that were asked about, or that these diagnostics and their fixes are about.
    pub(super) fn hashes(
        mut self,
        asked: Option<&WorkspacePath>,
        diagnostics: &[Diagnostic],
    ) -> HashMap<WorkspacePath, String> {
        let mut paths: BTreeSet<_> = asked.into_iter().collect();
        for diagnostic in diagnostics {
            paths.insert(&diagnostic.path);
            let edited = diagnostic.fixes.iter().flat_map(|fix| &fix.edits);
            paths.extend(edited.map(|(path, _)| path));
        }
        let hashes = paths
            .into_iter()
            .map(|path| (path.clone(), hash(self.text(path))));
        hashes.collect()
    }
}
