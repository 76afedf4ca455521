//! `--output jsonl`: what happens, one JSON object a line, `type` first.

use interline_log::SessionId;
use interline_workspace::editor::Display;
use serde_json::{Value, json};

/// The line with its line break; `None` for what only an editor shows.
pub(super) fn line(session: SessionId, display: &Display) -> Option<String> {
    let mut value = match display {
        Display::TurnStarted { turn, title } => {
            json!({"type": "turnStarted", "turn": turn, "title": title})
        }
        Display::Text { turn, delta } => json!({"type": "text", "turn": turn, "delta": delta}),
        Display::Activity { turn, text } => json!({"type": "activity", "turn": turn, "text": text}),
        Display::CallStarted {
            turn,
            call,
            tool,
            title,
        } => {
            json!({"type": "callStarted", "turn": turn, "call": call, "tool": tool, "title": title})
        }
        Display::CallEnded {
            turn,
            call,
            status,
            summary,
        } => {
            json!({"type": "callEnded", "turn": turn, "call": call, "status": status, "summary": summary})
        }
        Display::Checked { turn, verdict } => {
            let mut value = json!({"type": "checked", "turn": turn});
            merge(
                &mut value,
                serde_json::to_value(verdict).unwrap_or_default(),
            );
            value
        }
        Display::NotChecked { turn, reason } => {
            json!({"type": "notChecked", "turn": turn, "reason": reason})
        }
        Display::Spent {
            turn,
            usage,
            cost_micro_usd,
            session_micro_usd,
        } => {
            let usd = |micro: &Option<u64>| micro.map(|micro| micro as f64 / 1e6);
            let (cost, session) = (usd(cost_micro_usd), usd(session_micro_usd));
            json!({"type": "spent", "turn": turn, "usage": usage, "costUsd": cost, "sessionCostUsd": session})
        }
        Display::Notice { text, warning } => {
            json!({"type": "notice", "text": text, "warning": warning})
        }
        Display::Configured { model, mode } => {
            json!({"type": "configured", "model": model, "mode": mode})
        }
        Display::TurnEnded { turn, outcome } => {
            let mut value = json!({"type": "turnEnded", "turn": turn});
            merge(
                &mut value,
                serde_json::to_value(outcome).unwrap_or_default(),
            );
            value
        }
        Display::HunksChanged => return None,
    };
    merge(&mut value, json!({"session": session}));
    Some(format!("{value}\n"))
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
