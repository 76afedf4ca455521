//! End to end: the real binary against sample projects and the scripted model server; and what holds for the whole tree.
//!
//! No test here reaches beyond 127.0.0.1, and each has a home and a project of its own in a temporary folder.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail the test")]

mod budget;
mod compaction;
mod crash;
mod editor;
mod faults;
mod hooks;
mod kills;
mod lesser;
mod malformed;
mod matrix;
mod place;
mod prompts;
mod recovery;
mod replay;
mod requests;
mod run;
mod server;
mod shadow;
mod telemetry;
mod terminal;
mod tidy;
