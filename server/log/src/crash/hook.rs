//! The panic hook: each panic leaves a crash file, and whoever survives it learns which.
//!
//! Runs in the thread that panics, before anything is unwound. Must not panic, and waits for no lock of ours.

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Crash, Crashes, recent};
use crate::{CrashId, Store};

/// Files of one process: something that panics again and again must not fill the disk.
const MOST_FILES: u32 = 16;
/// Bytes of a message; more is a dump of something.
const MOST_MESSAGE: usize = 2_000;
/// Bytes of a backtrace.
const MOST_BACKTRACE: usize = 64 << 10;

static FILES: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static LAST: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panicked {
    /// Its file; `None`: there is none.
    pub report: Option<CrashId>,
    /// What it said and where, without secrets.
    pub message: String,
}

/// From here on each panic of this process leaves a crash file. What it says is cleaned as `store` cleans what goes
/// into its logs.
pub fn watch_panics(version: &str, crashes: Crashes, store: &Store) {
    let (version, store) = (version.to_owned(), store.clone());
    std::panic::set_hook(Box::new(move |info| {
        let message = cut(store.redacted(&said(info)), MOST_MESSAGE);
        let report = (FILES.fetch_add(1, Ordering::Relaxed) < MOST_FILES)
            .then(|| write(&version, &crashes, &message))
            .flatten();
        let place = report.map(|id| format!(" (see {})", crashes.path(id).display()));
        // Not through `tracing`: the panic may have come out of it.
        let _ = writeln!(
            std::io::stderr(),
            "interline: internal error: {message}{}",
            place.unwrap_or_default()
        );
        LAST.with(|last| {
            if let Ok(mut last) = last.try_borrow_mut() {
                *last = Some(Panicked { report, message });
            }
        });
    }));
}

/// The panic that was just caught, by whoever caught it in the same thread: `payload` is what `catch_unwind` gave.
#[must_use]
pub fn take_panic(payload: &(dyn Any + Send)) -> Panicked {
    let last = LAST.with(|last| last.try_borrow_mut().ok()?.take());
    last.unwrap_or_else(|| Panicked {
        report: None,
        message: words(payload).to_owned(),
    })
}

fn write(version: &str, crashes: &Crashes, message: &str) -> Option<CrashId> {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or_default();
    let crash = Crash {
        version: version.to_owned(),
        process: std::process::id(),
        ts: crate::write::now(),
        cause: "panic".to_owned(),
        // The server's main thread has nobody who would catch it; everything else runs in tasks.
        fatal: thread == "main",
        message: message.to_owned(),
        thread: thread.to_owned(),
        backtrace: cut(Backtrace::force_capture().to_string(), MOST_BACKTRACE),
        events: recent().map(Into::into).collect(),
    };
    let id = CrashId::new();
    crashes.write(id, &crash).ok().map(|()| id)
}

fn said(info: &PanicHookInfo<'_>) -> String {
    let words = words(info.payload());
    match info.location() {
        Some(place) => format!("{words} at {}:{}", place.file(), place.line()),
        None => words.to_owned(),
    }
}

fn words(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
}

fn cut(mut text: String, most: usize) -> String {
    text.truncate(text.floor_char_boundary(most));
    text
}
