//! What a shell command would do.
//!
//! Conservative: only plainly one simple command is proven; anything else gets doubts, and a best effort that ask
//! and deny rules look at. Text analysis shows intent; it is no boundary. Nothing is decided here.

mod lookup;
mod programs;
mod readonly;
mod sketch;
mod words;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::facts::{Effect, Facts, PathFact};
use crate::protect;
use lookup::Lookup;
pub(crate) use programs::{base_name, may_always_run, without_global_options};

/// Longer commands can't be checked, nor passed to a shell as one argument on Linux.
const MAX_BYTES: usize = 128 * 1024;
/// More paths than a person would read in a prompt.
const MAX_PATHS: usize = 1024;
/// Words of an unproven text that are looked up on the disk.
const MAX_LOOKUPS: usize = 4096;

/// Analyses a shell command for [`Call::facts`](crate::Call::facts). `root` is the workspace's root and the
/// directory that the command runs in. Paths and programs are resolved on the disk; programs in the system's own folders.
#[must_use]
pub fn analyse_shell(command: &str, root: &Path) -> Facts {
    analyse(command, &Lookup::on_system_path(root))
}

/// [`analyse_shell`] with the search path (`PATH`) that the command will be run with, so that programs in the user's
/// own folders are found as well, and those that the workspace would slip in are seen.
#[must_use]
pub fn analyse_shell_with_path(command: &str, root: &Path, search_path: &OsStr) -> Facts {
    analyse(command, &Lookup::on_path(root, search_path))
}

/// [`analyse_shell`] by names alone: nothing is looked up.
pub(crate) fn analyse_by_names(command: &str, root: &Path) -> Facts {
    analyse(command, &Lookup::by_names(root))
}

fn analyse(command: &str, lookup: &Lookup) -> Facts {
    let mut facts = Facts::default();
    if command.len() > MAX_BYTES {
        facts.doubt("too-long");
        facts.effect(Effect::Execute);
        return facts;
    }
    match words::simple(command) {
        Ok(argv) => one_command(argv, lookup, &mut facts),
        Err(doubt) => facts.doubt(doubt),
    }
    if !facts.doubts.is_empty() {
        best_effort(command, lookup, &mut facts);
    }
    judge_paths(&mut facts);
    facts
}

/// Facts of one simple command, its words known.
fn one_command(argv: Vec<String>, lookup: &Lookup, facts: &mut Facts) {
    let Some((program, args)) = argv.split_first() else {
        facts.doubt("empty");
        return;
    };
    for doubt in programs::doubts(program, args) {
        facts.doubt(doubt);
    }
    let found = lookup.program(program);
    if found.as_deref().is_some_and(|path| lookup.contains(path)) {
        facts.doubt("workspace-program");
    }
    let reads = readonly::spec(program)
        .filter(|_| found.is_some())
        .map(|spec| spec.operands(args));
    match reads {
        Some(Some(operands)) => {
            facts.effect(Effect::Read);
            for operand in operands {
                add_path(facts, lookup, operand, false);
            }
        }
        other => {
            if other.is_some() {
                facts.doubt("unknown-option");
            }
            facts.effect(Effect::Execute);
            describe(program, args, lookup, facts);
        }
    }
    facts.programs = vec![found.unwrap_or_default()];
    facts.argv = vec![argv];
}

/// What a program that is not known to only read does with its arguments.
fn describe(program: &str, args: &[String], lookup: &Lookup, facts: &mut Facts) {
    programs::note_effects(program, args, true, facts);
    programs::note_addresses(args, facts);
    for (path, write) in programs::path_arguments(program, args) {
        add_path(facts, lookup, path, write);
    }
}

/// Everything that looks like a command or a path, anywhere in the text.
fn best_effort(command: &str, lookup: &Lookup, facts: &mut Facts) {
    let sketch = sketch::sketch(command);
    facts.effects.clear();
    facts.effect(Effect::Execute);
    facts.programs.clear();
    facts.paths.clear();
    for argv in &sketch.commands {
        // A name's first place sees all arguments of the later ones.
        let mut seen = HashSet::new();
        for (at, word) in argv.iter().enumerate() {
            if seen.insert(programs::base_name(word)) {
                let args = argv.get(at + 1..).unwrap_or_default();
                programs::note_effects(word, args, false, facts);
            }
        }
        programs::note_addresses(argv, facts);
        for (path, write) in programs::paths_anywhere(argv) {
            add_path(facts, lookup, path, write);
        }
    }
    // Any word may be a path, where there is such a file.
    let words = sketch.commands.iter().flatten().take(MAX_LOOKUPS);
    for word in words.filter(|word| lookup.has(word)) {
        add_path(facts, lookup, word, false);
    }
    for (target, write) in &sketch.redirects {
        add_path(facts, lookup, target, *write);
    }
    facts.argv = sketch.commands;
}

fn add_path(facts: &mut Facts, lookup: &Lookup, sent: &str, write: bool) {
    if let Some(known) = facts.paths.iter_mut().find(|path| path.sent == sent) {
        known.write |= write;
        return;
    }
    if facts.paths.len() >= MAX_PATHS {
        facts.doubt("too-many-paths");
        return;
    }
    // What a shell would put there is not known here.
    let expands = sent.starts_with('~') || sent.contains(['$', '`', '*', '?', '[']);
    let resolved = Some(sent)
        .filter(|_| !expands)
        .and_then(|sent| lookup.resolve(sent));
    if resolved.is_none() {
        facts.doubt("path-unknown");
    }
    let resolved = resolved.unwrap_or_else(|| PathBuf::from(sent));
    facts.paths.push(PathFact {
        sent: sent.to_owned(),
        inside: lookup.contains(&resolved),
        resolved,
        write,
    });
}

fn judge_paths(facts: &mut Facts) {
    if facts.paths.iter().any(|path| !path.inside) {
        facts.effect(Effect::Outside);
    }
    if facts.paths.iter().any(|path| path.write) {
        facts.effect(Effect::Write);
    }
    if facts.paths.iter().any(|path| path.write && !path.inside) {
        facts.need("outside-write");
    }
    if facts.paths.iter().any(protect::is_secret) {
        facts.effect(Effect::Secret);
        facts.danger("secret");
    }
}
