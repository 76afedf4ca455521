//! Runs one program to its end: by itself, by the clock, or by the user.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::future::join_all;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::group::Group;
use super::{Capture, ChildEnvironment};

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
}

impl Job {
    /// Runs it. The error says why it could not be started.
    pub(crate) async fn run(
        &self,
        mut streams: Streams,
        cancel: &CancellationToken,
    ) -> Result<Finished, String> {
        let cant = |error: std::io::Error| format!("can't run {}: {error}", self.program.display());
        let (mut child, receivers) = self.spawn(&streams).map_err(cant)?;
        let group = Group::of(&child).ok_or_else(|| cant(std::io::ErrorKind::NotFound.into()))?;
        let ended = self.watch(
            &mut child,
            &group,
            read_all(receivers, &mut streams),
            cancel,
        );
        let (end, left_running) = ended.await.map_err(cant)?;
        Ok(Finished {
            end,
            streams,
            left_running,
        })
    }

    /// Reads until it is over; in the end nothing of the group is left.
    async fn watch(
        &self,
        child: &mut Child,
        group: &Group,
        reading: impl Future<Output = ()>,
        cancel: &CancellationToken,
    ) -> std::io::Result<(End, bool)> {
        let ending = self.end(child, group, cancel);
        tokio::pin!(reading, ending);
        let mut closed = false;
        let end = loop {
            tokio::select! {
                end = &mut ending => break end?,
                () = &mut reading, if !closed => closed = true,
            }
        };
        if !closed {
            closed = tokio::time::timeout(LEFT_OPEN, &mut reading).await.is_ok();
        }
        let left_running = matches!(end, End::Exited(_)) && group.is_alive();
        group.kill();
        if !closed {
            // What was in the pipe when its last writer died. A process that has left the group may still hold it.
            let _ = tokio::time::timeout(LEFT_OPEN, &mut reading).await;
        }
        Ok((end, left_running))
    }

    fn spawn(&self, streams: &Streams) -> std::io::Result<(Child, Vec<Receiver>)> {
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
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that starts processes"
        )]
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.environment.variables().iter().cloned())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .kill_on_drop(true);
        // Dropping the command closes our writing ends.
        Ok((command.spawn()?, receivers))
    }

    async fn end(
        &self,
        child: &mut Child,
        group: &Group,
        cancel: &CancellationToken,
    ) -> std::io::Result<End> {
        let early = tokio::select! {
            status = child.wait() => return status.map(End::Exited),
            () = tokio::time::sleep(self.time_limit) => End::TimedOut,
            () = cancel.cancelled() => End::Cancelled,
        };
        // The child is collected while the group ends, or it would count as alive.
        let (collected, ()) = tokio::join!(
            tokio::time::timeout(Duration::from_millis(900), child.wait()),
            group.terminate()
        );
        group.kill();
        if collected.is_err() {
            child.wait().await?;
        }
        Ok(early)
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
