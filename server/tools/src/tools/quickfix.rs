//! `quickfix`: the fixes that are known for a line, and applying one as hunks.

use std::num::NonZeroU32;
use std::sync::Arc;

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::document::Range;
use interline_workspace::editor::{Diagnostic, Fix, Query, QueryItems};
use interline_workspace::path::WorkspacePath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::apply;
use crate::count::counted;
use crate::diagnosis::{Diagnosis, diagnose};
use crate::line_map::LineMap;
use crate::memory::{Checked, hash};
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};
use crate::tools::diagnostics::{MACHINE_APPLICABLE, one_line};
use crate::tools::language::{answered_by, settled};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quickfix {
    path: String,
    line: NonZeroU32,
    /// Number of the fix to propose; leave out to list them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apply: Option<NonZeroU32>,
}

impl Tool for Quickfix {
    const NAME: &'static str = "quickfix";
    const DESCRIPTION: &'static str = "List the ready-made fixes of language servers and compilers for a line, or propose \
        one. Numbers are those of diagnostics.";
    const ACCESS: Access = Access::Propose;
    const RETRY: RetryClass = RetryClass::Convergent;

    fn title(&self) -> String {
        match self.apply {
            Some(_) => format!("applying a quick fix at {}:{}", self.path, self.line),
            None => format!("quick fixes at {}:{}", self.path, self.line),
        }
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        let using = if self.apply.is_some() {
            Use::Write
        } else {
            Use::Read
        };
        paths::facts(environment, &[(&self.path, using)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let path = paths::parse(&context.environment.workspace, &self.path)?;
        let line = self.line.get() - 1;
        let (offers, by) = offers(&context, &path, line).await?;
        let Some(number) = self.apply else {
            return Ok(list(&offers, &by, &path, self.line));
        };
        let chosen = offers.into_iter().nth(number.get() as usize - 1);
        let offer = chosen.ok_or_else(|| {
            format!(
                "there is no fix {number} for {path}:{}: list them without apply",
                self.line
            )
        })?;
        let (environment, origin) = (context.environment.clone(), context.origin());
        let done = format!("proposed: {}", one_line(&offer.fix.title));
        let propose =
            move || apply::propose(&environment, origin, &[offer.fix], &done, vec![offer.by]);
        context.propose(propose).await
    }
}

/// A fix, its edits in the text that the session sees.
struct Offer {
    fix: Fix,
    /// What is said of one that needs no look.
    mark: &'static str,
    /// Who offers it.
    by: String,
}

fn list(offers: &[Offer], by: &[String], path: &WorkspacePath, line: NonZeroU32) -> Answer {
    let summary = format!(
        "{} at {path}:{line}",
        counted(offers.len(), "quick fix", "quick fixes")
    );
    let by = by.join("\n");
    if offers.is_empty() {
        let content = format!("no quick fixes are known for this line\n{by}");
        return Answer::new(content, summary);
    }
    let offers = (1..).zip(offers).map(|(number, offer): (u32, _)| {
        let mark = if offer.fix.machine_applicable {
            offer.mark
        } else {
            ""
        };
        let title = one_line(&offer.fix.title);
        match &offer.fix.refused {
            Some(why) => format!("{number}: {title} (not offered: {})\n", one_line(why)),
            None => format!("{number}: {title}{mark}\n"),
        }
    });
    Answer::new(offers.collect::<String>() + &by, summary)
}

/// Those of the last diagnosis first, with the numbers that it gave them; then the language servers'. With them who
/// was asked.
async fn offers(
    context: &Context,
    path: &WorkspacePath,
    line: u32,
) -> Result<(Vec<Offer>, Vec<String>), Stop> {
    let (mut offers, mut asked) = (Vec::new(), Vec::new());
    let last = context.environment.memory.last();
    let checked = match current(context, last, path, line).await? {
        Some(checked) => Ok(checked),
        None => match diagnose(context, Some(path)).await? {
            Diagnosis::Checked(checked) => current(context, Some(checked), path, line)
                .await?
                .ok_or_else(|| "the text changed while it was checked: try again".to_owned()),
            Diagnosis::NotChecked(reason) => Err(reason),
        },
    };
    if let Ok(checked) = &checked {
        let by = format!(
            "checked by {} ({})",
            checked.source,
            settled(checked.settled)
        );
        let fixes = fixes_at(checked, path, line).cloned();
        offers.extend(fixes.map(|fix| Offer {
            fix,
            mark: MACHINE_APPLICABLE,
            by: by.clone(),
        }));
        asked.push(by);
    }
    if let Some((fixes, by)) = servers_fixes(context, path, line).await? {
        for fix in fixes {
            let known =
                |known: &Offer| known.fix.edits == fix.edits && known.fix.files == fix.files;
            if fix.refused.is_some() || !offers.iter().any(known) {
                offers.push(Offer {
                    fix,
                    mark: " (preferred)",
                    by: by.clone(),
                });
            }
        }
        asked.push(by);
    }
    match checked {
        Err(reason) if offers.is_empty() => Err(Stop::Failed(format!("no quick fixes: {reason}"))),
        _ => Ok((offers, asked)),
    }
}

/// A diagnosis, if it is still about these texts.
async fn current(
    context: &Context,
    checked: Option<Arc<Checked>>,
    path: &WorkspacePath,
    line: u32,
) -> Result<Option<Arc<Checked>>, Stop> {
    let Some(checked) = checked else {
        return Ok(None);
    };
    let (environment, path) = (context.environment.clone(), path.clone());
    let look = move || {
        let edited = fixes_at(&checked, &path, line).flat_map(|fix| &fix.edits);
        let mut about = edited.map(|(path, _)| path).chain([&path]);
        let current = about.all(|path| is_current(&environment, &checked, path));
        Ok(current.then(|| Arc::clone(&checked)))
    };
    context.look(look).await
}

fn is_current(environment: &Environment, checked: &Checked, path: &WorkspacePath) -> bool {
    let seen = checked.texts.get(path);
    let text = environment
        .workspace
        .proposed_text(environment.session, path);
    seen.is_some_and(|seen| text.is_ok_and(|text| hash(&text) == *seen))
}

/// First those of problems that begin in the line, in the order of the report; then those that reach over it or
/// would change it.
fn fixes_at<'a>(
    checked: &'a Checked,
    path: &'a WorkspacePath,
    line: u32,
) -> impl Iterator<Item = &'a Fix> {
    let at = move |range: Range| (range.start.line..=range.end.line).contains(&line);
    let begins = move |d: &&Diagnostic| d.path == *path && d.range.start.line == line;
    let first = checked
        .diagnostics
        .iter()
        .filter(begins)
        .flat_map(|d| &d.fixes);
    let rest = checked.diagnostics.iter().filter(move |d| !begins(d));
    let rest = rest.flat_map(move |diagnostic| {
        let over = diagnostic.path == *path && at(diagnostic.range);
        diagnostic.fixes.iter().filter(move |fix| {
            let mut edits = fix.edits.iter().filter(|(file, _)| file == path);
            over || edits.any(|(_, edits)| edits.iter().any(|edit| at(edit.range)))
        })
    });
    first.chain(rest)
}

/// What the editor's language servers offer, and who they are; `None` where they can't be asked, or pending hunks are in
/// the way.
async fn servers_fixes(
    context: &Context,
    path: &WorkspacePath,
    line: u32,
) -> Result<Option<(Vec<Fix>, String)>, Stop> {
    let environment = &context.environment;
    let map = LineMap::new(&environment.workspace, environment.session, path);
    let (true, Some(line)) = (environment.editor.abilities().query, map.user(line)) else {
        return Ok(None);
    };
    let asked = Query::QuickFixes {
        path: path.clone(),
        line,
    };
    let answer = context
        .unless_cancelled(environment.editor.query(asked))
        .await?;
    let Ok(answer) = answer else { return Ok(None) };
    let by = answered_by(&answer);
    let QueryItems::Fixes(fixes) = answer.items else {
        return Ok(None);
    };
    let moved = fixes.into_iter().filter_map(|fix| {
        let edits = apply::to_session(environment, &fix.edits).ok()?;
        Some(Fix { edits, ..fix })
    });
    Ok(Some((moved.collect(), by)))
}
