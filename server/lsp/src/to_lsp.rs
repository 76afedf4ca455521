//! From the workspace's terms to the protocol's.

use std::path::Path;

use interline_agent as agent;
use interline_log::TurnOutcome;
use interline_workspace::Workspace;
use interline_workspace::document::{Position, Range};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Hunk, HunkState, RangeEdit};
use lsp_types as lsp;
use tower_lsp::UriExt as _;

use crate::protocol;

/// `None` where the path is not absolute.
pub(crate) fn file_uri(path: &Path) -> Option<lsp::Uri> {
    path.is_absolute()
        .then(|| lsp::Uri::from_file_path(path))
        .flatten()
}

/// The editor's own name of an open file, else a `file:` URI.
pub(crate) fn uri(workspace: &Workspace, path: &WorkspacePath) -> Option<lsp::Uri> {
    match workspace.document_at(path) {
        Some(document) => document.uri.parse().ok(),
        None => file_uri(&workspace.root().join(path.as_str())),
    }
}

pub(crate) fn position(position: Position) -> lsp::Position {
    lsp::Position {
        line: position.line,
        character: position.character,
    }
}

pub(crate) fn range(range: Range) -> lsp::Range {
    lsp::Range {
        start: position(range.start),
        end: position(range.end),
    }
}

pub(crate) fn text_edit(edit: RangeEdit) -> lsp::TextEdit {
    lsp::TextEdit {
        range: range(edit.range),
        new_text: edit.text,
    }
}

pub(crate) fn started(started: agent::Started) -> protocol::Started {
    protocol::Started {
        session: started.session,
        turn: started.turn,
    }
}

/// `None` for a hunk that is no longer the user's to review.
pub(crate) fn hunk(
    hunk: &Hunk,
    verdict: Option<protocol::HunkVerdict>,
) -> Option<protocol::HunkInfo> {
    let state = match hunk.state {
        HunkState::Pending => protocol::HunkState::Pending,
        HunkState::Conflict => protocol::HunkState::Conflict,
        HunkState::Applying => protocol::HunkState::Applying,
        HunkState::Applied => return None,
    };
    let (kind, to) = match &hunk.kind {
        interline_log::HunkKind::Text => (protocol::HunkKind::Text, None),
        interline_log::HunkKind::Create => (protocol::HunkKind::Create, None),
        interline_log::HunkKind::Delete => (protocol::HunkKind::Delete, None),
        interline_log::HunkKind::Move { to } => (protocol::HunkKind::Move, Some(to.clone())),
        interline_log::HunkKind::Binary { .. } => (protocol::HunkKind::Binary, None),
        interline_log::HunkKind::Mode { .. } => (protocol::HunkKind::Mode, None),
    };
    Some(protocol::HunkInfo {
        id: hunk.id,
        session: hunk.session,
        kind,
        state,
        start_line: hunk.start_line,
        line_count: hunk.line_count,
        old_lines: lines(&hunk.old),
        new_lines: lines(&hunk.new),
        to,
        verdict,
    })
}

pub(crate) fn outcome(outcome: TurnOutcome) -> (protocol::Outcome, Option<String>) {
    match outcome {
        TurnOutcome::Done => (protocol::Outcome::Done, None),
        TurnOutcome::Stopped { message, .. } => (protocol::Outcome::Stopped, Some(message)),
        TurnOutcome::Failed { message } => (protocol::Outcome::Failed, Some(message)),
        TurnOutcome::Cancelled => (protocol::Outcome::Cancelled, None),
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}
