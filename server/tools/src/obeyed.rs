//! Step 14 of the pipeline: what a call left behind that other programs run or obey. It only names it.

use std::path::Path;

use interline_log::{EventData, HunkKind};
use interline_policy::is_executable_config;

/// The files of a proposal that other programs run or obey, by their paths in the workspace.
#[must_use]
pub fn obeyed(event: &EventData) -> Vec<String> {
    let EventData::EditProposed { path, hunks, .. } = event else {
        return Vec::new();
    };
    let moved = hunks.iter().filter_map(|hunk| match &hunk.kind {
        HunkKind::Move { to } => Some(to.as_str()),
        _ => None,
    });
    let mut paths: Vec<_> = std::iter::once(path.as_str()).chain(moved).collect();
    paths.retain(|path| is_executable_config(Path::new(path)));
    paths.into_iter().map(str::to_owned).collect()
}
