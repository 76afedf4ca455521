//! Reads a session's segments, checks the chain, and finds what a crash left at the end.
//!
//! Must not write: what to do about a torn end is the store's.

use std::borrow::Cow;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::error::LogError;
use crate::line::{self, Envelope, Fault, Head};
use crate::writer::Tail;
use crate::{Event, EventData, SessionId, blob, codec, disk};

/// A segment that a writer rotates at 16 MiB; the line that goes over it may be long by itself.
const LONGEST: u64 = 64 << 20;

pub(crate) fn segment_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("events-{segment:05}.jsonl"))
}

/// What stands in a log.
pub(crate) struct Contents {
    pub(crate) events: Vec<Event>,
    pub(crate) end: End,
}

/// Reads and checks everything. `take` sees each line as well.
pub(crate) fn read(
    folder: &Path,
    session: SessionId,
    mut take: impl FnMut(&[u8]) -> Result<(), LogError>,
) -> Result<Contents, LogError> {
    let mut events = Vec::new();
    let end = walk(folder, session, &mut |line| {
        take(line.text.as_bytes()).map_err(Fault::Known)?;
        events.push(event(folder, line)?);
        Ok(())
    })?;
    Ok(Contents { events, end })
}

/// Reads up to the first damage, and what that is.
pub(crate) fn read_good(
    folder: &Path,
    session: SessionId,
) -> Result<(Vec<Event>, Option<LogError>), LogError> {
    let mut events = Vec::new();
    let walked = walk(folder, session, &mut |line| {
        events.push(event(folder, line)?);
        Ok(())
    });
    match walked {
        Ok(_) => Ok((events, None)),
        Err(error @ LogError::Damaged { .. }) => Ok((events, Some(error))),
        Err(error) => Err(error),
    }
}

/// A line at its place in the chain.
pub(crate) struct Line<'a> {
    /// Without LF.
    pub(crate) text: &'a str,
    pub(crate) envelope: Envelope<'a>,
}

/// Where a log ends.
pub(crate) struct End {
    pub(crate) head: Head,
    /// The end of the last good line.
    pub(crate) tail: Tail,
    /// What stands behind it: a line that was cut, or the NULs of a file that grew but was not written.
    pub(crate) torn: Vec<u8>,
}

type Visit<'v> = &'v mut dyn FnMut(Line<'_>) -> Result<(), Fault>;

/// Checks the chain and shows each line; payloads are for `visit` to look at.
pub(crate) fn walk(folder: &Path, session: SessionId, visit: Visit<'_>) -> Result<End, LogError> {
    let mut end = End {
        head: Head::new(session),
        tail: Tail {
            segment: 0,
            length: 0,
        },
        torn: Vec::new(),
    };
    let last = last_segment(folder, session)?;
    for segment in 0..=last {
        end.tail = Tail { segment, length: 0 };
        walk_segment(folder, segment, segment == last, &mut end, visit)?;
    }
    Ok(end)
}

/// The highest number among the segments; 0 if there are none yet.
fn last_segment(folder: &Path, session: SessionId) -> Result<u32, LogError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LogError::NotFound(session));
        }
        entries => entries.map_err(LogError::io("read", folder))?,
    };
    let mut last = 0;
    for entry in entries {
        let name = entry.map_err(LogError::io("read", folder))?.file_name();
        let number = name.to_str().and_then(|name| {
            name.strip_prefix("events-")?
                .strip_suffix(".jsonl")?
                .parse()
                .ok()
        });
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

fn walk_segment(
    folder: &Path,
    segment: u32,
    is_last: bool,
    end: &mut End,
    visit: Visit<'_>,
) -> Result<(), LogError> {
    let file = segment_path(folder, segment);
    let seq = end.head.seq;
    let damaged = |line, seq, what: String| LogError::Damaged {
        file: file.clone(),
        line,
        seq,
        what,
    };
    let bytes = match read_file(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A crash before the first line, if nothing else is there.
            return if segment == 0 && is_last {
                Ok(())
            } else {
                Err(damaged(0, seq, "it is missing".to_owned()))
            };
        }
        bytes => bytes.map_err(LogError::io("read", &file))?,
    };
    let mut rest = bytes.as_slice();
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let line = next_line(rest);
        let seen = line
            .ok_or(Fault::Torn)
            .and_then(|line| walk_line(line, &mut end.head, visit));
        match (seen, line) {
            (Ok(()), Some(line)) => {
                let length = line.len() + 1;
                end.tail.length += length as u64;
                rest = rest.get(length..).unwrap_or_default();
            }
            (Err(Fault::Torn), _) if is_last && ends_with(rest, line) => {
                end.torn = rest.to_vec();
                return Ok(());
            }
            (Err(Fault::Known(error)), _) => return Err(error),
            (Err(Fault::Altered(what)), _) => return Err(damaged(number, end.head.seq, what)),
            _ => {
                return Err(damaged(
                    number,
                    end.head.seq,
                    "it is no whole line".to_owned(),
                ));
            }
        }
    }
    Ok(())
}

/// A segment, which somebody else may have put there.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = disk::open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than any segment"));
    }
    Ok(bytes)
}

/// The bytes up to the next LF, which there must be.
fn next_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr(b'\n', bytes)?;
    bytes.get(..end)
}

/// True if no other whole line follows `line` in `rest`.
fn ends_with(rest: &[u8], line: Option<&[u8]>) -> bool {
    let after = line
        .and_then(|line| rest.get(line.len() + 1..))
        .unwrap_or_default();
    next_line(after).is_none()
}

fn walk_line(line: &[u8], head: &mut Head, visit: Visit<'_>) -> Result<(), Fault> {
    let text = str::from_utf8(line).map_err(|_| Fault::Torn)?;
    let (envelope, hash) = line::check(text, head)?;
    visit(Line { text, envelope })?;
    head.advance(hash);
    Ok(())
}

fn event(folder: &Path, line: Line<'_>) -> Result<Event, Fault> {
    let data = data(folder, &line).map_err(Fault::Altered)?;
    let envelope = line.envelope;
    Ok(Event {
        version: envelope.v,
        seq: envelope.seq,
        id: envelope.id,
        ts: envelope.ts,
        session: envelope.session,
        turn: envelope.turn,
        call: envelope.call,
        causes: Cow::into_owned(envelope.causes),
        actor: envelope.actor,
        data,
    })
}

/// A line's payload; the error says what is wrong with it.
pub(crate) fn data(folder: &Path, line: &Line<'_>) -> Result<EventData, String> {
    let Line { text, envelope } = line;
    let data = match envelope.blob {
        None => codec::decode(envelope.v, envelope.r#type, text),
        Some(digest) => {
            let bytes = blob::read(folder, digest)?;
            serde_json::from_slice(&bytes)
                .and_then(|data| codec::decode_blob(envelope.v, envelope.r#type, data))
        }
    };
    data.map_err(|error| format!("its payload is none of type {} ({error})", envelope.r#type))
}
