//! What has changed on disk, where the files are watched: then nobody has to look at all of them.

use crate::indexing::Indexing;

/// A moment of the list of files; `None` where they are not watched, or the list is in doubt.
#[cfg(target_os = "linux")]
pub(super) fn now(watched: Option<&Indexing>) -> Option<u64> {
    Some(watched?.tree.current()?.now())
}

/// What came, went or changed since a moment, with the moment of this answer; `None`: everything is to be looked at.
#[cfg(target_os = "linux")]
pub(super) fn since(watched: Option<&Indexing>, moment: u64) -> Option<(u64, Vec<Change>)> {
    use crate::watch::Changes;

    let current = watched?.tree.current()?;
    let Changes::Paths(paths) = current.changes(moment) else {
        return None;
    };
    let changes = paths.into_iter().map(|path| {
        // A folder has entries of its own, the file is one.
        let is_there = current
            .below(&path)
            .is_some_and(|mut files| files.next().is_some_and(|(found, _)| *found == path));
        Change { path, is_there }
    });
    Some((current.now(), changes.collect()))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn now(_: Option<&Indexing>) -> Option<u64> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(super) fn since(_: Option<&Indexing>, _: u64) -> Option<(u64, Vec<Change>)> {
    None
}

/// A path that has changed.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) path: std::sync::Arc<str>,
    /// It is a file that is not ignored.
    pub(super) is_there: bool,
}
