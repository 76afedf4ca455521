//! The way through the upper layer: every entry that a command left, with what it lies on. Ignored folders are not
//! entered, so the way is as long as what was changed, not as what was built.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::below::Below;
use super::rules::Rules;
use super::tree::{Facts, Folder, Kind};

/// Deepest folder that is entered.
pub(super) const DEEPEST: usize = 200;
/// Most entries that are looked at.
const MOST: usize = 500_000;

/// An entry of the upper layer.
pub(super) struct At<'a> {
    pub(super) parent: &'a Folder,
    pub(super) below: &'a Below,
    pub(super) name: &'a OsStr,
    /// Relative to the root.
    pub(super) path: &'a Path,
    pub(super) facts: Facts,
}

/// What the entry is for us.
pub(super) enum Step<'a> {
    /// A file, a link, a whiteout or something special.
    Leaf,
    /// Git's own folder or file, with all that is in it.
    History,
    /// Build output and the like. Folders are not entered.
    Ignored,
    /// Too deep, or can't be looked into.
    Closed(String),
    /// A folder, before its entries.
    Enter(Inside<'a>),
    /// A folder, after its entries.
    Leave(&'a Folder),
}

/// A folder that is entered.
pub(super) struct Inside<'a> {
    pub(super) below: &'a Below,
    pub(super) names: &'a [OsString],
    /// What is beneath it doesn't show.
    pub(super) hides: bool,
}

pub(super) type Visit<'v> = dyn FnMut(&At<'_>, Step<'_>, &mut Rules) -> io::Result<()> + 'v;

/// One way through.
pub(super) struct Walk<'v> {
    rules: Rules,
    count: usize,
    visit: &'v mut Visit<'v>,
}

impl<'v> Walk<'v> {
    /// Visits all entries below `upper`, by name, folders before and after what is in them.
    pub(super) fn run(
        upper: &Folder,
        below: &Below,
        root: &Path,
        visit: &'v mut Visit<'v>,
    ) -> io::Result<()> {
        let mut walk = Self {
            rules: Rules::new(root),
            count: 0,
            visit,
        };
        let names = upper.names()?;
        walk.inside(upper, below, &names, Path::new(""), 0)
    }

    fn inside(
        &mut self,
        folder: &Folder,
        below: &Below,
        names: &[OsString],
        path: &Path,
        depth: usize,
    ) -> io::Result<()> {
        self.rules.enter(path, below.gitignore().as_deref());
        for name in names {
            self.count += 1;
            if self.count > MOST {
                return Err(io::Error::other(format!("there are over {MOST} entries")));
            }
            // It may be gone again.
            if let Some(facts) = folder.facts(name)? {
                let path = path.join(name);
                let at = At {
                    parent: folder,
                    below,
                    name,
                    path: &path,
                    facts,
                };
                self.entry(&at, depth)?;
            }
        }
        self.rules.leave();
        Ok(())
    }

    fn entry(&mut self, at: &At<'_>, depth: usize) -> io::Result<()> {
        if at.name == ".git" {
            return self.step(at, Step::History);
        }
        let was_folder = at.below.is(at.name, Kind::Folder);
        let is_folder = at.facts.kind == Kind::Folder;
        let instead = matches!(at.facts.kind, Kind::Whiteout | Kind::Link);
        let like_folder = is_folder || (instead && was_folder);
        let opened = is_folder.then(|| at.parent.folder(at.name));
        let upper = opened.as_ref().and_then(|opened| opened.as_ref().ok());
        if self.rules.ignores(at.path, like_folder)
            || (like_folder && at.below.is_cache(at.name, upper))
        {
            return self.step(at, Step::Ignored);
        }
        let inner = match opened {
            None => return self.step(at, Step::Leaf),
            Some(_) if depth >= DEEPEST => {
                return self.step(at, Step::Closed("it is too deep".to_owned()));
            }
            Some(Err(error)) => return self.step(at, Step::Closed(error.to_string())),
            Some(Ok(inner)) => inner,
        };
        let below = at.below.folder(at.name);
        let names = inner.names()?;
        let inside = Inside {
            below: &below,
            names: &names,
            hides: inner.is_opaque(),
        };
        self.step(at, Step::Enter(inside))?;
        self.inside(&inner, &below, &names, at.path, depth + 1)?;
        self.step(at, Step::Leave(&inner))
    }

    fn step(&mut self, at: &At<'_>, step: Step<'_>) -> io::Result<()> {
        (self.visit)(at, step, &mut self.rules)
    }
}

/// The files that show below a folder and are not ignored, given to `visit` with their folder; an error of `visit` ends
/// it. `but` names entries of the folder itself that are passed over.
pub(super) fn files(
    below: &Below,
    path: &Path,
    but: &[OsString],
    rules: &mut Rules,
    visit: &mut dyn FnMut(&Below, &OsStr, PathBuf, Facts) -> io::Result<()>,
) -> io::Result<()> {
    if path.components().count() > DEEPEST {
        return Ok(());
    }
    rules.enter(path, below.gitignore().as_deref());
    for name in below.names()? {
        let Some((_, facts)) = below.look(&name).filter(|_| !but.contains(&name)) else {
            continue;
        };
        let path = path.join(&name);
        let is_folder = facts.kind == Kind::Folder;
        if name == ".git"
            || rules.ignores(&path, is_folder)
            || (is_folder && below.is_cache(&name, None))
        {
            continue;
        }
        if is_folder {
            files(&below.folder(&name), &path, &[], rules, visit)?;
        } else {
            visit(below, &name, path, facts)?;
        }
    }
    rules.leave();
    Ok(())
}
