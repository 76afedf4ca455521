//! Workspace edits of other language servers as fixes: in full, or refused with a reason.
//!
//! An annotation that wants a confirmation gets one: the review. Must not read or change a file.

use interline_workspace::Workspace;
use interline_workspace::editor::{FileChange, Fix};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::RangeEdit;
use lsp_types as lsp;
use serde_json::Value;

use crate::{from_lsp, query};

pub(crate) fn of(workspace: &Workspace, title: String, preferred: bool, edit: Value) -> Fix {
    let mut fix = Fix {
        title,
        machine_applicable: preferred,
        ..Fix::default()
    };
    if let Err(why) = add(workspace, edit, &mut fix) {
        fix.edits.clear();
        fix.files.clear();
        fix.refused = Some(why.to_owned());
    }
    fix
}

fn add(workspace: &Workspace, edit: Value, fix: &mut Fix) -> Result<(), &'static str> {
    if has_snippet(&edit) {
        return Err("it has places to fill in");
    }
    let edit: lsp::WorkspaceEdit =
        serde_json::from_value(edit).map_err(|_| "its edit can't be read")?;
    match edit.document_changes {
        Some(lsp::DocumentChanges::Edits(documents)) => {
            for document in documents {
                add_edits(workspace, document, fix)?;
            }
        }
        Some(lsp::DocumentChanges::Operations(operations)) => {
            for operation in operations {
                match operation {
                    lsp::DocumentChangeOperation::Edit(document) => {
                        add_edits(workspace, document, fix)?;
                    }
                    lsp::DocumentChangeOperation::Op(operation) => {
                        fix.files.push(file_change(workspace, operation)?);
                    }
                }
            }
        }
        None => {
            for (uri, edits) in edit.changes.unwrap_or_default() {
                add_to(workspace, &uri, edits, fix)?;
            }
        }
    }
    Ok(())
}

/// LSP 3.18 `SnippetTextEdit`, which stands where a `TextEdit` could.
fn has_snippet(edit: &Value) -> bool {
    let documents = edit["documentChanges"].as_array().into_iter().flatten();
    let mut edits = documents
        .filter_map(|document| document["edits"].as_array())
        .flatten();
    edits.any(|edit| edit.get("snippet").is_some())
}

fn place(workspace: &Workspace, uri: &lsp::Uri) -> Result<WorkspacePath, &'static str> {
    query::path_of(workspace, uri).ok_or("it would also change files outside of the workspace")
}

fn file_change(
    workspace: &Workspace,
    operation: lsp::ResourceOp,
) -> Result<FileChange, &'static str> {
    Ok(match operation {
        lsp::ResourceOp::Create(create) => FileChange::Create {
            path: place(workspace, &create.uri)?,
            text: String::new(),
        },
        lsp::ResourceOp::Rename(rename) => FileChange::Move {
            from: place(workspace, &rename.old_uri)?,
            to: place(workspace, &rename.new_uri)?,
        },
        lsp::ResourceOp::Delete(delete) => FileChange::Delete {
            path: place(workspace, &delete.uri)?,
        },
    })
}

fn add_edits(
    workspace: &Workspace,
    document: lsp::TextDocumentEdit,
    fix: &mut Fix,
) -> Result<(), &'static str> {
    let edits = document.edits.into_iter().map(|edit| match edit {
        lsp::OneOf::Left(edit) => edit,
        lsp::OneOf::Right(annotated) => annotated.text_edit,
    });
    add_to(workspace, &document.text_document.uri, edits.collect(), fix)
}

/// Adds to the text of the file as it was before all of this: of a new one to what it begins with, of a moved one under
/// its old path.
fn add_to(
    workspace: &Workspace,
    uri: &lsp::Uri,
    edits: Vec<lsp::TextEdit>,
    fix: &mut Fix,
) -> Result<(), &'static str> {
    let mut path = place(workspace, uri)?;
    for change in fix.files.iter_mut().rev() {
        match change {
            FileChange::Create { path: made, text } if *made == path => return write(text, edits),
            FileChange::Move { from, to } if *to == path => path = from.clone(),
            FileChange::Delete { path: gone } if *gone == path => {
                return Err("it would change a file that it deletes");
            }
            _ => {}
        }
    }
    let edit = |edit: lsp::TextEdit| RangeEdit {
        range: from_lsp::range(edit.range),
        text: edit.new_text,
    };
    fix.edits
        .push((path, edits.into_iter().map(edit).collect()));
    Ok(())
}

/// Into an empty text there is one place to write.
fn write(text: &mut String, edits: Vec<lsp::TextEdit>) -> Result<(), &'static str> {
    if !text.is_empty() {
        return Err("it would write a new file in several steps");
    }
    *text = edits.into_iter().map(|edit| edit.new_text).collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(changes: &Value) -> Fix {
        let root = tempfile::tempdir().unwrap();
        let workspace = Workspace::open(root.path()).unwrap();
        let base = url(workspace.root());
        let text = changes.to_string().replace("ROOT", &base);
        let edit = json!({ "documentChanges": serde_json::from_str::<Value>(&text).unwrap() });
        of(&workspace, "t".to_owned(), false, edit)
    }

    fn url(path: &std::path::Path) -> String {
        format!("file://{}", path.display())
    }

    fn edits(name: &str, text: &str) -> Value {
        let at = json!({ "line": 0, "character": 0 });
        let edit = json!({ "range": { "start": at, "end": at }, "newText": text, "annotationId": "sure?" });
        json!({ "textDocument": { "uri": format!("ROOT/{name}"), "version": null }, "edits": [edit] })
    }

    #[test]
    fn files_are_created_moved_and_deleted_and_edits_are_of_the_text_before() {
        let fix = made(&json!([
            edits("a.rs", "one"),
            { "kind": "create", "uri": "ROOT/new.rs" },
            edits("new.rs", "fn new() {}\n"),
            { "kind": "rename", "oldUri": "ROOT/a.rs", "newUri": "ROOT/b.rs" },
            edits("b.rs", "two"),
            { "kind": "delete", "uri": "ROOT/c.rs", "annotationId": "sure?" },
        ]));
        let path = |name: &str| WorkspacePath::new(name).unwrap();
        let edited: Vec<_> = fix
            .edits
            .iter()
            .map(|(path, edits)| (path.as_str(), edits[0].text.as_str()))
            .collect();
        assert_eq!(edited, [("a.rs", "one"), ("a.rs", "two")]);
        let create = FileChange::Create {
            path: path("new.rs"),
            text: "fn new() {}\n".to_owned(),
        };
        let (from, to) = (path("a.rs"), path("b.rs"));
        let rest = [
            FileChange::Move { from, to },
            FileChange::Delete { path: path("c.rs") },
        ];
        assert_eq!((&fix.files[0], &fix.files[1..]), (&create, &rest[..]));
        assert_eq!(fix.refused, None);
    }

    #[test]
    fn what_can_not_be_done_in_full_is_refused() {
        let at = json!({ "line": 0, "character": 0 });
        let snippet = json!({ "range": { "start": at, "end": at }, "snippet": { "kind": "snippet", "value": "$0" } });
        for (changes, why) in [
            (
                json!([edits("a.rs", "x"), edits("../out.rs", "x")]),
                "it would also change files outside of the workspace",
            ),
            (
                json!([edits("a.rs", "x"), { "kind": "create", "uri": "file:///elsewhere/x" }]),
                "it would also change files outside of the workspace",
            ),
            (
                json!([edits("a.rs", "x"), { "textDocument": { "uri": "ROOT/b.rs", "version": 1 }, "edits": [snippet] }]),
                "it has places to fill in",
            ),
            (
                json!([{ "kind": "delete", "uri": "ROOT/c.rs" }, edits("c.rs", "x")]),
                "it would change a file that it deletes",
            ),
            (
                json!([edits("a.rs", "x"), { "kind": "burn", "uri": "ROOT/c.rs" }]),
                "its edit can't be read",
            ),
        ] {
            let fix = made(&changes);
            assert_eq!(fix.refused.as_deref(), Some(why));
            assert!(fix.edits.is_empty() && fix.files.is_empty());
        }
    }
}
