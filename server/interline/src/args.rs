//! The command line (contract: DESIGN, "Command line").

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use interline_log::{Mode, PublicKey, SessionId};

/// A coding agent that lives in a language server.
#[derive(Parser)]
#[command(name = "interline", version, about)]
pub(crate) struct Args {
    /// Work in this folder instead of the current one.
    #[arg(short = 'C', long, global = true, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve an editor over the Language Server Protocol on stdin and stdout.
    Lsp(Lsp),
    /// Do one request without an editor, in the current folder.
    Run(Run),
    /// What is on record.
    Sessions {
        #[command(subcommand)]
        command: Option<Sessions>,
    },
    /// Check the record of a session.
    Audit {
        #[command(subcommand)]
        command: Audit,
    },
    /// Rebuild a session from its record alone and compare: the requests, the proposals, the transcript.
    Replay {
        /// The session.
        session: SessionId,
        /// Run the turns again instead: on this script's answers (as tests/model has them), or on the `recorded` ones.
        #[arg(long, value_name = "SCRIPT", num_args = 0..=1, default_missing_value = "recorded")]
        against: Option<PathBuf>,
    },
    /// Look into the rules.
    Policy {
        #[command(subcommand)]
        command: Policy,
    },
    /// The tools that models are given.
    Tools {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        command: Option<Tools>,
    },
    /// The merged configuration, with the origin of each value.
    Config,
    /// What works on this machine, and what to do about what doesn't.
    Doctor,
    /// Runs one command in a sandbox; started by the server itself.
    #[command(name = interline_tools::sandbox::SUBCOMMAND, hide = true)]
    SandboxLaunch,
}

#[derive(ClapArgs)]
pub(crate) struct Lsp {
    /// Accepted and ignored: stdio is the only way.
    #[arg(long)]
    pub(crate) stdio: bool,
    /// Ends when this process ends.
    #[arg(long = "clientProcessId", hide = true)]
    pub(crate) client_process_id: Option<u32>,
}

#[derive(ClapArgs)]
pub(crate) struct Run {
    /// What is to be done.
    pub(crate) request: String,
    /// A model of the configuration, `builtin`, or `auto`.
    #[arg(short, long)]
    pub(crate) model: Option<String>,
    /// `plan`, `default`, `accept-edits` or `auto`.
    #[arg(long, value_parser = mode)]
    pub(crate) mode: Option<Mode>,
    /// How to show what happens.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,
    /// Accept all hunks and write them.
    #[arg(long, conflicts_with = "diff")]
    pub(crate) apply: bool,
    /// Print the proposal as a unified diff and write nothing.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Trust the folder for this run: its own checker may run.
    #[arg(long)]
    pub(crate) trust: bool,
    /// What this turn may cost, whatever your limits say (managed ones hold).
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) budget: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One event a line.
    Jsonl,
}

#[derive(Subcommand)]
pub(crate) enum Sessions {
    /// All of them, newest first.
    List,
    /// The transcript of one, and where it stands: session and workflow state.
    Show {
        /// The session.
        session: SessionId,
    },
    /// Go on with one: its pending hunks are reviewed, then a request is asked for.
    Resume {
        /// The session.
        session: SessionId,
        /// What is to be done now; without it the pending hunks are reviewed only.
        request: Option<String>,
        /// Accept all hunks and write them.
        #[arg(long, conflicts_with = "diff")]
        apply: bool,
        /// Print the proposal as a unified diff and write nothing.
        #[arg(long)]
        diff: bool,
        /// Trust the folder for this run: its own checker may run.
        #[arg(long)]
        trust: bool,
        /// What this turn may cost, whatever your limits say (managed ones hold).
        #[arg(long, value_name = "USD", value_parser = usd)]
        budget: Option<f64>,
    },
    /// A new session from the beginning of one: up to where its log is damaged, or up to an event.
    Fork {
        /// The session. Its log stays as it is.
        session: SessionId,
        /// The first event that is left out; without it all that are good are taken.
        #[arg(long, value_name = "SEQ")]
        at: Option<u64>,
    },
    /// Its events, one a line, payloads inline.
    Export {
        /// The session.
        session: SessionId,
    },
}

#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Check that the record of one session, or of all, is what was written.
    Verify(AuditVerify),
    /// The newest checkpoint of a session, signed: kept elsewhere, it shows later whether anything was taken back.
    Checkpoint {
        /// The session.
        session: SessionId,
    },
    /// The public key that checks the signatures, for others.
    Key,
    /// The record of a session as a folder that anybody can check: log, blobs, checkpoints, public key, and an in-toto
    /// statement about the files that it changed.
    Export {
        /// The session.
        session: SessionId,
        /// The folder to make; `interline-SESSION` here without it.
        #[arg(short, long, value_name = "FOLDER")]
        output: Option<PathBuf>,
        /// A key that signed it before yours, or a file with one; may be given again.
        #[arg(long, value_name = "KEY|FILE", value_parser = public_key)]
        public_key: Vec<PublicKey>,
    },
}

#[derive(ClapArgs)]
pub(crate) struct AuditVerify {
    /// The session.
    pub(crate) session: Option<SessionId>,
    /// A folder that `audit export` made, here or elsewhere.
    #[arg(long, value_name = "FOLDER", conflicts_with = "session")]
    pub(crate) bundle: Option<PathBuf>,
    /// A public key, or a file with one; may be given again. Without it your own counts.
    #[arg(long, value_name = "KEY|FILE", value_parser = public_key)]
    pub(crate) public_key: Vec<PublicKey>,
    /// A checkpoint that was kept elsewhere: the record must go on from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Policy {
    /// Load the rules and say what is wrong with them.
    Check,
    /// Run the rules' own tests.
    Test,
    /// The decision for one call, and why.
    Explain(Explain),
}

#[derive(ClapArgs)]
pub(crate) struct Explain {
    /// The tool.
    #[arg(required_unless_present = "stdin")]
    pub(crate) tool: Option<String>,
    /// Its input: JSON, or for `shell` the command itself.
    #[arg(required_unless_present = "stdin")]
    pub(crate) input: Option<String>,
    /// `plan`, `default`, `accept-edits` or `auto`.
    #[arg(long, value_parser = mode)]
    pub(crate) mode: Option<Mode>,
    /// As if a sandbox worked (`on`), or not.
    #[arg(long, value_name = "on|off", value_parser = ["on", "off"])]
    pub(crate) sandbox: Option<String>,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Read `{"tool", "input"}` from stdin, one a line; answer in JSON, one a line.
    #[arg(long, conflicts_with_all = ["tool", "input"])]
    pub(crate) stdin: bool,
}

#[derive(Subcommand)]
pub(crate) enum Tools {
    /// Call one under policy in the current folder. Edits are printed as a diff.
    Call {
        /// The tool.
        name: String,
        /// Its input, JSON.
        input: String,
        /// Write what it proposes.
        #[arg(long)]
        apply: bool,
        /// Trust the folder for this call.
        #[arg(long)]
        trust: bool,
    },
}

/// The key itself, or the file that holds it.
fn public_key(text: &str) -> Result<PublicKey, String> {
    text.parse().or_else(|what: String| {
        let file = std::fs::read_to_string(text)
            .map_err(|error| format!("{what}, and no file has that name ({error})"))?;
        file.trim_end().parse()
    })
}

fn usd(text: &str) -> Result<f64, String> {
    let usd = text.parse().ok().filter(|usd: &f64| *usd >= 0.0);
    usd.ok_or_else(|| "expected an amount in US dollars, such as 5".to_owned())
}

fn mode(text: &str) -> Result<Mode, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_| "expected plan, default, accept-edits or auto".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Args::command().debug_assert();
    }
}
