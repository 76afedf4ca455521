//! Files that only their owner can read, folders likewise, and entries that survive a power cut.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::error::LogError;

/// Makes `path` and what is missing above it. Fine if it is there.
pub(crate) fn create_folders(path: &Path) -> Result<(), LogError> {
    folder_builder()
        .recursive(true)
        .create(path)
        .map_err(LogError::io("create", path))
}

/// Makes `path`, whose parent exists; an error if it is there.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    folder_builder().create(path)
}

/// Makes `path` and its entry durable. Fine if it is there.
pub(crate) fn create_folder_durably(path: &Path) -> Result<(), LogError> {
    match create_folder(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_folder),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(LogError::io("create", path)(error)),
    }
}

fn folder_builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Options whose new files are for the owner alone.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a new file with `bytes`, durable but for its entry in the folder.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let mut file = private()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(LogError::io("create", path))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_data())
        .map_err(LogError::io("write", path))
}

/// Makes `path` a file with `bytes`, never seen half written: it stands under a name of its own first. Durable but
/// for its entry in the folder.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let part = path.with_extension("part");
    match std::fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(LogError::io("remove", &part)(error));
        }
        _ => {}
    }
    write_new(&part, bytes)?;
    std::fs::rename(&part, path).map_err(LogError::io("write", path))
}

/// Opens what others may have put there for reading: a file and nothing else, since a link leads elsewhere and a
/// pipe never ends.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if std::fs::symlink_metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("it is no regular file"))
    }
}

/// Makes the entries of a folder durable. Only Unix lets a folder be synced.
pub(crate) fn sync_folder(path: &Path) -> Result<(), LogError> {
    if cfg!(unix) {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(LogError::io("sync", path))?;
    }
    Ok(())
}
