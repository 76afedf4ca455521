//! Decides whether a call may run: `decide(call facts, rules) -> Allow(Permit) | Ask | Deny`.
//!
//! Deciding is pure: no clock, no editor, and no I/O but the first reading of the managed policy. Modules that look at
//! the disk decide nothing: `shell` resolves the paths and programs of a command for its facts, `bound` tells files
//! apart, and `always` keeps the user's standing answers.
//! The crate is the only maker of [`Permit`], and executors take nothing else (I2). Any doubt (parse error,
//! limit, unknown field) asks; headless, it denies (I11).

mod always;
mod bound;
mod checks;
mod decide;
mod facts;
mod host;
mod labels;
mod managed;
mod opinion;
mod permit;
mod protect;
mod reach;
mod reason;
mod rule;
mod rules;
mod shell;
mod wordlist;

pub use always::{AlwaysStore, Kept, StoreError};
pub use bound::{Bound, FileId, named};
pub use decide::{Context, Decision, Verdict, decide, decide_with};
pub use facts::{Call, Effect, Facts, PathFact};
pub use host::{HostPattern, host_name};
pub use labels::Labels;
pub use managed::Managed;
pub use opinion::{Opinion, Raise};
pub use permit::{Ask, Grant, OutsideGrant, Permit, Place, SandboxGrant, Stale};
pub use protect::is_executable_config;
pub use reach::Reach;
pub use reason::visible;
pub use rule::{ArgPattern, Rule, RuleEffect};
pub use rules::{RuleError, Rules};
pub use shell::{analyse_shell, analyse_shell_by_names, analyse_shell_with_path};
