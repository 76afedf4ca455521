//! What telemetry takes from an event: kinds, counts and ids.
//!
//! Must hold no text that a user, a model or a tool wrote. A tool's name counts only where it is one of ours.

use std::time::{SystemTime, UNIX_EPOCH};

use interline_log::{
    CallId, CallStatus, Event, EventData, SessionId, StopReason, TurnId, TurnOutcome, Usage, Wire,
};

/// One event's part in telemetry.
pub(super) struct Fact {
    /// Nanoseconds since the Unix epoch.
    pub(super) at: u64,
    pub(super) session: SessionId,
    pub(super) turn: TurnId,
    pub(super) call: Option<CallId>,
    pub(super) what: What,
}

pub(super) enum What {
    Configured {
        /// The model's id, from the configuration.
        model: String,
        provider: &'static str,
        /// The names of the tools.
        tools: Vec<String>,
    },
    TurnBegan,
    RequestSent {
        /// See [`interline_log::Prefix::stability`].
        stability: Option<f64>,
    },
    Responded {
        reason: &'static str,
        usage: Usage,
        micro_usd: Option<u64>,
    },
    CallBegan {
        /// As the model wrote it: to be looked up, not to be told.
        tool: String,
    },
    Decided(&'static str),
    CallEnded(&'static str),
    Crashed,
    TurnEnded(&'static str),
}

impl Fact {
    /// `None`: the event has no part in it.
    pub(super) fn of(event: &Event) -> Option<Self> {
        Some(Self {
            at: event.ts.saturating_mul(1_000_000),
            session: event.session,
            turn: event.turn?,
            call: event.call,
            what: what(&event.data)?,
        })
    }
}

fn what(data: &EventData) -> Option<What> {
    Some(match data {
        EventData::SessionConfig {
            model_id,
            wire,
            tools,
            ..
        } => What::Configured {
            model: model_id.clone(),
            provider: provider(*wire),
            tools: tools.iter().map(|tool| tool.name.clone()).collect(),
        },
        EventData::InputUser { .. } => What::TurnBegan,
        EventData::RequestSent { prefix, .. } => What::RequestSent {
            stability: prefix.as_ref().and_then(interline_log::Prefix::stability),
        },
        EventData::CompactSent { .. } => What::RequestSent { stability: None },
        EventData::ResponseStopped {
            reason,
            usage,
            cost_micro_usd,
        } => What::Responded {
            reason: reason_name(reason),
            usage: *usage,
            micro_usd: *cost_micro_usd,
        },
        EventData::ToolAnnounced { tool, .. } => What::CallBegan { tool: tool.clone() },
        EventData::ToolGated { decision, .. } => What::Decided(match decision.as_str() {
            "allow" => "allow",
            "ask" => "ask",
            _ => "deny",
        }),
        EventData::ToolOutcome { status, .. } => What::CallEnded(match status {
            CallStatus::Succeeded => "succeeded",
            CallStatus::Failed => "failed",
            CallStatus::Denied => "denied",
            CallStatus::Cancelled => "cancelled",
            CallStatus::Unknown => "unknown",
        }),
        EventData::Crash { .. } => What::Crashed,
        EventData::TurnEnded { outcome } => What::TurnEnded(match outcome {
            TurnOutcome::Done => "done",
            TurnOutcome::Stopped { .. } => "stopped",
            TurnOutcome::Failed { .. } => "failed",
            TurnOutcome::Cancelled => "cancelled",
        }),
        _ => return None,
    })
}

/// The names of the GenAI semantic conventions, where they have one.
fn provider(wire: Wire) -> &'static str {
    match wire {
        Wire::Anthropic => "anthropic",
        Wire::OpenaiChat | Wire::OpenaiResponses => "openai",
        Wire::Builtin => "interline",
    }
}

fn reason_name(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::EndTurn => "stop",
        StopReason::ToolUse => "tool_call",
        StopReason::MaxTokens => "length",
        StopReason::PauseTurn => "pause",
        StopReason::Refusal => "content_filter",
        StopReason::Other(_) => "other",
    }
}

/// Nanoseconds since the Unix epoch.
pub(super) fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
