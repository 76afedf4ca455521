//! A model server for tests: answers from a [`Script`] and checks every request as a strict provider would.
//!
//! It speaks Anthropic Messages, OpenAI Chat Completions and OpenAI Responses over HTTP/1.1 on loopback, and streams.
//! It must stay independent of Interline's own crates: a codec that shared code with its oracle would agree with
//! its own mistakes. README.md beside this crate describes the script format and the checks.

mod check;
mod conversation;
mod http;
mod play;
mod record;
mod script;
mod server;
mod session;
mod wire;

pub use check::{Check, Violation};
pub use record::RecordedRequest;
pub use script::{
    Call, Expect, Fault, Newline, Rule, Script, StatusFault, Step, Stop, StreamFault, Usage, When,
};
pub use server::Server;
