//! Checkpoints (C2SP tlog-checkpoint): size and root of a log's tree, signed. They lie beside the log, each in
//! `checkpoints/<size>`, so that any tool for signed notes reads them as they are.
//!
//! Origin `interline/session/<id>`: each session is a log of its own. The specification asks that the key be named
//! like the origin where that makes sense; here it is one key for all sessions.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;

use super::merkle::{self, Frontier};
use super::note::{self, PublicKey, SigningKey};
use super::verify::Verified;
use crate::digest::Digest;
use crate::error::LogError;
use crate::reader::End;
use crate::{SessionId, disk};

/// Events after which the next checkpoint is due. What a crash leaves unsigned is less than this; each costs two
/// syncs and a file of 250 bytes, on the writer's thread after those who wait were answered. A busy turn has some
/// hundred events.
const EVERY: u64 = 1_000;
/// More than this many checkpoints are no session's.
const MOST: usize = 100_000;
const ORIGIN: &str = "interline/session/";

/// The first line of a session's checkpoints.
pub(crate) fn origin(session: SessionId) -> String {
    format!("{ORIGIN}{session}")
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    pub(crate) session: SessionId,
    /// Events.
    pub(crate) size: u64,
    pub(crate) root: Digest,
    /// Where it is, for messages.
    pub(crate) name: String,
}

impl Checkpoint {
    pub(crate) fn text(session: SessionId, tree: &Frontier) -> String {
        let root = BASE64.encode(tree.root().as_bytes());
        format!("{}\n{}\n{root}\n", origin(session), tree.size())
    }

    /// Reads the text of a note. Lines after the third, which the specification allows, have no meaning here.
    pub(crate) fn parse(text: &str, name: String) -> Result<Self, String> {
        let mut lines = text.split('\n');
        let origin = lines.next().and_then(|line| line.strip_prefix(ORIGIN));
        let session = origin
            .and_then(|id| id.parse().ok())
            .ok_or("its first line names no session")?;
        let size = lines
            .next()
            .and_then(decimal)
            .ok_or("its second line is no number of events")?;
        let root = lines
            .next()
            .and_then(|line| BASE64.decode(line).ok())
            .and_then(|bytes| Digest::from_slice(&bytes))
            .ok_or("its third line is no root hash")?;
        Ok(Self {
            session,
            size,
            root,
            name,
        })
    }

    /// Reads a note that `key` has signed.
    pub(crate) fn open(note: &str, key: &PublicKey, name: &str) -> Result<Self, LogError> {
        let text = key.open(note);
        text.and_then(|text| Self::parse(text, name.to_owned()))
            .map_err(|what| refused(name, what))
    }

    /// Reads a note whoever signed it.
    pub(crate) fn unchecked(note: &str, name: &str) -> Result<Self, LogError> {
        let text = note.rsplit_once("\n\n").map_or("", |(text, _)| text);
        Self::parse(text, name.to_owned()).map_err(|what| refused(name, what))
    }

    /// It must be about this session, and about as many events as its name says, if that says anything.
    pub(crate) fn at(self, session: SessionId, size: Option<u64>) -> Result<Self, LogError> {
        if self.session != session {
            return Err(refused(
                &self.name,
                "it belongs to another session".to_owned(),
            ));
        }
        match size {
            Some(size) if size != self.size => Err(refused(
                &self.name,
                format!("it is about {} events", self.size),
            )),
            _ => Ok(self),
        }
    }
}

/// As the specification wants it: without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn refused(name: &str, what: String) -> LogError {
    LogError::Checkpoint {
        name: name.to_owned(),
        what,
    }
}

fn folder_of(session: &Path) -> PathBuf {
    session.join("checkpoints")
}

/// The checkpoints beside a log as signed notes, each with its size and its name, the smallest first.
pub(crate) fn stored(session: &Path) -> Result<Vec<(u64, String, String)>, LogError> {
    let folder = folder_of(session);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(LogError::io("read", &folder))?,
    };
    let mut sizes = Vec::new();
    for entry in entries {
        let name = entry.map_err(LogError::io("read", &folder))?.file_name();
        // Anything else there is a part that a crash left, or not ours.
        sizes.extend(name.to_str().and_then(decimal));
        if sizes.len() > MOST {
            return Err(refused(
                "checkpoints",
                "there are too many of them".to_owned(),
            ));
        }
    }
    sizes.sort_unstable();
    let read = |size: u64| {
        let name = format!("checkpoints/{size}");
        let note = read_note(&folder.join(size.to_string()), &name)?;
        Ok((size, name, note))
    };
    sizes.into_iter().map(read).collect()
}

/// Puts a checkpoint beside a log, durably.
pub(crate) fn store(session: &Path, size: u64, note: &str) -> Result<(), LogError> {
    let folder = folder_of(session);
    disk::create_folder_durably(&folder)?;
    disk::replace(&folder.join(size.to_string()), note.as_bytes())?;
    disk::sync_folder(&folder)
}

/// Reads a note from a file that may be anything.
pub(crate) fn read_note(path: &Path, name: &str) -> Result<String, LogError> {
    let file = disk::open_regular(path).map_err(|error| refused(name, error.to_string()))?;
    let mut text = String::new();
    file.take(note::LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| refused(name, error.to_string()))?;
    Ok(text)
}

/// Grows the tree of a log line by line and compares it with signed checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    tree: Frontier,
    /// The largest first.
    expected: Vec<Checkpoint>,
    /// The size of the last checkpoint that agreed.
    agreed: u64,
}

impl Comparison {
    pub(crate) fn new(mut expected: Vec<Checkpoint>) -> Self {
        expected.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        Self {
            expected,
            ..Self::default()
        }
    }

    /// Takes the next line in, without its LF.
    pub(crate) fn take(&mut self, line: &[u8]) -> Result<(), LogError> {
        self.tree.push(merkle::leaf(line));
        let size = self.tree.size();
        while let Some(checkpoint) = self.expected.pop_if(|checkpoint| checkpoint.size <= size) {
            if checkpoint.size == size && checkpoint.root != self.tree.root() {
                return Err(LogError::Rewritten {
                    first: self.agreed,
                    last: size.saturating_sub(1),
                    by: checkpoint.name,
                });
            }
            self.agreed = size;
        }
        Ok(())
    }

    /// What the whole log, which ends there, has come to.
    pub(crate) fn verified(&self, end: &End) -> Result<Verified, LogError> {
        self.check_end()?;
        Ok(Verified {
            events: end.head.seq,
            signed: self.agreed,
            last_hash: end.head.prev.to_string(),
            root: self.root().to_string(),
            torn_bytes: end.torn.len() as u64,
        })
    }

    /// No checkpoint must want more of the log.
    fn check_end(&self) -> Result<(), LogError> {
        let events = self.tree.size();
        match self.expected.last() {
            Some(beyond) if beyond.size > events => Err(LogError::Truncated {
                events,
                signed: beyond.size,
                by: beyond.name.clone(),
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn root(&self) -> Digest {
        self.tree.root()
    }
}

/// What the checkpoints beside a log say that it has to be, for its writer. One of another key counts unchecked: keys
/// change, and whether that is right is a question for who verifies.
pub(crate) fn expectations(
    key: &PublicKey,
    session: SessionId,
    folder: &Path,
) -> Result<Vec<Checkpoint>, LogError> {
    let read = |(size, name, note): (u64, String, String)| {
        let checkpoint = if key.is_named_in(&note) {
            Checkpoint::open(&note, key, &name)
        } else {
            Checkpoint::unchecked(&note, &name)
        };
        checkpoint?.at(session, Some(size))
    };
    stored(folder)?.into_iter().map(read).collect()
}

/// The writing side: follows the log and signs its tree when that is due.
pub(crate) struct Signer {
    key: SigningKey,
    session: SessionId,
    folder: PathBuf,
    tree: Frontier,
    /// The size of the newest checkpoint.
    signed: u64,
}

impl Signer {
    /// For a new log.
    pub(crate) fn new(key: SigningKey, session: SessionId, folder: &Path) -> Self {
        Self {
            key,
            session,
            folder: folder.to_owned(),
            tree: Frontier::default(),
            signed: 0,
        }
    }

    /// For a log that was read again, with what came of comparing it.
    pub(crate) fn resume(self, comparison: Comparison) -> Result<Self, LogError> {
        comparison.check_end()?;
        Ok(Self {
            tree: comparison.tree,
            signed: comparison.agreed,
            ..self
        })
    }

    pub(crate) fn public(&self) -> &PublicKey {
        self.key.public()
    }

    /// What the log has to be that this is to go on with.
    pub(crate) fn comparison(&self) -> Result<Comparison, LogError> {
        let expected = expectations(self.key.public(), self.session, &self.folder)?;
        Ok(Comparison::new(expected))
    }

    /// The signed note for all that was taken in.
    pub(crate) fn note(&self) -> String {
        self.key.sign(&Checkpoint::text(self.session, &self.tree))
    }

    /// Takes the next line in, LF included.
    pub(crate) fn take(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        self.tree.push(merkle::leaf(line));
    }

    pub(crate) fn is_due(&self) -> bool {
        self.tree.size() - self.signed >= EVERY
    }

    /// Signs all that was taken in, which is durable by now: a checkpoint must never say more than a crash leaves.
    pub(crate) fn sign(&mut self) -> Result<(), LogError> {
        let size = self.tree.size();
        if size == self.signed {
            return Ok(());
        }
        store(&self.folder, size, &self.note())?;
        self.signed = size;
        Ok(())
    }
}
