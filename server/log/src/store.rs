//! The folder of all sessions: makes, opens, lists and checks their logs.
//!
//! `<folder>/<session>/` holds the segments (see `line.rs`), `blobs/`, `checkpoints/`, `lock`, and `torn-*` with what crashes
//! left.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::{self, Signer};
use crate::cached::{self, Seen};
use crate::error::LogError;
use crate::line::{Fault, Head};
use crate::lock::Lock;
use crate::reader::{self, Contents, End, segment_path};
use crate::redact::Redactor;
use crate::writer::{Tail, Writer};
use crate::{
    Actor, Against, Attachments, Entry, Event, EventData, KeyFile, Log, SessionId, SessionSummary,
    Verified, disk,
};

/// All sessions on record. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    redactor: Arc<Redactor>,
    key: Option<KeyFile>,
}

impl Store {
    /// Sessions under `folder`. Nothing on disk is touched until it is used.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            redactor: Arc::default(),
            key: None,
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

    /// Signs checkpoints of every log that is opened from here on.
    #[must_use]
    pub fn signing(self, key: KeyFile) -> Self {
        Self {
            key: Some(key),
            ..self
        }
    }

    /// A text as it would stand in a log: without secrets.
    #[must_use]
    pub fn redacted(&self, text: &str) -> String {
        self.redactor.text(text)
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
    /// [`LogError::Exists`], [`LogError::Key`], or [`LogError::Io`].
    pub fn create(&self, id: SessionId) -> Result<Log, LogError> {
        disk::create_folders(&self.folder)?;
        let folder = self.session_folder(id);
        let signer = self.signer(id)?;
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
            signer,
        )?;
        Log::start(Head::new(id), writer, Arc::clone(&self.redactor))
    }

    /// Opens a session's log for writing and reads it. A torn end is set aside in a file of its own, and the last
    /// event says so.
    ///
    /// # Errors
    /// [`LogError::NotFound`], [`LogError::Locked`], [`LogError::Io`], [`LogError::Key`]; [`LogError::Damaged`],
    /// [`LogError::Truncated`], [`LogError::Rewritten`] or [`LogError::Checkpoint`] where it is not what was written:
    /// what comes after would be signed with it.
    pub fn open(&self, id: SessionId) -> Result<(Log, Vec<Event>), LogError> {
        let folder = self.session_folder(id);
        if !folder.is_dir() {
            return Err(LogError::NotFound(id));
        }
        let lock = Lock::take(&folder, id)?;
        let signer = self.signer(id)?;
        let mut comparison = signer.as_ref().map(Signer::comparison).transpose()?;
        let Contents { mut events, end } =
            reader::read(&folder, id, |line| match &mut comparison {
                Some(comparison) => comparison.take(line),
                None => Ok(()),
            })?;
        let signer = match (signer, comparison) {
            (Some(signer), Some(comparison)) => Some(signer.resume(comparison)?),
            _ => None,
        };
        let recovered = set_torn_aside(&folder, &end)?;
        let writer = Writer::open(&folder, end.tail, lock, signer)?;
        let mut log = Log::start(end.head, writer, Arc::clone(&self.redactor))?;
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
        Ok(reader::read(&self.session_folder(id), id, |_| Ok(()))?.events)
    }

    /// What is on record, newest first. A session that can't be read is listed with what is wrong with it.
    ///
    /// # Errors
    /// [`LogError::Io`] if the folder of all sessions can't be read; that it isn't there means that it is empty.
    pub fn list(&self) -> Result<Vec<SessionSummary>, LogError> {
        let ids = self.ids()?;
        let mut sessions: Vec<_> = ids.into_iter().map(|id| self.summary(id)).collect();
        sessions.sort_by_key(|summary| std::cmp::Reverse((summary.last_event, summary.id)));
        Ok(sessions)
    }

    /// The sessions that there are, in no order.
    pub(crate) fn ids(&self) -> Result<Vec<SessionId>, LogError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(LogError::io("read", &self.folder))?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(LogError::io("read", &self.folder))?;
            // Whatever else lies there is not ours.
            ids.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| name.parse::<SessionId>().ok()),
            );
        }
        Ok(ids)
    }

    /// Is there a turn in it without an end? False where there is no such session, or it can't be read.
    pub(crate) fn is_cut(&self, id: SessionId) -> bool {
        let summary = self.summary(id);
        summary.problem.is_none() && summary.open_turn.is_some()
    }

    fn summary(&self, id: SessionId) -> SessionSummary {
        let folder = self.session_folder(id);
        let seen = Seen::now(&folder);
        if let Some(kept) = seen.as_ref().and_then(|seen| cached::load(&folder, seen)) {
            return kept;
        }
        let mut summary = SessionSummary::new(id);
        match self.read(id) {
            Ok(events) => {
                events.iter().for_each(|event| summary.apply(event));
                if let Some(seen) = seen.filter(|seen| Seen::now(&folder).as_ref() == Some(seen)) {
                    cached::keep(&folder, &seen, &summary);
                }
            }
            Err(error) => summary.problem = Some(error.to_string()),
        }
        summary
    }

    /// Checks that a session's log is what was written: its chain, its blobs, and the checkpoints that sign it. Needs
    /// no lock.
    ///
    /// # Errors
    /// [`LogError::Damaged`] with the place, [`LogError::Truncated`], [`LogError::Rewritten`],
    /// [`LogError::Checkpoint`]; [`LogError::NotFound`], [`LogError::Io`].
    pub fn verify(&self, id: SessionId, against: &Against) -> Result<Verified, LogError> {
        audit::verify(&self.session_folder(id), id, against)
    }

    /// The signed note for all events that a session has now, to be kept elsewhere: an [`crate::Anchor`].
    ///
    /// # Errors
    /// As [`Store::verify`], and [`LogError::Key`].
    pub fn checkpoint(&self, id: SessionId) -> Result<String, LogError> {
        let signer = self.required_signer(id)?;
        let mut comparison = signer.comparison()?;
        reader::walk(&self.session_folder(id), id, &mut |line| {
            comparison.take(line.text.as_bytes()).map_err(Fault::Known)
        })?;
        Ok(signer.resume(comparison)?.note())
    }

    /// Copies a session's record into the new folder `to`, in a form that [`crate::verify_bundle`] checks anywhere.
    /// `against` has the keys that it was signed with besides this store's.
    ///
    /// # Errors
    /// As [`Store::verify`], and [`LogError::Key`].
    pub fn export(
        &self,
        id: SessionId,
        mut against: Against,
        to: &Path,
    ) -> Result<Verified, LogError> {
        let signer = self.required_signer(id)?;
        against.keys.insert(0, signer.public().clone());
        audit::export(&self.session_folder(id), id, signer, against, to)
    }

    fn required_signer(&self, id: SessionId) -> Result<Signer, LogError> {
        self.signer(id)?.ok_or_else(|| LogError::Checkpoint {
            name: id.to_string(),
            what: "nothing is signed here".to_owned(),
        })
    }

    fn signer(&self, id: SessionId) -> Result<Option<Signer>, LogError> {
        let signer = |file: &KeyFile| {
            let key = file.load_or_create()?;
            Ok(Signer::new(key, id, &self.session_folder(id)))
        };
        self.key.as_ref().map(signer).transpose()
    }
}

/// Moves the torn end, if there is one, into a file; returns the event that tells of it.
fn set_torn_aside(folder: &Path, end: &End) -> Result<Option<EventData>, LogError> {
    if end.torn.is_empty() {
        return Ok(None);
    }
    let name = free_name(folder, end.head.seq);
    disk::write_new(&folder.join(&name), &end.torn)?;
    disk::sync_folder(folder)?;
    let path = segment_path(folder, end.tail.segment);
    let cut = || {
        let file = std::fs::OpenOptions::new().write(true).open(&path)?;
        file.set_len(end.tail.length)?;
        file.sync_all()
    };
    cut().map_err(LogError::io("cut the torn end off", &path))?;
    Ok(Some(EventData::LogRecovered {
        bytes: end.torn.len() as u64,
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
