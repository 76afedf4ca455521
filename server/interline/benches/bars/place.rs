//! A temporary project with an empty home beside it, and the binary run there; what it cost in processor time and memory.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use scripted_model::Server;

/// How often a running program's memory is looked at.
const LOOK: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(120);

/// A project and a home, gone at the end.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    env: Vec<(&'static str, String)>,
}

/// A run that has ended well.
pub(crate) struct Ran {
    pub(crate) started: Instant,
    pub(crate) stdout: String,
    /// User and system time.
    pub(crate) cpu: Duration,
    /// Peak resident memory in MB, to within a few milliseconds of the end; 0 where there is no `/proc`.
    pub(crate) peak: f64,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["project", "user", "home"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            env: Vec::new(),
        }
    }

    /// Sends the model requests to the server, as Anthropic's.
    pub(crate) fn model(mut self, server: &Server) -> Self {
        self.env = vec![
            ("ANTHROPIC_API_KEY", "test-key-1234".to_owned()),
            ("ANTHROPIC_BASE_URL", server.base_url()),
        ];
        self
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn stderr(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }

    #[expect(clippy::disallowed_methods, reason = "a benchmark sets up its project")]
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.project().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// `interline ARGS` in the project, with nothing of this machine's environment but the path.
    #[expect(
        clippy::disallowed_methods,
        reason = "a benchmark starts what it measures"
    )]
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_interline"));
        command.args(args).current_dir(self.project()).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
            .env("HOME", self.folder.path().join("user"))
            .env("INTERLINE_HOME", self.folder.path().join("home"))
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stderr(std::fs::File::create(self.stderr()).unwrap());
        command
    }

    /// `interline run --diff REQUEST` to its good end. Its output goes to a file: nobody slows it down.
    pub(crate) fn run(&self, request: &str) -> Ran {
        let out = self.folder.path().join("stdout");
        let mut command = self.command(&["run", "--diff", request]);
        command
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&out).unwrap());
        let before = cpu_of_ended_children();
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let peak = watch(&mut child);
        let code = child.wait().unwrap().code();
        let cpu = cpu_of_ended_children() - before;
        let stderr = std::fs::read_to_string(self.stderr()).unwrap();
        assert_eq!(code, Some(0), "{stderr}");
        let stdout = std::fs::read_to_string(out).unwrap();
        Ran {
            started,
            stdout,
            cpu,
            peak,
        }
    }
}

/// Waits for the end; the highest peak seen, in MB.
fn watch(child: &mut Child) -> f64 {
    let (start, mut peak) = (Instant::now(), 0.0);
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("a run did not end in time");
        }
        peak = memory(child.id(), "VmHWM").unwrap_or(peak);
        std::thread::sleep(LOOK);
    }
    peak
}

/// A line of `/proc/PID/status`, in MB of 1024 kB. `None` where there is none.
pub(crate) fn memory(process: u32, name: &str) -> Option<f64> {
    let status = Path::new("/proc").join(process.to_string()).join("status");
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: f64 = line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// User and system time of all children that have ended and been waited for.
pub(crate) fn cpu_of_ended_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let (user, system) = (usage.user_time(), usage.system_time());
    let micros = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
    Duration::from_micros(u64::try_from(micros).unwrap())
}
