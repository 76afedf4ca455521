//! A session's record as a folder that others can check: the log with its blobs and checkpoints as they lie in the
//! state folder, `key.pub`, and `statement.json`.
//!
//! A folder and no archive: nothing has to be unpacked, so nothing can be unpacked to where it doesn't belong. Names
//! are never taken from its contents but for digests and numbers, and links are not followed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::checkpoint::{self, Signer, stored};
use super::statement::{self, Statement};
use super::verify::{Against, BlobCheck, Verified, expectations};
use super::{Comparison, PublicKey};
use crate::digest::Digest;
use crate::error::LogError;
use crate::line::Fault;
use crate::reader::{self, End, segment_path};
use crate::{SessionId, blob, disk};

const KEYS: &str = "key.pub";
const STATEMENT: &str = "statement.json";
/// What is read of either.
const LONGEST: u64 = 64 << 20;

/// A bundle that is what was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBundle {
    /// The session that it is of.
    pub session: SessionId,
    /// Its log. All of it is signed.
    pub log: Verified,
    /// The keys that it was checked with.
    pub keys: Vec<PublicKey>,
}

/// What reading a log for a bundle gives.
struct Reading {
    verified: Verified,
    end: End,
    blobs: Vec<Digest>,
    statement: String,
    comparison: Comparison,
}

/// Reads and checks a log and makes its statement.
fn read(folder: &Path, session: SessionId, against: &Against) -> Result<Reading, LogError> {
    let mut comparison = Comparison::new(expectations(folder, session, against)?);
    let mut blobs = BlobCheck::new(folder);
    let mut statement = Statement::default();
    let end = reader::walk(folder, session, &mut |line| {
        comparison
            .take(line.text.as_bytes())
            .map_err(Fault::Known)?;
        blobs.check(&line).map_err(Fault::Altered)?;
        if statement::TYPES.contains(&line.envelope.r#type.get()) {
            statement.take(reader::data(folder, &line).map_err(Fault::Altered)?);
        }
        Ok(())
    })?;
    let verified = comparison.verified(&end)?;
    let statement = statement.text(session, verified.events, &comparison.root());
    Ok(Reading {
        verified,
        end,
        blobs: blobs.seen(),
        statement,
        comparison,
    })
}

/// Copies a session's record to `to`, which must not be there, signs what is not signed yet, and checks the copy.
pub(crate) fn export(
    folder: &Path,
    session: SessionId,
    signer: Signer,
    against: Against,
    to: &Path,
) -> Result<Verified, LogError> {
    let reading = read(folder, session, &against)?;
    disk::create_folder(to).map_err(LogError::io("create", to))?;
    let copied = copy(folder, reading, signer, &against.keys, to)
        .and_then(|()| verify_bundle(to, against))
        .map(|bundle| bundle.log);
    if copied.is_err() {
        // It is ours, and of no use.
        let _ = std::fs::remove_dir_all(to);
    }
    copied
}

fn copy(
    folder: &Path,
    reading: Reading,
    signer: Signer,
    keys: &[PublicKey],
    to: &Path,
) -> Result<(), LogError> {
    let tail = &reading.end.tail;
    for segment in 0..=tail.segment {
        let length = if segment == tail.segment {
            tail.length
        } else {
            u64::MAX
        };
        copy_file(
            &segment_path(folder, segment),
            &segment_path(to, segment),
            length,
        )?;
    }
    let blobs = blob::folder_of(to);
    disk::create_folders(&blobs)?;
    for digest in reading.blobs {
        let name = digest.to_string();
        copy_file(
            &blob::folder_of(folder).join(&name),
            &blobs.join(&name),
            u64::MAX,
        )?;
    }
    for (size, _, note) in stored(folder)? {
        if size <= reading.verified.events {
            checkpoint::store(to, size, &note)?;
        }
    }
    let signer = signer.resume(reading.comparison)?;
    checkpoint::store(to, reading.verified.events, &signer.note())?;
    let keys: String = keys.iter().map(|key| format!("{key}\n")).collect();
    disk::write_new(&to.join(KEYS), keys.as_bytes())?;
    disk::write_new(&to.join(STATEMENT), reading.statement.as_bytes())
}

fn copy_file(from: &Path, to: &Path, length: u64) -> Result<(), LogError> {
    let from_file = File::open(from).map_err(LogError::io("read", from))?;
    let mut new = disk::private()
        .write(true)
        .create_new(true)
        .open(to)
        .map_err(LogError::io("create", to))?;
    io::copy(&mut from_file.take(length), &mut new)
        .map(drop)
        .map_err(LogError::io("write", to))
}

/// Checks a bundle with nothing but itself. Without a key in `against` the bundle's own counts: that shows that it is
/// whole, and says nothing of who made it.
///
/// # Errors
/// As [`crate::Store::verify`]; [`LogError::Bundle`] where a part is missing, a part of the log is not signed, or the
/// statement is not that of the log.
pub fn verify_bundle(folder: &Path, mut against: Against) -> Result<VerifiedBundle, LogError> {
    if against.keys.is_empty() {
        let keys = text(folder, KEYS)?;
        against.keys = keys
            .lines()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|what| refused(format!("{KEYS} has no public key: {what}")))?;
    }
    let (_, name, note) = stored(folder)?
        .pop()
        .ok_or_else(|| refused("it has no checkpoint".to_owned()))?;
    let session = checkpoint::Checkpoint::unchecked(&note, &name)?.session;
    let Reading {
        verified,
        statement,
        ..
    } = read(folder, session, &against)?;
    if verified.signed < verified.events || verified.torn_bytes > 0 {
        let Verified { signed, events, .. } = verified;
        return Err(refused(format!(
            "only {signed} of its {events} events are signed, or something stands after them"
        )));
    }
    if text(folder, STATEMENT)? != statement {
        return Err(refused(format!("{STATEMENT} is not what the log says")));
    }
    Ok(VerifiedBundle {
        session,
        log: verified,
        keys: against.keys,
    })
}

/// A part of the bundle, which may be anything.
fn text(folder: &Path, name: &str) -> Result<String, LogError> {
    let read = || {
        let mut text = String::new();
        let file = disk::open_regular(&folder.join(name))?;
        file.take(LONGEST).read_to_string(&mut text)?;
        Ok::<_, io::Error>(text)
    };
    read().map_err(|error| refused(format!("{name} can't be read ({error})")))
}

fn refused(what: String) -> LogError {
    LogError::Bundle(what)
}
