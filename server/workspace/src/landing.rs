//! The one place that writes files of the workspace: accepted hunks of files that no editor has open, and of files as
//! a whole.
//!
//! Each write checks the hash (and that the target is no symlink out of the workspace) first, and replaces the
//! file atomically with its permissions, byte-order mark and line endings kept. Nothing here decides: who
//! calls has the user's acceptance on record.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use interline_log::{Attachments, FileBytes, LogError};

use crate::path::WorkspacePath;
use crate::proposal::{Landing, LandingChange, Look, ProposalError, read_whole};
use crate::{Workspace, disk, document};

/// What a landing on disk did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landed {
    /// The absolute path that was written, made, moved to or removed.
    pub file: PathBuf,
}

impl Workspace {
    /// Writes an accepted change to disk. Refuses where the file is not as it was when the user accepted, where it
    /// is open in an editor, where a new file exists already, and where a symlink leads outside.
    pub fn land_on_disk(&self, landing: &Landing) -> Result<Landed, ProposalError> {
        let path = &landing.path;
        let failed = |error: io::Error| {
            ProposalError(match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    format!("`{path}` can't be made: a file with this name exists already")
                }
                _ => format!("`{path}` can't be written: {error}"),
            })
        };
        let file = match &landing.change {
            LandingChange::Text { after, .. } => {
                let file = self.closed(path)?;
                let bom = check(&file, landing)?;
                replace(&file, &landing.post_sha256, &with_bom(after, bom)).map_err(failed)?;
                file
            }
            LandingChange::Create(text) => {
                let file = self.closed(path)?;
                create(&file, &landing.post_sha256, text.as_bytes()).map_err(failed)?;
                file
            }
            LandingChange::Delete => {
                let file = self.closed(path)?;
                check(&file, landing)?;
                fs::remove_file(&file).map_err(failed)?;
                file
            }
            LandingChange::Move(to) => {
                let file = self.closed(path)?;
                check(&file, landing)?;
                let target = self.resolve(to)?;
                rename(&file, &target).map_err(failed)?;
                target
            }
            LandingChange::Bytes {
                before,
                after,
                attachments,
            } => {
                let attachments = attachments.as_ref().ok_or_else(|| {
                    ProposalError(format!("`{path}`: this session keeps no bytes"))
                })?;
                self.land_bytes(path, (before.as_ref(), after.as_ref()), attachments)?
            }
            LandingChange::Mode { executable } => self.land_mode(path, *executable)?,
        };
        sync_folder(&file);
        Ok(Landed { file })
    }

    /// The file of a path that no editor has open.
    fn closed(&self, path: &WorkspacePath) -> Result<PathBuf, ProposalError> {
        if self.document_at(path).is_some() {
            return Err(ProposalError(format!(
                "`{path}` is open in an editor: its buffer is changed, not the file"
            )));
        }
        self.resolve(path)
    }

    /// Bytes that are no text: the old ones are kept before the new ones take their place.
    fn land_bytes(
        &self,
        path: &WorkspacePath,
        (before, after): (Option<&FileBytes>, Option<&FileBytes>),
        attachments: &Attachments,
    ) -> Result<PathBuf, ProposalError> {
        let failed =
            |error: io::Error| ProposalError(format!("`{path}` can't be written: {error}"));
        let lost = |error: LogError| ProposalError(format!("`{path}` was not written: {error}"));
        let look = self.look(path, None, true);
        if look.unsaved().is_some() {
            return Err(ProposalError(format!(
                "`{path}` has changes in an editor that are not saved: nothing was written"
            )));
        }
        if let Look::Other(reason) = look {
            return Err(ProposalError(reason));
        }
        let changed = || {
            ProposalError(format!(
                "`{path}` changed on disk since: nothing was written; look at the change again"
            ))
        };
        if look.bytes() != before {
            return Err(changed());
        }
        let file = self.resolve(path)?;
        if let Some(before) = before {
            let old = read_whole(&file).map_err(failed)?;
            // Read again: what is kept is what goes.
            if attachments.keep(&old).map_err(lost)? != *before {
                return Err(changed());
            }
        }
        match (before, after) {
            (_, None) => fs::remove_file(&file),
            (None, Some(after)) => {
                let bytes = attachments.read(after).map_err(lost)?;
                create(&file, &after.sha256, &bytes)
            }
            (Some(_), Some(after)) => {
                let bytes = attachments.read(after).map_err(lost)?;
                replace(&file, &after.sha256, &bytes)
            }
        }
        .map_err(failed)?;
        Ok(file)
    }

    /// The bits by which a file can be run, for everybody who may read it.
    fn land_mode(&self, path: &WorkspacePath, executable: bool) -> Result<PathBuf, ProposalError> {
        let failed =
            |error: io::Error| ProposalError(format!("`{path}` can't be changed: {error}"));
        match self.look(path, None, false) {
            Look::Other(reason) => return Err(ProposalError(reason)),
            Look::Missing { .. } => {
                return Err(ProposalError(format!(
                    "`{path}` is not on disk: save it first, then accept its mode"
                )));
            }
            Look::File { .. } => {}
        }
        let file = self.resolve(path)?;
        let mut permissions = fs::metadata(&file).map_err(failed)?.permissions();
        let mode = permissions.mode();
        permissions.set_mode(if executable {
            mode | (mode & 0o444) >> 2
        } else {
            mode & !0o111
        });
        fs::set_permissions(&file, permissions).map_err(failed)?;
        Ok(file)
    }

    /// Removes what a landing that a crash cut short left beside its file.
    pub(crate) fn discard_draft(&self, path: &WorkspacePath, post_sha256: &str) {
        if let Ok(file) = self.resolve(path) {
            // Mostly there is none.
            let _ = fs::remove_file(draft(&file, post_sha256));
        }
    }
}

/// Is the file as it was when its change was accepted? Tells whether it has a byte-order mark.
fn check(file: &Path, landing: &Landing) -> Result<bool, ProposalError> {
    let path = &landing.path;
    let found = disk::read(file, path)?
        .ok_or_else(|| ProposalError(format!("`{path}` is gone: nothing was written")))?;
    if document::sha256(std::iter::once(found.text.as_str())) == landing.pre_sha256 {
        Ok(found.bom)
    } else {
        Err(ProposalError(format!(
            "`{path}` changed on disk since: nothing was written; look at the hunks again"
        )))
    }
}

fn with_bom(text: &str, bom: bool) -> Vec<u8> {
    let mark = if bom { disk::BOM } else { "" };
    [mark.as_bytes(), text.as_bytes()].concat()
}

/// Replaces a file by way of a new one beside it, so that no reader ever sees half of it.
fn replace(file: &Path, post_sha256: &str, bytes: &[u8]) -> io::Result<()> {
    let permissions = fs::metadata(file)?.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file is read-only",
        ));
    }
    let draft = draft(file, post_sha256);
    let written = write_draft(&draft, bytes)
        .and_then(|()| fs::set_permissions(&draft, permissions))
        .and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        // The draft is ours; that it can't be removed says nothing new.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Makes a new file, whole or not at all; never takes the place of another.
fn create(file: &Path, post_sha256: &str, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = draft(file, post_sha256);
    let made = write_draft(&draft, bytes).and_then(|()| fs::hard_link(&draft, file));
    // The draft has done its work or failed at it.
    let _ = fs::remove_file(&draft);
    match made {
        // Some file systems have no hard links.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => write_new(file, bytes),
        made => made,
    }
}

/// Moves a file; never takes the place of another.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        // A crash came between the two.
        Err(_) if is_same_file(from, to) => fs::remove_file(from),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Some file systems have no hard links.
        Err(_) if to.symlink_metadata().is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// Two names of one file, neither of them a symlink.
fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (a.symlink_metadata(), b.symlink_metadata()) {
        (Ok(a), Ok(b)) => a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

/// Where the new text of a file is written before it takes the file's place. Named by that text: a session that was
/// killed on the way finds it by its log.
fn draft(file: &Path, post_sha256: &str) -> PathBuf {
    let name = post_sha256.get(..16).unwrap_or(post_sha256);
    file.with_file_name(format!(".interline-{name}.tmp"))
}

/// One that is there already was left by a crash.
fn write_draft(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(draft);
    write_new(draft, bytes)
}

fn write_new(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = OpenOptions::new().write(true).create_new(true).open(file)?;
    new.write_all(bytes)?;
    new.sync_all()
}

/// Makes the name durable, where the system can; the text is durable already.
fn sync_folder(file: &Path) {
    if let Some(folder) = file.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
}
