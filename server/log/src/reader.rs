//! Reads a session's segments, checks the chain, and finds what a crash left at the end.
//!
//! Must not write: what to do about a torn end is the store's.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::LogError;
use crate::line::{self, Envelope, Fault, Head};
use crate::writer::Tail;
use crate::{Event, EventData, SessionId, blob, codec};

pub(crate) fn segment_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("events-{segment:05}.jsonl"))
}

/// What stands in a log.
pub(crate) struct Contents {
    pub(crate) events: Vec<Event>,
    pub(crate) head: Head,
    /// The end of the last good line.
    pub(crate) tail: Tail,
    /// What stands behind it: a line that was cut, or the NULs of a file that grew but was not written.
    pub(crate) torn: Vec<u8>,
}

/// Reads and checks everything.
pub(crate) fn read(folder: &Path, session: SessionId) -> Result<Contents, LogError> {
    let mut contents = Contents {
        events: Vec::new(),
        head: Head::new(session),
        tail: Tail {
            segment: 0,
            length: 0,
        },
        torn: Vec::new(),
    };
    let last = last_segment(folder, session)?;
    for segment in 0..=last {
        contents.tail = Tail { segment, length: 0 };
        read_segment(folder, segment, segment == last, &mut contents)?;
    }
    Ok(contents)
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

fn read_segment(
    folder: &Path,
    segment: u32,
    is_last: bool,
    contents: &mut Contents,
) -> Result<(), LogError> {
    let file = segment_path(folder, segment);
    let seq = contents.head.seq;
    let damaged = |line, seq, what: String| LogError::Damaged {
        file: file.clone(),
        line,
        seq,
        what,
    };
    let bytes = match std::fs::read(&file) {
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
        let event = line
            .ok_or(Fault::Torn)
            .and_then(|line| read_line(folder, line, &mut contents.head));
        match (event, line) {
            (Ok(event), Some(line)) => {
                contents.events.push(event);
                let length = line.len() + 1;
                contents.tail.length += length as u64;
                rest = rest.get(length..).unwrap_or_default();
            }
            (Err(Fault::Torn), _) if is_last && ends_with(rest, line) => {
                contents.torn = rest.to_vec();
                return Ok(());
            }
            (Err(Fault::Altered(what)), _) => return Err(damaged(number, contents.head.seq, what)),
            _ => {
                return Err(damaged(
                    number,
                    contents.head.seq,
                    "it is no whole line".to_owned(),
                ));
            }
        }
    }
    Ok(())
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

fn read_line(folder: &Path, line: &[u8], head: &mut Head) -> Result<Event, Fault> {
    let text = str::from_utf8(line).map_err(|_| Fault::Torn)?;
    let (envelope, hash) = line::check(text, head)?;
    let data = read_data(folder, text, &envelope).map_err(Fault::Altered)?;
    head.advance(hash);
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

fn read_data(folder: &Path, line: &str, envelope: &Envelope<'_>) -> Result<EventData, String> {
    let data = match envelope.blob {
        None => codec::decode(envelope.v, envelope.r#type, line),
        Some(digest) => {
            let bytes = blob::read(folder, digest)?;
            serde_json::from_slice(&bytes)
                .and_then(|data| codec::decode_blob(envelope.v, envelope.r#type, data))
        }
    };
    data.map_err(|error| format!("its payload is none of type {} ({error})", envelope.r#type))
}
