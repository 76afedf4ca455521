//! `grep`: lines by a regular expression.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use interline_log::{Access, EventData, Extent, RetryClass};
use interline_policy::Facts;
use interline_workspace::search::{self, GrepLine, GrepResult};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::paths::{self, Use};
use crate::shown;
use crate::tool::{Answer, Context, Stop, Tool};

/// Matching lines of one answer.
const MATCHES: usize = 200;
/// Files of one answer that are put on record as shown; of the others the lines are in the answer.
const FILES: usize = 20;
/// Lines of context, at most.
const CONTEXT: u8 = 20;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grep {
    pattern: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Only files that match, such as `*.rs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    glob: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ignore_case: bool,
    /// Lines before and after each match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context: Option<u8>,
}

impl Grep {
    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(".")
    }
}

impl Tool for Grep {
    const NAME: &'static str = "grep";
    const DESCRIPTION: &'static str = "Search file contents with a regular expression (ripgrep's syntax), line by line, \
        below a folder or in one file; unsaved text is searched too. Each file's path stands on a line of its own, then \
        `LINE:text` for matches and `LINE-text` for context.";
    const ACCESS: Access = Access::Read;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        format!("searching for {}", self.pattern)
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        paths::facts(environment, &[(self.path(), Use::Read)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let environment = context.environment.clone();
        let cancelled = Arc::new(AtomicBool::new(false));
        let _ends_the_search = SetOnDrop(Arc::clone(&cancelled));
        let search = move || self.search(&environment, &cancelled);
        context.look(search).await
    }
}

/// Tells the search on its own threads that nobody waits for it any more.
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Grep {
    fn search(&self, environment: &Environment, cancelled: &AtomicBool) -> Result<Answer, Stop> {
        let grep = search::Grep {
            pattern: self.pattern.clone(),
            path: paths::parse(&environment.workspace, self.path())?,
            glob: self.glob.clone(),
            ignore_case: self.ignore_case,
            context: usize::from(self.context.unwrap_or(0).min(CONTEXT)),
            limit: MATCHES,
        };
        let found = environment
            .workspace
            .grep(environment.session, &grep, cancelled)?;
        let matches = found.lines.iter().filter(|line| line.matched).count();
        let lines = counted(matches, "line", "lines");
        let summary = format!("found {lines} for {}", self.pattern);
        let events = shown(environment, &found);
        Ok(Answer::new(render(&found), summary).with_events(events))
    }
}

/// The texts that lines were shown of, where nothing was known of them.
fn shown(environment: &Environment, found: &GrepResult) -> Vec<EventData> {
    let mut paths: Vec<_> = found.lines.iter().map(|line| &line.path).collect();
    paths.dedup();
    paths.retain(|path| !environment.memory.shown.has(path));
    let shown = paths.into_iter().take(FILES).filter_map(|path| {
        let text = environment
            .workspace
            .proposed_text(environment.session, path)
            .ok()?;
        Some(shown::file(environment, path, &text, Extent::Lines))
    });
    let files: Vec<_> = shown.collect();
    if files.is_empty() {
        return Vec::new();
    }
    vec![EventData::ContextShown { files }]
}

fn render(found: &GrepResult) -> String {
    if found.lines.is_empty() {
        return "no lines match".to_owned();
    }
    let mut content = String::new();
    let mut last: Option<&GrepLine> = None;
    for line in &found.lines {
        let same_file = last.filter(|last| last.path == line.path);
        // Writing to a String can't fail.
        let _ = match same_file {
            None if last.is_none() => writeln!(content, "{}", line.path),
            None => writeln!(content, "\n{}", line.path),
            Some(last) if line.line > last.line + 1 && (!last.matched || !line.matched) => {
                writeln!(content, "--")
            }
            Some(_) => Ok(()),
        };
        let mark = if line.matched { ':' } else { '-' };
        let _ = writeln!(content, "{}{mark}{}", line.line, line.text);
        last = Some(line);
    }
    if found.truncated {
        let _ = writeln!(
            content,
            "(there are more: narrow the pattern, or give a path or a glob)"
        );
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use interline_workspace::path::WorkspacePath;

    #[test]
    fn lines_stand_below_their_file() {
        let line = |path: &str, line, matched, text: &str| GrepLine {
            path: WorkspacePath::new(path).expect("a path"),
            line,
            matched,
            text: text.to_owned(),
        };
        let found = GrepResult {
            lines: vec![
                line("a.rs", 1, false, "one"),
                line("a.rs", 2, true, "two"),
                line("a.rs", 9, true, "nine"),
                line("a.rs", 10, false, "ten"),
                line("a.rs", 20, false, "twenty"),
                line("b.rs", 1, true, "x"),
            ],
            truncated: true,
        };
        insta::assert_snapshot!(render(&found), @r"
        a.rs
        1-one
        2:two
        9:nine
        10-ten
        --
        20-twenty

        b.rs
        1:x
        (there are more: narrow the pattern, or give a path or a glob)
        ");
    }
}
