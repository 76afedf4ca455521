//! Files of the workspace as texts: what is no text, or too big, is refused with one clear error.
//!
//! Reads only. A byte-order mark is no part of the text; [`crate::landing`] puts it back.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use crate::path::WorkspacePath;
use crate::proposal::ProposalError;

/// Largest file that is read, in bytes.
pub(crate) const MAX_BYTES: u64 = 50 * 1024 * 1024;

/// The byte-order mark.
pub(crate) const BOM: &str = "\u{feff}";

/// A text on disk.
#[derive(Clone, Debug)]
pub(crate) struct DiskText {
    /// Without its byte-order mark.
    pub(crate) text: String,
    pub(crate) bom: bool,
    pub(crate) stamp: Stamp,
}

/// What tells cheaply that a file has not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

/// The stamp of a file; `None` where there is none.
pub(crate) fn stamp(file: &Path) -> Option<Stamp> {
    file.metadata().ok().map(|metadata| Stamp::of(&metadata))
}

/// The text of a file; `None` where there is no file. `shown` is its name in errors.
pub(crate) fn read(file: &Path, shown: &WorkspacePath) -> Result<Option<DiskText>, ProposalError> {
    let failed = |error: io::Error| ProposalError(format!("`{shown}` can't be read: {error}"));
    // Looked at before opening: opening a pipe would wait for its writer.
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    if metadata.is_dir() {
        return Err(ProposalError(format!(
            "`{shown}` is a folder: list it, or name a file in it"
        )));
    }
    if !metadata.is_file() {
        return Err(ProposalError(format!("`{shown}` is no regular file")));
    }
    let mut bytes = Vec::new();
    let opened = File::open(file).map_err(failed)?;
    opened
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let (text, bom) = decode(bytes, shown)?;
    Ok(Some(DiskText {
        text,
        bom,
        stamp: Stamp::of(&metadata),
    }))
}

fn decode(bytes: Vec<u8>, shown: &WorkspacePath) -> Result<(String, bool), ProposalError> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ProposalError(format!(
            "`{shown}` is over 50 MB: search it with grep instead of reading it whole"
        )));
    }
    if bytes.contains(&0) {
        return Err(ProposalError(format!(
            "`{shown}` is a binary file: only texts can be read and edited"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        ProposalError(format!(
            "`{shown}` is not valid UTF-8: convert it before reading or editing it"
        ))
    })?;
    Ok(match text.strip_prefix(BOM) {
        Some(rest) => (rest.to_owned(), true),
        None => (text, false),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let name = WorkspacePath::new("f").unwrap();
        let file = folder.path().join("f");
        let with = |bytes: &[u8]| {
            File::create(&file)
                .and_then(|mut f| io::Write::write_all(&mut f, bytes))
                .unwrap();
            read(&file, &name).map(|text| text.unwrap())
        };
        assert!(with(b"a\0b").unwrap_err().0.contains("binary"));
        assert!(with(b"\xff\xfea").unwrap_err().0.contains("UTF-8"));
        assert_eq!(with("\u{feff}a\r\n".as_bytes()).unwrap().text, "a\r\n");
        assert!(with("\u{feff}a".as_bytes()).unwrap().bom);
        File::create(&file).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert!(read(&file, &name).unwrap_err().0.contains("50 MB"));
        assert!(read(folder.path(), &name).unwrap_err().0.contains("folder"));
        assert!(read(&folder.path().join("none"), &name).unwrap().is_none());
    }
}
