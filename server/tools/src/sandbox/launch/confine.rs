//! The program's own process: what it must not keep, then `exec`.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::thread::{
    CapabilitiesSecureBits as Bits, CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_capabilities_secure_bits,
    set_no_new_privs,
};

use super::super::wire::{Message, Ready};
use super::report::Report;
use super::{Failure, at, landlock, limits, seccomp};
use crate::sandbox::Spec;

/// Programs read them in one case or the other.
const PROXY: &[&str] = &[
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    // Before what a configuration file of the machine's says.
    "CARGO_HTTP_PROXY",
    "PIP_PROXY",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "YARN_HTTP_PROXY",
    "YARN_HTTPS_PROXY",
];
const NO_PROXY: &[&str] = &["no_proxy", "NO_PROXY"];
/// What the command finds inside by itself.
const LOOPBACK: &str = "localhost,127.0.0.1,::1";

/// Gives up all capabilities, for good: none can come back by an `exec`, not even root's.
pub(super) fn drop_privileges() -> Result<(), Failure> {
    for number in 0..64 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
            Ok(()) => {}
            // The kernel has no more.
            Err(Errno::INVAL) => break,
            Err(error) => return Err(at("the capability bounding set")(error)),
        }
    }
    let bits = Bits::NO_ROOT
        | Bits::NO_ROOT_LOCKED
        | Bits::NO_SETUID_FIXUP
        | Bits::NO_SETUID_FIXUP_LOCKED
        | Bits::KEEP_CAPS_LOCKED
        | Bits::NO_CAP_AMBIENT_RAISE
        | Bits::NO_CAP_AMBIENT_RAISE_LOCKED;
    set_capabilities_secure_bits(bits).map_err(at("secure bits"))?;
    drop_capabilities()
}

/// What an ordinary user may give up.
fn drop_capabilities() -> Result<(), Failure> {
    clear_ambient_capability_set().map_err(at("ambient capabilities"))?;
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, none).map_err(at("capabilities"))?;
    set_no_new_privs(true).map_err(at("no new privileges"))
}

/// Becomes the program. Returns only where that failed; the message is sent then.
pub(super) fn exec(
    spec: &Spec,
    report: &Report,
    own_proc: bool,
    proxy: Option<u16>,
) -> Result<(), Failure> {
    // No terminal is left to speak to, and a signal to the own group reaches nobody of ours.
    rustix::process::setsid().map_err(at("a session"))?;
    if let Some(input) = &spec.input {
        feed(input).map_err(at("standard input"))?;
    }
    limits::set(&spec.limits)?;
    let landlock = landlock::restrict(spec)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the end of the one way into the sandbox; process/run.rs is its beginning"
    )]
    let mut program = Command::new(&spec.program);
    program
        .args(&spec.arguments)
        .env_clear()
        .envs(spec.environment.iter().cloned());
    if let Some(port) = proxy {
        let proxy = format!("http://127.0.0.1:{port}");
        program.envs(PROXY.iter().map(|name| (name, &proxy)));
        // Node's own `fetch` and `http` look at the others only then (nodejs.org/api/cli.html, since 22.21).
        program.env("NODE_USE_ENV_PROXY", "1");
        program.envs(NO_PROXY.iter().map(|name| (name, LOOPBACK)));
    }
    seccomp::restrict()?;
    report.send(&Message::Ready(Ready { landlock, own_proc }));
    become_it(program, spec, report);
    Ok(())
}

/// The same without namespaces. `keeper` gets the calls that it is to do for the program.
pub(super) fn exec_without_namespaces(
    spec: &Spec,
    report: &Report,
    keeper: &Report,
) -> Result<(), Failure> {
    rustix::process::setsid().map_err(at("a session"))?;
    limits::set(&spec.limits)?;
    if rustix::process::geteuid().is_root() {
        drop_privileges()?;
    } else {
        drop_capabilities()?;
    }
    rustix::process::chdir(&spec.folder)
        .map_err(at(format!("the working folder {}", spec.folder.display())))?;
    let (landlock, scoped) = landlock::restrict_alone(spec)?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the end of the other way into the sandbox"
    )]
    let mut program = Command::new(&spec.program);
    program
        .args(&spec.arguments)
        .env_clear()
        .envs(spec.environment.iter().cloned());
    let calls = super::system::hand_over_calls(&seccomp::handed_over()).map_err(at("seccomp"))?;
    let sent = keeper.send_with(&Message::Proxy, calls.as_fd());
    sent.map_err(at("the keeper"))?;
    drop(calls);
    seccomp::restrict_alone(scoped)?;
    let own_proc = false;
    report.send(&Message::Ready(Ready { landlock, own_proc }));
    become_it(program, spec, report);
    Ok(())
}

/// Returns only where that failed.
fn become_it(mut program: Command, spec: &Spec, report: &Report) {
    let error = program.exec();
    let why = format!("can't run {}: {error}", spec.program.display());
    report.send(&Message::CantRun(why));
}

/// Puts a text on standard input: in memory and whole, so that nobody has to write while the program reads.
fn feed(text: &str) -> std::io::Result<()> {
    let file = rustix::fs::memfd_create("input", MemfdFlags::CLOEXEC)?;
    let mut file = File::from(file);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(rustix::stdio::dup2_stdin(&file)?)
}
