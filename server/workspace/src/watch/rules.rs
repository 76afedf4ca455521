//! The ignore rules that stand outside of the watched folders, and whether they are still the same.
//!
//! Rules inside are files like any other there: their events tell.

use std::fs;
use std::path::{Path, PathBuf};

use super::Stamp;

/// Each file that may hold rules, as it was; `None`: it was not there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rules(Vec<(PathBuf, Option<Stamp>)>);

impl Rules {
    /// What applies below `root` from above it, and what the user's Git has for all repositories.
    pub(super) fn around(root: &Path) -> Self {
        let mut files = Vec::new();
        for folder in root.ancestors() {
            files.extend([".ignore", ".gitignore"].map(|name| folder.join(name)));
            exclude(folder, &mut files);
        }
        files.extend(ignore::gitignore::gitconfig_excludes_path());
        Self(files.into_iter().map(stamped).collect())
    }

    /// What the repository in a folder below keeps beside its files.
    pub(super) fn of_repository(folder: &Path) -> Self {
        let mut files = Vec::new();
        exclude(folder, &mut files);
        Self(files.into_iter().map(stamped).collect())
    }

    /// The same files are there, and they are the same.
    pub(super) fn hold(&self) -> bool {
        self.0.iter().all(|(file, was)| Stamp::of(file) == *was)
    }
}

fn stamped(file: PathBuf) -> (PathBuf, Option<Stamp>) {
    let stamp = Stamp::of(&file);
    (file, stamp)
}

/// The files that decide on `info/exclude` of the repository in this folder.
fn exclude(folder: &Path, files: &mut Vec<PathBuf>) {
    let git = folder.join(".git");
    files.push(git.join("info/exclude"));
    // In a worktree it is a file that leads to the repository.
    let Some(to) = fs::read_to_string(&git).ok().and_then(|text| {
        let to = text.lines().next()?.strip_prefix("gitdir: ")?;
        Some(folder.join(to))
    }) else {
        return;
    };
    let common = to.join("commondir");
    if let Ok(text) = fs::read_to_string(&common) {
        files.push(to.join(text.trim_end()).join("info/exclude"));
    }
    files.extend([git, common, to.join("info/exclude")]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_above_and_beside_are_seen_to_change() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let put = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::io::Write::write_all(&mut fs::File::create(file).unwrap(), text.as_bytes())
                .unwrap();
        };
        put("root/a", "");
        for (name, text) in [
            (".gitignore", "a"),
            ("root/.git/info/exclude", "a"),
            (".ignore", "b"),
        ] {
            let before = Rules::around(&root);
            assert!(before.hold());
            put(name, text);
            assert!(!before.hold(), "{name}");
        }
        put("main/.git/worktrees/w/commondir", "../..\n");
        put("root/tree/.git", "gitdir: ../../main/.git/worktrees/w\n");
        let before = Rules::of_repository(&root.join("tree"));
        put("main/.git/info/exclude", "c");
        assert!(!before.hold());
    }
}
