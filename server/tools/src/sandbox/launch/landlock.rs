//! Landlock: the view of the file system once more, by another mechanism, and no way to abstract sockets and
//! processes outside.
//!
//! The namespaces carry the sandbox; this is for the day when one of them has a hole. So an old kernel without it is
//! reported, not refused.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};

use super::{Failure, at};
use crate::sandbox::{Mount, Spec};

/// The newest that we know.
const NEWEST: ABI = ABI::V9;
/// Devices and the like, which are written everywhere.
const DEVICES: &[&str] = &["/dev"];

/// Restricts this process. What the kernel could do of it is the answer.
pub(super) fn restrict(spec: &Spec) -> Result<String, Failure> {
    let read = AccessFs::from_read(NEWEST);
    let all = AccessFs::from_all(NEWEST);
    let writable = spec.mounts.iter().filter_map(Mount::writable);
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(["/"], read)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(DEVICES, all)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(writable, all)))
        .and_then(|rules| rules.restrict_self())
        .map_err(at("Landlock"))?;
    Ok(match (status.ruleset, status.landlock) {
        (RulesetStatus::NotEnforced, _) => "none".to_owned(),
        (_, LandlockStatus::Available { effective_abi, .. }) => {
            format!("ABI {}", effective_abi as i32)
        }
        (_, status) => format!("{status:?}"),
    })
}

/// The oldest that can carry a sandbox alone: before it files outside could be cut off (Linux 6.2).
const OLDEST: i32 = 3;
/// The first that keeps signals in (Linux 6.12).
const SCOPES: i32 = 6;
/// What is not beneath a mount, and harmless.
const HARMLESS: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Restricts this process where there are no namespaces: it reads and writes what the mounts show of the host's tree.
/// Says what the kernel did, and whether it keeps signals in.
pub(super) fn restrict_alone(spec: &Spec) -> Result<(String, bool), Failure> {
    let (read, all) = (AccessFs::from_read(NEWEST), AccessFs::from_all(NEWEST));
    let file = AccessFs::ReadFile | AccessFs::WriteFile;
    let hidden: Vec<_> = spec.mounts.iter().filter_map(hidden).collect();
    let (mut readable, mut listed) = (Vec::new(), Vec::new());
    for mount in &spec.mounts {
        if let Mount::ReadOnly(path) = mount {
            uncovered(path, &hidden, &mut readable, &mut listed);
        }
    }
    let writable: Vec<_> = spec.mounts.iter().filter_map(Mount::writable).collect();
    let opened = |paths: &[PathBuf], access: BitFlags<AccessFs>| {
        path_beneath_rules(paths.to_vec(), access).collect::<Vec<_>>()
    };
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(opened(&readable, read)))
        .and_then(|rules| rules.add_rules(opened(&listed, AccessFs::ReadDir.into())))
        .and_then(|rules| rules.add_rules(path_beneath_rules(HARMLESS, file)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(writable, all)))
        .and_then(|rules| rules.restrict_self())
        .map_err(at("Landlock"))?;
    match (status.ruleset, status.landlock) {
        (
            RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            LandlockStatus::Available { effective_abi, .. },
        ) if effective_abi as i32 >= OLDEST => {
            let abi = effective_abi as i32;
            Ok((format!("ABI {abi}"), abi >= SCOPES))
        }
        _ => Err(format!(
            "Landlock: the kernel has not what it takes (ABI {OLDEST}, Linux 6.2)"
        )),
    }
}

fn hidden(mount: &Mount) -> Option<&Path> {
    match mount {
        Mount::Hidden(path) => Some(path),
        _ => None,
    }
}

/// A path, or what is in it beside what is hidden: rules can only add. Of a folder that is opened up so, and all that is
/// in it, the names can be listed.
fn uncovered(path: &Path, hidden: &[&Path], found: &mut Vec<PathBuf>, listed: &mut Vec<PathBuf>) {
    if hidden.iter().any(|hidden| path.starts_with(hidden)) {
        return;
    }
    // A link is what it leads to, which must be shown by itself.
    let is_link = path.is_symlink();
    if is_link {
        return;
    }
    if !hidden.iter().any(|hidden| hidden.starts_with(path)) {
        found.push(path.to_owned());
        return;
    }
    listed.push(path.to_owned());
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        uncovered(&entry.path(), hidden, found, listed);
    }
}
