//! What is to be run and what is proven about it. No judgement here: that is `decide`'s.

use std::path::PathBuf;

use interline_log::Access;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bound::Bound;

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
    /// What else it was decided for: a change of it makes the permit void.
    pub bound: Bound,
}

/// What an analyser proves about a call. Make it with `..Facts::default()`: fields are added as analysers learn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The argument vectors that would run. Proven only where `doubts` is empty; otherwise a best effort that
    /// ask and deny rules look at and nothing else. Empty for tools that start nothing.
    pub argv: Vec<Vec<String>>,
    /// What those start in turn (`uv run X`): for ask and deny rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Vec<String>>,
    /// The program of each argument vector: its real folder and the name that it is called by; empty where it was
    /// not found.
    #[serde(default)]
    pub programs: Vec<PathBuf>,
    /// Files that it touches.
    pub paths: Vec<PathFact>,
    /// Hosts that it speaks to.
    pub hosts: Vec<String>,
    /// What it does.
    pub effects: Vec<Effect>,
    /// Reason codes for doubts (`not-simple`, `unknown-option`, …): any makes an allow rule not apply.
    pub doubts: Vec<String>,
    /// Reason codes for dangers (`destructive`, `secret`, …): never always-allowed.
    pub dangers: Vec<String>,
    /// Reason codes for what can't be done in the sandbox (`network`, `git-history`, `install`, …).
    #[serde(default)]
    pub needs: Vec<String>,
    /// It takes a shell to run it: there is more to it than one argument vector.
    #[serde(default)]
    pub shell: bool,
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
    /// Runs code that is not known to only read.
    Execute,
    /// Touches a secret.
    Secret,
    /// Destroys what can't be had again.
    Destroy,
    /// Works outside of the workspace.
    Outside,
}

impl Facts {
    pub(crate) fn doubt(&mut self, code: &str) {
        push_once(&mut self.doubts, code.to_owned());
    }

    pub(crate) fn danger(&mut self, code: &str) {
        push_once(&mut self.dangers, code.to_owned());
    }

    pub(crate) fn need(&mut self, code: &str) {
        push_once(&mut self.needs, code.to_owned());
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        push_once(&mut self.effects, effect);
    }
}

fn push_once<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

impl Call {
    /// Hex SHA-256 over tool, input, access and facts.
    #[must_use]
    pub fn digest(&self) -> String {
        let facts = &self.facts;
        let mut hash = Fields(Sha256::new());
        hash.field(self.tool.as_bytes());
        hash.field(self.input.as_bytes());
        hash.field(format!("{:?}", self.access).as_bytes());
        hash.count(facts.argv.len());
        for argv in &facts.argv {
            hash.list(argv);
        }
        hash.count(facts.inside.len());
        for argv in &facts.inside {
            hash.list(argv);
        }
        hash.count(facts.programs.len());
        for program in &facts.programs {
            hash.field(program.as_os_str().as_encoded_bytes());
        }
        hash.count(facts.paths.len());
        for path in &facts.paths {
            hash.field(path.sent.as_bytes());
            hash.field(path.resolved.as_os_str().as_encoded_bytes());
            hash.field(&[u8::from(path.inside), u8::from(path.write)]);
        }
        hash.list(&facts.hosts);
        hash.field(format!("{:?}", facts.effects).as_bytes());
        hash.list(&facts.doubts);
        hash.list(&facts.dangers);
        hash.list(&facts.needs);
        hash.field(&[u8::from(facts.shell)]);
        self.bound.hash(&mut hash);
        format!("{:x}", hash.0.finalize())
    }
}

/// Hashes fields with their lengths, so that no two calls give the same bytes. By hand rather than over JSON,
/// which can't hold a path that is not UTF-8.
pub(crate) struct Fields(Sha256);

impl Fields {
    pub(crate) fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    pub(crate) fn field(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    pub(crate) fn list(&mut self, texts: &[String]) {
        self.count(texts.len());
        for text in texts {
            self.field(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Call {
        Call {
            tool: "shell".into(),
            input: "{}".into(),
            access: Access::Execute,
            facts: Facts {
                argv: vec![vec!["a".into(), "b".into()]],
                ..Facts::default()
            },
            bound: Bound::default(),
        }
    }

    #[test]
    fn the_digest_binds_every_field() {
        let base = call().digest();
        assert_eq!(base.len(), 64);
        assert_eq!(base, call().digest());
        let changes: [fn(&mut Call); 13] = [
            |c| c.tool.push('x'),
            |c| c.input.push(' '),
            |c| c.access = Access::Read,
            |c| c.facts.argv = vec![vec!["a".into()], vec!["b".into()]],
            |c| c.facts.argv = vec![vec!["ab".into()]],
            |c| c.facts.programs.push("/bin/a".into()),
            |c| c.facts.hosts.push("h".into()),
            |c| c.facts.doubts.push("h".into()),
            |c| c.facts.effects.push(Effect::Read),
            |c| c.facts.needs.push("network".into()),
            |c| c.facts.shell = true,
            |c| c.bound.env.push("A".into()),
            |c| c.bound.documents.push(("a".into(), 1)),
        ];
        for change in changes {
            let mut other = call();
            change(&mut other);
            assert_ne!(base, other.digest(), "{other:?}");
        }
    }
}
