//! What a sandboxed command asked of its proxy.

use serde::{Deserialize, Serialize};

/// Connections of a command to one host at one port, all with the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// In lower case; empty where the request was not understood.
    pub host: String,
    /// 0 where the request was not understood.
    pub port: u16,
    /// Why it was refused; `None` where it was let through.
    pub refused: Option<String>,
    /// How many connections.
    pub times: u64,
    /// Bytes that went out, as far as the command has ended its connections.
    pub sent: u64,
    /// Bytes that came back.
    pub received: u64,
}
