//! What keeps the state folder from growing for ever: once a day, after a turn has ended, on a thread of its own.
//!
//! Caches and what crashes left go, never a session's record. Nobody waits for it: what a process has no time for the
//! next one does.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::host::Host;
use crate::scratch;

/// A file in the state folder whose time says when everything was looked through last.
const DONE: &str = "pruned";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a transcript that was written for an editor is kept: it is made anew from the log whenever one asks.
const TRANSCRIPTS: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Whether this process has begun.
#[derive(Debug, Default)]
pub(crate) struct Upkeep(AtomicBool);

impl Upkeep {
    /// Starts it, at the first call.
    pub(crate) fn begin(host: &Arc<Host>) {
        if host.upkeep.0.swap(true, Ordering::Relaxed) {
            return;
        }
        let host = host.clone();
        let work = move || {
            // Of this thread alone.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::nice(19);
            prune(&host, SystemTime::now());
        };
        if let Err(error) = thread::Builder::new().name("upkeep".to_owned()).spawn(work) {
            tracing::warn!(%error, "old files are not removed");
        }
    }
}

fn prune(host: &Host, now: SystemTime) {
    let state = &host.settings.state;
    let done = state.join(DONE);
    let last = fs::symlink_metadata(&done).and_then(|facts| facts.modified());
    if last.is_ok_and(|last| now.duration_since(last).is_ok_and(|since| since < DAY)) {
        return;
    }
    host.crashes.prune(&host.store, now);
    host.running.prune(&host.store, now);
    prune_files(&state.join("transcripts"), TRANSCRIPTS, now);
    scratch::prune(state, &scratch::Bounds::default(), now);
    let marked = File::create(&done).and_then(|file| file.set_modified(now));
    if let Err(error) = marked {
        tracing::warn!(%error, file = %done.display(), "when old files were removed is not kept");
    }
}

/// Removes the files of a folder that were not written for so long.
fn prune_files(folder: &Path, longest: Duration, now: SystemTime) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(facts) = entry.metadata() else {
            continue;
        };
        let age = facts
            .modified()
            .ok()
            .and_then(|written| now.duration_since(written).ok());
        if facts.is_file() && age.is_some_and(|age| age > longest) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "fixtures are files")]
mod tests {
    use super::*;

    #[test]
    fn files_go_when_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.md");
        fs::write(&file, "").unwrap();
        prune_files(folder.path(), DAY, SystemTime::now());
        assert!(file.exists());
        prune_files(folder.path(), DAY, SystemTime::now() + 2 * DAY);
        assert!(!file.exists());
    }
}
