//! How much of a session's last request stands at the beginning of the next one (I9): measured for each request, and
//! why it is less where it is less.
//!
//! Kept of a request are the hashes of its chunks, never its bytes: a session may have sent megabytes.

use std::hash::{DefaultHasher, Hasher as _};

use interline_log::{EventData, Prefix};

/// Bytes that are hashed as one.
const CHUNK: usize = 4096;

/// What is known of the last request of a session.
#[derive(Default)]
pub(crate) struct Fingerprint {
    /// Of the chunks that are full.
    chunks: Vec<u64>,
    /// Of what is left after them.
    rest: u64,
    bytes: u64,
}

impl Fingerprint {
    /// Takes the next request's parts in and compares them with the last one's. Says no reason.
    pub(crate) fn measure<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>) -> Prefix {
        let before = std::mem::take(self);
        let rest_at = before.chunks.len();
        let rest_len = usize::try_from(before.bytes % CHUNK as u64).unwrap_or_default();
        let mut rest = hash(&[]);
        self.chunks.reserve(rest_at + 1);
        let mut take = |chunk: &[u8]| {
            if self.chunks.len() == rest_at {
                rest = hash(chunk.get(..rest_len).unwrap_or(chunk));
            }
            self.bytes += chunk.len() as u64;
            if chunk.len() == CHUNK {
                self.chunks.push(hash(chunk));
            } else {
                self.rest = hash(chunk);
            }
        };
        // Parts and chunks end at different places.
        let mut chunk = Vec::with_capacity(CHUNK);
        for mut part in parts {
            while let Some((head, tail)) = part.split_at_checked(CHUNK - chunk.len()) {
                chunk.extend_from_slice(head);
                take(&chunk);
                chunk.clear();
                part = tail;
            }
            chunk.extend_from_slice(part);
        }
        take(&chunk);
        let both = before.chunks.iter().zip(&self.chunks);
        let same = both.take_while(|(one, other)| one == other).count();
        let whole = same == rest_at && rest == before.rest;
        Prefix {
            bytes: self.bytes,
            before: before.bytes,
            kept: if whole {
                before.bytes
            } else {
                (same * CHUNK) as u64
            },
            reason: String::new(),
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// What has happened since the last request that explains another prefix: a fold of the log.
#[derive(Default)]
pub(crate) struct Changes {
    /// Model, tools and system prompt of the latest configuration.
    config: Option<[u64; 3]>,
    reason: Option<&'static str>,
}

impl Changes {
    pub(crate) fn apply(&mut self, data: &EventData) {
        match data {
            EventData::SessionConfig {
                model_id,
                wire,
                system,
                tools,
                ..
            } => {
                let config = [
                    hash(format!("{wire:?} {model_id}").as_bytes()),
                    hash(&serde_json::to_vec(tools).unwrap_or_default()),
                    hash(system.as_bytes()),
                ];
                if let Some(before) = self.config.replace(config) {
                    let parts = before.iter().zip(&config).zip(["model", "tools", "mode"]);
                    let mut changed = parts.filter(|((one, other), _)| one != other);
                    self.reason = changed.next().map(|(_, reason)| reason).or(self.reason);
                }
            }
            EventData::ThinkingStripped { .. } => self.reason = Some("thinking_stripped"),
            EventData::CompactCommitted { .. } => self.reason = Some("compaction"),
            EventData::RequestSent { .. } => self.reason = None,
            _ => {}
        }
    }

    /// Why the next request does not begin with the last one.
    pub(crate) fn reason(&self) -> &'static str {
        self.reason.unwrap_or("unexplained")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(requests: &[&[u8]]) -> Prefix {
        let mut fingerprint = Fingerprint::default();
        let mut last = Prefix::default();
        for request in requests {
            last = fingerprint.measure(std::iter::once(*request));
        }
        last
    }

    #[test]
    fn the_first_request_has_nothing_before_it() {
        let first = measured(&[b"abc"]);
        assert_eq!((first.bytes, first.before, first.kept), (3, 0, 0));
        assert_eq!(first.stability(), None);
    }

    #[test]
    fn one_changed_byte_is_seen_wherever_it_is() {
        let before = vec![b'x'; 3 * CHUNK + 5];
        for at in [
            0,
            CHUNK - 1,
            CHUNK,
            3 * CHUNK - 1,
            3 * CHUNK,
            before.len() - 1,
        ] {
            let mut after = before.clone();
            after[at] = b'y';
            after.extend_from_slice(b"more");
            let prefix = measured(&[&before, &after]);
            assert_eq!(prefix.kept, (at / CHUNK * CHUNK) as u64, "{at}");
            assert!(prefix.stability().unwrap() < 1.0);
        }
        let shorter = measured(&[&before, &before[..CHUNK]]);
        assert_eq!(shorter.kept, CHUNK as u64);
    }

    proptest! {
        #[test]
        fn what_was_kept_is_exact_where_it_is_all_and_never_too_much(
            before in prop::collection::vec(0..2_u8, 0..3 * CHUNK),
            more in prop::collection::vec(any::<u8>(), 0..CHUNK),
            changed in prop::option::of(any::<prop::sample::Index>()),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut after = [before.as_slice(), &more].concat();
            if let Some(changed) = changed && !after.is_empty() {
                let at = changed.index(after.len());
                after[at] ^= 1;
            }
            let common = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
            let mut fingerprint = Fingerprint::default();
            fingerprint.measure(std::iter::once(before.as_slice()));
            let (head, tail) = after.split_at(cut.index(after.len() + 1));
            let prefix = fingerprint.measure([head, tail].into_iter());
            prop_assert_eq!(prefix.bytes, after.len() as u64);
            prop_assert_eq!(prefix.before, before.len() as u64);
            prop_assert_eq!(prefix.kept == prefix.before, common == before.len());
            prop_assert!(prefix.kept <= common as u64);
            prop_assert!(common as u64 - prefix.kept < CHUNK as u64);
        }
    }

    #[test]
    fn the_reason_is_what_happened_since_the_last_request() {
        let config = |model: &str, system: &str| EventData::SessionConfig {
            model: model.to_owned(),
            model_id: model.to_owned(),
            wire: interline_log::Wire::Anthropic,
            mode: interline_log::Mode::Default,
            system: system.to_owned(),
            tools: Vec::new(),
            encoding: None,
        };
        let sent = EventData::RequestSent {
            body_sha256: String::new(),
            body_bytes: 0,
            max_output: None,
            prefix: None,
        };
        let mut changes = Changes::default();
        let mut after = |events: &[EventData]| {
            events.iter().for_each(|event| changes.apply(event));
            changes.reason()
        };
        assert_eq!(after(&[config("a", "s"), sent.clone()]), "unexplained");
        assert_eq!(after(&[config("a", "plan")]), "mode");
        assert_eq!(after(&[config("b", "plan")]), "model");
        assert_eq!(after(std::slice::from_ref(&sent)), "unexplained");
        let stripped = EventData::ThinkingStripped {
            reason: "no".to_owned(),
        };
        assert_eq!(after(&[stripped]), "thinking_stripped");
        assert_eq!(after(&[sent]), "unexplained");
    }
}
