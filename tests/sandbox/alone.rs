//! The lesser sandbox, without namespaces: the same ways out, each tried, and what must work.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use interline_tools::sandbox::{self, Ended, Level, Mount, Network, Spec};

use crate::escapes::{CALLS, outside_process, real, running};
use crate::place::{Place, code};

fn spec(place: &Place, program: &str, arguments: &[&str]) -> Spec {
    for folder in ["copy", "own/home", "own/tmp"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    let at = place.path("copy");
    let env = [
        ("HOME", place.path("home").display().to_string()),
        ("PATH", "/usr/bin:/bin".to_owned()),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value));
    let copy = Mount::Writable {
        from: at.clone(),
        at: at.clone(),
    };
    let mounts = sandbox::mounts(&env, &place.path("scratch"), vec![copy]).unwrap();
    let (mounts, variables) = sandbox::landlocked(&env, mounts, &place.path("own"));
    let path = env.into_iter().filter(|(name, _)| name == "PATH");
    Spec {
        input: None,
        program: program.into(),
        arguments: arguments.iter().map(OsString::from).collect(),
        folder: at,
        mounts,
        environment: path.chain(variables).collect(),
        network: Network::Nobody,
        limits: place.limits,
        level: Level::Landlock {
            held: place.path("held"),
        },
    }
}

async fn bash(place: &Place, script: &str) -> Ended {
    let spec = spec(place, "/bin/bash", &["-c", script]);
    place.run(&spec).await.unwrap()
}

#[tokio::test]
async fn it_writes_to_the_copy_and_its_own_folders() {
    let place = Place::new();
    let script = "echo a > a; mkdir d; mv a d/b; ln d/b d/c; ln -s d/b l; chmod 755 d/b; chmod u-w l; touch -d 2001-01-01 d/c; \
        cp -p d/b e; echo t > $TMPDIR/t; echo h > ~/h; mktemp > /dev/null; cat <(cat l) $TMPDIR/t ~/h; head -c 2 /dev/urandom | wc -c; \
        stat -c '%a %y' d/b e | cut -c-14; exit 3";
    let ended = bash(&place, script).await;
    assert_eq!(
        (ended.stdout.as_str(), ended.stderr.as_str(), code(&ended)),
        ("a\nt\nh\n2\n555 2001-01-01\n555 2001-01-01\n", "", Some(3))
    );
    let mode = |path: &str| place.path(path).metadata().unwrap().permissions().mode();
    assert_eq!(mode("copy/d/b") & 0o7777, 0o555);
    assert!(!place.path("home/h").exists());
}

#[tokio::test]
async fn a_build_links_and_runs() {
    let place = Place::new();
    let script = "set -e; git init -q .; git add .; printf 'int main(){return 42;}' > m.c; \
        if command -v cc > /dev/null; then cc m.c -o m; ./m || echo $?; else echo 42; fi";
    let ended = bash(&place, script).await;
    assert_eq!(ended.stdout, "42\n", "{}", ended.stderr);
}

#[tokio::test]
async fn nothing_outside_is_read_written_or_changed() {
    let place = Place::new();
    std::fs::create_dir(place.path("copy")).unwrap();
    let outside = place.path("outside").display().to_string();
    std::os::unix::fs::symlink(&outside, place.path("copy/link")).unwrap();
    let before = real(&place);
    let stamps = || {
        let facts = place.path("outside/file.txt").metadata().unwrap();
        (facts.modified().unwrap(), facts.permissions().mode())
    };
    let stamped = stamps();
    let home = place.path("home").display().to_string();
    let script = format!(
        "cat {home}/.ssh/* {home}/.aws/*; cat link/file.txt {outside}/file.txt ../outside/file.txt; ls {home}; \
         for f in {outside}/file.txt link/file.txt ../workspace/file.txt; do echo evil > $f; echo evil >> $f; rm -f $f; mv $f x; \
         chmod 777 $f; chmod 000 $f; touch -d 2001-01-01 $f; touch -a $f; chown 1:1 $f; ln $f hard; truncate -s 0 $f; done; \
         chmod 700 {outside} link {home} /proc/self/cwd/../outside; mkdir {outside}/x; ln -s /etc {outside}/y; \
         (cd /; chmod 777 {outside}/file.txt); cd link && chmod 777 file.txt; touch /x /usr/x /etc/x /tmp/interline-escape"
    );
    let ended = bash(&place, &script).await;
    let said = ended.stdout + &ended.stderr;
    assert!(
        !said.contains("planted-secret") && !said.contains("real"),
        "{said}"
    );
    assert_eq!(real(&place), before);
    assert_eq!(stamps(), stamped);
    for path in ["/x", "/usr/x", "/etc/x", "/tmp/interline-escape"] {
        assert!(!std::path::Path::new(path).exists(), "{path}");
    }
}

/// By number and by descriptor, with nothing between.
const CHANGES: &str = r"
import os, sys
path = sys.argv[1]
def tried(label, act):
    try:
        act(); print('DONE', label)
    except OSError as error:
        print('no', label, error.errno)
fd = os.open('/usr/bin/env', os.O_RDONLY)
folder = os.open(os.path.dirname(path), os.O_PATH)
name = os.path.basename(path)
tried('chmod', lambda: os.chmod(path, 0o777))
tried('fchmod of what is read', lambda: os.fchmod(fd, 0o777))
tried('fchmodat', lambda: os.chmod(name, 0o777, dir_fd=folder))
tried('by /proc/self', lambda: os.chmod('/proc/self/fd/%d/%s' % (folder, name), 0o777))
tried('by /proc/pid', lambda: os.chmod('/proc/%d/fd/%d/%s' % (os.getpid(), folder, name), 0o777))
tried('utime', lambda: os.utime(path, (1, 1)))
tried('utime of what is read', lambda: os.utime(fd, (1, 1)))
tried('utimensat', lambda: os.utime(name, (1, 1), dir_fd=folder))
tried('setxattr', lambda: os.setxattr(path, 'user.x', b'x'))
tried('lchown', lambda: os.lchown(path, os.getuid(), os.getgid()))
tried('truncate', lambda: os.truncate(path, 0))
tried('priority', lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19))
os.chdir(os.environ['TMPDIR'])
open('mine', 'w').close()
os.link('mine', 'linked')
os.chmod('linked', 0o640); os.utime('linked', (1, 1)); os.fchmod(os.open('mine', os.O_RDONLY), 0o600)
print('%o %d' % (os.stat('mine').st_mode & 0o777, os.stat('mine').st_mtime))
";

#[tokio::test]
async fn permissions_and_times_change_in_the_copy_only() {
    let place = Place::new();
    let path = place.path("outside/file.txt").display().to_string();
    let ended = place
        .run(&spec(&place, "/usr/bin/python3", &["-c", CHANGES, &path]))
        .await
        .unwrap();
    assert!(!ended.stdout.contains("DONE"), "{}", ended.stdout);
    assert!(
        ended.stdout.ends_with("600 1\n"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
}

#[tokio::test]
async fn there_are_no_sockets_but_pairs() {
    let place = Place::new();
    let paths = [
        place.path("outside/docker.sock"),
        place.path("copy/in.sock"),
    ];
    std::fs::create_dir(place.path("copy")).unwrap();
    let _listeners = paths
        .each_ref()
        .map(|path| UnixListener::bind(path).unwrap());
    let script = r"
import socket
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind); print('DONE', family, kind)
        except PermissionError: pass
try:
    socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); print('DONE pair')
except PermissionError: pass
a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))
";
    let ended = place
        .run(&spec(&place, "/usr/bin/python3", &["-c", script]))
        .await
        .unwrap();
    assert_eq!(ended.stdout, "b'x'\n", "{}", ended.stderr);
}

#[tokio::test]
async fn dangerous_system_calls_are_denied_here_too() {
    let place = Place::new();
    let ended = place
        .run(&spec(&place, "/usr/bin/python3", &["-c", CALLS]))
        .await
        .unwrap();
    assert!(
        ended.stdout.contains("clone3 is ENOSYS"),
        "{}",
        ended.stderr
    );
    let calls = ended.stdout.lines();
    for line in calls.filter(|line| !line.starts_with("clone3")) {
        assert!(line.ends_with(" EPERM"), "{line}");
    }
    let ended = bash(
        &place,
        "grep -E '^(CapEff|CapPrm|NoNewPrivs|Seccomp:)' /proc/self/status | tr -d '\\t\\n'",
    )
    .await;
    assert_eq!(
        ended.stdout,
        "CapPrm:0000000000000000CapEff:0000000000000000NoNewPrivs:1Seccomp:2"
    );
}

#[tokio::test]
async fn other_processes_are_out_of_reach() {
    let place = Place::new();
    let mut other = outside_process();
    let pid = other.id();
    let script = format!(
        "cat /proc/*/environ /proc/{pid}/mem /proc/$PPID/environ | tr '\\0' '\\n'; ls /proc/{pid}/fd /proc/{pid}/cwd/; \
         kill -9 {pid}; kill -STOP $PPID; kill -9 $PPID; echo alive"
    );
    let ended = bash(&place, &script).await;
    assert_eq!(code(&ended), Some(0));
    assert!(ended.stdout.ends_with("alive\n"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("planted-secret"), "{}", ended.stdout);
    assert!(other.try_wait().unwrap().is_none(), "it lives");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn what_is_left_running_ends_with_its_command() {
    let place = Place::new();
    let mark = "86394.75";
    let script = format!(
        "setsid nohup sleep {mark} >/dev/null 2>&1 & (setsid setsid sleep {mark} &) ; sleep 0.1; echo done"
    );
    let ended = bash(&place, &script).await;
    assert_eq!(
        (ended.stdout.as_str(), ended.left_running),
        ("done\n", true)
    );
    assert!(!running(mark));
}

#[tokio::test]
async fn whoever_waits_no_more_ends_all_of_it() {
    let place = Place::new();
    let mark = "86393.75";
    let script = format!("trap '' TERM; setsid sleep {mark} & echo up > up; sleep {mark}");
    let cancel = tokio_util::sync::CancellationToken::new();
    let stopper = cancel.clone();
    let up = place.path("copy/up");
    tokio::spawn(async move {
        while !up.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stopper.cancel();
    });
    let spec = spec(&place, "/bin/bash", &["-c", &script]);
    let limit = std::time::Duration::from_secs(60);
    let ended = sandbox::run(crate::place::launcher(), &spec, limit, &cancel).await;
    assert!(ended.unwrap().status.is_none());
    // It is had once nothing of it lives.
    let held = std::fs::File::open(place.path("held")).unwrap();
    held.lock().unwrap();
    assert!(!running(mark));
}

#[tokio::test]
async fn what_is_hidden_is_not_read_and_what_can_not_stand_runs_nothing() {
    let place = Place::new();
    let ended = bash(&place, "cat /etc/shadow /etc/gshadow; ls /root; ls /etc | grep -c passwd; cat /etc/passwd | head -c 4").await;
    assert!(
        ended.stdout.ends_with("root"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    assert!(!ended.stdout.contains(":*:"), "{}", ended.stdout);
    let mut broken = spec(&place, "/usr/bin/touch", &["ran"]);
    broken.folder = "/nowhere".into();
    let error = place.run(&broken).await.unwrap_err();
    assert!(
        error.starts_with("the sandbox could not be set up: "),
        "{error}"
    );
    assert!(!place.path("copy/ran").exists());
}
