//! A copy of the workspace that follows it: what is tracked or new and not ignored, with an overlay.
//!
//! A file of the copy is written only when its bytes change, and then its time is that of the writing: build tools
//! compare times, and text that went back to what it was must look newer than what was built in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ignore::{DirEntry, WalkBuilder};
use interline_workspace::path::WorkspacePath;

const MOST_FILES: usize = 100_000;
const MOST_BYTES: u64 = 2 << 30;

/// Folders that are never copied: history, and what tools can make again.
const LEFT_OUT: &[&str] = &[".git", "node_modules", ".venv", "venv", "__pycache__"];
/// Of these, what checkers must still find, at its place as a link: packages that are installed.
const LINKED: &[&str] = &["node_modules", ".venv", "venv"];

/// What the copy has, and where it came from.
#[derive(Debug, Default)]
pub(crate) struct Copy {
    files: BTreeMap<PathBuf, Source>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    /// A file as it was when it was copied.
    Disk { modified: SystemTime, size: u64 },
    /// A symlink, or one of ours.
    Link(PathBuf),
    /// Text that is not on disk.
    Overlay,
}

impl Copy {
    /// Brings `folder` up to date with `root` and the overlay. On an error the copy is as good as before.
    pub(super) fn sync(
        &mut self,
        root: &Path,
        folder: &Path,
        overlay: &[(WorkspacePath, Option<String>)],
    ) -> Result<(), String> {
        let cant = |error| format!("{} can't be written: {error}", folder.display());
        if self.files.is_empty() && folder.exists() {
            // Left by another process: nothing is known of it.
            fs::remove_dir_all(folder).map_err(cant)?;
        }
        // The copy may hold what others must not read.
        let mut private = fs::DirBuilder::new();
        private
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(cant)?;
        let overlay: HashMap<_, _> = overlay
            .iter()
            .map(|(path, text)| (PathBuf::from(path.as_str()), text.as_deref()))
            .collect();
        let mut wanted = walk(root)?;
        wanted.retain(|path, _| !overlay.contains_key(path));
        let texts = overlay.iter().filter(|(_, text)| text.is_some());
        wanted.extend(texts.map(|(path, _)| (path.clone(), Source::Overlay)));
        self.remove_vanished(folder, &wanted);
        for (path, source) in wanted {
            let text = overlay.get(&path).copied().flatten();
            match self.bring(root, folder, &path, &source, text) {
                Ok(()) => {
                    self.files.insert(path, source);
                }
                // It went away meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(format!("{} can't be copied: {error}", path.display())),
            }
        }
        Ok(())
    }

    /// All files, relative to the root, sorted.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        self.files.keys().cloned().collect()
    }

    fn remove_vanished(&mut self, folder: &Path, wanted: &BTreeMap<PathBuf, Source>) {
        self.files.retain(|path, source| {
            let stays = wanted.get(path).is_some_and(|wanted| {
                matches!(wanted, Source::Link(_)) == matches!(source, Source::Link(_))
            });
            if !stays {
                // If it could not be removed, it could not be written either.
                let _ = fs::remove_file(folder.join(path));
            }
            stays
        });
    }

    fn bring(
        &self,
        root: &Path,
        folder: &Path,
        path: &Path,
        source: &Source,
        text: Option<&str>,
    ) -> std::io::Result<()> {
        let target = folder.join(path);
        let known = self.files.get(path);
        if known == Some(source) && *source != Source::Overlay {
            return Ok(());
        }
        if known.is_none()
            && let Some(parent) = target.parent()
        {
            fs::create_dir_all(parent)?;
        }
        match (source, text) {
            (Source::Link(to), _) => {
                // One that leads elsewhere now.
                let _ = fs::remove_file(&target);
                std::os::unix::fs::symlink(to, &target)
            }
            (_, Some(text)) => replace(&target, text.as_bytes()),
            (_, None) if known.is_some() => {
                replace(&target, &fs::read(root.join(path))?)?;
                keep_permissions(&root.join(path), &target)
            }
            (_, None) => {
                let mut from = fs::File::open(root.join(path))?;
                std::io::copy(&mut from, &mut fs::File::create(&target)?)?;
                keep_permissions(&root.join(path), &target)
            }
        }
    }
}

/// Writes where the bytes differ. The old file is removed first: it may be read-only.
#[expect(
    clippy::disallowed_methods,
    reason = "a file of the copy, in our own folder"
)]
fn replace(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if fs::read(target).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let _ = fs::remove_file(target);
    fs::write(target, bytes)
}

/// Scripts stay executable.
fn keep_permissions(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::set_permissions(to, fs::metadata(from)?.permissions())
}

/// What the copy of `root` consists of, relative.
fn walk(root: &Path) -> Result<BTreeMap<PathBuf, Source>, String> {
    let walk = WalkBuilder::new(root)
        .hidden(false)
        .ignore(false)
        .require_git(false)
        .filter_entry(is_source)
        .build();
    let mut files = BTreeMap::new();
    let mut bytes = 0;
    // What can't be read can't be checked; a checker that needs it will say so.
    for entry in walk.flatten() {
        let (Some(kind), Ok(path)) = (entry.file_type(), entry.path().strip_prefix(root)) else {
            continue;
        };
        let source = if kind.is_symlink() {
            link(root, entry.path())
        } else if kind.is_file() {
            stamp(entry.path())
        } else {
            None
        };
        if let Some(source) = source {
            if let Source::Disk { size, .. } = source {
                bytes += size;
            }
            files.insert(path.to_owned(), source);
        }
        if files.len() > MOST_FILES || bytes > MOST_BYTES {
            return Err(format!(
                "the workspace is too large to be copied (over {MOST_FILES} files or {} GiB that are not ignored)",
                MOST_BYTES >> 30
            ));
        }
    }
    files.extend(beside(root, &files));
    Ok(files)
}

fn is_source(entry: &DirEntry) -> bool {
    if !entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return true;
    }
    let left_out = LEFT_OUT.iter().any(|name| entry.file_name() == *name);
    // Build folders are tagged (https://bford.info/cachedir/); not every project ignores them.
    let is_cache = || entry.path().join("CACHEDIR.TAG").is_file();
    !left_out && (entry.depth() == 0 || !is_cache())
}

fn stamp(file: &Path) -> Option<Source> {
    let facts = file.metadata().ok()?;
    let (modified, size) = (facts.modified().ok()?, facts.len());
    Some(Source::Disk { modified, size })
}

/// A link inside the copy where it stays inside the workspace, else to what it leads to.
fn link(root: &Path, file: &Path) -> Option<Source> {
    let to = fs::read_link(file).ok()?;
    let real = file.canonicalize().ok()?;
    Some(Source::Link(
        if to.is_relative() && real.starts_with(root) {
            to
        } else {
            real
        },
    ))
}

/// What is ignored, but needed beside its manifest.
fn beside(root: &Path, files: &BTreeMap<PathBuf, Source>) -> Vec<(PathBuf, Source)> {
    let named = |names: &'static [&'static str]| {
        let files = files.keys();
        files.filter(move |file| {
            names
                .iter()
                .any(|name| file.file_name().is_some_and(|n| n == *name))
        })
    };
    let mut found = Vec::new();
    let locks = named(&["Cargo.toml"]).map(|file| file.with_file_name("Cargo.lock"));
    for lock in locks.filter(|lock| !files.contains_key(lock)) {
        found.extend(stamp(&root.join(&lock)).map(|source| (lock, source)));
    }
    let manifests = named(&["package.json", "pyproject.toml"]);
    let folders: BTreeSet<_> = manifests
        .filter_map(|file| file.parent())
        .chain([Path::new("")])
        .collect();
    for folder in folders {
        for name in LINKED {
            let real = root.join(folder).join(name);
            if real.is_dir() {
                found.push((folder.join(name), Source::Link(real)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::testing::put;

    fn overlay(path: &str, text: Option<&str>) -> (WorkspacePath, Option<String>) {
        let path = WorkspacePath::new(path).expect("a path");
        (path, text.map(str::to_owned))
    }

    #[test]
    fn the_copy_has_what_counts_and_follows() {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path().canonicalize().expect("it exists");
        let (root, to) = (base.join("root"), base.join("copy"));
        for (path, text) in [
            (".gitignore", "secret\nCargo.lock\n"),
            ("secret", "s"),
            ("Cargo.toml", ""),
            ("Cargo.lock", "lock"),
            (".git/config", ""),
            ("build/CACHEDIR.TAG", ""),
            ("node_modules/a/index.js", ""),
            (".cargo/config.toml", ""),
            ("src/a.rs", "a"),
            ("run", "#!"),
        ] {
            put(&root, path, text);
        }
        fs::set_permissions(root.join("run"), fs::Permissions::from_mode(0o555)).expect("ours");
        symlink("src/a.rs", root.join("inside")).expect("a link");
        symlink("/etc/hostname", root.join("outside")).expect("a link");
        let mut copy = Copy::default();
        copy.sync(&root, &to, &[]).expect("synced");
        let names: Vec<_> = copy
            .files()
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        insta::assert_snapshot!(names.join(" "), @".cargo/config.toml .gitignore Cargo.lock Cargo.toml inside node_modules outside run src/a.rs");
        let mode = fs::metadata(to.join("run"))
            .expect("copied")
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111);

        let read = |path: &str| fs::read_to_string(to.join(path));
        let time = |path: &str| {
            fs::metadata(to.join(path))
                .and_then(|facts| facts.modified())
                .expect("there")
        };
        let before = time("Cargo.toml");
        let changes = [
            overlay("src/a.rs", Some("b")),
            overlay("src/new/c.rs", Some("c")),
            overlay("run", None),
        ];
        copy.sync(&root, &to, &changes).expect("synced");
        assert_eq!(read("src/a.rs").expect("there"), "b");
        assert_eq!(read("src/new/c.rs").expect("there"), "c");
        assert!(read("run").is_err());
        assert_eq!(time("Cargo.toml"), before);
        let changed = time("src/a.rs");
        copy.sync(&root, &to, &changes).expect("synced");
        assert_eq!(
            time("src/a.rs"),
            changed,
            "the same text is not written again"
        );
        fs::remove_file(root.join("Cargo.toml")).expect("ours");
        copy.sync(&root, &to, &[]).expect("synced");
        assert_eq!(read("src/a.rs").expect("there"), "a");
        assert!(
            time("src/a.rs") >= changed,
            "text that went back is new to build tools"
        );
        assert!(read("src/new/c.rs").is_err() && read("Cargo.toml").is_err());
        assert!(read("run").is_ok());
        assert_eq!(
            fs::read_to_string(root.join("src/a.rs")).expect("there"),
            "a"
        );
    }

    #[test]
    fn a_copy_of_another_process_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, to) = (folder.path().join("root"), folder.path().join("copy"));
        put(&root, "a", "new");
        put(&to, "a", "old");
        put(&to, "b", "left");
        Copy::default().sync(&root, &to, &[]).expect("synced");
        assert_eq!(fs::read_to_string(to.join("a")).expect("there"), "new");
        assert!(!to.join("b").exists());
    }
}
