//! A landing as a `WorkspaceEdit`: one file, against the version that the hunks stand at.

use interline_workspace::Workspace;
use interline_workspace::document::{Position, Range};
use interline_workspace::editor::EditorError;
use interline_workspace::proposal::{Landing, LandingChange, RangeEdit};
use lsp_types as lsp;

use crate::to_lsp;

/// Without resource operations the client can't delete or move an open file.
pub(crate) fn workspace_edit(
    workspace: &Workspace,
    landing: &Landing,
    resource_operations: bool,
) -> Result<lsp::WorkspaceEdit, EditorError> {
    let document = landing.document.as_ref();
    let document = document
        .ok_or_else(|| EditorError::Unsupported(format!("{} is not open", landing.path)))?;
    let uri: lsp::Uri = document.uri.parse().map_err(|_| unnamed(&document.uri))?;
    let resource = |operation| {
        if resource_operations {
            Ok(lsp::DocumentChanges::Operations(vec![
                lsp::DocumentChangeOperation::Op(operation),
            ]))
        } else {
            let path = &landing.path;
            Err(EditorError::Unsupported(format!(
                "this editor can't move or delete files: close {path} first"
            )))
        }
    };
    let changes = match &landing.change {
        LandingChange::Text { edits, .. } => text(uri, document.version, edits.clone()),
        // The file is not there, but a buffer of its name is.
        LandingChange::Create(new) => text(
            uri,
            document.version,
            vec![RangeEdit {
                range: EVERYTHING,
                text: new.clone(),
            }],
        ),
        LandingChange::Bytes { .. } | LandingChange::Mode { .. } => {
            return Err(EditorError::Unsupported(format!(
                "an editor can't change the bytes or the mode of {}: the server does",
                landing.path
            )));
        }
        LandingChange::Delete => resource(lsp::ResourceOp::Delete(lsp::DeleteFile {
            uri,
            options: Some(lsp::DeleteFileOptions {
                recursive: Some(false),
                ignore_if_not_exists: Some(true),
                annotation_id: None,
            }),
        }))?,
        LandingChange::Move(to) => resource(lsp::ResourceOp::Rename(lsp::RenameFile {
            old_uri: uri,
            new_uri: to_lsp::uri(workspace, to).ok_or_else(|| unnamed(to.as_str()))?,
            // Never over a file that is there.
            options: Some(lsp::RenameFileOptions {
                overwrite: Some(false),
                ignore_if_exists: Some(false),
            }),
            annotation_id: None,
        }))?,
    };
    Ok(lsp::WorkspaceEdit {
        document_changes: Some(changes),
        ..lsp::WorkspaceEdit::default()
    })
}

/// Positions past the end mean the end (LSP 3.17, "Position").
const EVERYTHING: Range = Range {
    start: Position {
        line: 0,
        character: 0,
    },
    end: Position {
        line: i32::MAX as u32,
        character: 0,
    },
};

fn text(uri: lsp::Uri, version: i32, edits: Vec<RangeEdit>) -> lsp::DocumentChanges {
    let text_document = lsp::OptionalVersionedTextDocumentIdentifier {
        uri,
        version: Some(version),
    };
    let edits = edits
        .into_iter()
        .map(to_lsp::text_edit)
        .map(lsp::OneOf::Left)
        .collect();
    lsp::DocumentChanges::Edits(vec![lsp::TextDocumentEdit {
        text_document,
        edits,
    }])
}

fn unnamed(name: &str) -> EditorError {
    EditorError::Unsupported(format!("{name} has no usable URI"))
}
