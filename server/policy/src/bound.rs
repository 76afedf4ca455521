//! What a decision was made for, beyond the words of the call: the folder, the environment's names, the files and
//! the documents as they were. The permit's digest covers it; looked up again before the call runs.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use crate::facts::{Facts, Fields};
use crate::shell::path_in;

/// Words that are looked up on the disk; longer commands have only their paths bound.
const MAX_WORDS: usize = 256;

/// Which file a path stands for, whatever its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that is there now, links followed; `None` where there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|facts| Self::from(&facts))
    }
}

#[cfg(unix)]
impl From<&Metadata> for FileId {
    fn from(facts: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: facts.dev(),
            inode: facts.ino(),
        }
    }
}

#[cfg(not(unix))]
impl From<&Metadata> for FileId {
    /// No stable identity here: only whether there is such a file counts.
    fn from(_: &Metadata) -> Self {
        Self {
            device: 0,
            inode: 0,
        }
    }
}

/// Every path that a call names: those of its facts, and the words of its commands, which may be names of files in
/// the folder that they run in.
pub fn named(facts: &Facts, folder: &Path) -> impl Iterator<Item = PathBuf> {
    let paths = facts.paths.iter().map(|path| path.resolved.clone());
    let commands = facts.argv.iter().chain(&facts.inside);
    let arguments = commands.flat_map(|argv| argv.iter().skip(1));
    let names = arguments.filter(|word| !word.starts_with('-'));
    let words = names.map(|word| folder.join(path_in(word)));
    paths.chain(words.take(MAX_WORDS))
}

/// What a call was decided for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// The folder that it runs in.
    pub folder: Option<FileId>,
    /// The names of the environment that it gets, sorted; never the values.
    pub env: Vec<String>,
    /// The versions of the open documents that it is about.
    pub documents: Vec<(PathBuf, i64)>,
    /// The files that it names, as they were; in the order of [`named`].
    pub targets: Vec<Option<FileId>>,
}

impl Bound {
    /// Looks at the folder and at the files of the facts, as they are now.
    #[must_use]
    pub fn look(facts: &Facts, folder: &Path, env: impl IntoIterator<Item = String>) -> Self {
        let mut env: Vec<String> = env.into_iter().collect();
        env.sort();
        env.dedup();
        Self {
            folder: FileId::of(folder),
            env,
            documents: Vec::new(),
            targets: named(facts, folder).map(|path| FileId::of(&path)).collect(),
        }
    }

    pub(crate) fn hash(&self, hash: &mut Fields) {
        let mut id = |id: &Option<FileId>| match id {
            Some(FileId { device, inode }) => {
                hash.field(&[device.to_le_bytes(), inode.to_le_bytes()].concat());
            }
            None => hash.field(&[]),
        };
        id(&self.folder);
        self.targets.iter().for_each(&mut id);
        hash.count(self.targets.len());
        hash.list(&self.env);
        hash.count(self.documents.len());
        for (path, version) in &self.documents {
            hash.field(path.as_os_str().as_encoded_bytes());
            hash.field(&version.to_le_bytes());
        }
    }
}
