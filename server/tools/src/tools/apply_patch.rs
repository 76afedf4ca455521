//! `apply_patch`: what `edit` is, for models that were trained on patches. The whole patch lands in the proposal, or
//! nothing of it.

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::Workspace;
use interline_workspace::patch::{self, FileChange, FilePatch};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::Proposed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::apply;
use crate::count::counted;
use crate::paths::{self, Use};
use crate::redaction::keeps_secrets;
use crate::shown::Known;
use crate::tool::{Answer, Context, Stop, Tool};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyPatch {
    patch: String,
}

impl Tool for ApplyPatch {
    const NAME: &'static str = "apply_patch";
    const DESCRIPTION: &'static str = "Propose changes to files by a patch: `*** Begin Patch`, then for each file `*** Update \
        File: path` (then perhaps `*** Move to: path`), `*** Add File: path` or `*** Delete File: path`, then `*** End Patch`. \
        A hunk begins with `@@`, or with `@@` and a whole line that stands above; its lines begin with a space, `-` or `+`. \
        Each hunk must stand in the file exactly once below its `@@` lines and the hunk before: give about three lines of \
        context. All of the patch is proposed, or nothing and the error shows the nearest lines.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        let files = patch::parse(&self.patch).unwrap_or_default();
        let names: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        format!("patching {}", names.join(", "))
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        let files = patch::parse(&self.patch)?;
        let named: Vec<_> = files
            .iter()
            .flat_map(names)
            .map(|name| (name, Use::Write))
            .collect();
        paths::facts(environment, &named)
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let environment = context.environment.clone();
        let origin = context.origin();
        let propose = move || {
            let files = patch::parse(&self.patch)?;
            let count = counted(files.len(), "file", "files");
            let steps = steps(&environment, files)?;
            apply::propose_all(&environment, origin, steps, &format!("patched {count}"))
        };
        context.propose(propose).await
    }
}

/// The files that a part of a patch touches.
fn names(file: &FilePatch) -> impl Iterator<Item = &str> {
    let to = match &file.change {
        FileChange::Update { to, .. } => to.as_deref(),
        FileChange::Add(_) | FileChange::Delete => None,
    };
    std::iter::once(file.path.as_str()).chain(to)
}

/// What a patch proposes, file by file.
fn steps(environment: &Environment, files: Vec<FilePatch>) -> Result<apply::Steps, Stop> {
    let mut steps = apply::Steps::default();
    let mut named: Vec<WorkspacePath> = Vec::new();
    for file in files {
        for name in names(&file) {
            let path = paths::parse(&environment.workspace, name)?;
            if named.contains(&path) {
                return Err(Stop::Failed(format!(
                    "the patch names `{path}` twice: put all of its hunks under one `*** Update File`"
                )));
            }
            named.push(path);
        }
        step(environment, file, &mut steps)?;
    }
    Ok(steps)
}

fn step(environment: &Environment, file: FilePatch, steps: &mut apply::Steps) -> Result<(), Stop> {
    let Environment {
        workspace,
        session,
        memory,
        ..
    } = environment;
    let path = paths::parse(workspace, &file.path)?;
    match file.change {
        FileChange::Add(text) => {
            is_free(environment, &path)?;
            steps.changes.push((path, Proposed::Write(text)));
        }
        FileChange::Delete => steps.changes.push((path, Proposed::Delete)),
        FileChange::Update { to, hunks } => {
            let before = workspace.proposed_text(*session, &path)?;
            for hunk in &hunks {
                keeps_secrets(&before, &hunk.new)?;
            }
            let known = memory.shown.knows(&path, &before);
            let replaced = hunks.iter().map(|hunk| hunk.old.as_str());
            memory.shown.may_edit(&path, known, replaced)?;
            if matches!(known, Known::Changed(_)) {
                steps.notes.push(format!("note: `{path}` has changed since you read it: read it again before further edits"));
            }
            if !hunks.is_empty() {
                steps.changes.push((path.clone(), Proposed::Patch(hunks)));
            }
            if let Some(to) = to {
                let to = paths::parse(workspace, &to)?;
                steps.changes.push((path, Proposed::Move(to)));
            }
        }
    }
    Ok(())
}

/// A new file takes nobody's place.
fn is_free(environment: &Environment, path: &WorkspacePath) -> Result<(), Stop> {
    let Environment {
        workspace, session, ..
    } = environment;
    let deleted = is_there(workspace, path)
        && workspace.proposed_text(*session, path).is_err()
        && workspace.text(path).is_ok();
    let seen = workspace.proposed_text(*session, path).is_ok();
    if seen || (is_there(workspace, path) && !deleted) {
        return Err(Stop::Failed(format!(
            "`{path}` exists already: use `*** Update File`"
        )));
    }
    Ok(())
}

fn is_there(workspace: &Workspace, path: &WorkspacePath) -> bool {
    workspace.resolve(path).is_ok_and(|file| file.exists())
}
