//! What all sessions have spent together: a fold over their logs, kept in a file so that nobody reads them all again.
//!
//! The logs are the authority, the file is a cache: a line for each session, with how far its log was read. What was
//! written since is read at each look, by whatever process; a line that is missing, damaged or in doubt means that
//! the session's log is read from its start. So no process has to tell any other what it spends, and a crash loses nothing.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::error::LogError;
use crate::line::Envelope;
use crate::reader::{self, segment_path};
use crate::{SessionId, Spending, Spent, Store, disk};

/// Who holds the claim for longer is stopped or stuck: then nobody waits for it.
const LONGEST_CLAIM: Duration = Duration::from_secs(2);
/// Lines of sessions that have a newer one; more of them, and the file is written anew.
const STALE_LINES: usize = 1000;

/// The ledger of a state folder. Every method reads the disk: not for a thread that others wait for.
#[derive(Debug)]
pub struct Ledger {
    store: Store,
    file: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    loaded: bool,
    sessions: HashMap<SessionId, Covered>,
    /// Lines in the file.
    lines: usize,
}

/// A session, as far as its log was read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Covered {
    segment: u32,
    /// The end of the last line that was read, in bytes of the segment.
    length: u64,
    spending: Spending,
}

#[derive(Serialize, Deserialize)]
struct Line {
    session: SessionId,
    covered: Covered,
}

/// What other sessions have spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// On the day asked for.
    pub day: Spent,
    /// In the folder asked for, ever.
    pub workspace: Spent,
}

/// While it lives, no other claim is made, by whatever process: between a look and what is reserved after it nothing
/// is reserved by others.
#[derive(Debug)]
#[must_use]
pub struct Claim(#[expect(dead_code, reason = "closing it ends the claim")] Option<File>);

impl Ledger {
    /// The ledger of these sessions, cached in `file`. Touches nothing yet.
    #[must_use]
    pub fn new(store: &Store, file: PathBuf) -> Self {
        Self {
            store: store.clone(),
            file,
            known: Mutex::default(),
        }
    }

    /// Waits until nobody else has the claim, two seconds at most: who is stopped while it has it stops nobody else.
    ///
    /// # Errors
    /// [`LogError::Io`] if the lock beside the cache can't be opened.
    pub fn claim(&self) -> Result<Claim, LogError> {
        let path = self.file.with_extension("lock");
        if let Some(folder) = path.parent() {
            disk::create_folders(folder)?;
        }
        let file = disk::private()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LogError::io("open", &path))?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Claim(Some(file))),
                Err(TryLockError::WouldBlock) if since.elapsed() < LONGEST_CLAIM => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => {
                    tracing::warn!(%error, "budgets are checked without the claim on the ledger");
                    return Ok(Claim(None));
                }
            }
        }
    }

    /// What all sessions but one have spent on a day (see [`Spending::day_of`]), and in a folder.
    ///
    /// # Errors
    /// [`LogError::Io`] if a log can't be read. What stands behind damage in a log doesn't count.
    pub fn others(
        &self,
        besides: Option<SessionId>,
        day: u64,
        root: &str,
    ) -> Result<Others, LogError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.loaded {
            (known.sessions, known.lines) = self.load();
            known.loaded = true;
        }
        let changed = self.look(&mut known.sessions, besides)?;
        self.keep(&mut known, &changed);
        let mut others = Others::default();
        let counted = known
            .sessions
            .iter()
            .filter(|(id, _)| besides != Some(**id));
        for (_, Covered { spending, .. }) in counted {
            others.day.merge(&spending.on(day));
            if spending.is_in(root) {
                others.workspace.merge(&spending.total());
            }
        }
        Ok(others)
    }

    /// Reads what was written since the last look. Returns the sessions in which there was something.
    fn look(
        &self,
        sessions: &mut HashMap<SessionId, Covered>,
        besides: Option<SessionId>,
    ) -> Result<Vec<SessionId>, LogError> {
        let ids = self.store.ids()?;
        let mut changed = Vec::new();
        let mut before = std::mem::take(sessions);
        for id in ids {
            let mut covered = before.remove(&id).unwrap_or_default();
            if besides != Some(id) && covered.read_on(&self.store.session_folder(id))? {
                changed.push(id);
            }
            sessions.insert(id, covered);
        }
        Ok(changed)
    }

    /// The sessions in the file, and how many lines it has.
    fn load(&self) -> (HashMap<SessionId, Covered>, usize) {
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        let mut sessions = HashMap::new();
        let mut lines = 0;
        // A crash may have cut a line off: the next one begins with a line break of its own.
        for line in bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            lines += 1;
            if let Ok(Line { session, covered }) = serde_json::from_slice(line) {
                sessions.insert(session, covered);
            }
        }
        (sessions, lines)
    }

    /// Puts these sessions into the file. That it fails costs the next process a longer look.
    fn keep(&self, known: &mut Known, changed: &[SessionId]) {
        let stale = known.lines.saturating_sub(known.sessions.len());
        let written = if stale > STALE_LINES {
            let all: Vec<_> = known.sessions.keys().copied().collect();
            known.lines = all.len();
            self.replace(&lines(&known.sessions, &all))
        } else if changed.is_empty() {
            return;
        } else {
            known.lines += changed.len();
            self.append(&lines(&known.sessions, changed))
        };
        if let Err(error) = written {
            tracing::warn!(%error, file = %self.file.display(), "what was spent is not cached");
        }
    }

    /// In one write, which doesn't mix with those of other processes. It begins a line, whatever a crash left before it.
    fn append(&self, lines: &[u8]) -> std::io::Result<()> {
        let mut file = disk::private().append(true).create(true).open(&self.file)?;
        file.write_all(&[b"\n", lines].concat())
    }

    fn replace(&self, lines: &[u8]) -> std::io::Result<()> {
        let name = format!("tmp-{}", SessionId::new());
        let new = self.file.with_extension(name);
        let written = disk::private()
            .write(true)
            .create_new(true)
            .open(&new)
            .and_then(|mut file| file.write_all(lines))
            .and_then(|()| std::fs::rename(&new, &self.file));
        if written.is_err() {
            // Nothing reads it.
            let _ = std::fs::remove_file(&new);
        }
        written
    }
}

fn lines(sessions: &HashMap<SessionId, Covered>, ids: &[SessionId]) -> Vec<u8> {
    let mut lines = Vec::new();
    for (id, covered) in ids.iter().filter_map(|id| Some((id, sessions.get(id)?))) {
        let line = Line {
            session: *id,
            covered: covered.clone(),
        };
        if let Ok(line) = serde_json::to_vec(&line) {
            lines.extend_from_slice(&line);
            lines.push(b'\n');
        }
    }
    lines
}

impl Covered {
    /// Reads on where the last look ended. True: there was something.
    fn read_on(&mut self, folder: &Path) -> Result<bool, LogError> {
        let before = (self.segment, self.length);
        loop {
            let path = segment_path(folder, self.segment);
            let length = length(&path)?;
            if length < self.length {
                // It isn't the log that was read before.
                *self = Self::default();
                continue;
            }
            if length > self.length {
                self.read_segment(folder, &path)?;
            }
            if !segment_path(folder, self.segment + 1).exists() {
                return Ok(before != (self.segment, self.length));
            }
            self.segment += 1;
            self.length = 0;
        }
    }

    /// Takes in whole lines, up to one that can't be read: what a crash left, or damage.
    fn read_segment(&mut self, folder: &Path, path: &Path) -> Result<(), LogError> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(self.length))?;
                file.read_to_end(&mut bytes)
            })
            .map_err(LogError::io("read", path))?;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(text) = line.strip_suffix(b"\n") else {
                break;
            };
            let Some(()) = str::from_utf8(text)
                .ok()
                .and_then(|text| self.take(folder, text))
            else {
                break;
            };
            self.length += line.len() as u64;
        }
        Ok(())
    }

    fn take(&mut self, folder: &Path, text: &str) -> Option<()> {
        let envelope: Envelope<'_> = serde_json::from_str(text).ok()?;
        if Spending::minds(envelope.r#type.get().trim_matches('"')) {
            let (seq, ts) = (envelope.seq, envelope.ts);
            let data = reader::data(folder, &reader::Line { text, envelope }).ok()?;
            self.spending.apply(seq, ts, &data);
        }
        Some(())
    }
}

/// 0 where there is no such file.
fn length(path: &Path) -> Result<u64, LogError> {
    match path.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        metadata => Ok(metadata.map_err(LogError::io("read", path))?.len()),
    }
}
