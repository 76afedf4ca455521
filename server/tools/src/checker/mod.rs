//! The project's own checkers, on a copy of the workspace with unsaved text and pending hunks in place.
//!
//! Only called for trusted folders: a checker runs the project's code (build scripts, plugins). It works on the
//! copy, so no file of the workspace is written, not even a lock file.

mod cargo;
mod copy;
mod pyright;
mod ruff;
mod rustc;
mod site;
#[cfg(test)]
mod tests;
mod texts;
mod tsc;

use interline_workspace::editor::Diagnostic;
use interline_workspace::path::WorkspacePath;
use tokio_util::sync::CancellationToken;

pub(crate) use copy::Copy;
use site::Site;
use texts::Texts;

use crate::Environment;
use crate::memory::Checked;
use crate::tool::Stop;

/// What a checker's output says, for `tests/fuzz`.
#[cfg(feature = "fuzzing")]
pub(crate) fn understood(which: u8, output: &str, folder: &std::path::Path) -> Vec<Diagnostic> {
    let mut texts = Texts::new(folder);
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

    /// Is it for this workspace, and there? `path`: the file that is asked about.
    fn applies(self, site: &Site, path: Option<&WorkspacePath>) -> bool {
        path.is_none_or(|path| self.knows(path))
            && match self {
                Self::Cargo => site.project("Cargo.toml", path).is_some(),
                Self::Tsc => {
                    site.project("tsconfig.json", path).is_some() && site.program("tsc").is_some()
                }
                Self::Ruff => site.has_python() && site.program("ruff").is_some(),
                Self::Pyright => site.has_python() && site.program("pyright").is_some(),
            }
    }
}

/// Checks a file's project, or the workspace's. `Err(Failed)` says why nothing could be checked.
pub(crate) async fn check(
    environment: &Environment,
    path: Option<&WorkspacePath>,
    cancel: &CancellationToken,
) -> Result<Checked, Stop> {
    // One check at a time: they share the copy.
    let mut copy = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(Stop::Cancelled),
        copy = environment.memory.copy() => copy,
    };
    let for_site = environment.clone();
    let synced = tokio::task::spawn_blocking(move || {
        let site = Site::new(&for_site, &mut copy)?;
        Ok::<_, String>((site, copy))
    });
    // The copy stays locked until the checkers are done with it.
    let (mut site, _copy) = synced
        .await
        .unwrap_or_else(|error| Err(format!("the workspace could not be copied: {error}")))?;
    let mut texts = Texts::new(site.copy());
    let mut found = Found::default();
    for checker in Checker::ALL {
        if !checker.applies(&site, path) {
            continue;
        }
        match run(checker, &mut site, path, &mut texts, cancel).await {
            Ok(report) => found.add(report),
            Err(Failure::Cancelled) => return Err(Stop::Cancelled),
            Err(Failure::Because(reason)) => {
                found.failed.push(format!("{}: {reason}", checker.name()));
            }
        }
    }
    found.finish(path, texts)
}

async fn run(
    checker: Checker,
    site: &mut Site,
    path: Option<&WorkspacePath>,
    texts: &mut Texts,
    cancel: &CancellationToken,
) -> Result<Report, Failure> {
    match checker {
        Checker::Cargo => cargo::check(site, path, texts, cancel).await,
        Checker::Tsc => tsc::check(site, path, texts, cancel).await,
        Checker::Ruff => ruff::check(site, path, texts, cancel).await,
        Checker::Pyright => pyright::check(site, path, texts, cancel).await,
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
