//! Replay: what is on record is lived through again, offline, and compared with itself.
//!
//! [`replay`] folds the log: the conversation gives each request's bytes again, whose hash is on record; hunks go from
//! their proposal to their end. [`rerun`] runs the turn loop itself again. Must not reach out: no file, no model, no clock. Comparing stops at the first
//! difference, since all that follows rests on it.

mod proposals;
mod rerun;

use std::collections::BTreeSet;
use std::fmt;

use interline_log::{Conversation, Event, EventData, Lineage, SessionId, ToolDefinition};
use interline_model::{ModelSpec, Request};
use sha2::{Digest as _, Sha256};

use crate::compact;
use proposals::Proposals;
pub(crate) use rerun::{Ended, Recording, Told};
pub use rerun::{Rerun, Script, rerun};

/// What replaying a session has given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events up to the end, or to the difference.
    pub events: u64,
    /// Requests whose bytes are those of then.
    pub requests: u64,
    /// Requests on record without what their bytes depend on: an earlier version made them.
    pub not_comparable: u64,
    /// The types that this build doesn't know.
    pub unknown: BTreeSet<String>,
    /// Hunks that were proposed.
    pub hunks: usize,
    /// Those of them that wait for the user at the end.
    pub pending: usize,
    /// Hash of the transcript, hex.
    pub transcript_sha256: String,
    /// The first difference.
    pub difference: Option<Difference>,
}

/// Where a log is not what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The event.
    pub seq: u64,
    /// Its type.
    pub event: String,
    /// What was compared.
    pub what: String,
    /// As it is on record.
    pub expected: String,
    /// As replaying gives it.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seq,
            event,
            what,
            expected,
            got,
        } = self;
        write!(
            f,
            "event {seq} ({event}), {what}: on record is {expected}, replayed {got}"
        )
    }
}

/// What was compared, what is on record, and what came of replaying.
type Unequal = (String, String, String);

/// Rebuilds a session from its events alone and compares it with what they say.
#[must_use]
pub fn replay(events: &[Event]) -> Replayed {
    let mut replayed = Replayed::default();
    let mut fold = Fold::default();
    for event in events {
        if let EventData::Unknown { r#type, .. } = &event.data {
            replayed.unknown.insert(r#type.clone());
        }
        match fold.apply(event) {
            Ok(Compared::Equal) => replayed.requests += 1,
            Ok(Compared::NotComparable) => replayed.not_comparable += 1,
            Ok(Compared::Nothing) => {}
            Err((what, expected, got)) => {
                replayed.difference = Some(Difference {
                    seq: event.seq,
                    event: type_of(&event.data),
                    what,
                    expected,
                    got,
                });
                break;
            }
        }
        replayed.events += 1;
    }
    (replayed.hunks, replayed.pending) = fold.proposals.count();
    replayed.transcript_sha256 = sha256(crate::transcript(events).as_bytes());
    replayed
}

/// The type's name, as it stands in the log.
fn type_of(data: &EventData) -> String {
    let value = serde_json::to_value(data).unwrap_or_default();
    let name = value.get("type").and_then(serde_json::Value::as_str);
    name.unwrap_or("unknown").to_owned()
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

enum Compared {
    /// The event is no request.
    Nothing,
    Equal,
    NotComparable,
}

#[derive(Default)]
struct Fold {
    conversation: Conversation,
    proposals: Proposals,
    config: Option<Config>,
    /// The request for a summary that is about to go out.
    summary: Option<Request>,
    lineage: Lineage,
}

/// What stands before the conversation in each request.
struct Config {
    /// `None`: an earlier version did not record what the bytes depend on.
    model: Option<ModelSpec>,
    system: String,
    tools: std::sync::Arc<[ToolDefinition]>,
}

impl Fold {
    fn apply(&mut self, event: &Event) -> Result<Compared, Unequal> {
        self.lineage.apply(event.seq, &event.data);
        let compared = match &event.data {
            EventData::SessionConfig {
                model_id,
                wire,
                system,
                tools,
                encoding,
                ..
            } => {
                let model = encoding.as_ref();
                self.config = Some(Config {
                    model: model.map(|encoding| ModelSpec::recorded(*wire, model_id, encoding)),
                    system: system.clone(),
                    tools: tools.clone().into(),
                });
                Compared::Nothing
            }
            EventData::RequestSent {
                body_sha256,
                body_bytes,
                max_output,
                ..
            } => {
                let request = |config: &Config| Request {
                    tools: config.tools.clone(),
                    system: config.system.clone(),
                    messages: self.conversation.messages().to_vec(),
                    max_output: *max_output,
                    session: self.made_in(event),
                };
                self.compare(request, body_sha256, *body_bytes)?
            }
            EventData::CompactAsked {
                system,
                text,
                max_output,
            } => {
                let asked = compact::request(system, text, *max_output, self.made_in(event));
                self.summary = Some(asked);
                Compared::Nothing
            }
            EventData::CompactSent {
                body_sha256,
                body_bytes,
            } => {
                let asked = self.summary.take().ok_or_else(|| {
                    let got = "none was asked for".to_owned();
                    (
                        "the request for a summary".to_owned(),
                        "one".to_owned(),
                        got,
                    )
                })?;
                self.compare(|_| asked, body_sha256, *body_bytes)?
            }
            _ => Compared::Nothing,
        };
        self.proposals.apply(&event.data)?;
        self.conversation.apply(event);
        Ok(compared)
    }

    /// A request names the session that it was made in.
    fn made_in(&self, event: &Event) -> SessionId {
        self.lineage.made_in(event.seq).unwrap_or(event.session)
    }

    /// Makes the request again.
    fn compare(
        &self,
        request: impl FnOnce(&Config) -> Request,
        body_sha256: &str,
        body_bytes: u64,
    ) -> Result<Compared, Unequal> {
        let unequal =
            |expected: &str, got: String| Err(("the request".to_owned(), expected.to_owned(), got));
        if let [first, ..] = self.conversation.orphans() {
            let got = format!("that call `{first}` has none");
            return unequal("a request, so that each call has its result", got);
        }
        let Some(config) = &self.config else {
            return unequal("a request", "no configuration before it".to_owned());
        };
        let Some(model) = &config.model else {
            return Ok(Compared::NotComparable);
        };
        let request = request(config);
        let describe = |sha256: &str, bytes| format!("{bytes} bytes with sha256 {sha256}");
        let body = match interline_model::encode(model, &request) {
            Ok(body) => body,
            Err(error) => return unequal(&describe(body_sha256, body_bytes), error.to_string()),
        };
        let got = describe(&sha256(&body), body.len() as u64);
        let expected = describe(body_sha256, body_bytes);
        if got == expected {
            Ok(Compared::Equal)
        } else {
            unequal(&expected, got)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// The events of a golden log.
    pub(super) fn golden(name: &str) -> Vec<Event> {
        let logs = [
            env!("CARGO_MANIFEST_DIR"),
            "../../tests/fixtures/logs",
            name,
        ];
        let folder: PathBuf = logs.iter().collect();
        let mut sessions = std::fs::read_dir(&folder).unwrap().flatten();
        let id = sessions.next().unwrap().file_name();
        let store = interline_log::Store::new(folder);
        store.read(id.to_str().unwrap().parse().unwrap()).unwrap()
    }

    #[test]
    fn golden_logs_give_themselves_again() {
        let replayed = replay(&golden("0.1.0"));
        assert_eq!(replayed.difference, None);
        assert_eq!((replayed.requests, replayed.not_comparable), (10, 0));
        assert_eq!((replayed.hunks, replayed.pending), (4, 0));
        // What the bytes depend on was not on record then.
        let early = replay(&golden("0.1.0-early"));
        assert_eq!(early.difference, None);
        assert_eq!((early.requests, early.not_comparable), (0, 10));
    }
}
