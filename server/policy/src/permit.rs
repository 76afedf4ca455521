//! The proof that a call may run, and the question whose answer makes one. Both are single use.

use crate::facts::Call;
use crate::reach::Reach;
use crate::rule::Rule;

/// Where a call may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the sandbox, on the shadow workspace: nothing that it does leaves it.
    Sandbox,
    /// On the real machine.
    Outside,
}

impl Place {
    /// `sandbox` or `outside`, for the log and for scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Outside => "outside",
        }
    }
}

/// The proof that one exact call may run, once: executors consume it.
///
/// Nobody outside of this crate can make one (I2):
///
/// ```compile_fail,E0451
/// let permit = interline_policy::Permit { digest: String::new(), policy: String::new(), place: interline_policy::Place::Outside, reach: Default::default() };
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
    policy: String,
    place: Place,
    reach: Reach,
}

/// What a permit was exchanged for: who runs a process takes the one of its place, and can't get at the other's.
#[derive(Debug)]
pub enum Grant {
    /// To the sandbox alone.
    Sandbox(SandboxGrant),
    /// To the real machine.
    Outside(OutsideGrant),
}

/// Leave to run a checked call in the sandbox, and to speak to some hosts from there.
///
/// ```compile_fail,E0423
/// let grant = interline_policy::SandboxGrant(interline_policy::Reach::default());
/// ```
#[derive(Debug)]
pub struct SandboxGrant(Reach);

impl SandboxGrant {
    /// The hosts that its proxy is to let through; nobody widens them any more.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.0
    }
}

/// Leave to run a checked call on the real machine.
///
/// ```compile_fail,E0423
/// let grant = interline_policy::OutsideGrant(());
/// ```
#[derive(Debug)]
pub struct OutsideGrant(());

/// The call is not the one that was decided on, what it was decided for has changed, or what it was decided under:
/// nothing was done; it is to be decided on anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what this call would touch, or what holds for it, has changed since it was decided on")]
pub struct Stale;

impl Permit {
    pub(crate) fn new(call: &Call, policy: &str, place: Place, reach: Reach) -> Self {
        Self {
            digest: call.digest(),
            policy: policy.to_owned(),
            place,
            reach,
        }
    }

    /// Whom it reaches where it runs in the sandbox.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Where it may run.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Does it stand for this very call, as things are now?
    #[must_use]
    pub fn covers(&self, call: &Call) -> bool {
        self.digest == call.digest()
    }

    /// Exchanges it for leave to run the call, whose facts and bounds were made afresh just before. `policy` is what
    /// holds now: [`Context::policy`](crate::Context::policy).
    ///
    /// # Errors
    /// [`Stale`] where the call is not the one that was decided on, or another policy holds than it was made under.
    pub fn redeem(self, call: &Call, policy: &str) -> Result<Grant, Stale> {
        if !self.covers(call) || self.policy != policy {
            return Err(Stale);
        }
        Ok(match self.place {
            Place::Sandbox => Grant::Sandbox(SandboxGrant(self.reach)),
            Place::Outside => Grant::Outside(OutsideGrant(())),
        })
    }
}

/// A decision that is the user's. It can be approved once, and only for the call that it was made for.
///
/// ```compile_fail,E0451
/// let ask = interline_policy::Ask { effects: vec![], danger: false, always: None, permit: todo!() };
/// ```
#[derive(Debug)]
pub struct Ask {
    permit: Permit,
    /// Plain words, one effect a line, resolved targets, control characters visible.
    pub effects: Vec<String>,
    /// It can destroy or send something.
    pub danger: bool,
    /// The rule that "always allow" would keep; `None`: it must not be offered.
    pub always: Option<Rule>,
}

impl Ask {
    pub(crate) fn new(
        permit: Permit,
        effects: Vec<String>,
        danger: bool,
        always: Option<Rule>,
    ) -> Self {
        Self {
            permit,
            effects,
            danger,
            always,
        }
    }

    /// Where it would run.
    #[must_use]
    pub fn place(&self) -> Place {
        self.permit.place
    }

    /// Does what the question was made under still hold? `policy` is [`Context::policy`](crate::Context::policy).
    #[must_use]
    pub fn made_under(&self, policy: &str) -> bool {
        self.permit.policy == policy
    }

    /// Whom it would reach where it runs in the sandbox.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.permit.reach
    }

    /// The user said yes to exactly this.
    #[must_use]
    pub fn approve(self) -> Permit {
        self.permit
    }

    /// The user said yes, but in the sandbox.
    #[must_use]
    pub fn approve_in_sandbox(self) -> Permit {
        Permit {
            place: Place::Sandbox,
            ..self.permit
        }
    }
}
