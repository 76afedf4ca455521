//! The launcher's end of the socket to the server.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use super::super::wire::Message;

/// Shared by the launcher, init and the program until its `exec`.
pub(super) struct Report(OwnedFd);

impl Report {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// A server that is gone hears nothing, which is no concern of ours.
    pub(super) fn send(&self, message: &Message) {
        let Ok(mut line) = serde_json::to_vec(message) else {
            return;
        };
        line.push(b'\n');
        let mut rest = line.as_slice();
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

impl AsFd for Report {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
