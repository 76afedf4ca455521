//! Runs one program to its end: by itself, by the clock, or by the user.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use interline_log::Visit;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use interline_policy::OutsideGrant;

use super::group::Group;
use super::{Capture, ChildEnvironment};
use crate::Environment;
use crate::sandbox::{
    self, Control, Level, Limits, Mount, Network, Outcome, Outside, Proxy, Spec, Word,
};

/// How long a pipe may stay open when the program itself has ended: something that it left running holds it.
const LEFT_OPEN: Duration = Duration::from_millis(300);

/// A program that is to run.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) folder: PathBuf,
    pub(crate) environment: ChildEnvironment,
    pub(crate) time_limit: Duration,
    /// What a program in a sandbox reads on standard input. Outside of one nothing is there to be read.
    pub(crate) input: Option<String>,
}

/// Where a program runs. What runs on the real machine shows who has let it out (I2).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ground<'a> {
    /// In this sandbox.
    Confined(&'a Confined),
    /// As the user's own programs do: this very call was let out.
    Granted(#[expect(dead_code, reason = "a proof: to have it is all")] &'a OutsideGrant),
    /// The same, on a copy: a checker, where no sandbox works.
    Trusted(#[expect(dead_code, reason = "a proof: to have it is all")] &'a Trusted),
}

/// The user trusts the folder: its checkers may run its code.
#[derive(Clone, Debug)]
pub(crate) struct Trusted(());

impl Trusted {
    /// `None` where the user does not.
    pub(crate) fn folder(environment: &Environment) -> Option<Self> {
        environment.trusted.then_some(Self(()))
    }
}

impl<'a> Ground<'a> {
    fn confined(self) -> Option<&'a Confined> {
        match self {
            Self::Confined(confined) => Some(confined),
            Self::Granted(_) | Self::Trusted(_) => None,
        }
    }
}

/// The sandbox that a program is to run in.
#[derive(Clone, Debug)]
pub(crate) struct Confined {
    /// The `interline` binary, which sets it up.
    pub(crate) launcher: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) network: Network,
    pub(crate) limits: Limits,
    pub(crate) level: Level,
    /// What it gets beside the user's own variables.
    pub(crate) variables: Vec<(String, String)>,
    /// Where hosts may be reached: the way there.
    pub(crate) outside: Arc<dyn Outside>,
}

/// How its output is kept.
#[derive(Debug)]
pub(crate) enum Streams {
    /// Both in the order in which they were written.
    Merged(Capture),
    /// Standard output, then standard error.
    Split(Capture, Capture),
}

/// Why it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Exited(ExitStatus),
    TimedOut,
    Cancelled,
}

/// What came of it. No member of its group is alive any more.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    pub(crate) streams: Streams,
    /// It had left something running in its group.
    pub(crate) left_running: bool,
    /// What its sandbox has to say, if it ended in one.
    pub(crate) sandbox: Option<Outcome>,
    /// What it asked of its sandbox's proxy, however it ended.
    pub(crate) visits: Vec<Visit>,
}

/// What it was that ended.
enum Over {
    /// The program, or our patience.
    Ended(End),
    /// All that was in the sandbox, or the attempt to set it up.
    Inside(Result<Outcome, String>),
}

/// A program that was started.
struct Running {
    child: Child,
    /// In a sandbox: the line to its launcher.
    control: Option<Control>,
    /// Its way out, once it has one.
    proxy: Option<Proxy>,
}

impl Job {
    /// Runs it. The error says why it could not be started.
    pub(crate) async fn run(
        &self,
        ground: Ground<'_>,
        mut streams: Streams,
        cancel: &CancellationToken,
    ) -> Result<Finished, String> {
        let confined = ground.confined();
        let cant = |error: std::io::Error| format!("can't run {}: {error}", self.program.display());
        let (mut running, receivers) = self.spawn(confined, &streams).map_err(cant)?;
        let group = Group::of(&running.child);
        let group = group.ok_or_else(|| cant(std::io::ErrorKind::NotFound.into()))?;
        running
            .hand_over(confined.map(|confined| self.spec(confined)))
            .await;
        let reading = read_all(receivers, &mut streams);
        let ended = self.watch(&mut running, confined, &group, reading, cancel);
        let (over, left_running) = ended.await.map_err(cant)?;
        drop(group);
        let visits = running.proxy.take().map(Proxy::finish);
        running.collect();
        let (end, sandbox) = match over {
            Over::Ended(end) => (end, None),
            Over::Inside(outcome) => {
                let outcome = outcome?;
                (End::Exited(outcome.status), Some(outcome))
            }
        };
        let left_inside = sandbox.as_ref().map(|outcome| outcome.left_running);
        Ok(Finished {
            end,
            streams,
            left_running: left_inside.unwrap_or(left_running),
            sandbox,
            visits: visits.unwrap_or_default(),
        })
    }

    /// What the launcher is told.
    fn spec(&self, confined: &Confined) -> Spec {
        let variables = self.environment.variables();
        let mut environment = sandbox::environment(variables, &confined.network);
        environment.extend(confined.variables.iter().cloned());
        Spec {
            program: self.program.clone(),
            arguments: self.arguments.clone(),
            environment,
            folder: self.folder.clone(),
            input: self.input.clone(),
            mounts: confined.mounts.clone(),
            network: confined.network.clone(),
            limits: confined.limits,
            level: confined.level.clone(),
        }
    }

    /// Reads until it is over; in the end nothing of the group is left.
    async fn watch(
        &self,
        running: &mut Running,
        confined: Option<&Confined>,
        group: &Group,
        reading: impl Future<Output = ()>,
        cancel: &CancellationToken,
    ) -> std::io::Result<(Over, bool)> {
        let ending = self.end(running, confined, group, cancel);
        tokio::pin!(reading, ending);
        let mut closed = false;
        let over = loop {
            tokio::select! {
                over = &mut ending => break over?,
                () = &mut reading, if !closed => closed = true,
            }
        };
        if !closed {
            closed = tokio::time::timeout(LEFT_OPEN, &mut reading).await.is_ok();
        }
        let left_running = matches!(over, Over::Ended(End::Exited(_))) && group.is_alive();
        group.kill();
        if !closed {
            // What was in the pipe when its last writer died. A process that has left the group may still hold it.
            let _ = tokio::time::timeout(LEFT_OPEN, &mut reading).await;
        }
        Ok((over, left_running))
    }

    fn spawn(
        &self,
        confined: Option<&Confined>,
        streams: &Streams,
    ) -> std::io::Result<(Running, Vec<Receiver>)> {
        let (reader, stdout) = std::io::pipe()?;
        let mut receivers = vec![Receiver::from_owned_fd(OwnedFd::from(reader))?];
        let stderr = match streams {
            Streams::Merged(_) => stdout.try_clone()?,
            Streams::Split(..) => {
                let (reader, stderr) = std::io::pipe()?;
                receivers.push(Receiver::from_owned_fd(OwnedFd::from(reader))?);
                stderr
            }
        };
        let (mut command, control) = self.command(confined)?;
        command
            .env_clear()
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .kill_on_drop(true);
        if control.is_none() {
            command.envs(self.environment.variables().iter().cloned());
        }
        // Dropping the command closes our writing ends.
        let child = command.spawn()?;
        let running = Running {
            child,
            control,
            proxy: None,
        };
        Ok((running, receivers))
    }

    /// The program itself, or the launcher of its sandbox: there is no other way from one to the other.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts processes"
    )]
    fn command(&self, confined: Option<&Confined>) -> std::io::Result<(Command, Option<Control>)> {
        let Some(confined) = confined else {
            let mut command = Command::new(&self.program);
            command.args(&self.arguments).current_dir(&self.folder);
            command.stdin(Stdio::null());
            return Ok((command, None));
        };
        let (control, theirs) = Control::pair()?;
        let mut command = Command::new(&confined.launcher);
        command.arg(sandbox::SUBCOMMAND).current_dir("/");
        command.stdin(theirs);
        Ok((command, Some(control)))
    }

    async fn end(
        &self,
        running: &mut Running,
        confined: Option<&Confined>,
        group: &Group,
        cancel: &CancellationToken,
    ) -> std::io::Result<Over> {
        let early = tokio::select! {
            over = running.over(confined) => return over,
            () = tokio::time::sleep(self.time_limit) => End::TimedOut,
            () = cancel.cancelled() => End::Cancelled,
        };
        let Running { child, control, .. } = running;
        // The child is collected while the group ends, or it would count as alive.
        let (collected, ()) = tokio::join!(
            tokio::time::timeout(Duration::from_millis(900), child.wait()),
            terminate(group, control.as_ref())
        );
        group.kill();
        if collected.is_err() {
            child.wait().await?;
        }
        Ok(Over::Ended(early))
    }
}

impl Running {
    async fn over(&mut self, confined: Option<&Confined>) -> std::io::Result<Over> {
        let (Some(control), Some(confined)) = (&mut self.control, confined) else {
            return self.child.wait().await.map(End::Exited).map(Over::Ended);
        };
        loop {
            match control.hear().await {
                Ok(Word::Ended(outcome)) => return Ok(Over::Inside(Ok(outcome))),
                Err(why) => return Ok(Over::Inside(Err(why))),
                Ok(Word::Proxy(listener)) => {
                    let hosts = confined.network.hosts().cloned().unwrap_or_default();
                    let outside = Arc::clone(&confined.outside);
                    self.proxy = Some(Proxy::start(listener, hosts, outside)?);
                }
            }
        }
    }

    /// The launcher has nothing left to do, but the kernel may take a while to take its sandbox down. It is collected
    /// aside; whoever wants the same upper layer waits at its lock.
    fn collect(mut self) {
        if self.control.is_some() {
            // A runtime that ends drops this, and the child with it, which kills it.
            tokio::spawn(async move { self.child.wait().await });
        }
    }

    async fn hand_over(&mut self, spec: Option<Spec>) {
        if let (Some(control), Some(spec)) = (&mut self.control, spec) {
            // A launcher that is gone has no outcome, which is the error then.
            let _ = control.send(&spec).await;
        }
    }
}

/// In a sandbox it is init that asks: the launcher would take everything with it at once.
async fn terminate(group: &Group, control: Option<&Control>) {
    match control {
        Some(control) => {
            control.terminate();
            group.gone().await;
        }
        None => group.terminate().await,
    }
}

async fn read_all(receivers: Vec<Receiver>, streams: &mut Streams) {
    let captures = match streams {
        Streams::Merged(all) => vec![all],
        Streams::Split(stdout, stderr) => vec![stdout, stderr],
    };
    let readers = receivers.into_iter().zip(captures);
    join_all(readers.map(|(receiver, capture)| read(receiver, capture))).await;
}

async fn read(mut receiver: Receiver, capture: &mut Capture) {
    let mut buffer = vec![0; 16 << 10];
    // A broken pipe is its end.
    while let Ok(count @ 1..) = receiver.read(&mut buffer).await {
        capture.push(buffer.get(..count).unwrap_or_default());
    }
}
