//! The configuration: files, environment and flags merged into one, each value with its origin.
//!
//! Weakest to strongest: defaults, user file, repo file (trusted folders only), environment, flags. Managed policy in
//! `/etc/interline/` bounds them all. What comes from the repo or the editor may tighten, never loosen.

mod budget;
mod file;
mod folders;
mod merge;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use interline_agent::{Budget, Settings, TrustStore};
use interline_log::{Mode, Tier};
use interline_model::ModelSpec;
use interline_policy::{Managed, Rules};
use interline_tools::Hook;

use file::File;
pub(crate) use folders::Folders;

const MANAGED: &str = "/etc/interline/config.toml";
/// Cedar policies of the organisation; read only where the folder exists.
const MANAGED_POLICY: &str = "/etc/interline/policy";

/// What the command line says; it is the strongest.
#[derive(Clone, Default)]
pub(crate) struct Flags {
    pub(crate) model: Option<String>,
    pub(crate) mode: Option<Mode>,
    pub(crate) trust: bool,
    /// US dollars for this turn, whatever the user's limits say.
    pub(crate) budget: Option<f64>,
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: String,
}

/// The merged configuration.
pub(crate) struct Config {
    pub(crate) folders: Folders,
    pub(crate) env: Arc<Vec<(String, String)>>,
    pub(crate) model: Sourced<String>,
    pub(crate) mode: Sourced<Mode>,
    pub(crate) models: Vec<Sourced<ModelSpec>>,
    pub(crate) budget: budget::Merged,
    pub(crate) rules: Rules,
    pub(crate) rule_origins: Vec<(String, usize)>,
    /// Where telemetry goes.
    pub(crate) telemetry: Option<Sourced<String>>,
    pub(crate) hooks: Vec<Sourced<Hook>>,
    pub(crate) audit_key: Option<Sourced<PathBuf>>,
    /// What was set and doesn't count, with why.
    pub(crate) warnings: Vec<String>,
    pub(crate) trusted: bool,
}

impl Config {
    /// Reads everything once.
    pub(crate) fn load(root: &Path, flags: &Flags) -> anyhow::Result<Self> {
        let env: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let folders = Folders::from_env(&env)
            .context("where to keep state is unknown: set HOME or INTERLINE_HOME")?;
        let trusted = flags.trust || TrustStore::new(&folders.state).trusted(root);
        let mut merge = merged(root, flags, &env, &folders, trusted)?;
        let telemetry = merge.collector();
        let merge::Merge {
            model,
            mode,
            models,
            budget,
            mut rules,
            mut rule_origins,
            hooks,
            audit_key,
            mut warnings,
            ..
        } = merge;
        let always = match interline_policy::AlwaysStore::new(&folders.state).rules(root) {
            Ok(rules) => rules,
            Err(error) => {
                warnings.push(format!(
                    "your answers \"always allow\" don't count: {error}"
                ));
                Vec::new()
            }
        };
        rules.protect(
            [
                folders.config.clone(),
                folders.state.clone(),
                PathBuf::from("/etc/interline"),
            ]
            .map(real),
        );
        if let Some(policy) = Managed::at(Path::new(MANAGED_POLICY)) {
            match policy.check() {
                Ok(count) => rule_origins.push((MANAGED_POLICY.to_owned(), count)),
                Err(error) => warnings.push(format!("managed policy: {error}")),
            }
            rules.manage(policy);
        }
        if !always.is_empty() {
            rule_origins.push(("your answers \"always allow\"".to_owned(), always.len()));
            rules.add(Tier::User, always)?;
        }
        Ok(Self {
            folders,
            env: Arc::new(env),
            model,
            mode,
            models,
            budget,
            rules,
            rule_origins,
            telemetry,
            hooks,
            audit_key,
            warnings,
            trusted,
        })
    }

    /// For the agent, which works in `root`.
    pub(crate) fn settings(&self, root: &Path, flags: &Flags) -> Settings {
        Settings {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: self.model.value.clone(),
            mode: self.mode.value,
            models: self
                .models
                .iter()
                .map(|model| model.value.clone())
                .collect(),
            budget: self.limits(root, flags),
            rules: self.rules.clone(),
            hooks: self.hooks.iter().map(|hook| hook.value.clone()).collect(),
            state: self.folders.state.clone(),
            launcher: std::env::current_exe().ok(),
            env: self.env.clone(),
            trust: flags.trust,
            telemetry: self.telemetry.as_ref().map(|to| to.value.clone()),
            audit_key: self.audit_key.as_ref().map(|key| key.value.clone()),
        }
    }

    /// Reads the limits again at each call, so that who raises one need not start anew. A file that has become wrong
    /// leaves them as they were.
    fn limits(&self, root: &Path, flags: &Flags) -> Arc<dyn Fn() -> Budget + Send + Sync> {
        let (env, folders, before) = (self.env.clone(), self.folders.clone(), self.budget.value);
        let (root, flags, trusted) = (root.to_owned(), flags.clone(), self.trusted);
        Arc::new(
            move || match merged(&root, &flags, &env, &folders, trusted) {
                Ok(merge) => merge.budget.value,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "the limits stay as they were");
                    before
                }
            },
        )
    }

    /// Each value with its origin, as `interline config` prints it.
    pub(crate) fn lines(&self) -> Vec<(String, String, String)> {
        let mut lines = vec![
            (
                "model".to_owned(),
                quoted(&self.model.value),
                self.model.origin.clone(),
            ),
            (
                "mode".to_owned(),
                mode_name(self.mode.value),
                self.mode.origin.clone(),
            ),
        ];
        lines.extend(self.budget.lines());
        for model in &self.models {
            let spec = &model.value;
            let key = if spec.api_key.is_some() {
                "key set"
            } else {
                "no key"
            };
            let value = format!("{} at {} ({key})", spec.id, spec.base_url);
            lines.push((format!("models.{}", spec.name), value, model.origin.clone()));
        }
        if let Some(to) = &self.telemetry {
            lines.push((
                "telemetry.endpoint".to_owned(),
                quoted(&to.value),
                to.origin.clone(),
            ));
        }
        for hook in &self.hooks {
            let Hook {
                name,
                tool,
                command,
                seconds,
                ..
            } = &hook.value;
            let tool = tool.as_deref().unwrap_or("every tool");
            let value = format!("{command:?} before {tool}, at most {seconds} s");
            lines.push((name.clone(), value, hook.origin.clone()));
        }
        for (origin, count) in &self.rule_origins {
            lines.push(("rules".to_owned(), count.to_string(), origin.clone()));
        }
        if let Some(key) = &self.audit_key {
            let path = quoted(&key.value.display().to_string());
            lines.push(("audit.key".to_owned(), path, key.origin.clone()));
        }
        lines.push((
            "trusted".to_owned(),
            self.trusted.to_string(),
            "this folder".to_owned(),
        ));
        lines
    }
}

/// All sources as they are now, merged.
fn merged<'a>(
    root: &Path,
    flags: &Flags,
    env: &'a [(String, String)],
    folders: &Folders,
    trusted: bool,
) -> anyhow::Result<merge::Merge<'a>> {
    let managed = File::read(Path::new(MANAGED))?;
    let user_path = folders.config.join("config.toml");
    let user = File::read(&user_path)?;
    let repo_path = root.join(".interline/config.toml");
    let repo = if trusted {
        File::read(&repo_path)?
    } else {
        None
    };
    let mut merge = merge::Merge::new(env);
    if let Some(file) = user {
        merge.user(file, &origin(&user_path))?;
    }
    if let Some(file) = repo {
        merge.repo(file, &origin(&repo_path))?;
    }
    merge.environment();
    merge.flags(flags);
    if let Some(file) = managed {
        merge.managed(file, MANAGED)?;
    }
    Ok(merge)
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

pub(crate) fn mode_name(mode: Mode) -> String {
    serde_json::to_string(&mode).unwrap_or_default()
}

fn origin(path: &Path) -> String {
    path.display().to_string()
}

/// With symlinks resolved, as facts have it; a folder that isn't there yet stands for itself.
fn real(folder: PathBuf) -> PathBuf {
    folder.canonicalize().unwrap_or(folder)
}

/// The folder to work in, canonical.
pub(crate) fn root(folder: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let folder = match folder {
        Some(folder) => folder,
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where the process's folder becomes a value"
        )]
        None => std::env::current_dir().context("the current folder is gone")?,
    };
    folder
        .canonicalize()
        .with_context(|| format!("the folder {} can't be opened", folder.display()))
}
