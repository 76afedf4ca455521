//! What a command sees of this machine beside its workspace: the system and the user's toolchains, to read; a `/tmp`
//! and a home of its own, empty; no secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::toolchains::toolchains;
use super::{Mount, Network};
use crate::process::PROXIES;

/// The system's own folders, as far as they are there. Where one is a symbolic link it stays one.
const SYSTEM: &[&str] = &[
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu",
];
/// Empty ones of the command's own, and how many bytes they take at most.
const PRIVATE: &[(&str, u64)] = &[
    ("/tmp", 2 << 30),
    ("/var/tmp", 256 << 20),
    ("/run", 16 << 20),
];
const HOME_SIZE: u64 = 1 << 30;
/// On NixOS programs are found by it.
const AFTERWARDS: &[&str] = &["/run/current-system"];

/// Secrets below a home, for a workspace that has the home in it. (Any other shows nothing of it.)
const SECRETS: &[&str] = &[
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".docker",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/op",
    ".config/containers",
    ".local/share/keyrings",
    ".password-store",
    ".netrc",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".git-credentials",
    ".gem/credentials",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".terraform.d",
    ".vault-token",
    ".pgpass",
    ".my.cnf",
    ".bash_history",
    ".zsh_history",
    ".python_history",
    ".node_repl_history",
    ".mozilla",
    ".config/google-chrome",
    ".config/chromium",
    ".thunderbird",
];

/// Variables that would lead a program to folders that it does not see. (Proxies it can't reach either.)
const UNSET: &[&str] = &[
    "TMPDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "GOCACHE",
];

/// Package managers that know that there is no network say so at once, and don't try for a minute.
const OFFLINE: [(&str, &str); 6] = [
    ("CARGO_NET_OFFLINE", "true"),
    ("npm_config_offline", "true"),
    ("npm_config_update_notifier", "false"),
    ("PIP_NO_INDEX", "1"),
    ("UV_OFFLINE", "1"),
    ("GOPROXY", "off"),
];

/// All mounts of a command: those of this machine for a user with this environment, and the workspace's.
///
/// `scratch` is a folder of ours for the session: what a build adds to Cargo's home is kept there.
///
/// # Errors
/// Where `scratch` can't be written, or the workspace is the whole file system.
pub fn mounts(
    env: &[(String, String)],
    scratch: &Path,
    workspace: Vec<Mount>,
) -> std::io::Result<Vec<Mount>> {
    let places: Vec<_> = workspace.iter().filter_map(place).collect();
    if places.iter().any(|place| *place == Path::new("/")) {
        return Err(std::io::Error::other(
            "the workspace is the whole file system: open a folder of it",
        ));
    }
    let home = home(env);
    let mut mounts: Vec<_> = existing(SYSTEM).map(Mount::ReadOnly).collect();
    mounts.extend(guarded().iter().cloned().map(Mount::Hidden));
    mounts.extend(PRIVATE.iter().map(|(at, size)| Mount::Private {
        at: at.into(),
        size: *size,
    }));
    mounts.extend(existing(AFTERWARDS).map(Mount::ReadOnly));
    if let Some(home) = &home {
        let within = places.iter().any(|place| home.starts_with(place));
        mounts.push(Mount::Private {
            at: home.clone(),
            size: HOME_SIZE,
        });
        let tools = toolchains(env, home, &places, scratch)?;
        let secrets = SECRETS.iter().filter(|_| within);
        let secrets: Vec<_> = secrets.map(|path| Mount::Hidden(home.join(path))).collect();
        mounts.extend(tools);
        mounts.extend(workspace.iter().cloned());
        mounts.extend(secrets);
    } else {
        mounts.extend(workspace.iter().cloned());
    }
    Ok(mounts)
}

/// The same without namespaces: nothing is at another place than it is, and what is in memory elsewhere is a folder of
/// ours here, `own`, whose environment is the second part. Cargo's home can only be read.
#[must_use]
pub fn landlocked(
    env: &[(String, String)],
    mounts: Vec<Mount>,
    own: &Path,
) -> (Vec<Mount>, Vec<(String, String)>) {
    let mut flat: Vec<_> = mounts
        .into_iter()
        .filter_map(|mount| match mount {
            Mount::Private { .. } => None,
            Mount::Overlay { at, .. } => Some(Mount::ReadOnly(at)),
            other => Some(other),
        })
        .collect();
    flat.push(Mount::ReadOnly("/proc".into()));
    flat.push(Mount::Writable {
        from: own.to_owned(),
        at: own.to_owned(),
    });
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut variables = vec![
        ("HOME".to_owned(), text(&own.join("home"))),
        ("TMPDIR".to_owned(), text(&own.join("tmp"))),
        // It can't be written; what is compared with it there is by bytes.
        ("GIT_OPTIONAL_LOCKS".to_owned(), "0".to_owned()),
    ];
    // Those that are found by the home.
    if let Some(home) = home(env) {
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            let folder = home.join(folder);
            let is_set = env.iter().any(|(known, _)| known == name);
            if !is_set && folder.is_dir() {
                variables.push((name.to_owned(), text(&folder)));
            }
        }
    }
    (flat, variables)
}

/// The environment of a command, of that which a child outside of the sandbox would have.
#[must_use]
pub fn environment(variables: &[(String, String)], network: &Network) -> Vec<(String, String)> {
    let kept = variables
        .iter()
        .filter(|(name, _)| !UNSET.contains(&name.as_str()) && !PROXIES.contains(&name.as_str()));
    let offline = OFFLINE.iter().filter(|_| *network == Network::Nobody);
    let offline = offline.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    kept.cloned().chain(offline).collect()
}

fn place(mount: &Mount) -> Option<&Path> {
    match mount {
        Mount::ReadOnly(at)
        | Mount::Overlay { at, .. }
        | Mount::Writable { at, .. }
        | Mount::Private { at, .. } => Some(at),
        Mount::Hidden(_) => None,
    }
}

fn existing(paths: &[&str]) -> impl Iterator<Item = PathBuf> {
    paths
        .iter()
        .map(PathBuf::from)
        .filter(|path| path.symlink_metadata().is_ok())
}

/// The home, unless it is a folder of the system (some users have `/` or `/usr/sbin`).
fn home(env: &[(String, String)]) -> Option<PathBuf> {
    let (_, home) = env.iter().find(|(name, _)| name == "HOME")?;
    let home = PathBuf::from(home);
    let system = SYSTEM.iter().chain(&["/dev", "/proc", "/sys", "/run"]);
    let mut system = system.map(Path::new);
    let fits = home.is_absolute()
        && home.parent().is_some()
        && !system.any(|folder| home.starts_with(folder));
    fits.then_some(home)
}

/// What is below `/etc` and not for everybody: the user, root above all, may read it, a command must not. Looked up
/// once.
fn guarded() -> &'static [PathBuf] {
    static FOUND: OnceLock<Vec<PathBuf>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = Vec::new();
        collect_guarded(Path::new("/etc"), &mut found);
        found
    })
}

fn collect_guarded(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(facts) = entry.metadata() else {
            continue;
        };
        let needed = if facts.is_dir() { 0o5 } else { 0o4 };
        if facts.is_symlink() {
        } else if facts.permissions().mode() & needed != needed {
            found.push(entry.path());
        } else if facts.is_dir() {
            collect_guarded(&entry.path(), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(home: &str) -> Vec<(String, String)> {
        vec![("HOME".to_owned(), home.to_owned())]
    }

    #[test]
    fn a_home_that_is_the_system_is_none() {
        for home in ["/", "/usr/sbin", "relative", "/run/x", ""] {
            assert_eq!(super::home(&env(home)), None, "{home}");
        }
        assert_eq!(super::home(&env("/home/u")), Some("/home/u".into()));
    }

    #[test]
    fn the_workspace_lies_over_the_home_and_its_secrets_are_covered_last() {
        let scratch = tempfile::tempdir().expect("a folder");
        let at = |path: &str| Mount::Writable {
            from: "/nowhere".into(),
            at: path.into(),
        };
        let found = mounts(&env("/home/u"), scratch.path(), vec![at("/home/u")]).expect("a folder");
        let position = |wanted: &Mount| found.iter().position(|mount| mount == wanted);
        let private = Mount::Private {
            at: "/home/u".into(),
            size: HOME_SIZE,
        };
        let secret = Mount::Hidden("/home/u/.ssh".into());
        assert!(position(&private) < position(&at("/home/u")));
        assert!(position(&at("/home/u")) < position(&secret));
        let other =
            mounts(&env("/home/u"), scratch.path(), vec![at("/home/u/src")]).expect("a folder");
        assert!(!other.contains(&secret));
        assert!(mounts(&env("/home/u"), scratch.path(), vec![at("/")]).is_err());
    }
}
