//! What a child gets to see of the user's environment: what programs need to work, nothing that opens doors.
//!
//! An allow-list, since tokens have any name. Programs are looked up on the `PATH` without the workspace's own
//! folders: a repository must not be able to bring its own `git` (CVE-2026-10591).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Names that pass as they are.
const KEPT: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOCACHE",
    "GOMODCACHE",
    "JAVA_HOME",
    "NVM_DIR",
    "VOLTA_HOME",
    "PNPM_HOME",
    "BUN_INSTALL",
    "DENO_DIR",
    "PYENV_ROOT",
    "RBENV_ROOT",
    "PKG_CONFIG_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_SSL_CERT_FILE",
    "NODE_EXTRA_CA_CERTS",
];

/// Proxies pass where no password stands in them.
pub(crate) const PROXIES: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// Nobody is at a terminal: no colours, no pager, no questions.
const SET: [(&str, &str); 8] = [
    ("TERM", "dumb"),
    ("NO_COLOR", "1"),
    ("CARGO_TERM_COLOR", "never"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("PYTHONUNBUFFERED", "1"),
];

/// The environment of a child.
#[derive(Clone, Debug)]
pub(crate) struct ChildEnvironment {
    variables: Vec<(String, String)>,
    folders: Vec<PathBuf>,
    path: String,
    root: PathBuf,
}

impl ChildEnvironment {
    /// The allowed part of `env` for a child that works on the workspace at `root` (canonical).
    pub(crate) fn new(env: &[(String, String)], root: &Path) -> Self {
        let path = env.iter().find(|(name, _)| name == "PATH");
        let path = path.map_or("/usr/local/bin:/usr/bin:/bin", |(_, path)| path);
        let mut folders: Vec<_> = std::env::split_paths(path).collect();
        folders.retain(|folder| folder.is_absolute() && is_outside(folder, root));
        // They were split at the separator and came as text, so they can be joined again.
        let path = std::env::join_paths(&folders).unwrap_or_default();
        let path = path.to_string_lossy().into_owned();
        let mut variables: Vec<_> = env
            .iter()
            .filter(|(name, value)| passes(name, value))
            .cloned()
            .collect();
        variables.extend(SET.map(|(name, value)| (name.to_owned(), value.to_owned())));
        variables.push(("PATH".to_owned(), path.clone()));
        Self {
            variables,
            folders,
            path,
            root: root.to_owned(),
        }
    }

    /// Just these variables, for a program that is named by its path.
    pub(crate) fn exactly(variables: Vec<(String, String)>) -> Self {
        Self {
            variables,
            folders: Vec::new(),
            path: String::new(),
            root: PathBuf::new(),
        }
    }

    /// The cleaned search path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Sets a variable of ours.
    pub(crate) fn set(&mut self, name: &str, value: &Path) {
        let value = value.to_string_lossy().into_owned();
        self.variables.push((name.to_owned(), value));
    }

    /// Where Cargo keeps its own, configuration included.
    pub(crate) fn cargo_home(&self) -> Option<PathBuf> {
        let value = |wanted| self.variables.iter().find(|(name, _)| name == wanted);
        let set = value("CARGO_HOME").map(|(_, home)| PathBuf::from(home));
        set.or_else(|| value("HOME").map(|(_, home)| Path::new(home).join(".cargo")))
    }

    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// The program that this name stands for; never one of the workspace.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        if program.is_empty() || program.contains('/') {
            return None;
        }
        let candidates = self.folders.iter().map(|folder| folder.join(program));
        candidates
            .into_iter()
            .find(|file| is_executable(file) && is_outside(file, &self.root))
    }
}

fn passes(name: &str, value: &str) -> bool {
    KEPT.contains(&name)
        || name.starts_with("LC_")
        || (PROXIES.contains(&name) && !value.contains('@'))
}

/// As written and with symlinks resolved. What can't be resolved is not there, so it harms nobody.
fn is_outside(path: &Path, root: &Path) -> bool {
    let resolved = path.canonicalize();
    !path.starts_with(root) && resolved.is_ok_and(|path| !path.starts_with(root))
}

pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(env: &[(&str, &str)], root: &Path) -> ChildEnvironment {
        let env: Vec<_> = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        ChildEnvironment::new(&env, root)
    }

    #[test]
    fn only_what_is_on_the_list_passes() {
        let root = tempfile::tempdir().expect("a folder");
        let env = environment(
            &[
                ("HOME", "/home/u"),
                ("LC_ALL", "C"),
                ("ANTHROPIC_API_KEY", "secret"),
                ("SSH_AUTH_SOCK", "/run/agent"),
                ("BASH_ENV", "/evil"),
                ("LD_PRELOAD", "/evil.so"),
                ("https_proxy", "http://user:secret@proxy:1"),
                ("http_proxy", "http://proxy:1"),
            ],
            root.path(),
        );
        let mut names: Vec<_> = env
            .variables()
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names.retain(|name| SET.iter().all(|(set, _)| set != name));
        assert_eq!(names, ["HOME", "LC_ALL", "PATH", "http_proxy"]);
    }

    #[test]
    fn the_workspace_brings_no_programs() {
        let root = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("it exists");
        let bin = root.join("bin");
        std::fs::create_dir(&bin).expect("a new folder");
        std::fs::copy("/bin/sh", bin.join("git")).expect("a copy");
        let link = outside.path().join("git");
        std::os::unix::fs::symlink(bin.join("git"), link).expect("a link");
        let path = format!("{}:.:bin:{}", bin.display(), outside.path().display());
        let env = environment(&[("PATH", &path)], &root);
        assert_eq!(env.find("git"), None);
        let env = environment(&[("PATH", &format!("{path}:/bin"))], &root);
        assert_eq!(env.find("sh"), Some(PathBuf::from("/bin/sh")));
        assert_eq!(env.find("./bin/git"), None);
    }
}
