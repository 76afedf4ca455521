//! Instruction files of the repository: text for the model, nearest folder first.
//!
//! They are data of the repo's: they reach the model as quoted context, never the policy.

use interline_log::LoadedFile;
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use sha2::{Digest, Sha256};

/// The first that a folder has counts: repositories keep the same text under several names.
const NAMES: [&str; 5] = [
    "AGENTS.md",
    "CLAUDE.md",
    ".interline/instructions.md",
    ".github/copilot-instructions.md",
    ".cursorrules",
];

/// All instructions together are cut here: beyond it they cost more than they help.
const MAX_BYTES: usize = 32 * 1024;

/// An instruction file.
pub(crate) struct Instructions {
    pub(crate) file: LoadedFile,
    pub(crate) text: String,
}

/// The instruction files that hold for a file (or the root), nearest first.
pub(crate) fn load(workspace: &Workspace, focus: Option<&WorkspacePath>) -> Vec<Instructions> {
    let mut left = MAX_BYTES;
    let mut found = Vec::new();
    for folder in folders(focus) {
        for name in NAMES {
            let path = if folder.is_empty() {
                name.to_owned()
            } else {
                format!("{folder}/{name}")
            };
            let Ok(path) = WorkspacePath::new(&path) else {
                continue;
            };
            let Some(text) = text(workspace, &path) else {
                continue;
            };
            let file = LoadedFile {
                path: path.to_string(),
                sha256: hex(&text),
            };
            let text = cut(text, left);
            left -= text.len();
            found.push(Instructions { file, text });
            if left == 0 {
                return found;
            }
            break;
        }
    }
    found
}

/// These files again, as they are now; those that are gone stay out.
pub(crate) fn read(workspace: &Workspace, paths: Vec<WorkspacePath>) -> Vec<Instructions> {
    let mut left = MAX_BYTES;
    let read = paths.into_iter().filter_map(|path| {
        let text = text(workspace, &path)?;
        let file = LoadedFile {
            path: path.to_string(),
            sha256: hex(&text),
        };
        let text = cut(text, left);
        left -= text.len();
        (!text.is_empty()).then_some(Instructions { file, text })
    });
    read.collect()
}

/// A link counts only where it leads to another such file: else it would tell what nobody has asked to read.
fn text(workspace: &Workspace, path: &WorkspacePath) -> Option<String> {
    let file = workspace.resolve(path).ok()?;
    let name = file.file_name()?.to_str()?;
    let is_known = NAMES
        .iter()
        .any(|known| known.rsplit('/').next() == Some(name));
    is_known.then(|| workspace.text(path).ok()).flatten()
}

/// From the file's own folder up to the root, which is the empty text.
fn folders(focus: Option<&WorkspacePath>) -> Vec<&str> {
    let mut folder = focus.map_or("", WorkspacePath::as_str);
    let mut folders = Vec::new();
    while let Some((parent, _)) = folder.rsplit_once('/') {
        folders.push(parent);
        folder = parent;
    }
    folders.push("");
    folders
}

fn cut(mut text: String, max: usize) -> String {
    text.truncate(text.floor_char_boundary(max));
    text
}

fn hex(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_first() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("a/b/.interline")).unwrap();
        for (file, text) in [
            ("CLAUDE.md", "root"),
            ("a/AGENTS.md", "a"),
            ("a/b/.interline/instructions.md", "b"),
        ] {
            #[expect(clippy::disallowed_methods, reason = "a fixture")]
            std::fs::write(root.path().join(file), text).unwrap();
        }
        let workspace = Workspace::open(root.path()).unwrap();
        let focus = WorkspacePath::new("a/b/c.rs").unwrap();
        let texts: Vec<_> = load(&workspace, Some(&focus))
            .into_iter()
            .map(|it| it.text)
            .collect();
        assert_eq!(texts, ["b", "a", "root"]);
        assert_eq!(load(&workspace, None).len(), 1);
        std::os::unix::fs::symlink("../../CLAUDE.md", root.path().join("a/b/AGENTS.md")).unwrap();
        assert_eq!(load(&workspace, Some(&focus))[0].text, "root");
        std::fs::remove_file(root.path().join("a/b/AGENTS.md")).unwrap();
        std::fs::File::create(root.path().join(".env")).unwrap();
        std::os::unix::fs::symlink("../../.env", root.path().join("a/b/AGENTS.md")).unwrap();
        assert_eq!(load(&workspace, Some(&focus))[0].text, "b");
    }
}
