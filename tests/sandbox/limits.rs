//! Commands that take all they can get, and commands that do not want to end.

use std::time::{Duration, Instant};

use interline_tools::sandbox::{self, Exceeded};
use tokio_util::sync::CancellationToken;

use crate::escapes::running;
use crate::place::{Place, code, launcher};

#[tokio::test]
async fn a_fork_bomb_is_ended() {
    let mut place = Place::new();
    place.limits.processes = 200;
    let ended = place
        .bash("bomb() { bomb | bomb & }; bomb; while :; do sleep 0.1; done")
        .await;
    assert_eq!(
        ended.exceeded,
        Some(Exceeded::Processes),
        "{}",
        ended.stderr
    );
}

#[tokio::test]
async fn roots_processes_are_bound_by_the_kernel_where_it_counts_by_namespace() {
    let mut place = Place::new();
    place.limits.processes = 200;
    let seen = place.bash("cat /proc/sys/kernel/pid_max").await.stdout;
    let outside = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    // The outer number is what older kernels show.
    assert!(["912", outside.trim()].contains(&seen.trim()), "{seen}");
}

#[tokio::test]
async fn memory_is_limited_for_one_and_for_all() {
    let mut place = Place::new();
    place.limits.memory = 300 << 20;
    let ended = place.python("x = bytearray(400 << 20)", &[]).await;
    assert!(ended.stderr.contains("MemoryError"), "{ended:?}");
    let many = "import os, time\nfor _ in range(4):\n  if os.fork() == 0: break\nx = b'x' * (150 << 20)\ntime.sleep(30)";
    assert_eq!(
        place.python(many, &[]).await.exceeded,
        Some(Exceeded::Memory)
    );
    let file = "head -c 400M /dev/zero > /tmp/x; sleep 30";
    assert_eq!(place.bash(file).await.exceeded, Some(Exceeded::Memory));
}

#[tokio::test]
async fn files_processor_time_and_descriptors_are_limited() {
    let mut place = Place::new();
    place.limits.file_size = 1 << 20;
    place.limits.cpu_seconds = 1;
    place.limits.open_files = 64;
    place.bash("head -c 5M /dev/zero > big").await;
    assert_eq!(place.path("upper/big").metadata().unwrap().len(), 1 << 20);
    let ended = place.bash("while :; do :; done").await;
    assert_eq!(code(&ended), None);
    assert_eq!(place.bash("ulimit -n; ulimit -c").await.stdout, "64\n0\n");
}

#[tokio::test]
async fn cancelling_ends_what_does_not_want_to() {
    let place = Place::new();
    let script = "trap '' TERM INT HUP; (trap '' TERM; setsid sleep 86394.5) & touch up; while :; do sleep 86394.5; done";
    let spec = place.spec("/bin/bash", &["-c", script]);
    let cancel = CancellationToken::new();
    let (stopper, up) = (cancel.clone(), place.path("upper/up"));
    let stopped = tokio::spawn(async move {
        while !up.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stopper.cancel();
        Instant::now()
    });
    let ended = sandbox::run(launcher(), &spec, Duration::from_secs(60), &cancel)
        .await
        .unwrap();
    assert!(ended.status.is_none());
    assert!(stopped.await.unwrap().elapsed() < Duration::from_secs(2));
    assert!(!running("86394.5"));
}

#[tokio::test]
async fn a_polite_program_may_clean_up() {
    let place = Place::new();
    let script = "trap 'echo cleaned > cleaned; exit' TERM; sleep 86393.5 & touch up; wait";
    let spec = place.spec("/bin/bash", &["-c", script]);
    let ended = sandbox::run(
        launcher(),
        &spec,
        Duration::from_secs(1),
        &CancellationToken::new(),
    )
    .await;
    assert!(ended.unwrap().status.is_none());
    assert_eq!(place.read("upper/cleaned"), "cleaned\n");
}

#[tokio::test]
async fn dropping_the_call_ends_everything() {
    let place = Place::new();
    let call = place.bash("setsid sleep 86392.5 & touch up; sleep 86392.5");
    let up = place.path("upper/up");
    let started = async {
        while !up.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        _ = call => panic!("it does not end by itself"),
        () = started => {}
    }
    for _ in 0..100 {
        if !running("86392.5") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is still running");
}
