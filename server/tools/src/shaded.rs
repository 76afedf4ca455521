//! Commands in the sandbox, on the shadow of what the session sees.
//!
//! Entering the shadow, mounting it, and reading back what a command changed go together: one command at a time, and
//! whatever it was, the workspace itself is untouched. There is no way from here to run anything outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use interline_policy::SandboxGrant;
use interline_workspace::shadow::{Changes, Entered, Layers, Place, Shadow};
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::Environment;
use crate::process::{Confined, Finished, Ground, Job, Streams};
use crate::sandbox::{self, Fault, Internet, Limits, Mount, Network, Outside, Probe};
use crate::tool::{Stop, unless_cancelled};

/// A sandbox that works on this machine.
#[derive(Clone, Debug)]
pub struct Confinement {
    launcher: PathBuf,
    state: PathBuf,
    /// The way to the hosts that a permit names.
    outside: Arc<dyn Outside>,
}

impl Confinement {
    /// Tries the sandbox, once for the life of the process. `launcher` is the `interline` binary, `state` our folder,
    /// which no command sees.
    ///
    /// # Errors
    /// What does not work, and what to do.
    pub async fn find(launcher: &Path, state: &Path) -> Result<Self, Fault> {
        match sandbox::probe(launcher, state).await {
            Probe::Works(_) => Ok(Self {
                launcher: launcher.to_owned(),
                state: state.to_owned(),
                outside: Arc::new(Internet),
            }),
            Probe::Fails(fault) => Err(fault.clone()),
        }
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
            outside: Arc::clone(&self.outside),
        })
    }
}

/// What a command that has ended left in the shadow. The next one waits until it is read back or dropped; what is not
/// read back is gone.
pub(crate) struct Shaded {
    entered: Entered,
    _turn: OwnedMutexGuard<Option<Shadow>>,
}

/// Runs `job`, which was let into the sandbox, in the shadow of the session; it reaches the hosts of `grant` and no other.
/// Its folder and its program are those of the workspace's own place.
pub(crate) async fn run(
    grant: &SandboxGrant,
    environment: &Environment,
    job: Job,
    streams: Streams,
    cancel: &CancellationToken,
) -> Result<(Finished, Shaded), Stop> {
    let confinement = environment.confinement.as_ref();
    let confinement = confinement.ok_or_else(|| "there is no sandbox to run this in".to_owned())?;
    let mut turn = unless_cancelled(cancel, environment.memory.shadow()).await?;
    let shadow = turn
        .get_or_insert_with(|| Shadow::new(&environment.scratch.join("shadow")))
        .clone();
    let (workspace, session) = (environment.workspace.clone(), environment.session);
    let entering = tokio::task::spawn_blocking(move || shadow.enter(&workspace, session));
    let entered = entering
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let Place::Layers(layers) = entered.place() else {
        return Err("the shadow is a copy, which no sandbox is for"
            .to_owned()
            .into());
    };
    let workspace = vec![overlay(layers), Mount::Hidden(confinement.state.clone())];
    let confined = confinement.confined(environment, workspace, Network::of(grant));
    let confined = confined.map_err(|error| error.to_string())?;
    let ground = Ground::Confined(&confined);
    let finished = job.run(ground, streams, cancel).await?;
    let left = Shaded {
        entered,
        _turn: turn,
    };
    Ok((finished, left))
}

fn overlay(layers: &Layers) -> Mount {
    Mount::Overlay {
        lower: layers.lower.clone(),
        upper: layers.upper.clone(),
        work: layers.work.clone(),
        at: layers.at.clone(),
    }
}

impl Shaded {
    /// What the command changed. To be called where blocking is allowed.
    pub(crate) fn changes(mut self) -> Result<Changes, Stop> {
        self.entered
            .changes()
            .map_err(|error| Stop::Failed(error.to_string()))
    }
}
