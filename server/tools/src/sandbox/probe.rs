//! Whether the sandbox works on this machine, found out by using it, and what to do where it doesn't.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::{Level, Limits, Mount, Network, Ready, Spec, run};

/// What was found.
#[derive(Clone, Debug)]
pub enum Probe {
    /// A command ran in it.
    Works(Ready),
    /// A command ran in the lesser one, without namespaces; what keeps those from working.
    Lesser(Ready, Fault),
    /// It does not, so nothing may run as if it did.
    Fails(Fault),
}

/// Why there is no sandbox.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The step that failed.
    pub what: String,
    /// What the user can do.
    pub remedy: String,
}

/// Tries it once for the life of the process; takes a few milliseconds.
///
/// `scratch` is a folder of ours on the file system where upper layers will be.
pub async fn probe(launcher: &Path, scratch: &Path) -> &'static Probe {
    static FOUND: OnceCell<Probe> = OnceCell::const_new();
    FOUND.get_or_init(|| look(launcher, scratch)).await
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.what, self.remedy)
    }
}

async fn look(launcher: &Path, scratch: &Path) -> Probe {
    let place = scratch.join(".sandbox-probe");
    let tried = try_it(launcher, &place).await;
    let lesser = match &tried {
        Err(_) => try_lesser(launcher, &place).await,
        Ok(_) => Err(String::new()),
    };
    // It is ours and empty but for what the overlay left.
    let _ = std::fs::remove_dir_all(&place);
    match (tried, lesser) {
        (Ok(ready), _) => Probe::Works(ready),
        (Err(what), Ok(ready)) => Probe::Lesser(
            ready,
            Fault {
                remedy: remedy(&what, launcher),
                what,
            },
        ),
        (Err(what), Err(lesser)) => Probe::Fails(Fault {
            remedy: remedy(&what, launcher),
            what: format!("{what}; and without namespaces: {lesser}"),
        }),
    }
}

async fn try_it(launcher: &Path, place: &Path) -> Result<Ready, String> {
    if !cfg!(target_os = "linux") {
        return Err("this system has none that we use".to_owned());
    }
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| place.join(name));
    for folder in [&lower, &upper, &work] {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
    }
    let at = PathBuf::from("/workspace");
    let overlay = Mount::Overlay {
        lower: vec![lower],
        upper,
        work,
        at: at.clone(),
    };
    let mounts = super::host::mounts(&[], place, vec![overlay]);
    let spec = Spec {
        input: None,
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), "echo works > file".into()],
        environment: Vec::new(),
        folder: at,
        mounts: mounts.map_err(|error| error.to_string())?,
        network: Network::Nobody,
        limits: Limits::default(),
        level: Level::Namespaces,
    };
    ready(launcher, &spec).await
}

async fn try_lesser(launcher: &Path, place: &Path) -> Result<Ready, String> {
    if !cfg!(target_os = "linux") {
        return Err("this system has none that we use".to_owned());
    }
    let own = place.join("own");
    std::fs::create_dir_all(&own)
        .map_err(|error| format!("{} can't be made: {error}", own.display()))?;
    let own = own.canonicalize().map_err(|error| error.to_string())?;
    let mounts = super::host::mounts(&[], place, Vec::new()).map_err(|error| error.to_string())?;
    let (mounts, _) = super::host::landlocked(&[], mounts, &own);
    let spec = Spec {
        program: "/bin/sh".into(),
        arguments: vec!["-c".into(), "echo works > file && chmod 600 file".into()],
        input: None,
        environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        folder: own,
        mounts,
        network: Network::Nobody,
        limits: Limits::default(),
        level: Level::Landlock {
            held: place.join("held"),
        },
    };
    ready(launcher, &spec).await
}

async fn ready(launcher: &Path, spec: &Spec) -> Result<Ready, String> {
    let limit = Duration::from_secs(5);
    let ended = run(launcher, spec, limit, &CancellationToken::new()).await?;
    match (ended.status, ended.ready) {
        (Some(status), Some(ready)) if status.success() => Ok(ready),
        _ => Err(format!("a command in it failed: {}", ended.stderr.trim())),
    }
}

/// What keeps it from working, as the kernel's own switches tell.
fn remedy(what: &str, launcher: &Path) -> String {
    if !cfg!(target_os = "linux") {
        return "use Linux, or WSL, for commands without a prompt; here each asks".to_owned();
    }
    let switch = |path: &str| {
        std::fs::read_to_string(path)
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    };
    if switch("/proc/sys/kernel/unprivileged_userns_clone") == "0" {
        return "user namespaces are off: run `sysctl -w kernel.unprivileged_userns_clone=1`"
            .to_owned();
    }
    if switch("/proc/sys/user/max_user_namespaces") == "0" {
        return "user namespaces are off: run `sysctl -w user.max_user_namespaces=15000`"
            .to_owned();
    }
    if switch("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" {
        return format!(
            "AppArmor keeps programs without a profile from using user namespaces: write \
             `abi <abi/4.0>, include <tunables/global> profile interline {} flags=(unconfined) {{ userns, }}` to \
             /etc/apparmor.d/interline and run `apparmor_parser -r /etc/apparmor.d/interline`",
            launcher.display()
        );
    }
    if what.contains("overlayfs") {
        return "the kernel must have overlayfs in user namespaces (5.11 or newer), and the state folder must be on a \
                file system that can carry it: set INTERLINE_HOME to a folder on a local disk"
            .to_owned();
    }
    "in a container, let it make user namespaces and mounts (its seccomp profile must allow `clone`, `mount` and \
     `pivot_root`); else the kernel must be 5.12 or newer"
        .to_owned()
}
