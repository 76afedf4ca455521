//! Ways out, each tried. After most of them the real machine is looked at: what the script believes does not count.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use interline_tools::sandbox::{self, Spec};

use crate::place::{Place, code};

/// The real files of the place, as one text.
pub(crate) fn real(place: &Place) -> String {
    let list = |folder: &str| {
        let mut names: Vec<_> = walk(&place.path(folder));
        names.sort();
        names.join("\n")
    };
    [list("workspace"), list("home"), list("outside")].join("\n--\n")
}

fn walk(folder: &std::path::Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let facts = path.symlink_metadata().unwrap();
        let mode = facts.permissions().mode();
        let text = if facts.is_file() {
            std::fs::read_to_string(&path).unwrap()
        } else {
            String::new()
        };
        found.push(format!("{} {mode:o} {text}", path.display()));
        if facts.is_dir() {
            found.extend(walk(&path));
        }
    }
    found
}

/// Runs a script that must change nothing real.
async fn harmless(place: &Place, script: &str) -> String {
    let before = real(place);
    let ended = place.bash(script).await;
    assert_eq!(real(place), before, "{script}");
    ended.stdout + &ended.stderr
}

#[tokio::test]
async fn protected_folders_can_be_moved_and_replaced_in_the_shadow_only() {
    let place = Place::new();
    place.write("workspace/.vscode/settings.json", "{}");
    place.write("workspace/sub/.git/hooks/pre-commit", "exit 0");
    place.write("outside/agent/config", "real");
    std::os::unix::fs::symlink(place.path("outside/agent"), place.path("workspace/.agent"))
        .unwrap();
    for script in [
        "mv .vscode x; mkdir .vscode; echo evil > .vscode/settings.json",
        "mv sub x; mkdir -p sub/.git/hooks; echo evil > sub/.git/hooks/pre-commit",
        "rm .agent; mkdir .agent; echo evil > .agent/config",
        "ln -sfn /etc .agent2; mkdir -p .idea; echo evil > .idea/workspace.xml",
        "rm -rf * .vscode; rm -rf $HOME; rm -rf /etc /opt",
        "chmod -R 777 . ; chown -R 1:1 .",
    ] {
        harmless(&place, script).await;
    }
}

#[tokio::test]
async fn nothing_outside_is_read_or_written() {
    let place = Place::new();
    let outside = place.path("outside").display().to_string();
    std::os::unix::fs::symlink(&outside, place.path("workspace/link")).unwrap();
    let said = harmless(
        &place,
        &format!(
            "cat ~/.ssh/* ~/.aws/*; cat link/file.txt {outside}/file.txt; echo evil > {outside}/file.txt; \
             echo evil > link/file.txt; chmod 777 {outside}/file.txt; ln {outside}/file.txt hard; mkdir {outside}/x; \
             touch /x /usr/x /etc/x /var/x; ls -A ~"
        ),
    )
    .await;
    assert!(
        !said.contains("planted-secret") && !said.contains("real"),
        "{said}"
    );
    for path in ["/x", "/usr/x", "/etc/x", "/var/x"] {
        assert!(!std::path::Path::new(path).exists(), "{path}");
    }
}

#[tokio::test]
async fn a_file_of_the_real_workspace_can_not_be_linked_out_or_in() {
    let place = Place::new();
    let said = harmless(
        &place,
        "ln file.txt /tmp/hard; ln file.txt hard && echo evil >> hard; cat file.txt",
    )
    .await;
    assert!(
        said.contains("evil"),
        "within the shadow it is a link: {said}"
    );
    assert_eq!(place.read("workspace/file.txt"), "real\n");
}

#[tokio::test]
async fn secrets_of_the_system_are_hidden() {
    let place = Place::new();
    let ended = place.bash("cat /etc/shadow /etc/gshadow /etc/sudoers; ls /etc/ssl/private /etc/sudoers.d; ls /root").await;
    assert_eq!(ended.stdout, "");
    let ended = place.bash("find /etc ! -readable -type f -size +0").await;
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn processes_of_the_outside_are_not_there() {
    let place = Place::new();
    let mut other = outside_process();
    let pid = other.id();
    let script = format!(
        "cat /proc/*/environ /proc/{pid}/cmdline | tr '\\0' '\\n'; kill -9 {pid}; kill -9 -1; kill -9 0"
    );
    let ended = place.bash(&script).await;
    let said = ended.stdout + &ended.stderr;
    assert!(!said.contains("planted-secret"), "{said}");
    assert!(other.try_wait().unwrap().is_none(), "it lives");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process that the sandbox must not reach"
)]
pub(crate) fn outside_process() -> std::process::Child {
    let mut command = std::process::Command::new("sleep");
    command
        .arg("60")
        .env("TOKEN", "planted-secret")
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn init_gives_nothing_away() {
    let place = Place::new();
    let ended = place
        .bash("ls /proc/1/root /proc/1/cwd/ ; readlink /proc/1/fd/*; cat /proc/1/environ /proc/1/maps; cat /proc/1/mem; kill -9 1; kill -STOP 1; echo alive")
        .await;
    assert_eq!(ended.stdout, "alive\n", "{}", ended.stderr);
    let ended = place.bash("cat /proc/1/cmdline | tr '\\0' ' '").await;
    assert!(
        ended.stdout.ends_with("interline sandbox-launch "),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn the_environment_is_what_was_given() {
    let place = Place::new();
    let mut spec = place.spec("/usr/bin/env", &[]);
    spec.environment = vec![("A".to_owned(), "b".to_owned())];
    // And that package managers are offline, each with its own variable.
    let given = sandbox::environment(&spec.environment, &spec.network).into_iter();
    let mut given: Vec<_> = given
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    given.sort();
    assert!(
        given.contains(&"A=b\n".to_owned()) && given.len() < 10,
        "{given:?}"
    );
    assert_eq!(place.run(&spec).await.unwrap().stdout, given.concat());
}

#[tokio::test]
async fn only_the_standard_descriptors_are_inherited() {
    let place = Place::new();
    let leak = std::fs::File::open(place.path("outside/file.txt")).unwrap();
    rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
    let ended = place.bash("cd /proc/self/fd && echo * && readlink 0").await;
    // The last one is bash's own, for the listing.
    assert_eq!(ended.stdout, "0 1 2 3\n/dev/null\n");
}

#[tokio::test]
async fn sockets_of_the_outside_are_out_of_reach() {
    let place = Place::new();
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    let udp_port = udp.local_addr().unwrap().port().to_string();
    // As Docker's or an agent's; one of them in the workspace's own folder.
    let paths = [
        place.path("outside/docker.sock"),
        place.path("home/agent.sock"),
        place.path("workspace/in.sock"),
    ];
    let _listeners = paths
        .each_ref()
        .map(|path| UnixListener::bind(path).unwrap());
    let name = format!("interline-test-{}", std::process::id());
    let _abstract =
        UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let script = r"
import socket, sys
tcp, udp, name, *paths = sys.argv[1:]
def tried(label, family, kind, address, data=None):
    s = socket.socket(family, kind)
    s.settimeout(2)
    try:
        s.sendto(data, address) if data else s.connect(address)
        print('REACHED', label)
    except OSError as error:
        print('no', label, error)
tried('tcp', socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', int(tcp)))
tried('tcp out', socket.AF_INET, socket.SOCK_STREAM, ('192.0.2.1', 443))
tried('dns', socket.AF_INET, socket.SOCK_DGRAM, ('192.0.2.1', 53), b'x')
tried('tcp6', socket.AF_INET6, socket.SOCK_STREAM, ('2001:db8::1', 443))
tried('abstract', socket.AF_UNIX, socket.SOCK_STREAM, '\0' + name)
for path in paths:
    tried(path, socket.AF_UNIX, socket.SOCK_STREAM, path)
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(udp)))
";
    let paths = paths.map(|path| path.display().to_string());
    let [a, b, c] = &paths;
    let ended = place
        .python(script, &[&port, &udp_port, &name, a, b, c])
        .await;
    assert!(!ended.stdout.contains("REACHED"), "{}", ended.stdout);
    assert_eq!(
        ended.stdout.lines().count(),
        8,
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    udp.set_nonblocking(true).unwrap();
    assert!(udp.recv(&mut [0; 8]).is_err(), "a datagram came out");
}

/// Each call by its number, so that no C library is in between; the error it must have.
pub(crate) const CALLS: &str = r"
import ctypes, errno, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == 'x86_64'
number = dict(unshare=272, mount=165, umount2=166, setns=308, pivot_root=155, chroot=161, ptrace=101, bpf=321,
    perf_event_open=298, userfaultfd=323, add_key=248, keyctl=250, clone=56, clone3=435, ioctl=16, socket=41,
    process_vm_readv=310, init_module=175, reboot=169, swapon=167, open_by_handle_at=304) if x86 else dict(
    unshare=97, mount=40, umount2=39, setns=268, pivot_root=41, chroot=51, ptrace=117, bpf=280,
    perf_event_open=241, userfaultfd=282, add_key=217, keyctl=219, clone=220, clone3=435, ioctl=29, socket=198,
    process_vm_readv=270, init_module=105, reboot=142, swapon=224, open_by_handle_at=265)
number.update(io_uring_setup=425, open_tree=428, move_mount=429, fsopen=430, fsmount=432, mount_setattr=442,
    open_tree_attr=467, pidfd_getfd=438)
def call(name, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number[name], *[ctypes.c_long(a) for a in arguments])
    return errno.errorcode.get(ctypes.get_errno(), 'DONE') if result == -1 else 'DONE'
for name in number:
    if name not in ('clone', 'clone3', 'ioctl', 'socket'):
        print(name, call(name, 0, 0, 0, 0, 0))
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    print('clone', call('clone', flag | 17, 0, 0, 0, 0))
print('tiocsti', call('ioctl', 0, 0x5412, 0))
print('tiocsti high', call('ioctl', 0, 0x100005412, 0))
print('tioclinux', call('ioctl', 0, 0x541c, 0))
for family, protocol in ((40, 0), (17, 0), (38, 0), (16, 9), (16, 12), (31, 0), (44, 0)):
    print('socket', call('socket', family, 3, protocol))
if x86:
    number['x32'] = 0x40000000 + 272
    print('x32', 'EPERM' if call('x32', 0x10000000) == 'ENOSYS' else 'DONE')
print('clone3 is', call('clone3', 0, 0))
";

#[tokio::test]
async fn dangerous_system_calls_are_denied() {
    let ended = Place::new().python(CALLS, &[]).await;
    assert!(
        ended.stdout.contains("clone3 is ENOSYS"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    for line in ended
        .stdout
        .lines()
        .filter(|line| !line.starts_with("clone3"))
    {
        assert!(line.ends_with(" EPERM"), "{line}");
    }
}

#[tokio::test]
async fn there_is_no_power_left() {
    let place = Place::new();
    let ended = place
        .bash("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")
        .await;
    let values: Vec<_> = ended
        .stdout
        .lines()
        .map(|line| line.split_whitespace().nth(1).unwrap())
        .collect();
    let none = "0000000000000000";
    assert_eq!(values, [none, none, none, none, none, "1", "2"]);
    // Root's own files of the kernel, which need no capability but root's name.
    let ended = place
        .bash("echo x > /proc/sys/kernel/core_pattern; echo 1 > /proc/sysrq-trigger; mknod d c 1 3; ls /sys/kernel; cat /dev/kmsg /dev/mem")
        .await;
    assert_eq!(ended.stdout, "");
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    assert_ne!(pattern, "x\n");
    let ended = place.bash("unshare -Ur true || unshare -n true || mount -t tmpfs none /tmp || su -c true || echo none").await;
    assert_eq!(ended.stdout, "none\n");
}

#[tokio::test]
async fn a_daemon_dies_with_its_command() {
    let place = Place::new();
    let mark = "86395.25";
    let script = format!(
        "setsid nohup sleep {mark} >/dev/null 2>&1 & (setsid setsid sleep {mark} &) ; sleep 0.1; echo done"
    );
    let ended = place.bash(&script).await;
    assert_eq!(
        (ended.stdout.as_str(), ended.left_running),
        ("done\n", true)
    );
    assert!(!running(mark));
}

/// A process has this in its command line.
pub(crate) fn running(mark: &str) -> bool {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| String::from_utf8_lossy(line).contains(mark))
        .count()
        > 0
}

#[tokio::test]
async fn a_sandbox_that_does_not_stand_runs_nothing() {
    let place = Place::new();
    let break_it: [fn(&mut Spec); 3] = [
        |spec| spec.folder = "/nowhere".into(),
        |spec| {
            spec.mounts
                .push(interline_tools::sandbox::Mount::ReadOnly("/nowhere".into()))
        },
        |spec| {
            let nowhere = || "/nowhere".into();
            spec.mounts.push(interline_tools::sandbox::Mount::Writable {
                from: nowhere(),
                at: nowhere(),
            });
        },
    ];
    for broken in break_it {
        let mut spec = place.spec("/usr/bin/touch", &["ran"]);
        broken(&mut spec);
        let error = place.run(&spec).await.unwrap_err();
        assert!(
            error.starts_with("the sandbox could not be set up: "),
            "{error}"
        );
        assert!(!place.path("workspace/ran").exists() && !place.path("upper/ran").exists());
    }
    let error = place
        .run(&place.spec("/no/such/program", &[]))
        .await
        .unwrap_err();
    assert!(error.starts_with("can't run /no/such/program: "), "{error}");
    assert_eq!(code(&place.bash("true").await), Some(0));
}

#[tokio::test]
async fn a_symbolic_link_in_the_workspace_leads_no_mount_elsewhere() {
    let place = Place::new();
    std::os::unix::fs::symlink("/etc", place.path("workspace/.git")).unwrap();
    let mut spec = place.spec(
        "/bin/bash",
        &["-c", "ls -A /etc | head -1; cat /etc/passwd | head -c 4"],
    );
    let hidden = place.path("workspace/.git/passwd");
    spec.mounts
        .push(interline_tools::sandbox::Mount::Hidden(hidden));
    let ended = place.run(&spec).await.unwrap();
    // It was resolved inside: what it leads to there is covered, the real one is as it was.
    assert!(!ended.stdout.contains("root"));
    assert!(
        std::fs::read_to_string("/etc/passwd")
            .unwrap()
            .starts_with("root")
    );
}
