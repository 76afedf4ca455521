//! What a crash leaves: told once at the next start, and put on record when the session is opened again.
//!
//! A panic ends the turn that it is in and nothing else. What becomes of a turn that was cut with its process is the
//! session's to decide, by what its log says.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, UNIX_EPOCH};

use futures::FutureExt as _;
use interline_log::{
    Actor, CallStatus, Crash, CrashFile, CrashId, Event, EventData, EventHead, LogError, Panicked,
    SessionId, SessionSummary, TurnId, TurnOutcome, recent, take_panic,
};
use interline_tools::Output;

use crate::host::Host;
use crate::recorder::Recorder;
use crate::session::Session;
use crate::turn::answer_orphans;

/// Of the process's last events so many go on record.
const MOST_HEADS: usize = 16;

/// Crashes of other workspaces, which nobody there was told of, are not looked through for ever.
const MOST_FILES: usize = 4;

/// A session whose process ended unexpectedly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interrupted {
    /// The session, to be resumed.
    pub session: SessionId,
    /// What it is about, as the user said it.
    pub title: String,
    /// When something happened in it last, in milliseconds since the Unix epoch.
    pub ts: u64,
    /// What ended the process, in a few words; `None`: nobody knows, it ended without a word.
    pub cause: Option<String>,
    /// How many more sessions there are of which the same is to be said.
    pub others: usize,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = date(self.ts);
        let cause = self
            .cause
            .as_deref()
            .unwrap_or("without a word: it was killed, or the machine went down");
        let title = interline_policy::visible(&self.title);
        let cause = interline_policy::visible(cause);
        write!(
            f,
            "interline ended unexpectedly on {date} ({cause}); session \"{title}\" can be resumed"
        )?;
        match self.others {
            0 => Ok(()),
            1 => write!(f, ", and one more"),
            others => write!(f, ", and {others} more"),
        }
    }
}

/// A moment in milliseconds since the Unix epoch, for people.
#[must_use]
pub fn date(ts: u64) -> String {
    // A year of four digits is the latest that can be written.
    let ts = Duration::from_millis(ts).min(Duration::from_secs(253_402_300_799));
    httpdate::fmt_http_date(UNIX_EPOCH + ts)
}

/// Runs a turn. Where it panics it ends on record, each call with its result, and the session is as good as before.
pub(crate) async fn surviving(
    session: &Session,
    turn: TurnId,
    work: impl Future<Output = TurnOutcome>,
) -> TurnOutcome {
    // What a panic leaves half done is thrown away with the turn. What outlives it is behind locks, whose holders
    // change it by calls that can't stop half-way.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(payload) => {
            let panicked = take_panic(payload.as_ref());
            drop(payload);
            end_turn(session, turn, panicked).await
        }
    }
}

async fn end_turn(session: &Session, turn: TurnId, panicked: Panicked) -> TurnOutcome {
    let message = format!(
        "an internal error ended this turn: {}. say \"go on\" to try again, and please report it",
        panicked.message
    );
    let outcome = TurnOutcome::Failed { message };
    // One that panics while it ends is on record already.
    let unended = session.turn() == Some(turn);
    if let Some(recorder) = session.opened().filter(|_| unended) {
        let event = EventData::Crash {
            cause: "panic".to_owned(),
            message: panicked.message,
            report: panicked.report,
            last: last(recent().map(Into::into).collect()),
        };
        let mut recorded = Ok(());
        let record = || recorded = record_end(recorder, turn, event, &outcome);
        // A turn that failed takes up nothing more.
        let _ = session.finish(&outcome, record);
        if let Err(error) = recorded.and(recorder.durable().await) {
            tracing::error!(session = %session.id, %error, "a panic is not on record");
        }
    }
    session.host.running.ended(session.id);
    outcome
}

fn record_end(
    recorder: &Recorder,
    turn: TurnId,
    crash: EventData,
    outcome: &TurnOutcome,
) -> Result<(), LogError> {
    recorder.record(turn, Actor::System, crash)?;
    let content = "an internal error ended this: whether it took effect is unknown. look before you run it again";
    let unknown = Output {
        status: CallStatus::Unknown,
        ..Output::failed(content, "internal error")
    };
    answer_orphans(recorder, turn, &unknown)?;
    let outcome = outcome.clone();
    recorder.record(turn, Actor::System, EventData::TurnEnded { outcome })?;
    Ok(())
}

/// A drill, in debug builds alone: `INTERLINE_DRILL` of the environment names what is to go wrong in the middle of a
/// call, and the tool. `panic glob …` panics with these words, `abort glob` and `overflow glob` end the process.
#[cfg(debug_assertions)]
pub(crate) fn drill(env: &[(String, String)], tool: &str) {
    let set = env.iter().find(|(name, _)| name == "INTERLINE_DRILL");
    let mut words = set.map(|(_, text)| text.split(' ')).into_iter().flatten();
    match (words.next(), words.next() == Some(tool)) {
        (Some("panic"), true) => panic!("a drill: {:?}", set.map(|(_, text)| text)),
        (Some("abort"), true) => std::process::abort(),
        (Some("overflow"), true) => drop(overflow([1; 64])),
        _ => {}
    }
}

/// Takes the stack to its end.
#[cfg(debug_assertions)]
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn overflow(page: [u64; 64]) -> u64 {
    overflow(std::hint::black_box(page)) + page.iter().sum::<u64>()
}

/// What to tell about sessions of this workspace that ended with their process, and were not told of: the newest.
/// Each is given once. Reads the disk.
pub(crate) fn take_interrupted(host: &Host, root: &std::path::Path) -> Option<Interrupted> {
    let left = host.running.left(&host.store, root);
    let crashes = host.crashes.list().unwrap_or_default();
    let untold = || {
        let fatal = |file: &&CrashFile| !file.told && is_fatal(file);
        crashes.iter().rev().filter(fatal).take(MOST_FILES)
    };
    if left.is_empty() && untold().next().is_none() {
        return None;
    }
    let mut found = Vec::new();
    for session in left {
        let _ = host.running.ended(session);
        let summary = summary(host, session);
        if summary.open_turn.is_some() {
            let cause = cause(&crashes, &summary);
            found.push((summary, cause));
        }
    }
    for file in untold() {
        let Ok(crash) = &file.crash else { continue };
        let named = crash.events.iter().rev();
        let here = named
            .map(|event| summary(host, event.session))
            .find(|summary| is_in(summary, root));
        if let Some(summary) = here
            && host.crashes.told(file.id)
            && !found.iter().any(|(known, _)| known.id == summary.id)
        {
            found.push((summary, Some(crash.cause())));
        }
    }
    let others = found.len().checked_sub(1)?;
    let (newest, cause) = found
        .into_iter()
        .max_by_key(|(summary, _)| summary.last_event)?;
    Some(Interrupted {
        session: newest.id,
        title: newest.title,
        ts: newest.last_event,
        cause,
        others,
    })
}

/// What goes on record when a session is opened again: the crashes that it was in and that its log does not know,
/// else, where its turn has no end, that there was one.
pub(crate) fn on_record(
    host: &Host,
    events: &[Event],
    session: SessionId,
    cut: bool,
) -> Vec<EventData> {
    let crashes = host.crashes.list().unwrap_or_default();
    let known = |id: CrashId| {
        events.iter().any(
            |event| matches!(event.data, EventData::Crash { report, .. } if report == Some(id)),
        )
    };
    let of_session = crashes
        .into_iter()
        .filter(|file| is_fatal(file) && !known(file.id));
    let mut found: Vec<_> = of_session
        .filter_map(|file| {
            let crash = file.crash.ok().filter(|crash| crash.names(session))?;
            Some(EventData::Crash {
                cause: crash.cause,
                message: crash.message,
                report: Some(file.id),
                last: last(crash.events),
            })
        })
        .collect();
    if found.is_empty() && cut {
        found.push(EventData::Crash {
            cause: "unknown".to_owned(),
            message: String::new(),
            report: None,
            last: Vec::new(),
        });
    }
    found
}

/// What this session ended by: the crash that it was in, after its last event.
fn cause(crashes: &[CrashFile], session: &SessionSummary) -> Option<String> {
    let fatal = crashes.iter().rev().filter(|file| is_fatal(file));
    let mut all = fatal.filter_map(|file| file.crash.as_ref().ok());
    let crash = all.find(|crash| crash.names(session.id) && crash.ts >= session.last_event);
    crash.map(Crash::cause)
}

fn last(mut events: Vec<EventHead>) -> Vec<EventHead> {
    let first = events.len().saturating_sub(MOST_HEADS);
    events.split_off(first)
}

fn is_fatal(file: &CrashFile) -> bool {
    file.crash.as_ref().is_ok_and(|crash| crash.fatal)
}

fn summary(host: &Host, session: SessionId) -> SessionSummary {
    let mut summary = SessionSummary::new(session);
    for event in host.store.read(session).unwrap_or_default() {
        summary.apply(&event);
    }
    summary
}

fn is_in(summary: &SessionSummary, root: &std::path::Path) -> bool {
    let root = root.display().to_string();
    summary.roots.contains(&root)
}
