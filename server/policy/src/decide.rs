//! The one function that every call goes through. Combines by max(deny > ask > allow).
//!
//! Order (which breaks ties, and so names who decided): compiled-in invariants, the mode's limits, deny and ask
//! rules, distrust; then allow rules, proven read-only commands, the mode's default.

use interline_log::{Access, Mode};

use crate::facts::{Call, Effect};
use crate::permit::{Ask, Permit};
use crate::protect::{self, Special};
use crate::reason;
use crate::rule::{ArgPattern, CompiledRule, Rule, RuleEffect};
use crate::rules::{Rules, name};
use crate::shell::may_always_run;

/// What surrounds a call.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The session's mode.
    pub mode: Mode,
    /// The user trusts the folder.
    pub trusted: bool,
    /// Nobody can answer.
    pub headless: bool,
    /// Untrusted content is in the session.
    pub tainted: bool,
    /// A sandbox works. Always false for now.
    pub sandbox: bool,
}

/// The decision, who made it and why.
#[derive(Debug)]
pub struct Decision {
    /// What follows.
    pub verdict: Verdict,
    /// The rule or check that made it, such as `user rule 3` or `built-in: protected path`.
    pub by: String,
    /// Reason codes.
    pub reasons: Vec<String>,
    /// Where it is denied: what to tell the model. Empty otherwise.
    pub message: String,
}

/// What follows from a decision.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, looked at once; a box would only be in the way of its readers"
)]
pub enum Verdict {
    /// It may run.
    Allow(Permit),
    /// The user decides.
    Ask(Ask),
    /// It may not run.
    Deny,
}

/// Decides. Combines by max(deny > ask > allow).
#[must_use]
pub fn decide(call: &Call, rules: &Rules, context: &Context) -> Decision {
    let mut finding = judge(call, rules, context);
    if finding.outcome == Outcome::Ask && context.headless {
        finding.outcome = Outcome::Deny;
        finding.reasons.push("headless".to_owned());
    }
    let mut message = String::new();
    let verdict = match finding.outcome {
        Outcome::Allow => Verdict::Allow(Permit::new(call)),
        Outcome::Ask => Verdict::Ask(ask(call, &finding, context)),
        Outcome::Deny => {
            message = reason::advice(&finding.by, &finding.reasons, finding.words.as_deref());
            Verdict::Deny
        }
    };
    Decision {
        verdict,
        by: finding.by,
        reasons: finding.reasons,
        message,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Allow,
    Ask,
    Deny,
}

#[derive(Debug)]
struct Finding {
    outcome: Outcome,
    by: String,
    reasons: Vec<String>,
    /// A rule's own reason.
    words: Option<String>,
}

impl Finding {
    fn new(outcome: Outcome, by: impl Into<String>, reasons: &[&str]) -> Self {
        Self {
            outcome,
            by: by.into(),
            reasons: reasons.iter().map(|&code| code.to_owned()).collect(),
            words: None,
        }
    }

    fn of_rule(rule: &CompiledRule) -> Self {
        let outcome = match rule.rule.effect {
            RuleEffect::Allow => Outcome::Allow,
            RuleEffect::Ask => Outcome::Ask,
            RuleEffect::Deny => Outcome::Deny,
        };
        let by = format!("{} rule {}", name(rule.tier), rule.number);
        Self {
            words: rule.rule.reason.clone(),
            ..Self::new(outcome, by, &[])
        }
    }
}

fn judge(call: &Call, rules: &Rules, context: &Context) -> Finding {
    let checks = [
        invariants(call, rules, context),
        mode_limit(call, context),
        rules
            .tightening(call, context.tainted)
            .map(Finding::of_rule),
        distrust(call, context),
    ];
    let mut strongest: Option<Finding> = None;
    for finding in checks.into_iter().flatten() {
        if strongest
            .as_ref()
            .is_none_or(|s| finding.outcome > s.outcome)
        {
            strongest = Some(finding);
        }
    }
    strongest.unwrap_or_else(|| loosest(call, rules, context))
}

/// What no rule and no mode can loosen.
fn invariants(call: &Call, rules: &Rules, context: &Context) -> Option<Finding> {
    if call.facts.doubts.iter().any(|code| code == "too-long") {
        return Some(Finding::new(
            Outcome::Deny,
            "built-in: length limit",
            &["too-long"],
        ));
    }
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
    let outcome = match (special, write) {
        (Special::Own | Special::Git | Special::Device, true) => Outcome::Deny,
        (Special::Own | Special::Device, false) => Outcome::Ask,
        // A proposal that waits for its review needs no prompt.
        (Special::Obeyed, true) if call.access != Access::Propose || lands_by_itself => {
            Outcome::Ask
        }
        (Special::Git | Special::Obeyed, _) => return None,
    };
    Some((outcome, special.code()))
}

fn mode_limit(call: &Call, context: &Context) -> Option<Finding> {
    let limited = match call.access {
        Access::Propose => true,
        Access::Execute => !only_reads(call),
        Access::Read | Access::Interact => false,
    };
    (context.mode == Mode::Plan && limited)
        .then(|| Finding::new(Outcome::Deny, "mode: plan", &["plan-mode"]))
}

/// Nothing runs by itself in a folder that the user does not trust.
fn distrust(call: &Call, context: &Context) -> Option<Finding> {
    (call.access == Access::Execute && !context.trusted)
        .then(|| Finding::new(Outcome::Ask, "built-in: trust", &["untrusted-folder"]))
}

/// Allow rules, then what is proven harmless, then the mode's default.
fn loosest(call: &Call, rules: &Rules, context: &Context) -> Finding {
    let outside = context.mode == Mode::Auto && context.sandbox;
    if let Some(rule) = rules.allowing(call, context.tainted, outside) {
        return Finding::of_rule(rule);
    }
    let unproven = || Finding {
        reasons: concerns(call, context),
        ..Finding::new(Outcome::Ask, default_of(context.mode), &[])
    };
    match call.access {
        Access::Interact => Finding::new(
            Outcome::Allow,
            "built-in: no effect outside the session",
            &[],
        ),
        Access::Execute if only_reads(call) => Finding::new(
            Outcome::Allow,
            "built-in: read-only command",
            &["read-only"],
        ),
        Access::Read | Access::Propose if concerns(call, context).is_empty() => {
            Finding::new(Outcome::Allow, default_of(context.mode), &[])
        }
        Access::Read | Access::Propose => unproven(),
        Access::Execute => {
            let mut finding = unproven();
            finding.reasons.push("command".to_owned());
            finding
        }
    }
}

fn default_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Plan => "mode: plan",
        Mode::Default => "mode: default",
        Mode::AcceptEdits => "mode: accept-edits",
        Mode::Auto => "mode: auto",
    }
}

/// Why a call is more than its access class says.
fn concerns(call: &Call, context: &Context) -> Vec<String> {
    let facts = &call.facts;
    let mut codes: Vec<String> = facts.doubts.iter().chain(&facts.dangers).cloned().collect();
    let outside =
        facts.paths.iter().any(|path| !path.inside) || facts.effects.contains(&Effect::Outside);
    let network = !facts.hosts.is_empty() || facts.effects.contains(&Effect::Network);
    for (holds, code) in [
        (outside, "outside"),
        (network, "network"),
        (context.tainted && call.access == Access::Execute, "tainted"),
    ] {
        if holds {
            codes.push(code.to_owned());
        }
    }
    codes
}

/// A command whose every word is known to only read, inside the workspace.
fn only_reads(call: &Call) -> bool {
    let facts = &call.facts;
    call.access == Access::Execute
        && facts.doubts.is_empty()
        && facts.dangers.is_empty()
        && facts.hosts.is_empty()
        && !facts.argv.is_empty()
        && facts.effects.iter().all(|effect| *effect == Effect::Read)
        && facts.effects.contains(&Effect::Read)
        && facts.paths.iter().all(|path| path.inside && !path.write)
}

fn ask(call: &Call, finding: &Finding, context: &Context) -> Ask {
    let facts = &call.facts;
    let outward = [Effect::Network, Effect::Secret, Effect::Destroy];
    let danger = !facts.dangers.is_empty()
        || !facts.hosts.is_empty()
        || facts.effects.iter().any(|effect| outward.contains(effect))
        || facts.paths.iter().any(protect::is_secret);
    let mut effects = reason::effects(call, &finding.reasons);
    if let Some(words) = &finding.words {
        effects.push(format!("{} says: {}", finding.by, reason::visible(words)));
    }
    let always = if danger || !finding.by.starts_with("mode: ") {
        None
    } else {
        always(call, context)
    };
    Ask::new(call, effects, danger, always)
}

/// The rule for exactly this command, where one may be kept.
fn always(call: &Call, context: &Context) -> Option<Rule> {
    let facts = &call.facts;
    let ([argv], [program]) = (facts.argv.as_slice(), facts.programs.as_slice()) else {
        return None;
    };
    let keepable = call.access == Access::Execute
        && facts.doubts.is_empty()
        && !context.tainted
        && !program.as_os_str().is_empty()
        && facts.paths.iter().all(|path| path.inside)
        && !facts.effects.contains(&Effect::Outside)
        && may_always_run(argv);
    keepable.then(|| Rule {
        argv: argv.iter().cloned().map(ArgPattern::Word).collect(),
        exact: true,
        program: Some(program.clone()),
        ..Rule::new(RuleEffect::Allow, &call.tool)
    })
}
