//! Payloads too long for a line: files named by the SHA-256 of their content.
//!
//! A blob is durable before the line that names it is written, so a blob that is missing or different is damage.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::LogError;
use crate::{FileBytes, disk};

/// Payloads of more bytes than this go to blobs.
pub(crate) const INLINE_LIMIT: usize = 4 << 10;

/// What is read into memory. No payload is that long; a record that somebody made up may be.
const LONGEST: u64 = 1 << 30;

pub(crate) fn folder_of(session: &Path) -> PathBuf {
    session.join("blobs")
}

/// Reads a blob and checks it; the error says what is wrong.
pub(crate) fn read(session: &Path, digest: Digest) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    open(session, digest)?
        .take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(digest, &error))?;
    if Digest::of(&[&bytes]) == digest {
        Ok(bytes)
    } else {
        Err(format!("blob {digest} was altered"))
    }
}

/// Checks a blob that may be of any length; the error says what is wrong.
pub(crate) fn check(session: &Path, digest: Digest) -> Result<(), String> {
    let file = open(session, digest)?;
    if Digest::of_stream(file).map_err(|error| unreadable(digest, &error))? == digest {
        Ok(())
    } else {
        Err(format!("blob {digest} was altered"))
    }
}

fn open(session: &Path, digest: Digest) -> Result<File, String> {
    let path = folder_of(session).join(digest.to_string());
    disk::open_regular(&path).map_err(|error| unreadable(digest, &error))
}

fn unreadable(digest: Digest, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("blob {digest} is missing"),
        _ => format!("blob {digest} can't be read ({error})"),
    }
}

/// The writing side; knows what is durable already.
pub(crate) struct Blobs {
    folder: PathBuf,
    durable: HashSet<Digest>,
}

impl Blobs {
    pub(crate) fn new(session: &Path) -> Self {
        Self {
            folder: folder_of(session),
            durable: HashSet::new(),
        }
    }

    /// Makes all of them durable.
    pub(crate) fn write(&mut self, blobs: Vec<(Digest, Vec<u8>)>) -> Result<(), LogError> {
        if blobs.is_empty() {
            return Ok(());
        }
        disk::create_folder_durably(&self.folder)?;
        let mut written = false;
        for (digest, bytes) in blobs {
            if self.durable.insert(digest) {
                disk::replace(&self.folder.join(digest.to_string()), &bytes)?;
                written = true;
            }
        }
        if written {
            disk::sync_folder(&self.folder)
        } else {
            Ok(())
        }
    }
}

/// The bytes that a session's hunks name: files that are no text. They lie beside the payloads and live as long as
/// the log that speaks of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachments {
    session: PathBuf,
}

impl Attachments {
    /// Those of the session in this folder. Nothing on disk is touched until it is used.
    #[must_use]
    pub fn of(session: &Path) -> Self {
        Self {
            session: session.to_owned(),
        }
    }

    /// Keeps bytes, durable when this returns.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn keep(&self, bytes: &[u8]) -> Result<FileBytes, LogError> {
        let digest = Digest::of(&[bytes]);
        if read(&self.session, digest).is_err() {
            disk::create_folders(&self.session)?;
            Blobs::new(&self.session).write(vec![(digest, bytes.to_vec())])?;
        }
        Ok(FileBytes {
            sha256: digest.to_string(),
            bytes: bytes.len() as u64,
        })
    }

    /// Reads what was kept, and checks it.
    ///
    /// # Errors
    /// [`LogError::Attachment`] where it is missing or another.
    pub fn read(&self, file: &FileBytes) -> Result<Vec<u8>, LogError> {
        let digest = file.sha256.parse().map_err(|_| {
            LogError::Attachment(format!("`{}` is no SHA-256", file.sha256.escape_debug()))
        })?;
        read(&self.session, digest).map_err(LogError::Attachment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attachments_come_back_as_they_were_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let session = folder.path().join("session");
        let attachments = Attachments::of(&session);
        let kept = attachments.keep(b"\0\x01").unwrap();
        assert_eq!(attachments.keep(b"\0\x01").unwrap(), kept);
        assert_eq!(attachments.read(&kept).unwrap(), b"\0\x01");
        assert!(
            kept.to_string()
                .starts_with("binary file, 2 bytes, sha256 ")
        );
        let file = folder_of(&session).join(&kept.sha256);
        std::fs::remove_file(&file).unwrap();
        assert!(
            attachments
                .read(&kept)
                .unwrap_err()
                .to_string()
                .contains("missing")
        );
        disk::write_new(&file, b"others").unwrap();
        assert!(
            attachments
                .read(&kept)
                .unwrap_err()
                .to_string()
                .contains("altered")
        );
        let outside = FileBytes {
            sha256: "../x".to_owned(),
            bytes: 0,
        };
        assert!(attachments.read(&outside).is_err());
    }
}
