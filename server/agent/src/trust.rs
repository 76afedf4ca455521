//! Which folders the user trusts: real path, device and inode, and the digest of what the repo could run.
//!
//! Kept in the state folder, never in the repo. Any change of the digest asks again.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use interline_tools::REPO_HOOKS;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Files below the root that can make Interline run or allow something.
const EXECUTABLE_CONFIG: [&str; 1] = [".interline/config.toml"];

/// Files of hooks, and bytes of one of them, that are looked at.
const MOST_FILES: usize = 256;
const MOST_BYTES: u64 = 4 << 20;

/// The record of trusted folders.
pub struct TrustStore {
    file: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct Record {
    folders: BTreeMap<PathBuf, Folder>,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Folder {
    device: u64,
    inode: u64,
    config_sha256: String,
}

impl TrustStore {
    /// The store in a state folder. Touches nothing.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            file: state.join("trust.json"),
        }
    }

    /// Is this very folder, with this very configuration, trusted? Any doubt is a no.
    #[must_use]
    pub fn trusted(&self, root: &Path) -> bool {
        match (self.read().folders.get(root), Folder::of(root)) {
            (Some(known), Ok(now)) => *known == now,
            _ => false,
        }
    }

    /// Trusts a folder as it is now, or no longer.
    ///
    /// # Errors
    /// When the folder can't be looked at or the record can't be written.
    pub fn set(&self, root: &Path, trusted: bool) -> std::io::Result<()> {
        let mut record = self.read();
        if trusted {
            record.folders.insert(root.to_owned(), Folder::of(root)?);
        } else {
            record.folders.remove(root);
        }
        self.write(&record)
    }

    /// A record that can't be read trusts nothing.
    fn read(&self) -> Record {
        fs::read(&self.file)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    fn write(&self, record: &Record) -> std::io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(&serde_json::to_vec_pretty(record)?)?;
        temporary.as_file().sync_all()?;
        temporary.persist(&self.file)?;
        Ok(())
    }
}

impl Folder {
    fn of(root: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::metadata(root)?;
        let mut hash = Sha256::new();
        for name in EXECUTABLE_CONFIG {
            let content = match fs::read(root.join(name)) {
                Ok(content) => Some(content),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            hash.update([u8::from(content.is_some())]);
            hash.update(Sha256::digest(content.unwrap_or_default()));
        }
        hash_folder(&root.join(REPO_HOOKS), &mut hash, &mut { MOST_FILES })?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            config_sha256: format!("{:x}", hash.finalize()),
        })
    }
}

/// Every file below a folder: its path, its kind, whether it can be run, what is in it. Too many are an error, and so
/// nothing that is trusted.
fn hash_folder(folder: &Path, hash: &mut Sha256, left: &mut usize) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut paths = Vec::new();
    for entry in entries {
        *left = left
            .checked_sub(1)
            .ok_or_else(|| std::io::Error::other("too many files of hooks"))?;
        paths.push(entry?.path());
    }
    paths.sort();
    for path in paths {
        let metadata = fs::symlink_metadata(&path)?;
        hash.update(Sha256::digest(path.as_os_str().as_encoded_bytes()));
        hash.update(metadata.mode().to_le_bytes());
        if metadata.is_dir() {
            hash_folder(&path, hash, left)?;
        } else if metadata.is_symlink() {
            hash.update(Sha256::digest(
                fs::read_link(&path)?.as_os_str().as_encoded_bytes(),
            ));
        } else if metadata.is_file() && metadata.len() <= MOST_BYTES {
            hash.update(Sha256::digest(fs::read(&path)?));
        } else {
            return Err(std::io::Error::other(format!(
                "{} is too big, or no file",
                path.display()
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a fixture")]
    fn trust_ends_when_the_executable_config_or_the_folder_changes() {
        let state = tempfile::tempdir().unwrap();
        let root = tempfile::tempdir().unwrap();
        let store = TrustStore::new(state.path());
        assert!(!store.trusted(root.path()));
        store.set(root.path(), true).unwrap();
        assert!(store.trusted(root.path()));

        fs::create_dir(root.path().join(".interline")).unwrap();
        fs::write(
            root.path().join(".interline/config.toml"),
            "mode = \"plan\"",
        )
        .unwrap();
        assert!(!store.trusted(root.path()));
        store.set(root.path(), true).unwrap();
        assert!(store.trusted(root.path()));

        // The same path, another folder.
        let folder = root.path().join("folder");
        fs::create_dir(&folder).unwrap();
        store.set(&folder, true).unwrap();
        fs::rename(&folder, root.path().join("kept")).unwrap();
        fs::create_dir(&folder).unwrap();
        assert!(!store.trusted(&folder));

        let hook = root.path().join(".interline/hooks/sub/check");
        fs::create_dir_all(hook.parent().unwrap()).unwrap();
        assert!(!store.trusted(root.path()), "a new folder of hooks");
        for text in ["exit 0", "exit 1"] {
            store.set(root.path(), true).unwrap();
            fs::write(&hook, text).unwrap();
            assert!(!store.trusted(root.path()), "{text}");
        }
        store.set(root.path(), true).unwrap();
        fs::remove_file(&hook).unwrap();
        std::os::unix::fs::symlink("/bin/true", &hook).unwrap();
        assert!(!store.trusted(root.path()), "another kind");

        store.set(root.path(), false).unwrap();
        assert!(!store.trusted(root.path()));
        store.set(root.path(), true).unwrap();
        fs::write(state.path().join("trust.json"), "{ torn").unwrap();
        assert!(!store.trusted(root.path()));
    }
}
