//! `cargo check` with the compiler's own suggestions.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use interline_workspace::path::WorkspacePath;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::site::{Printed, Site};
use super::{Failure, Report, Texts, rustc};
use crate::process::ChildEnvironment;

pub(super) async fn check(
    site: &mut Site,
    path: Option<&WorkspacePath>,
    texts: &mut Texts,
    cancel: &CancellationToken,
) -> Result<Report, Failure> {
    let Some(project) = site.project("Cargo.toml", path) else {
        return Err("there is no Cargo.toml".to_owned().into());
    };
    let mut base = site.copy().to_owned();
    let cargo = Cargo::new(site, &project)?;
    let mut workspace = cargo.workspace(&base, cancel).await;
    let leaning = leans_outside(site, &workspace);
    if let Some(Leaning { reason, .. }) = &leaning
        && !site.as_on_disk()
    {
        return Err(Failure::Because(format!(
            "{reason}, so a copy with the changes in it does not build: accept the pending hunks and save, then try again"
        )));
    }
    if let Some(Leaning { on, .. }) = &leaning {
        site.show(on);
        base = site.root().to_owned();
        texts.rebase(&base);
    }
    let cargo = Cargo::new(site, &project)?;
    if leaning.is_some() {
        workspace = cargo.workspace(&base, cancel).await;
    }
    let folder = workspace?.workspace_root;
    let printed = cargo.check(&base, path, cancel).await?;
    let diagnostics = rustc::diagnostics(&printed.stdout, &folder, texts);
    let explained = diagnostics.iter().any(rustc::is_error);
    if !printed.success && !explained {
        return Err(Failure::Because(printed.complaint()));
    }
    Ok(Report {
        source: "cargo check".to_owned(),
        diagnostics,
    })
}

/// What `cargo metadata --no-deps` tells.
#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    path: Option<PathBuf>,
}

struct Cargo<'a> {
    site: &'a Site,
    program: PathBuf,
    project: PathBuf,
    environment: ChildEnvironment,
}

impl<'a> Cargo<'a> {
    fn new(site: &'a Site, project: &Path) -> Result<Self, Failure> {
        let mut environment = site.environment();
        let program = environment
            .find("cargo")
            .ok_or_else(|| "cargo is not on PATH".to_owned())?;
        environment.set("CARGO_TARGET_DIR", &site.scratch().join("cargo-target"));
        Ok(Self {
            site,
            program,
            project: project.to_owned(),
            environment,
        })
    }

    async fn run(
        &self,
        base: &Path,
        arguments: &[&str],
        cancel: &CancellationToken,
    ) -> Result<Printed, Failure> {
        let arguments = arguments.iter().map(OsString::from).collect();
        let folder = base.join(&self.project);
        let environment = self.environment.clone();
        self.site
            .run(self.program.clone(), arguments, folder, environment, cancel)
            .await
    }

    async fn workspace(
        &self,
        base: &Path,
        cancel: &CancellationToken,
    ) -> Result<Metadata, Failure> {
        let arguments = ["metadata", "--no-deps", "--format-version", "1"];
        let printed = self.run(base, &arguments, cancel).await?;
        if !printed.success {
            return Err(Failure::Because(printed.complaint()));
        }
        let metadata = serde_json::from_str(&printed.stdout);
        metadata
            .map_err(|error| Failure::Because(format!("cargo metadata is not understood: {error}")))
    }

    async fn check(
        &self,
        base: &Path,
        path: Option<&WorkspacePath>,
        cancel: &CancellationToken,
    ) -> Result<Printed, Failure> {
        let mut arguments = vec!["check", "--message-format=json", "--keep-going"];
        if path.is_some_and(|path| is_extra_target(&self.project, path)) {
            arguments.push("--all-targets");
        }
        if base == self.site.root() {
            // Nothing of the workspace is written, its lock file included.
            arguments.push("--locked");
        }
        self.run(base, &arguments, cancel).await
    }
}

/// Tests, examples and benches are not in a plain `cargo check`.
fn is_extra_target(project: &Path, path: &WorkspacePath) -> bool {
    let below = Path::new(path.as_str()).strip_prefix(project);
    let first = below.ok().and_then(|path| path.iter().next());
    first.is_some_and(|name| {
        ["tests", "examples", "benches"]
            .iter()
            .any(|folder| name == *folder)
    })
}

/// Something outside of the workspace that its builds read.
struct Leaning {
    reason: String,
    on: Vec<PathBuf>,
}

impl Leaning {
    fn new(reason: String, on: &Path) -> Self {
        Self {
            reason,
            on: vec![on.to_owned()],
        }
    }
}

/// Why the project can't be built anywhere else than where it is.
fn leans_outside(site: &Site, workspace: &Result<Metadata, Failure>) -> Option<Leaning> {
    let above = site.root().parent()?.ancestors();
    let own_workspace = || {
        let manifest = std::fs::read_to_string(site.root().join("Cargo.toml")).unwrap_or_default();
        manifest
            .lines()
            .any(|line| line.trim_start().starts_with("[workspace"))
    };
    for folder in above {
        let has = |name: &str| folder.join(name).is_file();
        if has("Cargo.toml") && site.root().join("Cargo.toml").is_file() && !own_workspace() {
            let reason = format!(
                "the project may belong to the Cargo workspace {}",
                folder.display()
            );
            return Some(Leaning::new(reason, folder));
        }
        if has("rust-toolchain.toml") || has("rust-toolchain") {
            let reason = format!("the toolchain is set in {}", folder.display());
            let file = ["rust-toolchain.toml", "rust-toolchain"].map(|name| folder.join(name));
            let file = file.iter().find(|file| file.is_file())?;
            return Some(Leaning::new(reason, file));
        }
        // Cargo reads its home's in any case.
        let home = site.environment().cargo_home();
        let config = folder.join(".cargo");
        if home.as_deref() != Some(&config) && (has(".cargo/config.toml") || has(".cargo/config")) {
            let reason = format!("Cargo is configured in {}", config.display());
            return Some(Leaning::new(reason, &config));
        }
    }
    let packages = workspace.as_ref().ok()?.packages.iter();
    let paths = packages
        .flat_map(|package| &package.dependencies)
        .filter_map(|dependency| dependency.path.as_ref());
    let outside =
        |path: &&PathBuf| !path.starts_with(site.copy()) && !path.starts_with(site.root());
    let outside: Vec<_> = paths.filter(outside).cloned().collect();
    let name = outside.first()?.file_name()?.to_string_lossy();
    let reason = format!("the dependency {name} is outside the workspace");
    Some(Leaning {
        reason,
        on: outside,
    })
}
