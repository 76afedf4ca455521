//! `interline replay`: a session lived through again from its record, and compared with it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use interline_agent::{Difference, Replayed, Rerun, Script};
use interline_log::SessionId;

use super::{Rooms, exit, print, runtime};
use crate::config::Flags;
use crate::terminal::count::counted;

/// In the place of a script's name: what is on record.
const RECORDED: &str = "recorded";

pub(super) fn run(
    folder: Option<PathBuf>,
    session: SessionId,
    against: Option<PathBuf>,
) -> anyhow::Result<u8> {
    let rooms = Rooms::open(folder, &Flags::default())?;
    if let Some(against) = against {
        return rerun(&rooms, session, &against);
    }
    let replayed = interline_agent::replay(&rooms.host.store().read(session)?);
    print(&format!("{session}  {}\n", describe(&replayed)));
    Ok(match replayed.difference {
        None => exit::DONE,
        Some(_) => exit::FAILED,
    })
}

fn rerun(rooms: &Rooms, session: SessionId, against: &Path) -> anyhow::Result<u8> {
    let script = (against != Path::new(RECORDED)).then(|| script(against));
    let script = script.transpose()?;
    let events = rooms.host.store().read(session)?;
    let models = rooms.config.models.iter();
    let models: Vec<_> = models.map(|model| model.value.clone()).collect();
    let rerun = runtime()?
        .block_on(interline_agent::rerun(events, script, &models))
        .map_err(anyhow::Error::msg)?;
    print(&format!("{session}  {}\n", describe_rerun(&rerun)));
    Ok(match (rerun.difference, rerun.unused) {
        (None, 0) => exit::DONE,
        _ => exit::FAILED,
    })
}

fn script(file: &Path) -> anyhow::Result<Script> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the script {name} can't be read"))?;
    let script = Script::parse(&text).map_err(anyhow::Error::msg);
    script.with_context(|| format!("the script {name} can't be used"))
}

fn describe_rerun(rerun: &Rerun) -> String {
    if let Some(difference) = &rerun.difference {
        return different(difference);
    }
    if rerun.unused > 0 {
        let answers = counted(rerun.unused as u64, "answer");
        return format!("different: the session ends before the script, which has {answers} left");
    }
    format!(
        "equal: {} run again, {} compared",
        counted(rerun.turns, "turn"),
        counted(rerun.events, "event"),
    )
}

fn different(difference: &Difference) -> String {
    let text = crate::terminal::visible(&difference.to_string());
    format!("different: {text}")
}

fn describe(replayed: &Replayed) -> String {
    if let Some(difference) = &replayed.difference {
        return different(difference);
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
