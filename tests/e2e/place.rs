//! A temporary project with a home beside it, and the binary run there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scripted_model::{RecordedRequest, Script, Server, Step};
use serde_json::{Value, json};

/// The folder of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// How the program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        let Self {
            code: got,
            out,
            err,
        } = &self;
        assert_eq!(*got, code, "exit code\n-- stdout\n{out}\n-- stderr\n{err}");
        self
    }

    /// The events of `--output jsonl`.
    pub(crate) fn events(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// A project and a home, gone at the end.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
}

/// Where this machine has its programs.
#[expect(
    clippy::disallowed_methods,
    reason = "programs of this machine are found by it"
)]
pub(crate) fn search_path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

impl Place {
    /// A project with one file, `notes.txt`: "one", "two", "three".
    pub(crate) fn new() -> Self {
        let place = Self::empty();
        place.write("notes.txt", "one\ntwo\nthree\n");
        place
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        Self {
            folder,
            env: Vec::new(),
        }
    }

    /// A copy of `tests/fixtures/NAME`.
    pub(crate) fn fixture(name: &str) -> Self {
        let place = Self::empty();
        copy(
            &repository().join("tests/fixtures").join(name),
            &place.project(),
        );
        place
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sends the model requests to the server, as Anthropic's.
    pub(crate) fn model(self, server: &Server) -> Self {
        self.env("ANTHROPIC_API_KEY", "test-key-1234")
            .env("ANTHROPIC_BASE_URL", server.base_url())
    }

    /// The user's `config.toml`.
    pub(crate) fn config(&self, text: &str) {
        let folder = self.folder.path().join("home/config");
        std::fs::create_dir_all(&folder).unwrap();
        put(&folder.join("config.toml"), text.as_bytes());
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A folder of the user's that is neither the project nor ours.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts all files on record in a new Git repository.
    pub(crate) fn commit(self) -> Self {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
        for arguments in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["commit", "-qm", "one"],
        ] {
            let mut git = self.command("git");
            ended(git.args(who).args(arguments)).with(0);
        }
        self
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.project().join(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.project().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        put(&file, content.as_ref());
    }

    /// `interline ARGS` in the project, to its end.
    pub(crate) fn interline(&self, args: &[&str]) -> Ended {
        ended(self.command(env!("CARGO_BIN_EXE_interline")).args(args))
    }

    /// `interline run --diff` of a request that shows the model `notes.txt`.
    pub(crate) fn ask(&self) -> Ended {
        self.interline(&["run", "--diff", "please see @notes.txt"])
    }

    /// The same, left running. The caller ends it.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_interline"));
        command.args(args).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// The log of the only session, once there is one.
    pub(crate) fn log(&self) -> Option<PathBuf> {
        let sessions = self.folder.path().join("home/state/sessions");
        let mut folders = std::fs::read_dir(sessions).ok()?.flatten();
        folders.find_map(|folder| {
            let log = folder.path().join("events-00000.jsonl");
            log.exists().then_some(log)
        })
    }

    /// The id of the newest session.
    pub(crate) fn session(&self) -> String {
        let list = self.interline(&["sessions"]).with(0).out;
        list.split_whitespace().next().unwrap().to_owned()
    }

    /// What the log of the only session says, as text.
    pub(crate) fn said(&self) -> String {
        let log = self.log().map(std::fs::read_to_string);
        log.and_then(Result::ok).unwrap_or_default()
    }

    /// Below the state folder.
    pub(crate) fn state(&self, path: &str) -> PathBuf {
        self.folder.path().join("home/state").join(path)
    }

    /// `interline lsp`, to be spoken to by its pipes. The caller ends it.
    pub(crate) fn start_lsp(&self) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_interline"));
        command.arg("lsp").stderr(Stdio::null());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Another program in the project, to its end.
    pub(crate) fn run_program(&self, program: &str, args: &[&str]) {
        let ended = ended(self.command(program).args(args));
        ended.with(0);
    }

    pub(crate) fn cargo_check(&self) -> Ended {
        ended(self.command(env!("CARGO")).args(["check", "--offline"]))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test starts the program that it tests"
    )]
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.project()).env_clear();
        // The toolchain stays where it is; all else of the machine's environment stays out.
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME"] {
            command.envs(std::env::var(name).map(|value| (name, value)));
        }
        command
            .env("INTERLINE_HOME", self.folder.path().join("home"))
            .env("CARGO_NET_OFFLINE", "true")
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test sets up its project")]
fn put(path: &Path, content: &[u8]) {
    std::fs::write(path, content).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// A model that answers so.
pub(crate) fn model(steps: impl IntoIterator<Item = Step>) -> Server {
    Server::launch(Script::of(steps), None).unwrap()
}

/// A call of `edit` on `notes.txt`.
pub(crate) fn edit(old: &str, new: &str) -> Step {
    Step::call(
        "edit",
        json!({"path": "notes.txt", "edits": [{"old": old, "new": new}]}),
    )
}

/// What the tools answered, over the whole last request (Anthropic's wire).
pub(crate) fn results(requests: &[RecordedRequest]) -> Vec<(String, bool)> {
    let messages = requests.last().unwrap().body["messages"]
        .as_array()
        .unwrap();
    let blocks = messages
        .iter()
        .filter_map(|message| message["content"].as_array());
    let results = blocks
        .flatten()
        .filter(|block| block["type"] == "tool_result");
    results
        .map(|block| {
            (
                block["content"].to_string(),
                block["is_error"].as_bool().unwrap_or(false),
            )
        })
        .collect()
}

/// Waits until something is so; half a minute is for a loaded machine, not an expectation.
#[track_caller]
pub(crate) fn wait(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "waited for {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
