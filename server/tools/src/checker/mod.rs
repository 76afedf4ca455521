//! The project's own checkers, in the shadow of the session: unsaved text and pending hunks are in place, and what
//! commands have built need not be built again.
//!
//! Only called for trusted folders: a checker runs the project's code (build scripts, plugins). No file of the
//! workspace is written, not even a lock file, and what a checker leaves in the shadow is no hunk.

mod cargo;
mod pyright;
mod ruff;
mod rustc;
mod site;
#[cfg(test)]
mod tests;
mod texts;
mod tsc;

use std::path::{Path, PathBuf};

use interline_workspace::editor::Diagnostic;
use interline_workspace::path::WorkspacePath;
use tokio_util::sync::CancellationToken;

use site::Site;
use texts::Texts;

use crate::Environment;
use crate::memory::Checked;
use crate::tool::Stop;

/// What a checker's output says, for `tests/fuzz`.
#[cfg(feature = "fuzzing")]
pub(crate) fn understood(which: u8, output: &str, folder: &std::path::Path) -> Vec<Diagnostic> {
    let mut texts = Texts::new(folder, None);
    match Checker::ALL.get(usize::from(which) % Checker::ALL.len()) {
        Some(Checker::Tsc) => tsc::diagnostics(output, folder, &texts),
        Some(Checker::Ruff) => ruff::diagnostics(output, &mut texts).unwrap_or_default(),
        Some(Checker::Pyright) => pyright::diagnostics(output, &texts).unwrap_or_default(),
        Some(Checker::Cargo) | None => rustc::diagnostics(output, folder, &mut texts),
    }
}

/// One checker's result.
struct Report {
    source: String,
    diagnostics: Vec<Diagnostic>,
}

/// Why one checker has no result.
enum Failure {
    /// In words.
    Because(String),
    Cancelled,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Because(reason)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checker {
    Cargo,
    Tsc,
    Ruff,
    Pyright,
}

impl Checker {
    const ALL: [Self; 4] = [Self::Cargo, Self::Tsc, Self::Ruff, Self::Pyright];

    fn name(self) -> &'static str {
        match self {
            Self::Cargo => "cargo check",
            Self::Tsc => "tsc",
            Self::Ruff => "ruff",
            Self::Pyright => "pyright",
        }
    }

    /// Does it know files with this ending?
    fn knows(self, path: &WorkspacePath) -> bool {
        let name = path.as_str().rsplit('/').next().unwrap_or_default();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match self {
            Self::Cargo => ending == "rs" || name == "Cargo.toml",
            Self::Tsc => matches!(
                ending,
                "ts" | "tsx" | "mts" | "cts" | "js" | "jsx" | "mjs" | "cjs"
            ),
            Self::Ruff | Self::Pyright => matches!(ending, "py" | "pyi"),
        }
    }

    /// The folder that it is for, where it is for this workspace, and there. `path`: the file that is asked about.
    /// Reads disk.
    fn project(self, site: &Site, path: Option<&WorkspacePath>) -> Option<PathBuf> {
        if !path.is_none_or(|path| self.knows(path)) {
            return None;
        }
        let python = || site.has_python().then(PathBuf::new);
        match self {
            Self::Cargo => site.project("Cargo.toml", path),
            Self::Tsc => site
                .program("tsc")
                .and_then(|_| site.project("tsconfig.json", path)),
            Self::Ruff => site.program("ruff").and_then(|_| python()),
            Self::Pyright => site.program("pyright").and_then(|_| python()),
        }
    }
}

/// Checks a file's project, or the workspace's. `Err(Failed)` says why nothing could be checked.
pub(crate) async fn check(
    environment: &Environment,
    path: Option<&WorkspacePath>,
    cancel: &CancellationToken,
) -> Result<Checked, Stop> {
    let site = Site::enter(environment, cancel).await?;
    let asked = path.cloned();
    let looking = tokio::task::spawn_blocking(move || {
        let project = |checker: Checker| Some((checker, checker.project(&site, asked.as_ref())?));
        let projects: Vec<_> = Checker::ALL.into_iter().filter_map(project).collect();
        (site, projects)
    });
    let (mut site, projects) = looking.await.map_err(|error| error.to_string())?;
    let mut texts = Texts::new(site.base(), Some(site.seen()));
    let mut found = Found::default();
    for (checker, project) in projects {
        let asked = Asked {
            project: &project,
            path,
            cancel,
        };
        match run(checker, &mut site, &asked, &mut texts).await {
            Ok(report) => found.add(report),
            Err(Failure::Cancelled) => return Err(Stop::Cancelled),
            Err(Failure::Because(reason)) => {
                found.failed.push(format!("{}: {reason}", checker.name()));
            }
        }
    }
    found.finish(path, texts)
}

/// What a checker is to look at.
struct Asked<'a> {
    /// The folder of its manifest, relative.
    project: &'a Path,
    /// This file; `None`: all of them.
    path: Option<&'a WorkspacePath>,
    cancel: &'a CancellationToken,
}

async fn run(
    checker: Checker,
    site: &mut Site,
    asked: &Asked<'_>,
    texts: &mut Texts,
) -> Result<Report, Failure> {
    match checker {
        Checker::Cargo => cargo::check(site, asked, texts).await,
        Checker::Tsc => tsc::check(site, asked, texts).await,
        Checker::Ruff => ruff::check(site, asked, texts).await,
        Checker::Pyright => pyright::check(site, asked, texts).await,
    }
}

#[derive(Default)]
struct Found {
    sources: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    failed: Vec<String>,
}

impl Found {
    fn add(&mut self, report: Report) {
        self.sources.push(report.source);
        for diagnostic in report.diagnostics {
            // Targets of one package are checked one by one and repeat what they share.
            if !self
                .diagnostics
                .iter()
                .any(|known| same(known, &diagnostic))
            {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn finish(self, path: Option<&WorkspacePath>, texts: Texts) -> Result<Checked, Stop> {
        if self.sources.is_empty() {
            return Err(Stop::Failed(match (self.failed.is_empty(), path) {
                (false, _) => self.failed.join("; "),
                (true, Some(path)) => {
                    format!("no checker for {path} is installed (known: cargo check, tsc, ruff, pyright)")
                }
                (true, None) => {
                    "no checker for this project is installed (known: cargo check, tsc, ruff, pyright)".to_owned()
                }
            }));
        }
        Ok(Checked {
            source: self.sources.join(", "),
            by_editor: false,
            settled: true,
            failed: self.failed,
            scope: path.cloned(),
            texts: texts.hashes(path, &self.diagnostics),
            diagnostics: self.diagnostics,
        })
    }
}

fn same(one: &Diagnostic, other: &Diagnostic) -> bool {
    one.path == other.path
        && one.range == other.range
        && one.code == other.code
        && one.message == other.message
}
