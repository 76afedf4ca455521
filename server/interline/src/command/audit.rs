//! `interline audit`: whether a session's record is what was written, and what others need to check that.

use std::path::{Path, PathBuf};

use interline_log::{Against, Anchor, LogError, PublicKey, SessionId, Verified};

use super::{Rooms, exit, print};
use crate::args::{Audit, AuditVerify};
use crate::config::Flags;

pub(super) fn run(folder: Option<PathBuf>, command: Audit) -> anyhow::Result<u8> {
    // A bundle is checked with nothing but itself, on any machine.
    if let Audit::Verify(AuditVerify {
        bundle: Some(bundle),
        public_key,
        checkpoint,
        ..
    }) = &command
    {
        return verify_bundle(bundle, public_key.clone(), checkpoint.as_deref());
    }
    let rooms = Rooms::open(folder, &Flags::default())?;
    match command {
        Audit::Verify(args) => verify(&rooms, args),
        Audit::Checkpoint { session } => {
            print(&rooms.host.store().checkpoint(session)?);
            Ok(exit::DONE)
        }
        Audit::Export {
            session,
            output,
            public_key,
        } => {
            let to = output.unwrap_or_else(|| PathBuf::from(format!("interline-{session}")));
            let against = Against {
                keys: public_key,
                anchor: None,
            };
            let verified = rooms.host.store().export(session, against, &to)?;
            print(&format!(
                "{}: {} events, all signed; `interline audit verify --bundle` checks it anywhere\n",
                to.display(),
                verified.events
            ));
            Ok(exit::DONE)
        }
        Audit::Key => {
            let key = rooms.host.audit_key().public()?;
            print(&format!("{key}\n"));
            Ok(exit::DONE)
        }
    }
}

fn verify_bundle(
    bundle: &Path,
    keys: Vec<PublicKey>,
    checkpoint: Option<&Path>,
) -> anyhow::Result<u8> {
    let is_own = keys.is_empty();
    let anchor = checkpoint.map(Anchor::read).transpose()?;
    let found = match interline_log::verify_bundle(bundle, Against { keys, anchor }) {
        Ok(found) => found,
        Err(error) => {
            print(&format!("{}  damaged: {error}\n", bundle.display()));
            return Ok(exit::FAILED);
        }
    };
    report(found.session, Ok(found.log), true);
    if is_own {
        for key in found.keys {
            print(&format!(
                "checked with the bundle's own key {key}: compare it with one that you trust\n"
            ));
        }
    }
    Ok(exit::DONE)
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
