//! The file with the signing key: made on first use, for its owner alone, or given by the administrator.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ring::rand::{SecureRandom as _, SystemRandom};

use super::note::SigningKey;
use crate::error::LogError;
use crate::{EventId, PublicKey, disk};

/// The name that signatures stand under. One for all sessions, so that one public key serves for all of them.
const NAME: &str = "interline/audit";
/// The text form has some 100 bytes.
const LONGEST: u64 = 4096;

/// Where the key is that signs the checkpoints of all sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    path: PathBuf,
    is_own: bool,
}

impl KeyFile {
    /// `audit.key` in the folder with Interline's state. It is made when it is first needed.
    #[must_use]
    pub fn own(state: &Path) -> Self {
        Self {
            path: state.join("audit.key"),
            is_own: true,
        }
    }

    /// The administrator's. It must be there; its group may read it.
    #[must_use]
    pub fn given(path: PathBuf) -> Self {
        Self {
            path,
            is_own: false,
        }
    }

    /// The public half. Makes the key if it has to.
    ///
    /// # Errors
    /// [`LogError::Key`] where the file is no key or others can read it, [`LogError::Io`].
    pub fn public(&self) -> Result<PublicKey, LogError> {
        Ok(self.load_or_create()?.public().clone())
    }

    /// The public half of a key that is there.
    ///
    /// # Errors
    /// As [`KeyFile::public`].
    pub fn public_if_made(&self) -> Result<Option<PublicKey>, LogError> {
        Ok(self.load()?.map(|key| key.public().clone()))
    }

    pub(crate) fn load_or_create(&self) -> Result<SigningKey, LogError> {
        if let Some(key) = self.load()? {
            return Ok(key);
        }
        if self.is_own {
            self.create()?;
        }
        self.load()?
            .ok_or_else(|| self.refused("it is not there".to_owned()))
    }

    fn load(&self) -> Result<Option<SigningKey>, LogError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(LogError::io("open", &self.path))?,
        };
        let mut text = String::new();
        self.check_mode(&file)?;
        file.take(LONGEST)
            .read_to_string(&mut text)
            .map_err(LogError::io("read", &self.path))?;
        let key = SigningKey::parse(text.trim_end()).map_err(|what| self.refused(what))?;
        Ok(Some(key))
    }

    /// Of the open file, not of whatever has its name by then.
    #[cfg(unix)]
    fn check_mode(&self, file: &File) -> Result<(), LogError> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = file.metadata().map_err(LogError::io("read", &self.path))?;
        let others = if self.is_own { 0o077 } else { 0o037 };
        if metadata.mode() & others == 0 {
            return Ok(());
        }
        Err(self.refused(format!(
            "others can read it (mode {:o}); if nobody did, `chmod {}` it, else remove it for a new one",
            metadata.mode() & 0o777,
            if self.is_own { "600" } else { "640" }
        )))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as on Unix")]
    fn check_mode(&self, _: &File) -> Result<(), LogError> {
        Ok(())
    }

    /// Under a name of its own first, so that nobody reads half a key. Who comes second takes what is there.
    fn create(&self) -> Result<(), LogError> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| self.refused("the system gives no randomness to make it".to_owned()))?;
        let key = SigningKey::new(NAME.to_owned(), &seed).map_err(|what| self.refused(what))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        disk::create_folders(folder)?;
        let part = folder.join(format!("audit-{}.part", EventId::new()));
        disk::write_new(&part, format!("{}\n", key.text(&seed)).as_bytes())?;
        let linked = match std::fs::hard_link(&part, &self.path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked.map_err(LogError::io("create", &self.path)),
        };
        std::fs::remove_file(&part).map_err(LogError::io("remove", &part))?;
        linked?;
        disk::sync_folder(folder)
    }

    fn refused(&self, what: String) -> LogError {
        LogError::Key {
            file: self.path.clone(),
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("interline");
        let file = KeyFile::own(&folder);
        assert_eq!(file.public_if_made().unwrap(), None);
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| file.public())).collect();
            let keys = threads.into_iter().map(|thread| thread.join().unwrap());
            keys.collect::<Result<_, _>>().unwrap()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(file.public_if_made().unwrap().as_ref(), keys.first());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_is_to_be_given_is_not_made() {
        let state = tempfile::tempdir().unwrap();
        let file = KeyFile::given(state.path().join("key"));
        let error = file.public().unwrap_err().to_string();
        assert!(error.contains("it is not there"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        let own = KeyFile::own(state.path());
        own.public().unwrap();
        let given = KeyFile::given(own.path.clone());
        for (mode, own_counts, given_counts) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o640, false, true),
            (0o660, false, false),
            (0o644, false, false),
        ] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&own.path, permissions).unwrap();
            assert_eq!(own.public().is_ok(), own_counts, "{mode:o}");
            assert_eq!(given.public().is_ok(), given_counts, "{mode:o}");
        }
        let error = own.public().unwrap_err().to_string();
        assert!(error.contains("others can read it (mode 644)"), "{error}");
    }

    #[test]
    fn what_is_no_key_says_why() {
        let state = tempfile::tempdir().unwrap();
        let own = KeyFile::own(state.path());
        disk::write_new(&own.path, b"PRIVATE+KEY+x").unwrap();
        let error = own.public().unwrap_err().to_string();
        assert!(error.contains("audit.key can't be used"), "{error}");
        assert!(error.contains("name+id+base64"), "{error}");
    }
}
