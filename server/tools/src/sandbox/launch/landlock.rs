//! Landlock: the view of the file system once more, by another mechanism, and no way to abstract sockets and
//! processes outside.
//!
//! The namespaces carry the sandbox; this is for the day when one of them has a hole. So an old kernel without it is
//! reported, not refused.

use landlock::{
    ABI, Access as _, AccessFs, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
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
