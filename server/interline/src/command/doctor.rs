//! `interline doctor`: what works on this machine, and what to do about what doesn't.

use std::path::{Path, PathBuf};

use interline_agent::{date, visible};
use interline_log::Crashes;
use interline_tools::sandbox::{self, Probe};

use super::{exit, print, runtime};
use crate::config::{Config, Flags, root};

/// The newest so many crashes are listed.
const MOST_CRASHES: usize = 8;

struct Finding {
    ok: bool,
    text: String,
}

pub(super) fn run(folder: Option<PathBuf>) -> anyhow::Result<u8> {
    let root = root(folder)?;
    let mut findings = Vec::new();
    match Config::load(&root, &Flags::default()) {
        Err(error) => findings.push(bad(format!("configuration: {error:#}"))),
        Ok(config) => {
            findings.push(good(format!(
                "configuration: {}",
                config.folders.config.display()
            )));
            findings.extend(
                config
                    .warnings
                    .iter()
                    .map(|warning| bad(format!("configuration: {warning}"))),
            );
            findings.push(state(&config.folders.state));
            findings.extend(crashes(&config.folders.state));
            findings.push(model(&config, &root)?);
            findings.push(trust(&config, &root));
            findings.extend(checkers(&config));
            findings.push(sandbox(&config.folders.state)?);
        }
    }
    for finding in &findings {
        print(&format!(
            "{} {}\n",
            if finding.ok { "ok  " } else { "!   " },
            finding.text
        ));
    }
    Ok(if findings.iter().all(|finding| finding.ok) {
        exit::DONE
    } else {
        exit::FAILED
    })
}

fn state(folder: &Path) -> Finding {
    let probe = folder.join(".probe");
    let written =
        std::fs::create_dir_all(folder).and_then(|()| std::fs::File::create(&probe).map(drop));
    let _ = std::fs::remove_file(&probe);
    match written {
        Ok(()) => good(format!("state: {} can be written", folder.display())),
        Err(error) => bad(format!(
            "state: {} can't be written ({error}): set INTERLINE_HOME to a folder that can",
            folder.display()
        )),
    }
}

/// Crashes are no fault of this machine's: they are shown, not counted.
fn crashes(state: &Path) -> Vec<Finding> {
    let crashes = Crashes::new(state);
    let files = match crashes.list() {
        Ok(files) => files,
        Err(error) => return vec![bad(format!("crashes: {error}"))],
    };
    let lines = files.iter().map(|file| {
        let what = match &file.crash {
            Ok(crash) => format!("{} on {}", visible(&crash.cause()), date(crash.ts)),
            Err(error) => format!("can't be read ({})", visible(error)),
        };
        good(format!("crash: {what}: {}", file.path.display()))
    });
    let kept = lines.rev().take(MOST_CRASHES);
    kept.collect()
}

fn model(config: &Config, root: &Path) -> anyhow::Result<Finding> {
    let host = interline_agent::Host::new(config.settings(root, &Flags::default()));
    let found = runtime()?.block_on(host.model(&config.model.value));
    Ok(match found {
        Err(error) => bad(format!("model: {error}")),
        Ok(spec) if spec.provider == interline_model::Provider::Builtin => good(
            "model: builtin (applies compiler suggestions and quick fixes). for more set ANTHROPIC_API_KEY or \
             OPENAI_API_KEY, start Ollama, or add a [models.NAME] table to config.toml"
                .to_owned(),
        ),
        Ok(spec) => good(format!("model: {} ({} at {})", spec.name, spec.id, spec.base_url)),
    })
}

fn trust(config: &Config, root: &Path) -> Finding {
    if config.trusted {
        return good(format!("trust: {} is trusted", root.display()));
    }
    good(format!(
        "trust: {} is not trusted, so none of its own code runs, its checker included",
        root.display()
    ))
}

fn checkers(config: &Config) -> Vec<Finding> {
    let path = config
        .env
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, path)| path.as_str())
        .unwrap_or_default();
    let found =
        |program: &str| std::env::split_paths(path).any(|folder| folder.join(program).is_file());
    let names: Vec<_> = ["cargo", "tsc", "ruff", "pyright"]
        .into_iter()
        .filter(|name| found(name))
        .collect();
    if names.is_empty() {
        return vec![bad("checkers: none of cargo, tsc, ruff, pyright is on PATH: without an editor edits can't be checked".to_owned())];
    }
    vec![good(format!("checkers: {}", names.join(", ")))]
}

fn sandbox(state: &Path) -> anyhow::Result<Finding> {
    let launcher = std::env::current_exe()?;
    let probe = runtime()?.block_on(sandbox::probe(&launcher, state));
    Ok(match probe {
        Probe::Works(ready) => good(format!(
            "sandbox: works (namespaces, seccomp; Landlock: {}; /proc: {})",
            ready.landlock,
            if ready.own_proc {
                "its own"
            } else {
                "a few files"
            }
        )),
        Probe::Lesser(ready, fault) => bad(format!(
            "sandbox: the lesser one works (seccomp; Landlock: {}; commands run on a copy of the workspace, without \
             sockets; auto mode is off), for namespaces don't: {}. {}",
            ready.landlock, fault.what, fault.remedy
        )),
        Probe::Fails(fault) => bad(format!(
            "sandbox: {}. so each shell command asks, and auto mode is off. {}",
            fault.what, fault.remedy
        )),
    })
}

fn good(text: String) -> Finding {
    Finding { ok: true, text }
}

fn bad(text: String) -> Finding {
    Finding { ok: false, text }
}
