//! The scripted model against a raw client: what it streams, what it refuses, how it fails.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail the test")]

mod checks;
mod client;
mod conversations;
mod faults;
mod program;
mod streams;
