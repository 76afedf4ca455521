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
    }
}
