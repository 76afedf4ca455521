//! What is on record of a session, as far as claims are about it: a fold of its events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use interline_log::{
    AssistantContent, CallStatus, EditVerdict, EventData, HunkKind, PermissionAnswer,
};
use serde_json::Value;

use super::Claim;

/// Longest part of a command that is kept, in bytes.
const COMMAND: usize = 2_000;

/// Commands with one of these words may run tests.
const TEST_WORDS: &[&str] = &[
    "test", "spec", "check", "jest", "mocha", "tox", "nox", "ci", "verify", "just", "rake", "make",
    "coverage",
];

#[derive(Debug, Default)]
pub(crate) struct Record {
    /// What the user has said in the turn.
    request: String,
    /// What the model has said since the last request to it.
    answer: String,
    /// Calls without an outcome: tool and arguments.
    open: HashMap<String, (String, String)>,
    commands: Vec<Command>,
    /// Where the turn's own commands begin.
    of_turn: usize,
    /// Names of the tools that were called.
    tools: BTreeSet<String>,
    /// Files with hunks, by what was done last; true: the file is gone, or has another name.
    touched: BTreeMap<String, bool>,
    /// Commands that ran before the last edit; `None`: nothing was edited.
    edited_after: Option<usize>,
    /// A command may have changed files past the record: the user let it run outside of the sandbox.
    outside: bool,
    checked: Option<EditVerdict>,
    /// A checker has looked in this turn.
    diagnosed: bool,
}

#[derive(Debug)]
struct Command {
    text: String,
    succeeded: bool,
}

impl Record {
    pub(crate) fn apply(&mut self, data: &EventData) {
        match data {
            EventData::InputUser { text, .. } => {
                self.request.clone_from(text);
                self.answer.clear();
                self.of_turn = self.commands.len();
                self.checked = None;
                self.diagnosed = false;
            }
            EventData::InputSteer { text } => {
                self.request.push('\n');
                self.request.push_str(text);
            }
            EventData::RequestSent { .. } => self.answer.clear(),
            EventData::ResponseBlock { block } => match &block.content {
                AssistantContent::Text { text } => {
                    self.answer.push_str(text);
                    self.answer.push('\n');
                }
                AssistantContent::ToolUse {
                    id,
                    name,
                    arguments,
                } => {
                    let call = (name.clone(), arguments.clone());
                    self.open.insert(id.clone(), call);
                }
                _ => {}
            },
            EventData::ToolOutcome {
                tool_use_id,
                status,
                content,
                ..
            } => self.outcome(tool_use_id, *status, content),
            EventData::PermissionDecided { answer, .. } => {
                use PermissionAnswer::{AcceptAndAllow, Allow, AllowAlways};
                self.outside |= matches!(answer, Allow | AllowAlways | AcceptAndAllow);
            }
            EventData::EditProposed { path, hunks, .. } => {
                self.edited_after = Some(self.commands.len());
                for hunk in hunks {
                    let gone = match &hunk.kind {
                        HunkKind::Delete | HunkKind::Binary { after: None, .. } => true,
                        HunkKind::Move { to } => {
                            self.touched.insert(to.clone(), false);
                            true
                        }
                        _ => false,
                    };
                    self.touched.insert(path.clone(), gone);
                }
                // Hunks that are gone again were there.
                self.touched.entry(path.clone()).or_insert(false);
            }
            EventData::EditChecked { verdict, .. } => self.checked.clone_from(verdict),
            _ => {}
        }
    }

    fn outcome(&mut self, id: &str, status: CallStatus, content: &str) {
        let Some((tool, arguments)) = self.open.remove(id) else {
            return;
        };
        if matches!(status, CallStatus::Denied) {
            return;
        }
        let succeeded = status == CallStatus::Succeeded;
        if tool == "shell" {
            let arguments: Value = serde_json::from_str(&arguments).unwrap_or_default();
            let text = arguments.get("command").and_then(Value::as_str);
            let text = text.unwrap_or_default();
            let text = normal(&text[..text.floor_char_boundary(COMMAND)]);
            self.commands.push(Command { text, succeeded });
        }
        self.diagnosed |= tool == "diagnostics" && !content.starts_with("not checked");
        self.tools.insert(tool);
    }

    pub(super) fn request(&self) -> &str {
        &self.request
    }

    pub(super) fn answer(&self) -> &str {
        &self.answer
    }

    /// What the record says instead of the claim; `None`: it bears the claim out, or can't tell.
    pub(super) fn judge(&self, claim: &Claim) -> Option<String> {
        // What a tool of others does is not known here.
        if self.tools.iter().any(|tool| tool.starts_with("mcp__")) {
            return None;
        }
        match claim {
            Claim::TestsPass { all } => self.tests(Some(*all)),
            Claim::TestsRan => self.tests(None),
            Claim::Ran { command, succeeded } => self.command(command, *succeeded),
            Claim::Touched { paths, deleted } => self.files(paths, *deleted),
            Claim::Git(command) => {
                let ran = |done: &Command| done.succeeded && done.text.contains(command);
                (!self.commands.iter().any(ran)).then(|| format!("no `{command}` has succeeded"))
            }
            Claim::Checked { no_errors } => self.checks(*no_errors),
        }
    }

    /// `all`: they pass, and where that is true, each of them.
    fn tests(&self, all: Option<bool>) -> Option<String> {
        let current = match self.edited_after {
            Some(edited) => edited.min(self.of_turn),
            None => 0,
        };
        let mut last: BTreeMap<&str, bool> = BTreeMap::new();
        for done in self.commands.iter().skip(current) {
            if TEST_WORDS.iter().any(|word| done.text.contains(word)) {
                last.insert(&done.text, done.succeeded);
            }
        }
        if last.is_empty() {
            return Some("no test command ran in this turn".to_owned());
        }
        let all = all?;
        let failed = last.iter().find(|(_, succeeded)| !**succeeded);
        let passed = last.values().any(|succeeded| *succeeded);
        match failed {
            Some((command, _)) if all || !passed => {
                Some(format!("`{}` failed when it last ran", short(command)))
            }
            _ => None,
        }
    }

    fn command(&self, command: &str, succeeded: bool) -> Option<String> {
        let wanted = normal(command);
        if wanted.is_empty() || self.tools.iter().any(|tool| wanted.starts_with(tool)) {
            return None;
        }
        // The checker of `diagnostics` and of the verdict runs commands too, and is named by them.
        let by_checker = self.checked.as_ref().is_some_and(|found| {
            found.by.contains(&wanted) && (!succeeded || found.new_errors + found.left == 0)
        });
        if by_checker || (self.diagnosed && !succeeded) {
            return None;
        }
        let same = |done: &&Command| done.text.contains(&wanted) || wanted.contains(&done.text);
        match self.commands.iter().rfind(same) {
            None => Some(format!("no command `{}` ran", short(&wanted))),
            Some(done) if succeeded && !done.succeeded => {
                Some(format!("`{}` failed when it last ran", short(&done.text)))
            }
            Some(_) => None,
        }
    }

    fn files(&self, paths: &[String], deleted: bool) -> Option<String> {
        let named = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            let lock = name.contains("lock") && !self.commands.is_empty();
            lock || self.commands.iter().any(|done| done.text.contains(name))
        };
        let found = |path: &&String| {
            let mut same = self
                .touched
                .iter()
                .filter(|(touched, _)| is_same(touched, path));
            same.any(|(_, gone)| !deleted || *gone) || named(path)
        };
        if self.outside {
            return None;
        }
        let missing = paths.iter().find(|path| !found(path))?;
        let what = if deleted { "deletion" } else { "change" };
        Some(format!("no {what} of `{}`", short(missing)))
    }

    fn checks(&self, no_errors: Option<bool>) -> Option<String> {
        // Of a text that nobody edited it may just be told.
        self.edited_after?;
        if let Some(found) = &self.checked {
            let errors = match no_errors {
                Some(true) | None => found.new_errors,
                Some(false) => found.new_errors.saturating_add(found.left),
            };
            let plural = if errors == 1 { "" } else { "s" };
            return (errors > 0)
                .then(|| format!("{errors} error{plural}, checked by {}", found.by));
        }
        let mut of_turn = self.commands.iter().skip(self.of_turn);
        let checked = self.diagnosed || of_turn.any(|done| done.succeeded);
        (!checked).then(|| "nothing was built or checked in this turn".to_owned())
    }
}

/// Is it this file, as the answer names it: by its path, its end, or a folder of it?
fn is_same(touched: &str, named: &str) -> bool {
    let ends = |text: &str, end: &str| {
        let rest = text.strip_suffix(end);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    ends(touched, named) || ends(named, touched)
}

/// White space of a command means nothing here.
fn normal(command: &str) -> String {
    command.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(80) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.split_at(at).0),
    }
}
