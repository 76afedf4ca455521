//! Identifiers. Each is a ULID in its own type, so that one can't stand in for another.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

/// A text that is no identifier.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an id: expected 26 letters and digits, as `interline sessions` prints them")]
pub struct IdError(String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(with = "String")] Ulid);

        impl $name {
            /// A new id, unique and sorted by the time of its making.
            #[expect(clippy::new_without_default, reason = "a default would look like a constant")]
            #[must_use]
            pub fn new() -> Self {
                Self(Ulid::new())
            }

            /// The id as a number: the time of its making in the upper 48 bits, the rest is random.
            #[must_use]
            pub fn bits(self) -> u128 {
                self.0.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Ulid::from_str(text).map(Self).map_err(|_| IdError(text.to_owned()))
            }
        }
    };
}

id! {
    /// One conversation with its log.
    SessionId
}
id! {
    /// From a user's request to the agent's final answer.
    TurnId
}
id! {
    /// One use of a tool. Ours: a provider's own id for it need not be unique.
    CallId
}
id! {
    /// One hunk of a proposal.
    HunkId
}
id! {
    /// One event of a log.
    EventId
}
id! {
    /// One crash with its file.
    CrashId
}

impl SessionId {
    /// The opposite of [`SessionId::bits`].
    pub(crate) fn from_bits(bits: u128) -> Self {
        Self(Ulid(bits))
    }
}
