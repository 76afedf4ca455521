//! The sandbox, attacked: each test tries what a command must not be able to do, and looks at the real machine
//! afterwards; and what a command must be able to do.
//!
//! All of it runs as who runs the tests; where that is root, once more as an ordinary user.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail the test")]

mod alone;
mod escapes;
mod limits;
mod network;
mod place;
mod session;
mod users;
mod works;
