//! A session's summary, kept beside its log, so that a list of sessions does not read every log whole.
//!
//! Nothing but a cache. It counts only while the log's files are exactly as they were when it was made; whatever is in
//! doubt reads the log. That a log is whole is never taken from here.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::reader::segment_path;
use crate::{SessionSummary, disk};

const NAME: &str = "summary.json";
/// To be raised with any change of what a summary says of the same events.
const FORMAT: u32 = 2;
/// Shorter logs are read as fast.
const WORTH_IT: u64 = 256 << 10;
/// No summary is longer.
const LONGEST: u64 = 4 << 20;

/// The segments of a log, as the file system tells them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Segment {
    bytes: u64,
    /// Seconds and nanoseconds since the Unix epoch.
    modified: (u64, u32),
}

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    seen: Seen,
    summary: SessionSummary,
}

impl Seen {
    /// How a log's files are now; `None` where that can't be told.
    pub(crate) fn now(folder: &Path) -> Option<Self> {
        let mut segments = Vec::new();
        for number in 0.. {
            let metadata = match std::fs::symlink_metadata(segment_path(folder, number)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                metadata => metadata.ok()?,
            };
            let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            segments.push(Segment {
                bytes: metadata.len(),
                modified: (modified.as_secs(), modified.subsec_nanos()),
            });
        }
        Some(Self(segments))
    }

    fn is_long(&self) -> bool {
        self.0.iter().map(|segment| segment.bytes).sum::<u64>() >= WORTH_IT
    }
}

/// The summary of a log whose files are these.
pub(crate) fn load(folder: &Path, seen: &Seen) -> Option<SessionSummary> {
    if !seen.is_long() {
        return None;
    }
    let file = disk::open_regular(&folder.join(NAME)).ok()?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    let kept: Kept = serde_json::from_slice(&text).ok()?;
    (kept.format == FORMAT && kept.seen == *seen).then_some(kept.summary)
}

/// Keeps a summary for the next list. That it could not be kept costs time, nothing else.
pub(crate) fn keep(folder: &Path, seen: &Seen, summary: &SessionSummary) {
    if !seen.is_long() {
        return;
    }
    let kept = Kept {
        format: FORMAT,
        seen: seen.clone(),
        summary: summary.clone(),
    };
    let text = serde_json::to_vec(&kept).unwrap_or_default();
    let written = disk::replace(&folder.join(NAME), &text);
    if let Err(error) = written {
        tracing::debug!(%error, "a session's summary was not kept");
    }
}
