//! What the command sees of the file system: a new root in memory with the mounts of the spec on it.
//!
//! Every source is opened as a detached mount first, while the host's tree is still there; then they are attached to
//! the new root, which becomes the root, and the old one is let go. Targets are resolved within the new root, so a
//! symbolic link in a workspace can't lead a mount elsewhere.

use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags as Attributes, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags,
};

use super::{Failure, at, system};
use crate::sandbox::{Mount, Spec};

/// Set-uid programs and devices of the host have no power inside.
const PLAIN: Attributes = Attributes::MOUNT_ATTR_NOSUID.union(Attributes::MOUNT_ATTR_NODEV);
const READ_ONLY: Attributes = PLAIN.union(Attributes::MOUNT_ATTR_RDONLY);

const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];
const DEVICE_LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// What is shown of the host's `/proc` where the kernel allows no own one.
const PROC_FILES: &[&str] = &[
    "cpuinfo",
    "meminfo",
    "stat",
    "version",
    "loadavg",
    "uptime",
    "filesystems",
];
/// Bytes for `/dev/shm`.
const SHARED_MEMORY: u64 = 1 << 30;

/// The view, entered.
pub(super) struct View {
    pub(super) own_proc: bool,
    /// Held as long as init lives: another command on the same upper layer waits.
    _locks: Vec<OwnedFd>,
}

/// A mount that is not attached yet.
enum Source {
    Tree {
        tree: OwnedFd,
        folder: bool,
        at: PathBuf,
    },
    Link {
        to: PathBuf,
        at: PathBuf,
    },
    Cover(PathBuf),
}

impl View {
    pub(super) fn enter(spec: &Spec) -> Result<Self, Failure> {
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", private).map_err(at("a mount namespace of its own"))?;
        let mut locks = Vec::new();
        let mut sources = Vec::new();
        for mount in &spec.mounts {
            sources.push(open(mount, &mut locks)?);
        }
        let devices = devices()?;
        let processes = processes();
        // The first 300 numbers are given once only.
        bound(spec.limits.processes.saturating_mul(2).saturating_add(512));
        let root = Root::new()?;
        root.make_devices(devices)?;
        for source in sources {
            root.attach_source(source)?;
        }
        let own_proc = root.make_proc(processes)?;
        root.enter()?;
        rustix::process::chdir(&spec.folder)
            .map_err(at(format!("the working folder {}", spec.folder.display())))?;
        Ok(Self {
            own_proc,
            _locks: locks,
        })
    }
}

fn open(mount: &Mount, locks: &mut Vec<OwnedFd>) -> Result<Source, Failure> {
    match mount {
        Mount::ReadOnly(path) => {
            if let Ok(to) = path.read_link() {
                return Ok(Source::Link {
                    to,
                    at: path.clone(),
                });
            }
            let tree = tree(path, READ_ONLY).map_err(at(path.display()))?;
            let folder = path.is_dir();
            Ok(Source::Tree {
                tree,
                folder,
                at: path.clone(),
            })
        }
        Mount::Writable { from, at: target } => {
            let tree = tree(from, PLAIN).map_err(at(from.display()))?;
            Ok(Source::Tree {
                tree,
                folder: true,
                at: target.clone(),
            })
        }
        Mount::Private { at: target, size } => {
            let tree = memory(*size, PLAIN).map_err(at("a folder in memory"))?;
            Ok(Source::Tree {
                tree,
                folder: true,
                at: target.clone(),
            })
        }
        Mount::Overlay {
            lower,
            upper,
            work,
            at: target,
        } => {
            let tree = overlay(lower, upper, work, locks)?;
            Ok(Source::Tree {
                tree,
                folder: true,
                at: target.clone(),
            })
        }
        Mount::Hidden(path) => Ok(Source::Cover(path.clone())),
    }
}

/// A copy of a part of the host's tree, with all mounts below.
fn tree(path: &Path, attributes: Attributes) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, path, flags)?;
    system::restrict_mount(tree.as_fd(), attributes.bits().into(), true)?;
    Ok(tree)
}

/// A new file system of this kind with these options.
fn filesystem(
    kind: &str,
    options: &[(&str, &str)],
    attributes: Attributes,
) -> Result<OwnedFd, Errno> {
    let context = rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in options {
        if value.is_empty() {
            rustix::mount::fsconfig_set_flag(context.as_fd(), *name)?;
        } else {
            rustix::mount::fsconfig_set_string(context.as_fd(), *name, *value)?;
        }
    }
    rustix::mount::fsconfig_create(context.as_fd())?;
    rustix::mount::fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

fn memory(size: u64, attributes: Attributes) -> Result<OwnedFd, Errno> {
    let size = size.to_string();
    filesystem("tmpfs", &[("mode", "0755"), ("size", &size)], attributes)
}

/// The folders go in by descriptors: no path can be too long or have a character in it that means something.
fn overlay(
    lower: &[PathBuf],
    upper: &Path,
    work: &Path,
    locks: &mut Vec<OwnedFd>,
) -> Result<OwnedFd, Failure> {
    let open = |path: &Path, flags: OFlags| {
        let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        opened.map_err(at(path.display()))
    };
    let lock = open(work, OFlags::RDONLY)?;
    rustix::fs::flock(&lock, FlockOperation::LockExclusive)
        .map_err(at("the lock of the upper layer"))?;
    locks.push(lock);
    let lower = lower.iter().map(|path| open(path, OFlags::PATH));
    let lower = lower.collect::<Result<Vec<_>, _>>()?;
    let (upper, work_folder) = (open(upper, OFlags::PATH)?, open(work, OFlags::PATH)?);
    let names: Vec<_> = lower.iter().map(name).collect();
    let options = [
        ("lowerdir", names.join(":")),
        ("upperdir", name(&upper)),
        ("workdir", name(&work_folder)),
        ("userxattr", String::new()),
        // Or each end of a command would flush all of the host's file system to the disk.
        ("volatile", String::new()),
    ];
    let options = options
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    forget_volatile(&work_folder);
    let view = filesystem("overlay", &options, PLAIN);
    forget_volatile(&work_folder);
    view.map_err(at("a copy-on-write view (overlayfs)"))
}

/// Takes the mark away that keeps a `volatile` view from being mounted again: it warns of a crash of the machine, after
/// which the upper layer may be incomplete, like any other build output. It also could not be deleted by its owner.
fn forget_volatile(work: &OwnedFd) {
    // Mostly it is not there; where it stays, mounting says so.
    let _ = rustix::fs::unlinkat(
        work,
        "work/incompat/volatile/dirty",
        rustix::fs::AtFlags::empty(),
    );
    for mark in ["work/incompat/volatile", "work/incompat"] {
        let _ = rustix::fs::unlinkat(work, mark, rustix::fs::AtFlags::REMOVEDIR);
    }
}

fn name(folder: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", folder.as_raw_fd())
}

fn devices() -> Result<Vec<(&'static str, OwnedFd)>, Failure> {
    let device = |name: &&'static str| {
        let path = Path::new("/dev").join(name);
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let tree = rustix::mount::open_tree(CWD, &path, flags);
        Ok((*name, tree.map_err(at(path.display()))?))
    };
    DEVICES.iter().map(device).collect()
}

/// An own `/proc`, or the files of the host's that may be seen: where a part of the host's is covered (in most
/// containers), the kernel allows no new one.
fn processes() -> Result<OwnedFd, Vec<(&'static str, OwnedFd)>> {
    let attributes = READ_ONLY | Attributes::MOUNT_ATTR_NOEXEC;
    filesystem("proc", &[], attributes).map_err(|_| {
        let file = |name: &&'static str| {
            Some((*name, tree(&Path::new("/proc").join(name), READ_ONLY).ok()?))
        };
        PROC_FILES.iter().filter_map(file).collect()
    })
}

/// Lets the namespace have no more numbers for processes than this, where the kernel (6.14 or newer) counts them by
/// namespace: root's processes are bound by nothing else until the watch has looked.
fn bound(most: u64) {
    let Ok(own) = filesystem("proc", &[], Attributes::MOUNT_ATTR_NOEXEC) else {
        return;
    };
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::openat(&own, "sys/kernel/pid_max", flags, Mode::empty()) {
        let _ = rustix::io::write(&file, most.to_string().as_bytes());
    }
}

/// The new root while it is being built.
struct Root {
    root: OwnedFd,
    /// What covers a hidden folder and a hidden file: nothing, and not to be opened.
    nothing: OwnedFd,
    no_file: OwnedFd,
}

impl Root {
    fn new() -> Result<Self, Failure> {
        // Any folder of the host will do: what it hides is opened already.
        let place = ["/tmp", "/usr"]
            .into_iter()
            .find(|place| Path::new(place).is_dir());
        let place = place.ok_or("there is neither /tmp nor /usr")?;
        let step = || at("the new root");
        let base = memory(1 << 20, PLAIN).map_err(step())?;
        attach(
            &base,
            &rustix::fs::open(place, OFlags::PATH, Mode::empty()).map_err(step())?,
        )
        .map_err(step())?;
        let none = Mode::empty();
        rustix::fs::mkdirat(&base, "nothing", none).map_err(step())?;
        rustix::fs::mkdirat(&base, "root", Mode::RWXU).map_err(step())?;
        let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        rustix::fs::openat(&base, "none", create, none).map_err(step())?;
        let covers = |name: &str| {
            let path = Path::new(place).join(name);
            tree(&path, READ_ONLY).map_err(step())
        };
        let (nothing, no_file) = (covers("nothing")?, covers("none")?);
        let root = memory(16 << 20, PLAIN).map_err(step())?;
        let target = rustix::fs::openat(&base, "root", OFlags::PATH | OFlags::CLOEXEC, none);
        attach(&root, &target.map_err(step())?).map_err(step())?;
        Ok(Self {
            root,
            nothing,
            no_file,
        })
    }

    fn attach_source(&self, source: Source) -> Result<(), Failure> {
        match source {
            Source::Tree {
                tree,
                folder,
                at: path,
            } => self.place(&tree, &path, folder),
            Source::Link { to, at: path } => self.link(&to, &path),
            Source::Cover(path) => self.cover(&path),
        }
    }

    fn place(&self, tree: &OwnedFd, path: &Path, folder: bool) -> Result<(), Failure> {
        let step = || at(format!("showing {}", path.display()));
        let target = if folder {
            self.folder(path)
        } else {
            self.file(path)
        };
        attach(tree, &target.map_err(step())?).map_err(step())
    }

    fn link(&self, to: &Path, path: &Path) -> Result<(), Failure> {
        let step = || at(format!("the link {}", path.display()));
        let (parent, name) = self.parent(path).map_err(step())?;
        match rustix::fs::symlinkat(to, &parent, name) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(error) => Err(step()(error)),
        }
    }

    fn cover(&self, path: &Path) -> Result<(), Failure> {
        let step = || at(format!("hiding {}", path.display()));
        let target = match self.find(path) {
            Ok(target) => target,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => return Ok(()),
            Err(error) => return Err(step()(error)),
        };
        let kind = rustix::fs::fstat(&target).map_err(step())?.st_mode;
        let is_folder = rustix::fs::FileType::from_raw_mode(kind).is_dir();
        let cover = if is_folder {
            &self.nothing
        } else {
            &self.no_file
        };
        let flags = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        let again = rustix::mount::open_tree(cover, "", flags).map_err(step())?;
        attach(&again, &target).map_err(step())
    }

    fn make_devices(&self, devices: Vec<(&str, OwnedFd)>) -> Result<(), Failure> {
        let step = || at("/dev");
        let folder = Path::new("/dev");
        let own = memory(1 << 20, PLAIN).map_err(step())?;
        self.place(&own, folder, true)?;
        for (name, device) in devices {
            self.place(&device, &folder.join(name), false)?;
        }
        for (name, to) in DEVICE_LINKS {
            self.link(Path::new(to), &folder.join(name))?;
        }
        let safe = Attributes::MOUNT_ATTR_NOSUID | Attributes::MOUNT_ATTR_NOEXEC;
        let options = [("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620")];
        let terminals = filesystem("devpts", &options, safe).map_err(at("/dev/pts"))?;
        self.place(&terminals, &folder.join("pts"), true)?;
        let shared = memory(SHARED_MEMORY, PLAIN).map_err(at("/dev/shm"))?;
        self.place(&shared, &folder.join("shm"), true)?;
        system::restrict_mount(own.as_fd(), READ_ONLY.bits().into(), false).map_err(step())
    }

    /// Whether it is an own one.
    fn make_proc(&self, processes: Result<OwnedFd, Vec<(&str, OwnedFd)>>) -> Result<bool, Failure> {
        let folder = Path::new("/proc");
        match processes {
            Ok(own) => self.place(&own, folder, true).map(|()| true),
            Err(files) => {
                for (name, file) in files {
                    self.place(&file, &folder.join(name), false)?;
                }
                Ok(false)
            }
        }
    }

    /// Makes it the root; nothing of the old one stays.
    fn enter(self) -> Result<(), Failure> {
        let step = || at("changing the root");
        rustix::process::fchdir(&self.root).map_err(step())?;
        rustix::process::pivot_root(".", ".").map_err(step())?;
        rustix::mount::unmount(".", UnmountFlags::DETACH).map_err(step())?;
        rustix::process::chdir("/").map_err(step())?;
        system::restrict_mount(self.root.as_fd(), READ_ONLY.bits().into(), false).map_err(step())
    }

    fn find(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let path = path.strip_prefix("/").map_err(|_| Errno::INVAL)?;
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.root, path, flags, Mode::empty(), within)
    }

    /// Finds the folder or makes it, with those above.
    fn folder(&self, path: &Path) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        let (parent, name) = self.parent(path)?;
        rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
        self.find(path)
    }

    /// Finds the file or makes an empty one to be covered.
    fn file(&self, path: &Path) -> Result<OwnedFd, Errno> {
        match self.find(path) {
            Err(Errno::NOENT) => {}
            found => return found,
        }
        let (parent, name) = self.parent(path)?;
        let create = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        rustix::fs::openat(&parent, name, create, Mode::from_raw_mode(0o644))?;
        self.find(path)
    }

    fn parent<'path>(&self, path: &'path Path) -> Result<(OwnedFd, &'path std::ffi::OsStr), Errno> {
        let (parent, name) = path.parent().zip(path.file_name()).ok_or(Errno::INVAL)?;
        Ok((self.folder(parent)?, name))
    }
}

fn attach(tree: &OwnedFd, target: &OwnedFd) -> Result<(), Errno> {
    let by_descriptor =
        MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(tree, "", target, "", by_descriptor)
}
