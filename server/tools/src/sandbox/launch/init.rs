//! Pid 1 inside: builds the sandbox, starts the program, watches over it, and ends everything with it.
//!
//! The server hears of the end as soon as nobody inside is left who could write. That the namespaces are taken down
//! then, for which the kernel takes its time on a busy machine, it need not wait for.
//!
//! After [`secure`] it has no capabilities left and nobody inside can look into it or signal it.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus, set_dumpable_behavior, wait,
};

use super::super::wire::{Message, TERMINATE};
use super::limits::{Watch, everybody};
use super::report::Report;
use super::system::{self, Side};
use super::view::View;
use super::{Failure, at, close_output, confine, die_with_parent, loopback};
use crate::sandbox::Spec;

/// How long what the program has left running may take to end by itself: the last writer of a pipe often does.
const LEFT: Duration = Duration::from_millis(300);
/// How often the limits of all processes together are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Returns when the program has ended, or with why it was not run. The process is to end then.
pub(super) fn run(spec: &Spec, report: &Report, may_go: &OwnedFd) -> Result<(), Failure> {
    die_with_parent()?;
    if rustix::io::read(may_go, &mut [0; 1]) != Ok(1) {
        return Err("the new user namespace has no ids".to_owned());
    }
    loopback::bring_up().map_err(at("the loopback interface"))?;
    let proxy = match spec.network.hosts() {
        Some(_) => Some(hand_over_proxy(report).map_err(at("the proxy's socket"))?),
        None => None,
    };
    rustix::system::sethostname(b"sandbox").map_err(at("the host name"))?;
    let view = View::enter(spec)?;
    secure()?;
    let ended = system::child_signals().map_err(at("signals"))?;
    match system::fork().map_err(at("starting the program"))? {
        Side::Child => confine::exec(spec, report, view.own_proc, proxy),
        Side::Parent(program) => {
            // Or the server would take this process for one that still has something to print.
            close_output().map_err(at("standard output"))?;
            let end = supervise(spec, report, &ended, program);
            end_all();
            report.send(&end);
            Ok(())
        }
    }
}

/// The server gets a socket that listens in here, and is the proxy from then on. Its port is the answer.
fn hand_over_proxy(report: &Report) -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    report.send_with(&Message::Proxy, listener.as_fd())?;
    Ok(listener.local_addr()?.port())
}

/// Nothing is left that another process inside could borrow.
fn secure() -> Result<(), Failure> {
    confine::drop_privileges()?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(at("not dumpable"))?;
    die_with_parent()
}

/// What there is to say when the program has ended, one way or the other.
fn supervise(spec: &Spec, report: &Report, ended: &OwnedFd, program: Pid) -> Message {
    let watch = Watch::new(spec);
    let mut exceeded = None;
    let mut next_look = Instant::now() + LOOK;
    let status = loop {
        if let Some(status) = collect(program) {
            break status;
        }
        match listen(
            report,
            ended,
            next_look.saturating_duration_since(Instant::now()),
        ) {
            // Nobody waits for the outcome.
            Heard::ServerGone => break SIGKILLED,
            Heard::Terminate => system::signal_all_others(Signal::TERM),
            Heard::Nothing => {}
        }
        if Instant::now() >= next_look {
            exceeded = watch.look(&everybody());
            next_look = Instant::now() + LOOK;
        }
        if exceeded.is_some() {
            break SIGKILLED;
        }
    };
    Message::Ended {
        status,
        left_running: exceeded.is_none() && outlived(ended),
        exceeded,
    }
}

/// As of `wait`, for a program that goes down with init.
pub(super) const SIGKILLED: i32 = 9;

pub(super) enum Heard {
    Nothing,
    Terminate,
    ServerGone,
}

/// Waits for a child's end, a word of the server, or so long.
fn listen(report: &Report, ended: &OwnedFd, limit: Duration) -> Heard {
    let mut sources = [
        PollFd::new(report, PollFlags::IN),
        PollFd::new(ended, PollFlags::IN),
    ];
    let limit = Timespec {
        tv_sec: 0,
        tv_nsec: limit.min(LOOK).subsec_nanos().into(),
    };
    if poll(&mut sources, Some(&limit)).is_err() {
        return Heard::Nothing;
    }
    let [server, child] = sources.map(|source| source.revents());
    if !child.is_empty() {
        // Only how often it came is in there.
        let _ = rustix::io::read(ended, &mut [0; 1_024]);
    }
    if server.is_empty() {
        return Heard::Nothing;
    }
    hear(report)
}

/// The server's word, once there is one to read.
pub(super) fn hear(report: &Report) -> Heard {
    let mut word = [0];
    match rustix::io::read(report.as_fd(), &mut word) {
        Ok(1) if word == [TERMINATE] => Heard::Terminate,
        Ok(1) | Err(Errno::INTR) => Heard::Nothing,
        Ok(_) | Err(_) => Heard::ServerGone,
    }
}

/// Collects the dead, orphans included; the status of the program if it is among them.
pub(super) fn collect(program: Pid) -> Option<i32> {
    let mut found = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == program {
            found = Some(WaitStatus::as_raw(status));
        }
    }
    found
}

/// Something is still running, even after a while. It ends with init.
pub(super) fn outlived(ended: &OwnedFd) -> bool {
    let until = Instant::now() + LEFT;
    loop {
        // Collects what has ended; the program itself already was.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        if !anybody_left() {
            return false;
        }
        let rest = until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return true;
        }
        let mut sources = [PollFd::new(ended, PollFlags::IN)];
        let limit = Timespec {
            tv_sec: 0,
            tv_nsec: rest.subsec_nanos().into(),
        };
        // By a signal, by the clock, or not at all: it is looked at again.
        let _ = poll(&mut sources, Some(&limit));
        let _ = rustix::io::read(ended, &mut [0; 1_024]);
    }
}

/// Kills and collects all others. Afterwards nothing inside can change a file any more.
fn end_all() {
    loop {
        system::signal_all_others(Signal::KILL);
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            // There are no children, and so nobody.
            Err(_) => return,
        }
    }
}

/// Init is the parent of all orphans, so whoever is left is a child of its.
fn anybody_left() -> bool {
    !matches!(wait(WaitOptions::NOHANG), Err(Errno::CHILD))
}
