//! What a call brings into its session. Labels only grow; two of them together close the way out.

use interline_log::{Access, Visit};

use crate::facts::{Call, Effect};
use crate::protect;

/// What is in a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Content that others wrote: from the network, from a server's tools.
    pub untrusted: bool,
    /// Private data: a secret, or a file from outside of the workspace.
    pub private: bool,
}

impl Labels {
    /// What a call will have brought in when it has run.
    #[must_use]
    pub fn of(call: &Call) -> Self {
        let facts = &call.facts;
        let need = |code: &str| facts.needs.iter().any(|need| need == code);
        let network = facts.effects.contains(&Effect::Network) || !facts.hosts.is_empty();
        let foreign = call.tool.starts_with("mcp__");
        let outside = call.access == Access::Read && facts.paths.iter().any(|path| !path.inside);
        Self {
            untrusted: foreign || (network && !installs(call)),
            private: outside
                || need("outside-read")
                || facts.effects.contains(&Effect::Secret)
                || facts.paths.iter().any(protect::is_secret),
        }
    }

    /// What a call in the sandbox has brought in by whom it reached, whatever was known of it before.
    #[must_use]
    pub fn of_visits(call: &Call, visits: &[Visit]) -> Self {
        let brought = |visit: &Visit| visit.refused.is_none() && visit.received > 0;
        Self {
            untrusted: !installs(call) && visits.iter().any(brought),
            private: false,
        }
    }
}

/// What is installed speaks through the programs that are run later: those are in the sandbox.
fn installs(call: &Call) -> bool {
    call.facts.needs.iter().any(|need| need == "install")
}
