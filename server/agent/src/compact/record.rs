//! What the log knows of the work by itself: what was asked, the plan, files, commands, what is open. A fold of events
//! that no summary can get wrong, and the whole summary where there is no model to write one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;

use interline_log::{
    AssistantContent, CallStatus, Event, EventData, HunkId, TodoItem, TodoStatus, TurnId,
    TurnOutcome,
};

use super::{clip, first_line};

/// More of each is history.
const MOST: usize = 40;
/// Bytes of one line.
const LINE: usize = 240;

/// The work so far.
#[derive(Default)]
pub(crate) struct Record {
    requests: VecDeque<Request>,
    plan: Vec<TodoItem>,
    plan_of: Option<TurnId>,
    /// The user has cancelled the turn that the plan was made in.
    plan_is_off: bool,
    hunks: HashMap<HunkId, (String, Fate)>,
    /// The text that each file's changes stand against, or that they left: its hash.
    texts: HashMap<String, String>,
    /// Files with changes, those touched last at the end.
    touched: Vec<String>,
    commands: VecDeque<String>,
    /// What failed last, each with the tool.
    failures: VecDeque<String>,
    verdict: Option<String>,
    diagnostics: Option<String>,
    /// What the agent said last.
    said: VecDeque<String>,
}

/// What the user asked.
#[derive(Clone)]
struct Request {
    turn: Option<TurnId>,
    text: String,
    context: String,
    steering: Vec<String>,
    outcome: Option<TurnOutcome>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Pending,
    Landed,
    Rejected,
    Conflicted,
    Undone,
}

impl Record {
    pub(crate) fn of(events: &[Event]) -> Self {
        let mut record = Self::default();
        events.iter().for_each(|event| record.apply(event));
        record
    }

    fn apply(&mut self, event: &Event) {
        match &event.data {
            EventData::InputUser { text, context, .. } => keep(
                &mut self.requests,
                Request {
                    turn: event.turn,
                    text: text.clone(),
                    context: context.clone(),
                    steering: Vec::new(),
                    outcome: None,
                },
            ),
            EventData::InputSteer { text } => {
                if let Some(request) = self.requests.back_mut() {
                    request.steering.push(text.clone());
                }
            }
            EventData::TurnEnded { outcome } => self.ended(event.turn, outcome),
            EventData::TodoSet { items } => {
                self.plan.clone_from(items);
                (self.plan_of, self.plan_is_off) = (event.turn, false);
            }
            EventData::ResponseBlock { block } => {
                if let AssistantContent::Text { text } = &block.content
                    && !text.trim().is_empty()
                {
                    keep(&mut self.said, clip(text.trim(), 4 * LINE));
                }
            }
            EventData::ToolOutcome {
                tool,
                status,
                content,
                summary,
                ..
            } => self.called(tool, *status, content, summary),
            data => self.edited(data),
        }
    }

    fn ended(&mut self, turn: Option<TurnId>, outcome: &TurnOutcome) {
        if let Some(request) = self
            .requests
            .iter_mut()
            .rfind(|request| request.turn == turn)
        {
            request.outcome = Some(outcome.clone());
        }
        self.plan_is_off |= *outcome == TurnOutcome::Cancelled && self.plan_of == turn;
    }

    fn called(&mut self, tool: &str, status: CallStatus, content: &str, summary: &str) {
        let how = match status {
            CallStatus::Succeeded => "",
            CallStatus::Failed => " (failed)",
            CallStatus::Denied => " (denied)",
            CallStatus::Cancelled => " (cancelled)",
            CallStatus::Unknown => " (outcome unknown)",
        };
        if tool == "shell" {
            keep(
                &mut self.commands,
                format!("{}{how}", first_line(summary, LINE)),
            );
        }
        if tool == "diagnostics" && status == CallStatus::Succeeded {
            self.diagnostics = Some(clip(content.trim(), 8 * LINE));
        }
        if matches!(
            status,
            CallStatus::Failed | CallStatus::Denied | CallStatus::Unknown
        ) {
            let said = first_line(content, LINE);
            keep(
                &mut self.failures,
                format!("`{tool}` {}{how}: {said}", first_line(summary, LINE)),
            );
        } else if status == CallStatus::Succeeded {
            // What works now was mended; what is denied stays so.
            let begin = format!("`{tool}` {} (failed)", first_line(summary, LINE));
            self.failures.retain(|failure| !failure.starts_with(&begin));
        }
    }

    fn edited(&mut self, data: &EventData) {
        match data {
            EventData::EditProposed {
                path,
                replaces,
                hunks,
                base_sha256,
            } => {
                self.touch(path, base_sha256);
                replaces
                    .iter()
                    .for_each(|hunk| drop(self.hunks.remove(hunk)));
                let new = hunks
                    .iter()
                    .map(|hunk| (hunk.id, (path.clone(), Fate::Pending)));
                self.hunks.extend(new);
            }
            EventData::EditApplied {
                path,
                hunks,
                post_sha256,
            } => {
                self.touch(path, post_sha256);
                self.fate(hunks, Fate::Landed);
            }
            EventData::EditUndone {
                path,
                hunks,
                post_sha256,
            } => {
                self.touch(path, post_sha256);
                self.fate(hunks, Fate::Undone);
            }
            EventData::EditRejected { hunks } => self.fate(hunks, Fate::Rejected),
            EventData::EditConflicted { hunks } => self.fate(hunks, Fate::Conflicted),
            EventData::EditChecked { verdict, .. } => {
                let open = verdict
                    .as_ref()
                    .filter(|it| it.new_errors > 0 || it.left > 0);
                self.verdict = open.map(ToString::to_string);
            }
            _ => {}
        }
    }

    fn touch(&mut self, path: &str, sha256: &str) {
        self.texts.insert(path.to_owned(), sha256.to_owned());
        self.touched.retain(|touched| touched != path);
        self.touched.push(path.to_owned());
    }

    fn fate(&mut self, hunks: &[HunkId], fate: Fate) {
        for hunk in hunks {
            if let Some(known) = self.hunks.get_mut(hunk) {
                known.1 = fate;
            }
        }
    }

    /// The request that is being worked on, as it was put, with its context and what the user added since.
    pub(crate) fn request(&self) -> Option<(&str, &str, &[String])> {
        let request = self
            .requests
            .back()
            .filter(|request| request.outcome.is_none())?;
        Some((&request.text, &request.context, &request.steering))
    }

    /// How things stand: plan whole, of the rest what fits into about `most` bytes, the newest first.
    pub(crate) fn state(&self, mode: &str, most: usize) -> String {
        let mut out = format!("How the work stands, by the log. Mode: {mode}.\n");
        self.write_plan(&mut out);
        let parts = [
            (
                "Files with changes, and the text that these stand in or against:",
                self.files(),
                35,
            ),
            ("Open problems:", self.open(), 35),
            ("Earlier requests, which are over:", self.earlier(), 30),
        ];
        for (title, lines, percent) in parts {
            list(&mut out, title, &lines, most / 100 * percent);
        }
        out
    }

    /// What happened, for want of a model's summary.
    pub(crate) fn digest(&self, most: usize) -> String {
        let mut out = String::new();
        let commands: Vec<_> = self.commands.iter().cloned().collect();
        list(&mut out, "Commands that were run:", &commands, most / 2);
        let said: Vec<_> = self.said.iter().cloned().collect();
        list(&mut out, "What you said last:", &said, most / 2);
        if out.is_empty() {
            out.push_str("Nothing was changed or run.\n");
        }
        out
    }

    fn write_plan(&self, out: &mut String) {
        if self.plan.is_empty() {
            return;
        }
        out.push_str(if self.plan_is_off {
            "Plan, called off by the user: not to be taken up again unless asked:\n"
        } else {
            "Plan, as `todo` has it:\n"
        });
        for TodoItem { text, status } in &self.plan {
            let status = match status {
                TodoStatus::Done => "done",
                TodoStatus::Active => "active",
                TodoStatus::Pending => "pending",
            };
            // Writing into a String fails never.
            let _ = writeln!(out, "- [{status}] {text}");
        }
    }

    fn files(&self) -> Vec<String> {
        let mut counts: HashMap<&str, BTreeMap<Fate, usize>> = HashMap::new();
        for (path, fate) in self.hunks.values() {
            *counts.entry(path).or_default().entry(*fate).or_default() += 1;
        }
        let line = |path: &String| {
            let fates = counts.get(path.as_str()).into_iter().flatten();
            let fates = fates.map(|(fate, count)| {
                let word = match fate {
                    Fate::Pending => "waiting for the user's review",
                    Fate::Landed => "landed",
                    Fate::Rejected => "rejected by the user",
                    Fate::Conflicted => "in conflict with the user's edits",
                    Fate::Undone => "undone by the user",
                };
                format!("{count} {word}")
            });
            let fates: Vec<_> = fates.collect();
            let hash = self.texts.get(path).and_then(|hash| hash.get(..12));
            let hash = hash.unwrap_or("none");
            format!("{path} (sha256 {hash}…): {}", fates.join(", "))
        };
        self.touched.iter().map(line).collect()
    }

    fn open(&self) -> Vec<String> {
        let failures = self.failures.iter().rev().take(5).rev().cloned();
        let verdict = self
            .verdict
            .iter()
            .map(|verdict| format!("the edits: {verdict}"));
        let diagnostics = self
            .diagnostics
            .iter()
            .map(|said| format!("`diagnostics` said last: {said}"));
        failures.chain(diagnostics).chain(verdict).collect()
    }

    fn earlier(&self) -> Vec<String> {
        let over = self.requests.iter().filter_map(|request| {
            let how = match request.outcome.as_ref()? {
                TurnOutcome::Done => "done".to_owned(),
                TurnOutcome::Cancelled => "cancelled by the user".to_owned(),
                TurnOutcome::Stopped { reason, .. } => {
                    format!("stopped: {}", first_line(reason, LINE))
                }
                TurnOutcome::Failed { message } => format!("failed: {}", first_line(message, LINE)),
            };
            let all = std::iter::once(&request.text).chain(&request.steering);
            let texts: Vec<_> = all.map(|text| clip(text.trim(), 3 * LINE)).collect();
            Some(format!("\"{}\" ({how})", texts.join("\" and then \"")))
        });
        over.collect()
    }
}

fn keep<T>(all: &mut VecDeque<T>, one: T) {
    if all.len() == MOST {
        all.pop_front();
    }
    all.push_back(one);
}

/// Lines of a list, the last ones where not all fit.
fn list(out: &mut String, title: &str, lines: &[String], most: usize) {
    let mut left = most;
    let fitting = lines.iter().rev().take_while(|line| {
        let fits = left >= line.len();
        left = left.saturating_sub(line.len() + 3);
        fits
    });
    let count = fitting.count();
    if count == 0 {
        return;
    }
    let _ = writeln!(out, "{title}");
    if count < lines.len() {
        let _ = writeln!(out, "- ({} more)", lines.len() - count);
    }
    for line in lines.iter().skip(lines.len() - count) {
        let _ = writeln!(out, "- {line}");
    }
}

#[cfg(test)]
mod tests {
    use interline_log::{Actor, AssistantBlock, EventId, HunkKind, HunkRecord, SessionId};

    use super::*;

    fn events(data: Vec<(TurnId, EventData)>) -> Vec<Event> {
        let event = |(turn, data)| Event {
            version: 1,
            seq: 0,
            id: EventId::new(),
            ts: 0,
            session: SessionId::new(),
            turn: Some(turn),
            call: None,
            causes: Vec::new(),
            actor: Actor::System,
            data,
        };
        data.into_iter().map(event).collect()
    }

    fn user(text: &str) -> EventData {
        EventData::InputUser {
            title: String::new(),
            text: text.to_owned(),
            context: "here".to_owned(),
        }
    }

    fn ended(outcome: TurnOutcome) -> EventData {
        EventData::TurnEnded { outcome }
    }

    fn todo(text: &str, status: TodoStatus) -> EventData {
        let text = text.to_owned();
        EventData::TodoSet {
            items: vec![TodoItem { text, status }],
        }
    }

    fn called(tool: &str, status: CallStatus, summary: &str) -> EventData {
        EventData::ToolOutcome {
            tool: tool.to_owned(),
            tool_use_id: String::new(),
            status,
            content: "why\nand how".to_owned(),
            summary: summary.to_owned(),
        }
    }

    #[test]
    fn what_is_over_is_told_as_over_and_a_cancelled_plan_is_off() {
        let (one, two) = (TurnId::new(), TurnId::new());
        let mut log = vec![
            (one, user("delete everything")),
            (one, todo("delete src", TodoStatus::Active)),
            (one, ended(TurnOutcome::Cancelled)),
            (two, user("what is in src?")),
            (
                two,
                EventData::InputSteer {
                    text: "briefly".to_owned(),
                },
            ),
        ];
        let record = Record::of(&events(log.clone()));
        let (text, context, steering) = record.request().unwrap();
        assert_eq!((text, context), ("what is in src?", "here"));
        assert_eq!(steering, ["briefly"]);
        let state = record.state("default", 4_000);
        assert!(
            state.contains("- \"delete everything\" (cancelled by the user)"),
            "{state}"
        );
        assert!(state.contains("called off by the user"), "{state}");
        assert!(state.contains("- [active] delete src"), "{state}");
        assert!(!state.contains("what is in src"), "{state}");

        log.push((two, todo("look", TodoStatus::Pending)));
        log.push((two, ended(TurnOutcome::Done)));
        let record = Record::of(&events(log));
        assert!(record.request().is_none());
        let state = record.state("plan", 4_000);
        assert!(
            state.starts_with("How the work stands, by the log. Mode: plan.\n"),
            "{state}"
        );
        assert!(
            state.contains("Plan, as `todo` has it:\n- [pending] look\n"),
            "{state}"
        );
        assert!(
            state.contains("- \"what is in src?\" and then \"briefly\" (done)"),
            "{state}"
        );
    }

    #[test]
    fn files_say_what_became_of_their_changes() {
        let turn = TurnId::new();
        let hunks: Vec<_> = (0..3).map(|_| HunkId::new()).collect();
        let proposed = |path: &str, hunk: HunkId, replaces: &[HunkId]| EventData::EditProposed {
            path: path.to_owned(),
            base_sha256: "b".repeat(64),
            replaces: replaces.to_vec(),
            hunks: vec![HunkRecord {
                id: hunk,
                kind: HunkKind::Text,
                start_line: 0,
                old: String::new(),
                new: String::new(),
            }],
        };
        let log = vec![
            (turn, proposed("b.rs", hunks[0], &[])),
            (turn, proposed("a.rs", hunks[1], &[])),
            (turn, proposed("b.rs", hunks[2], &[hunks[0]])),
            (
                turn,
                EventData::EditApplied {
                    path: "b.rs".to_owned(),
                    hunks: vec![hunks[2]],
                    post_sha256: "c".repeat(64),
                },
            ),
            (
                turn,
                EventData::EditRejected {
                    hunks: vec![hunks[1]],
                },
            ),
        ];
        let files = Record::of(&events(log)).files();
        let want = [
            "a.rs (sha256 bbbbbbbbbbbb…): 1 rejected by the user",
            "b.rs (sha256 cccccccccccc…): 1 landed",
        ];
        assert_eq!(files, want);
    }

    #[test]
    fn what_fails_is_open_until_it_works() {
        let turn = TurnId::new();
        let mut log = vec![
            (turn, called("shell", CallStatus::Failed, "make")),
            (turn, called("edit", CallStatus::Failed, "a.rs")),
            (turn, called("shell", CallStatus::Denied, "git push")),
        ];
        let open = Record::of(&events(log.clone())).open();
        let want = [
            "`shell` make (failed): why",
            "`edit` a.rs (failed): why",
            "`shell` git push (denied): why",
        ];
        assert_eq!(open, want);
        log.push((turn, called("shell", CallStatus::Succeeded, "make")));
        let record = Record::of(&events(log));
        assert_eq!(record.open(), want[1..]);
        let digest = record.digest(4_000);
        assert_eq!(
            digest,
            "Commands that were run:\n- make (failed)\n- git push (denied)\n- make\n"
        );
    }

    #[test]
    fn of_what_is_too_much_the_newest_stays_and_the_plan_whole() {
        let turn = TurnId::new();
        let mut log: Vec<_> = (0..500)
            .map(|at| {
                (
                    turn,
                    called("shell", CallStatus::Failed, &format!("make {at}")),
                )
            })
            .collect();
        let block = |text: &str| EventData::ResponseBlock {
            block: AssistantBlock {
                content: AssistantContent::Text {
                    text: text.repeat(500),
                },
                raw: None,
            },
        };
        log.extend((0..100).map(|_| (turn, block("I look. "))));
        log.push((turn, todo(&"port it ".repeat(100), TodoStatus::Active)));
        let record = Record::of(&events(log));
        let digest = record.digest(2_000);
        assert!(
            digest.len() < 2_100 && digest.contains("make 499"),
            "{digest}"
        );
        assert!(digest.contains(" more)"), "{digest}");
        let state = record.state("default", 1_000);
        assert!(state.contains(&"port it ".repeat(100)), "{state}");
        assert!(state.len() < 800 + 1_100 + 100, "{}", state.len());
    }
}
