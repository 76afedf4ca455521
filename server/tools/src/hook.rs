//! Hooks: programs of the user's, the organisation's or a trusted repository's that are asked before a call.
//!
//! A hook runs in the sandbox, with the workspace to read and no network; it gets one JSON object on standard input
//! and answers with one on standard output. It can only object (see [`Opinion`]). Whatever goes wrong with it asks:
//! no sandbox, no program, an error, a time-out, too much output, an answer that is not understood. Nothing here
//! decides.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use interline_log::{Mode, Tier};
use interline_policy::{Decision, Opinion, Raise, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::process::{
    Capture, ChildEnvironment, Confined, End, Ground, Job, Streams, is_executable,
};
use crate::sandbox::{Limits, Mount};
use crate::{Environment, Prepared, visible};

/// Bytes of an answer; more is none.
const ANSWER: usize = 16 << 10;
/// Characters of a reason.
const REASON: usize = 300;
/// Programs of the repository's own that its hooks may be: the folder that its trust covers.
pub const REPO_HOOKS: &str = ".interline/hooks";

/// A program that is asked before a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// As decisions name it, such as `user hook 2`.
    pub name: String,
    /// Who set it up.
    pub tier: Tier,
    /// Only for calls of this tool.
    pub tool: Option<String>,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long it may take, in seconds.
    pub seconds: u32,
}

/// What hooks are asked about.
#[derive(Debug)]
pub struct Question<'a> {
    /// The call.
    pub prepared: &'a Prepared,
    /// What was decided without them.
    pub decision: &'a Decision,
    /// The session's mode.
    pub mode: Mode,
}

/// Asks the hooks that are for this call, side by side. Those of the repository only where its folder is trusted;
/// nobody where the call is denied already. `fault`: why the environment has no sandbox, where it has none.
pub async fn consult(
    hooks: &[Hook],
    question: &Question<'_>,
    environment: &Environment,
    fault: &str,
    cancel: &CancellationToken,
) -> Vec<Opinion> {
    if matches!(question.decision.verdict, Verdict::Deny) {
        return Vec::new();
    }
    let call = question.prepared.call();
    let asked = hooks.iter().filter(|hook| {
        let tool = hook.tool.as_ref().is_none_or(|tool| *tool == call.tool);
        tool && (hook.tier != Tier::Repo || environment.trusted)
    });
    let input = input(question, environment.workspace.root());
    let answers = asked.map(|hook| {
        let input = input.clone();
        async move {
            let answer = hook.ask(input, environment, fault, cancel).await;
            hook.opinion(answer)
        }
    });
    join_all(answers).await.into_iter().flatten().collect()
}

fn input(question: &Question<'_>, root: &Path) -> String {
    let call = question.prepared.call();
    let decision = match question.decision.verdict {
        Verdict::Allow(_) => "allow",
        Verdict::Ask(_) => "ask",
        Verdict::Deny => "deny",
    };
    // Canonical JSON, by the registry.
    let input: Value = serde_json::from_str(&call.input).unwrap_or_default();
    json!({
        "event": "before-tool",
        "tool": call.tool,
        "access": call.access,
        "input": input,
        "facts": call.facts,
        "decision": decision,
        "by": question.decision.by,
        "reasons": question.decision.reasons,
        "mode": question.mode,
        "workspace": root.to_string_lossy(),
    })
    .to_string()
        + "\n"
}

/// What a hook answers. All of it may be left out: it has nothing to object.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default)]
    decision: Word,
    #[serde(default)]
    reason: String,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    #[default]
    Allow,
    Ask,
    Deny,
}

impl Hook {
    fn opinion(&self, answer: Result<Answer, String>) -> Option<Opinion> {
        let (raise, reason) = match answer {
            Ok(Answer { decision, reason }) => match decision {
                Word::Allow => return None,
                Word::Ask => (Raise::Ask, reason),
                Word::Deny => (Raise::Deny, reason),
            },
            Err(fault) => (Raise::Ask, format!("it could not be asked: {fault}")),
        };
        let reason = match reason.trim() {
            "" => "no reason given".to_owned(),
            reason => visible::line(reason, REASON),
        };
        Some(Opinion {
            by: self.name.clone(),
            raise,
            reason,
        })
    }

    async fn ask(
        &self,
        input: String,
        environment: &Environment,
        fault: &str,
        cancel: &CancellationToken,
    ) -> Result<Answer, String> {
        let root = environment.workspace.root();
        let child = ChildEnvironment::new(&environment.env, root);
        let program = self.program(&child, root)?;
        let confined = self.confined(environment, &program, fault)?;
        let arguments = self.command.iter().skip(1).map(OsString::from);
        let job = Job {
            program,
            arguments: arguments.collect(),
            folder: root.to_owned(),
            environment: child,
            time_limit: Duration::from_secs(self.seconds.into()),
            input: Some(input),
        };
        let streams = Streams::Split(Capture::new(ANSWER, 0), Capture::new(0, 0));
        let finished = job
            .run(Ground::Confined(&confined), streams, cancel)
            .await?;
        match finished.end {
            End::Exited(status) if status.success() => {}
            End::Exited(status) => return Err(format!("it failed ({status})")),
            End::TimedOut => return Err(format!("it took longer than {} s", self.seconds)),
            End::Cancelled => return Err("cancelled".to_owned()),
        }
        let (Streams::Merged(stdout) | Streams::Split(stdout, _)) = &finished.streams;
        if !stdout.is_whole() {
            return Err(format!("its answer is longer than {ANSWER} bytes"));
        }
        serde_json::from_str(&stdout.text())
            .map_err(|error| format!("its answer is not understood: {error}"))
    }

    /// Never one of the workspace, but for a repository's own below [`REPO_HOOKS`].
    fn program(&self, child: &ChildEnvironment, root: &Path) -> Result<PathBuf, String> {
        let name = self.command.first().map_or("", String::as_str);
        if !name.contains('/') {
            let found = child.find(name);
            return found.ok_or_else(|| format!("there is no program `{name}` on PATH"));
        }
        let own = self.tier == Tier::Repo;
        let path = Path::new(name);
        if !path.is_absolute() && !own {
            return Err(format!(
                "`{name}` is a relative path: give the whole path, or a name on PATH"
            ));
        }
        let path = root.join(path);
        let found = path
            .canonicalize()
            .ok()
            .filter(|found| is_executable(found));
        let found = found.ok_or_else(|| format!("`{name}` is no program that can be run"))?;
        let inside = path.starts_with(root) || found.starts_with(root);
        if inside && !(own && found.starts_with(root.join(REPO_HOOKS))) {
            return Err(format!("`{name}` is in the workspace"));
        }
        Ok(found)
    }

    /// Sees the system, the workspace and, where it is not the repository's, the files that its command names.
    fn confined(
        &self,
        environment: &Environment,
        program: &Path,
        fault: &str,
    ) -> Result<Confined, String> {
        let confinement = environment.confinement.as_ref();
        let confinement =
            confinement.ok_or_else(|| format!("there is no sandbox for it: {fault}"))?;
        let root = environment.workspace.root();
        let named = self.command.iter().skip(1).map(PathBuf::from);
        let named =
            named.filter(|path| self.tier != Tier::Repo && path.is_absolute() && path.is_file());
        let files = std::iter::once(program.to_owned()).chain(named);
        let shown = files.filter(|path| !path.starts_with(root));
        let mounts = std::iter::once(root.to_owned()).chain(shown);
        let mut confined = confinement
            .reading(environment, mounts.map(Mount::ReadOnly).collect())
            .map_err(|error| error.to_string())?;
        confined.limits = Limits {
            cpu_seconds: u64::from(self.seconds) + 1,
            memory: 1 << 30,
            processes: 64,
            file_size: 64 << 20,
            ..confined.limits
        };
        Ok(confined)
    }
}
