//! The transcript: a session as a readable Markdown document, a fold of its events.
//!
//! Rendered plain: what the model or a tool says makes no image, no link and no command.

use std::fmt::Write as _;

use interline_log::{
    AssistantContent, CallStatus, Event, EventData, HunkKind, HunkRecord, PermissionAnswer,
    TodoStatus, TurnOutcome,
};

/// The transcript of these events, in Markdown.
#[must_use]
pub fn transcript(events: &[Event]) -> String {
    let mut out = String::new();
    let mut unchecked = None;
    for event in events {
        // Why edits are not checked is told once, not after each turn.
        if let EventData::EditChecked {
            verdict: None,
            reason,
        } = &event.data
            && unchecked.replace(reason) == Some(reason)
        {
            continue;
        }
        write_event(&mut out, event);
    }
    if crate::resume::waiting(events)
        && let Some(text) = events.iter().rev().find_map(|event| match &event.data {
            EventData::PermissionAsked { text, .. } => Some(text),
            _ => None,
        })
    {
        let _ = writeln!(out, "*Waiting for your permission: {}*\n", line(text));
    }
    out
}

fn write_event(out: &mut String, event: &Event) {
    // Writing into a String fails never.
    let _ = match &event.data {
        EventData::SessionCreated { roots, .. } => {
            writeln!(
                out,
                "# Interline in {}\n\nSession {}\n",
                roots.join(", "),
                event.session
            )
        }
        EventData::SessionConfig {
            model,
            model_id,
            mode,
            ..
        } => {
            let mode = serde_json::to_string(mode).unwrap_or_default();
            writeln!(
                out,
                "*Model {model} ({model_id}), mode {}*\n",
                mode.trim_matches('"')
            )
        }
        EventData::SessionResumed { .. } => writeln!(out, "*Resumed*\n"),
        EventData::InputUser { text, .. } => writeln!(out, "## You\n\n{}\n", quoted(text)),
        EventData::InputSteer { text } => writeln!(out, "**You, meanwhile**\n\n{}\n", quoted(text)),
        EventData::ResponseBlock { block } => match &block.content {
            AssistantContent::Text { text } => writeln!(out, "{}\n", plain(text)),
            _ => Ok(()),
        },
        EventData::RequestRetry {
            attempt, reason, ..
        } => {
            writeln!(out, "*Attempt {attempt} failed: {}*\n", line(reason))
        }
        EventData::ToolOutcome {
            tool,
            status,
            summary,
            ..
        } => {
            writeln!(
                out,
                "- `{}` {}{}\n",
                line(tool),
                line(summary),
                status_note(*status)
            )
        }
        EventData::PermissionDecided { answer, by } => {
            let answer = match answer {
                PermissionAnswer::Deny => "denied",
                PermissionAnswer::Allow => "allowed once",
                PermissionAnswer::AllowAlways => "allowed always",
                PermissionAnswer::AcceptAndAllow => "allowed once, with all changes accepted,",
                PermissionAnswer::AllowInSandbox => "allowed in the shadow",
            };
            writeln!(out, "- permission {answer} by {}\n", line(by))
        }
        EventData::PermissionRefused { reason } => {
            writeln!(out, "- an answer was refused: {}\n", line(reason))
        }
        EventData::EditProposed { path, hunks, .. } => write_hunks(out, path, hunks),
        EventData::EditApplied { path, hunks, .. } => {
            writeln!(out, "- accepted: {} in {path}\n", changes(hunks.len()))
        }
        EventData::EditRejected { hunks } => {
            writeln!(out, "- rejected: {}\n", changes(hunks.len()))
        }
        EventData::EditRefused { hunks, reason } => {
            writeln!(
                out,
                "- not landed: {}: {}\n",
                changes(hunks.len()),
                line(reason)
            )
        }
        EventData::EditConflicted { hunks } => writeln!(
            out,
            "- in conflict with your edits: {}\n",
            changes(hunks.len())
        ),
        EventData::EditUndone { path, hunks, .. } => {
            writeln!(out, "- undone: {} in {path}\n", changes(hunks.len()))
        }
        EventData::EditChecked {
            verdict: Some(verdict),
            ..
        } => writeln!(out, "- the edits: {verdict}\n"),
        EventData::EditChecked { reason, .. } => {
            writeln!(out, "- the edits were not checked: {}\n", line(reason))
        }
        EventData::TodoSet { items } => {
            for item in items {
                let mark = if item.status == TodoStatus::Done {
                    "x"
                } else {
                    " "
                };
                let _ = writeln!(out, "- [{mark}] {}", line(&item.text));
            }
            writeln!(out)
        }
        EventData::TurnEnded { outcome } => match outcome {
            TurnOutcome::Done => Ok(()),
            TurnOutcome::Cancelled => writeln!(out, "*Cancelled*\n"),
            TurnOutcome::Stopped { message, .. } => writeln!(out, "*Stopped: {}*\n", line(message)),
            TurnOutcome::Failed { message } => writeln!(out, "*Failed: {}*\n", line(message)),
        },
        EventData::Crash { cause, message, .. } if cause == "panic" => {
            writeln!(out, "*Internal error: {}*\n", line(message))
        }
        EventData::Crash { cause, .. } => {
            writeln!(out, "*The process ended unexpectedly ({})*\n", line(cause))
        }
        EventData::LogRecovered { bytes, .. } => {
            writeln!(out, "*The log was torn: {bytes} bytes were set aside*\n")
        }
        _ => Ok(()),
    };
}

fn write_hunks(out: &mut String, path: &str, hunks: &[HunkRecord]) -> std::fmt::Result {
    for hunk in hunks {
        let title = match &hunk.kind {
            HunkKind::Text => format!("{path}:{}", hunk.start_line + 1),
            HunkKind::Create => format!("{path} (new file)"),
            HunkKind::Delete => format!("{path} (deleted)"),
            HunkKind::Move { to } => format!("{path} → {to}"),
            HunkKind::Binary { before: None, .. } => format!("{path} (new file)"),
            HunkKind::Binary { after: None, .. } => format!("{path} (deleted)"),
            HunkKind::Binary { .. } => format!("{path} (no text)"),
            HunkKind::Mode { .. } => format!("{path} (mode)"),
        };
        let fence = fence_for(&[&hunk.old, &hunk.new]);
        writeln!(out, "{title}\n\n{fence}diff")?;
        for removed in hunk.old.lines() {
            writeln!(out, "-{removed}")?;
        }
        for added in hunk.new.lines() {
            writeln!(out, "+{added}")?;
        }
        writeln!(out, "{fence}\n")?;
    }
    Ok(())
}

/// A fence that no line of the texts can close.
fn fence_for(texts: &[&str]) -> String {
    let longest = texts
        .iter()
        .flat_map(|text| text.split(|c| c != '`'))
        .map(str::len)
        .max()
        .unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn status_note(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Succeeded => "",
        CallStatus::Failed => " (failed)",
        CallStatus::Denied => " (denied)",
        CallStatus::Cancelled => " (cancelled)",
        CallStatus::Unknown => " (outcome unknown)",
    }
}

pub(crate) fn changes(count: usize) -> String {
    if count == 1 {
        "1 change".to_owned()
    } else {
        format!("{count} changes")
    }
}

fn quoted(text: &str) -> String {
    text.lines()
        .map(|line| format!("> {}\n", plain(line)))
        .collect()
}

/// One line without Markdown of its own.
pub(crate) fn line(text: &str) -> String {
    plain(&text.replace(['\n', '\r'], " "))
}

/// Markdown without what would load or run something: images become text, links lose their target unless it is one
/// that only opens a page.
fn plain(text: &str) -> String {
    text.replace("![", "!\\[")
        .replace("](command:", "]\\(command:")
        .replace('<', "\\<")
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
    fn images_and_command_links_are_text() {
        assert_eq!(plain("![x](http://a/b.png)"), "!\\[x](http://a/b.png)");
        assert_eq!(plain("[x](command:rm)"), "[x]\\(command:rm)");
        assert_eq!(plain("<img src=x>"), "\\<img src=x>");
    }

    #[test]
    fn no_text_closes_its_fence() {
        assert_eq!(fence_for(&["a", "b"]), "```");
        assert_eq!(fence_for(&["````\n"]), "`````");
    }
}
