//! Proposes ready-made edits of several files at once: all of them, or none.

use std::collections::BTreeMap;

use interline_log::{CallStatus, EventData};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::{Origin, Outcome, Proposed, RangeEdit};

use crate::Environment;
use crate::count::counted;
use crate::line_map::LineMap;
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

/// Proposes edits to the session's text. `done` heads the answer where all of them could be.
pub(crate) fn propose(
    environment: &Environment,
    origin: Origin,
    edits: &Edits,
    done: &str,
) -> Result<Answer, Stop> {
    let edits = check(environment, edits)?;
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (path, (before, edits)) in &edits {
        match environment
            .workspace
            .propose(origin, path, Proposed::Ranges(edits.clone()))
        {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => return Ok(take_back(environment, outcomes, path, &error.0)),
        }
        if let Ok(after) = environment
            .workspace
            .proposed_text(environment.session, path)
        {
            environment.memory.changed(path, before, &after);
        }
    }
    let hunks: usize = outcomes.iter().map(|outcome| outcome.hunks.len()).sum();
    let lines: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.summary.as_str())
        .collect();
    let content = format!("{done}\n{}", lines.join("\n"));
    let summary = format!(
        "{done} ({} in {})",
        counted(hunks, "hunk", "hunks"),
        counted(outcomes.len(), "file", "files")
    );
    let events = outcomes.into_iter().map(|outcome| outcome.event).collect();
    Ok(Answer::new(content, summary).with_events(events))
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
    if files.is_empty() {
        return Err(Stop::Failed("there is nothing to change".to_owned()));
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

/// Rejects what was proposed before the file that failed; the log gets both.
fn take_back(
    environment: &Environment,
    outcomes: Vec<Outcome>,
    failed: &WorkspacePath,
    error: &str,
) -> Answer {
    let hunks = outcomes.iter().flat_map(|outcome| &outcome.hunks);
    let hunks: Vec<_> = hunks.map(|hunk| hunk.id).collect();
    let mut events: Vec<_> = outcomes.into_iter().map(|outcome| outcome.event).collect();
    if !hunks.is_empty() {
        let hunks = environment.workspace.reject(&hunks);
        events.push(EventData::EditRejected { hunks });
    }
    Answer {
        status: CallStatus::Failed,
        content: format!("{failed}: {error}; nothing was changed"),
        summary: format!("could not change {failed}"),
        events,
    }
}
