//! The shadow workspace: what the user sees and what the session proposes, for commands to run on.
//!
//! [`Shadow::enter`] says which layers make it: the workspace's own folder, a seed on top of it (unsaved buffers and
//! pending hunks) and an upper layer that takes what a command writes. Whoever runs the command mounts them at the
//! workspace's own path; this module starts nothing and mounts nothing. Afterwards [`Entered::changes`] reads back
//! what the command changed, and each [`Change`] becomes hunks. Build outputs stay in the upper layer, so the next
//! build is incremental. No file of the workspace is ever written here.
//!
//! Where nothing can be mounted the layers are merged into a copy of the workspace (`copied`), which is upper layer
//! and all beneath it in one, and is read back as such.
//!
//! Entering costs as much as there are buffers and hunks, reading back as much as was changed; neither depends on the
//! size of the workspace, but of a copy both do. What a command left is hostile: no link is followed, no pipe waited
//! for, all is bounded.

mod below;
mod change;
mod copied;
mod leftover;
mod propose;
mod rules;
mod scan;
mod seed;
mod seen;
mod size;
mod sweep;
#[cfg_attr(target_os = "macos", path = "shadow/system/macos.rs")]
#[cfg_attr(not(target_os = "macos"), path = "shadow/system/linux.rs")]
mod system;
mod tree;
mod view;
mod walk;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use interline_log::SessionId;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::Workspace;
use below::Below;
pub use change::{Blob, Change, Changes, Note};
pub use leftover::{bytes_of, delete};
pub use propose::Taken;
use scan::Scan;
use seed::{Seeding, Wanted};
pub use seen::Seen;
use size::Size;
use tree::{Facts, Folder, Time, Trash};

/// Why there is no shadow, or why it can't be read back.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// A command runs in it.
    #[error("the shadow workspace is in use by another command: wait until it has ended")]
    Busy,
    /// It would be a part of itself.
    #[error(
        "the folder for the shadow, {0}, is inside of the workspace: set INTERLINE_HOME (or XDG_STATE_HOME) to a folder \
         outside of it"
    )]
    Inside(PathBuf),
    /// What builds left in it takes more of the disk than it may.
    #[error(
        "the shadow workspace takes over {} GiB of the disk: delete the folder {folder} to go on (build outputs of \
         commands are in it; no hunk and no file of the workspace is lost)",
        limit >> 30
    )]
    Full {
        /// What may be deleted.
        folder: PathBuf,
        /// In bytes.
        limit: u64,
    },
    /// The system said no.
    #[error("the shadow workspace can't be {what}: {error}")]
    System {
        /// `prepared` or `read back`.
        what: &'static str,
        /// What it said.
        error: io::Error,
    },
}

/// Bounds on what becomes hunks, where what is beyond stays in the upper layer and is reported; and on that layer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Changed files of one command.
    pub files: usize,
    /// Their bytes together.
    pub bytes: u64,
    /// Bytes of the disk that all which stays in the shadow takes; with more no further command runs in it.
    pub total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 2_000,
            bytes: 64 << 20,
            total: 20 << 30,
        }
    }
}

/// A shadow of one workspace, in a folder of ours that is kept between sessions. One command at a time.
#[derive(Clone, Debug)]
pub struct Shadow {
    folder: PathBuf,
    form: Form,
    limits: Limits,
    state: Arc<Mutex<State>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Layers,
    Copy,
}

impl Form {
    /// The folder of what stays.
    fn keeps(self) -> &'static str {
        match self {
            Self::Layers => "upper",
            Self::Copy => "copy",
        }
    }
}

/// What is known from command to command; without it nothing but build outputs stays in the upper layer.
#[derive(Debug, Default)]
struct State {
    /// When the last command had ended.
    last: Option<Time>,
    /// Entries of the upper layer that are no hunks and stay: what they are, and what they lie on.
    kept: HashMap<PathBuf, Kept>,
    /// Ignored files that a copy has nonetheless, as they were on disk when they were copied.
    beside: HashMap<PathBuf, Facts>,
    /// What it took of the disk when that was last looked at.
    size: Option<Size>,
}

/// An entry that stays in the upper layer until it, or what is beneath it, is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    upper: Facts,
    lower: Option<Facts>,
}

/// Where a command finds the shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the workspace's own path, once they are mounted there.
    Layers(Layers),
    /// In a folder of ours, which stands for the workspace.
    Copy(Copied),
}

/// A copy of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The folder.
    pub at: PathBuf,
    /// To be locked for as long as anything of a command lives: reading back waits for it.
    pub held: PathBuf,
    /// Folders of the workspace that are not copied but led to, to read only: installed packages, git's history.
    pub reads: Vec<PathBuf>,
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
    place: Place,
    root: PathBuf,
    folder: PathBuf,
    limits: Limits,
    since: Time,
    state: OwnedMutexGuard<State>,
}

impl Shadow {
    /// The shadow in `folder`, which is made where it isn't there: layers, to be mounted.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::of(folder, Form::Layers)
    }

    /// The shadow as a copy in `folder`, for where nothing can be mounted.
    #[must_use]
    pub fn copied(folder: &Path) -> Self {
        Self::of(folder, Form::Copy)
    }

    fn of(folder: &Path, form: Form) -> Self {
        Self {
            folder: folder.to_owned(),
            form,
            limits: Limits::default(),
            state: Arc::default(),
        }
    }

    /// Is it a copy?
    #[must_use]
    pub fn is_copied(&self) -> bool {
        self.form == Form::Copy
    }

    /// With other bounds on what a command's changes may be.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Brings it up to date with what the session sees now. Reads and writes disk.
    ///
    /// # Errors
    /// Where a command is in it, the system says no, or a copy would be too large.
    pub fn enter(&self, workspace: &Workspace, session: SessionId) -> Result<Entered, ShadowError> {
        let Ok(mut state) = self.state.clone().try_lock_owned() else {
            return Err(ShadowError::Busy);
        };
        let root = workspace.root();
        let folder = self.folders(root)?;
        self.has_room(&folder, &mut state)?;
        let mut prepare = || -> io::Result<_> {
            let seen = view::View::of(workspace, session)?;
            match self.form {
                Form::Layers => {
                    let layers = layers(&folder, root);
                    prepare(&folder, &layers, &mut state, &seen.wanted())?;
                    Ok((Place::Layers(layers), now(&folder)?))
                }
                Form::Copy => {
                    // What the user changes from here on the command may not see.
                    wait_for(&folder.join("held"))?;
                    let since = now(&folder)?;
                    let copied = copy(&folder, root, &mut state, &seen.wanted())?;
                    Ok((Place::Copy(copied), since))
                }
            }
        };
        let (place, since) = prepare().map_err(|error| ShadowError::System {
            what: "prepared",
            error,
        })?;
        Ok(Entered {
            place,
            root: root.to_owned(),
            folder,
            limits: self.limits,
            since,
            state,
        })
    }

    /// Measured after the last command; anew where that was too much.
    fn has_room(&self, folder: &Path, state: &mut State) -> Result<(), ShadowError> {
        let limit = self.limits.total;
        if state.size.as_ref().is_none_or(|size| size.bytes() <= limit) {
            return Ok(());
        }
        let kept = folder.join(self.form.keeps());
        let size = state.size.insert(Size::of(&kept, None, limit));
        if size.bytes() <= limit {
            return Ok(());
        }
        Err(ShadowError::Full {
            folder: kept,
            limit,
        })
    }

    /// Makes the folders; returns the one of all, as it is really called.
    fn folders(&self, root: &Path) -> Result<PathBuf, ShadowError> {
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
        let work = (self.form == Form::Layers).then_some("work");
        for name in ["seed", "trash", "blobs", self.form.keeps()]
            .into_iter()
            .chain(work)
        {
            private.create(folder.join(name)).map_err(prepare)?;
        }
        Ok(folder)
    }
}

fn layers(folder: &Path, root: &Path) -> Layers {
    Layers {
        lower: vec![folder.join("seed"), root.to_owned()],
        upper: folder.join("upper"),
        work: folder.join("work"),
        at: root.to_owned(),
    }
}

fn prepare(
    folder: &Path,
    layers: &Layers,
    state: &mut State,
    wanted: &BTreeMap<PathBuf, Wanted<'_>>,
) -> io::Result<()> {
    let root = &layers.at;
    let (upper, below) = (Folder::open(&layers.upper)?, below(folder, root)?);
    let trash = Trash::new(Folder::open(&folder.join("trash"))?);
    let left = sweep::sweep((&upper, &below), root, state, wanted, &trash)?;
    let seeding = Seeding {
        seed: &folder.join("seed"),
        root,
        last: state.last,
        left: &left,
    };
    seeding.run(wanted)?;
    forget_blobs(folder)?;
    upper.resemble(&Folder::open(root)?.own_facts()?)?;
    trash.empty()
}

fn copy(
    folder: &Path,
    root: &Path,
    state: &mut State,
    wanted: &BTreeMap<PathBuf, Wanted<'_>>,
) -> io::Result<Copied> {
    let (at, held) = (folder.join("copy"), folder.join("held"));
    let trash = Trash::new(Folder::open(&folder.join("trash"))?);
    let seeding = Seeding {
        seed: &folder.join("seed"),
        root,
        last: state.last,
        // A file of the copy with the same bytes is not written again, so its time stays.
        left: &BTreeMap::new(),
    };
    seeding.run(wanted)?;
    forget_blobs(folder)?;
    let reads = copied::sync((&at, root), &below(folder, root)?, state, &trash)?;
    trash.empty()?;
    Ok(Copied { at, held, reads })
}

/// Waits until nothing of a command lives that this was locked for.
fn wait_for(held: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.create(true).append(true).mode(0o600).open(held)?;
    file.lock()
}

/// What became hunks is kept elsewhere.
fn forget_blobs(folder: &Path) -> io::Result<()> {
    let blobs = Folder::open(&folder.join("blobs"))?;
    for name in blobs.names()? {
        blobs.unlink(&name)?;
    }
    Ok(())
}

impl Entered {
    /// Where the command finds it.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What the command changed, once all of its processes have ended. The workspace is as it was.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn changes(&mut self) -> Result<Changes, ShadowError> {
        self.read_back().map_err(|error| ShadowError::System {
            what: "read back",
            error,
        })
    }

    /// The texts that a command sees, for as long as this is entered.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen::new(self.folder.join("seed"), self.root.clone(), self.since)
    }

    fn read_back(&mut self) -> io::Result<Changes> {
        let (upper, is_all) = match &self.place {
            Place::Layers(layers) => (&layers.upper, false),
            Place::Copy(copied) => {
                wait_for(&copied.held)?;
                (&copied.at, true)
            }
        };
        let blobs = self.folder.join("blobs");
        let scan = Scan::new(self.limits, self.since, &blobs, &self.state.kept, is_all);
        let below = below(&self.folder, &self.root)?;
        let (changes, kept) = scan.run(&Folder::open(upper)?, &below, &self.root)?;
        self.state.kept = kept;
        let last = self.state.size.take();
        self.state.size = Some(Size::of(upper, last, self.limits.total));
        Ok(changes)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // Read back or not: what was built, was built before this.
        self.state.last = now(&self.folder).ok();
    }
}

fn below(folder: &Path, root: &Path) -> io::Result<Below> {
    let seed = Folder::open(&folder.join("seed"))?;
    Ok(Below::new(seed, Folder::open(root)?))
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
