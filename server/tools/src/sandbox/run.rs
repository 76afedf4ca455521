//! Runs a [`Spec`] and keeps what it printed: for the probe, the tests and the benchmark. Tools make a `Job`.

use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use interline_log::Visit;
use tokio_util::sync::CancellationToken;

use super::{Exceeded, Internet, Level, Outside, Ready, Spec};
use crate::process::{Capture, ChildEnvironment, Confined, End, Ground, Job, Streams};

/// Bytes of output kept from each end.
const KEPT: usize = 1 << 20;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its own; `None` where it was ended by time or by the user.
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
    /// Something was still running, and was ended.
    pub left_running: bool,
    /// The limit of all processes together that it passed.
    pub exceeded: Option<Exceeded>,
    /// What this machine had to offer; `None` where it was ended early.
    pub ready: Option<Ready>,
    /// What it asked of the proxy.
    pub visits: Vec<Visit>,
}

/// Runs it by the launcher, an `interline` binary.
///
/// # Errors
/// Where the sandbox could not be set up, or the program not be started.
pub async fn run(
    launcher: &Path,
    spec: &Spec,
    time_limit: Duration,
    cancel: &CancellationToken,
) -> Result<Ended, String> {
    run_towards(launcher, spec, time_limit, cancel, Arc::new(Internet)).await
}

/// The same, with another way out for the proxy: for tests.
///
/// # Errors
/// As of [`run`].
pub async fn run_towards(
    launcher: &Path,
    spec: &Spec,
    time_limit: Duration,
    cancel: &CancellationToken,
    outside: Arc<dyn Outside>,
) -> Result<Ended, String> {
    let job = Job {
        program: spec.program.clone(),
        arguments: spec.arguments.clone(),
        folder: spec.folder.clone(),
        environment: ChildEnvironment::exactly(spec.environment.clone()),
        time_limit,
        input: spec.input.clone(),
    };
    let confined = Confined {
        launcher: launcher.to_owned(),
        mounts: spec.mounts.clone(),
        network: spec.network.clone(),
        limits: spec.limits,
        level: spec.level.clone(),
        // Of the lesser one they name its own folders.
        variables: match spec.level {
            Level::Namespaces => Vec::new(),
            Level::Landlock { .. } => spec.environment.clone(),
        },
        outside,
    };
    let streams = Streams::Split(Capture::new(KEPT, KEPT), Capture::new(KEPT, KEPT));
    let mut finished = job
        .run(Ground::Confined(&confined), streams, cancel)
        .await?;
    let outcome = finished.sandbox.take();
    let (stdout, stderr) = match &finished.streams {
        Streams::Split(stdout, stderr) => (stdout.text(), stderr.text()),
        Streams::Merged(all) => (all.text(), String::new()),
    };
    Ok(Ended {
        status: match finished.end {
            End::Exited(status) => Some(status),
            End::TimedOut | End::Cancelled => None,
        },
        stdout,
        stderr,
        left_running: finished.left_running,
        exceeded: outcome.as_ref().and_then(|outcome| outcome.exceeded),
        visits: finished.visits,
        ready: outcome.map(|outcome| outcome.ready),
    })
}
