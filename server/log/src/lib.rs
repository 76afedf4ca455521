//! The vocabulary (ids, messages, tools, events) and the append-only log that is the spine of a session.
//!
//! Everything that happens is a typed [`Event`]; session state, transcript, audit and budget are folds
//! of the events. This crate knows no editor, no model and no policy: it names what the others say.

mod event;
mod id;
mod message;
mod tool;

pub use event::*;
pub use id::*;
pub use message::*;
pub use tool::*;
