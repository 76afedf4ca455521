//! The steps of the pipeline that may only raise: limits, compiled-in invariants, the mode's limits, what is
//! forbidden, trust and taint. No rule and no mode loosens them.

use interline_log::{Access, Mode};

use crate::decide::{Context, Finding, Outcome};
use crate::facts::{Call, Effect};
use crate::protect::{self, Special};
use crate::reason::{self, Holds};
use crate::rules::Rules;

/// Every reason code of the facts.
pub(crate) fn codes(call: &Call) -> impl Iterator<Item = &str> {
    let facts = &call.facts;
    let codes = facts
        .doubts
        .iter()
        .chain(&facts.dangers)
        .chain(&facts.needs);
    codes.map(String::as_str)
}

/// What is too long to be looked at is not run.
pub(crate) fn limits(call: &Call) -> Option<Finding> {
    codes(call)
        .any(|code| code == "too-long")
        .then(|| Finding::new(Outcome::Deny, "built-in: length limit", &["too-long"]))
}

/// Paths that are more than text: our own files, git's, devices, what other programs obey, secrets.
pub(crate) fn invariants(call: &Call, rules: &Rules, context: &Context) -> Option<Finding> {
    let mut found: Option<Finding> = None;
    for path in &call.facts.paths {
        let write = path.write || call.access == Access::Propose;
        let Some(outcome) = protection(protect::special(path, rules.own()), write, call, context)
        else {
            continue;
        };
        if found.as_ref().is_none_or(|f| outcome.0 > f.outcome) {
            found = Some(Finding::new(
                outcome.0,
                "built-in: protected path",
                &[outcome.1],
            ));
        }
    }
    let secret = || call.facts.paths.iter().any(protect::is_secret);
    if found.is_none() && call.access != Access::Propose && secret() {
        found = Some(Finding::new(Outcome::Ask, "built-in: secret", &["secret"]));
    }
    found
}

fn protection(
    special: Option<Special>,
    write: bool,
    call: &Call,
    context: &Context,
) -> Option<(Outcome, &'static str)> {
    let special = special?;
    let lands_by_itself = matches!(context.mode, Mode::AcceptEdits | Mode::Auto);
    let in_sandbox = context.sandbox && call.access == Access::Execute;
    let outcome = match (special, write) {
        (Special::Own | Special::Git | Special::Device, true) => Outcome::Deny,
        // It has its own processes and devices there.
        (Special::Device, false) if in_sandbox => return None,
        (Special::Own | Special::Device, false) => Outcome::Ask,
        (Special::Start | Special::Config, true) if in_sandbox => Outcome::Deny,
        // What a command changes in the shadow waits for its review, as a proposal does.
        (Special::Obeyed, true) if in_sandbox && !lands_by_itself => return None,
        // A proposal that waits for its review needs no prompt.
        (Special::Start | Special::Config | Special::Obeyed, true)
            if call.access != Access::Propose || lands_by_itself =>
        {
            Outcome::Ask
        }
        (Special::Git | Special::Start | Special::Config | Special::Obeyed, _) => return None,
    };
    Some((outcome, special.code()))
}

pub(crate) fn mode_limit(call: &Call, context: &Context) -> Option<Finding> {
    let limited = match call.access {
        Access::Propose => true,
        Access::Execute => !only_reads(call),
        Access::Read | Access::Interact => false,
    };
    (context.mode == Mode::Plan && limited)
        .then(|| Finding::new(Outcome::Deny, "mode: plan", &["plan-mode"]))
}

/// What nobody is asked about. Without a sandbox the user is the boundary, and decides.
pub(crate) fn forbidden(call: &Call, context: &Context) -> Option<Finding> {
    let forbidden: Vec<&str> = codes(call)
        .filter(|code| reason::holds(code) == Holds::Denied)
        .collect();
    (context.sandbox && !forbidden.is_empty())
        .then(|| Finding::new(Outcome::Deny, "built-in: forbidden", &forbidden))
}

/// Nothing runs by itself in a folder that the user does not trust, unless all of it is known to only read and
/// the sandbox holds it.
pub(crate) fn distrust(call: &Call, context: &Context) -> Option<Finding> {
    let harmless = context.sandbox && only_reads(call);
    (call.access == Access::Execute && !context.trusted && !harmless)
        .then(|| Finding::new(Outcome::Ask, "built-in: trust", &["untrusted-folder"]))
}

/// Untrusted content, private data and a way out, all in one session: whoever wrote the first could get the second.
pub(crate) fn trifecta(call: &Call, context: &Context) -> Option<Finding> {
    let facts = &call.facts;
    let unbounded = call.access == Access::Execute && !context.sandbox && !only_reads(call);
    let outward = unbounded
        || !facts.needs.is_empty()
        || !facts.hosts.is_empty()
        || facts.effects.contains(&Effect::Network);
    (context.tainted && context.private && outward)
        .then(|| Finding::new(Outcome::Ask, "built-in: taint", &["trifecta"]))
}

/// A command whose every word is known to only read, inside the workspace.
pub(crate) fn only_reads(call: &Call) -> bool {
    let facts = &call.facts;
    call.access == Access::Execute
        && facts.doubts.is_empty()
        && facts.dangers.is_empty()
        && facts.needs.is_empty()
        && facts.hosts.is_empty()
        && !facts.argv.is_empty()
        && facts.effects.iter().all(|effect| *effect == Effect::Read)
        && facts.effects.contains(&Effect::Read)
        && facts.paths.iter().all(|path| path.inside && !path.write)
}
