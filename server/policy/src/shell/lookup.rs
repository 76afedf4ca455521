//! Where a command would run: the workspace's root, and where programs are found. Looks at the disk, changes nothing.

use std::env;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// Where systems keep the programs that everybody shares.
const SYSTEM: &str =
    "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:/opt/homebrew/bin";

pub(crate) struct Lookup {
    root: PathBuf,
    home: Option<PathBuf>,
    /// `None`: nothing is looked up.
    search: Option<Vec<PathBuf>>,
}

impl Lookup {
    pub(crate) fn on_system_path(root: &Path) -> Self {
        Self::on_path(root, OsStr::new(SYSTEM), None)
    }

    pub(crate) fn on_path(root: &Path, search_path: &OsStr, home: Option<&Path>) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        // A relative folder, as the shell would take it.
        let search = env::split_paths(search_path).map(|folder| root.join(folder));
        Self {
            search: Some(search.collect()),
            home: home.map(Path::to_owned),
            root,
        }
    }

    pub(crate) fn by_names(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            home: Some(PathBuf::from("/home/user")),
            search: None,
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// May there be something? Names alone can't tell.
    pub(crate) fn may_exist(&self, path: &Path) -> bool {
        self.search.is_none() || path.symlink_metadata().is_ok()
    }

    /// Is it a folder of the workspace that one can change to?
    pub(crate) fn is_folder(&self, path: &Path) -> bool {
        self.search.is_none() || path.is_dir()
    }

    /// Is this real path inside the workspace?
    pub(crate) fn contains(&self, path: &Path) -> bool {
        path.starts_with(&self.root)
    }

    /// The path of a program, found by its name; `None` where there is none. Its folder is real, its last part is
    /// the name as it was called: rustup and busybox are many programs in one file, told apart by that name.
    pub(crate) fn program(&self, name: &str) -> Option<PathBuf> {
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let Some(search) = &self.search else {
            return Some(Path::new("/usr/bin").join(name));
        };
        let file = search
            .iter()
            .map(|folder| folder.join(name))
            .find(|file| is_executable(file))?;
        let real = file.canonicalize().ok()?;
        // A link in the workspace is the workspace's, wherever it leads; and so is what a link leads to there.
        if self.contains(&file) || self.contains(&real) {
            return Some(self.root.join(name));
        }
        Some(file.parent()?.canonicalize().ok()?.join(name))
    }

    /// Is there a file of this name? Never for names alone.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.search.is_some() && !word.is_empty() && self.root.join(word).symlink_metadata().is_ok()
    }

    /// What a path of the command would touch, symlinks followed; what does not exist yet hangs on its nearest
    /// folder that does. `None`: a loop, no permission, or `..` behind something that is not there.
    pub(crate) fn resolve(&self, folder: &Path, sent: &str) -> Option<PathBuf> {
        let path = folder.join(sent);
        if self.search.is_none() {
            return Some(by_text(&path));
        }
        followed(&path, MAX_LINKS)
    }
}

/// More links in a row than anybody makes.
const MAX_LINKS: usize = 16;

fn followed(path: &Path, links: usize) -> Option<PathBuf> {
    if let Ok(real) = path.canonicalize() {
        return Some(real);
    }
    let mut existing = path;
    while existing.symlink_metadata().is_err() {
        existing = existing.parent()?;
    }
    let rest = path.strip_prefix(existing).ok()?;
    if let Ok(target) = existing.read_link() {
        // It leads to what is not there yet, and would be made by writing through it.
        let mut target = existing.parent()?.join(target);
        // An empty rest would leave a slash at the end, which follows links.
        target.extend(rest.components());
        return followed(&target, links.checked_sub(1)?);
    }
    let normal = rest
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    normal.then(|| Some(existing.canonicalize().ok()?.join(rest)))?
}

fn by_text(path: &Path) -> PathBuf {
    let mut real = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                // Above the top is the top.
                real.pop();
            }
            other => real.push(other),
        }
    }
    real
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|facts| {
        facts.is_file()
            && std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o111 != 0
    })
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}
