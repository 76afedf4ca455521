//! Proposes ready-made edits of several files at once: all of them, or none.

use std::collections::{BTreeMap, BTreeSet};

use interline_log::Extent;
use interline_workspace::editor::{FileChange, Fix};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Origin, Proposed, RangeEdit};

use crate::Environment;
use crate::count::counted;
use crate::line_map::LineMap;
use crate::parses;
use crate::shown::{self, Known};
use crate::tool::{Answer, Stop};

/// Edits by file.
pub(crate) type Edits = Vec<(WorkspacePath, Vec<RangeEdit>)>;

/// Moves edits from the user's text, which the editor's language servers know, to the session's text.
pub(crate) fn to_session(environment: &Environment, edits: &Edits) -> Result<Edits, String> {
    let place = |(path, edits): &(WorkspacePath, Vec<RangeEdit>)| {
        let map = LineMap::new(&environment.workspace, environment.session, path);
        let moved = map.proposed_edits(edits);
        moved.map(|edits| (path.clone(), edits)).ok_or_else(|| {
            format!("pending hunks in {path} are in its way, which the language server does not see: use edit")
        })
    };
    edits.iter().map(place).collect()
}

/// Proposes fixes, their edits in the session's text: all of them as one, or none. `done` heads the answer, `notes`
/// end it.
pub(crate) fn propose(
    environment: &Environment,
    origin: Origin,
    fixes: &[Fix],
    done: &str,
    notes: Vec<String>,
) -> Result<Answer, Stop> {
    if let Some(why) = fixes.iter().find_map(|fix| fix.refused.as_ref()) {
        return Err(Stop::Failed(format!(
            "{why}, which is not done here: nothing was proposed, use edit"
        )));
    }
    let edits: Edits = fixes.iter().flat_map(|fix| fix.edits.clone()).collect();
    let edited = check(environment, &edits)?
        .into_iter()
        .map(|(path, (_, edits))| (path, Proposed::Ranges(edits)));
    let mut changes: Vec<_> = edited.collect();
    for change in fixes.iter().flat_map(|fix| &fix.files) {
        changes.push(match change {
            FileChange::Create { path, text } => {
                is_free(environment, path)?;
                (path.clone(), Proposed::Write(text.clone()))
            }
            FileChange::Move { from, to } => {
                is_free(environment, to)?;
                (from.clone(), Proposed::Move(to.clone()))
            }
            FileChange::Delete { path } => (path.clone(), Proposed::Delete),
        });
    }
    if changes.is_empty() {
        return Err(Stop::Failed("there is nothing to change".to_owned()));
    }
    propose_all(environment, origin, Steps { changes, notes }, done)
}

/// No file of the user's or the session's is overwritten by another.
fn is_free(environment: &Environment, path: &WorkspacePath) -> Result<(), Stop> {
    let workspace = &environment.workspace;
    let proposed = workspace.proposed_text(environment.session, path).is_ok();
    if proposed || workspace.resolve(path).is_ok_and(|file| file.exists()) {
        return Err(Stop::Failed(format!(
            "`{path}` exists already: nothing was proposed"
        )));
    }
    Ok(())
}

/// Changes of several files, and what is to be said of them.
#[derive(Default)]
pub(crate) struct Steps {
    pub(crate) changes: Vec<(WorkspacePath, Proposed)>,
    pub(crate) notes: Vec<String>,
}

/// Proposes all changes, or none. `done` heads the answer.
pub(crate) fn propose_all(
    environment: &Environment,
    origin: Origin,
    steps: Steps,
    done: &str,
) -> Result<Answer, Stop> {
    let Environment {
        workspace,
        session,
        memory,
        ..
    } = environment;
    let unparsed = unparsed(environment, &steps.changes)?;
    let known = |(path, _): &(WorkspacePath, Proposed)| {
        let before = workspace.proposed_text(*session, path);
        let known = before.map(|before| memory.shown.knows(path, &before));
        let is_patch = |(other, what): &(WorkspacePath, Proposed)| {
            other == path && matches!(what, Proposed::Patch(_))
        };
        match known {
            Ok(known) if steps.changes.iter().any(is_patch) => known.once_edited(),
            Ok(known) => known,
            // A new file is the model's own.
            Err(_) => Known::Current(Extent::Whole),
        }
    };
    let known: Vec<_> = steps.changes.iter().map(known).collect();
    let outcomes = workspace
        .propose_all(origin, &steps.changes)
        .map_err(|error| Stop::Failed(format!("{}; nothing was changed", error.0)))?;
    let hunks: usize = outcomes.iter().map(|outcome| outcome.hunks.len()).sum();
    let lines: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.summary.as_str())
        .chain(steps.notes.iter().map(String::as_str))
        .collect();
    let content = format!("{done}\n{}", lines.join("\n"));
    let summary = format!(
        "{done} ({} in {})",
        counted(hunks, "hunk", "hunks"),
        counted(files(&steps.changes), "file", "files")
    );
    let after = steps
        .changes
        .iter()
        .zip(known)
        .filter_map(|((path, what), known)| {
            let at = match what {
                Proposed::Move(to) => to,
                _ => path,
            };
            // `None` too where it is gone, or moved by a later step.
            shown::after_change(environment, at, known)
        });
    let after: Vec<_> = after.collect();
    let mut events = Vec::new();
    for (outcome, ((path, _), worse)) in
        outcomes.into_iter().zip(steps.changes.iter().zip(unparsed))
    {
        events.push(outcome.event);
        events.extend(parses::mark(path, &outcome.hunks, worse));
    }
    events.extend(after);
    Ok(Answer::new(content, summary).with_events(events))
}

/// What would not parse any more, by change; looked at before any is proposed. A file that several changes are about is
/// what it will be only after the last: it is not held against its grammar.
fn unparsed(
    environment: &Environment,
    changes: &[(WorkspacePath, Proposed)],
) -> Result<Vec<Vec<String>>, Stop> {
    let about = |path: &WorkspacePath| {
        let is = |(other, what): &&(WorkspacePath, Proposed)| {
            other == path || matches!(what, Proposed::Move(to) if to == path)
        };
        changes.iter().filter(is).count()
    };
    let worse = changes.iter().map(|(path, what)| match what {
        Proposed::Move(_) | Proposed::Delete => Ok(Vec::new()),
        _ if about(path) > 1 => Ok(Vec::new()),
        _ => parses::check(environment, path, what),
    });
    worse.collect()
}

fn files(changes: &[(WorkspacePath, Proposed)]) -> usize {
    let paths: BTreeSet<_> = changes.iter().map(|(path, _)| path).collect();
    paths.len()
}

type Checked = BTreeMap<WorkspacePath, (String, Vec<RangeEdit>)>;

/// One entry a file, its edits in order, none over another, all inside the text, which comes with them.
fn check(environment: &Environment, edits: &Edits) -> Result<Checked, Stop> {
    let mut files = Checked::new();
    for (path, edits) in edits.iter().filter(|(_, edits)| !edits.is_empty()) {
        if !files.contains_key(path) {
            let text = environment
                .workspace
                .proposed_text(environment.session, path)?;
            files.insert(path.clone(), (text, Vec::new()));
        }
        if let Some((_, all)) = files.get_mut(path) {
            all.extend(
                edits
                    .iter()
                    .filter(|edit| !all.contains(edit))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
    }
    for (path, (text, edits)) in &mut files {
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let last_line = u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        let overlap = edits.is_sorted_by(|one, next| one.range.end <= next.range.start);
        if !overlap {
            return Err(Stop::Failed(format!(
                "the edits of {path} overlap: nothing was proposed"
            )));
        }
        if edits.iter().any(|edit| edit.range.end.line > last_line) {
            return Err(Stop::Failed(format!(
                "the edits of {path} are for another text: nothing was proposed"
            )));
        }
    }
    Ok(files)
}
