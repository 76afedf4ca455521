//! The launcher: reads the spec, makes the namespaces, gives them their ids, waits.
//!
//! It runs in a process of its own with one thread and an empty environment. It must not run the program by itself.

mod broker;
mod confine;
mod init;
mod keeper;
mod landlock;
mod limits;
mod loopback;
mod report;
mod seccomp;
mod system;
mod view;

use std::fmt::Display;
use std::fs;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, Signal, WaitOptions, waitpid};

use self::report::Report;
use self::system::Side;
use super::wire::{MOST, Message};
use super::{Level, Spec};

/// Nothing was run.
const NOT_SET_UP: u8 = 125;

/// A step that failed: which, and how.
type Failure = String;

/// Says which step failed.
fn at<E: Display>(step: impl Display) -> impl FnOnce(E) -> Failure {
    move |error| format!("{step}: {error}")
}

pub(super) fn run() -> u8 {
    let report = match control() {
        Ok(control) => Report::new(control),
        Err(_) => return NOT_SET_UP,
    };
    match launch(&report) {
        Ok(()) => 0,
        Err(why) => {
            report.send(&Message::Failed(why));
            NOT_SET_UP
        }
    }
}

/// Moves the socket away from standard input, where the program would find it.
fn control() -> Result<OwnedFd, Errno> {
    system::close_inherited()?;
    let socket = fcntl_dupfd_cloexec(std::io::stdin(), 3)?;
    let nothing = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&nothing)?;
    Ok(socket)
}

/// The output belongs to the program: it ends with it, though this process goes on.
fn close_output() -> Result<(), Errno> {
    // Which is nothing by now.
    let nothing = std::io::stdin();
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)
}

fn launch(report: &Report) -> Result<(), Failure> {
    let spec = read(report)?;
    if let Level::Landlock { held } = &spec.level {
        return keeper::launch(&spec, report, held);
    }
    let (go, may_go) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map(|(reader, writer)| (writer, reader))
        .map_err(at("a pipe"))?;
    match system::fork_into_namespaces().map_err(at("new namespaces"))? {
        Side::Child => {
            drop(go);
            init::run(&spec, report, &may_go)
        }
        Side::Parent(init) => {
            drop(may_go);
            close_output().map_err(at("standard output"))?;
            let mapped = map_ids(init);
            // Where that failed nothing is written: init ends when the pipe is closed.
            if mapped.is_ok() {
                rustix::io::write(&go, &[1]).map_err(at("starting init"))?;
            }
            drop(go);
            wait(init)?;
            mapped
        }
    }
}

fn read(report: &Report) -> Result<Spec, Failure> {
    let mut length = [0; 4];
    report.receive(&mut length).map_err(at("the spec"))?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MOST {
        return Err("the spec is too long".to_owned());
    }
    let mut body = vec![0; length];
    report.receive(&mut body).map_err(at("the spec"))?;
    serde_json::from_slice(&body).map_err(at("the spec"))
}

/// Gives the new user namespace its ids. Ordinary users may map none but their own; root keeps all that it has, or
/// files of others could not be copied up.
fn map_ids(init: Pid) -> Result<(), Failure> {
    let folder = format!("/proc/{}", init.as_raw_nonzero());
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if user.is_root() && map_all(&folder).is_ok() {
        return Ok(());
    }
    // Groups could otherwise be given up, and with them a "not for this group" of a file.
    put(&format!("{folder}/setgroups"), "deny").map_err(at("setgroups"))?;
    let own = |id: u32| format!("{id} {id} 1\n");
    put(&format!("{folder}/uid_map"), &own(user.as_raw())).map_err(at("the user id map"))?;
    put(&format!("{folder}/gid_map"), &own(group.as_raw())).map_err(at("the group id map"))
}

fn map_all(folder: &str) -> std::io::Result<()> {
    for kind in ["uid_map", "gid_map"] {
        let ours = fs::read_to_string(format!("/proc/self/{kind}"))?;
        put(&format!("{folder}/{kind}"), &same(&ours))?;
    }
    Ok(())
}

/// Each range of ids that this namespace has, mapped to itself.
fn same(map: &str) -> String {
    let ranges = map.lines().filter_map(|line| {
        let mut columns = line.split_whitespace();
        let (inside, _, count) = (columns.next()?, columns.next()?, columns.next()?);
        Some(format!("{inside} {inside} {count}\n"))
    });
    ranges.collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "files of /proc, written in one go"
)]
fn put(path: &str, text: &str) -> std::io::Result<()> {
    fs::write(path, text)
}

fn wait(init: Pid) -> Result<(), Failure> {
    loop {
        match waitpid(Some(init), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            Err(error) => return Err(at("waiting for init")(error)),
            Ok(_) => return Ok(()),
        }
    }
}

/// This process ends when its parent does.
fn die_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(at("the parent's death signal"))
}
