//! The branch that is checked out, read from Git's own files: Git itself is never run for it, so nothing of the
//! repository's configuration is.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Both kinds of file are one short line.
const MAX_BYTES: u64 = 4096;

/// The branch of the repository that a folder is in, or the start of the commit where none is checked out; `None`
/// where there is no repository, or none that can be read.
pub(crate) fn branch(folder: &Path) -> Option<String> {
    let (at, git) = folder.ancestors().find_map(|at| {
        let git = at.join(".git");
        git.symlink_metadata().is_ok().then_some((at, git))
    })?;
    let git = if git.is_dir() {
        git
    } else {
        // Of a linked worktree or a submodule.
        at.join(line(&git)?.strip_prefix("gitdir: ")?)
    };
    let head = line(&git.join("HEAD"))?;
    if let Some(branch) = head.strip_prefix("ref: refs/heads/") {
        return Some(branch.to_owned());
    }
    let is_commit = matches!(head.len(), 40 | 64) && head.bytes().all(|c| c.is_ascii_hexdigit());
    is_commit.then(|| format!("commit {}", head.get(..12).unwrap_or_default()))
}

/// The one line of a small file.
fn line(file: &Path) -> Option<String> {
    // Looked at before opening: opening a pipe would wait for its writer.
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    let mut text = String::new();
    let opened = File::open(file).ok()?;
    opened.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    let line = text.trim_end();
    (!line.is_empty() && !line.contains(char::is_control)).then(|| line.to_owned())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
mod tests {
    use super::*;

    #[test]
    fn branches_commits_and_worktrees_are_read_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let (folder, git) = (root.path().join("sub"), root.path().join(".git"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(git.join("worktrees/w")).unwrap();
        let commit = "0123456789abcdef".repeat(4);
        for (head, branch_of) in [
            ("ref: refs/heads/topic/x\n", Some("topic/x")),
            (commit.as_str(), Some("commit 0123456789ab")),
            ("ref: refs/tags/x\n", None),
            ("ref: refs/heads/a\nb\n", None),
            ("", None),
            ("root:x:0:0:\n", None),
        ] {
            std::fs::write(git.join("HEAD"), head).unwrap();
            assert_eq!(branch(&folder).as_deref(), branch_of, "{head}");
        }
        std::fs::write(git.join("HEAD"), "a".repeat(5000)).unwrap();
        assert_eq!(branch(&folder), None);
        std::fs::write(git.join("worktrees/w/HEAD"), "ref: refs/heads/w").unwrap();
        std::fs::write(folder.join(".git"), "gitdir: ../.git/worktrees/w\n").unwrap();
        assert_eq!(branch(&folder).as_deref(), Some("w"));
    }
}
