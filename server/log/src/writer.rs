//! The thread that owns a log's files: it writes, rotates and syncs; nobody waits for it but at a barrier.
//!
//! What was handed over is on disk within [`GROUP`], many lines with one sync, or at once when a barrier asks. Blobs
//! are durable before the line that names them is written, a segment before the next one begins. After an error it
//! writes nothing more: a line must never follow one that may be cut.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::audit::Signer;
use crate::blob::Blobs;
use crate::digest::Digest;
use crate::disk;
use crate::error::LogError;
use crate::lock::Lock;
use crate::reader::segment_path;

/// The longest that a written line waits for its sync when nobody asks.
const GROUP: Duration = Duration::from_millis(100);
/// A segment is not made longer than this.
const SEGMENT_LIMIT: u64 = 16 << 20;
/// Jobs that are taken together.
const BATCH: usize = 1024;

/// What the owner of the log asks for.
pub(crate) enum Job {
    /// Write a line, and before it the payload that it names.
    Line {
        line: Vec<u8>,
        blob: Option<(Digest, Vec<u8>)>,
    },
    /// Answer when all lines before are durable.
    Barrier(oneshot::Sender<()>),
}

/// Where the next line goes.
pub(crate) struct Tail {
    pub(crate) segment: u32,
    pub(crate) length: u64,
}

pub(crate) struct Writer {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    tail: Tail,
    lock: Lock,
    blobs: Blobs,
    signer: Option<Signer>,
    /// When the oldest line was written that is not synced.
    unsynced: Option<Instant>,
    /// Barriers to be answered. On an error they fall with the writer, after its owner was told why.
    waiting: Vec<oneshot::Sender<()>>,
}

impl Writer {
    /// Opens the segment at `tail`, making it if it isn't there.
    pub(crate) fn open(
        folder: &Path,
        tail: Tail,
        lock: Lock,
        signer: Option<Signer>,
    ) -> Result<Self, LogError> {
        let (path, file) = open_segment(folder, tail.segment)?;
        let blobs = Blobs::new(folder);
        Ok(Self {
            folder: folder.to_owned(),
            path,
            file,
            tail,
            lock,
            blobs,
            signer,
            unsynced: None,
            waiting: Vec::new(),
        })
    }

    /// Works until the owner lets go of its end.
    pub(crate) fn run(&mut self, jobs: &Receiver<Job>) -> Result<(), LogError> {
        loop {
            let first = match self.unsynced {
                None => jobs.recv().map_err(RecvTimeoutError::from),
                Some(since) => jobs.recv_timeout(GROUP.saturating_sub(since.elapsed())),
            };
            match first {
                Ok(first) => {
                    self.write_batch(std::iter::once(first).chain(jobs.try_iter()).take(BATCH))?
                }
                Err(RecvTimeoutError::Timeout) => self.sync()?,
                Err(RecvTimeoutError::Disconnected) => {
                    self.sync()?;
                    return self.sign();
                }
            }
            // Nobody waits at this point.
            if self.unsynced.is_none() && self.signer.as_ref().is_some_and(Signer::is_due) {
                self.sign()?;
            }
        }
    }

    fn write_batch(&mut self, jobs: impl Iterator<Item = Job>) -> Result<(), LogError> {
        let (mut lines, mut blobs) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Line { line, blob } => {
                    lines.push(line);
                    blobs.extend(blob);
                }
                Job::Barrier(done) => self.waiting.push(done),
            }
        }
        if !lines.is_empty() {
            self.lock.check()?;
            self.blobs.write(blobs)?;
            self.write_lines(&lines)?;
        }
        if !self.waiting.is_empty() {
            self.sync()?;
        }
        for done in self.waiting.drain(..) {
            // Nobody waits any more: nothing to tell.
            let _ = done.send(());
        }
        Ok(())
    }

    /// Signs what is on the disk.
    fn sign(&mut self) -> Result<(), LogError> {
        let Some(signer) = &mut self.signer else {
            return Ok(());
        };
        self.lock.check()?;
        signer.sign()
    }

    fn write_lines(&mut self, lines: &[Vec<u8>]) -> Result<(), LogError> {
        let mut batch = Vec::new();
        for line in lines {
            if self.tail.length > 0 && self.tail.length + (line.len() as u64) > SEGMENT_LIMIT {
                self.write(&mut batch)?;
                self.rotate()?;
            }
            self.tail.length += line.len() as u64;
            batch.extend_from_slice(line);
            if let Some(signer) = &mut self.signer {
                signer.take(line);
            }
        }
        self.write(&mut batch)
    }

    fn write(&mut self, batch: &mut Vec<u8>) -> Result<(), LogError> {
        self.file
            .write_all(batch)
            .map_err(LogError::io("write", &self.path))?;
        batch.clear();
        self.unsynced.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), LogError> {
        self.sync()?;
        self.tail = Tail {
            segment: self.tail.segment + 1,
            length: 0,
        };
        (self.path, self.file) = open_segment(&self.folder, self.tail.segment)?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        if self.unsynced.take().is_some() {
            self.file
                .sync_data()
                .map_err(LogError::io("sync", &self.path))?;
        }
        Ok(())
    }
}

fn open_segment(folder: &Path, segment: u32) -> Result<(PathBuf, File), LogError> {
    let path = segment_path(folder, segment);
    let file = disk::private()
        .append(true)
        .create(true)
        .open(&path)
        .map_err(LogError::io("open", &path))?;
    disk::sync_folder(folder)?;
    Ok((path, file))
}
