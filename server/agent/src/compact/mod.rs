//! Compaction: a conversation that nears the model's window goes on in a shorter form. The log keeps everything.
//!
//! Two stages, one event (`compact.committed`) each time. First old results of tools are cleared, all at once: each
//! change of what was said costs the provider's prompt cache, so it is done rarely and largely. Where that frees too
//! little, a summary stands for all but a recent tail. What must not be lost is not left to the summary: instructions,
//! the request, the plan, the state of files and what is open are put beside it from the log ([`Record`], [`head`]).
//!
//! This module decides and writes texts. Must not record, ask a model or change anything: the turn does
//! (`turn/compact.rs`), and the fold in the log makes the change from the event alone.

mod gauge;
mod head;
mod plan;
mod prompt;
mod record;

pub(crate) use gauge::{Gauge, limit};
pub(crate) use head::{Head, Summary, head, reload};
pub(crate) use plan::{Plan, Room, oversized, plan};
pub(crate) use prompt::{SYSTEM, prompt, request};
pub(crate) use record::Record;

/// The first bytes of a text, whole characters, with a mark where something is left out.
pub(crate) fn clip(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub("…".len()));
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// Its first line, clipped.
fn first_line(text: &str, most: usize) -> String {
    clip(text.trim().lines().next().unwrap_or_default(), most)
}
