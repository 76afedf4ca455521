//! Permissions and times of files, changed for a program that has no mount namespace.
//!
//! Landlock has no rule for them, so the kernel hands these calls over. The keeper reads the path once, opens what it
//! leads to, and looks where that really is: only below the folders that the command may write is it done, by the
//! descriptor. What the program changes meanwhile changes nothing in this.

use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::system::{self, Call};
use crate::sandbox::{Mount, Spec};

/// Longest path, `PATH_MAX`.
const LONGEST: usize = 4_096;

/// Does these calls for one command.
pub(super) struct Broker {
    calls: OwnedFd,
    writable: Vec<PathBuf>,
}

/// What is to be changed.
enum Change {
    Mode(Mode),
    Times(Timestamps),
}

impl Broker {
    pub(super) fn new(calls: OwnedFd, spec: &Spec) -> Self {
        let writable = spec.mounts.iter().filter_map(Mount::writable);
        Self {
            calls,
            // As the kernel names what is in them.
            writable: writable.filter_map(|at| at.canonicalize().ok()).collect(),
        }
    }

    pub(super) fn calls(&self) -> BorrowedFd<'_> {
        self.calls.as_fd()
    }

    /// Does the next one.
    pub(super) fn serve(&self) {
        if let Ok(call) = system::next_call(self.calls()) {
            let done = self.act(&call);
            system::answer(self.calls(), &call, done);
        }
    }

    fn act(&self, call: &Call) -> Result<(), Errno> {
        let [a, b, c, d, ..] = call.arguments;
        let (target, change) = match call.number {
            libc::SYS_fchmod => (self.open(call, a, None, true)?, Change::mode(b)),
            libc::SYS_fchmodat => (self.open(call, a, Some(b), true)?, Change::mode(c)),
            system::SYS_FCHMODAT2 => {
                let path = Some(b).filter(|_| d & at(AtFlags::EMPTY_PATH) == 0);
                let follow = d & at(AtFlags::SYMLINK_NOFOLLOW) == 0;
                (self.open(call, a, path, follow)?, Change::mode(c))
            }
            libc::SYS_utimensat => {
                let follow = d & at(AtFlags::SYMLINK_NOFOLLOW) == 0;
                let path = Some(b).filter(|path| *path != 0);
                (self.open(call, a, path, follow)?, self.times(call, c)?)
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_chmod => {
                let here = u64::from(libc::AT_FDCWD.cast_unsigned());
                (self.open(call, here, Some(a), true)?, Change::mode(b))
            }
            _ => return Err(Errno::NOSYS),
        };
        let name = format!("/proc/self/fd/{}", target.as_raw_fd());
        let real = rustix::fs::readlink(&name, Vec::new())?;
        let real = PathBuf::from(std::ffi::OsString::from_vec(real.into_bytes()));
        let is_ours = self.writable.iter().any(|folder| real.starts_with(folder));
        if !is_ours || !system::waits(self.calls(), call) {
            return Err(Errno::PERM);
        }
        match change {
            Change::Mode(mode) => rustix::fs::chmod(&name, mode),
            Change::Times(times) => rustix::fs::utimensat(CWD, &name, &times, AtFlags::empty()),
        }
    }

    /// What a descriptor of the process, or a path from there, leads to.
    fn open(
        &self,
        call: &Call,
        descriptor: u64,
        path: Option<u64>,
        follow: bool,
    ) -> Result<OwnedFd, Errno> {
        let process = format!("/proc/{}", call.process);
        // The kernel looks at 32 bits of it.
        let number = (descriptor & u64::from(u32::MAX)) as u32;
        let from = if number.cast_signed() == libc::AT_FDCWD {
            format!("{process}/cwd")
        } else {
            format!("{process}/fd/{number}")
        };
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let start = |from: &str| match rustix::fs::open(from, flags, Mode::empty()) {
            Err(Errno::NOENT) => Err(Errno::BADF),
            opened => opened,
        };
        let Some(path) = path else {
            return start(&from);
        };
        let path = self.path(call, path)?;
        if path.as_os_str().is_empty() {
            return Err(Errno::NOENT);
        }
        // It would be the keeper's own.
        if ["/proc/self", "/proc/thread-self"]
            .iter()
            .any(|own| path.starts_with(own))
        {
            return Err(Errno::PERM);
        }
        let flags = if follow {
            flags
        } else {
            flags | OFlags::NOFOLLOW
        };
        if path.is_absolute() {
            return rustix::fs::open(&path, flags, Mode::empty());
        }
        rustix::fs::openat(start(&from)?, &path, flags, Mode::empty())
    }

    fn path(&self, call: &Call, at: u64) -> Result<PathBuf, Errno> {
        let mut bytes = self.memory(call, at, LONGEST)?;
        let end = bytes.iter().position(|byte| *byte == 0);
        bytes.truncate(end.ok_or(Errno::NAMETOOLONG)?);
        Ok(Path::new(&std::ffi::OsString::from_vec(bytes)).to_owned())
    }

    /// `None` of a call is now.
    fn times(&self, call: &Call, at: u64) -> Result<Change, Errno> {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: rustix::fs::UTIME_NOW,
        };
        let mut both = [now; 2];
        if at != 0 {
            let bytes = self.memory(call, at, 32)?;
            for (time, bytes) in both.iter_mut().zip(bytes.chunks_exact(16)) {
                let number = |range: std::ops::Range<usize>| {
                    let bytes = bytes.get(range).and_then(|bytes| bytes.try_into().ok());
                    bytes.map(i64::from_ne_bytes).ok_or(Errno::FAULT)
                };
                time.tv_sec = number(0..8)?;
                time.tv_nsec = number(8..16)?;
            }
        }
        let [last_access, last_modification] = both;
        Ok(Change::Times(Timestamps {
            last_access,
            last_modification,
        }))
    }

    /// What the process has in its memory there, up to so many bytes.
    fn memory(&self, call: &Call, at: u64, most: usize) -> Result<Vec<u8>, Errno> {
        let memory = File::open(format!("/proc/{}/mem", call.process));
        let memory = memory.map_err(|_| Errno::PERM)?;
        let mut bytes = vec![0; most];
        let mut filled = 0;
        // A page at a time: what comes after the end of a path need not be there.
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let from = at.wrapping_add(filled as u64);
            let page = usize::try_from(LONGEST as u64 - from % LONGEST as u64);
            let length = page.unwrap_or(LONGEST).min(rest.len());
            let part = rest.get_mut(..length).unwrap_or_default();
            match memory.read_at(part, from) {
                Ok(count @ 1..) => filled += count,
                Ok(_) | Err(_) => break,
            }
        }
        bytes.truncate(filled);
        if bytes.is_empty() || !system::waits(self.calls(), call) {
            return Err(Errno::FAULT);
        }
        Ok(bytes)
    }
}

impl Change {
    /// No file gets a user's power.
    fn mode(bits: u64) -> Self {
        Self::Mode(Mode::from_raw_mode((bits & 0o1777) as u32))
    }
}

fn at(flag: AtFlags) -> u64 {
    flag.bits().into()
}
