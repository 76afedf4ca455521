//! The system calls that rustix does not offer, or not for a process of one thread. With the
//! handler of fatal signals (`server/interline/src/fatal.rs`) the only unsafe code of the repository.
//!
//! All of it is called by the launcher and its two children alone, which have one thread each: what a fork does to
//! the locks of other threads is no concern.

use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, Signal};

type Result<T> = std::result::Result<T, Errno>;

/// All that the sandbox has of its own.
const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS;

/// Which of the two processes this is after a fork.
pub(super) enum Side {
    Parent(Pid),
    Child,
}

fn last_error() -> Errno {
    let code = std::io::Error::last_os_error().raw_os_error();
    Errno::from_raw_os_error(code.unwrap_or(libc::EIO))
}

fn checked(result: libc::c_long) -> Result<libc::c_long> {
    if result < 0 {
        Err(last_error())
    } else {
        Ok(result)
    }
}

fn side(result: libc::c_long) -> Result<Side> {
    let pid = i32::try_from(checked(result)?).map_err(|_| Errno::INVAL)?;
    Ok(Pid::from_raw(pid).map_or(Side::Child, Side::Parent))
}

/// A child as pid 1 of new namespaces of every kind.
pub(super) fn fork_into_namespaces() -> Result<Side> {
    let flags = libc::c_long::from(NAMESPACES | libc::SIGCHLD);
    // The remaining arguments stand in another order on some machines; here they are all zero.
    #[expect(unsafe_code, reason = "std and rustix have no clone into namespaces")]
    // SAFETY: without CLONE_VM and with a null stack it is a fork: the child has a copy of all memory, and there is
    // one thread, so no lock is left held.
    let result =
        unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    side(result)
}

pub(super) fn fork() -> Result<Side> {
    #[expect(unsafe_code, reason = "std and rustix have no fork")]
    // SAFETY: there is one thread, so no lock is left held in the child.
    let result = unsafe { libc::fork() };
    side(result.into())
}

/// Closes all descriptors beyond the standard three. To be called first, when this process has opened none itself.
pub(super) fn close_inherited() -> Result<()> {
    let (first, last, flags) = (3_u32, u32::MAX, 0_u32);
    #[expect(unsafe_code, reason = "rustix has no close_range")]
    // SAFETY: what is closed was left open by who started this process; nothing here owns any of it.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    checked(result).map(drop)
}

/// Makes a mount, with all below it where `recursive`, as strict as `attributes` (`MOUNT_ATTR_*`) say.
pub(super) fn restrict_mount(tree: BorrowedFd<'_>, attributes: u64, recursive: bool) -> Result<()> {
    let wanted = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    let depth = if recursive { libc::AT_RECURSIVE } else { 0 };
    #[expect(unsafe_code, reason = "rustix has no mount_setattr")]
    // SAFETY: the path is an empty C string, and the structure lives until the call returns; its size is passed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | depth,
            &raw const wanted,
            size_of::<libc::mount_attr>(),
        )
    };
    checked(result).map(drop)
}

/// A descriptor that can be read when a child has ended.
pub(super) fn child_signals() -> Result<OwnedFd> {
    #[expect(unsafe_code, reason = "rustix has no signalfd")]
    // SAFETY: the set is initialised by sigemptyset before it is used, and outlives the calls; the new descriptor is
    // owned by nobody else.
    unsafe {
        let mut set = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        checked(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()).into())?;
        let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
        let descriptor = libc::signalfd(-1, &raw const set, flags);
        checked(descriptor.into())?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Sends it to every process of this pid namespace but init.
pub(super) fn signal_all_others(signal: Signal) {
    #[expect(unsafe_code, reason = "rustix can't address all processes")]
    // SAFETY: it touches no memory. Called by pid 1 of a pid namespace of its own: it reaches nobody outside.
    let _ = unsafe { libc::kill(-1, signal.as_raw()) };
}
