//! The proof that a call may run, and the question whose answer makes one. Both are single use.

use crate::facts::Call;
use crate::rule::Rule;

/// The proof that one exact call may run, once: executors consume it.
///
/// Nobody outside of this crate can make one (I2):
///
/// ```compile_fail,E0451
/// let permit = interline_policy::Permit { digest: String::new() };
/// ```
///
/// nor copy one:
///
/// ```compile_fail,E0599
/// fn twice(permit: interline_policy::Permit) -> [interline_policy::Permit; 2] {
///     [permit.clone(), permit]
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    digest: String,
}

impl Permit {
    pub(crate) fn new(call: &Call) -> Self {
        Self {
            digest: call.digest(),
        }
    }

    /// Does it stand for this very call?
    #[must_use]
    pub fn covers(&self, call: &Call) -> bool {
        self.digest == call.digest()
    }
}

/// A decision that is the user's. It can be approved once, and only for the call that it was made for.
///
/// ```compile_fail,E0451
/// let ask = interline_policy::Ask { digest: String::new(), effects: vec![], danger: false, always: None };
/// ```
#[derive(Debug)]
pub struct Ask {
    digest: String,
    /// Plain words, one effect a line, resolved targets, control characters visible.
    pub effects: Vec<String>,
    /// It can destroy or send something.
    pub danger: bool,
    /// The rule that "always allow" would keep; `None`: it must not be offered.
    pub always: Option<Rule>,
}

impl Ask {
    pub(crate) fn new(
        call: &Call,
        effects: Vec<String>,
        danger: bool,
        always: Option<Rule>,
    ) -> Self {
        Self {
            digest: call.digest(),
            effects,
            danger,
            always,
        }
    }

    /// The user said yes to exactly this.
    #[must_use]
    pub fn approve(self) -> Permit {
        Permit {
            digest: self.digest,
        }
    }
}
