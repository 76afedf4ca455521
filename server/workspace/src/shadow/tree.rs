//! Folders walked by handle: no step ever follows a link, waits for a pipe or leaves the folder it began in.
//!
//! What a command left behind is hostile, and may still change while it is looked at. So names are resolved one at a
//! time below an open folder, and a file's facts are those of what was opened, not of what a path named before.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps};

use super::system;

/// Most entries of one folder that are looked at.
const MOST_ENTRIES: usize = 200_000;

/// Marks a folder of an overlay that hides what is beneath it.
const OPAQUE: &str = "user.overlay.opaque";

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    /// A mark that there is nothing: an overlay's, a character device 0/0; or [`system`]'s.
    Whiteout,
    Special,
}

/// Facts of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    pub(super) bytes: u64,
    /// Permission bits.
    pub(super) mode: u32,
    pub(super) modified: Time,
    /// When the entry itself last changed; no program can set it.
    pub(super) changed: Time,
    inode: u64,
}

/// Seconds and nanoseconds since 1970, by the file system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(pub(super) i64, pub(super) i64);

impl Facts {
    fn of(stat: &fs::Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile if system::is_mark(stat) => Kind::Whiteout,
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            FileType::CharacterDevice if stat.st_rdev == 0 => Kind::Whiteout,
            _ => Kind::Special,
        };
        Self {
            kind,
            bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            mode: system::mode(stat),
            modified: system::modified(stat),
            changed: system::changed(stat),
            inode: stat.st_ino,
        }
    }

    pub(super) fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

impl Folder {
    /// A folder of ours, or the workspace's root.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(fs::openat(
            fs::CWD,
            path,
            folder_flags(),
            Mode::empty(),
        )?))
    }

    /// A folder in this one; an error where it is none, a link to one included.
    pub(super) fn folder(&self, name: &OsStr) -> io::Result<Self> {
        match fs::openat(&self.0, name, folder_flags(), Mode::empty()) {
            // A command may have locked it; it is ours.
            Err(rustix::io::Errno::ACCESS) if self.unlock(name) => Ok(Self(fs::openat(
                &self.0,
                name,
                folder_flags(),
                Mode::empty(),
            )?)),
            opened => Ok(Self(opened?)),
        }
    }

    fn unlock(&self, name: &OsStr) -> bool {
        let is_folder = self
            .facts(name)
            .is_ok_and(|facts| facts.is_some_and(|facts| facts.kind == Kind::Folder));
        is_folder && fs::chmodat(&self.0, name, Mode::RWXU, AtFlags::empty()).is_ok()
    }

    /// The folder of that name, made where it isn't there.
    pub(super) fn make(&self, name: &OsStr, mode: u32) -> io::Result<Self> {
        match fs::mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) => {
                let made = self.folder(name)?;
                fs::fchmod(&made.0, system::to_mode(mode | 0o700))?;
                Ok(made)
            }
            Err(rustix::io::Errno::EXIST) => self.folder(name),
            Err(error) => Err(error.into()),
        }
    }

    /// The names in it.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
            if names.len() > MOST_ENTRIES {
                return Err(io::Error::other(format!(
                    "a folder has over {MOST_ENTRIES} entries"
                )));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Facts of an entry; `None` where there is none.
    pub(super) fn facts(&self, name: &OsStr) -> io::Result<Option<Facts>> {
        match fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Facts::of(&stat))),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What an entry is, and the bytes that it takes on the disk. (No fact: it may change by itself when written out.)
    pub(super) fn takes(&self, name: &OsStr) -> io::Result<Option<(Kind, u64)>> {
        match fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let blocks = u64::try_from(stat.st_blocks).unwrap_or_default();
                Ok(Some((Facts::of(&stat).kind, blocks.saturating_mul(512))))
            }
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn own_facts(&self) -> io::Result<Facts> {
        Ok(Facts::of(&fs::fstat(&self.0)?))
    }

    /// The bytes of a regular file, up to `most` and one more, with the facts of what was read.
    pub(super) fn read(&self, name: &OsStr, most: u64) -> io::Result<(Vec<u8>, Facts)> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(&self.0, name, flags, Mode::empty())?;
        let facts = Facts::of(&fs::fstat(&file)?);
        if facts.kind != Kind::File {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut bytes = Vec::new();
        File::from(file).take(most + 1).read_to_end(&mut bytes)?;
        Ok((bytes, facts))
    }

    pub(super) fn read_link(&self, name: &OsStr) -> io::Result<OsString> {
        let target = fs::readlinkat(&self.0, name, Vec::new())?;
        Ok(OsStr::from_bytes(target.as_bytes()).to_owned())
    }

    /// Puts a file in the place of whatever has this name, at once. `modified`: its time; `None`: now.
    pub(super) fn put(
        &self,
        name: &OsStr,
        bytes: &[u8],
        mode: u32,
        modified: Option<Time>,
    ) -> io::Result<()> {
        let draft = OsStr::new(DRAFT);
        self.unlink(draft)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mut file = File::from(fs::openat(&self.0, draft, flags, Mode::RUSR | Mode::WUSR)?);
        io::Write::write_all(&mut file, bytes)?;
        fs::fchmod(&file, permissions(mode))?;
        if let Some(time) = modified {
            fs::futimens(&file, &times(time))?;
        }
        Ok(fs::renameat(&self.0, draft, &self.0, name)?)
    }

    /// Puts a copy of a regular file of another folder in the place of whatever has this name, at once; with its
    /// permissions, and the time of now. They share their blocks where the file system can.
    pub(super) fn put_copy(&self, name: &OsStr, from: &Self) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut source = File::from(fs::openat(&from.0, name, flags, Mode::empty())?);
        let facts = Facts::of(&fs::fstat(&source)?);
        if facts.kind != Kind::File {
            return Err(io::Error::other("it is no regular file"));
        }
        let draft = OsStr::new(DRAFT);
        self.unlink(draft)?;
        let file = system::copy(&mut source, &self.0, draft)?;
        fs::fchmod(&file, permissions(facts.mode))?;
        Ok(fs::renameat(&self.0, draft, &self.0, name)?)
    }

    /// Puts a symbolic link in the place of whatever has this name, at once.
    pub(super) fn put_link(&self, name: &OsStr, to: &OsStr) -> io::Result<()> {
        let draft = OsStr::new(DRAFT);
        self.unlink(draft)?;
        fs::symlinkat(to, &self.0, draft)?;
        Ok(fs::renameat(&self.0, draft, &self.0, name)?)
    }

    /// Gives a regular file these permissions.
    pub(super) fn permit(&self, name: &OsStr, mode: u32) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(&self.0, name, flags, Mode::empty())?;
        Ok(fs::fchmod(&file, permissions(mode))?)
    }

    /// Marks that there is nothing by this name, whatever is in the layers beneath.
    pub(super) fn put_whiteout(&self, name: &OsStr) -> io::Result<()> {
        let draft = OsStr::new(DRAFT);
        self.unlink(draft)?;
        system::mark_nothing(&self.0, draft)?;
        Ok(fs::renameat(&self.0, draft, &self.0, name)?)
    }

    /// Removes what is no folder; that it isn't there is fine.
    pub(super) fn unlink(&self, name: &OsStr) -> io::Result<()> {
        match fs::unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an empty folder; true where it is gone.
    pub(super) fn remove_empty(&self, name: &OsStr) -> bool {
        fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR).is_ok()
    }

    /// Sets the folder's own time.
    pub(super) fn set_modified(&self, time: Time) -> io::Result<()> {
        Ok(fs::futimens(&self.0, &times(time))?)
    }

    /// Takes over the permissions and the time of another one.
    pub(super) fn resemble(&self, other: &Facts) -> io::Result<()> {
        fs::fchmod(&self.0, system::to_mode(other.mode | 0o700))?;
        self.set_modified(other.modified)
    }

    /// Does it hide what is beneath it?
    pub(super) fn is_opaque(&self) -> bool {
        let mut value = [0_u8; 4];
        fs::fgetxattr(&self.0, OPAQUE, &mut value[..])
            .is_ok_and(|length| value.get(..length) == Some(b"y"))
    }

    pub(super) fn hide_beneath(&self) -> io::Result<()> {
        Ok(fs::fsetxattr(
            &self.0,
            OPAQUE,
            b"y",
            fs::XattrFlags::empty(),
        )?)
    }

    pub(super) fn show_beneath(&self) {
        // It may have none.
        let _ = fs::fremovexattr(&self.0, OPAQUE);
    }

    /// Moves an entry, whatever it is, into the trash.
    pub(super) fn discard(&self, name: &OsStr, trash: &Trash) -> io::Result<()> {
        trash.take(self.0.as_fd(), name)
    }
}

const DRAFT: &str = ".interline-draft";

/// Of a file of ours: we must be able to read it, and it has no user's power.
fn permissions(mode: u32) -> Mode {
    system::to_mode(mode & 0o777 | 0o400)
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn times(time: Time) -> Timestamps {
    let time = Timespec {
        tv_sec: time.0,
        tv_nsec: time.1,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

/// A folder for what is to be deleted. Trees of any depth go without recursion: each folder's folders are moved up
/// beside it first.
#[derive(Debug)]
pub(super) struct Trash {
    folder: Folder,
    count: std::cell::Cell<u64>,
}

impl Trash {
    pub(super) fn new(folder: Folder) -> Self {
        Self {
            folder,
            count: std::cell::Cell::new(0),
        }
    }

    fn take(&self, parent: std::os::fd::BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        loop {
            let n = self.count.get();
            self.count.set(n + 1);
            let flags = RenameFlags::NOREPLACE;
            match fs::renameat_with(parent, name, &self.folder.0, n.to_string(), flags) {
                Ok(()) => return Ok(()),
                // Left from another time.
                Err(rustix::io::Errno::EXIST) => {}
                // A folder can only be moved by who may write in it.
                Err(rustix::io::Errno::ACCESS) => {
                    fs::chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
                    self.count.set(n);
                    let _ = self.folder.remove_empty(OsStr::new(&n.to_string()));
                    return Ok(fs::renameat(parent, name, &self.folder.0, n.to_string())?);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Deletes what is in it.
    pub(super) fn empty(&self) -> io::Result<()> {
        loop {
            let names = self.folder.names()?;
            if names.is_empty() {
                return Ok(());
            }
            for name in names {
                if self.folder.unlink(&name).is_ok() {
                    continue;
                }
                let inner = self.folder.folder(&name)?;
                for name in inner.names()? {
                    if inner.unlink(&name).is_err() {
                        self.take(inner.0.as_fd(), &name)?;
                    }
                }
                self.folder.remove_empty(&name);
            }
        }
    }
}
