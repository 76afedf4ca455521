//! The transcript: a session as a readable Markdown document, a fold of its events.
//!
//! Rendered plain: what the model, a tool or a file says makes no image, no link and no command (`markdown`).

mod markdown;

use std::collections::HashMap;
use std::fmt::Write as _;

use interline_log::{
    AssistantContent, CallId, CallStatus, Event, EventData, HunkKind, HunkRecord, PermissionAnswer,
    Spent, SummaryBy, TodoStatus, TurnOutcome,
};

pub(crate) use markdown::line;
use markdown::{clean, code, fence_for, prose};

/// Bytes of a command that are shown.
const MOST_COMMAND: usize = 200;

/// The transcript of these events, in Markdown.
#[must_use]
pub fn transcript(events: &[Event]) -> String {
    let mut page = Page::default();
    for event in events {
        page.event(event);
    }
    if crate::resume::waiting(events)
        && let Some(text) = events.iter().rev().find_map(|event| match &event.data {
            EventData::PermissionAsked { text, .. } => Some(text),
            _ => None,
        })
    {
        page.remark(&format!("Waiting for your permission: {}", line(text)));
    }
    page.end_list();
    page.out
}

#[derive(Default)]
struct Page<'a> {
    out: String,
    /// The last line is an item, and others may follow it.
    in_list: bool,
    /// Why policy asked about a call or denied it, by call.
    gates: HashMap<CallId, String>,
    /// What the model wanted to run, by the model's id of the call.
    commands: HashMap<&'a str, String>,
    /// Why edits are not checked is told once, not after each turn.
    unchecked: Option<&'a str>,
    /// What the turn has taken.
    spent: Spent,
}

impl<'a> Page<'a> {
    /// A paragraph, a heading or a block, which ends with a line break.
    fn block(&mut self, text: &str) {
        self.end_list();
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn remark(&mut self, text: &str) {
        self.block(&format!("*{text}*\n"));
    }

    fn item(&mut self, text: &str) {
        self.in_list = true;
        // Writing into a String fails never.
        let _ = writeln!(self.out, "- {text}");
    }

    fn end_list(&mut self) {
        if std::mem::take(&mut self.in_list) {
            self.out.push('\n');
        }
    }

    fn event(&mut self, event: &'a Event) {
        match &event.data {
            EventData::SessionCreated { roots, .. } => {
                let roots = line(&roots.join(", "));
                self.block(&format!(
                    "# Interline in {roots}\n\nSession {}\n",
                    event.session
                ));
            }
            EventData::SessionConfig {
                model,
                model_id,
                mode,
                ..
            } => {
                let mode = serde_json::to_string(mode).unwrap_or_default();
                let (model, id) = (line(model), line(model_id));
                self.remark(&format!(
                    "Model {model} ({id}), mode {}",
                    mode.trim_matches('"')
                ));
            }
            EventData::SessionResumed { .. } => self.remark("Resumed"),
            EventData::SessionForked { of, events, .. } => {
                self.remark(&format!(
                    "A fork of session {of}, of its first {events} events"
                ));
            }
            EventData::InputUser { text, .. } => {
                self.spent = Spent::default();
                self.block(&format!("## You\n\n{}", quoted(text)));
            }
            EventData::InputSteer { text } => {
                self.block(&format!("**You, meanwhile**\n\n{}", quoted(text)));
            }
            EventData::ResponseBlock { block } => match &block.content {
                AssistantContent::Text { text } => self.block(&prose(text)),
                AssistantContent::ToolUse { id, arguments, .. } => {
                    self.commands
                        .extend(command(arguments).map(|command| (id.as_str(), command)));
                }
                _ => {}
            },
            EventData::ResponseStopped {
                usage,
                cost_micro_usd,
                ..
            } => self.spent.add(*usage, *cost_micro_usd),
            EventData::CompactCommitted {
                before,
                after,
                summary,
                ..
            } => {
                let how = match summary.as_ref().map(|summary| summary.by) {
                    None => "old results of tools were cleared",
                    Some(SummaryBy::Model) => {
                        "a summary of the model's stands for what was said before"
                    }
                    Some(SummaryBy::Log) => "what the log says stands for what was said before",
                };
                self.remark(&format!(
                    "The conversation was compacted from about {before} to {after} tokens: {how}. Nothing of this record is lost"
                ));
            }
            EventData::CompactAbandoned { reason, .. } => {
                self.remark(&format!(
                    "The conversation was not compacted: {}",
                    line(reason)
                ));
            }
            EventData::RequestRetry {
                attempt, reason, ..
            } => self.remark(&format!("Attempt {attempt} failed: {}", line(reason))),
            EventData::TodoSet { items } => {
                for item in items {
                    let done = item.status == TodoStatus::Done;
                    let mark = if done { "x" } else { " " };
                    self.item(&format!("[{mark}] {}", line(&item.text)));
                }
            }
            EventData::AnswerChecked { unsupported, .. } => {
                for found in unsupported {
                    self.item(&line(&crate::claims::note(found)));
                }
            }
            EventData::TurnEnded { outcome } => self.turn_ended(outcome),
            EventData::Crash { cause, message, .. } if cause == "panic" => {
                self.remark(&format!("Internal error: {}", line(message)));
            }
            EventData::Crash { cause, .. } => {
                self.remark(&format!("The process ended unexpectedly ({})", line(cause)));
            }
            EventData::LogRecovered { bytes, .. } => {
                self.remark(&format!("The log was torn: {bytes} bytes were set aside"));
            }
            _ => {
                self.call(event);
                self.edit(&event.data);
            }
        }
    }

    /// Calls, folded to a line with what came of them, and who let them run, and why that was asked.
    fn call(&mut self, event: &Event) {
        let gate = |page: &Self| {
            let gate = event.call.and_then(|call| page.gates.get(&call));
            gate.map(|why| format!(": {why}")).unwrap_or_default()
        };
        match &event.data {
            EventData::ToolGated {
                decision,
                by,
                reasons,
                ..
            } if decision != "allow" => {
                if let Some(call) = event.call {
                    self.gates.insert(call, why(by, reasons));
                }
            }
            EventData::ToolOutcome {
                tool,
                tool_use_id,
                status,
                summary,
                ..
            } => {
                // What has run says in its summary what it was.
                let has_run = !matches!(status, CallStatus::Denied | CallStatus::Unknown);
                let command = self.commands.remove(tool_use_id.as_str());
                let command = command.filter(|_| !has_run);
                let command = command.map(|text| format!("{}: ", line(&text)));
                let command = command.unwrap_or_default();
                let note = match status {
                    CallStatus::Succeeded => String::new(),
                    CallStatus::Failed => " (failed)".to_owned(),
                    CallStatus::Denied => format!(" (denied{})", gate(self)),
                    CallStatus::Cancelled => " (cancelled)".to_owned(),
                    CallStatus::Unknown => " (outcome unknown)".to_owned(),
                };
                self.item(&format!("{} {command}{}{note}", code(tool), line(summary)));
            }
            EventData::PermissionDecided { answer, by } => {
                let answer = match answer {
                    PermissionAnswer::Deny => "denied",
                    PermissionAnswer::Allow => "allowed once",
                    PermissionAnswer::AllowAlways => "allowed always",
                    PermissionAnswer::AcceptAndAllow => "allowed once, with all changes accepted,",
                    PermissionAnswer::AllowInSandbox => "allowed in the shadow",
                };
                let text = format!("permission {answer} by {}{}", line(by), gate(self));
                self.item(&text);
            }
            EventData::PermissionRefused { reason } => {
                self.item(&format!("an answer was refused: {}", line(reason)));
            }
            _ => {}
        }
    }

    fn edit(&mut self, data: &'a EventData) {
        match data {
            EventData::EditProposed { path, hunks, .. } => {
                for hunk in hunks {
                    self.block(&diff(path, hunk));
                }
            }
            EventData::EditApplied { path, hunks, .. } => {
                self.item(&format!(
                    "accepted: {} in {}",
                    changes(hunks.len()),
                    line(path)
                ));
            }
            EventData::EditRejected { hunks } => {
                self.item(&format!("rejected: {}", changes(hunks.len())));
            }
            EventData::EditRefused { hunks, reason } => {
                let changes = changes(hunks.len());
                self.item(&format!("not landed: {changes}: {}", line(reason)));
            }
            EventData::EditConflicted { hunks } => {
                self.item(&format!(
                    "in conflict with your edits: {}",
                    changes(hunks.len())
                ));
            }
            EventData::EditUndone { path, hunks, .. } => {
                self.item(&format!(
                    "undone: {} in {}",
                    changes(hunks.len()),
                    line(path)
                ));
            }
            EventData::EditUnparsed { path, problems, .. } => self.item(&format!(
                "does not parse: {} at {}",
                line(path),
                line(&problems.join("; "))
            )),
            EventData::EditChecked {
                verdict: Some(verdict),
                ..
            } => self.item(&format!("the edits: {}", line(&verdict.to_string()))),
            EventData::EditChecked { reason, .. }
                if self.unchecked.replace(reason) != Some(reason) =>
            {
                self.item(&format!("the edits were not checked: {}", line(reason)));
            }
            _ => {}
        }
    }

    fn turn_ended(&mut self, outcome: &TurnOutcome) {
        match outcome {
            TurnOutcome::Done => {}
            TurnOutcome::Cancelled => self.remark("Cancelled"),
            TurnOutcome::Stopped { message, .. } => {
                self.remark(&format!("Stopped: {}", line(message)));
            }
            TurnOutcome::Failed { message } => self.remark(&format!("Failed: {}", line(message))),
        }
        let spent = std::mem::take(&mut self.spent);
        let tokens = spent.usage.total();
        if tokens == 0 {
            return;
        }
        let cost = match (spent.cost_micro_usd, spent.unpriced) {
            (0, 0) => String::new(),
            (0, _) => ", at a price that is not known".to_owned(),
            (cost, _) => format!(", {:.4} USD", cost as f64 / 1e6),
        };
        self.remark(&format!("{tokens} tokens{cost}"));
    }
}

/// The command of a call that has one, as far as it fits a line.
fn command(arguments: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Arguments {
        command: String,
    }
    let Arguments { mut command } = serde_json::from_str(arguments).ok()?;
    if command.len() > MOST_COMMAND {
        command.truncate(command.floor_char_boundary(MOST_COMMAND));
        command.push('…');
    }
    Some(command)
}

/// A rule or a check, with its reasons.
fn why(by: &str, reasons: &[String]) -> String {
    let by = line(by);
    if reasons.is_empty() {
        return by;
    }
    format!("{by} ({})", line(&reasons.join(", ")))
}

fn diff(path: &str, hunk: &HunkRecord) -> String {
    let path = line(path);
    let title = match &hunk.kind {
        HunkKind::Text => format!("{path}:{}", hunk.start_line + 1),
        HunkKind::Create => format!("{path} (new file)"),
        HunkKind::Delete => format!("{path} (deleted)"),
        HunkKind::Move { to } => format!("{path} → {}", line(to)),
        HunkKind::Binary { before: None, .. } => format!("{path} (new file)"),
        HunkKind::Binary { after: None, .. } => format!("{path} (deleted)"),
        HunkKind::Binary { .. } => format!("{path} (no text)"),
        HunkKind::Mode { .. } => format!("{path} (mode)"),
    };
    let (old, new) = (clean(&hunk.old), clean(&hunk.new));
    let fence = fence_for(&[&old, &new]);
    let mut out = format!("{title}\n\n{fence}diff\n");
    for (mark, text) in [('-', old), ('+', new)] {
        for line in text.lines() {
            let _ = writeln!(out, "{mark}{line}");
        }
    }
    let _ = writeln!(out, "{fence}");
    out
}

pub(crate) fn changes(count: usize) -> String {
    if count == 1 {
        "1 change".to_owned()
    } else {
        format!("{count} changes")
    }
}

fn quoted(text: &str) -> String {
    let text = prose(text);
    let lines = text.lines();
    lines.map(|line| format!("> {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(data: EventData) -> Event {
        Event {
            version: 1,
            seq: 0,
            id: interline_log::EventId::new(),
            ts: 0,
            session: interline_log::SessionId::new(),
            turn: None,
            call: None,
            causes: Vec::new(),
            actor: interline_log::Actor::System,
            data,
        }
    }

    #[test]
    fn why_edits_are_not_checked_is_told_once() {
        let unchecked = |reason: &str| {
            event(EventData::EditChecked {
                verdict: None,
                reason: reason.to_owned(),
            })
        };
        let told = transcript(&[unchecked("a"), unchecked("a"), unchecked("b")]);
        assert_eq!(told.matches("not checked: a").count(), 1, "{told}");
        assert!(told.contains("not checked: b"), "{told}");
    }

    #[test]
    fn what_was_not_let_run_is_named() {
        use interline_log::AssistantBlock;
        let told = |status| {
            let content = AssistantContent::ToolUse {
                id: "1".to_owned(),
                name: "shell".to_owned(),
                arguments: serde_json::json!({"command": "curl a\n[b](c)"}).to_string(),
            };
            let block = AssistantBlock { content, raw: None };
            let outcome = EventData::ToolOutcome {
                tool: "shell".to_owned(),
                tool_use_id: "1".to_owned(),
                status,
                content: String::new(),
                summary: "so it was".to_owned(),
            };
            let asked = event(EventData::ResponseBlock { block });
            transcript(&[asked, event(outcome)])
        };
        let denied = "- `shell` curl a [b]\\(c): so it was (denied)\n\n";
        assert_eq!(told(CallStatus::Denied), denied);
        assert_eq!(told(CallStatus::Succeeded), "- `shell` so it was\n\n");
    }

    #[test]
    fn a_turn_is_readable() {
        use interline_log::{AssistantBlock, Usage};
        let call = Some(CallId::new());
        let of_call = |data| Event {
            call,
            ..event(data)
        };
        let usage = Usage {
            output: 1200,
            ..Usage::default()
        };
        let block = AssistantBlock {
            content: AssistantContent::Text {
                text: "I push. ![x](http://a/b)".to_owned(),
            },
            raw: None,
        };
        let asked = EventData::ToolGated {
            decision: "ask".to_owned(),
            by: "built-in".to_owned(),
            reasons: vec!["network".to_owned()],
            digest: String::new(),
        };
        let decided = EventData::PermissionDecided {
            answer: PermissionAnswer::Allow,
            by: "user".to_owned(),
        };
        let outcome = EventData::ToolOutcome {
            tool: "shell`![x](y)".to_owned(),
            tool_use_id: "1".to_owned(),
            status: CallStatus::Succeeded,
            content: "…".to_owned(),
            summary: "git push\n# not a title".to_owned(),
        };
        let told = transcript(&[
            event(EventData::InputUser {
                title: "push".to_owned(),
                text: "push\n\nplease".to_owned(),
                context: String::new(),
            }),
            event(EventData::ResponseBlock { block }),
            event(EventData::ResponseStopped {
                reason: interline_log::StopReason::EndTurn,
                usage,
                cost_micro_usd: Some(18_000),
            }),
            of_call(asked),
            of_call(decided),
            of_call(outcome),
            event(EventData::TurnEnded {
                outcome: TurnOutcome::Done,
            }),
        ]);
        let wanted = "## You\n\n> push\n> \n> please\n\nI push. ![x]\\(http://a/b)\n\n\
                      - permission allowed once by user: built-in (network)\n\
                      - `shell'![x](y)` git push # not a title\n\n\
                      *1200 tokens, 0.0180 USD*\n\n";
        assert_eq!(told, wanted);
    }
}
