//! Payloads too long for a line: files named by the SHA-256 of their content.
//!
//! A blob is durable before the line that names it is written, so a blob that is missing or different is damage.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::disk;
use crate::error::LogError;

/// Payloads of more bytes than this go to blobs.
pub(crate) const INLINE_LIMIT: usize = 4 << 10;

fn folder_of(session: &Path) -> PathBuf {
    session.join("blobs")
}

/// Reads a blob and checks it; the error says what is wrong.
pub(crate) fn read(session: &Path, digest: Digest) -> Result<Vec<u8>, String> {
    let bytes = match std::fs::read(folder_of(session).join(digest.to_string())) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("blob {digest} is missing"));
        }
        Err(error) => return Err(format!("blob {digest} can't be read ({error})")),
    };
    if Digest::of(&[&bytes]) == digest {
        Ok(bytes)
    } else {
        Err(format!("blob {digest} was altered"))
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
        match disk::create_folder(&self.folder) {
            Ok(()) => self.folder.parent().map_or(Ok(()), disk::sync_folder)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(LogError::io("create", &self.folder)(error)),
        }
        let mut written = false;
        for (digest, bytes) in blobs {
            if self.durable.insert(digest) {
                self.put(digest, &bytes)?;
                written = true;
            }
        }
        if written {
            disk::sync_folder(&self.folder)
        } else {
            Ok(())
        }
    }

    /// Under a name of its own first, so that a blob is never seen half written.
    fn put(&self, digest: Digest, bytes: &[u8]) -> Result<(), LogError> {
        let path = self.folder.join(digest.to_string());
        let part = path.with_extension("part");
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LogError::io("remove", &part)(error));
            }
            _ => {}
        }
        disk::write_new(&part, bytes)?;
        std::fs::rename(&part, &path).map_err(LogError::io("write", &path))
    }
}
