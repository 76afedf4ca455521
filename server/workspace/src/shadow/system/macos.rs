//! What only this system's calls do for the shadow's folders, or do in its own widths. See `linux.rs` beside it.
//!
//! Compiled for its target by `tests/cross/run`, and never run by us yet: we have no such machine.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{self, CloneFlags, Mode, OFlags, RawMode, Stat, Timespec, Timestamps, UTIME_NOW};

use super::tree::Time;

pub(super) fn to_mode(bits: u32) -> Mode {
    // No permission is beyond the sixteen bits of the system's own type.
    Mode::from_raw_mode(RawMode::try_from(bits & 0o7777).unwrap_or_default())
}

/// Permission bits.
pub(super) fn mode(stat: &Stat) -> u32 {
    u32::from(stat.st_mode) & 0o7777
}

pub(super) fn modified(stat: &Stat) -> Time {
    Time(stat.st_mtime, stat.st_mtime_nsec)
}

pub(super) fn changed(stat: &Stat) -> Time {
    Time(stat.st_ctime, stat.st_ctime_nsec)
}

/// A new file `name` with the bytes of `source`, a clone of it where the file system (APFS) can; its time is now.
pub(super) fn copy(source: &mut File, folder: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let cloned = fs::fclonefileat(&*source, folder, name, CloneFlags::NOOWNERCOPY);
    if cloned.is_err() {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        io::copy(source, &mut file)?;
        return Ok(file);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(fs::openat(folder, name, flags, Mode::empty())?);
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let now = Timestamps {
        last_access: now,
        last_modification: now,
    };
    fs::futimens(&file, &now)?;
    Ok(file)
}

/// Makes the mark that there is nothing: an empty file that nobody may read. Only root can make overlayfs's own here,
/// and all other files of a seed can be read.
pub(super) fn mark_nothing(folder: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = fs::openat(folder, name, flags, Mode::empty())?;
    // Whatever the umask.
    Ok(fs::fchmod(&file, Mode::empty())?)
}

/// Is a regular file such a mark? (A file of the workspace's that looks the same has nothing to be shown.)
pub(super) fn is_mark(stat: &Stat) -> bool {
    stat.st_size == 0 && mode(stat) == 0
}
