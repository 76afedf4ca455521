//! What is to run, what it sees and how much it may use. Data only: it crosses to the launcher as JSON.

use std::ffi::OsString;
use std::path::PathBuf;

use interline_policy::{Reach, SandboxGrant};
use serde::{Deserialize, Serialize};

/// One command in a sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Absolute, as seen from inside.
    pub program: PathBuf,
    /// Without the program's own name.
    pub arguments: Vec<OsString>,
    /// All of it.
    pub environment: Vec<(String, String)>,
    /// The working folder, as seen from inside.
    pub folder: PathBuf,
    /// What it reads on standard input; `None`: nothing.
    pub input: Option<String>,
    /// What it sees beside `/dev` and `/proc`, which are always there; later ones lie over earlier ones.
    pub mounts: Vec<Mount>,
    /// Whom it reaches.
    pub network: Network,
    /// How much it may use.
    pub limits: Limits,
    /// What holds it.
    pub level: Level,
}

/// What a command is held by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Level {
    /// Namespaces of its own, with Landlock and seccomp inside.
    Namespaces,
    /// Landlock and seccomp alone, where namespaces can't be had. It sees the host's tree, and of that may read and
    /// write what the mounts show: nothing is at another place, or covered by anything but a denial. No network, no
    /// sockets at all; no permissions, owners or times of files outside can be changed.
    Landlock {
        /// A file of ours, locked for as long as anything of the command lives.
        held: PathBuf,
    },
}

/// A part of the file system that the command sees. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mount {
    /// A file or folder of the host at its own path, with all that is mounted below. A symbolic link stays one.
    ReadOnly(PathBuf),
    /// A copy-on-write view.
    Overlay {
        /// What is read, topmost first.
        lower: Vec<PathBuf>,
        /// Takes the writes. A folder of ours.
        upper: PathBuf,
        /// Empty, on the same file system as `upper`. A folder of ours. Locked while the command runs: two commands on
        /// one upper layer take turns.
        work: PathBuf,
        /// Where it is seen.
        at: PathBuf,
    },
    /// A folder of ours that is written directly.
    Writable {
        /// The folder.
        from: PathBuf,
        /// Where it is seen.
        at: PathBuf,
    },
    /// An empty folder in memory, of at most so many bytes, gone with the command.
    Private {
        /// Where it is seen.
        at: PathBuf,
        /// Bytes.
        size: u64,
    },
    /// What an earlier mount shows here is covered. Nothing happens where there is nothing.
    Hidden(PathBuf),
}

impl Mount {
    /// Where the command may write.
    #[cfg(target_os = "linux")]
    pub(crate) fn writable(&self) -> Option<&std::path::Path> {
        match self {
            Self::Overlay { at, .. } | Self::Writable { at, .. } | Self::Private { at, .. } => {
                Some(at)
            }
            Self::ReadOnly(_) | Self::Hidden(_) => None,
        }
    }
}

/// Whom the command reaches. It always has a loopback interface of its own, which nobody outside sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Network {
    /// Nobody.
    Nobody,
    /// These hosts, by a proxy that its environment names. None of them: nobody, and no proxy.
    Hosts(Reach),
}

impl Network {
    /// Those that a permit names, and nobody else.
    pub(crate) fn of(grant: &SandboxGrant) -> Self {
        match grant.reach() {
            reach if reach.is_nobody() => Self::Nobody,
            reach => Self::Hosts(reach.clone()),
        }
    }

    /// The hosts that a proxy is for, if there is to be one.
    pub(crate) fn hosts(&self) -> Option<&Reach> {
        match self {
            Self::Hosts(reach) if !reach.is_nobody() => Some(reach),
            Self::Hosts(_) | Self::Nobody => None,
        }
    }
}

/// How much the command may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Seconds of processor time of each process.
    pub cpu_seconds: u64,
    /// Bytes of memory: private ones of each process, and of all together.
    pub memory: u64,
    /// Processes at once; twice as many threads (of root's commands before Linux 6.14: any number).
    pub processes: u64,
    /// Bytes of each file that is written.
    pub file_size: u64,
    /// Open files of each process.
    pub open_files: u64,
}

impl Default for Limits {
    /// Enough for a build of a large project, and not enough to take the machine with it.
    fn default() -> Self {
        Self {
            cpu_seconds: 3_600,
            memory: memory_of_this_machine() / 4 * 3,
            processes: 2_048,
            file_size: 8 << 30,
            open_files: 4_096,
        }
    }
}

#[cfg(target_os = "linux")]
fn memory_of_this_machine() -> u64 {
    let facts = rustix::system::sysinfo();
    // As wide as the machine's words.
    #[expect(clippy::useless_conversion, reason = "not on 32-bit machines")]
    let total = u64::from(facts.totalram);
    total.saturating_mul(facts.mem_unit.into())
}

#[cfg(not(target_os = "linux"))]
fn memory_of_this_machine() -> u64 {
    8 << 30
}
