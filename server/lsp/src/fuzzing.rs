//! The door for `tests/fuzz`: not an interface.

use futures::executor::block_on;

use crate::serve::frame::{Broken, Reader};

/// The bodies of all good messages in a stream.
#[must_use]
pub fn frames(input: &[u8]) -> Vec<String> {
    let mut reader = Reader::new(input);
    let mut bodies = Vec::new();
    loop {
        match block_on(reader.next()) {
            Ok(None) | Err(Broken::Stream(_)) => return bodies,
            Ok(Some(body)) => bodies.extend(String::from_utf8(body)),
            Err(Broken::Message(_)) => {}
        }
    }
}
