//! What a session sees that is not on disk as it is.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use interline_log::SessionId;

use super::seed::{Content, Wanted};
use crate::Workspace;
use crate::path::WorkspacePath;

/// By path; the bytes that are no text are read.
pub(super) struct View(BTreeMap<WorkspacePath, Shown>);

#[derive(Default)]
struct Shown {
    text: Option<Option<String>>,
    bytes: Option<Option<Vec<u8>>>,
    executable: Option<bool>,
}

impl View {
    pub(super) fn of(workspace: &Workspace, session: SessionId) -> io::Result<Self> {
        let mut all: BTreeMap<WorkspacePath, Shown> = BTreeMap::new();
        for (path, text) in workspace.overlay(session) {
            all.entry(path).or_default().text = Some(text);
        }
        let attachments = workspace.attachments(session);
        for (path, entry) in workspace.entry_views(session) {
            let shown = all.entry(path).or_default();
            shown.executable = entry.executable;
            shown.bytes = match (entry.bytes, &attachments) {
                (Some(Some(file)), Some(attachments)) => {
                    Some(Some(attachments.read(&file).map_err(io::Error::other)?))
                }
                (Some(None), _) => Some(None),
                _ => None,
            };
        }
        Ok(Self(all))
    }

    pub(super) fn wanted(&self) -> BTreeMap<PathBuf, Wanted<'_>> {
        self.0
            .iter()
            .map(|(path, shown)| (PathBuf::from(path.as_str()), shown.into()))
            .collect()
    }
}

impl<'a> From<&'a Shown> for Wanted<'a> {
    fn from(shown: &'a Shown) -> Self {
        let content = match (&shown.bytes, &shown.text) {
            (Some(Some(bytes)), _) => Content::Bytes(bytes),
            (Some(None), _) | (None, Some(None)) => Content::Nothing,
            (None, Some(Some(text))) => Content::Text(text),
            (None, None) => Content::Disk,
        };
        Wanted {
            content,
            executable: shown.executable,
        }
    }
}
