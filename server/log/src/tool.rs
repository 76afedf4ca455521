//! What a tool is, as the registry, the policy and the models all speak of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tool as it is shown to the model. The order of tools and the bytes of each are frozen in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    /// The name that the model calls.
    pub name: String,
    /// What it does and how to use it well.
    pub description: String,
    /// JSON Schema (2020-12) of its input.
    pub input_schema: serde_json::Value,
}

/// How a model writes changes of files that exist: each is shown the tool that it is best with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditFormat {
    /// Search and replace.
    #[default]
    Edit,
    /// Patches, for models that were trained on them.
    ApplyPatch,
}

/// What a tool may do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Looks at the workspace. Calls of a step run side by side.
    Read,
    /// Adds hunks to the proposal. The review is the permission.
    Propose,
    /// Starts a process or reaches outside.
    Execute,
    /// Speaks with the user, or keeps the session's own notes.
    Interact,
}

/// What a resumed session does with a call whose outcome is not on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryClass {
    /// Runs again.
    Pure,
    /// Compares hashes: done, to do, or unknown.
    Convergent,
    /// Runs again under the same idempotency key.
    Keyed,
    /// Unknown: asks, never runs again by itself.
    Opaque,
}

/// Where a rule, a tool or a skill comes from, strongest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The organisation, in `/etc/interline/`.
    Managed,
    /// Compiled in.
    BuiltIn,
    /// The user's own configuration and answers.
    User,
    /// An installed plugin. From here down a tier may only tighten.
    Plugin,
    /// A skill.
    Skill,
    /// The repository, or an MCP server.
    Repo,
}

/// How far the agent goes without asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Reads and plans, proposes nothing.
    Plan,
    /// Edits are proposals; what leaves the workspace asks.
    #[default]
    Default,
    /// Hunks land in buffers as they come; protected paths ask.
    AcceptEdits,
    /// `AcceptEdits`, and the user's allow rules cover the outside.
    Auto,
}

/// How a tool call ended. Each call has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It did what it says.
    Succeeded,
    /// It ran, or could not be run, and says why.
    Failed,
    /// Policy or the user said no.
    Denied,
    /// The user stopped it.
    Cancelled,
    /// The process died while it ran: nobody knows.
    Unknown,
}
