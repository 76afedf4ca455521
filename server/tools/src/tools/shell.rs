//! `shell`: one command, in the sandbox on the shadow; outside, in the real folder, where the permit says so.
//!
//! What policy has proven to be a plain argument vector runs as just that, without a shell in between; everything
//! else is what the user has read and approved, and goes to a bash that reads no start-up file.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use interline_log::{Access, CallStatus, EventData, RetryClass};
use interline_policy::{Facts, Grant, SandboxGrant};
use interline_workspace::Workspace;
use interline_workspace::proposal::Origin;
use interline_workspace::shadow::Changes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::process::{Capture, ChildEnvironment, End, Finished, Ground, Job, Streams};
use crate::tool::{Answer, Context, Stop, Tool};
use crate::visited::Visited;
use crate::{obeyed, parses, shaded, visible};

/// Bytes of output that are kept from each end.
const KEPT: usize = 15_000;
const DEFAULT_SECONDS: u32 = 120;
const MOST_SECONDS: u32 = 600;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shell {
    command: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timeout_seconds: Option<u32>,
}

impl Tool for Shell {
    const NAME: &'static str = "shell";
    const DESCRIPTION: &'static str = "Run a command in the workspace's root; bash, no terminal, no input. It runs in a sandbox \
        without network, on a copy that has unsaved text and your pending hunks in it; text files that it changes become \
        hunks, ignored build outputs stay. What must leave the sandbox (network, installs, git commit) asks the user and runs \
        on the real folder, which has neither. Nothing stays running after it. Time-out 120 s, at most 600.";
    const ACCESS: Access = Access::Execute;
    const RETRY: RetryClass = RetryClass::Opaque;

    fn title(&self) -> String {
        format!("running {}", self.command)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        if self.command.trim().is_empty() {
            return Err("the command is empty".to_owned());
        }
        if self.command.contains('\0') {
            return Err("the command has a NUL character in it".to_owned());
        }
        let root = environment.workspace.root();
        let child = ChildEnvironment::new(&environment.env, root);
        let path = OsStr::new(child.path());
        let home = environment.env.iter().find(|(name, _)| name == "HOME");
        let home = home.map(|(_, home)| Path::new(home));
        Ok(interline_policy::analyse_shell_with_path(
            &self.command,
            root,
            path,
            home,
        ))
    }

    fn detail(&self) -> Option<String> {
        Some(self.command.clone())
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let facts = Tool::facts(&self, &context.environment)?;
        let job = self.job(&context.environment, &facts)?;
        let streams = Streams::Merged(Capture::new(KEPT, KEPT));
        match &context.grant {
            Grant::Outside(grant) => {
                let ground = Ground::Granted(grant);
                let finished = job.run(ground, streams, &context.cancel).await?;
                Ok(self.report(finished))
            }
            Grant::Sandbox(grant) => {
                let Context {
                    environment,
                    cancel,
                    ..
                } = &context;
                let (finished, left) =
                    shaded::run(grant, environment, job, streams, cancel).await?;
                let answer = self.report(finished);
                if answer.status == CallStatus::Cancelled {
                    return Ok(answer);
                }
                let (origin, workspace) = (context.origin(), environment.workspace.clone());
                let network = reached(grant);
                let take = move || match left.changes() {
                    Ok(changes) => Ok(with_changes(answer, &changes, &workspace, origin, &network)),
                    Err(stop) => without_changes(answer, stop),
                };
                context.propose(take).await
            }
        }
    }
}

impl Shell {
    fn job(&self, environment: &Environment, facts: &Facts) -> Result<Job, Stop> {
        let root = environment.workspace.root();
        let child = ChildEnvironment::new(&environment.env, root);
        let (program, arguments) = match plain(facts) {
            Some(plain) => plain,
            None => {
                let bash = child.find("bash").ok_or_else(|| {
                    Stop::Failed("there is no bash on PATH: install it to run commands".to_owned())
                })?;
                let options = ["--noprofile", "--norc", "-c", &self.command];
                (bash, options.map(OsString::from).to_vec())
            }
        };
        Ok(Job {
            program,
            arguments,
            folder: root.to_owned(),
            environment: child,
            time_limit: Duration::from_secs(u64::from(self.seconds())),
            input: None,
        })
    }

    fn seconds(&self) -> u32 {
        let seconds = self.timeout_seconds.unwrap_or(DEFAULT_SECONDS);
        seconds.clamp(1, MOST_SECONDS)
    }

    fn report(&self, finished: Finished) -> Answer {
        let (Streams::Merged(output) | Streams::Split(output, _)) = &finished.streams;
        let mut content = output.text();
        if !content.is_empty() && !content.ends_with('\n') {
            content.push('\n');
        }
        if finished.left_running {
            content.push_str("(what it left running in the background was ended)\n");
        }
        let visited = Visited::of(finished.visits);
        content.push_str(&visited.lines());
        let (status, how) = match finished.end {
            End::Exited(status) if status.success() => (CallStatus::Succeeded, exit(status)),
            End::Exited(status) => (CallStatus::Failed, exit(status)),
            End::TimedOut => {
                let how = format!("timed out after {} s and was ended", self.seconds());
                (CallStatus::Failed, how)
            }
            End::Cancelled => (CallStatus::Cancelled, "cancelled by the user".to_owned()),
        };
        content.push_str(&how);
        Answer {
            status,
            content,
            summary: format!(
                "{}: {how}{}",
                visible::line(&self.command, 80),
                visited.summary()
            ),
            events: visited.event().into_iter().collect(),
        }
    }
}

/// What the command changed becomes hunks, and the answer says so.
fn with_changes(
    mut answer: Answer,
    changes: &Changes,
    workspace: &Workspace,
    origin: Origin,
    network: &str,
) -> Answer {
    let taken = changes.propose(workspace, origin);
    for outcome in &taken.outcomes {
        // Writing to a String can't fail.
        let _ = write!(answer.content, "\n{}", outcome.summary);
    }
    for notice in &taken.notices {
        let _ = write!(answer.content, "\nnote: {notice}");
    }
    let hunks: usize = taken
        .outcomes
        .iter()
        .map(|outcome| outcome.hunks.len())
        .sum();
    if hunks > 0 {
        let _ = write!(answer.summary, ", {}", counted(hunks, "hunk", "hunks"));
    } else if answer.status == CallStatus::Failed {
        let _ = write!(
            answer.content,
            "\n(it ran in the sandbox: {network}, nothing outside of the workspace)"
        );
    }
    let unparsed = parses::mark_changes(changes, &taken.outcomes);
    for mark in &unparsed {
        if let EventData::EditUnparsed { path, problems, .. } = mark {
            let places = problems.join("\n");
            let _ = write!(
                answer.content,
                "\nnote: `{path}` does not parse any more, and is marked so:\n{places}"
            );
        }
    }
    let outcomes = taken.outcomes.into_iter();
    answer.events.extend(outcomes.map(|outcome| outcome.event));
    answer.events.extend(unparsed);
    let obeyed: Vec<_> = answer.events.iter().flat_map(obeyed::obeyed).collect();
    if !obeyed.is_empty() {
        let names = visible::line(&obeyed.join(", "), 200);
        let _ = write!(
            answer.content,
            "\nnote: other programs run or obey {names}: the user has to look at that change by itself"
        );
        let _ = write!(
            answer.summary,
            ", look at {names}: other programs run or obey it"
        );
    }
    answer
}

/// What it changed is lost; what else it did is not.
fn without_changes(mut answer: Answer, stop: Stop) -> Result<Answer, Stop> {
    let Stop::Failed(why) = stop else {
        return Err(stop);
    };
    answer.status = CallStatus::Failed;
    let _ = write!(
        answer.content,
        "\nwhat it changed can't be read back: {why}"
    );
    Ok(answer)
}

/// What it had of the network, for whom it failed.
fn reached(grant: &SandboxGrant) -> String {
    match grant.reach().opened().as_slice() {
        [] => "no network".to_owned(),
        hosts => format!("of the network only {}", hosts.join(", ")),
    }
}

/// The one argument vector that is proven to be all of it, with the program that was found for it.
fn plain(facts: &Facts) -> Option<(PathBuf, Vec<OsString>)> {
    let ([argv], [program], []) = (&*facts.argv, &*facts.programs, &*facts.doubts) else {
        return None;
    };
    let (_, arguments) = argv.split_first()?;
    let arguments = arguments.iter().map(OsString::from).collect();
    (program.is_absolute() && !facts.shell).then(|| (program.clone(), arguments))
}

fn exit(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use interline_log::CallStatus;
    use serde_json::json;
    use tokio_util::sync::CancellationToken;

    use crate::Output;
    use crate::testing::Bench;

    async fn shell(bench: &Bench, command: &str) -> Output {
        bench.call("shell", json!({"command": command})).await
    }

    /// True once no process has the marker in its command line or is waited for; false if one stays for long.
    async fn gone(marker: &str) -> bool {
        for _ in 0..250 {
            let running = std::fs::read_dir("/proc")
                .expect("Linux")
                .flatten()
                .any(|entry| {
                    std::fs::read_to_string(entry.path().join("cmdline"))
                        .is_ok_and(|line| line.contains(marker) && !line.contains("interline"))
                });
            if !running {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    #[tokio::test]
    async fn output_comes_in_order_and_the_exit_code_last() {
        let bench = Bench::new(&[]);
        let done = shell(&bench, "echo one; echo two >&2; echo three; exit 3").await;
        assert_eq!(done.content, "one\ntwo\nthree\nexit code 3");
        assert_eq!(done.status, CallStatus::Failed);
        assert_eq!(
            shell(&bench, "kill -9 $$").await.content,
            "ended by signal 9"
        );
        assert_eq!(shell(&bench, "true").await.status, CallStatus::Succeeded);
    }

    #[tokio::test]
    async fn a_plain_command_runs_without_a_shell() {
        let bench = Bench::new(&[("a.txt", "text\n")]);
        let done = shell(&bench, "cat a.txt").await;
        assert_eq!(done.content, "text\nexit code 0");
        let program = |command: &str| {
            let prepared = bench
                .prepare("shell", json!({"command": command}))
                .expect("valid");
            super::plain(&prepared.call().facts).map(|(program, _)| program.ends_with("cat"))
        };
        assert_eq!(program("cat 'a.txt'"), Some(true));
        assert_eq!(program("cat a.txt | cat"), None);
        assert_eq!(program("cat $HOME"), None);
    }

    #[tokio::test]
    async fn the_environment_is_clean() {
        let mut bench = Bench::new(&[]);
        let mut env = (*bench.environment.env).clone();
        for name in [
            "ANTHROPIC_API_KEY",
            "MY_TOKEN",
            "BASH_ENV",
            "BASH_FUNC_ls%%",
            "LD_PRELOAD",
        ] {
            env.push((name.to_owned(), "planted-secret".to_owned()));
        }
        bench.environment.env = env.into();
        let done = shell(&bench, "env; set; export -p").await;
        assert_eq!(done.status, CallStatus::Succeeded);
        assert!(!done.content.contains("planted-secret"), "{}", done.content);
        assert!(done.content.contains("TERM=dumb"));
    }

    #[tokio::test]
    async fn huge_output_keeps_head_and_tail() {
        let bench = Bench::new(&[]);
        let done = shell(
            &bench,
            "echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last",
        )
        .await;
        assert!(done.content.starts_with("first\nxxx"));
        assert!(done.content.contains("bytes left out"));
        assert!(done.content.ends_with("xxx\nlast\nexit code 0"));
        assert!(done.content.len() < 31_000);
    }

    #[tokio::test]
    async fn cancelling_ends_grandchildren_even_stubborn_ones() {
        let bench = Bench::new(&[]);
        let cancel = CancellationToken::new();
        let command = "trap '' TERM; (trap '' TERM; echo started > up; sleep 86399.25) & wait; sleep 86399.25";
        let up = bench.environment.workspace.root().join("up");
        let stopper = cancel.clone();
        tokio::spawn(async move {
            while !up.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            stopper.cancel();
        });
        let done = bench
            .call_until("shell", json!({"command": command}), cancel)
            .await;
        assert_eq!(done.status, CallStatus::Cancelled);
        assert!(done.content.ends_with("cancelled by the user"));
        assert!(gone("86399.25").await);
    }

    #[tokio::test]
    async fn dropping_the_call_ends_the_group() {
        let bench = Bench::new(&[]);
        let call = shell(&bench, "sleep 86398.5 & sleep 86398.5");
        assert!(
            tokio::time::timeout(Duration::from_millis(200), call)
                .await
                .is_err()
        );
        assert!(gone("86398.5").await);
    }

    #[tokio::test]
    async fn who_holds_the_pipe_does_not_hang_the_call() {
        let bench = Bench::new(&[]);
        let done = shell(&bench, "sleep 86397.5 & echo done").await;
        assert!(
            done.content.starts_with("done\n(what it left running"),
            "{}",
            done.content
        );
        assert!(done.content.ends_with("exit code 0"));
        assert!(gone("86397.5").await);
        // Out of reach of the group's end; it only must not hang us.
        let done = shell(&bench, "setsid sleep 2 & echo done").await;
        assert!(done.content.ends_with("exit code 0"));
    }

    #[tokio::test]
    async fn time_is_limited() {
        let bench = Bench::new(&[]);
        let input = json!({"command": "echo a; sleep 86396.5", "timeout_seconds": 1});
        let done = bench.call("shell", input).await;
        assert_eq!(done.content, "a\ntimed out after 1 s and was ended");
        assert_eq!(done.status, CallStatus::Failed);
        assert!(gone("86396.5").await);
    }

    #[tokio::test]
    async fn the_workspace_brings_no_programs() {
        let mut bench = Bench::new(&[("bin/interline-evil", "#!/bin/sh\necho evil\n")]);
        let root = bench.environment.workspace.root().to_owned();
        let file = root.join("bin/interline-evil");
        std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("ours");
        let path = format!("{}/bin:./bin:/usr/bin:/bin", root.display());
        bench.environment.env = vec![("PATH".to_owned(), path)].into();
        let done = shell(&bench, "interline-evil; true").await;
        assert!(!done.content.contains("evil\nexit"), "{}", done.content);
        assert!(done.content.contains("not found"), "{}", done.content);
    }

    #[test]
    fn empty_and_impossible_commands_are_errors() {
        let bench = Bench::new(&[]);
        for command in ["", " \n", "a\0b"] {
            assert!(bench.prepare("shell", json!({"command": command})).is_err());
        }
    }
}
