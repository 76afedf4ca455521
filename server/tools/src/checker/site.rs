//! Where checkers run: the shadow, what is in it, and the programs and the environment for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use interline_log::SessionId;
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use interline_workspace::shadow::Seen;
use tokio_util::sync::CancellationToken;

use super::{Failure, Texts};
use crate::Environment;
use crate::process::{Capture, ChildEnvironment, End, Job, Streams};
use crate::sandbox::Network;
use crate::shaded::Shade;
use crate::tool::Stop;

const TIME_LIMIT: Duration = Duration::from_secs(120);
/// Bytes of a checker's standard output; what is beyond is not parsed.
const OUTPUT: usize = 32 << 20;
/// Bytes of its standard error, from each end.
const ERRORS: usize = 16 << 10;
/// Manifests that are looked at for the outermost.
const MANIFESTS: usize = 10_000;

/// The shadow, entered by checkers. One check at a time, and no command beside it.
pub(super) struct Site {
    shade: Shade,
    workspace: Arc<Workspace>,
    session: SessionId,
    scratch: PathBuf,
    as_on_disk: bool,
    environment: ChildEnvironment,
}

/// What a checker printed.
pub(super) struct Printed {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Site {
    pub(super) async fn enter(
        environment: &Environment,
        cancel: &CancellationToken,
    ) -> Result<Self, Stop> {
        let workspace = environment.workspace.clone();
        Ok(Self {
            as_on_disk: workspace.overlay(environment.session).is_empty(),
            environment: ChildEnvironment::new(&environment.env, workspace.root()),
            shade: Shade::enter(environment, Network::Nobody, cancel).await?,
            session: environment.session,
            scratch: environment.scratch.clone(),
            workspace,
        })
    }

    pub(super) fn root(&self) -> &Path {
        self.workspace.root()
    }

    /// Where checkers see the workspace.
    pub(super) fn base(&self) -> &Path {
        self.shade.at()
    }

    /// It is not the workspace's own place.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.base() != self.root()
    }

    pub(super) fn seen(&self) -> Seen {
        self.shade.seen()
    }

    /// No unsaved text and no pending hunks: the folder itself has what is to be checked.
    pub(super) fn as_on_disk(&self) -> bool {
        self.as_on_disk
    }

    pub(super) fn environment(&self) -> ChildEnvironment {
        self.environment.clone()
    }

    /// The folder of the manifest that a file belongs to; without a file, or above none, the workspace's outermost.
    pub(super) fn project(&self, manifest: &str, path: Option<&WorkspacePath>) -> Option<PathBuf> {
        let has = |folder: &Path| {
            let path = folder.join(manifest);
            let path = path.to_str().and_then(|path| WorkspacePath::new(path).ok());
            path.is_some_and(|path| self.workspace.proposed_text(self.session, &path).is_ok())
        };
        if let Some(path) = path {
            let mut folders = Path::new(path.as_str()).ancestors();
            return folders.find(|folder| has(folder)).map(Path::to_owned);
        }
        if has(Path::new("")) {
            return Some(PathBuf::new());
        }
        let mut named = self.files(&format!("**/{manifest}"), MANIFESTS);
        named.sort_unstable();
        let depth = |file: &&WorkspacePath| file.as_str().split('/').count();
        let outermost = named.iter().min_by_key(depth)?;
        Path::new(outermost.as_str()).parent().map(Path::to_owned)
    }

    pub(super) fn has_python(&self) -> bool {
        !self.files("**/*.py", 1).is_empty()
    }

    fn files(&self, pattern: &str, limit: usize) -> Vec<WorkspacePath> {
        let top = WorkspacePath::new("");
        let found = top.ok().and_then(|top| {
            let found = self.workspace.glob(self.session, pattern, &top, limit);
            found.ok()
        });
        found.map(|(files, _)| files).unwrap_or_default()
    }

    /// A checker as the project has installed it, else on the search path.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let own = ["node_modules/.bin", ".venv/bin", "venv/bin"];
        let mut own = own.iter().map(|folder| self.root().join(folder).join(name));
        own.find(|file| crate::process::is_executable(file))
            .or_else(|| self.environment.find(name))
    }

    /// Lets checkers read what is outside of the workspace.
    pub(super) fn show(&mut self, paths: &[PathBuf]) {
        self.shade.show(paths);
    }

    /// A folder of ours, kept from check to check, for what a checker builds outside of the shadow.
    pub(super) fn cache(&mut self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.scratch.join(name);
        let cant = |error| format!("{} can't be used: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(cant)?;
        let folder = folder.canonicalize().map_err(cant)?;
        self.shade.open(&folder);
        Ok(folder)
    }

    /// Runs a checker in a folder.
    pub(super) async fn run(
        &self,
        program: PathBuf,
        arguments: Vec<OsString>,
        folder: PathBuf,
        environment: ChildEnvironment,
        cancel: &CancellationToken,
    ) -> Result<Printed, Failure> {
        let job = Job {
            program,
            arguments,
            folder,
            environment,
            time_limit: TIME_LIMIT,
            input: None,
        };
        let streams = Streams::Split(Capture::new(OUTPUT, 0), Capture::new(ERRORS, ERRORS));
        let finished = self.shade.run(job, streams, cancel).await?;
        let (Streams::Split(stdout, stderr), End::Exited(status)) =
            (&finished.streams, finished.end)
        else {
            return Err(match finished.end {
                End::Cancelled => Failure::Cancelled,
                _ => Failure::Because(format!(
                    "it took longer than {} s: try again, what it has built is kept",
                    TIME_LIMIT.as_secs()
                )),
            });
        };
        Ok(Printed {
            success: status.success(),
            stdout: stdout.text(),
            stderr: self.in_workspace(&stderr.text()),
        })
    }

    /// Names of a copy are nobody's business.
    fn in_workspace(&self, text: &str) -> String {
        text.replace(
            &*self.base().to_string_lossy(),
            &self.root().to_string_lossy(),
        )
    }
}

impl Printed {
    /// The end of what it complained about, for a reason.
    pub(super) fn complaint(&self) -> String {
        let text = self.stderr.trim();
        let text = if text.is_empty() {
            self.stdout.trim()
        } else {
            text
        };
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        // The first line that says `error` starts the story; what builds say before it is noise.
        let from = lines.iter().position(|line| line.starts_with("error"));
        let from = from.unwrap_or(lines.len().saturating_sub(8));
        let story = lines.get(from..).unwrap_or_default();
        let story: Vec<_> = story.iter().take(12).map(|line| line.trim()).collect();
        if story.is_empty() {
            "it failed and said nothing".to_owned()
        } else {
            story.join(" | ")
        }
    }
}

/// The workspace's file for a path of a report, where a checker gives it absolute or relative to `folder`.
pub(super) fn named(texts: &Texts, folder: &Path, file: &str) -> Option<WorkspacePath> {
    texts.path(&folder.join(file))
}
