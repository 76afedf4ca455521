//! The loopback interface of the new network namespace, by the one netlink message that it takes.

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// `RTM_NEWLINK` (linux/rtnetlink.h).
const NEW_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK` (linux/netlink.h).
const REQUEST_WITH_ANSWER: u16 = 1 | 4;
/// `IFF_UP` (linux/if.h).
const UP: u32 = 1;
/// The first interface of a network namespace.
const LOOPBACK: i32 = 1;
/// The header (16 bytes) and the description of an interface (16 bytes).
const LENGTH: u32 = 32;

pub(super) fn bring_up() -> Result<(), Errno> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // Routes and interfaces are protocol 0, the default.
        None,
    )?;
    let kernel = SocketAddrNetlink::new(0, 0);
    rustix::net::sendto(&socket, &message(), SendFlags::empty(), &kernel)?;
    let mut answer = [0_u8; 64];
    let (_, length) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    // After the answer's header: 0, or the negative error.
    let code = answer.get(16..20).filter(|_| length >= 20);
    let code: [u8; 4] = code
        .and_then(|code| code.try_into().ok())
        .ok_or(Errno::BADMSG)?;
    match i32::from_ne_bytes(code) {
        0 => Ok(()),
        error => Err(Errno::from_raw_os_error(error.saturating_neg())),
    }
}

fn message() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(NEW_LINK.to_ne_bytes());
    bytes.extend(REQUEST_WITH_ANSWER.to_ne_bytes());
    // Sequence and port.
    bytes.extend([0; 8]);
    // Family, padding and type of the device: any.
    bytes.extend([0; 4]);
    bytes.extend(LOOPBACK.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    // Which flags change.
    bytes.extend(UP.to_ne_bytes());
    bytes
}
