//! A machine in small: a workspace, a home with secrets, and folders beside them, all in a temporary folder.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interline_tools::sandbox::{self, Ended, Level, Limits, Mount, Network, Spec};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) limits: Limits,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
            limits: Limits::default(),
        };
        for folder in [
            "workspace",
            "home/.ssh",
            "home/.aws",
            "outside",
            "upper",
            "work",
            "scratch",
        ] {
            std::fs::create_dir_all(place.path(folder)).unwrap();
        }
        place.write("workspace/file.txt", "real\n");
        place.write("home/.ssh/id_ed25519", "planted-secret\n");
        place.write("home/.aws/credentials", "planted-secret\n");
        place.write("outside/file.txt", "real\n");
        place
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(path)
    }

    #[expect(clippy::disallowed_methods, reason = "the files of a test")]
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    /// A bash script in the sandbox, in the workspace.
    pub(crate) async fn bash(&self, script: &str) -> Ended {
        self.try_bash(script).await.unwrap()
    }

    pub(crate) async fn try_bash(&self, script: &str) -> Result<Ended, String> {
        self.run(&self.spec("/bin/bash", &["-c", script])).await
    }

    /// A Python script in the sandbox, with `OUTSIDE` and `PORT`-like values as its arguments.
    pub(crate) async fn python(&self, script: &str, arguments: &[&str]) -> Ended {
        let arguments = [&["-c", script], arguments].concat();
        self.run(&self.spec("/usr/bin/python3", &arguments))
            .await
            .unwrap()
    }

    pub(crate) async fn run(&self, spec: &Spec) -> Result<Ended, String> {
        let limit = Duration::from_secs(60);
        sandbox::run(launcher(), spec, limit, &CancellationToken::new()).await
    }

    pub(crate) fn spec(&self, program: &str, arguments: &[&str]) -> Spec {
        let home = self.path("home").to_string_lossy().into_owned();
        self.spec_for(
            &[("HOME", &home), ("PATH", "/usr/bin:/bin")],
            program,
            arguments,
        )
    }

    pub(crate) fn spec_for(&self, env: &[(&str, &str)], program: &str, arguments: &[&str]) -> Spec {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let env: Vec<_> = env.iter().map(own).collect();
        let workspace = Mount::Overlay {
            lower: vec![self.path("workspace")],
            upper: self.path("upper"),
            work: self.path("work"),
            at: self.path("workspace"),
        };
        Spec {
            input: None,
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            folder: self.path("workspace"),
            mounts: sandbox::mounts(&env, &self.path("scratch"), vec![workspace]).unwrap(),
            environment: env,
            network: Network::Nobody,
            limits: self.limits,
            level: Level::Namespaces,
        }
    }
}

pub(crate) fn launcher() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_interline"))
}

pub(crate) fn code(ended: &Ended) -> Option<i32> {
    ended.status.and_then(|status| status.code())
}
