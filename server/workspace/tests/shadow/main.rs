//! The shadow, mounted for real: what commands see and what comes back.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by `#[test]`, not their helpers"
)]

mod builds;
mod copies;
mod desk;
mod hostile;
mod promises;
mod properties;
mod whole;
