//! What a hook says of a call: it can raise what was decided, and there are no words here to lower it (I10).

use crate::decide::Outcome;

/// A hook's objection to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// Whose it is, such as `user hook 2`.
    pub by: String,
    /// What is to become of the call, at least.
    pub raise: Raise,
    /// Why, in the hook's own words: shown to the user, and told to the model where it is denied.
    pub reason: String,
}

/// How far a hook raises a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// The user is to be asked.
    Ask,
    /// It is not to run.
    Deny,
}

impl Opinion {
    pub(crate) fn outcome(&self) -> Outcome {
        match self.raise {
            Raise::Ask => Outcome::Ask,
            Raise::Deny => Outcome::Deny,
        }
    }
}
