//! The shadow workspace: what the user sees and what the session proposes, for commands to run on.
//!
//! [`Shadow::enter`] says which layers make it: the workspace's own folder, a seed on top of it (unsaved buffers and
//! pending hunks) and an upper layer that takes what a command writes. Whoever runs the command mounts them at the
//! workspace's own path; this module starts nothing and mounts nothing. Afterwards [`Entered::changes`] reads back
//! what the command changed, and each [`Change`] becomes hunks. Build outputs stay in the upper layer, so the next
//! build is incremental. No file of the workspace is ever written here.
//!
//! Entering costs as much as there are buffers and hunks, reading back as much as was changed; neither depends on the
//! size of the workspace. What a command left is hostile: no link is followed, no pipe waited for, all is bounded.

mod below;
mod change;
mod propose;
mod rules;
mod scan;
mod seed;
mod sweep;
mod tree;
mod view;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use interline_log::SessionId;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::Workspace;
use below::Below;
pub use change::{Blob, Change, Changes, Note};
pub use propose::Taken;
use seed::{Seeding, Wanted};
use tree::{Facts, Folder, Time, Trash};

/// Why there is no shadow, or why it can't be read back.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// A command runs in it.
    #[error("the shadow workspace is in use by another command: wait until it has ended")]
    Busy,
    /// It would be a part of itself.
    #[error(
        "the folder for the shadow, {0}, is inside of the workspace: move the state folder elsewhere"
    )]
    Inside(PathBuf),
    /// The system said no.
    #[error("the shadow workspace can't be {what}: {error}")]
    System {
        /// `prepared` or `read back`.
        what: &'static str,
        /// What it said.
        error: io::Error,
    },
}

/// Bounds on what becomes hunks; what is beyond stays in the upper layer and is reported.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Changed files of one command.
    pub files: usize,
    /// Their bytes together.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 2_000,
            bytes: 64 << 20,
        }
    }
}

/// A shadow of one workspace, in a folder of ours that is kept between sessions. One command at a time.
#[derive(Clone, Debug)]
pub struct Shadow {
    folder: PathBuf,
    limits: Limits,
    state: Arc<Mutex<State>>,
}

/// What is known from command to command; without it nothing but build outputs stays in the upper layer.
#[derive(Debug, Default)]
struct State {
    /// When the last command had ended.
    last: Option<Time>,
    /// Entries of the upper layer that are no hunks and stay: what they are, and what they lie on.
    kept: HashMap<PathBuf, Kept>,
}

/// An entry that stays in the upper layer until it, or what is beneath it, is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    upper: Facts,
    lower: Option<Facts>,
}

/// What is to be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// Lower layers, topmost first.
    pub lower: Vec<PathBuf>,
    /// Takes what is written.
    pub upper: PathBuf,
    /// The overlay's own, on the same file system as `upper`.
    pub work: PathBuf,
    /// Where the whole is to be seen: the workspace's own path.
    pub at: PathBuf,
}

/// The shadow while a command is in it.
#[derive(Debug)]
pub struct Entered {
    layers: Layers,
    folder: PathBuf,
    limits: Limits,
    since: Time,
    state: OwnedMutexGuard<State>,
}

impl Shadow {
    /// The shadow in `folder`, which is made where it isn't there.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            limits: Limits::default(),
            state: Arc::default(),
        }
    }

    /// With other bounds on what a command's changes may be.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Brings the layers up to date with what the session sees now. Reads and writes disk.
    pub fn enter(&self, workspace: &Workspace, session: SessionId) -> Result<Entered, ShadowError> {
        let Ok(mut state) = self.state.clone().try_lock_owned() else {
            return Err(ShadowError::Busy);
        };
        let prepare = |error| ShadowError::System {
            what: "prepared",
            error,
        };
        let layers = self.layers(workspace.root())?;
        let seen = view::View::of(workspace, session).map_err(prepare)?;
        self.prepare(&layers, &mut state, &seen.wanted())
            .map_err(prepare)?;
        let since = now(&self.folder).map_err(prepare)?;
        Ok(Entered {
            layers,
            folder: self.folder.clone(),
            limits: self.limits,
            since,
            state,
        })
    }

    fn layers(&self, root: &Path) -> Result<Layers, ShadowError> {
        let prepare = |error| ShadowError::System {
            what: "prepared",
            error,
        };
        // It holds texts that others must not read.
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(&self.folder).map_err(prepare)?;
        let folder = self.folder.canonicalize().map_err(prepare)?;
        if folder.starts_with(root) {
            return Err(ShadowError::Inside(folder));
        }
        for name in ["seed", "upper", "work", "trash", "blobs"] {
            private.create(folder.join(name)).map_err(prepare)?;
        }
        Ok(Layers {
            lower: vec![folder.join("seed"), root.to_owned()],
            upper: folder.join("upper"),
            work: folder.join("work"),
            at: root.to_owned(),
        })
    }

    fn prepare(
        &self,
        layers: &Layers,
        state: &mut State,
        wanted: &BTreeMap<PathBuf, Wanted<'_>>,
    ) -> io::Result<()> {
        let (seed, root) = (self.folder.join("seed"), &layers.at);
        let (upper, below) = open(layers, &seed)?;
        let trash = Trash::new(Folder::open(&self.folder.join("trash"))?);
        let left = sweep::sweep((&upper, &below), root, state, wanted, &trash)?;
        let seeding = Seeding {
            seed: &seed,
            root,
            last: state.last,
            left: &left,
        };
        seeding.run(wanted)?;
        // What became hunks is kept elsewhere.
        let blobs = Folder::open(&self.folder.join("blobs"))?;
        for name in blobs.names()? {
            blobs.unlink(&name)?;
        }
        upper.resemble(&Folder::open(root)?.own_facts()?)?;
        trash.empty()
    }
}

impl Entered {
    /// What is to be mounted for the command.
    #[must_use]
    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// What the command changed, once all of its processes have ended. Reads the upper layer; the workspace is as it was.
    pub fn changes(&mut self) -> Result<Changes, ShadowError> {
        self.read_back().map_err(|error| ShadowError::System {
            what: "read back",
            error,
        })
    }

    fn read_back(&mut self) -> io::Result<Changes> {
        let (upper, below) = open(&self.layers, &self.folder.join("seed"))?;
        let blobs = self.folder.join("blobs");
        let scan = scan::Scan::new(self.limits, self.since, &blobs, &self.state.kept);
        let (changes, kept) = scan.run(&upper, &below, &self.layers.at)?;
        self.state.kept = kept;
        self.state.last = Some(now(&self.folder)?);
        Ok(changes)
    }
}

fn open(layers: &Layers, seed: &Path) -> io::Result<(Folder, Below)> {
    let below = Below::new(Folder::open(seed)?, Folder::open(&layers.at)?);
    Ok((Folder::open(&layers.upper)?, below))
}

/// The file system's own time, by which files are stamped.
fn now(folder: &Path) -> io::Result<Time> {
    let (folder, name) = (Folder::open(folder)?, OsStr::new("clock"));
    folder.put(name, b"", 0o600, None)?;
    let facts = folder.facts(name)?;
    facts
        .map(|facts| facts.changed)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}
