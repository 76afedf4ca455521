//! A new session from the beginning of another one, whose log stays as it is.
//!
//! The way on where a log is damaged in the middle, or where one wants to go on from an earlier point. The copy has a
//! chain, times and a signature of its own; its first event says what it is a copy of.

use crate::error::LogError;
use crate::{Actor, Entry, EventData, SessionId, Store, blob, disk, reader};

/// What [`Store::fork`] has made.
#[derive(Clone, Debug)]
pub struct Forked {
    /// The new session.
    pub session: SessionId,
    /// Events of the other one that it begins with.
    pub events: u64,
    /// What is wrong with the other log.
    pub damage: Option<LogError>,
}

impl Store {
    /// Makes a session from the events of another one: those before the event `at`, or before the first damage, or all.
    /// What it spent goes on counting for it, and not for the new one.
    ///
    /// # Errors
    /// [`LogError::NotFound`], [`LogError::Io`]; [`LogError::Fork`] where there is nothing before that point, or less
    /// than that.
    pub fn fork(&self, of: SessionId, at: Option<u64>) -> Result<Forked, LogError> {
        let folder = self.session_folder(of);
        let (mut events, damage) = reader::read_good(&folder, of)?;
        let good = events.len() as u64;
        let length = at.unwrap_or(good);
        if length == 0 || length > good {
            return Err(LogError::Fork { session: of, good });
        }
        events.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        let session = SessionId::new();
        let mut log = self.create(session)?;
        copy_blobs(&folder, &self.session_folder(session))?;
        let first = EventData::SessionForked {
            of,
            events: length,
            damage: damage.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        log.append(entry(first))?;
        for event in events {
            log.append(Entry {
                turn: event.turn,
                call: event.call,
                actor: event.actor,
                ..entry(event.data)
            })?;
        }
        // Writes what is left, and waits for it.
        drop(log);
        match self.read(session)?.len() as u64 {
            read if read == length + 1 => Ok(Forked {
                session,
                events: length,
                damage,
            }),
            _ => Err(LogError::Stopped),
        }
    }
}

fn entry(data: EventData) -> Entry {
    Entry {
        turn: None,
        call: None,
        causes: Vec::new(),
        actor: Actor::System,
        data,
    }
}

/// Payloads are written anew with their events; what hunks name lies among them. One that is damaged is left out.
fn copy_blobs(from: &std::path::Path, to: &std::path::Path) -> Result<(), LogError> {
    let (from, to) = (blob::folder_of(from), blob::folder_of(to));
    let Ok(entries) = std::fs::read_dir(&from) else {
        return Ok(());
    };
    disk::create_folder_durably(&to)?;
    for entry in entries.flatten() {
        let file = entry.path();
        let regular = entry.file_type().is_ok_and(|kind| kind.is_file());
        if regular && let Ok(bytes) = std::fs::read(&file) {
            disk::replace(&to.join(entry.file_name()), &bytes)?;
        }
    }
    disk::sync_folder(&to)
}
