//! The user's standing answers ("always allow"), in a file outside of every repository, readable by its owner alone.
//!
//! Each is a rule of the user's tier for one exact command, kept by workspace, tool and the program's real path.
//! Nothing here decides. A file that can't be used is an error; its rules then don't count.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::rule::{Rule, RuleEffect};

/// More than anybody says yes to by hand; a bigger file is not ours.
const MAX_BYTES: u64 = 4 << 20;

/// The file of standing answers.
#[derive(Clone, Debug)]
pub struct AlwaysStore {
    file: PathBuf,
}

/// One standing answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Real path of the workspace that it holds in.
    pub workspace: PathBuf,
    /// What is allowed.
    pub rule: Rule,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    always: Vec<Kept>,
}

/// Why standing answers can't be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file or its folder can't be used.
    #[error("{file}: {source}; check its folder and its owner", file = file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{file} is not usable: {what}; correct or delete it (its rules do not count until then)", file = file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The rule is not one that can be kept.
    #[error("only an allow rule for one exact command of a known program can be kept: {0}")]
    NotKeepable(String),
}

impl AlwaysStore {
    /// The store in the harness's state folder, which need not exist yet and lies outside of every workspace.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self {
            file: state.join("always.toml"),
        }
    }

    /// The rules of a workspace, for `Rules::add(Tier::User, …)`.
    pub fn rules(&self, workspace: &Path) -> Result<Vec<Rule>, StoreError> {
        let workspace = self.real(workspace)?;
        let kept = self.list()?.into_iter();
        Ok(kept
            .filter(|kept| kept.workspace == workspace)
            .map(|kept| kept.rule)
            .collect())
    }

    /// Everything that is kept.
    pub fn list(&self) -> Result<Vec<Kept>, StoreError> {
        let Some(text) = self.read()? else {
            return Ok(Vec::new());
        };
        let content: Content =
            toml::from_str(&text).map_err(|error| self.corrupt(error.message()))?;
        for kept in &content.always {
            keepable(&kept.rule).map_err(|what| self.corrupt(what))?;
        }
        Ok(content.always)
    }

    /// Keeps a rule for a workspace. Keeping it twice changes nothing.
    pub fn add(&self, workspace: &Path, rule: &Rule) -> Result<(), StoreError> {
        keepable(rule).map_err(|what| StoreError::NotKeepable(what.to_owned()))?;
        let kept = Kept {
            workspace: self.real(workspace)?,
            rule: rule.clone(),
        };
        let mut always = self.list()?;
        if !always.contains(&kept) {
            always.push(kept);
            self.write(always)?;
        }
        Ok(())
    }

    /// Revokes a rule; false where it was not kept.
    pub fn remove(&self, workspace: &Path, rule: &Rule) -> Result<bool, StoreError> {
        let workspace = self.real(workspace)?;
        let mut always = self.list()?;
        let before = always.len();
        always.retain(|kept| kept.workspace != workspace || kept.rule != *rule);
        let removed = always.len() < before;
        if removed {
            self.write(always)?;
        }
        Ok(removed)
    }

    fn real(&self, workspace: &Path) -> Result<PathBuf, StoreError> {
        workspace.canonicalize().map_err(|source| StoreError::Io {
            file: workspace.to_owned(),
            source,
        })
    }

    fn io(&self, source: io::Error) -> StoreError {
        StoreError::Io {
            file: self.file.clone(),
            source,
        }
    }

    fn corrupt(&self, what: &str) -> StoreError {
        StoreError::Corrupt {
            file: self.file.clone(),
            what: what.to_owned(),
        }
    }

    fn read(&self) -> Result<Option<String>, StoreError> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io(error)),
        };
        let facts = file.metadata().map_err(|error| self.io(error))?;
        if facts.len() > MAX_BYTES {
            return Err(self.corrupt("it is too big"));
        }
        if others_can_write(&facts) {
            return Err(self.corrupt("other users can write it (its mode should be 0600)"));
        }
        let mut text = String::new();
        match file.take(MAX_BYTES).read_to_string(&mut text) {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(self.corrupt("it is not UTF-8"))
            }
            Err(error) => Err(self.io(error)),
        }
    }

    /// Writes beside it and renames, so that a crash leaves the old file or the new one.
    fn write(&self, always: Vec<Kept>) -> Result<(), StoreError> {
        let text = toml::to_string(&Content { always })
            .map_err(|error| StoreError::NotKeepable(error.to_string()))?;
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| self.io(error))?;
        let fresh = self
            .file
            .with_extension(format!("{}.new", std::process::id()));
        let written = write_private(&fresh, &text).and_then(|()| fs::rename(&fresh, &self.file));
        if let Err(error) = written {
            // The error that is told is the first one.
            let _ = fs::remove_file(&fresh);
            return Err(self.io(error));
        }
        // Makes the rename durable, where folders can be synced.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn keepable(rule: &Rule) -> Result<(), &'static str> {
    if rule.effect != RuleEffect::Allow {
        return Err("it does not allow");
    }
    if rule.argv.is_empty() || !rule.exact {
        return Err("it is not one exact command");
    }
    if rule
        .program
        .as_ref()
        .is_none_or(|program| !program.is_absolute())
    {
        return Err("it does not name its program's real path");
    }
    Ok(())
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Left by a crash of a process with our number.
    let _ = fs::remove_file(file);
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn others_can_write(facts: &fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&facts.permissions()) & 0o022 != 0
}

#[cfg(not(unix))]
fn others_can_write(_: &fs::Metadata) -> bool {
    false
}
