//! Where checkers run: the copy, what is in it, and the programs and the environment for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interline_workspace::path::WorkspacePath;
use tokio_util::sync::CancellationToken;

use super::copy::Copy;
use super::{Failure, Texts};
use crate::Environment;
use crate::process::{Capture, ChildEnvironment, Confined, End, Ground, Job, Streams, Trusted};
use crate::sandbox::{Mount, Network};

const TIME_LIMIT: Duration = Duration::from_secs(120);
/// Bytes of a checker's standard output; what is beyond is not parsed.
const OUTPUT: usize = 32 << 20;
/// Bytes of its standard error, from each end.
const ERRORS: usize = 16 << 10;

/// A synced copy of the workspace.
pub(super) struct Site {
    root: PathBuf,
    copy: PathBuf,
    scratch: PathBuf,
    files: Vec<PathBuf>,
    as_on_disk: bool,
    environment: ChildEnvironment,
    /// Where a sandbox works, checkers run in it: they run the project's code.
    sandbox: Result<Confined, Trusted>,
}

/// Folders of ours that checkers write to.
const CACHES: [&str; 2] = ["cargo-target", "ruff-cache"];

/// What a checker printed.
pub(super) struct Printed {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Site {
    /// Brings the copy up to date. Reads and writes disk.
    pub(super) fn new(environment: &Environment, copy: &mut Copy) -> Result<Self, String> {
        let root = environment.workspace.root().to_owned();
        let folder = environment.scratch.join("copy");
        let overlay = environment.workspace.overlay(environment.session);
        copy.sync(&root, &folder, &overlay)?;
        let cant = |error| format!("{} can't be used: {error}", folder.display());
        let folder = folder.canonicalize().map_err(cant)?;
        let sandbox = match confined(environment, &folder).map_err(cant)? {
            Some(confined) => Ok(confined),
            None => Err(Trusted::folder(environment)
                .ok_or("the folder is not trusted, so its own checker may not run")?),
        };
        Ok(Self {
            sandbox,
            copy: folder,
            scratch: environment.scratch.clone(),
            files: copy.files(),
            as_on_disk: overlay.is_empty(),
            environment: ChildEnvironment::new(&environment.env, &root),
            root,
        })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn copy(&self) -> &Path {
        &self.copy
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
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
        let has = |folder: &Path| self.files.binary_search(&folder.join(manifest)).is_ok();
        if let Some(path) = path {
            let mut folders = Path::new(path.as_str()).ancestors();
            return folders.find(|folder| has(folder)).map(Path::to_owned);
        }
        let named = self
            .files
            .iter()
            .filter(|file| file.file_name().is_some_and(|name| name == manifest));
        let outermost = named.min_by_key(|file| file.components().count())?;
        outermost.parent().map(Path::to_owned)
    }

    pub(super) fn has_python(&self) -> bool {
        let is_python = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "py");
        self.files.iter().any(is_python)
    }

    /// A checker as the project has installed it, else on the search path.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let own = ["node_modules/.bin", ".venv/bin", "venv/bin"];
        let mut own = own.iter().map(|folder| self.root.join(folder).join(name));
        own.find(|file| crate::process::is_executable(file))
            .or_else(|| self.environment.find(name))
    }

    /// Lets checkers read what is outside of the workspace.
    pub(super) fn show(&mut self, paths: &[PathBuf]) {
        if let Ok(confined) = &mut self.sandbox {
            let shown = paths.iter().cloned().map(Mount::ReadOnly);
            confined.mounts.extend(shown);
        }
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
        };
        let ground = match &self.sandbox {
            Ok(confined) => Ground::Confined(confined),
            Err(trusted) => Ground::Trusted(trusted),
        };
        let streams = Streams::Split(Capture::new(OUTPUT, 0), Capture::new(ERRORS, ERRORS));
        let finished = job.run(ground, streams, cancel).await?;
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

    /// Names of the copy are nobody's business.
    fn in_workspace(&self, text: &str) -> String {
        text.replace(&*self.copy.to_string_lossy(), &self.root.to_string_lossy())
    }
}

/// A checker sees the workspace to read, and writes to its copy and its caches.
fn confined(environment: &Environment, copy: &Path) -> std::io::Result<Option<Confined>> {
    let Some(confinement) = &environment.confinement else {
        return Ok(None);
    };
    let mut mounts = vec![Mount::ReadOnly(environment.workspace.root().to_owned())];
    let scratch = environment.scratch.canonicalize()?;
    let caches = CACHES.map(|name| scratch.join(name));
    for folder in caches.iter().map(PathBuf::as_path).chain([copy]) {
        std::fs::create_dir_all(folder)?;
        mounts.push(Mount::Writable {
            from: folder.to_owned(),
            at: folder.to_owned(),
        });
    }
    confinement
        .confined(environment, mounts, Network::Nobody)
        .map(Some)
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
