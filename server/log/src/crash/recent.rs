//! The heads of the last events of this process, of all sessions: what happened, never what was said.
//!
//! A ring of fixed size that is written and read without a lock or an allocation: a handler of a fatal signal may
//! read it, whatever the rest of the process is doing.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

use crate::{EventHead, SessionId};

const SLOTS: u64 = 32;
/// Bytes of a type's name, by eights; longer names are cut.
const WORDS: usize = 4;

static RING: [Slot; SLOTS as usize] = [const { Slot::new() }; SLOTS as usize];
/// Events so far.
static COUNT: AtomicU64 = AtomicU64::new(0);

/// One event. `stamp` is its number from 1, or 0 while it is being written.
struct Slot {
    stamp: AtomicU64,
    session: [AtomicU64; 2],
    seq: AtomicU64,
    ts: AtomicU64,
    kind: [AtomicU64; WORDS],
}

/// The head of an event.
#[derive(Clone, Copy, Debug)]
pub struct Recent {
    /// The session that it is of.
    pub session: SessionId,
    /// Its position there.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub ts: u64,
    kind: [u8; WORDS * 8],
}

impl Recent {
    /// The type of the event.
    #[must_use]
    pub fn kind(&self) -> &str {
        let end = self.kind.iter().position(|byte| *byte == 0);
        let name = self.kind.get(..end.unwrap_or(self.kind.len()));
        str::from_utf8(name.unwrap_or_default()).unwrap_or_default()
    }
}

impl From<Recent> for EventHead {
    fn from(recent: Recent) -> Self {
        Self {
            session: recent.session,
            seq: recent.seq,
            ts: recent.ts,
            r#type: recent.kind().to_owned(),
        }
    }
}

impl Slot {
    const fn new() -> Self {
        Self {
            stamp: AtomicU64::new(0),
            session: [const { AtomicU64::new(0) }; 2],
            seq: AtomicU64::new(0),
            ts: AtomicU64::new(0),
            kind: [const { AtomicU64::new(0) }; WORDS],
        }
    }

    fn read(&self, stamp: u64) -> Option<Recent> {
        if self.stamp.load(Acquire) != stamp {
            return None;
        }
        let [high, low] = &self.session;
        let bits = u128::from(high.load(Relaxed)) << 64 | u128::from(low.load(Relaxed));
        let mut kind = [0; WORDS * 8];
        for (bytes, word) in kind.chunks_exact_mut(8).zip(&self.kind) {
            bytes.copy_from_slice(&word.load(Relaxed).to_le_bytes());
        }
        let recent = Recent {
            session: SessionId::from_bits(bits),
            seq: self.seq.load(Relaxed),
            ts: self.ts.load(Relaxed),
            kind,
        };
        fence(Acquire);
        (self.stamp.load(Relaxed) == stamp).then_some(recent)
    }
}

/// Takes note of an event. `kind` is the name of its type.
pub(crate) fn note(session: SessionId, seq: u64, ts: u64, kind: &str) {
    let count = COUNT.fetch_add(1, Relaxed);
    let Some(slot) = RING.get((count % SLOTS) as usize) else {
        return;
    };
    slot.stamp.store(0, Relaxed);
    fence(Release);
    let bits = session.bits();
    let [high, low] = &slot.session;
    high.store((bits >> 64) as u64, Relaxed);
    low.store(bits as u64, Relaxed);
    slot.seq.store(seq, Relaxed);
    slot.ts.store(ts, Relaxed);
    let mut name = [0; WORDS * 8];
    for (to, from) in name.iter_mut().zip(kind.bytes()) {
        *to = from;
    }
    for (word, bytes) in slot.kind.iter().zip(name.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        word.store(u64::from_le_bytes(eight), Relaxed);
    }
    slot.stamp.store(count + 1, Release);
}

/// The last events, oldest first. Those that are being written right now are left out. Takes no lock and no memory.
pub fn recent() -> impl Iterator<Item = Recent> {
    let count = COUNT.load(Acquire);
    (count.saturating_sub(SLOTS)..count).filter_map(|number| {
        let slot = RING.get((number % SLOTS) as usize)?;
        slot.read(number + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_there_whole_while_others_write() {
        let session = SessionId::new();
        let long = "a.type.with.a.name.of.more.than.32.bytes";
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                scope.spawn(move || {
                    for seq in 0..2_000 {
                        note(session, seq, seq + thread, "tool.outcome");
                    }
                });
            }
            for _ in 0..200 {
                for event in recent().filter(|event| event.session == session) {
                    assert_eq!(event.kind(), "tool.outcome");
                    assert!(event.ts - event.seq < 4, "{event:?}");
                }
            }
        });
        note(session, 7, 8, long);
        let last = recent().filter(|event| event.session == session).last();
        assert_eq!(last.unwrap().kind(), &long[..32]);
        assert!(recent().count() <= SLOTS as usize);
    }
}
