//! Looking at a file on disk as a whole, without following a link. Reads only.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use interline_log::FileBytes;
use sha2::{Digest as _, Sha256};

use crate::Workspace;
use crate::disk::{self, Stamp};
use crate::document::Document;
use crate::path::WorkspacePath;

/// Largest file that is taken as a whole, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// What was found.
#[derive(Clone, Debug)]
pub(crate) enum Look {
    Missing {
        /// What an editor's buffer of this name has in it.
        unsaved: Option<FileBytes>,
    },
    File {
        /// `None` where nobody asked.
        known: Option<(Stamp, FileBytes)>,
        executable: bool,
        /// What an open buffer reads that the file doesn't.
        unsaved: Option<FileBytes>,
    },
    /// A folder, a link, a pipe, or what can't be read: why.
    Other(String),
}

impl Look {
    pub(crate) fn bytes(&self) -> Option<&FileBytes> {
        match self {
            Self::File { known, .. } => known.as_ref().map(|(_, bytes)| bytes),
            _ => None,
        }
    }

    pub(crate) fn unsaved(&self) -> Option<&FileBytes> {
        match self {
            Self::Missing { unsaved } | Self::File { unsaved, .. } => unsaved.as_ref(),
            Self::Other(_) => None,
        }
    }

    /// What the user sees: what is typed will be on disk before anything lands.
    pub(crate) fn seen(&self) -> Option<&FileBytes> {
        self.unsaved().or_else(|| self.bytes())
    }
}

impl Workspace {
    /// Looks at a file. `known`: what it was at the last look.
    pub(crate) fn look(
        &self,
        path: &WorkspacePath,
        known: Option<(Stamp, FileBytes)>,
        with_bytes: bool,
    ) -> Look {
        let file = match self.resolve(path) {
            Ok(file) => file,
            Err(error) => return Look::Other(error.0),
        };
        let metadata = match self.root().join(path.as_str()).symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let document = self.document_at(path);
                let typed = document.filter(|document| document.rope.len_bytes() > 0);
                let unsaved = typed.as_deref().map(typed_bytes);
                return Look::Missing { unsaved };
            }
            Err(error) => return Look::Other(format!("`{path}` can't be read: {error}")),
        };
        if !metadata.is_file() {
            return Look::Other(format!("`{path}` is no regular file"));
        }
        let stamp = disk::stamp(&file);
        let known = match known.filter(|(known, _)| Some(*known) == stamp) {
            None if with_bytes => match hash_of(&file) {
                Ok(bytes) => stamp.map(|stamp| (stamp, bytes)),
                Err(error) => return Look::Other(format!("`{path}` can't be read: {error}")),
            },
            known => known,
        };
        Look::File {
            known,
            executable: is_executable(&metadata),
            unsaved: with_bytes.then(|| self.typed_over(path, &file)).flatten(),
        }
    }

    /// What an editor's buffer of this file reads, where the file reads otherwise. Also where the file is no text: then
    /// nobody knows.
    fn typed_over(&self, path: &WorkspacePath, file: &Path) -> Option<FileBytes> {
        let document = self.document_at(path)?;
        let found = disk::read(file, path);
        let saved = matches!(found, Ok(Some(found)) if document.rope == found.text.as_str());
        (!saved).then(|| typed_bytes(&document))
    }
}

fn typed_bytes(document: &Document) -> FileBytes {
    FileBytes {
        sha256: document.sha256(),
        bytes: document.rope.len_bytes() as u64,
    }
}

/// May anybody run it?
fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

fn hash_of(file: &Path) -> io::Result<FileBytes> {
    let mut hasher = Sha256::new();
    let mut file = File::open(file)?.take(MOST_BYTES + 1);
    let bytes = io::copy(&mut file, &mut hasher)?;
    if bytes > MOST_BYTES {
        let most = MOST_BYTES >> 20;
        return Err(io::Error::other(format!("it is over {most} MiB")));
    }
    Ok(FileBytes {
        sha256: format!("{:x}", hasher.finalize()),
        bytes,
    })
}

/// All bytes of a file that is taken as a whole.
pub(crate) fn read_whole(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}
