//! Commands and checkers in the sandbox, on the shadow of what the session sees.
//!
//! Entering the shadow, mounting it, and reading back what a command changed go together: one command at a time, and
//! whatever it was, the workspace itself is untouched. There is no way from here to run a command outside; only the
//! checkers of a trusted folder run without a sandbox where none works, on a copy.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use interline_policy::SandboxGrant;
use interline_workspace::shadow::{Changes, Copied, Entered, Layers, Place, Seen, Shadow};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::Environment;
use crate::process::{Confined, Finished, Ground, Job, Streams, Trusted};
use crate::sandbox::{self, Fault, Internet, Level, Limits, Mount, Network, Outside, Probe};
use crate::tool::{Stop, unless_cancelled};

/// A sandbox that works on this machine.
#[derive(Clone, Debug)]
pub struct Confinement {
    launcher: PathBuf,
    state: PathBuf,
    /// The way to the hosts that a permit names.
    outside: Arc<dyn Outside>,
    /// What keeps namespaces from working, where it has to do without.
    lesser: Option<Fault>,
}

impl Confinement {
    /// Tries the sandbox, once for the life of the process. `launcher` is the `interline` binary, `state` our folder,
    /// which no command sees.
    ///
    /// # Errors
    /// What does not work, and what to do.
    pub async fn find(launcher: &Path, state: &Path) -> Result<Self, Fault> {
        let lesser = match sandbox::probe(launcher, state).await {
            Probe::Works(_) => None,
            Probe::Lesser(_, fault) => Some(fault.clone()),
            Probe::Fails(fault) => return Err(fault.clone()),
        };
        Ok(Self {
            launcher: launcher.to_owned(),
            state: state.to_owned(),
            outside: Arc::new(Internet),
            lesser,
        })
    }

    /// Why it is the lesser sandbox, if it is: Landlock and seccomp alone, on a copy.
    #[must_use]
    pub fn lesser(&self) -> Option<&Fault> {
        self.lesser.as_ref()
    }

    /// The same, with another way to the hosts that permits name: for tests.
    #[must_use]
    pub fn towards(self, outside: Arc<dyn Outside>) -> Self {
        Self { outside, ..self }
    }

    /// The sandbox for a command that sees this of the workspace, beside the system.
    pub(crate) fn confined(
        &self,
        environment: &Environment,
        workspace: Vec<Mount>,
        network: Network,
    ) -> std::io::Result<Confined> {
        let mounts = sandbox::mounts(&environment.env, &environment.scratch, workspace)?;
        Ok(Confined {
            launcher: self.launcher.clone(),
            mounts,
            network,
            limits: Limits::default(),
            level: Level::Namespaces,
            variables: Vec::new(),
            outside: Arc::clone(&self.outside),
        })
    }
}

impl Confinement {
    /// The sandbox for a program that only looks: our own folder is hidden from it.
    pub(crate) fn reading(
        &self,
        environment: &Environment,
        mut shown: Vec<Mount>,
    ) -> std::io::Result<Confined> {
        shown.push(Mount::Hidden(self.state.clone()));
        self.confined(environment, shown, Network::Nobody)
    }
}

/// The shadow, entered: by one command or one check at a time, the next ones wait.
pub(crate) struct Shade {
    entered: Entered,
    root: PathBuf,
    home: Option<PathBuf>,
    /// Where no sandbox works, the checkers of a trusted folder run without one, on a copy.
    sandbox: Result<Confined, Trusted>,
    _turn: OwnedMutexGuard<Option<Shadow>>,
}

impl Shade {
    /// Brings the shadow of the session up to date.
    pub(crate) async fn enter(
        environment: &Environment,
        network: Network,
        cancel: &CancellationToken,
    ) -> Result<Self, Stop> {
        let mut turn = unless_cancelled(cancel, environment.memory.shadow()).await?;
        let confinement = environment.confinement.as_ref();
        let is_copied = confinement.is_none_or(|confinement| confinement.lesser.is_some())
            || is_of_another(environment.workspace.root());
        let folder = environment.scratch.join("shadow");
        let shadow = match turn.take() {
            Some(shadow) if shadow.is_copied() == is_copied => shadow,
            _ if is_copied => Shadow::copied(&folder),
            _ => Shadow::new(&folder),
        };
        *turn = Some(shadow.clone());
        let (workspace, session) = (environment.workspace.clone(), environment.session);
        let entering = tokio::task::spawn_blocking(move || shadow.enter(&workspace, session));
        let entered = entering
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())?;
        let sandbox =
            match confined(environment, &entered, network).map_err(|error| error.to_string())? {
                Some(confined) => Ok(confined),
                None => Err(Trusted::folder(environment).ok_or_else(|| {
                    "there is no sandbox, and the folder is not trusted to run without".to_owned()
                })?),
            };
        let home = environment.env.iter().find(|(name, _)| name == "HOME");
        Ok(Self {
            sandbox,
            entered,
            root: environment.workspace.root().to_owned(),
            home: home.map(|(_, home)| PathBuf::from(home)),
            _turn: turn,
        })
    }

    /// Where a command sees the workspace.
    pub(crate) fn at(&self) -> &Path {
        match self.entered.place() {
            Place::Layers(layers) => &layers.at,
            Place::Copy(copied) => &copied.at,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.entered.seen()
    }

    /// Shows what is outside of the workspace, to read; but no home.
    pub(crate) fn show(&mut self, paths: &[PathBuf]) {
        let home = self.home.as_deref();
        let shown = paths
            .iter()
            .filter(|path| !home.is_some_and(|home| home.starts_with(path)))
            .cloned()
            .map(Mount::ReadOnly);
        if let Ok(confined) = &mut self.sandbox {
            // Beneath the workspace, which may be in it.
            let is_workspace =
                |mount: &Mount| matches!(mount, Mount::Overlay { at, .. } if *at == self.root);
            let place = confined.mounts.iter().position(is_workspace);
            let place = place.unwrap_or(confined.mounts.len());
            confined.mounts.splice(place..place, shown);
        }
    }

    /// Lets a command write to a folder of ours.
    pub(crate) fn open(&mut self, folder: &Path) {
        if let Ok(confined) = &mut self.sandbox {
            confined.mounts.push(Mount::Writable {
                from: folder.to_owned(),
                at: folder.to_owned(),
            });
        }
    }

    /// Runs a program to its end, in the sandbox where there is one.
    pub(crate) async fn run(
        &self,
        job: Job,
        streams: Streams,
        cancel: &CancellationToken,
    ) -> Result<Finished, String> {
        let ground = match &self.sandbox {
            Ok(confined) => Ground::Confined(confined),
            Err(trusted) => Ground::Trusted(trusted),
        };
        job.run(ground, streams, cancel).await
    }
}

/// Does the folder belong to another user? Then layers would not do: what is written keeps its owner there, whom the
/// sandbox of an ordinary user can't name, and root's in there has no power over the files of others. A copy's owner
/// is who made it.
fn is_of_another(folder: &Path) -> bool {
    let owner = std::fs::metadata(folder).map(|facts| facts.uid());
    owner.is_ok_and(|owner| owner != rustix::process::geteuid().as_raw())
}

/// The sandbox for what was entered; `None` where there is none.
fn confined(
    environment: &Environment,
    entered: &Entered,
    network: Network,
) -> std::io::Result<Option<Confined>> {
    let Some(confinement) = &environment.confinement else {
        return Ok(None);
    };
    match entered.place() {
        Place::Layers(layers) => {
            let mounts = vec![overlay(layers), Mount::Hidden(confinement.state.clone())];
            confinement.confined(environment, mounts, network)
        }
        Place::Copy(copied) => on_copy(confinement, environment, copied, network),
    }
    .map(Some)
}

fn on_copy(
    confinement: &Confinement,
    environment: &Environment,
    copied: &Copied,
    network: Network,
) -> std::io::Result<Confined> {
    let root = environment.workspace.root();
    let home = environment.env.iter().find(|(name, _)| name == "HOME");
    if home.is_some_and(|(_, home)| Path::new(home).starts_with(root)) {
        return Err(std::io::Error::other(
            "the workspace has your home in it, of which a copy would show all: open a folder of it",
        ));
    }
    // Nothing of the state folder is seen but the copy in it.
    let mut mounts = vec![Mount::Private {
        at: confinement.state.clone(),
        size: 1 << 20,
    }];
    mounts.extend(copied.reads.iter().cloned().map(Mount::ReadOnly));
    mounts.push(Mount::Writable {
        from: copied.at.clone(),
        at: copied.at.clone(),
    });
    let mut confined = confinement.confined(environment, mounts, network)?;
    if confinement.lesser.is_none() {
        return Ok(confined);
    }
    let own = private(&environment.scratch)?;
    let (mounts, variables) = sandbox::landlocked(&environment.env, confined.mounts, &own);
    confined.mounts = mounts;
    confined.variables = variables;
    confined.level = Level::Landlock {
        held: copied.held.clone(),
    };
    Ok(confined)
}

/// An empty home and folder for temporary files, gone with the next command.
fn private(scratch: &Path) -> std::io::Result<PathBuf> {
    let own = scratch.canonicalize()?.join("own");
    if own.exists() {
        std::fs::remove_dir_all(&own)?;
    }
    for name in ["home", "tmp"] {
        std::fs::create_dir_all(own.join(name))?;
    }
    Ok(own)
}

fn overlay(layers: &Layers) -> Mount {
    Mount::Overlay {
        lower: layers.lower.clone(),
        upper: layers.upper.clone(),
        work: layers.work.clone(),
        at: layers.at.clone(),
    }
}

/// What a command that has ended left in the shadow. What is not read back is gone.
pub(crate) struct Shaded {
    shade: Shade,
}

/// Runs `job`, which was let into the sandbox, in the shadow of the session; it reaches the hosts of `grant` and no other.
/// Its folder and its program are those of the workspace's own place.
pub(crate) async fn run(
    grant: &SandboxGrant,
    environment: &Environment,
    mut job: Job,
    streams: Streams,
    cancel: &CancellationToken,
) -> Result<(Finished, Shaded), Stop> {
    if environment.confinement.is_none() {
        return Err("there is no sandbox to run this in".to_owned().into());
    }
    let shade = Shade::enter(environment, Network::of(grant), cancel).await?;
    shade.at().clone_into(&mut job.folder);
    let finished = shade.run(job, streams, cancel).await?;
    Ok((finished, Shaded { shade }))
}

impl Shaded {
    /// What the command changed. To be called where blocking is allowed.
    pub(crate) fn changes(mut self) -> Result<Changes, Stop> {
        self.shade
            .entered
            .changes()
            .map_err(|error| Stop::Failed(error.to_string()))
    }
}
