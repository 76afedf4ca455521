//! The kernel's queue of changes, emptied by whoever wants to know.
//!
//! Not by a crate that reads it on a thread of its own: then nobody could tell that all is read.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Names a folder that is watched.
pub(super) type Id = i32;

#[derive(Debug)]
pub(super) struct Watch {
    queue: OwnedFd,
}

/// What happened in a folder, or to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The queue ran over, or a file system went away: anything may have happened.
    Lost,
    /// The folder is not watched any more: it went away.
    Ended,
    /// The folder itself was moved or deleted.
    Gone,
    /// An entry came.
    Came,
    /// An entry went.
    Went,
    /// The content of an entry changed.
    Content,
    /// What is known of an entry (or the folder) beside its content: permissions, times.
    Facts,
}

pub(super) struct Event<'a> {
    pub(super) folder: Id,
    pub(super) what: What,
    /// The entry is a folder.
    pub(super) of_folder: bool,
    /// Of the entry; `None`: it is about the folder itself.
    pub(super) name: Option<&'a CStr>,
}

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { queue })
    }

    pub(super) fn add(&self, folder: &Path) -> io::Result<Id> {
        let wanted = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MODIFY
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW
            | WatchFlags::EXCL_UNLINK;
        Ok(inotify::add_watch(&self.queue, folder, wanted)?)
    }

    pub(super) fn remove(&self, folder: Id) {
        // It may be gone already.
        let _ = inotify::remove_watch(&self.queue, folder);
    }

    /// Hands out everything that has happened up to now, in order.
    pub(super) fn drain(&self, mut each: impl FnMut(&Event<'_>)) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => each(&Event {
                    folder: event.wd(),
                    what: what(event.events()),
                    of_folder: event.events().contains(ReadFlags::ISDIR),
                    name: event.file_name(),
                }),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Another hand on the same queue, to wait with while nothing is locked.
    pub(super) fn waiter(&self) -> io::Result<Self> {
        Ok(Self {
            queue: self.queue.try_clone()?,
        })
    }

    /// Waits until there is something to drain, but not longer.
    pub(super) fn wait(&self, timeout: Duration) {
        let timeout = Timespec::try_from(timeout).ok();
        let mut queue = [PollFd::new(&self.queue, PollFlags::IN)];
        // Interrupted or not: the caller looks.
        let _ = poll(&mut queue, timeout.as_ref());
    }
}

fn what(flags: ReadFlags) -> What {
    let any = |of: ReadFlags| flags.intersects(of);
    if any(ReadFlags::QUEUE_OVERFLOW | ReadFlags::UNMOUNT) {
        What::Lost
    } else if any(ReadFlags::IGNORED) {
        What::Ended
    } else if any(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF) {
        What::Gone
    } else if any(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        What::Came
    } else if any(ReadFlags::DELETE | ReadFlags::MOVED_FROM) {
        What::Went
    } else if any(ReadFlags::MODIFY) {
        What::Content
    } else {
        What::Facts
    }
}

/// The file system of a folder is one whose changes all go through this kernel.
pub(super) fn sees_all_of(folder: &Path) -> io::Result<bool> {
    const LOCAL: [i64; 11] = [
        0xEF53,      // ext2, 3, 4
        0x9123_683E, // btrfs
        0x5846_5342, // xfs
        0x0102_1994, // tmpfs
        0x8584_58F6, // ramfs
        0xF2F5_2010, // f2fs
        0x2FC1_2FC1, // zfs
        0xCA45_1A4E, // bcachefs
        0x794C_7630, // overlayfs
        0x3153_464A, // jfs
        0x3434,      // nilfs
    ];
    let kind = rustix::fs::statfs(folder)?.f_type;
    Ok(LOCAL.contains(&kind))
}
