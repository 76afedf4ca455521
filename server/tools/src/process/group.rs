//! A process group and its certain end.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How long a group that was asked to end may take; with the kill after it, well below 2 s.
const MERCY: Duration = Duration::from_millis(1_000);
/// How often we look whether it is gone.
const LOOK: Duration = Duration::from_millis(20);

/// The group that a child leads. Dropping it kills what is left of it.
///
/// A group's id is not given to another process while the group has members. Between the end of the last one and
/// our signal it might be, in principle; pids would have to wrap around within that moment.
#[derive(Debug)]
pub(crate) struct Group(Pid);

impl Group {
    /// The group of a child that was started as the leader of its own.
    pub(crate) fn of(child: &tokio::process::Child) -> Option<Self> {
        let id = i32::try_from(child.id()?).ok()?;
        Pid::from_raw(id).map(Self)
    }

    /// Some member is alive (or dead and not collected by its parent).
    pub(crate) fn is_alive(&self) -> bool {
        test_kill_process_group(self.0).is_ok()
    }

    /// Asks it to end and waits a little.
    pub(crate) async fn terminate(&self) {
        self.signal(Signal::TERM);
        self.gone().await;
    }

    /// Waits a little for its end.
    pub(crate) async fn gone(&self) {
        let gone = async {
            while self.is_alive() {
                tokio::time::sleep(LOOK).await;
            }
        };
        // In time or not: whoever drops the group kills the rest.
        let _ = tokio::time::timeout(MERCY, gone).await;
    }

    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // The only failure is that nobody is left.
        let _ = kill_process_group(self.0, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
