//! `cargo check` with the compiler's own suggestions.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use interline_workspace::path::WorkspacePath;
use serde::Deserialize;

use super::site::{Printed, Site};
use super::{Asked, Failure, Report, Texts, rustc};
use crate::process::ChildEnvironment;

pub(super) async fn check(
    site: &mut Site,
    asked: &Asked<'_>,
    texts: &mut Texts,
) -> Result<Report, Failure> {
    let mut base = site.base().to_owned();
    let mut workspace = Cargo::new(site, asked, None)?.workspace(&base).await;
    let mut target = None;
    if let Some(Leaning { reason, on }) = leans_outside(site, &workspace) {
        if site.is_elsewhere() && !site.as_on_disk() {
            return Err(Failure::Because(format!(
                "{reason}, so a copy with the changes in it does not build: accept the pending hunks and save, then try again"
            )));
        }
        site.show(&on);
        site.root().clone_into(&mut base);
        texts.rebase(&base);
        target = Some(site.cache("cargo-target")?);
        workspace = Cargo::new(site, asked, target.clone())?
            .workspace(&base)
            .await;
    }
    let folder = workspace?.workspace_root;
    let cargo = Cargo::new(site, asked, target)?;
    let printed = cargo.check(&base).await?;
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
    asked: &'a Asked<'a>,
    program: PathBuf,
    /// It builds there, and what it builds reads what is outside of the shadow.
    target: Option<PathBuf>,
    environment: ChildEnvironment,
}

impl<'a> Cargo<'a> {
    fn new(site: &'a Site, asked: &'a Asked<'a>, target: Option<PathBuf>) -> Result<Self, Failure> {
        let mut environment = site.environment();
        let program = environment
            .find("cargo")
            .ok_or_else(|| "cargo is not on PATH".to_owned())?;
        if let Some(target) = &target {
            environment.set("CARGO_TARGET_DIR", target);
        }
        Ok(Self {
            site,
            asked,
            program,
            target,
            environment,
        })
    }

    async fn run(&self, base: &Path, arguments: &[&str]) -> Result<Printed, Failure> {
        let arguments = arguments.iter().map(OsString::from).collect();
        let folder = base.join(self.asked.project);
        let (program, environment) = (self.program.clone(), self.environment.clone());
        let running = self
            .site
            .run(program, arguments, folder, environment, self.asked.cancel);
        running.await
    }

    async fn workspace(&self, base: &Path) -> Result<Metadata, Failure> {
        let arguments = ["metadata", "--no-deps", "--format-version", "1"];
        let printed = self.run(base, &arguments).await?;
        if !printed.success {
            return Err(Failure::Because(printed.complaint()));
        }
        let metadata = serde_json::from_str(&printed.stdout);
        metadata
            .map_err(|error| Failure::Because(format!("cargo metadata is not understood: {error}")))
    }

    async fn check(&self, base: &Path) -> Result<Printed, Failure> {
        let mut arguments = vec!["check", "--message-format=json", "--keep-going"];
        let Asked { project, path, .. } = self.asked;
        if path.is_some_and(|path| is_extra_target(project, path)) {
            arguments.push("--all-targets");
        }
        if self.target.is_some() {
            // The lock file may be outside, where nothing is written.
            arguments.push("--locked");
        }
        self.run(base, &arguments).await
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
        |path: &&PathBuf| !path.starts_with(site.base()) && !path.starts_with(site.root());
    let outside: Vec<_> = paths.filter(outside).cloned().collect();
    let name = outside.first()?.file_name()?.to_string_lossy();
    let reason = format!("the dependency {name} is outside the workspace");
    Some(Leaning {
        reason,
        on: outside,
    })
}
