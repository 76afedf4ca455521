//! The one function that every call goes through, in the order of the pipeline: limits and compiled-in invariants,
//! managed policy, deny and ask rules, the mode's limits, trust, taint; then allow rules, what is proven, the mode's
//! default; at last what hooks object. Combines by max(deny > ask > allow); the order breaks ties, and so names who decided.
//!
//! Parsing comes before it (the tools), the prompt, the second look, the run and the audit after it (the agent).

use interline_log::{Access, Mode};

use crate::checks;
use crate::facts::{Call, Effect};
use crate::opinion::Opinion;
use crate::permit::{Ask, Permit, Place};
use crate::protect;
use crate::reach::Reach;
use crate::reason::{self, Holds};
use crate::rule::{ArgPattern, CompiledRule, Rule, RuleEffect};
use crate::rules::Rules;
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
    /// Private data is in the session: a secret, or a file from outside of the workspace.
    pub private: bool,
    /// A sandbox works: commands run there, on the shadow workspace, unless they must leave it.
    pub sandbox: bool,
}

impl Context {
    /// Tells what holds for a call apart from anything else that may hold for it: the rules, the mode, trust, the
    /// sandbox and whether anybody can be asked. Permits are bound to it.
    ///
    /// Labels are not in it: only a session's own calls change them, the one that is decided on among them.
    #[must_use]
    pub fn policy(&self, rules: &Rules) -> String {
        let Self {
            mode,
            trusted,
            headless,
            sandbox,
            tainted: _,
            private: _,
        } = self;
        format!("{}:{mode:?}:{trusted}:{headless}:{sandbox}", rules.digest())
    }
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
    decide_with(call, rules, context, &[])
}

/// The same, with what hooks say of the call: they may only raise.
#[must_use]
pub fn decide_with(
    call: &Call,
    rules: &Rules,
    context: &Context,
    opinions: &[Opinion],
) -> Decision {
    let site = Site::of(call, rules, context);
    let mut finding = judge(call, rules, context, &site);
    for opinion in opinions {
        if opinion.outcome() > finding.outcome {
            finding = Finding {
                words: Some(opinion.reason.clone()),
                ..Finding::new(opinion.outcome(), opinion.by.clone(), &["hook"])
            };
        }
    }
    if finding.outcome == Outcome::Ask && context.headless {
        finding.outcome = Outcome::Deny;
        finding.reasons.push("headless".to_owned());
    }
    let permit = Permit::new(call, &context.policy(rules), site.place, site.reach);
    let mut message = String::new();
    let verdict = match finding.outcome {
        Outcome::Allow => Verdict::Allow(permit),
        Outcome::Ask => Verdict::Ask(ask(call, &finding, opinions, context, permit)),
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

/// Where a call would run, and whom it would reach there.
struct Site<'a> {
    place: Place,
    /// In the sandbox.
    reach: Reach,
    /// The rule that opens to it there what else only the outside has.
    covered: Option<&'a CompiledRule>,
}

impl<'a> Site<'a> {
    /// Commands stay in the sandbox where there is one, unless what they do can't be done there.
    fn of(call: &Call, rules: &'a Rules, context: &Context) -> Self {
        let confined = context.sandbox && call.access == Access::Execute;
        let covered = rules.covering(call).filter(|_| confined);
        let stays = confined && (call.facts.needs.is_empty() || covered.is_some());
        // With untrusted content in the session there is no network that the user was not asked about.
        let asked = covered.is_some() || !context.tainted;
        let reaches = confined && asked && !checks::only_reads(call);
        Self {
            place: if stays {
                Place::Sandbox
            } else {
                Place::Outside
            },
            reach: if reaches {
                rules.reach(call, context.tainted)
            } else {
                Reach::default()
            },
            covered,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Allow,
    Ask,
    Deny,
}

/// What one step of the pipeline finds.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) outcome: Outcome,
    pub(crate) by: String,
    pub(crate) reasons: Vec<String>,
    /// A rule's own reason.
    pub(crate) words: Option<String>,
}

impl Finding {
    pub(crate) fn new(outcome: Outcome, by: impl Into<String>, reasons: &[&str]) -> Self {
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
        Self {
            words: rule.rule.reason.clone(),
            ..Self::new(outcome, rule.by(), &[])
        }
    }
}

fn judge(call: &Call, rules: &Rules, context: &Context, site: &Site<'_>) -> Finding {
    let checks = [
        checks::limits(call),
        checks::invariants(call, rules, context),
        rules
            .managed()
            .and_then(|managed| managed.judge(call, context, site.place.name())),
        rules
            .tightening(call, context.tainted)
            .map(Finding::of_rule),
        checks::mode_limit(call, context),
        checks::forbidden(call, context),
        checks::distrust(call, context),
        checks::trifecta(call, context),
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
    strongest.unwrap_or_else(|| loosest(call, rules, context, site))
}

/// Allow rules, then what is proven harmless, then the mode's default.
fn loosest(call: &Call, rules: &Rules, context: &Context, site: &Site<'_>) -> Finding {
    let outside = context.mode == Mode::Auto && context.sandbox;
    let rule = rules.allowing(call, context.tainted, outside);
    // Where there is a sandbox, leaving it must be in the rule: what it says of the command alone holds inside.
    let leaves = |rule: &Rule| {
        !context.sandbox || outside || call.facts.needs.is_empty() || rule.covers_needs(&call.facts)
    };
    if let Some(rule) = rule.filter(|rule| leaves(&rule.rule)) {
        return Finding::of_rule(rule);
    }
    match call.access {
        Access::Interact => Finding::new(
            Outcome::Allow,
            "built-in: no effect outside the session",
            &[],
        ),
        Access::Execute if checks::only_reads(call) => Finding::new(
            Outcome::Allow,
            "built-in: read-only command",
            &["read-only"],
        ),
        Access::Execute if context.sandbox => in_sandbox(call, context, site),
        Access::Read | Access::Propose | Access::Execute => {
            let mut reasons = concerns(call, context);
            if call.access == Access::Execute {
                reasons.push("command".to_owned());
            }
            let outcome = match reasons.as_slice() {
                [] => Outcome::Allow,
                _ => Outcome::Ask,
            };
            Finding {
                reasons,
                ..Finding::new(outcome, default_of(context.mode), &[])
            }
        }
    }
}

/// The sandbox is the boundary: what can't leave it runs, whatever it is; what must leave it asks.
fn in_sandbox(call: &Call, context: &Context, site: &Site<'_>) -> Finding {
    let mut reasons: Vec<String> = checks::codes(call).map(str::to_owned).collect();
    let needs = &call.facts.needs;
    let open = |code: &&str| site.covered.is_some() && needs.iter().any(|need| need == code);
    let worst = checks::codes(call)
        .filter(|code| !open(code))
        .map(reason::holds)
        .max();
    let harmless = worst.unwrap_or(Holds::Noted) == Holds::Noted;
    let closed = site.covered.is_some() && context.tainted;
    if harmless && !closed {
        reasons.push("sandboxed".to_owned());
        let by = site.covered.map_or_else(
            || "built-in: stays in the sandbox".to_owned(),
            CompiledRule::by,
        );
        return Finding {
            reasons,
            ..Finding::new(Outcome::Allow, by, &[])
        };
    }
    if context.tainted {
        reasons.push("tainted".to_owned());
    }
    Finding {
        reasons,
        ..Finding::new(Outcome::Ask, default_of(context.mode), &[])
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
    let mut codes: Vec<String> = checks::codes(call).map(str::to_owned).collect();
    let outside =
        facts.paths.iter().any(|path| !path.inside) || facts.effects.contains(&Effect::Outside);
    let network = !facts.hosts.is_empty() || facts.effects.contains(&Effect::Network);
    for (holds, code) in [
        (outside, "outside"),
        (network, "network"),
        (context.tainted && call.access == Access::Execute, "tainted"),
    ] {
        if holds && !codes.iter().any(|known| known == code) {
            codes.push(code.to_owned());
        }
    }
    codes
}

fn ask(
    call: &Call,
    finding: &Finding,
    opinions: &[Opinion],
    context: &Context,
    permit: Permit,
) -> Ask {
    let facts = &call.facts;
    let outward = [Effect::Network, Effect::Secret, Effect::Destroy];
    let danger = !facts.dangers.is_empty()
        || !facts.hosts.is_empty()
        || facts.effects.iter().any(|effect| outward.contains(effect))
        || facts.paths.iter().any(protect::is_secret)
        || finding.reasons.iter().any(|code| code == "trifecta");
    let mut effects = reason::effects(call, &finding.reasons);
    if permit.place() == Place::Sandbox && !permit.reach().is_nobody() {
        let hosts = permit.reach().opened().join(", ");
        effects.push(format!("may reach {hosts}, and no other host"));
    }
    let own = finding.words.iter().map(|words| (&finding.by, words));
    let others = opinions.iter().filter(|opinion| opinion.by != finding.by);
    let others = others.map(|opinion| (&opinion.by, &opinion.reason));
    for (by, words) in own.chain(others) {
        effects.push(format!("{by} says: {}", reason::visible(words)));
    }
    // Whom a hook sends to the user, no rule would spare the question.
    let always = if danger || !opinions.is_empty() || !finding.by.starts_with("mode: ") {
        None
    } else {
        always(call, context)
    };
    Ask::new(permit, effects, danger, always)
}

/// The rule for exactly this command, where one may be kept.
fn always(call: &Call, context: &Context) -> Option<Rule> {
    let facts = &call.facts;
    let ([argv], [program]) = (facts.argv.as_slice(), facts.programs.as_slice()) else {
        return None;
    };
    let keepable = call.access == Access::Execute
        && facts.doubts.is_empty()
        && facts.needs.is_empty()
        && !facts.shell
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
