//! One event as one line: the envelope and the hash chain.
//!
//! How to check a log without us
//! - A session's folder holds segments `events-00000.jsonl`, `events-00001.jsonl`, …, to be read one after the other.
//!   Each line is one JSON object and ends with LF.
//! - The members come in this order, those with `?` only where they have a value:
//!   `v` (version), `seq` (0, 1, 2, … over all segments), `id`, `ts` (milliseconds since the Unix epoch), `session`,
//!   `turn`?, `call`?, `causes`?, `actor`, `type`, `prev`, `hash`, and at the end `data` or `blob`.
//! - `prev` is the `hash` of the line before; 64 zeros in the first line.
//! - `hash` = SHA-256(the 32 bytes of `prev` ‖ the line's bytes without LF and without `,"hash":"<64 hex digits>"`).
//!   The first `,"hash":"` of a line is always the member: no quote stands bare in a JSON string. Nothing is
//!   serialised again, so the bytes on disk are the bytes that count.
//! - `blob` names the file `blobs/<blob>` in the same folder, whose SHA-256 is its name and whose content is what
//!   `data` would have been.
//!
//! The chain shows any change before its last line. It can't show that whole lines were taken off its end.

use std::borrow::Cow;
use std::cmp::Ordering;

use memchr::memmem;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::digest::Digest;
use crate::error::LogError;
use crate::{Actor, CallId, EventId, SessionId, TurnId};

const HASH_KEY: &[u8] = b",\"hash\":\"";
/// `,"hash":"`, 64 digits and a quote.
const HASH_MEMBER: usize = HASH_KEY.len() + 64 + 1;

/// A line without its payload. `hash` and `blob` are written by [`encode`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Envelope<'a> {
    pub(crate) v: u32,
    pub(crate) seq: u64,
    pub(crate) id: EventId,
    pub(crate) ts: u64,
    pub(crate) session: SessionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<TurnId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) call: Option<CallId>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) causes: Cow<'a, [EventId]>,
    pub(crate) actor: Actor,
    #[serde(borrow)]
    pub(crate) r#type: &'a RawValue,
    pub(crate) prev: Digest,
    #[serde(default, skip_serializing)]
    pub(crate) hash: Option<Digest>,
    #[serde(default, skip_serializing)]
    pub(crate) blob: Option<Digest>,
}

/// What ends a line.
pub(crate) enum Payload<'a> {
    Inline(&'a str),
    Blob(Digest),
}

/// The line, LF included, and its hash.
pub(crate) fn encode(
    envelope: &Envelope<'_>,
    payload: &Payload<'_>,
) -> Result<(Vec<u8>, Digest), serde_json::Error> {
    let mut line = Vec::with_capacity(512);
    serde_json::to_writer(&mut line, envelope)?;
    line.pop();
    let rest = match payload {
        Payload::Inline(data) => format!(",\"data\":{data}}}"),
        Payload::Blob(blob) => format!(",\"blob\":\"{blob}\"}}"),
    };
    let hash = Digest::of(&[envelope.prev.as_bytes(), &line, rest.as_bytes()]);
    line.reserve_exact(HASH_MEMBER + rest.len() + 1);
    line.extend_from_slice(HASH_KEY);
    line.extend_from_slice(hash.to_string().as_bytes());
    line.push(b'"');
    line.extend_from_slice(rest.as_bytes());
    line.push(b'\n');
    Ok((line, hash))
}

/// The end of the chain so far: what the next line has to follow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) session: SessionId,
    pub(crate) seq: u64,
    pub(crate) prev: Digest,
}

impl Head {
    pub(crate) fn new(session: SessionId) -> Self {
        Self {
            session,
            seq: 0,
            prev: Digest::GENESIS,
        }
    }

    pub(crate) fn advance(&mut self, hash: Digest) {
        self.seq += 1;
        self.prev = hash;
    }
}

/// Why a line is not the next of its chain.
pub(crate) enum Fault {
    /// No JSON: what a crash leaves at the end of a file.
    Torn,
    /// JSON, but not what was written.
    Altered(String),
    /// What the reader's owner found.
    Known(LogError),
}

/// Reads the line (without LF) that has to follow `head` and checks its hash.
pub(crate) fn check<'a>(text: &'a str, head: &Head) -> Result<(Envelope<'a>, Digest), Fault> {
    let envelope: Envelope<'a> = serde_json::from_str(text).map_err(|error| {
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Fault::Torn;
        }
        Fault::Altered(format!("no event of ours ({error})"))
    })?;
    let altered = |what: &str| Err(Fault::Altered(what.to_owned()));
    let Some(hash) = envelope.hash else {
        return altered("its hash is missing");
    };
    if chain_hash(text.as_bytes(), envelope.prev) != Some(hash) {
        return altered("its bytes don't match its hash");
    }
    if envelope.session != head.session {
        return altered("it belongs to another session");
    }
    if let Some(what) = misplaced(&envelope, head) {
        return Err(Fault::Altered(what));
    }
    Ok((envelope, hash))
}

/// Why a line that is whole by itself is not the next one.
fn misplaced(envelope: &Envelope<'_>, head: &Head) -> Option<String> {
    let (seq, expected) = (envelope.seq, head.seq);
    match seq.cmp(&expected) {
        Ordering::Greater if seq - expected == 1 => Some(format!(
            "event {seq} stands here: event {expected} was removed or moved"
        )),
        Ordering::Greater => Some(format!(
            "event {seq} stands here: events {expected} to {} were removed or moved",
            seq - 1
        )),
        Ordering::Less => Some(format!(
            "event {seq} stands here again: it was doubled or moved"
        )),
        Ordering::Equal if envelope.prev != head.prev => {
            Some("it was not written after the line before: one of them was replaced".to_owned())
        }
        Ordering::Equal => None,
    }
}

/// The hash that the line ought to have.
fn chain_hash(line: &[u8], prev: Digest) -> Option<Digest> {
    let at = memmem::find(line, HASH_KEY)?;
    let (before, rest) = line.split_at_checked(at)?;
    let (_, after) = rest.split_at_checked(HASH_MEMBER)?;
    Some(Digest::of(&[prev.as_bytes(), before, after]))
}
