//! What must go on working inside.

use std::os::unix::process::ExitStatusExt as _;

use interline_tools::sandbox::Spec;

use crate::place::{Place, code};

#[tokio::test]
async fn a_command_ends_as_it_would_outside() {
    let place = Place::new();
    let ended = place.bash("echo out; echo err >&2; exit 3").await;
    assert_eq!(
        (code(&ended), ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(3), "out\n", "err\n")
    );
    for signal in [6, 9, 13, 15] {
        let ended = place.bash(&format!("kill -{signal} $$")).await;
        assert_eq!(ended.status.unwrap().signal(), Some(signal));
    }
    let late = place.bash("(sleep 0.1; echo late) & echo soon").await;
    assert_eq!(
        (late.stdout.as_str(), late.left_running),
        ("soon\nlate\n", false)
    );
}

#[tokio::test]
async fn writes_land_in_the_upper_layer() {
    let place = Place::new();
    let ended = place
        .bash("echo new > new.txt; echo changed > file.txt; mkdir d; cat file.txt; pwd")
        .await;
    let folder = place.path("workspace").display().to_string();
    assert_eq!(ended.stdout, format!("changed\n{folder}\n"));
    assert_eq!(place.read("workspace/file.txt"), "real\n");
    assert_eq!(place.read("upper/file.txt"), "changed\n");
    assert_eq!(place.read("upper/new.txt"), "new\n");
    // The next command finds it.
    assert_eq!(
        place.bash("cat new.txt file.txt").await.stdout,
        "new\nchanged\n"
    );
    let deleted = place.bash("rm file.txt; mv new.txt newer.txt; ls").await;
    assert_eq!(deleted.stdout, "d\nnewer.txt\n");
    assert_eq!(place.read("workspace/file.txt"), "real\n");
}

#[tokio::test]
async fn temporary_folders_home_and_devices_work() {
    let place = Place::new();
    let ended = place
        .bash("echo a > /tmp/a && echo b > ~/b && cat /tmp/a ~/b && cat <(echo c) && echo d > /dev/null && head -c 2 /dev/urandom | wc -c && echo e > /dev/shm/e && [ -e /dev/ptmx ] && nproc > /dev/null && echo all")
        .await;
    assert_eq!(ended.stdout, "a\nb\nc\n2\nall\n", "{}", ended.stderr);
    assert!(!place.path("home/b").exists());
    let ended = place.python("import pty, os; print(len(pty.openpty())); pid, fd = pty.fork(); pid or os._exit(0); print(os.waitpid(pid, 0)[1])", &[]).await;
    assert_eq!(ended.stdout, "2\n0\n", "{}", ended.stderr);
}

#[tokio::test]
async fn a_server_on_loopback_is_reached_from_inside() {
    let script = r"
import socket, threading
server = socket.create_server(('127.0.0.1', 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b'hello'), daemon=True).start()
print(socket.create_connection(server.getsockname()).recv(5))
server = socket.socket(socket.AF_UNIX); server.bind('/tmp/s'); server.listen()
socket.socket(socket.AF_UNIX).connect('/tmp/s'); print(len(socket.if_nameindex()))
";
    let ended = Place::new().python(script, &[]).await;
    assert_eq!(ended.stdout, "b'hello'\n1\n", "{}", ended.stderr);
}

#[tokio::test]
async fn git_and_make_work() {
    let place = Place::new();
    place.write(
        "workspace/Makefile",
        "all: out\nout: file.txt\n\tcp file.txt out\n",
    );
    let script = "set -e; git init -q .; git add .; git -c user.name=a -c user.email=a@b commit -qm one; echo more >> file.txt; \
        git status --short; git diff --stat | tail -1; git log --format=%s; make -s; cat out";
    let ended = place.bash(script).await;
    let expected = " M file.txt\n 1 file changed, 1 insertion(+)\none\nreal\nmore\n";
    assert_eq!(ended.stdout, expected, "{}", ended.stderr);
    assert!(!place.path("workspace/.git").exists());
}

/// With the search path and home of who runs the tests; nothing where the program is not installed.
fn own(place: &Place, program: &str, arguments: &[&str]) -> Option<Spec> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the toolchains of who runs the tests"
    )]
    let variable = |name: &str| std::env::var(name).ok();
    let path = variable("PATH")?;
    let mut folders = std::env::split_paths(&path).map(|folder| folder.join(program));
    let program =
        folders.find(|file| rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok())?;
    let names = ["HOME", "PATH", "CARGO_HOME", "RUSTUP_HOME"];
    let values = names.map(|name| (name, variable(name)));
    let env: Vec<_> = values
        .iter()
        .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
        .collect();
    Some(place.spec_for(&env, program.to_str()?, arguments))
}

#[tokio::test]
async fn toolchains_of_the_user_work() {
    let place = Place::new();
    for (program, arguments, expected) in [
        ("python3", ["-c", "print(6 * 7)"], "42\n"),
        ("node", ["-e", "console.log(6 * 7)"], "42\n"),
    ] {
        let Some(spec) = own(&place, program, &arguments) else {
            continue;
        };
        let ended = place.run(&spec).await.unwrap();
        assert_eq!(ended.stdout, expected, "{program}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_cargo_project_is_checked_offline_and_again() {
    let place = Place::new();
    let fixture =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/greeter");
    let copied = copy(&fixture, &place.path("workspace"));
    assert!(copied > 0);
    // It has a fault on purpose.
    let fixed = place
        .read("workspace/src/main.rs")
        .replace("let sum", "let mut sum");
    place.write("workspace/src/main.rs", &fixed);
    let Some(spec) = own(&place, "cargo", &["check", "--offline"]) else {
        return;
    };
    let first = place.run(&spec).await.unwrap();
    assert_eq!(code(&first), Some(0), "{}", first.stderr);
    assert!(
        first.stderr.contains("Checking greeter"),
        "{}",
        first.stderr
    );
    assert!(place.path("upper/target").is_dir() && !place.path("workspace/target").exists());
    let second = place.run(&spec).await.unwrap();
    assert!(
        !second.stderr.contains("Checking greeter"),
        "{}",
        second.stderr
    );
}

fn copy(from: &std::path::Path, to: &std::path::Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            count += copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
            count += 1;
        }
    }
    count
}

#[tokio::test]
async fn two_commands_on_one_upper_layer_take_turns() {
    let place = Place::new();
    let script = "[ ! -e busy ] || echo together; touch busy; sleep 0.2; rm busy";
    let (one, two) = tokio::join!(place.bash(script), place.bash(script));
    assert_eq!(one.stdout + &two.stdout, "");
}
