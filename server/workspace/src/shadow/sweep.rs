//! Clearing the upper layer before a command: what the last one changed is in hunks by now, or was rejected.
//!
//! Build outputs stay, and what could not become hunks stays while nothing beneath it changes. All else goes, so that
//! nothing hides what the user sees.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use super::below::Below;
use super::seed::{Left, Wanted};
use super::tree::{Folder, Kind, Trash};
use super::walk::{At, Step, Walk};
use super::{Kept, State};
use crate::disk::MAX_BYTES;

/// Clears the upper layer; returns what was in it that commands have seen.
pub(super) fn sweep(
    (upper, below): (&Folder, &Below),
    root: &Path,
    state: &mut State,
    wanted: &BTreeMap<PathBuf, Wanted<'_>>,
    trash: &Trash,
) -> io::Result<BTreeMap<PathBuf, Left>> {
    let mut left = BTreeMap::new();
    let mut kept = HashMap::new();
    let known = &state.kept;
    let mut visit = |at: &At<'_>, step: Step<'_>, _: &mut super::rules::Rules| match step {
        Step::Leaf => {
            let now = Kept::of(at);
            if known.get(at.path) == Some(&now) && !wanted.contains_key(at.path) {
                kept.insert(at.path.to_owned(), now);
                return Ok(());
            }
            left.extend(leaf(at)?.map(|left| (at.path.to_owned(), left)));
            at.parent.discard(at.name, trash)
        }
        Step::History | Step::Closed(_) => at.parent.discard(at.name, trash),
        Step::Ignored if is_outdated(at) => at.parent.discard(at.name, trash),
        Step::Ignored | Step::Enter(_) => Ok(()),
        Step::Leave(inner) => {
            if !at.parent.remove_empty(at.name) {
                bare(inner)?;
            }
            Ok(())
        }
    };
    Walk::run(upper, below, root, &mut visit)?;
    state.kept = kept;
    Ok(left)
}

impl Kept {
    pub(super) fn of(at: &At<'_>) -> Self {
        Self {
            upper: at.facts,
            lower: at.below.look(at.name).map(|(_, facts)| facts),
        }
    }
}

fn leaf(at: &At<'_>) -> io::Result<Option<Left>> {
    Ok(match at.facts.kind {
        Kind::Whiteout if at.below.is(at.name, Kind::File) => Some(Left::Nothing),
        Kind::File if at.facts.bytes <= MAX_BYTES => {
            let read = at.parent.read(at.name, MAX_BYTES);
            // One that can't be read has not been built from either.
            read.ok().map(|(bytes, facts)| Left::file(&bytes, &facts))
        }
        _ => None,
    })
}

/// Is it a copy of an ignored file that the user has changed since?
fn is_outdated(at: &At<'_>) -> bool {
    let lower = at.below.look(at.name).map(|(_, facts)| facts);
    at.facts.kind == Kind::File
        && lower.is_some_and(|lower| lower.kind == Kind::File && lower.changed > at.facts.changed)
}

/// A folder that stays for what is ignored in it: the rest of it is what is beneath again.
fn bare(folder: &Folder) -> io::Result<()> {
    if folder.is_opaque() {
        for name in folder.names()? {
            if let Ok(inner) = folder.folder(&name) {
                inner.hide_beneath()?;
            }
        }
        folder.show_beneath();
    }
    Ok(())
}
