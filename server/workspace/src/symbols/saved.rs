//! The index as a file between two starts: versioned, with a checksum, read whole.
//!
//! A file that is damaged, of another version or not there is as good as none: the index is built anew.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::SystemTime;

use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};

use super::names::NameId;
use super::record::{Record, read, write};
use super::store::{Stamp, Store};

/// Changes with the format, the tables and the grammars.
const MAGIC: &[u8; 8] = b"ILSYM\0\0\x01";
const CHECKSUM: usize = 32;
/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// Reads what [`save`] wrote; `None`: there is nothing that can be used.
pub(super) fn load(file: &Path) -> Option<Store> {
    if file.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    let store = decode(&fs::read(file).ok()?)?;
    // It is in use: see `indexing::forget_old`.
    let touched = File::options().append(true).open(file);
    let _ = touched.and_then(|file| file.set_modified(SystemTime::now()));
    Some(store)
}

/// Replaces the file whole, or leaves it as it is.
pub(super) fn save(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().ok_or(io::ErrorKind::NotFound)?;
    fs::create_dir_all(folder)?;
    // Another server that saves at this moment has the same to tell.
    let lock = File::create(file.with_extension("lock"))?;
    if lock.try_lock().is_err() {
        return Ok(());
    }
    // What a server that was killed left of it is written over: nothing gathers.
    let new = file.with_extension("new");
    File::create(&new)?.write_all(bytes)?;
    fs::rename(&new, file)
}

/// The files on disk, without names that none of them uses.
pub(super) fn encode(store: &Store) -> Vec<u8> {
    let mut numbers: HashMap<NameId, NameId> = HashMap::new();
    let mut names = Vec::new();
    let mut files = Vec::new();
    for (path, file) in &store.files {
        text(&mut files, path);
        files.extend(file.stamp.modified.to_le_bytes());
        files.extend(file.stamp.bytes.to_le_bytes());
        let record = file.record.renumbered(|id| {
            if let Some(number) = numbers.get(&id) {
                return Some(*number);
            }
            text(&mut names, store.names.get(id)?);
            let number = NameId::try_from(numbers.len()).ok()?;
            numbers.insert(id, number);
            Some(number)
        });
        bytes(&mut files, record.bytes());
    }
    let mut body = Vec::with_capacity(names.len() + files.len() + 16);
    length(&mut body, numbers.len());
    body.append(&mut names);
    length(&mut body, store.files.len());
    body.append(&mut files);
    let mut all = MAGIC.to_vec();
    all.extend(Sha256::digest(&body));
    all.append(&mut body);
    all
}

pub(super) fn decode(all: &[u8]) -> Option<Store> {
    let (sum, mut body) = all.strip_prefix(MAGIC)?.split_at_checked(CHECKSUM)?;
    if Sha256::digest(body).as_slice() != sum {
        return None;
    }
    let rest = &mut body;
    let mut store = Store::default();
    for _ in 0..read(rest)? {
        let name = std::str::from_utf8(slice(rest)?).ok()?;
        store.names.intern(name)?;
    }
    for _ in 0..read(rest)? {
        let path = std::str::from_utf8(slice(rest)?).ok()?;
        let stamp = Stamp {
            modified: number(rest)?,
            bytes: number(rest)?,
        };
        store.insert_record(path, stamp, Record::from_bytes(slice(rest)?));
    }
    rest.is_empty().then_some(store)
}

fn length(to: &mut Vec<u8>, length: usize) {
    write(to, u32::try_from(length).unwrap_or(0));
}

fn bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    length(to, bytes.len());
    to.extend(bytes);
}

fn text(to: &mut Vec<u8>, text: &str) {
    bytes(to, text.as_bytes());
}

fn slice<'b>(from: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = read(from)? as usize;
    let (slice, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(slice)
}

fn number(from: &mut &[u8]) -> Option<u64> {
    let (number, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(u64::from_le_bytes(*number))
}
