//! `interline audit verify`: checks the chain of a session, or of all.

use std::path::PathBuf;

use super::{Rooms, exit, print};
use crate::args::Audit;
use crate::config::Flags;

pub(super) fn run(folder: Option<PathBuf>, command: &Audit) -> anyhow::Result<u8> {
    let Audit::Verify { session } = command;
    let rooms = Rooms::open(folder, &Flags::default())?;
    let store = rooms.host.store();
    let sessions = match session {
        Some(session) => vec![*session],
        None => store.list()?.iter().map(|session| session.id).collect(),
    };
    let mut code = exit::DONE;
    for id in sessions {
        match store.verify(id) {
            Ok(verified) => {
                let torn = match verified.torn_bytes {
                    0 => String::new(),
                    bytes => format!(", {bytes} bytes of a torn end after them"),
                };
                print(&format!(
                    "{id}  ok: {} events, head {}{torn}\n",
                    verified.events, verified.last_hash
                ));
            }
            Err(error) => {
                code = exit::FAILED;
                print(&format!("{id}  damaged: {error}\n"));
            }
        }
    }
    Ok(code)
}
