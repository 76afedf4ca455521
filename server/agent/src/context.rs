//! What the model is told of the editor: where the user is, what is unsaved, what is wrong there, which instructions hold.
//!
//! It stands in the trailing message, and only what has changed since the session was last told goes there: what was
//! said stays as it is (I9). All of it is data of the user's and the repo's; none of it decides anything.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use interline_log::{LoadedFile, SessionId};
use interline_workspace::Workspace;
use interline_workspace::document::Range;
use interline_workspace::editor::{Diagnostic, Focus};
use interline_workspace::path::WorkspacePath;

use crate::git;
use crate::instructions::{self, Instructions};

/// More lines of a selection than this are for the model to read by itself.
const MAX_SELECTED_LINES: usize = 400;
/// The same of its bytes: a line may be as long as a file.
const MAX_SELECTED_BYTES: usize = 32 * 1024;
/// More parts of a file than this are on no screen.
const MAX_VISIBLE: usize = 4;
const MAX_DIAGNOSTICS: usize = 30;
/// Names of unsaved files.
const MAX_UNSAVED: usize = 50;
/// Files whose diagnostics are remembered; beyond that they are told again.
const MAX_FILES: usize = 1000;

/// The trailing message's context and the files that went into it.
#[derive(Default)]
pub(crate) struct Context {
    pub(crate) text: String,
    pub(crate) files: Vec<LoadedFile>,
}

/// When the model is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// With a request: wherever the caret is counts.
    Request,
    /// Between two steps: scrolling and moving the caret is no news.
    Step,
    /// Between two steps, and nothing has changed in the editor: no buffer is compared with its file.
    Work,
}

/// What there is to be told. Making the context reads the disk: it is not for the typing path.
pub(crate) struct Look<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) session: SessionId,
    pub(crate) focus: Option<&'a Focus>,
    /// Files that were worked on since the last look: the instructions of their folders hold.
    pub(crate) touched: &'a [WorkspacePath],
    /// What the user has decided on hunks.
    pub(crate) reviewed: &'a str,
}

/// What a session was last told.
#[derive(Default)]
pub(crate) struct Told {
    /// Instruction files, with their hashes.
    pub(crate) instructions: HashMap<String, String>,
    today: String,
    branch: String,
    /// The focus without caret, screen and text.
    place: String,
    focus: String,
    unsaved: String,
    /// By file.
    diagnostics: HashMap<WorkspacePath, String>,
}

impl Told {
    /// The conversation was made shorter: of what was told only these instructions still stand there for sure.
    pub(crate) fn forget_all_but(&mut self, instructions: HashMap<String, String>) {
        *self = Self {
            instructions,
            ..Self::default()
        };
    }

    /// What is new, which is known from now on.
    pub(crate) fn news(&mut self, look: &Look<'_>, when: When) -> Context {
        let mut context = Context::default();
        let path = look.focus.and_then(|focus| focus.path.as_ref());
        // Between two steps the focus alone brings none: nothing was done there.
        if when == When::Request {
            self.instructions(&mut context, look.workspace, path);
        }
        for path in look.touched {
            self.instructions(&mut context, look.workspace, Some(path));
        }
        if when != When::Work {
            self.editor(&mut context.text, look, when);
        }
        if !look.reviewed.is_empty() {
            let _ = write!(context.text, "<review>\n{}</review>\n", look.reviewed);
        }
        context
    }

    fn editor(&mut self, out: &mut String, look: &Look<'_>, when: When) {
        replace(out, &mut self.today, today());
        let branch = git::branch(look.workspace.root());
        let branch = branch.map(|branch| format!("<git branch=\"{}\"/>\n", attribute(&branch)));
        replace(out, &mut self.branch, branch.unwrap_or_default());
        self.focus(out, look, when);
        let unsaved = unsaved(look.workspace);
        if unsaved.is_empty() && !self.unsaved.is_empty() {
            out.push_str("<unsaved>none any more</unsaved>\n");
        }
        replace(out, &mut self.unsaved, unsaved);
        if let Some(focus) = look.focus
            && let Some(path) = &focus.path
        {
            self.diagnostics(out, path, &focus.diagnostics);
        }
    }

    fn instructions(
        &mut self,
        context: &mut Context,
        workspace: &Workspace,
        of: Option<&WorkspacePath>,
    ) {
        for Instructions { file, text } in instructions::load(workspace, of) {
            let known = &mut self.instructions;
            let before = known.insert(file.path.clone(), file.sha256.clone());
            if before.as_ref() == Some(&file.sha256) {
                continue;
            }
            let _ = writeln!(
                context.text,
                "<instructions file=\"{}\">\n{}\n</instructions>",
                attribute(&file.path),
                text.trim_end()
            );
            context.files.push(file);
        }
    }

    fn focus(&mut self, out: &mut String, look: &Look<'_>, when: When) {
        let described = look.focus.and_then(|focus| {
            let path = focus.path.as_ref()?;
            let place = place(path, focus);
            let whole = describe_focus(look.workspace, look.session, path, focus, &place);
            Some((place, whole))
        });
        let Some((place, whole)) = described else {
            // The user has turned to what is none of ours.
            if when == When::Request && !self.focus.is_empty() {
                out.push_str("<focus/>\n");
                self.place.clear();
                self.focus.clear();
            }
            return;
        };
        let is_news = match when {
            When::Request => self.focus != whole,
            When::Step | When::Work => self.place != place,
        };
        if is_news {
            out.push_str(&whole);
            (self.place, self.focus) = (place, whole);
        }
    }

    fn diagnostics(&mut self, out: &mut String, path: &WorkspacePath, all: &[Diagnostic]) {
        if self.diagnostics.len() >= MAX_FILES {
            self.diagnostics.clear();
        }
        let listed = list(all);
        let before = self.diagnostics.insert(path.clone(), listed.clone());
        if before.unwrap_or_default() == listed {
            return;
        }
        let listed = if listed.is_empty() {
            "none any more\n"
        } else {
            &listed
        };
        let path = attribute(path.as_str());
        let _ = write!(
            out,
            "<diagnostics file=\"{path}\">\n{listed}</diagnostics>\n"
        );
    }
}

/// Tells a part that is another one now.
fn replace(out: &mut String, told: &mut String, now: String) {
    if *told != now {
        out.push_str(&now);
        *told = now;
    }
}

/// UTC.
fn today() -> String {
    let now = httpdate::fmt_http_date(SystemTime::now());
    // `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
    let day = now.get(..16).unwrap_or_default();
    format!("<today>{day}</today>\n")
}

fn unsaved(workspace: &Workspace) -> String {
    let unsaved = workspace.unsaved();
    let names = unsaved.iter().filter_map(|document| document.path.as_ref());
    let mut names: Vec<_> = names.map(|path| attribute(path.as_str())).collect();
    if names.is_empty() {
        return String::new();
    }
    names.sort_unstable();
    let more = names.len().saturating_sub(MAX_UNSAVED);
    names.truncate(MAX_UNSAVED);
    let names = names.join(", ");
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("<unsaved>{names}{more}</unsaved>\n")
}

/// A text between the quotes of a tag.
pub(crate) fn attribute(text: &str) -> String {
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '<' | '>');
    text.chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect()
}

/// The file and what is selected in it.
fn place(path: &WorkspacePath, focus: &Focus) -> String {
    let mut out = format!("<focus file=\"{}\"", attribute(path.as_str()));
    if let Some(selection) = focus.selection {
        let _ = write!(out, " lines=\"{}\"", numbers(lines(selection)));
    }
    out
}

fn describe_focus(
    workspace: &Workspace,
    session: SessionId,
    path: &WorkspacePath,
    focus: &Focus,
    place: &str,
) -> String {
    let mut out = place.to_owned();
    if let Some(cursor) = focus.cursor {
        let _ = write!(out, " cursor=\"{}\"", u64::from(cursor.line) + 1);
    }
    if !focus.visible.is_empty() {
        let visible = focus.visible.iter().take(MAX_VISIBLE);
        let visible: Vec<_> = visible.map(|range| numbers(lines(*range))).collect();
        let _ = write!(out, " visible=\"{}\"", visible.join(","));
    }
    let Some(selection) = focus.selection else {
        out.push_str("/>\n");
        return out;
    };
    out.push_str(">\n");
    if let Ok(text) = workspace.proposed_text(session, path) {
        quote_lines(&mut out, &text, lines(selection));
    }
    out.push_str("</focus>\n");
    out
}

/// What is selected, quoted; `None`: nothing is.
pub(crate) fn selection(
    workspace: &Workspace,
    session: SessionId,
    focus: &Focus,
) -> Option<String> {
    let (path, selection) = (focus.path.as_ref()?, focus.selection?);
    let text = workspace.proposed_text(session, path).ok()?;
    let mut quoted = String::new();
    quote_lines(&mut quoted, &text, lines(selection));
    let (path, lines) = (attribute(path.as_str()), numbers(lines(selection)));
    Some(format!(
        "<selection file=\"{path}\" lines=\"{lines}\">\n{quoted}</selection>\n"
    ))
}

/// First and last line, 0-based. A range that ends at the start of a line does not mean that line; one that ends before
/// it begins is the client's mistake and means its first line.
fn lines(range: Range) -> (usize, usize) {
    let first = range.start.line as usize;
    let ends_before = range.end.character == 0 && range.end.line > range.start.line;
    let last = (range.end.line as usize).saturating_sub(usize::from(ends_before));
    (first, last.max(first))
}

/// 1-based, as people count.
fn numbers((first, last): (usize, usize)) -> String {
    format!("{}-{}", first + 1, last + 1)
}

/// The lines with their numbers; nothing where they are too much.
fn quote_lines(out: &mut String, text: &str, (first, last): (usize, usize)) {
    if last - first >= MAX_SELECTED_LINES {
        return;
    }
    let selected = || text.lines().skip(first).take(last - first + 1);
    if selected().map(str::len).sum::<usize>() > MAX_SELECTED_BYTES {
        return;
    }
    for (index, line) in selected().enumerate() {
        let _ = writeln!(out, "{:>5}\t{line}", first + index + 1);
    }
}

/// The diagnostics, a line each; empty where there are none.
pub(crate) fn list(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MAX_DIAGNOSTICS) {
        let _ = writeln!(out, "{}", line_of(diagnostic));
    }
    if diagnostics.len() > MAX_DIAGNOSTICS {
        let _ = writeln!(out, "and {} more", diagnostics.len() - MAX_DIAGNOSTICS);
    }
    out
}

/// `path:line:col: severity[code]: message`, as the `diagnostics` tool writes it.
pub(crate) fn line_of(diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.severity {
        interline_workspace::editor::Severity::Error => "error",
        interline_workspace::editor::Severity::Warning => "warning",
        interline_workspace::editor::Severity::Info => "info",
        interline_workspace::editor::Severity::Hint => "hint",
    };
    let code = diagnostic
        .code
        .as_ref()
        .map(|code| format!("[{code}]"))
        .unwrap_or_default();
    let start = diagnostic.range.start;
    let message = diagnostic.message.replace('\n', "\n    ");
    format!(
        "{}:{}:{}: {severity}{code}: {message}",
        diagnostic.path,
        start.line.saturating_add(1),
        start.character.saturating_add(1)
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use interline_workspace::document::Position;
    use interline_workspace::editor::Severity;

    use super::*;

    struct Bench {
        workspace: Arc<Workspace>,
        told: Told,
        _root: tempfile::TempDir,
    }

    impl Bench {
        /// Buffers that are not saved.
        fn new(files: &[(&str, &str)]) -> Self {
            let root = tempfile::tempdir().unwrap();
            let workspace = Workspace::open(root.path()).unwrap();
            for (path, text) in files {
                let file = workspace.root().join(path);
                workspace.did_open(&format!("file:///{path}"), Some(&file), "text", 1, text);
            }
            let told = Told {
                // Neither is what these tests are about.
                today: today(),
                unsaved: unsaved(&workspace),
                ..Told::default()
            };
            Self {
                workspace,
                told,
                _root: root,
            }
        }

        fn news(&mut self, focus: &Focus, when: When) -> String {
            let look = Look {
                workspace: &self.workspace,
                session: SessionId::new(),
                focus: Some(focus),
                touched: &[],
                reviewed: "",
            };
            self.told.news(&look, when).text
        }
    }

    fn on(path: &str) -> Focus {
        Focus {
            path: Some(WorkspacePath::new(path).unwrap()),
            ..Focus::default()
        }
    }

    fn range(start: u32, end: u32, character: u32) -> Range {
        let at = |line, character| Position { line, character };
        Range {
            start: at(start, 0),
            end: at(end, character),
        }
    }

    #[test]
    fn only_what_has_changed_is_told() {
        let mut bench = Bench::new(&[("AGENTS.md", "be kind\n"), ("a.rs", "one\ntwo\nthree\n")]);
        let focus = Focus {
            selection: Some(range(1, 2, 0)),
            ..on("a.rs")
        };
        assert_eq!(
            bench.news(&focus, When::Request),
            "<instructions file=\"AGENTS.md\">\nbe kind\n</instructions>\n\
             <focus file=\"a.rs\" lines=\"2-2\">\n    2\ttwo\n</focus>\n"
        );
        assert_eq!(bench.news(&focus, When::Request), "");
        let scrolled = Focus {
            visible: vec![range(0, 2, 0)],
            ..focus.clone()
        };
        assert_eq!(bench.news(&scrolled, When::Step), "");
        assert!(bench.news(&scrolled, When::Request).contains("visible"));
        let elsewhere = on("AGENTS.md");
        assert_eq!(
            bench.news(&elsewhere, When::Step),
            "<focus file=\"AGENTS.md\"/>\n"
        );
        let nowhere = Focus::default();
        assert_eq!(bench.news(&nowhere, When::Step), "");
        assert_eq!(bench.news(&nowhere, When::Request), "<focus/>\n");
        assert_eq!(bench.news(&nowhere, When::Request), "");
    }

    #[test]
    fn diagnostics_are_told_when_they_come_and_when_they_go() {
        let mut bench = Bench::new(&[("a.rs", "x\n")]);
        let wrong = Focus {
            diagnostics: vec![Diagnostic {
                path: WorkspacePath::new("a.rs").unwrap(),
                range: range(0, 0, 1),
                severity: Severity::Error,
                code: Some("E1".to_owned()),
                source: None,
                message: "bad".to_owned(),
                fixes: Vec::new(),
            }],
            ..on("a.rs")
        };
        let right = on("a.rs");
        bench.news(&right, When::Request);
        let told = "<diagnostics file=\"a.rs\">\na.rs:1:1: error[E1]: bad\n</diagnostics>\n";
        let gone = "<diagnostics file=\"a.rs\">\nnone any more\n</diagnostics>\n";
        for (focus, news) in [
            (&wrong, told),
            (&wrong, ""),
            (&right, gone),
            (&right, ""),
            (&wrong, told),
        ] {
            assert_eq!(bench.news(focus, When::Step), news);
        }
    }

    #[test]
    fn what_is_unsaved_and_what_was_decided_is_told() {
        let bench = Bench::new(&[]);
        let file = bench.workspace.root().join("b\"<.rs");
        bench
            .workspace
            .did_open("file:///b.rs", Some(&file), "rust", 1, "x");
        let look = Look {
            workspace: &bench.workspace,
            session: SessionId::new(),
            focus: None,
            touched: &[],
            reviewed: "accepted: a.rs (1 change)\n",
        };
        let mut told = Told {
            today: today(),
            ..Told::default()
        };
        assert_eq!(
            told.news(&look, When::Step).text,
            "<unsaved>b__.rs</unsaved>\n<review>\naccepted: a.rs (1 change)\n</review>\n"
        );
        bench.workspace.did_close("file:///b.rs");
        let look = Look {
            reviewed: "",
            ..look
        };
        assert_eq!(
            told.news(&look, When::Request).text,
            "<unsaved>none any more</unsaved>\n"
        );
        told.forget_all_but(HashMap::new());
        assert_eq!(told.news(&look, When::Work).text, "");
        let again = told.news(&look, When::Step).text;
        assert!(again.starts_with("<today>"), "{again}");
    }

    #[test]
    fn instructions_of_a_folder_come_with_the_first_work_in_it_and_again_when_they_change() {
        let mut bench = Bench::new(&[("a/b/CLAUDE.md", "be brief\n"), ("a/b/c.rs", "")]);
        let touched = [WorkspacePath::new("a/b/c.rs").unwrap()];
        let mut news = |workspace: &Workspace| {
            let look = Look {
                workspace,
                session: SessionId::new(),
                focus: None,
                touched: &touched,
                reviewed: "",
            };
            bench.told.news(&look, When::Step)
        };
        let first = news(&bench.workspace);
        assert_eq!(
            first.text,
            "<instructions file=\"a/b/CLAUDE.md\">\nbe brief\n</instructions>\n"
        );
        assert_eq!(first.files.len(), 1);
        assert_eq!(news(&bench.workspace).text, "");
        let change = interline_workspace::document::Change {
            range: None,
            text: "be long\n".to_owned(),
        };
        let uri = "file:///a/b/CLAUDE.md";
        bench.workspace.did_change(uri, 2, &[change]).unwrap();
        assert!(news(&bench.workspace).text.contains("be long"));
    }

    #[test]
    fn what_is_on_the_screen_is_told_and_what_is_too_much_is_not_quoted() {
        let long = "x".repeat(MAX_SELECTED_BYTES + 1);
        let told = |focus: Focus| {
            let text = format!("one\n{long}\n");
            Bench::new(&[("a.rs", &text)]).news(&focus, When::Request)
        };
        let looking = Focus {
            cursor: Some(Position {
                line: 1,
                character: 3,
            }),
            visible: vec![range(0, 39, 1), range(60, 61, 1)],
            ..on("a.rs")
        };
        assert_eq!(
            told(looking),
            "<focus file=\"a.rs\" cursor=\"2\" visible=\"1-40,61-62\"/>\n"
        );
        for (selection, quoted) in [
            (range(0, 0, 1), "lines=\"1-1\">\n    1\tone\n"),
            (range(0, 1, 1), "lines=\"1-2\">\n"),
            (range(0, 1000, 1), "lines=\"1-1001\">\n"),
            (range(7, 2, 1), "lines=\"8-8\">\n"),
            (
                range(u32::MAX, u32::MAX, 1),
                "lines=\"4294967296-4294967296\">\n",
            ),
        ] {
            let text = told(Focus {
                selection: Some(selection),
                ..on("a.rs")
            });
            assert_eq!(text, format!("<focus file=\"a.rs\" {quoted}</focus>\n"));
        }
    }
}
