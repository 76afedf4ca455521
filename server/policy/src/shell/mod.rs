//! What a shell command would do.
//!
//! Two readers that share no code must agree before anything is proven; the rest gets doubts, and a description
//! that ask and deny rules look at. Text analysis shows intent; it is no boundary. Nothing is decided here.

mod brush;
mod effects;
mod hosts;
mod lookup;
mod paths;
mod programs;
mod readonly;
mod script;
mod sitter;
mod sketch;
mod text;
mod walk;
mod wrappers;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::Path;

use crate::facts::{Effect, Facts};
pub(crate) use effects::only_fetches;
pub(crate) use hosts::hosts_in_urls;
use lookup::Lookup;
pub(crate) use programs::{base_name, may_always_run, path_in, without_global_options};
use walk::Walk;

/// Words of an unproven text that are looked up on the disk.
const MAX_LOOKUPS: usize = 4096;

/// Analyses a shell command for [`Call::facts`](crate::Call::facts). `root` is the workspace's root and the
/// directory that the command runs in. Paths and programs are resolved on the disk; programs in the system's own folders.
#[must_use]
pub fn analyse_shell(command: &str, root: &Path) -> Facts {
    analyse(command, &Lookup::on_system_path(root))
}

/// [`analyse_shell`] with the search path (`PATH`) that the command will be run with, so that programs in the user's
/// own folders are found as well, and those that the workspace would slip in are seen; and with the user's home
/// folder, which `~` stands for.
#[must_use]
pub fn analyse_shell_with_path(
    command: &str,
    root: &Path,
    search_path: &OsStr,
    home: Option<&Path>,
) -> Facts {
    analyse(command, &Lookup::on_path(root, search_path, home))
}

/// [`analyse_shell`] by names alone: nothing is looked up, every program is taken to be there, and home is
/// `/home/user`. For rules' own tests and for corpora: the same everywhere.
#[must_use]
pub fn analyse_shell_by_names(command: &str, root: &Path) -> Facts {
    analyse(command, &Lookup::by_names(root))
}

/// Longer texts get a stack of their own: the parsers recurse, and worker threads have small ones.
const SHORT: usize = 256;
const STACK: usize = 32 << 20;

fn analyse(command: &str, lookup: &Lookup) -> Facts {
    if command.len() <= SHORT {
        facts_of(command, lookup)
    } else {
        stacker::grow(STACK, || facts_of(command, lookup))
    }
}

fn facts_of(command: &str, lookup: &Lookup) -> Facts {
    let mut facts = Facts::default();
    if command.len() > text::MAX_BYTES {
        facts.doubt("too-long");
        facts.effect(Effect::Execute);
        return facts;
    }
    for code in text::doubts(command) {
        facts.doubt(code);
    }
    let unreadable = if command.len() > text::MAX_PARSED {
        "too-many-commands"
    } else if text::is_too_deep(command) {
        "too-deep"
    } else {
        "parse-error"
    };
    let script = (unreadable == "parse-error")
        .then(|| brush::read(command))
        .flatten();
    match script {
        Some(script) => parsed(command, &script, lookup, facts),
        None => {
            facts.doubt(unreadable);
            best_effort(command, lookup, &mut facts);
            facts
        }
    }
}

/// Facts of a text that the first reader understands.
fn parsed(command: &str, script: &script::Script, lookup: &Lookup, mut facts: Facts) -> Facts {
    for code in &script.doubts {
        facts.doubt(code);
    }
    if facts.doubts.is_empty() && sitter::read(command).as_deref() != Some(&*script.commands) {
        facts.doubt("parse-disagreement");
    }
    let mut walk = Walk::new(lookup, facts);
    walk.script(script);
    let mut facts = walk.facts;
    if facts.argv.is_empty() {
        facts.doubt("empty");
    }
    if !facts.doubts.is_empty() {
        facts.effect(Effect::Execute);
        facts.programs.clear();
        // Rules look at every sign: what stands in quotes, too.
        let found: HashSet<Vec<String>> =
            facts.argv.drain(..).chain(facts.inside.drain(..)).collect();
        let mut all = sketch::sketch(command).commands;
        let new = |argv: &Vec<String>| !all.contains(argv);
        let mut more: Vec<Vec<String>> = found.into_iter().filter(new).collect();
        more.sort();
        all.append(&mut more);
        facts.argv = all;
    }
    facts
}

/// Everything that looks like a command or a path, anywhere in the text.
fn best_effort(command: &str, lookup: &Lookup, facts: &mut Facts) {
    let sketch = sketch::sketch(command);
    facts.effect(Effect::Execute);
    for argv in &sketch.commands {
        // A name's first place sees all arguments of the later ones.
        let mut seen = HashSet::new();
        for (at, word) in argv.iter().enumerate() {
            if seen.insert(programs::base_name(word)) {
                let args = argv.get(at + 1..).unwrap_or_default();
                effects::note(word, args, false, facts);
            }
        }
        hosts::note_addresses(argv, facts);
        for (path, write) in programs::paths_anywhere(argv) {
            paths::add(facts, lookup, lookup.root(), path, write);
        }
    }
    // Any word may be a path, where there is such a file.
    let words = sketch.commands.iter().flatten().take(MAX_LOOKUPS);
    for word in words.filter(|word| lookup.has(word)) {
        paths::add(facts, lookup, lookup.root(), word, false);
    }
    for (target, write) in &sketch.redirects {
        paths::add(facts, lookup, lookup.root(), target, *write);
    }
    facts.argv = sketch.commands;
}
