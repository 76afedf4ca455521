//! `interline replay`: a session lived through again from its record, and compared with it.

use std::path::PathBuf;

use interline_agent::Replayed;
use interline_log::SessionId;

use super::{Rooms, exit, print};
use crate::config::Flags;
use crate::terminal::count::counted;

pub(super) fn run(folder: Option<PathBuf>, session: SessionId) -> anyhow::Result<u8> {
    let rooms = Rooms::open(folder, &Flags::default())?;
    let replayed = interline_agent::replay(&rooms.host.store().read(session)?);
    print(&format!("{session}  {}\n", describe(&replayed)));
    Ok(match replayed.difference {
        None => exit::DONE,
        Some(_) => exit::FAILED,
    })
}

fn describe(replayed: &Replayed) -> String {
    if let Some(difference) = &replayed.difference {
        return format!(
            "different: {}",
            crate::terminal::visible(&difference.to_string())
        );
    }
    let mut text = format!(
        "equal: {}, {} rebuilt byte for byte, {} ({} pending), transcript sha256 {}",
        counted(replayed.events, "event"),
        counted(replayed.requests, "request"),
        counted(replayed.hunks as u64, "hunk"),
        replayed.pending,
        replayed.transcript_sha256,
    );
    if replayed.not_comparable > 0 {
        let requests = counted(replayed.not_comparable, "request");
        text.push_str(&format!(
            "\n  not compared: {requests} of a version that did not record what their bytes depend on"
        ));
    }
    if !replayed.unknown.is_empty() {
        let types: Vec<_> = replayed.unknown.iter().map(String::as_str).collect();
        text.push_str(&format!(
            "\n  not looked into: events of a later version ({})",
            crate::terminal::visible(&types.join(", "))
        ));
    }
    text
}
