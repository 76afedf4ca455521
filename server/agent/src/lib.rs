//! Sessions and the turn loop: what the agent does between a request and its answer.
//!
//! Knows no LSP: the editor is a port ([`interline_workspace::editor::Editor`]), the model another
//! ([`interline_model::ModelClient`]). Decides nothing about permission (that is `policy`) and writes no file.

mod accepted;
mod agent;
mod budget;
mod changes;
mod claims;
mod compact;
mod context;
mod crash;
mod git;
mod host;
mod instructions;
mod mentions;
mod prefix;
mod recorder;
mod replay;
mod resume;
mod review;
mod reviewed;
mod scratch;
mod session;
mod state;
mod system;
mod telemetry;
mod transcript;
mod trust;
mod turn;
mod upkeep;

pub use agent::{Agent, AgentError, Diff, Request, Selection, Started};
pub use budget::{Budget, Limits};
pub use crash::{Interrupted, date};
pub use host::{Host, Settings};
pub use interline_policy::visible;
pub use interline_tools::Hook;
pub use interline_workspace::editor::Focus;
pub use mentions::Completion;
pub use replay::{Difference, Replayed, Rerun, Script, replay, rerun};
pub use state::state;
pub use transcript::transcript;
pub use trust::TrustStore;
