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

/// `fchmodat2`: the same number on each machine, which the libc crate knows of some only.
pub(super) const SYS_FCHMODAT2: libc::c_long = 452;

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

/// Installs a filter that hands calls over; the descriptor is where they come out. Needs `no_new_privs`.
pub(super) fn hand_over_calls(filter: &[libc::sock_filter]) -> Result<OwnedFd> {
    /// `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`: only a deadly signal interrupts a call that is being done.
    const KILLABLE: libc::c_ulong = 1 << 5;
    let mut filter = filter.to_vec();
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(|_| Errno::INVAL)?,
        filter: filter.as_mut_ptr(),
    };
    #[expect(unsafe_code, reason = "rustix has no seccomp")]
    // SAFETY: the program points to `filter`, of that length, which lives until the call returns; the new descriptor is
    // owned by nobody else.
    unsafe {
        let descriptor = libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | KILLABLE,
            &raw const program,
        );
        let descriptor = i32::try_from(checked(descriptor)?).map_err(|_| Errno::INVAL)?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// `SECCOMP_IOCTL_NOTIF_RECV`, `…_SEND` and `…_ID_VALID` (linux/seccomp.h).
const RECEIVE: u32 = 0xc050_2100;
const SEND: u32 = 0xc018_2101;
const IS_VALID: u32 = 0x4008_2102;

/// A call that is handed over.
pub(super) struct Call {
    id: u64,
    pub(super) process: u32,
    pub(super) number: i64,
    pub(super) arguments: [u64; 6],
}

/// The next call. An error: there is none any more.
pub(super) fn next_call(calls: BorrowedFd<'_>) -> Result<Call> {
    #[expect(unsafe_code, reason = "rustix has no seccomp")]
    // SAFETY: the structure is made of integers, zeroed as the kernel wants it, and as long as the request says.
    let call = unsafe {
        let mut call = std::mem::zeroed::<libc::seccomp_notif>();
        let result = libc::ioctl(calls.as_raw_fd(), RECEIVE as _, &raw mut call);
        checked(result.into())?;
        call
    };
    Ok(Call {
        id: call.id,
        process: call.pid,
        number: call.data.nr.into(),
        arguments: call.data.args,
    })
}

/// Is the process that called still waiting? If not, what was read of it may be another's.
pub(super) fn waits(calls: BorrowedFd<'_>, call: &Call) -> bool {
    #[expect(unsafe_code, reason = "rustix has no seccomp")]
    // SAFETY: the kernel reads eight bytes.
    let result = unsafe { libc::ioctl(calls.as_raw_fd(), IS_VALID as _, &raw const call.id) };
    result == 0
}

/// What the call returns. Its process may be gone.
pub(super) fn answer(calls: BorrowedFd<'_>, call: &Call, done: Result<()>) {
    let answer = libc::seccomp_notif_resp {
        id: call.id,
        val: 0,
        error: done.err().map_or(0, |error| -error.raw_os_error()),
        flags: 0,
    };
    #[expect(unsafe_code, reason = "rustix has no seccomp")]
    // SAFETY: the kernel reads the structure, which is as long as the request says.
    let _ = unsafe { libc::ioctl(calls.as_raw_fd(), SEND as _, &raw const answer) };
}
