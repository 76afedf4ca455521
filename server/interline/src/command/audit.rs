//! `interline audit`: whether a session's record is what was written, and what others need to check that.

use std::path::PathBuf;

use interline_log::{Against, Anchor, LogError, SessionId, Verified};

use super::{Rooms, exit, print};
use crate::args::{Audit, AuditVerify};
use crate::config::Flags;

pub(super) fn run(folder: Option<PathBuf>, command: Audit) -> anyhow::Result<u8> {
    let rooms = Rooms::open(folder, &Flags::default())?;
    match command {
        Audit::Verify(args) => verify(&rooms, args),
        Audit::Checkpoint { session } => {
            let note = rooms.host.store().checkpoint(session)?;
            print(&note.unwrap_or_default());
            Ok(exit::DONE)
        }
        Audit::Key => {
            let key = rooms.host.audit_key().public()?;
            print(&format!("{key}\n"));
            Ok(exit::DONE)
        }
    }
}

fn verify(rooms: &Rooms, args: AuditVerify) -> anyhow::Result<u8> {
    let store = rooms.host.store();
    let must_be_signed = !args.public_key.is_empty();
    let mut keys = args.public_key;
    if keys.is_empty() {
        keys.extend(rooms.host.audit_key().public_if_made()?);
    }
    let anchor = args.checkpoint.as_deref().map(Anchor::read).transpose()?;
    let sessions = match (args.session, &anchor) {
        (Some(session), _) => vec![session],
        (None, Some(anchor)) => vec![anchor.session()?],
        (None, None) => store.list()?.iter().map(|session| session.id).collect(),
    };
    let against = Against { keys, anchor };
    let mut code = exit::DONE;
    for session in sessions {
        let found = store.verify(session, &against);
        if !report(session, found, must_be_signed) {
            code = exit::FAILED;
        }
    }
    Ok(code)
}

/// One line for a session. True: it is as it should be.
fn report(session: SessionId, found: Result<Verified, LogError>, must_be_signed: bool) -> bool {
    let verified = match found {
        Ok(verified) => verified,
        Err(error) => {
            print(&format!("{session}  damaged: {error}\n"));
            return false;
        }
    };
    let Verified { events, signed, .. } = verified;
    if must_be_signed && signed < events {
        print(&format!(
            "{session}  not signed: {signed} of {events} events are; it is open, or a crash cut it: resume it once\n"
        ));
        return false;
    }
    let signed = match signed {
        0 => "none signed yet".to_owned(),
        all if all == events => "all signed".to_owned(),
        some => format!("{some} signed"),
    };
    let torn = match verified.torn_bytes {
        0 => String::new(),
        bytes => format!(", {bytes} bytes of a torn end after them"),
    };
    print(&format!(
        "{session}  ok: {events} events, {signed}, head {}{torn}\n",
        verified.last_hash
    ));
    true
}
