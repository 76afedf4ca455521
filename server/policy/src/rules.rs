//! All rules with their tiers. Rules of a weak tier may only tighten (I10), and each rule must pass its own tests.

use std::path::{Path, PathBuf};

use interline_log::{Access, Tier};
use sha2::{Digest as _, Sha256};

use crate::bound::Bound;
use crate::facts::{Call, Facts, PathFact};
use crate::host::host_name;
use crate::managed::Managed;
use crate::reach::{Closed, Reach};
use crate::reason::visible;
use crate::rule::{CompiledRule, Rule, RuleEffect};
use crate::shell::{analyse_shell_by_names, hosts_in_urls, only_fetches};

/// All rules, each with its tier, and the harness's own folders.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<CompiledRule>,
    own: Vec<PathBuf>,
    managed: Option<Managed>,
    digest: String,
}

/// A rule that can't be used; says which and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RuleError(pub String);

impl Rules {
    /// Adds rules of a tier; refuses those that a tier must not have and those whose own tests fail. Atomic: on an
    /// error none is added.
    pub fn add(&mut self, tier: Tier, rules: Vec<Rule>) -> Result<(), RuleError> {
        let mut number = self.rules.iter().filter(|rule| rule.tier == tier).count();
        let mut added = Vec::with_capacity(rules.len());
        for rule in rules {
            number += 1;
            let rule = check(tier, number, rule)
                .map_err(|what| RuleError(format!("{} rule {number}: {what}", name(tier))))?;
            added.push(rule);
        }
        for rule in &added {
            self.extend_digest(&format!("{:?}", (rule.tier, &rule.rule)));
        }
        self.rules.append(&mut added);
        Ok(())
    }

    /// Names the harness's own folders (configuration, state, managed policy), as real paths: no call may write
    /// there, and reading there asks.
    pub fn protect(&mut self, folders: impl IntoIterator<Item = PathBuf>) {
        for folder in folders {
            self.extend_digest(&format!("{folder:?}"));
            self.own.push(folder);
        }
    }

    /// Adds the organisation's policy: it sees every call, and may only tighten.
    pub fn manage(&mut self, managed: Managed) {
        self.managed = Some(managed);
    }

    /// The organisation's policy.
    #[must_use]
    pub fn managed(&self) -> Option<&Managed> {
        self.managed.as_ref()
    }

    /// Tells this policy from every other one: permits are bound to it.
    #[must_use]
    pub fn digest(&self) -> String {
        match &self.managed {
            Some(managed) => format!("{}:{}", self.digest, managed.digest()),
            None => self.digest.clone(),
        }
    }

    fn extend_digest(&mut self, text: &str) {
        let mut hash = Sha256::new();
        hash.update(&self.digest);
        hash.update(text);
        self.digest = format!("{:x}", hash.finalize());
    }

    pub(crate) fn own(&self) -> &[PathBuf] {
        &self.own
    }

    /// The strongest ask or deny rule that matches.
    pub(crate) fn tightening(&self, call: &Call, tainted: bool) -> Option<&CompiledRule> {
        let of = |effect| {
            self.rules
                .iter()
                .filter(move |rule| rule.rule.effect == effect)
                .find(|rule| rule.matches(call, tainted, false))
        };
        of(RuleEffect::Deny).or_else(|| of(RuleEffect::Ask))
    }

    /// The hosts that rules open to a command, were it to run in the sandbox. What the user is asked about with this
    /// call is not closed to it.
    pub(crate) fn reach(&self, call: &Call, tainted: bool) -> Reach {
        let opened = self.rules.iter().filter_map(|rule| rule.opens(call));
        let closed = self.rules.iter().filter_map(|rule| {
            let host = rule.closes(call, tainted)?.clone();
            let by = rule.by();
            let asks = rule.rule.effect == RuleEffect::Ask;
            Some(Closed {
                why: if asks {
                    format!("{by} asks before it is reached: a command has to name it (as in `curl https://…`)")
                } else {
                    format!("{by} denies it")
                },
                but: if asks && rule.matches(call, tainted, false) {
                    let named = call.facts.hosts.iter();
                    named.filter_map(|host| host_name(host).ok()).collect()
                } else {
                    Vec::new()
                },
                host,
            })
        });
        Reach::new(opened.cloned().collect(), closed.collect())
    }

    /// The rule by which all that a command needs of the network is open to it in the sandbox: every host that it names,
    /// and where it names none (`npm install`), a rule about that very command.
    ///
    /// Nothing depends on it but where the command is tried: the proxy looks at each connection.
    pub(crate) fn covering(&self, call: &Call) -> Option<&CompiledRule> {
        let facts = &call.facts;
        let by_proxy = |need: &String| need == "network" || need == "install";
        if facts.needs.is_empty() || !facts.needs.iter().all(by_proxy) || !facts.dangers.is_empty()
        {
            return None;
        }
        let opening = || {
            let opening = self
                .rules
                .iter()
                .filter_map(|rule| Some((rule, rule.opens(call)?)));
            // Hosts for whatever command: those of one that fetches them by name.
            let fetches = only_fetches(facts);
            opening.filter(move |(rule, _)| fetches || !rule.rule.argv.is_empty())
        };
        let own = opening().find(|(rule, _)| !rule.rule.argv.is_empty());
        let mut named = hosts_in_urls(facts);
        if named.is_empty() {
            // Any word with a dot counts as a host (`npm install lodash.get`).
            if let Some((rule, _)) = own {
                return Some(rule);
            }
            named.clone_from(&facts.hosts);
        }
        let mut found = None;
        for host in named {
            let host = host_name(&host).ok()?;
            let (rule, _) = opening().find(|(_, pattern)| pattern.names(&host))?;
            found = found.or(Some(rule));
        }
        found
    }

    /// The first allow rule that covers the call. `outside`: what leaves the workspace is covered too.
    pub(crate) fn allowing(
        &self,
        call: &Call,
        tainted: bool,
        outside: bool,
    ) -> Option<&CompiledRule> {
        self.rules
            .iter()
            .filter(|rule| rule.rule.effect == RuleEffect::Allow)
            .find(|rule| rule.matches(call, tainted, outside))
    }
}

/// The name of a tier in messages.
pub(crate) fn name(tier: Tier) -> &'static str {
    match tier {
        Tier::Managed => "managed",
        Tier::BuiltIn => "built-in",
        Tier::User => "user",
        Tier::Plugin => "plugin",
        Tier::Skill => "skill",
        Tier::Repo => "repo",
    }
}

fn check(tier: Tier, number: usize, rule: Rule) -> Result<CompiledRule, String> {
    if rule.effect == RuleEffect::Allow {
        check_allow(tier, &rule)?;
    }
    if rule.argv.is_empty() && (rule.exact || rule.program.is_some()) {
        return Err("`exact` and `program` speak of `argv`: add `argv`, or remove them".into());
    }
    let rule = CompiledRule::new(tier, number, rule)?;
    self_test(&rule)?;
    Ok(rule)
}

fn check_allow(tier: Tier, rule: &Rule) -> Result<(), String> {
    if tier > Tier::User {
        return Err(format!(
            "a rule of the {} tier may ask or deny, never allow: remove it, or write it into your own config.toml",
            name(tier)
        ));
    }
    if rule.tool.contains(['*', '?', '[', '{']) {
        return Err(format!(
            "an allow rule names one tool, not `{}`: write a rule for each tool",
            visible(&rule.tool)
        ));
    }
    if rule.tool == "shell" && rule.argv.is_empty() && rule.host.is_none() {
        return Err(
            "an allow rule for `shell` needs `argv`, such as argv = [\"cargo\", [\"test\", \"check\"]], or `host`"
                .into(),
        );
    }
    if rule.opens_host() && (rule.path.is_some() || !rule.effects.is_empty()) {
        return Err(
            "an allow rule with `host` opens that host to commands in the sandbox, whatever they do: remove `path` and `effects`"
                .into(),
        );
    }
    if rule.tool != "shell" && rule.host.is_some() && !rule.argv.is_empty() {
        return Err("`argv` is for commands: remove it, or write tool = \"shell\"".into());
    }
    if rule.when_tainted == Some(true) {
        return Err(
            "an allow rule can't have when_tainted = true: such sessions always ask; remove it"
                .into(),
        );
    }
    Ok(())
}

fn self_test(rule: &CompiledRule) -> Result<(), String> {
    let cases = rule.rule.matches.iter().map(|text| (text, true));
    for (text, expected) in cases.chain(rule.rule.not_match.iter().map(|text| (text, false))) {
        let call = example(&rule.rule, text)?;
        let tainted = rule.rule.when_tainted.unwrap_or(false);
        if matches(rule, &call, tainted) == expected {
            continue;
        }
        let shown = visible(text);
        if !expected {
            return Err(format!(
                "its own test fails: it matches `{shown}` of `not_match`; narrow the rule or remove the example"
            ));
        }
        let because = match (call.facts.doubts.as_slice(), call.facts.dangers.as_slice()) {
            ([], []) => String::new(),
            (doubts, dangers) => format!(
                " (the command is never allowed by rule: {})",
                [doubts, dangers].concat().join(", ")
            ),
        };
        return Err(format!(
            "its own test fails: it does not match `{shown}` of `match`{because}; correct the rule or the example"
        ));
    }
    Ok(())
}

/// Of a rule that opens a host: it is that command's, and opens all that it names.
fn matches(rule: &CompiledRule, call: &Call, tainted: bool) -> bool {
    let Some(pattern) = rule.opens(call) else {
        return rule.matches(call, tainted, false);
    };
    let urls = hosts_in_urls(&call.facts);
    let opened = |host: &String| host_name(host).is_ok_and(|host| pattern.names(&host));
    urls.iter().all(opened) && !(urls.is_empty() && rule.rule.argv.is_empty())
}

/// The call that an example stands for. Nothing is looked up on the disk: a rule means the same everywhere.
fn example(rule: &Rule, text: &str) -> Result<Call, String> {
    let facts = if !rule.argv.is_empty() || rule.tool == "shell" {
        let mut facts = analyse_shell_by_names(text, Path::new("/workspace"));
        if let Some(program) = &rule.program {
            facts.programs = vec![program.clone(); facts.argv.len()];
        }
        facts
    } else if rule.path.is_some() {
        let inside = !Path::new(text).is_absolute();
        Facts {
            paths: vec![PathFact {
                sent: text.to_owned(),
                resolved: Path::new("/workspace").join(text),
                inside,
                write: false,
            }],
            ..Facts::default()
        }
    } else if rule.host.is_some() {
        Facts {
            hosts: vec![text.to_owned()],
            ..Facts::default()
        }
    } else {
        return Err(
            "`match` and `not_match` test `argv`, `path` or `host`: add one of these".into(),
        );
    };
    Ok(Call {
        tool: rule.tool.clone(),
        input: String::new(),
        access: Access::Execute,
        facts,
        bound: Bound::default(),
    })
}
