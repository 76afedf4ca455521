//! Decides whether a call may run: `decide(call facts, rules) -> Allow(Permit) | Ask | Deny`.
//!
//! Pure: no I/O, no clock, no editor. The only maker of [`Permit`], and executors take nothing else (I2).
//! Any doubt (parse error, limit, unknown field) asks; headless, it denies (I11).

use std::path::PathBuf;

use interline_log::{Access, Mode, Tier};
use serde::{Deserialize, Serialize};

/// What is to be run: the exact call and what is proven about it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The tool.
    pub tool: String,
    /// Its input in canonical JSON; the digest binds it.
    pub input: String,
    /// The tool's access class.
    pub access: Access,
    /// What an analyser proved.
    pub facts: Facts,
}

/// What an analyser proves about a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The argument vectors that would run; empty for tools that start nothing, or where they are not proven.
    pub argv: Vec<Vec<String>>,
    /// Files that it touches.
    pub paths: Vec<PathFact>,
    /// Hosts that it speaks to.
    pub hosts: Vec<String>,
    /// What it does.
    pub effects: Vec<Effect>,
    /// Reason codes for doubts (`not-simple`, `unknown-program`, …): any makes an allow rule not apply.
    pub doubts: Vec<String>,
    /// Reason codes for dangers (`destructive`, `secret`, …): never always-allowed.
    pub dangers: Vec<String>,
}

/// One file that a call touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathFact {
    /// As sent.
    pub sent: String,
    /// With symlinks resolved, absolute; what would really be touched.
    pub resolved: PathBuf,
    /// Inside the workspace.
    pub inside: bool,
    /// It is written.
    pub write: bool,
}

/// A kind of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Reads files.
    Read,
    /// Changes files.
    Write,
    /// Speaks to a host.
    Network,
    /// Starts programs.
    Execute,
    /// Touches a secret.
    Secret,
    /// Destroys what can't be had again.
    Destroy,
    /// Works outside of the workspace.
    Outside,
}

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
}

/// What follows from a decision.
#[derive(Debug)]
pub enum Verdict {
    /// It may run.
    Allow(Permit),
    /// The user decides.
    Ask(Ask),
    /// It may not run.
    Deny,
}

/// The proof that one exact call may run, once: executors consume it.
#[derive(Debug)]
pub struct Permit {
    digest: String,
}

impl Permit {
    /// Does it stand for this very call?
    #[must_use]
    pub fn covers(&self, call: &Call) -> bool {
        self.digest == call.digest()
    }
}

/// A decision that is the user's. It can be approved once, and only for the call that it was made for.
#[derive(Debug)]
pub struct Ask {
    digest: String,
    /// Plain words, one effect a line, resolved targets, control characters visible.
    pub effects: Vec<String>,
    /// It can destroy or send something.
    pub danger: bool,
    /// The rule that "always allow" would keep; `None`: it must not be offered.
    pub always: Option<Rule>,
}

impl Ask {
    /// The user said yes to exactly this.
    #[must_use]
    pub fn approve(self) -> Permit {
        Permit {
            digest: self.digest,
        }
    }
}

impl Call {
    /// Hex SHA-256 over tool, input and facts.
    #[must_use]
    pub fn digest(&self) -> String {
        todo!()
    }
}

/// Decides. Combines by max(deny > ask > allow).
#[must_use]
pub fn decide(call: &Call, rules: &Rules, context: &Context) -> Decision {
    let _ = (call, rules, context);
    todo!()
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What follows where it matches.
    pub effect: RuleEffect,
    /// The tool that it is about.
    pub tool: String,
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

/// All rules, each with its tier.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<(Tier, Rule)>,
}

impl Rules {
    /// Adds rules of a tier; refuses those that a tier must not have and those whose own tests fail.
    pub fn add(&mut self, tier: Tier, rules: Vec<Rule>) -> Result<(), RuleError> {
        let _ = (tier, rules);
        todo!()
    }
}

/// A rule that can't be used; says which and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RuleError(pub String);

/// Analyses a shell command for [`Call::facts`]. `cwd` is the workspace's root.
#[must_use]
pub fn analyse_shell(command: &str, root: &std::path::Path) -> Facts {
    let _ = (command, root);
    todo!()
}
