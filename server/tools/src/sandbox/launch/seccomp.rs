//! The system calls that a command has no business with: the kernel's larger attack surface, and every way to build
//! a namespace or reach into another process.
//!
//! A list of what is denied, since what programs need has no end. Where the list would be too short, the namespaces
//! and the missing capabilities hold.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter, sock_filter,
};

use super::{Failure, at};

/// Newer than the `libc` crate: `open_tree_attr` has this number on every machine.
const OPEN_TREE_ATTR: i64 = 467;

/// Denied whatever their arguments.
const DENIED: &[i64] = &[
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_process_madvise,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Parts of the kernel with a long record.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // The machine.
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// Denied besides where there are no namespaces: what belongs to other processes of the user, and to files by more
/// than their contents.
const DENIED_ALONE: &[i64] = &[
    libc::SYS_socket,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    FILE_SETATTR,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utime,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_utimes,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_futimesat,
];

/// As on a file system that has none: who copies a file does without then.
const ATTRIBUTES: &[i64] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    SETXATTRAT,
    REMOVEXATTRAT,
];
/// Newer than the `libc` crate, and the same on every machine.
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const FILE_SETATTR: i64 = 469;

/// By what number another process is named, and how many arguments come before it.
const TO_OTHERS: &[(i64, u8)] = &[
    (libc::SYS_prlimit64, 0),
    (libc::SYS_setpriority, 1),
    (libc::SYS_ioprio_set, 1),
    (libc::SYS_sched_setparam, 0),
    (libc::SYS_sched_setscheduler, 0),
    (libc::SYS_sched_setattr, 0),
    (libc::SYS_sched_setaffinity, 0),
];

/// What can reach any process of the user's, where Landlock does not keep it in.
const SIGNALS: &[i64] = &[
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_send_signal,
];

/// Flags of files (`FS_IOC_SETFLAGS`, `FS_IOC_FSSETXATTR`), such as one by which they can't be changed.
const FILE_FLAGS: &[u64] = &[0x4008_6602, 0x401c_5820];

/// Permissions and times of files: allowed within the copy, which only who looks at the path can tell.
const HANDED_OVER: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    super::system::SYS_FCHMODAT2,
    libc::SYS_utimensat,
];

/// `CLONE_NEWTIME`; in `clone` its bit means something else, so only `unshare` and `clone3` know it.
const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// `TIOCSTI` and `TIOCLINUX` put text into a terminal as if it had been typed.
const TERMINAL: &[u64] = &[0x5412, 0x541c];

/// Restricts this process and all that come from it.
pub(super) fn restrict() -> Result<(), Failure> {
    for filter in filters()? {
        apply_filter(&filter).map_err(at("seccomp"))?;
    }
    Ok(())
}

/// Restricts this process where there are no namespaces. `scoped`: Landlock keeps signals in.
pub(super) fn restrict_alone(scoped: bool) -> Result<(), Failure> {
    apply_filter(&filter(denied_alone(scoped)?, libc::EPERM)?).map_err(at("seccomp"))?;
    let attributes = ATTRIBUTES.iter().map(|call| (*call, Vec::new()));
    let attributes = filter(attributes.collect(), libc::EOPNOTSUPP)?;
    apply_filter(&attributes).map_err(at("seccomp"))?;
    restrict()
}

fn denied_alone(scoped: bool) -> Result<BTreeMap<i64, Vec<SeccompRule>>, Failure> {
    let signals = SIGNALS.iter().filter(|_| !scoped);
    let calls = DENIED_ALONE.iter().chain(signals);
    let mut rules: BTreeMap<_, _> = calls.map(|call| (*call, Vec::new())).collect();
    for (call, argument) in TO_OTHERS {
        rules.insert(*call, vec![rule(&[(*argument, Is::Ne, 0)])?]);
    }
    // A pair for datagrams could still be connected to somebody else.
    let datagrams = u64::from(libc::SOCK_DGRAM.unsigned_abs());
    rules.insert(
        libc::SYS_socketpair,
        vec![rule(&[(1, Is::MaskedEq(0xf), datagrams)])?],
    );
    let flags = FILE_FLAGS
        .iter()
        .map(|request| rule(&[(1, Is::Eq, *request)]));
    rules.insert(libc::SYS_ioctl, flags.collect::<Result<_, _>>()?);
    Ok(rules)
}

/// A filter that hands calls over to the keeper. Never the only one: it does not look at the machine.
pub(super) fn handed_over() -> Vec<libc::sock_filter> {
    let step = |code: u32, jt, jf, k| libc::sock_filter {
        // The codes are below 2^16 (linux/bpf_common.h).
        code: code as u16,
        jt,
        jf,
        k,
    };
    let give = |k| step(libc::BPF_RET | libc::BPF_K, 0, 0, k);
    let mut program = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for call in HANDED_OVER {
        let number = u32::try_from(*call).unwrap_or(u32::MAX);
        program.push(step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            number,
        ));
        program.push(give(libc::SECCOMP_RET_USER_NOTIF));
    }
    program.push(give(libc::SECCOMP_RET_ALLOW));
    program
}

fn filters() -> Result<Vec<BpfProgram>, Failure> {
    let denied = filter(denied()?, libc::EPERM)?;
    // Its flags are in memory, where a filter can't look; without it programs take `clone`.
    let absent = filter(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        libc::ENOSYS,
    )?;
    let mut filters = vec![denied, absent];
    if cfg!(target_arch = "x86_64") {
        filters.push(no_x32());
    }
    Ok(filters)
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, error: i32) -> Result<BpfProgram, Failure> {
    let machine = TargetArch::try_from(std::env::consts::ARCH).map_err(at("seccomp"))?;
    let deny = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, deny, machine);
    let program = filter.and_then(BpfProgram::try_from);
    program.map_err(at("seccomp"))
}

fn denied() -> Result<BTreeMap<i64, Vec<SeccompRule>>, Failure> {
    let mut rules: BTreeMap<_, _> = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    let namespaces = NAMESPACES.iter().map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        rule(&[(0, Is::MaskedEq(flag), flag)])
    });
    rules.insert(libc::SYS_clone, namespaces.collect::<Result<_, _>>()?);
    let terminal = TERMINAL
        .iter()
        .map(|request| rule(&[(1, Is::Eq, *request)]));
    rules.insert(libc::SYS_ioctl, terminal.collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_socket, sockets()?);
    Ok(rules)
}

/// Families other than these: UNIX, IPv4, IPv6, and netlink for routes (interfaces are listed by it).
fn sockets() -> Result<Vec<SeccompRule>, Failure> {
    let allowed = [
        libc::AF_UNIX,
        libc::AF_INET,
        libc::AF_INET6,
        libc::AF_NETLINK,
    ];
    let others = allowed.map(|family| (0, Is::Ne, u64::from(family.unsigned_abs())));
    let netlink = u64::from(libc::AF_NETLINK.unsigned_abs());
    let route = u64::from(libc::NETLINK_ROUTE.unsigned_abs());
    Ok(vec![
        rule(&others)?,
        rule(&[(0, Is::Eq, netlink), (2, Is::Ne, route)])?,
    ])
}

/// All conditions together; of each the argument's number, the comparison and the value.
fn rule(conditions: &[(u8, Is, u64)]) -> Result<SeccompRule, Failure> {
    let conditions = conditions.iter().map(|(argument, is, value)| {
        SeccompCondition::new(*argument, Length::Dword, is.clone(), *value)
    });
    let conditions = conditions.collect::<Result<Vec<_>, _>>();
    conditions.and_then(SeccompRule::new).map_err(at("seccomp"))
}

/// The x32 calls of a 64-bit PC have numbers of their own beyond this bit, which the filters above would let pass.
fn no_x32() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    let step = |code: u32, jt, jf, k| sock_filter {
        // The codes are below 2^16 (linux/bpf_common.h).
        code: code as u16,
        jt,
        jf,
        k,
    };
    vec![
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, X32),
        step(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS.unsigned_abs(),
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_filters_compile() {
        let filters = super::filters().expect("sound rules");
        assert!(filters.iter().all(|filter| !filter.is_empty()));
        for scoped in [true, false] {
            let rules = super::denied_alone(scoped).expect("sound rules");
            super::filter(rules, libc::EPERM).expect("it compiles");
        }
    }
}
