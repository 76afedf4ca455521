//! Limits: of each process by the kernel, of all together by looking.
//!
//! A cgroup would be better for the latter, but an ordinary user's process may not make one where it is, and root is
//! not bound by the limit on processes: of its ones the numbers are limited (`view`), where the kernel can.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, setrlimit};

use super::super::wire::Exceeded;
use super::{Failure, at};
use crate::sandbox::{Limits, Mount, Spec};

/// Sets the limits of this process and all that come from it.
pub(super) fn set(limits: &Limits) -> Result<(), Failure> {
    let wanted = [
        (Resource::Cpu, limits.cpu_seconds),
        // Not the address space: runtimes reserve far more of it than they use.
        (Resource::Data, limits.memory),
        // Threads count, too; and who comes so far is ended by the watch.
        (Resource::Nproc, limits.processes.saturating_mul(2)),
        (Resource::Fsize, limits.file_size),
        (Resource::Nofile, limits.open_files),
        (Resource::Core, 0),
    ];
    for (resource, limit) in wanted {
        let most = rustix::process::getrlimit(resource).maximum;
        let limit = Some(most.map_or(limit, |most| most.min(limit)));
        let limit = Rlimit {
            current: limit,
            maximum: limit,
        };
        setrlimit(resource, limit).map_err(at("limits"))?;
    }
    Ok(())
}

/// Looks at all processes of the namespace together.
pub(super) struct Watch {
    memory: u64,
    processes: u64,
    in_memory: Vec<PathBuf>,
}

impl Watch {
    pub(super) fn new(spec: &Spec) -> Self {
        let in_memory = spec.mounts.iter().filter_map(|mount| match mount {
            Mount::Private { at, .. } => Some(at.clone()),
            _ => None,
        });
        Self {
            memory: spec.limits.memory,
            processes: spec.limits.processes,
            in_memory: in_memory.collect(),
        }
    }

    /// The limit that is passed, if one is.
    pub(super) fn look(&self, everybody: &[u32]) -> Option<Exceeded> {
        let processes = everybody.len() as u64;
        let (mut private, mut shared) = (0_u64, 0_u64);
        for process in everybody {
            let memory = Memory::of(&Path::new("/proc").join(process.to_string()));
            private += memory.private;
            // Most of it is the same memory seen from many processes.
            shared = shared.max(memory.shared);
        }
        if processes > self.processes {
            return Some(Exceeded::Processes);
        }
        let files: u64 = self.in_memory.iter().map(|folder| used(folder)).sum();
        (private + shared + files > self.memory).then_some(Exceeded::Memory)
    }
}

/// The processes that `/proc` shows.
pub(super) fn everybody() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Bytes.
#[derive(Default)]
struct Memory {
    private: u64,
    shared: u64,
}

impl Memory {
    fn of(process: &Path) -> Self {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes =
                line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kibibytes.unwrap_or_default() << 10
        };
        Self {
            private: field("RssAnon:"),
            shared: field("RssShmem:"),
        }
    }
}

fn used(folder: &Path) -> u64 {
    let facts = rustix::fs::statvfs(folder);
    facts.map_or(0, |facts| (facts.f_blocks - facts.f_bfree) * facts.f_bsize)
}
