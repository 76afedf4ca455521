//! One rule: its closed schema, and whether it matches a call.
//!
//! Ask and deny rules match on any sign; allow rules only where everything about the call is proven and covered.

use std::fmt;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use interline_log::Tier;
use serde::{Deserialize, Serialize};

use crate::facts::{Call, Effect, Facts, PathFact};
use crate::host::{HostPattern, host_name};
use crate::reason::visible;
use crate::shell::{base_name, without_global_options};

/// One rule, as it stands in a `[[rule]]` table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What follows where it matches.
    pub effect: RuleEffect,
    /// The tool that it is about; ask and deny rules may have a glob (`*`, `mcp__server__*`).
    pub tool: String,
    /// The beginning of the argument vector, token by token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<ArgPattern>,
    /// `argv` is the whole argument vector, not its beginning.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exact: bool,
    /// The program's path (its real folder and its name). Rules that "always allow" keeps have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// A glob: relative to the workspace, or absolute. Of commands it allows only those known to only read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A host: `example.com`, or `.example.com` for all names below it without itself. Ask and deny: of commands and
    /// tools that name it, or a name below it. Allow, tool `shell`: commands in the sandbox reach it by the proxy, at port
    /// 443 and 80 or at the one that it names (`example.com:8443`); with `argv` those commands alone.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "sound_host"
    )]
    pub host: Option<String>,
    /// Ask and deny: any of these. Allow: no other than these; `read`, `write`, `execute` where it is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// Only in sessions that hold (`true`) or do not hold (`false`) untrusted content. Allow rules never apply
    /// where untrusted content is in the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_tainted: Option<bool>,
    /// Why, for the user and the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Commands, paths or hosts that the rule must match; tested when it is loaded.
    #[serde(default, rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<String>,
    /// And those that it must not match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_match: Vec<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// Read here already, so that the error has a line. What fits the rule's effect is seen when it is compiled.
fn sound_host<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.parse::<IpAddr>().is_err() {
        HostPattern::parse(&text).map_err(serde::de::Error::custom)?;
    }
    Ok(Some(text))
}

/// One token of a command: a word, or a choice of words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ArgPattern {
    /// This word.
    Word(String),
    /// One of these words.
    OneOf(Vec<String>),
}

/// What follows from a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    /// Runs.
    Allow,
    /// Asks.
    Ask,
    /// Does not run.
    Deny,
}

impl Rule {
    /// A rule about all calls of a tool; set further fields to narrow it.
    #[must_use]
    pub fn new(effect: RuleEffect, tool: &str) -> Self {
        Self {
            effect,
            tool: tool.to_owned(),
            argv: Vec::new(),
            exact: false,
            program: None,
            path: None,
            host: None,
            effects: Vec::new(),
            when_tainted: None,
            reason: None,
            matches: Vec::new(),
            not_match: Vec::new(),
        }
    }
}

impl Rule {
    /// It opens a host to commands in the sandbox, and says nothing of what may leave it.
    pub(crate) fn opens_host(&self) -> bool {
        self.effect == RuleEffect::Allow && self.tool == "shell" && self.host.is_some()
    }

    /// Does an allow rule say by its effects that what it allows may leave the sandbox?
    pub(crate) fn covers_needs(&self, facts: &Facts) -> bool {
        let network = |need: &String| need == "network" && self.effects.contains(&Effect::Network);
        let outside = self.effects.contains(&Effect::Outside);
        facts.needs.iter().all(|need| outside || network(need))
    }
}

/// The rule in one line, for prompts and lists.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            RuleEffect::Allow => "allow",
            RuleEffect::Ask => "ask",
            RuleEffect::Deny => "deny",
        };
        write!(f, "{effect} {}", visible(&self.tool))?;
        if !self.argv.is_empty() {
            let words: Vec<String> = self.argv.iter().map(ToString::to_string).collect();
            let more = if self.exact { "" } else { " …" };
            write!(f, " `{}{more}`", words.join(" "))?;
        }
        if let Some(program) = &self.program {
            write!(f, " ({})", visible(&program.to_string_lossy()))?;
        }
        if let Some(path) = &self.path {
            write!(f, " on {}", visible(path))?;
        }
        if let Some(host) = &self.host {
            write!(f, " to {}", visible(host))?;
        }
        Ok(())
    }
}

impl fmt::Display for ArgPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(&crate::reason::quoted(word)),
            Self::OneOf(words) => {
                let words: Vec<String> = words.iter().map(|w| crate::reason::quoted(w)).collect();
                write!(f, "[{}]", words.join("|"))
            }
        }
    }
}

impl ArgPattern {
    fn covers(&self, token: &str) -> bool {
        match self {
            Self::Word(word) => word == token,
            Self::OneOf(words) => words.iter().any(|word| word == token),
        }
    }
}

/// A rule with its globs compiled.
#[derive(Clone, Debug)]
pub(crate) struct CompiledRule {
    pub(crate) tier: Tier,
    /// Counts from 1 within the tier.
    pub(crate) number: usize,
    pub(crate) rule: Rule,
    tool: GlobMatcher,
    path: Option<PathPattern>,
    host: Option<Host>,
}

/// The host of a rule.
#[derive(Clone, Debug)]
enum Host {
    Named(HostPattern),
    /// Of ask and deny rules alone: outside of the sandbox a command can speak to one.
    Address(String),
}

#[derive(Clone, Debug)]
struct PathPattern {
    /// Written as an absolute path.
    absolute: bool,
    as_written: GlobMatcher,
    /// A relative glob, anywhere: for what a path resolves to.
    anywhere: GlobMatcher,
}

impl CompiledRule {
    /// Compiles the globs. The error says what is wrong, without naming the rule.
    pub(crate) fn new(tier: Tier, number: usize, rule: Rule) -> Result<Self, String> {
        let tool = glob(&rule.tool).map_err(|error| format!("`tool` is no glob: {error}"))?;
        let path = match &rule.path {
            Some(path) => Some(PathPattern::new(path)?),
            None => None,
        };
        let host = match &rule.host {
            Some(host) => Some(Host::new(host, rule.effect)?),
            None => None,
        };
        Ok(Self {
            tier,
            number,
            rule,
            tool,
            path,
            host,
        })
    }

    /// Who it is, for people: `user rule 3`.
    pub(crate) fn by(&self) -> String {
        format!("{} rule {}", crate::rules::name(self.tier), self.number)
    }

    /// Some tools do what others do, to whatever files: who forbids one of those, or wants to be asked, means them too.
    fn is_about(&self, call: &Call) -> bool {
        const DONE: [&str; 4] = ["edit", "write", "move", "delete"];
        const BY: [&str; 3] = ["apply_patch", "quickfix", "rename"];
        let tightens = self.rule.effect != RuleEffect::Allow;
        let writes = || call.facts.paths.iter().any(|path| path.write);
        let is_by = || tightens && BY.contains(&call.tool.as_str()) && writes();
        self.tool.is_match(&call.tool)
            || (is_by() && DONE.iter().any(|name| self.tool.is_match(name)))
    }

    /// Does it apply to the call itself? What opens hosts to a command is asked by [`Self::opens`].
    pub(crate) fn matches(&self, call: &Call, tainted: bool, outside: bool) -> bool {
        self.is_about(call)
            && self.rule.when_tainted.is_none_or(|when| when == tainted)
            && match self.rule.effect {
                RuleEffect::Allow => {
                    !tainted && !self.rule.opens_host() && self.allows(&call.facts, outside)
                }
                RuleEffect::Ask | RuleEffect::Deny => self.tightens(&call.facts),
            }
    }

    /// The host that it opens to this command, were it to run in the sandbox. Whoever can't be proven to be another
    /// one counts as a command without `argv`.
    pub(crate) fn opens(&self, call: &Call) -> Option<&HostPattern> {
        let facts = &call.facts;
        let proven = || facts.doubts.is_empty() && self.allows_argv(facts);
        let opens = self.rule.opens_host()
            && self.tool.is_match(&call.tool)
            && (self.rule.argv.is_empty() || proven());
        match &self.host {
            Some(Host::Named(host)) if opens => Some(host),
            _ => None,
        }
    }

    /// The host that it closes to this command, whatever else opens it.
    pub(crate) fn closes(&self, call: &Call, tainted: bool) -> Option<&HostPattern> {
        let closes = self.rule.effect != RuleEffect::Allow
            && self.tool.is_match(&call.tool)
            && self.rule.when_tainted.is_none_or(|when| when == tainted)
            && (self.rule.argv.is_empty() || self.finds_argv(&call.facts));
        match &self.host {
            Some(Host::Named(host)) if closes => Some(host),
            _ => None,
        }
    }

    /// Any sign is enough.
    fn tightens(&self, facts: &Facts) -> bool {
        let rule = &self.rule;
        (rule.argv.is_empty() || self.finds_argv(facts))
            && self
                .path
                .as_ref()
                .is_none_or(|pattern| self.finds_path(pattern, facts))
            && self
                .host
                .as_ref()
                .is_none_or(|host| facts.hosts.iter().any(|named| host.is_touched_by(named)))
            && (rule.effects.is_empty() || rule.effects.iter().any(|e| facts.effects.contains(e)))
    }

    /// Proven commands match at their beginning. In what could not be proven the command may stand anywhere
    /// (behind `env`, in a subshell), so that a wrapping is never looser than what it wraps.
    fn finds_argv(&self, facts: &Facts) -> bool {
        let proven = facts.doubts.is_empty();
        facts.argv.iter().chain(&facts.inside).any(|argv| {
            let starts = if proven { 1 } else { argv.len() };
            (0..starts).any(|start| {
                argv.get(start..)
                    .is_some_and(|command| self.begins_command(command, self.rule.exact && proven))
            })
        })
    }

    /// A path of the call or, where not all of them may be known, any word of it.
    fn finds_path(&self, pattern: &PathPattern, facts: &Facts) -> bool {
        let words = facts.argv.iter().flatten();
        facts.paths.iter().any(|path| pattern.touches(path))
            || (!facts.doubts.is_empty()
                && words
                    .into_iter()
                    .any(|word| pattern.as_written.is_match(normal(word))))
    }

    fn begins_command(&self, command: &[String], exact: bool) -> bool {
        let (Some(program), Some(first)) = (command.first(), self.rule.argv.first()) else {
            return false;
        };
        if !first.covers(program) && !first.covers(base_name(program)) {
            return false;
        }
        // `git -C elsewhere push` is a push as well.
        let written = command.get(1..).unwrap_or_default();
        let rest = self.rule.argv.get(1..).unwrap_or_default();
        let bare = without_global_options(base_name(program), written);
        begins(rest, written, exact) || begins(rest, bare, exact)
    }

    /// Everything must be proven, and covered by the rule. `outside`: what leaves the workspace is covered too.
    fn allows(&self, facts: &Facts, outside: bool) -> bool {
        facts.doubts.is_empty()
            && facts.dangers.is_empty()
            && self.allows_argv(facts)
            && self.allows_paths(facts, outside)
            && self.allows_hosts(facts, outside)
            && facts
                .effects
                .iter()
                .all(|effect| self.allows_effect(*effect, outside))
    }

    fn allows_argv(&self, facts: &Facts) -> bool {
        if self.rule.argv.is_empty() {
            return true;
        }
        let program = self.rule.program.as_ref();
        !facts.argv.is_empty()
            && facts
                .argv
                .iter()
                .all(|argv| begins(&self.rule.argv, argv, self.rule.exact))
            && program.is_none_or(|program| {
                facts.programs.len() == facts.argv.len()
                    && facts.programs.iter().all(|found| found == program)
            })
    }

    fn allows_paths(&self, facts: &Facts, outside: bool) -> bool {
        match &self.path {
            // Of a program that is not known, any word may be a path.
            Some(pattern) => {
                let known = facts.argv.is_empty() || !facts.effects.contains(&Effect::Execute);
                known
                    && !facts.paths.is_empty()
                    && facts.paths.iter().all(|path| pattern.holds(path))
            }
            None => {
                outside
                    || self.rule.effects.contains(&Effect::Outside)
                    || facts.paths.iter().all(|path| path.inside)
            }
        }
    }

    fn allows_hosts(&self, facts: &Facts, outside: bool) -> bool {
        match &self.host {
            Some(host) => !facts.hosts.is_empty() && facts.hosts.iter().all(|named| host.is(named)),
            None => {
                outside || self.rule.effects.contains(&Effect::Network) || facts.hosts.is_empty()
            }
        }
    }

    fn allows_effect(&self, effect: Effect, outside: bool) -> bool {
        if !self.rule.effects.is_empty() {
            return self.rule.effects.contains(&effect);
        }
        match effect {
            Effect::Read | Effect::Write | Effect::Execute => true,
            Effect::Network => outside || self.rule.host.is_some(),
            Effect::Outside => outside || self.rule.path.is_some(),
            Effect::Secret | Effect::Destroy => false,
        }
    }
}

impl Host {
    fn new(text: &str, effect: RuleEffect) -> Result<Self, String> {
        let tightens = effect != RuleEffect::Allow;
        if tightens && text.parse::<IpAddr>().is_ok() {
            return Ok(Self::Address(text.to_owned()));
        }
        let pattern = HostPattern::parse(text)?;
        if tightens && pattern.has_port() {
            return Err(format!(
                "`host` `{}`: a rule that asks or denies is about the whole host: leave the port out",
                visible(text)
            ));
        }
        Ok(Self::Named(pattern))
    }

    /// Any sign is enough.
    fn is_touched_by(&self, named: &str) -> bool {
        let named = named.trim_end_matches('.').to_ascii_lowercase();
        match self {
            Self::Named(pattern) => pattern.names_widely(&named),
            Self::Address(address) => *address == named,
        }
    }

    fn is(&self, named: &str) -> bool {
        match (self, host_name(named)) {
            (Self::Named(pattern), Ok(named)) => pattern.names(&named),
            _ => false,
        }
    }
}

impl PathPattern {
    fn new(text: &str) -> Result<Self, String> {
        if text.starts_with('~') {
            return Err(format!(
                "`path` `{}` starts with `~`: write the absolute path, or `**/` and the end of it",
                visible(text)
            ));
        }
        let bad = |error| format!("`path` is no glob: {error}");
        Ok(Self {
            absolute: Path::new(text).is_absolute() || text.starts_with("**/"),
            as_written: glob(text).map_err(bad)?,
            anywhere: glob(&format!("**/{text}")).map_err(bad)?,
        })
    }

    /// As sent or as resolved.
    fn touches(&self, path: &PathFact) -> bool {
        self.as_written.is_match(normal(&path.sent))
            || self.as_written.is_match(&path.resolved)
            || (!self.absolute && self.anywhere.is_match(&path.resolved))
    }

    /// As resolved, and for relative globs as sent too: those speak of the workspace.
    fn holds(&self, path: &PathFact) -> bool {
        if self.absolute {
            return self.as_written.is_match(&path.resolved);
        }
        path.inside
            && self.as_written.is_match(normal(&path.sent))
            && self.anywhere.is_match(&path.resolved)
    }
}

/// The tokens begin with the pattern; `exact`: and end with it.
fn begins(pattern: &[ArgPattern], tokens: &[String], exact: bool) -> bool {
    let fits = if exact {
        pattern.len() == tokens.len()
    } else {
        pattern.len() <= tokens.len()
    };
    fits && pattern.iter().zip(tokens).all(|(p, t)| p.covers(t))
}

/// Without `.` and `..`, by the text alone.
fn normal(path: &str) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    normal.push("..");
                }
            }
            other => normal.push(other),
        }
    }
    normal
}

fn glob(text: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(text)
        .literal_separator(true)
        .build()?
        .compile_matcher())
}
