//! The sandbox without namespaces: a keeper in place of init.
//!
//! It is no pid 1, so the kernel does not end all with it: it adopts whatever its program leaves, and ends that by
//! itself, when the program has ended or nobody waits for the outcome. (Who kills the keeper, which a command can't,
//! leaves what runs where it is: in Landlock and seccomp.)

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, wait};

use super::super::wire::Message;
use super::broker::Broker;
use super::init::{self, Heard, LOOK, SIGKILLED};
use super::limits::{Watch, everybody};
use super::report::Report;
use super::system::{self, Side};
use super::{Failure, at, close_output, confine};
use crate::sandbox::Spec;

/// Starts the keeper and waits for it.
pub(super) fn launch(spec: &Spec, report: &Report, held: &Path) -> Result<(), Failure> {
    if spec.network.hosts().is_some() {
        return Err("without namespaces no host can be reached".to_owned());
    }
    match system::fork().map_err(at("starting the keeper"))? {
        Side::Child => keep(spec, report, held),
        Side::Parent(keeper) => {
            close_output().map_err(at("standard output"))?;
            super::wait(keeper)
        }
    }
}

fn keep(spec: &Spec, report: &Report, held: &Path) -> Result<(), Failure> {
    // Who ends the launcher's group must not end this before all else.
    rustix::process::setsid().map_err(at("a session"))?;
    let _lock = lock(held)?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(at("adopting what is left"))?;
    let ended = system::child_signals().map_err(at("signals"))?;
    let (ours, theirs) = socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .map_err(at("a socket"))?;
    match system::fork().map_err(at("starting the program"))? {
        Side::Child => {
            drop(ours);
            confine::exec_without_namespaces(spec, report, &Report::new(theirs))
        }
        Side::Parent(program) => {
            drop(theirs);
            close_output().map_err(at("standard output"))?;
            // Where it failed it has said why.
            let broker = receive(&ours).map(|calls| Broker::new(calls, spec));
            let end = supervise(spec, report, &ended, program, broker);
            end_all();
            report.send(&end);
            Ok(())
        }
    }
}

/// Nothing of an earlier command lives once it is had.
fn lock(held: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
    let lock = rustix::fs::open(held, flags, Mode::RUSR | Mode::WUSR);
    let lock = lock.map_err(at(held.display()))?;
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(at(held.display()))?;
    Ok(lock)
}

/// The descriptor that the program sends before it becomes one.
fn receive(socket: &OwnedFd) -> Option<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut buffer = [0; 64];
    let mut slices = [IoSliceMut::new(&mut buffer)];
    recvmsg(socket, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC).ok()?;
    control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })
}

/// What there is to say when the program has ended, one way or the other.
fn supervise(
    spec: &Spec,
    report: &Report,
    ended: &OwnedFd,
    program: Pid,
    mut broker: Option<Broker>,
) -> Message {
    let watch = Watch::new(spec);
    let mut exceeded = None;
    let mut next_look = Instant::now() + LOOK;
    let mut status = None;
    while status.is_none() && exceeded.is_none() {
        let rest = next_look.saturating_duration_since(Instant::now());
        match listen(report, ended, &mut broker, rest) {
            // Nobody waits for the outcome.
            Heard::ServerGone => break,
            Heard::Terminate => {
                let _ = kill_process_group(program, Signal::TERM);
            }
            Heard::Nothing => {}
        }
        if Instant::now() >= next_look {
            exceeded = watch.look(&descendants());
            next_look = Instant::now() + LOOK;
        }
        status = init::collect(program);
    }
    Message::Ended {
        status: status.unwrap_or(SIGKILLED),
        left_running: status.is_some() && init::outlived(ended),
        exceeded,
    }
}

/// Waits for a child's end, a word of the server, a call to be done, or so long.
fn listen(report: &Report, ended: &OwnedFd, broker: &mut Option<Broker>, limit: Duration) -> Heard {
    let mut sources = vec![
        PollFd::new(report, PollFlags::IN),
        PollFd::new(ended, PollFlags::IN),
    ];
    let calls = broker.as_ref().map(Broker::calls);
    sources.extend(calls.map(|calls| PollFd::from_borrowed_fd(calls, PollFlags::IN)));
    let limit = Timespec {
        tv_sec: 0,
        tv_nsec: limit.min(LOOK).subsec_nanos().into(),
    };
    if poll(&mut sources, Some(&limit)).is_err() {
        return Heard::Nothing;
    }
    let came: Vec<_> = sources.iter().map(PollFd::revents).collect();
    drop(sources);
    let came = |n: usize| came.get(n).copied().unwrap_or(PollFlags::empty());
    if !came(1).is_empty() {
        // Only how often it came is in there.
        let _ = rustix::io::read(ended, &mut [0; 1_024]);
    }
    if came(2).contains(PollFlags::IN) {
        if let Some(broker) = broker {
            broker.serve();
        }
    } else if !came(2).is_empty() {
        // Nobody is left who could call.
        *broker = None;
    }
    if came(0).is_empty() {
        Heard::Nothing
    } else {
        init::hear(report)
    }
}

/// Kills and collects all that came from here. Afterwards nothing of the command can change a file any more.
fn end_all() {
    loop {
        for process in descendants() {
            let process = i32::try_from(process).ok().and_then(Pid::from_raw);
            if let Some(process) = process {
                let _ = kill_process(process, Signal::KILL);
            }
        }
        // What it left is a child of the keeper as soon as its parent is gone.
        match wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => return,
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// All processes that came from this one and live.
fn descendants() -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for process in everybody() {
        if let Some(parent) = parent(process) {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = HashSet::new();
    let mut next = vec![std::process::id()];
    while let Some(process) = next.pop() {
        for child in children.get(&process).into_iter().flatten() {
            if found.insert(*child) {
                next.push(*child);
            }
        }
    }
    found.into_iter().collect()
}

/// As of proc(5): `pid (name) state parent …`; the name may have anything in it.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{process}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z").then_some(parent)
}
