//! The log from outside: its files, its owner, its folds.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod audit;
mod bundle;
mod common;
mod conversation;
mod damage;
#[cfg(unix)]
mod golden;
mod kill;
mod ledger;
mod secrets;
mod store;
