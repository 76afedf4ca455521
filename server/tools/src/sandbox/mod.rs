//! The sandbox: one command in namespaces of its own, where it sees a system to read, a workspace to change (a
//! copy-on-write view) and nothing else.
//!
//! The server never confines itself. `process/run.rs` starts our own binary again with the hidden subcommand
//! [`SUBCOMMAND`] and hands it a [`Spec`] over a socket, so that nothing of it shows in `/proc`. There ([`launch`])
//! three processes come about:
//!
//! - the *launcher*, outside: gives the new user namespace its ids and waits;
//! - *init*, pid 1 inside: builds the view of the file system, drops what it may, watches the limits, collects the
//!   dead. When it ends, the kernel ends everything inside: a daemon can't survive its command;
//! - the *program*: no capabilities, no new privileges, Landlock, seccomp, limits, then `exec`.
//!
//! Where namespaces can't be had there is a lesser sandbox ([`Level::Landlock`]): the program has Landlock and seccomp
//! only, and in place of init a *keeper* ends what it leaves and does for it what only a look at the path can allow.
//!
//! A command that may reach hosts gets a proxy ([`proxy`], in the server) on a port inside, and no other way out.
//!
//! Whatever fails on the way is reported as such, and the program does not run: there is no unsandboxed way through
//! here. What may run, and with which mounts, is decided elsewhere.

mod host;
#[cfg(target_os = "linux")]
mod launch;
mod probe;
mod proxy;
mod run;
mod spec;
mod toolchains;
mod wire;

pub use host::{environment, landlocked, mounts};
pub use probe::{Fault, Probe, probe};
pub use proxy::Outside;
pub(crate) use proxy::{Internet, Proxy};
pub use run::{Ended, run, run_towards};
pub use spec::{Level, Limits, Mount, Network, Spec};
pub(crate) use wire::{Control, Outcome, Word};
pub use wire::{Exceeded, Ready};

/// The hidden subcommand that [`launch`] answers to.
pub const SUBCOMMAND: &str = "sandbox-launch";

/// What the hidden subcommand does: reads a [`Spec`] from standard input, a socket, and runs it. Returns the exit code.
///
/// To be called before any thread is started.
#[must_use]
pub fn launch() -> u8 {
    #[cfg(target_os = "linux")]
    return launch::run();
    #[cfg(not(target_os = "linux"))]
    return 125;
}
