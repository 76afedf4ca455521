//! Checks a log with nothing but its files and public keys. Must not write, and must survive files that were made to
//! harm: it follows no link, and holds one segment at a time.

use std::collections::HashSet;
use std::path::Path;

use super::checkpoint::{self, Checkpoint, Comparison, stored};
use super::note::PublicKey;
use crate::digest::Digest;
use crate::error::LogError;
use crate::line::Fault;
use crate::reader::{self, Line};
use crate::{EventData, HunkKind, SessionId, blob};

/// What a log is checked against, besides itself.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// Keys whose checkpoints count. Each checkpoint beside the log must be signed by one of them.
    pub keys: Vec<PublicKey>,
    /// A checkpoint that was kept elsewhere.
    pub anchor: Option<Anchor>,
}

/// A checkpoint that was kept where nobody who writes the log can change it: it shows when log and checkpoints are
/// put back to older copies together.
#[derive(Clone, Debug)]
pub struct Anchor {
    name: String,
    note: String,
}

impl Anchor {
    /// Reads one from a file.
    ///
    /// # Errors
    /// [`LogError::Checkpoint`].
    pub fn read(path: &Path) -> Result<Self, LogError> {
        let name = path.display().to_string();
        let note = checkpoint::read_note(path, &name)?;
        Ok(Self { name, note })
    }

    /// The session that it claims to be about; nothing is checked yet.
    ///
    /// # Errors
    /// [`LogError::Checkpoint`].
    pub fn session(&self) -> Result<SessionId, LogError> {
        let checkpoint = Checkpoint::unchecked(&self.note, &self.name)?;
        Ok(checkpoint.session)
    }
}

/// A log that is what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many events it has.
    pub events: u64,
    /// How many of them, from the first on, are signed.
    pub signed: u64,
    /// Hash of the last event, hex; zeros if there is none.
    pub last_hash: String,
    /// Root of the Merkle tree over all events, hex.
    pub root: String,
    /// Bytes behind the last event that a crash left. They are set aside when the session is opened.
    pub torn_bytes: u64,
}

/// Checks chain, blobs and checkpoints.
pub(crate) fn verify(
    folder: &Path,
    session: SessionId,
    against: &Against,
) -> Result<Verified, LogError> {
    let mut comparison = Comparison::new(expectations(folder, session, against)?);
    let mut blobs = BlobCheck::new(folder);
    let end = reader::walk(folder, session, &mut |line| {
        comparison
            .take(line.text.as_bytes())
            .map_err(Fault::Known)?;
        blobs.check(&line).map_err(Fault::Altered)
    })?;
    comparison.verified(&end)
}

/// What checkpoints say that the log must be.
pub(crate) fn expectations(
    folder: &Path,
    session: SessionId,
    against: &Against,
) -> Result<Vec<Checkpoint>, LogError> {
    let open = |note: &str, name: &str| {
        let named = against.keys.iter().find(|key| key.is_named_in(note));
        match named.or(against.keys.first()) {
            Some(key) => Checkpoint::open(note, key, name),
            None => Err(LogError::Checkpoint {
                name: name.to_owned(),
                what: "there is no key to check it with; give one by --public-key".to_owned(),
            }),
        }
    };
    let mut expected = Vec::new();
    for (size, name, note) in stored(folder)? {
        expected.push(open(&note, &name)?.at(session, Some(size))?);
    }
    if let Some(Anchor { name, note }) = &against.anchor {
        expected.push(open(note, name)?.at(session, None)?);
    }
    Ok(expected)
}

/// The blobs that the lines name, each read once.
pub(crate) struct BlobCheck<'a> {
    folder: &'a Path,
    whole: HashSet<Digest>,
}

impl<'a> BlobCheck<'a> {
    pub(crate) fn new(folder: &'a Path) -> Self {
        Self {
            folder,
            whole: HashSet::new(),
        }
    }

    pub(crate) fn check(&mut self, line: &Line<'_>) -> Result<(), String> {
        if let Some(digest) = line.envelope.blob {
            self.check_blob(digest)?;
        }
        if line.envelope.r#type.get() == "\"edit.proposed\"" {
            for digest in attachments(self.folder, line)? {
                self.check_blob(digest)?;
            }
        }
        Ok(())
    }

    /// All of them.
    pub(crate) fn seen(self) -> Vec<Digest> {
        self.whole.into_iter().collect()
    }

    fn check_blob(&mut self, digest: Digest) -> Result<(), String> {
        if self.whole.insert(digest) {
            blob::check(self.folder, digest)?;
        }
        Ok(())
    }
}

/// What the hunks of a line leave in files that are no text. What stood there before is kept only once it is replaced.
fn attachments(folder: &Path, line: &Line<'_>) -> Result<Vec<Digest>, String> {
    let EventData::EditProposed { hunks, .. } = reader::data(folder, line)? else {
        return Ok(Vec::new());
    };
    let after = hunks.iter().filter_map(|hunk| match &hunk.kind {
        HunkKind::Binary { after, .. } => after.as_ref(),
        _ => None,
    });
    let digest = |sha256: &str| {
        sha256
            .parse()
            .map_err(|_| format!("`{}` is no blob's name", sha256.escape_debug()))
    };
    after.map(|file| digest(&file.sha256)).collect()
}
