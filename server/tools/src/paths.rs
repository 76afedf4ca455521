//! From a path as a model writes it to the file that would be touched, and the facts of that.

use std::path::Path;

use interline_policy::{Effect, Facts, PathFact};
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;

use crate::Environment;

/// What a call does to the files that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Read,
    Write,
}

/// Parses a path. Models also write absolute paths: those below the root are taken as meant.
pub(crate) fn parse(workspace: &Workspace, sent: &str) -> Result<WorkspacePath, String> {
    let below = Path::new(sent)
        .strip_prefix(workspace.root())
        .ok()
        .and_then(Path::to_str);
    WorkspacePath::new(below.unwrap_or(sent)).map_err(|error| error.to_string())
}

/// The facts of a call that touches exactly these files. A symlink that leads outside is an error.
pub(crate) fn facts(environment: &Environment, touched: &[(&str, Use)]) -> Result<Facts, String> {
    let mut facts = Facts::default();
    for (sent, using) in touched {
        let path = parse(&environment.workspace, sent)?;
        let resolved = environment
            .workspace
            .resolve(&path)
            .map_err(|error| error.0)?;
        let effect = match using {
            Use::Read => Effect::Read,
            Use::Write => Effect::Write,
        };
        if !facts.effects.contains(&effect) {
            facts.effects.push(effect);
        }
        facts.paths.push(PathFact {
            sent: (*sent).to_owned(),
            inside: resolved.starts_with(environment.workspace.root()),
            resolved,
            write: *using == Use::Write,
        });
    }
    Ok(facts)
}
