//! The files of a workspace, kept current: the same ones that a walk finds, without walking.
//!
//! Folders that are not ignored are watched by inotify, and read through its own interface: what a system call has
//! changed is in its queue before that call returns. So whoever empties the queue first, and looks at the list then, sees every
//! change that was complete when they asked; no timer and no other thread is in between. An entry that came or went makes
//! its folder be listed again, by the walker that the plain walk uses. A change of ignore rules, a queue that ran over or
//! anything else that is not understood puts the list in doubt: nobody is given it until [`Tree::renew`] has made it anew.
//!
//! The kernel tells nothing of writes through a memory mapping, of writes by another name of a file (a hard link
//! outside that was made later) and of a file system that is mounted over a folder. `Tree::renew` compares times, sizes and numbers of
//! the files, so these are noticed no later than that.

mod descent;
mod inotify;
mod journal;
mod known;
mod rules;
mod span;
mod stamp;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use known::{File, Known};
pub(crate) use stamp::Stamp;

/// More stale folders than this are not listed while somebody waits.
const PROMPTLY: usize = 32;
/// Making the list can fail by chance, where folders move meanwhile, but not so often.
const ATTEMPTS: u32 = 3;

/// The files below a folder. Not current until it was renewed for the first time.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    /// `None`: in doubt.
    known: Mutex<Option<Known>>,
    /// The last tick that was given out before the list was in doubt.
    tick: Mutex<u64>,
    /// How often in a row it could not be watched.
    failed: AtomicU32,
}

/// What has changed since a moment that was named by its tick.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// These came, went or have another content.
    Paths(Vec<Arc<str>>),
    /// Nobody knows: compare everything.
    Unknown,
}

impl Tree {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            known: Mutex::new(None),
            tick: Mutex::new(0),
            failed: AtomicU32::new(0),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Walks the folder and watches it. Slow: for a thread in the background. An error where it can't be watched.
    pub(crate) fn renew(&self) -> io::Result<()> {
        let tick = *self.lock_tick();
        let known = Known::new(&self.root, tick + 1).inspect_err(|_| {
            self.failed.fetch_add(1, Ordering::Relaxed);
        })?;
        self.failed.store(0, Ordering::Relaxed);
        *self.lock() = Some(known);
        Ok(())
    }

    /// It can't be watched (a network's folder, too many folders, no watches left): trying again is of no use.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.failed.load(Ordering::Relaxed) >= ATTEMPTS
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        self.lock().is_none()
    }

    /// The files as they are now; `None` while that is in doubt.
    pub(crate) fn current(&self) -> Option<Current<'_>> {
        self.refreshed(PROMPTLY, true)
    }

    /// Takes in what has changed, a part at a time, so that nobody waits long. For the background.
    pub(crate) fn refresh(&self) {
        while let Some(current) = self.refreshed(PROMPTLY, false) {
            if !current.is_stale() {
                return;
            }
        }
    }

    /// Lists at most so many folders again; where all is asked for, `None` if there are more.
    fn refreshed(&self, folders: usize, all: bool) -> Option<Current<'_>> {
        let mut known = self.lock();
        let state = known.as_mut()?;
        let sound = state.refresh(folders);
        *self.lock_tick() = state.now();
        if !sound {
            *known = None;
            return None;
        }
        let current = Current(known);
        (!all || !current.is_stale()).then_some(current)
    }

    /// Waits until something has changed, but not longer.
    pub(crate) fn wait(&self, timeout: Duration) {
        let waiting = self.lock().as_ref().map(Known::waiter);
        match waiting {
            Some(Ok(watch)) => watch.wait(timeout),
            _ => std::thread::sleep(timeout),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_tick(&self) -> MutexGuard<'_, u64> {
        self.tick.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The files at this moment; nothing of it changes while this is held.
pub(crate) struct Current<'a>(MutexGuard<'a, Option<Known>>);

impl std::ops::Deref for Current<'_> {
    type Target = Known;

    #[expect(
        clippy::expect_used,
        reason = "made of a list that is there, which only its holder could take away"
    )]
    fn deref(&self) -> &Known {
        self.0.as_ref().expect("it is there while it is held")
    }
}

#[cfg(test)]
mod tests;
