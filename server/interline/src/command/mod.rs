//! One module a subcommand. Each builds the rooms that it needs, and says how it ended by its exit code.

mod audit;
mod config;
mod doctor;
mod lsp;
mod policy;
mod replay;
mod run;
mod sessions;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use interline_agent::{Agent, Host, Settings};
use interline_workspace::Workspace;
use interline_workspace::editor::Editor;

use crate::args::{Args, Command};
use crate::config::{Config, Flags};
use crate::terminal::Terminal;

/// Exit codes of the contract.
pub(crate) mod exit {
    pub(crate) const DONE: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const DENIED: u8 = 3;
    pub(crate) const BUDGET: u8 = 4;
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let folder = args.folder;
    let code = match args.command {
        Command::Lsp(args) => lsp::run(&args)?,
        Command::Run(args) => run::run(folder, args)?,
        Command::Sessions { command } => sessions::run(folder, command)?,
        Command::Audit { command } => audit::run(folder, command)?,
        Command::Replay { session, against } => replay::run(folder, session, against)?,
        Command::Policy { command } => policy::run(folder, command)?,
        Command::Tools { json, command } => tools::run(folder, json, command)?,
        Command::Config => config::run(folder)?,
        Command::Doctor => doctor::run(folder)?,
        Command::SandboxLaunch => interline_tools::sandbox::launch(),
    };
    Ok(ExitCode::from(code))
}

/// The rooms of one folder, without an editor.
struct Rooms {
    config: Config,
    host: Arc<Host>,
    workspace: Arc<Workspace>,
}

impl Rooms {
    fn open(folder: Option<PathBuf>, flags: &Flags) -> anyhow::Result<Self> {
        let root = crate::config::root(folder)?;
        let config = Config::load(&root, flags)?;
        crate::tracing_setup::init(&config.env, "error");
        let settings = config.settings(&root, flags);
        arm(&settings);
        let host = Host::new(settings);
        let workspace = Workspace::open(&root)?;
        Ok(Self {
            config,
            host,
            workspace,
        })
    }

    /// Says once that an earlier process ended unexpectedly, and what can be resumed.
    fn tell_interrupted(&self, agent: &Agent, terminal: &Terminal) {
        if let Some(interrupted) = agent.take_interrupted() {
            let session = interrupted.session;
            terminal.note(&format!(
                "{interrupted}: `interline sessions resume {session}`"
            ));
        }
    }

    fn agent(&self, editor: Arc<dyn Editor>) -> Arc<Agent> {
        Agent::new(self.host.clone(), self.workspace.clone(), editor)
    }
}

/// From here on a panic or a fatal signal leaves a crash file.
fn arm(settings: &Settings) {
    settings.watch_panics();
    #[cfg(unix)]
    crate::fatal::watch(&settings.version, &settings.state);
}

/// A runtime for commands: one thread suffices, since there is no typing to keep up with.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Text for stdout; a closed pipe is no failure.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
