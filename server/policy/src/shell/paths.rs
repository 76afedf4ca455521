//! The files of a command: resolved, and judged by where they lie.

use std::path::{Path, PathBuf};

use super::lookup::Lookup;
use crate::facts::{Effect, Facts, PathFact};
use crate::protect;

/// More paths than a person would read in a prompt.
const MAX_PATHS: usize = 1024;

/// What the sandbox has of its own: writing there leaves nothing behind.
const OWN: [&str; 4] = ["/tmp", "/var/tmp", "/dev", "/proc"];
/// What every program may read, and the sandbox shows.
const SYSTEM: [&str; 10] = [
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/etc", "/nix", "/sys", "/snap",
];
/// Toolchains and what package managers have fetched, below the user's home.
const TOOLCHAINS: [&str; 9] = [
    ".cargo/registry",
    ".cargo/git",
    ".cargo/bin",
    ".rustup",
    "go/pkg",
    ".nvm",
    ".pyenv",
    ".local/lib",
    ".local/bin",
];

/// Adds a file that a command names. `folder`: where it runs.
pub(crate) fn add(facts: &mut Facts, lookup: &Lookup, folder: &Path, sent: &str, write: bool) {
    let same = |path: &&PathFact| path.sent == sent && path.write == write;
    if let Some(known) = facts.paths.iter().find(same)
        && lookup
            .resolve(folder, sent)
            .is_none_or(|resolved| resolved == known.resolved)
    {
        return;
    }
    if facts.paths.len() >= MAX_PATHS {
        facts.doubt("too-many-paths");
        return;
    }
    let resolved = resolve(lookup, folder, sent);
    if resolved.is_none() {
        facts.doubt("path-unknown");
    }
    let known = resolved.is_some();
    let resolved = resolved.unwrap_or_else(|| PathBuf::from(sent));
    let path = PathFact {
        sent: sent.to_owned(),
        inside: lookup.contains(&resolved),
        resolved,
        write,
    };
    judge(&path, known, lookup, facts);
    facts.paths.push(path);
}

fn resolve(lookup: &Lookup, folder: &Path, sent: &str) -> Option<PathBuf> {
    let home = ["~/", "$HOME/", "${HOME}/", "\"$HOME\"/"]
        .iter()
        .find_map(|start| sent.strip_prefix(start));
    let (folder, rest) = match (home, lookup.home()) {
        (Some(rest), Some(home)) => (home, rest),
        _ if matches!(sent, "~" | "$HOME" | "${HOME}") => (lookup.home()?, ""),
        _ if sent.starts_with('~') => return None,
        _ => (folder, sent),
    };
    if rest.contains(['$', '`']) {
        return None;
    }
    // A pattern stands for files in its folder, or below it.
    let fixed = match rest.find(['*', '?', '[', '{']) {
        Some(at) => rest
            .get(..at)
            .and_then(|text| text.rfind('/').and_then(|cut| text.get(..=cut)))
            .unwrap_or("."),
        None => rest,
    };
    lookup.resolve(folder, fixed)
}

fn judge(path: &PathFact, known: bool, lookup: &Lookup, facts: &mut Facts) {
    if path.write {
        facts.effect(Effect::Write);
    }
    if !path.inside {
        facts.effect(Effect::Outside);
    }
    if protect::is_secret(path) {
        facts.effect(Effect::Secret);
        let users = !path.inside && !SYSTEM.iter().any(|top| path.resolved.starts_with(top));
        let hidden = ["/etc/shadow", "/etc/gshadow", "/etc/sudoers"]
            .iter()
            .any(|file| path.resolved.starts_with(file));
        facts.danger(if users || hidden {
            "user-secret"
        } else {
            "secret"
        });
    }
    if path.inside || !known {
        return;
    }
    let below = |tops: &[&str]| tops.iter().any(|top| path.resolved.starts_with(top));
    let toolchain = || {
        lookup.home().is_some_and(|home| {
            TOOLCHAINS
                .iter()
                .any(|part| path.resolved.starts_with(home.join(part)))
        })
    };
    if below(&OWN) || is_own_file(&path.resolved) {
        return;
    }
    if path.write {
        facts.need("outside-write");
    } else if !below(&SYSTEM)
        && !toolchain()
        && lookup.may_exist(&path.resolved)
        && path.resolved != Path::new("/")
    {
        facts.need("outside-read");
    }
}

/// Every process has these.
pub(crate) fn is_own_file(path: &Path) -> bool {
    [
        "/dev/null",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/stdin",
        "/dev/tty",
        "/dev/fd",
        "/dev/full",
        "/dev/zero",
    ]
    .iter()
    .any(|own| path.starts_with(own))
}
