//! What only this system's calls do for the shadow's folders, or do in its own widths. See `macos.rs` beside it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{self, FileType, Mode, OFlags, Stat};

use super::tree::Time;

pub(super) fn to_mode(bits: u32) -> Mode {
    Mode::from_raw_mode(bits)
}

/// Permission bits.
pub(super) fn mode(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

pub(super) fn modified(stat: &Stat) -> Time {
    Time(stat.st_mtime, stat.st_mtime_nsec.cast_signed())
}

pub(super) fn changed(stat: &Stat) -> Time {
    Time(stat.st_ctime, stat.st_ctime_nsec.cast_signed())
}

/// A new file `name` with the bytes of `source`, sharing its blocks where the file system can.
pub(super) fn copy(source: &mut File, folder: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR)?);
    if fs::ioctl_ficlone(&file, &*source).is_err() {
        io::copy(source, &mut file)?;
    }
    Ok(file)
}

/// Makes the mark that there is nothing: overlayfs's own.
pub(super) fn mark_nothing(folder: &OwnedFd, name: &OsStr) -> io::Result<()> {
    Ok(fs::mknodat(
        folder,
        name,
        FileType::CharacterDevice,
        Mode::empty(),
        0,
    )?)
}

/// Is a regular file such a mark? Here none is.
pub(super) fn is_mark(_: &Stat) -> bool {
    false
}
