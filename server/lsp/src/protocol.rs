//! Interline's own messages beside standard LSP, as `server/PROTOCOL.md` tells them to editor authors.
//!
//! The types here are the one source: the TypeScript and Lua types of the shims are generated from them, and a test
//! holds the document to them. Must not decide anything: only shapes and names.

mod command;
mod event;
#[cfg(test)]
mod generated;
mod lsp;
mod request;

use interline_log::Mode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use command::*;
pub(crate) use event::*;
pub(crate) use request::*;

/// Version in `capabilities.experimental.interline`.
pub(crate) const VERSION: u32 = 1;

/// Every custom method, both ways.
#[cfg(test)]
pub(crate) const METHODS: [&str; 6] = {
    use lsp_types::notification::Notification;
    use lsp_types::request::Request;
    [
        RequestPermission::METHOD,
        Save::METHOD,
        Query::METHOD,
        EventNotification::METHOD,
        DidChangeDiagnostics::METHOD,
        DidChangeFocus::METHOD,
    ]
};

/// What a client handles beyond standard LSP, in `initializationOptions.interline`. Each flag is false where it is left
/// out. Unknown fields are ignored: a newer shim may speak to an older server.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ClientOptions {
    /// Answers `interline/requestPermission`.
    pub(crate) permission: bool,
    /// Answers `interline/query`.
    pub(crate) query: bool,
    /// Answers `interline/save`.
    pub(crate) save: bool,
    /// Takes `interline/event`.
    pub(crate) event: bool,
    /// Asks for text itself when a command lacks it.
    pub(crate) input: bool,
    /// Shows transcripts itself.
    pub(crate) transcript: bool,
    /// As in section `interline` of the client's configuration.
    pub(crate) settings: Settings,
}

/// Section `interline` of the client's configuration. It may tighten, never loosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Name of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    /// `plan` or `default`; above that it is ignored with a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<Mode>,
}
