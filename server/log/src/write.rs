//! The writing end of a log, owned by exactly one task: the session's actor.
//!
//! Appending serialises, hashes and hands over; it never waits for the disk. Waiting is [`Log::durable`]'s.

use std::borrow::Cow;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::blob::INLINE_LIMIT;
use crate::codec::Encoded;
use crate::crash;
use crate::digest::Digest;
use crate::error::LogError;
use crate::line::{self, Envelope, Head, Payload};
use crate::redact::Redactor;
use crate::writer::{Job, Writer};
use crate::{Actor, CallId, Event, EventData, EventId, SessionId, TurnId};

/// An event to be: what its maker knows of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The turn that it belongs to.
    pub turn: Option<TurnId>,
    /// The tool call that it belongs to.
    pub call: Option<CallId>,
    /// Earlier events that it follows from.
    pub causes: Vec<EventId>,
    /// Who makes it happen.
    pub actor: Actor,
    /// What happens.
    pub data: EventData,
}

/// One session's log, open for writing. Dropping it writes and syncs what is left (and waits for that), and then
/// lets others open it.
#[derive(Debug)]
pub struct Log {
    head: Head,
    redactor: Arc<Redactor>,
    /// `None` only while it is dropped.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    failure: Arc<OnceLock<LogError>>,
}

impl Log {
    /// Starts the writer behind `head`.
    pub(crate) fn start(
        head: Head,
        mut writer: Writer,
        redactor: Arc<Redactor>,
    ) -> Result<Self, LogError> {
        let (jobs, queue) = mpsc::channel();
        let failure = Arc::new(OnceLock::new());
        let told = Arc::clone(&failure);
        let work = move || {
            if let Err(error) = writer.run(&queue) {
                tracing::error!(%error, "the log stopped");
                // Set before `writer` and `queue` go with all who wait, so that
                // whoever finds them gone also finds the reason.
                let _ = told.set(error);
            }
        };
        let thread = thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(work)
            .map_err(|source| LogError::Io {
                doing: "start a writer for",
                path: "the log".into(),
                source: source.into(),
            })?;
        Ok(Self {
            head,
            redactor,
            jobs: Some(jobs),
            thread: Some(thread),
            failure,
        })
    }

    /// The session whose log this is.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.head.session
    }

    /// Puts an event at the end and returns it as it stands there, secrets replaced. Never waits for the disk.
    ///
    /// # Errors
    /// [`LogError::Redaction`] and [`LogError::Encode`] concern this entry alone; any other error is that of an
    /// earlier write, after which the log takes nothing more.
    pub fn append(&mut self, entry: Entry) -> Result<Event, LogError> {
        self.alive()?;
        let (data, encoded) = self.redactor.apply(entry.data)?;
        let event = Event {
            version: encoded.version(),
            seq: self.head.seq,
            id: EventId::new(),
            ts: now(),
            session: self.head.session,
            turn: entry.turn,
            call: entry.call,
            causes: entry.causes,
            actor: entry.actor,
            data,
        };
        let (line, blob, hash) = encode(&event, &encoded, self.head.prev)
            .map_err(|error| LogError::Encode(error.to_string()))?;
        let kind = encoded.kind().to_owned();
        let blob = blob.map(|digest| (digest, encoded.into_data()));
        self.send(Job::Line { line, blob })?;
        self.head.advance(hash);
        crash::note(event.session, event.seq, event.ts, &kind);
        Ok(event)
    }

    /// A future that resolves when all that was appended before this call is on the disk (fdatasync). It borrows
    /// nothing: the log can be appended to while somebody waits.
    ///
    /// # Errors
    /// That of the write or sync that failed, now and ever after.
    pub fn durable(&self) -> impl Future<Output = Result<(), LogError>> + Send + use<> {
        let failure = Arc::clone(&self.failure);
        let (done, wait) = oneshot::channel();
        let sent = self.alive().and_then(|()| self.send(Job::Barrier(done)));
        async move {
            sent?;
            wait.await
                .map_err(|_| failure.get().cloned().unwrap_or(LogError::Stopped))
        }
    }

    /// Makes everything durable and lets others open the log. Dropping does the same, but has nobody to tell.
    ///
    /// # Errors
    /// As [`Log::durable`].
    pub async fn close(self) -> Result<(), LogError> {
        self.durable().await
    }

    fn send(&self, job: Job) -> Result<(), LogError> {
        let jobs = self.jobs.as_ref().ok_or(LogError::Stopped)?;
        jobs.send(job).map_err(|_| self.failure())
    }

    fn alive(&self) -> Result<(), LogError> {
        self.failure
            .get()
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Why the writer is gone.
    fn failure(&self) -> LogError {
        self.failure.get().cloned().unwrap_or(LogError::Stopped)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has nothing left to write.
            let _ = thread.join();
        }
    }
}

/// The line of `event` and its hash, and between them the name of the payload if that is too long for a line.
fn encode(
    event: &Event,
    encoded: &Encoded,
    prev: Digest,
) -> Result<(Vec<u8>, Option<Digest>, Digest), serde_json::Error> {
    let kind = serde_json::from_str(encoded.kind_json())?;
    let data = encoded.data();
    let blob = (data.len() > INLINE_LIMIT).then(|| Digest::of(&[data.as_bytes()]));
    let payload = blob.map_or(Payload::Inline(data), Payload::Blob);
    let (line, hash) = line::encode(&envelope(event, kind, prev), &payload)?;
    Ok((line, blob, hash))
}

fn envelope<'a>(event: &'a Event, kind: &'a RawValue, prev: Digest) -> Envelope<'a> {
    Envelope {
        v: event.version,
        seq: event.seq,
        id: event.id,
        ts: event.ts,
        session: event.session,
        turn: event.turn,
        call: event.call,
        causes: Cow::Borrowed(&event.causes),
        actor: event.actor,
        r#type: kind,
        prev,
        hash: None,
        blob: None,
    }
}

/// Milliseconds since the Unix epoch; 0 on a clock before it.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
