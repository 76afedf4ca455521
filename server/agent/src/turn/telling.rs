//! What the model is told beside the user's words and the results: the news of the editor, and what a request names.
//!
//! It is added behind everything that was said (I9). What a request names is read as the model would read it: by the
//! same tools, under the same policy, only that nobody is asked.

use std::fmt::Write as _;
use std::time::Duration;

use interline_log::{Access, Actor, CallStatus, EventData, SessionId};
use interline_policy::{Call, Labels, Verdict};
use interline_workspace::Workspace;
use interline_workspace::editor::{Focus, Situation};
use interline_workspace::path::WorkspacePath;
use serde_json::{Value, json};

use super::calls::Wanted;
use super::{End, Turn};
use crate::agent::Request;
use crate::context::{self, Context, Look, When, attribute};
use crate::mentions::{self, Mention};

/// All that a request names together; each single file is cut by the `read` tool.
const MAX_MENTIONED: usize = 128 * 1024;
/// A server that is still indexing must not hold the request up.
const SYMBOLS_WITHIN: Duration = Duration::from_secs(1);
/// Definitions of one name that are shown.
const MAX_DEFINITIONS: usize = 3;
/// Lines of a definition.
const DEFINITION_LINES: u32 = 40;
/// Files whose folders' instructions are looked for after one step.
const MAX_TOUCHED: usize = 64;

/// What came of reading something.
enum Found {
    Text(String),
    /// It is there, and not for everybody.
    Withheld,
    Nothing,
}

impl Turn {
    /// What goes with a request: the news, and what it names.
    pub(super) async fn context_of(&mut self, request: &Request) -> Result<String, End> {
        if let Some(recording) = &self.session.recording {
            return Ok(recording.context());
        }
        self.seen = self.situation().changes;
        let mut text = self.news(request.focus.clone(), When::Request).await?;
        text.push_str(
            &self
                .mentioned(&request.text, request.focus.as_ref())
                .await?,
        );
        Ok(text)
    }

    /// Between two steps: what has changed since the model was told, behind the results.
    pub(super) async fn inform(&mut self) -> Result<(), End> {
        if self.session.recording.is_some() {
            return Ok(());
        }
        let Situation { focus, changes } = self.situation();
        let nothing_new = changes == self.seen && !self.recorder.has_reviewed();
        if nothing_new && self.touched.is_empty() {
            return Ok(());
        }
        let when = if changes == self.seen {
            When::Work
        } else {
            When::Step
        };
        self.seen = changes;
        let text = self.news(focus, when).await?;
        if text.is_empty() {
            return Ok(());
        }
        self.tell(&text)
    }

    /// What the user adds while the turn runs, with what it names.
    pub(super) async fn steer(&mut self, steering: Vec<String>) -> Result<(), End> {
        for text in steering {
            let said = EventData::InputSteer { text: text.clone() };
            self.record(Actor::User, said)?;
            if self.session.recording.is_none() {
                let focus = self.situation().focus;
                let named = self.mentioned(&text, focus.as_ref()).await?;
                if !named.is_empty() {
                    self.tell(&named)?;
                }
            }
        }
        Ok(())
    }

    /// The instructions of the folders that a call works in hold from now on.
    pub(super) fn touch(&mut self, call: Option<&Call>) {
        let Some(call) = call.filter(|_| self.trusted) else {
            return;
        };
        for path in &call.facts.paths {
            let Some(path) = self.session.workspace.path_of(&path.resolved) else {
                continue;
            };
            let (folder, _) = path.as_str().rsplit_once('/').unwrap_or_default();
            if self.touched.len() < MAX_TOUCHED && self.folders.insert(folder.to_owned()) {
                self.touched.push(path);
            }
        }
    }

    fn situation(&self) -> Situation {
        self.session.editor.situation().unwrap_or_default()
    }

    /// Looks at the disk, so where blocking is allowed.
    async fn news(&mut self, focus: Option<Focus>, when: When) -> Result<String, End> {
        let session = self.session.clone();
        let touched = std::mem::take(&mut self.touched);
        let reviewed = self.recorder.take_reviewed();
        let look = move || {
            let look = Look {
                workspace: &session.workspace,
                session: session.id,
                focus: focus.as_ref(),
                touched: &touched,
                reviewed: &reviewed,
            };
            session.known().news(&look, when)
        };
        let looked = tokio::task::spawn_blocking(look).await;
        let Context { text, files } = looked.unwrap_or_else(|error| {
            tracing::error!(session = %self.session.id, %error, "what is new can't be told");
            Context::default()
        });
        if !files.is_empty() {
            self.record(Actor::System, EventData::ContextLoaded { files })?;
        }
        Ok(text)
    }

    /// What a text names, as tagged data. What names nothing is passed over.
    async fn mentioned(&self, text: &str, focus: Option<&Focus>) -> Result<String, End> {
        let mut out = String::new();
        for mention in mentions::find(text) {
            if out.len() > MAX_MENTIONED {
                out.push_str("<note>the request names more than fits here: read the rest</note>\n");
                break;
            }
            let (workspace, session) = (&self.session.workspace, self.session.id);
            match mention {
                Mention::Selection => {
                    let quoted =
                        focus.and_then(|focus| context::selection(workspace, session, focus));
                    out.push_str(&quoted.unwrap_or_default());
                }
                Mention::Diagnostics => out.push_str(&self.diagnostics(focus).await),
                Mention::Diff => {
                    let workspace = workspace.clone();
                    let differ = move || crate::changes::diff(&workspace, session);
                    let diff = tokio::task::spawn_blocking(differ).await;
                    out.push_str(&diff.unwrap_or_default());
                }
                Mention::Name { name, lines } => match kind(workspace, session, &name) {
                    Some((path, true)) => self.add_folder(&mut out, &path).await?,
                    Some((path, false)) => self.add_file(&mut out, &path, lines).await?,
                    None => self.add_symbol(&mut out, &name).await?,
                },
            }
        }
        Ok(out)
    }

    async fn add_file(
        &self,
        out: &mut String,
        path: &WorkspacePath,
        lines: Option<(u32, u32)>,
    ) -> Result<(), End> {
        let mut input = json!({ "path": path });
        let mut shown = String::new();
        if let Some((first, last)) = lines {
            input["start_line"] = first.into();
            input["end_line"] = last.into();
            shown = format!(" lines=\"{first}-{last}\"");
        }
        let found = self.look_up("read", &input).await?;
        add(out, "file", path, &shown, found);
        Ok(())
    }

    async fn add_folder(&self, out: &mut String, path: &WorkspacePath) -> Result<(), End> {
        let found = self.look_up("list", &json!({ "path": path })).await?;
        add(out, "folder", path, "", found);
        Ok(())
    }

    /// The definitions of a name, as far as somebody knows them.
    async fn add_symbol(&self, out: &mut String, name: &str) -> Result<(), End> {
        let Some(last) = mentions::symbol(name) else {
            return Ok(());
        };
        let input = json!({ "query": last });
        let asked = self.look_up("symbols", &input);
        let Ok(found) = tokio::time::timeout(SYMBOLS_WITHIN, asked).await else {
            return Ok(());
        };
        let Found::Text(listed) = found? else {
            return Ok(());
        };
        let places: Vec<_> = listed
            .lines()
            .filter_map(|line| place(line, name))
            .collect();
        for (path, line) in places.iter().take(MAX_DEFINITIONS) {
            let last = line.saturating_add(DEFINITION_LINES);
            let mut input = json!({ "path": path, "start_line": line });
            input["end_line"] = last.into();
            let found = self.look_up("read", &input).await?;
            let shown = format!(" name=\"{}\" line=\"{line}\"", attribute(name));
            add(out, "symbol", path, &shown, found);
        }
        if let Some(more @ 1..) = places.len().checked_sub(MAX_DEFINITIONS) {
            let name = attribute(name);
            let _ = writeln!(
                out,
                "<symbol name=\"{name}\">{more} more: ask symbols</symbol>"
            );
        }
        Ok(())
    }

    /// Of the file that the user looks at, and what the editor's servers say elsewhere. No checker is run for it.
    async fn diagnostics(&self, focus: Option<&Focus>) -> String {
        use interline_workspace::editor::{Query, QueryItems};
        let editor = &self.session.editor;
        let mut all = focus.map_or_else(Vec::new, |focus| focus.diagnostics.clone());
        if editor.abilities().query {
            let asked = editor.query(Query::Diagnostics { path: None });
            if let Ok(Ok(answer)) = tokio::time::timeout(SYMBOLS_WITHIN, asked).await
                && let QueryItems::Diagnostics(more) = answer.items
            {
                all.extend(more);
            }
        }
        let mut known = Vec::new();
        all.retain(|diagnostic| {
            let is_new = !known.contains(diagnostic);
            if is_new {
                known.push(diagnostic.clone());
            }
            is_new
        });
        let listed = match context::list(&all) {
            none if none.is_empty() => "none known\n".to_owned(),
            listed => listed,
        };
        format!("<diagnostics of=\"the workspace\">\n{listed}</diagnostics>\n")
    }

    /// A reading call that no model has made. Nobody is asked: what would have to be is withheld.
    async fn look_up(&self, tool: &str, input: &Value) -> Result<Found, End> {
        let call = Wanted::looking(tool, input.to_string());
        let prepared = match self.prepare_call(&call) {
            Ok(prepared) if prepared.info().access == Access::Read => prepared,
            _ => return Ok(Found::Nothing),
        };
        let Verdict::Allow(permit) = self.decide(&call, &prepared).await?.verdict else {
            return Ok(Found::Withheld);
        };
        self.label(Labels::of(prepared.call()))?;
        let policy = self.policy(Access::Read).await;
        let output = self.execute(call.id, prepared, permit, policy).await;
        Ok(match output {
            Ok(output) if output.status == CallStatus::Succeeded => {
                for event in output.events {
                    self.record(Actor::System, event)?;
                }
                Found::Text(output.content)
            }
            _ => Found::Nothing,
        })
    }
}

/// The path, and whether it is a folder; `None`: there is nothing with that name.
fn kind(workspace: &Workspace, session: SessionId, name: &str) -> Option<(WorkspacePath, bool)> {
    let path = WorkspacePath::new(name).ok()?;
    let file = workspace.resolve(&path).ok()?;
    if file.is_dir() {
        return Some((path, true));
    }
    let is_there = file.is_file() || workspace.proposed_text(session, &path).is_ok();
    is_there.then_some((path, false))
}

fn add(out: &mut String, tag: &str, path: &WorkspacePath, more: &str, found: Found) {
    let path = attribute(path.as_str());
    let text = match found {
        Found::Text(text) => text,
        Found::Withheld => {
            "not shown: it takes the user's permission. ask for it by a call\n".to_owned()
        }
        Found::Nothing => return,
    };
    // Writing into a String fails never.
    let _ = write!(out, "<{tag} path=\"{path}\"{more}>\n{text}");
    out.push_str(if text.ends_with('\n') { "" } else { "\n" });
    let _ = writeln!(out, "</{tag}>");
}

/// Path and line of a line of the `symbols` tool (`PATH:LINE: KIND NAME (in CONTAINER)`), where it is about this name.
fn place(line: &str, name: &str) -> Option<(WorkspacePath, u32)> {
    let (place, what) = line.split_once(": ")?;
    let (path, line) = place.rsplit_once(':')?;
    let (_, what) = what.split_once(' ')?;
    let (found, container) = match what.split_once(" (in ") {
        Some((found, container)) => (found, container.trim_end_matches(')')),
        None => (what, ""),
    };
    let last = mentions::symbol(name)?;
    let qualifier = name.strip_suffix(last).unwrap_or_default();
    let qualifier = qualifier.trim_end_matches([':', '.', '#']);
    let of = qualifier.rsplit([':', '.', '#']).next().unwrap_or_default();
    let plain = found.split('(').next().unwrap_or(found);
    let fits = plain == last && (of.is_empty() || container.contains(of) || path.contains(of));
    fits.then(|| Some((WorkspacePath::new(path).ok()?, line.parse().ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_found_by_its_whole_name_and_where_it_is_in() {
        let at =
            |line: &str, name: &str| place(line, name).map(|(path, line)| format!("{path}:{line}"));
        let line = "src/a.rs:12: function parse (in Parser)";
        for (name, found) in [
            ("parse", true),
            ("Parser::parse", true),
            ("a::parse", true),
            ("Lexer::parse", false),
            ("pars", false),
            ("Parser", false),
        ] {
            assert_eq!(at(line, name).is_some(), found, "{name}");
        }
        assert_eq!(
            at("b.c:3: function main()", "main").as_deref(),
            Some("b.c:3")
        );
        for other in [
            "",
            "none found",
            "(and 3 more: ask with a longer query)",
            "a: b",
        ] {
            assert_eq!(at(other, "parse"), None, "{other}");
        }
    }
}
