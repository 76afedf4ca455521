//! Proposals, through the public door of the crate.
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by `#[test]`, not their helpers"
)]

mod desk;
mod forms;
mod promises;
mod rebase;
mod restore;
