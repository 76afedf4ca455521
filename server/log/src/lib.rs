//! The vocabulary (ids, messages, tools, events) and the append-only log that is the spine of a session.
//!
//! Everything that happens is a typed [`Event`]; session state, transcript, audit and budget are folds
//! of the events. This crate knows no editor, no model and no policy: it names what the others say.
//!
//! A session's log is made or opened by [`Store`], written through [`Log`] by the one task that owns it, and
//! folded by [`Conversation`] (what was said), [`Workflow`] (what is being done) and [`SessionSummary`]. How it stands
//! on disk, for those who want to check it without us, is written at the head of `line.rs`.

mod audit;
mod blob;
mod cached;
mod codec;
mod compaction;
mod conversation;
mod crash;
mod digest;
mod disk;
mod error;
mod event;
mod fork;
mod id;
mod ledger;
mod line;
mod lineage;
mod lock;
mod message;
mod pattern;
mod reader;
mod redact;
mod spending;
mod store;
mod summary;
mod tool;
mod visit;
mod workflow;
mod write;
mod writer;

pub use audit::{Against, Anchor, KeyFile, PublicKey, Verified, VerifiedBundle, verify_bundle};
pub use blob::Attachments;
pub use compaction::{ClearedResult, CompactSummary, CompactTrigger, SummaryBy, compacted};
pub use conversation::Conversation;
pub use crash::{
    Crash, CrashFile, Crashes, Panicked, Recent, Running, recent, take_panic, watch_panics,
};
pub use error::LogError;
pub use event::*;
pub use fork::Forked;
pub use id::*;
pub use ledger::{Claim, Ledger, Others};
pub use lineage::Lineage;
pub use message::*;
pub use redact::REDACTED;
pub use spending::Spending;
pub use store::Store;
pub use summary::{SessionSummary, Spent};
pub use tool::*;
pub use visit::Visit;
pub use workflow::{Artefact, Budgeted, Step, StepState, Workflow};
pub use write::{Entry, Log};
