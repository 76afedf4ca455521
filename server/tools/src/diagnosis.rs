//! Who says what is wrong: the editor's other language servers, or the project's own checker.
//!
//! The editor's servers are quicker, but they see neither pending hunks nor what follows from them. The project's
//! checker sees both; it runs the project's code, so only in a trusted folder.

use std::collections::HashMap;
use std::sync::Arc;

use interline_workspace::editor::{Diagnostic, Query, QueryItems};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::HunkState;

use crate::Environment;
use crate::checker;
use crate::memory::{Checked, hash};
use crate::tool::{self, Context, Stop};
use tokio_util::sync::CancellationToken;

const NOT_TRUSTED: &str = "the folder is not trusted, so its checkers don't run (`interline.trust` or `interline run --trust` trusts it)";

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Diagnosis {
    Checked(Arc<Checked>),
    /// Nothing could check, and why.
    NotChecked(String),
}

/// Finds out what is wrong with a file, or with all, as the session sees them; and remembers it.
pub(crate) async fn diagnose(
    context: &Context,
    path: Option<&WorkspacePath>,
) -> Result<Diagnosis, Stop> {
    let found = look(&context.environment, path, &context.cancel).await?;
    if let Diagnosis::Checked(checked) = &found {
        context.environment.memory.keep(checked);
    }
    Ok(found)
}

/// Finds out what is wrong with a file, or with all, as the session sees them.
pub(crate) async fn look(
    environment: &Environment,
    path: Option<&WorkspacePath>,
    cancel: &CancellationToken,
) -> Result<Diagnosis, Stop> {
    let pending = pending(environment);
    let asks_editor = environment.editor.abilities().query;
    if asks_editor
        && pending.is_empty()
        && let Some(checked) = by_editor(environment, path, cancel, true).await?
    {
        // An editor without a server for the language says the same as one whose server finds nothing: the
        // project's own checker tells them apart.
        if checked.diagnostics.is_empty()
            && let Ok(checked) = by_checker(environment, path, cancel).await?
        {
            return Ok(found(checked, path));
        }
        return Ok(found(checked, path));
    }
    let reason = match by_checker(environment, path, cancel).await? {
        Ok(checked) => return Ok(found(checked, path)),
        Err(reason) => reason,
    };
    // The servers don't know the hunks in other files, so what they say may be too old.
    let untouched = path.is_some_and(|path| !pending.contains(path));
    if asks_editor
        && untouched
        && !pending.is_empty()
        && let Some(checked) = by_editor(environment, path, cancel, false).await?
    {
        return Ok(found(checked, path));
    }
    let unseen = asks_editor && !pending.is_empty();
    let why = if unseen {
        "language servers do not see pending hunks, and "
    } else {
        ""
    };
    Ok(Diagnosis::NotChecked(format!("{why}{reason}")))
}

fn found(mut checked: Checked, path: Option<&WorkspacePath>) -> Diagnosis {
    checked.scope = path.cloned();
    checked.diagnostics.sort_by(|one, other| {
        let key = |d: &Diagnostic| (d.severity, d.path.clone(), d.range.start);
        key(one).cmp(&key(other))
    });
    Diagnosis::Checked(Arc::new(checked))
}

/// Files with pending hunks of the session.
pub(crate) fn pending(environment: &Environment) -> Vec<WorkspacePath> {
    let ours = |hunk: &interline_workspace::proposal::Hunk| {
        hunk.session == environment.session && hunk.state == HunkState::Pending
    };
    let files = environment.workspace.hunks().into_iter();
    let files = files.filter(|file| file.hunks.iter().any(ours));
    files.map(|file| file.path).collect()
}

async fn by_checker(
    environment: &Environment,
    path: Option<&WorkspacePath>,
    cancel: &CancellationToken,
) -> Result<Result<Checked, String>, Stop> {
    if !environment.trusted {
        return Ok(Err(NOT_TRUSTED.to_owned()));
    }
    match checker::check(environment, path, cancel).await {
        Ok(checked) => Ok(Ok(checked)),
        Err(Stop::Failed(reason)) => Ok(Err(reason)),
        Err(Stop::Cancelled) => Err(Stop::Cancelled),
    }
}

/// What the editor's language servers say of a file, or of all, as the user sees them. `None` where the editor has no
/// answer.
pub(crate) async fn by_editor(
    environment: &Environment,
    path: Option<&WorkspacePath>,
    cancel: &CancellationToken,
    sees_all: bool,
) -> Result<Option<Checked>, Stop> {
    let asked = Query::Diagnostics {
        path: path.cloned(),
    };
    let answer = environment.editor.query(asked);
    let Ok(answer) = tool::unless_cancelled(cancel, answer).await? else {
        return Ok(None);
    };
    let QueryItems::Diagnostics(diagnostics) = answer.items else {
        return Ok(None);
    };
    let (environment, scope) = (environment.clone(), path.cloned());
    let hashes = move || {
        let mut texts = HashMap::new();
        for path in paths(&diagnostics).chain(&scope) {
            if !texts.contains_key(path)
                && let Ok(text) = environment.workspace.text(path)
            {
                texts.insert(path.clone(), hash(&text));
            }
        }
        Ok(Checked {
            source: answer.source,
            by_editor: true,
            settled: answer.settled && sees_all,
            failed: Vec::new(),
            scope: None,
            texts,
            diagnostics,
        })
    };
    tool::look(cancel, hashes).await.map(Some)
}

/// Every file that diagnostics and their fixes are about, with repetitions.
fn paths(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &WorkspacePath> {
    diagnostics.iter().flat_map(|diagnostic| {
        let edited = diagnostic.fixes.iter().flat_map(|fix| &fix.edits);
        edited.map(|(path, _)| path).chain([&diagnostic.path])
    })
}
