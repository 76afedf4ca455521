//! Reads the files that are to be indexed, and says which are not.

use std::fs::File as Disk;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::watch::{File, Stamp};

/// Larger files are always searched: there are few, and each is read whole to be indexed.
const MAX_BYTES: u64 = 16 << 20;

pub(super) struct Reader {
    root: PathBuf,
    bytes: Vec<u8>,
}

pub(super) enum Read<'a> {
    /// What can match.
    Text(&'a [u8]),
    /// Not to be indexed as it is.
    Unfit,
    /// It is changing.
    Later,
}

impl Reader {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            bytes: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, path: &str, file: &File) -> Read<'_> {
        // Written by another name, it would change unseen.
        if file.stamp.shared || file.stamp.size > MAX_BYTES {
            return Read::Unfit;
        }
        self.bytes.clear();
        // Neither a link nor a pipe that took its place.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let opened = Disk::options()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(self.root.join(path));
        let Ok(disk) = opened else {
            return Read::Unfit;
        };
        let is_same = || {
            disk.metadata()
                .is_ok_and(|facts| Stamp::from(&facts) == file.stamp)
        };
        if !is_same() {
            return Read::Later;
        }
        let read = (&disk).take(MAX_BYTES).read_to_end(&mut self.bytes);
        if read.is_err() {
            return Read::Unfit;
        }
        if !is_same() {
            return Read::Later;
        }
        // Such files are decoded before they are searched.
        if self.bytes.starts_with(b"\xFF\xFE") || self.bytes.starts_with(b"\xFE\xFF") {
            return Read::Unfit;
        }
        // What stands after a zero byte is never a match.
        let end = self.bytes.iter().position(|byte| *byte == 0);
        Read::Text(
            self.bytes
                .get(..end.unwrap_or(self.bytes.len()))
                .unwrap_or_default(),
        )
    }
}
