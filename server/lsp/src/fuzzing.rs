//! The door for `tests/fuzz`: not an interface.

use futures::FutureExt as _;

use crate::serve::frame::{Broken, Reader};

/// The bodies of all good messages in a stream.
#[must_use]
pub fn frames(input: &[u8]) -> Vec<String> {
    let mut reader = Reader::new(input);
    let mut bodies = Vec::new();
    loop {
        match reader.next().now_or_never() {
            // Bytes in memory are never waited for.
            None | Some(Ok(None) | Err(Broken::Stream(_))) => return bodies,
            Some(Ok(Some(body))) => bodies.extend(String::from_utf8(body)),
            Some(Err(Broken::Message(_))) => {}
        }
    }
}
