//! The folder of all sessions: makes, opens, lists and checks their logs.
//!
//! `<folder>/<session>/` holds the segments (see `line.rs`), `blobs/`, `lock`, and `torn-*` with what crashes left.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::LogError;
use crate::line::Head;
use crate::lock::Lock;
use crate::reader::{self, Contents, segment_path};
use crate::redact::Redactor;
use crate::writer::{Tail, Writer};
use crate::{Actor, Attachments, Entry, Event, EventData, Log, SessionId, SessionSummary, disk};

/// All sessions on record. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    redactor: Arc<Redactor>,
}

/// A log whose chain is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events it has.
    pub events: u64,
    /// Hash of the last event, hex; zeros if there is none. Who keeps it elsewhere can tell later whether lines
    /// were taken off the end.
    pub last_hash: String,
    /// Bytes behind the last event that a crash left. They are set aside when the session is opened.
    pub torn_bytes: u64,
}

impl Store {
    /// Sessions under `folder`. Nothing on disk is touched until it is used.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            redactor: Arc::default(),
        }
    }

    /// Keeps these values out of every log that is opened from here on. Values of less than 8 bytes are ignored.
    #[must_use]
    pub fn redacting(self, secrets: Vec<String>) -> Self {
        Self {
            redactor: Arc::new(Redactor::new(secrets)),
            ..self
        }
    }

    /// The folder of one session.
    #[must_use]
    pub fn session_folder(&self, id: SessionId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    /// Where the bytes that a session's hunks name are kept.
    #[must_use]
    pub fn attachments(&self, id: SessionId) -> Attachments {
        Attachments::of(&self.session_folder(id))
    }

    /// Makes the empty log of a new session and opens it. A few milliseconds of disk.
    ///
    /// # Errors
    /// [`LogError::Exists`], or [`LogError::Io`].
    pub fn create(&self, id: SessionId) -> Result<Log, LogError> {
        disk::create_folders(&self.folder)?;
        let folder = self.session_folder(id);
        disk::create_folder(&folder).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => LogError::Exists(id),
            _ => LogError::io("create", &folder)(error),
        })?;
        disk::sync_folder(&self.folder)?;
        let lock = Lock::take(&folder, id)?;
        let writer = Writer::open(
            &folder,
            Tail {
                segment: 0,
                length: 0,
            },
            lock,
        )?;
        Log::start(Head::new(id), writer, Arc::clone(&self.redactor))
    }

    /// Opens a session's log for writing and reads it. A torn end is set aside in a file of its own, and the last
    /// event says so.
    ///
    /// # Errors
    /// [`LogError::NotFound`], [`LogError::Locked`], [`LogError::Damaged`], or [`LogError::Io`].
    pub fn open(&self, id: SessionId) -> Result<(Log, Vec<Event>), LogError> {
        let folder = self.session_folder(id);
        if !folder.is_dir() {
            return Err(LogError::NotFound(id));
        }
        let lock = Lock::take(&folder, id)?;
        let contents = reader::read(&folder, id)?;
        let recovered = set_torn_aside(&folder, &contents)?;
        let writer = Writer::open(&folder, contents.tail, lock)?;
        let mut log = Log::start(contents.head, writer, Arc::clone(&self.redactor))?;
        let mut events = contents.events;
        if let Some(data) = recovered {
            events.push(log.append(Entry {
                turn: None,
                call: None,
                causes: Vec::new(),
                actor: Actor::System,
                data,
            })?);
        }
        Ok((log, events))
    }

    /// Reads a session's events without a lock, also while another process writes it.
    ///
    /// # Errors
    /// [`LogError::NotFound`], [`LogError::Damaged`], or [`LogError::Io`].
    pub fn read(&self, id: SessionId) -> Result<Vec<Event>, LogError> {
        Ok(reader::read(&self.session_folder(id), id)?.events)
    }

    /// What is on record, newest first. A session that can't be read is listed with what is wrong with it.
    ///
    /// # Errors
    /// [`LogError::Io`] if the folder of all sessions can't be read; that it isn't there means that it is empty.
    pub fn list(&self) -> Result<Vec<SessionSummary>, LogError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(LogError::io("read", &self.folder))?,
        };
        let mut sessions = Vec::new();
        for entry in entries {
            let name = entry
                .map_err(LogError::io("read", &self.folder))?
                .file_name();
            // Whatever else lies there is not ours.
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            sessions.push(self.summary(id));
        }
        sessions.sort_by_key(|summary| std::cmp::Reverse((summary.last_event, summary.id)));
        Ok(sessions)
    }

    fn summary(&self, id: SessionId) -> SessionSummary {
        let mut summary = SessionSummary::new(id);
        match self.read(id) {
            Ok(events) => events.iter().for_each(|event| summary.apply(event)),
            Err(error) => summary.problem = Some(error.to_string()),
        }
        summary
    }

    /// Checks a session's chain, payloads and blobs.
    ///
    /// # Errors
    /// [`LogError::Damaged`] with the place, [`LogError::NotFound`], or [`LogError::Io`].
    pub fn verify(&self, id: SessionId) -> Result<Verified, LogError> {
        let contents = reader::read(&self.session_folder(id), id)?;
        Ok(Verified {
            events: contents.head.seq,
            last_hash: contents.head.prev.to_string(),
            torn_bytes: contents.torn.len() as u64,
        })
    }
}

/// Moves the torn end, if there is one, into a file; returns the event that tells of it.
fn set_torn_aside(folder: &Path, contents: &Contents) -> Result<Option<EventData>, LogError> {
    if contents.torn.is_empty() {
        return Ok(None);
    }
    let name = free_name(folder, contents.head.seq);
    disk::write_new(&folder.join(&name), &contents.torn)?;
    disk::sync_folder(folder)?;
    let path = segment_path(folder, contents.tail.segment);
    let cut = || {
        let file = std::fs::OpenOptions::new().write(true).open(&path)?;
        file.set_len(contents.tail.length)?;
        file.sync_all()
    };
    cut().map_err(LogError::io("cut the torn end off", &path))?;
    Ok(Some(EventData::LogRecovered {
        bytes: contents.torn.len() as u64,
        kept_in: name,
    }))
}

/// The same event may be torn more than once.
fn free_name(folder: &Path, seq: u64) -> String {
    let names = std::iter::once(format!("torn-{seq}"))
        .chain((1..u32::MAX).map(|n| format!("torn-{seq}-{n}")));
    names
        .into_iter()
        .find(|name| !folder.join(name).exists())
        .unwrap_or_else(|| format!("torn-{seq}"))
}
