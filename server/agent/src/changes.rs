//! `@diff`: what is not saved yet and what is proposed, as unified diffs. What Git knows is not in it: that takes Git.

use std::fmt::Write as _;

use imara_diff::{Algorithm, BasicLineDiffPrinter, Diff, InternedInput, UnifiedDiffConfig};
use interline_log::SessionId;
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;

use crate::context::attribute;

/// Of one file's diff, in bytes.
const MAX_FILE: usize = 16 * 1024;
/// Of all diffs.
const MAX_BYTES: usize = 64 * 1024;

/// Tagged, file by file; says so where there is nothing. Reads the disk.
pub(crate) fn diff(workspace: &Workspace, session: SessionId) -> String {
    let mut out = String::new();
    let mut left_out = 0;
    let mut add = |kind: &str, path: &WorkspacePath, before: &str, after: &str| {
        if out.len() > MAX_BYTES {
            left_out += 1;
            return;
        }
        let text = unified(before, after);
        // Writing into a String fails never.
        let _ = write!(
            out,
            "<diff of=\"{kind}\" file=\"{}\">\n{text}</diff>\n",
            attribute(path.as_str())
        );
    };
    for document in workspace.unsaved() {
        if let Some(path) = &document.path {
            let saved = workspace.saved_text(path).ok().flatten();
            add(
                "unsaved",
                path,
                &saved.unwrap_or_default(),
                &document.text(),
            );
        }
    }
    for file in workspace.hunks() {
        if file.hunks.iter().any(|hunk| hunk.session == session) {
            let before = workspace.text(&file.path).unwrap_or_default();
            let after = workspace.proposed_text(session, &file.path);
            add("proposed", &file.path, &before, &after.unwrap_or_default());
        }
    }
    if left_out > 0 {
        let _ = writeln!(out, "<diff>{left_out} more files are left out</diff>");
    }
    if out.is_empty() {
        out.push_str("<diff>nothing is unsaved or proposed</diff>\n");
    }
    out
}

fn unified(before: &str, after: &str) -> String {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let printer = BasicLineDiffPrinter(&input.interner);
    let unified = diff.unified_diff(&printer, UnifiedDiffConfig::default(), &input);
    let mut text = unified.to_string();
    if text.len() > MAX_FILE {
        text.truncate(text.floor_char_boundary(MAX_FILE));
        text.push_str("\n(cut here: read the file)");
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsaved_text_is_compared_with_the_disk() {
        let root = tempfile::tempdir().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a fixture")]
        std::fs::write(root.path().join("a.txt"), "one\ntwo\n").unwrap();
        let workspace = Workspace::open(root.path()).unwrap();
        let session = SessionId::new();
        assert!(diff(&workspace, session).contains("nothing is unsaved"));
        let file = workspace.root().join("a.txt");
        workspace.did_open("file:///a.txt", Some(&file), "text", 1, "one\n2\n");
        let told = diff(&workspace, session);
        assert!(
            told.starts_with("<diff of=\"unsaved\" file=\"a.txt\">\n@@"),
            "{told}"
        );
        assert!(told.contains("\n-two\n+2\n"), "{told}");
        let long = "x\n".repeat(MAX_FILE);
        assert!(unified("", &long).ends_with("(cut here: read the file)\n"));
    }
}
