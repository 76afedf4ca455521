//! The launcher's end of the socket to the server.

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::super::wire::Message;

/// Shared by the launcher, init and the program until its `exec`.
pub(super) struct Report(OwnedFd);

impl Report {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// A server that is gone hears nothing, which is no concern of ours.
    pub(super) fn send(&self, message: &Message) {
        self.put(&line(message));
    }

    /// A message together with a descriptor.
    pub(super) fn send_with(&self, message: &Message, what: BorrowedFd<'_>) -> Result<(), Errno> {
        let what = [what];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&what)) {
            return Err(Errno::NOBUFS);
        }
        let line = line(message);
        let slices = [IoSlice::new(&line)];
        let count = sendmsg(&self.0, &slices, &mut control, SendFlags::NOSIGNAL)?;
        self.put(line.get(count..).unwrap_or_default());
        Ok(())
    }

    fn put(&self, mut rest: &[u8]) {
        while let Ok(count @ 1..) = rustix::io::write(&self.0, rest) {
            rest = rest.get(count..).unwrap_or_default();
        }
    }

    /// Fills the buffer.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Result<(), Errno> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match rustix::io::read(&self.0, rest) {
                Ok(0) => return Err(Errno::PIPE),
                Ok(count) => filled += count,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn line(message: &Message) -> Vec<u8> {
    // It is made of numbers and text, which JSON always has a form for.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

impl AsFd for Report {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
