//! A call between its preparing and its outcome: for real, or as a record tells it.
//!
//! This is the one seam between the turn loop and what calls do. In a re-run ([`crate::rerun`]) every call is
//! [`Ready::Recorded`]: nothing is prepared, decided on or run, so nothing can have an effect; what the loop makes of the
//! call is its own.

use std::future::pending;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use interline_log::{Access, Actor, LogError, TurnOutcome};
use interline_policy::Call;
use interline_tools::{Output, Prepared};

use super::calls::Wanted;
use super::{End, Turn};
use crate::replay::{Ended, Told};

pub(super) enum Ready {
    Real(Box<Prepared>),
    Recorded(Told),
}

impl Ready {
    pub(super) fn real(prepared: Prepared) -> Self {
        Self::Real(Box::new(prepared))
    }

    pub(super) fn access(&self) -> Access {
        match self {
            Self::Real(prepared) => prepared.info().access,
            Self::Recorded(told) => told.access,
        }
    }

    pub(super) fn title(&self) -> &str {
        match self {
            Self::Real(prepared) => prepared.title(),
            Self::Recorded(_) => "",
        }
    }

    pub(super) fn real_call(&self) -> Option<&Call> {
        match self {
            Self::Real(prepared) => Some(prepared.call()),
            Self::Recorded(_) => None,
        }
    }
}

impl Turn {
    /// The error is for the model: what is wrong with the call.
    pub(super) fn ready_call(&self, call: &Wanted) -> Result<Ready, String> {
        match &self.session.recording {
            None => self.prepare_call(call).map(Ready::real),
            Some(recording) => {
                let tools = self.session.host.registry.tools();
                let told = recording.call(&call.tool, &call.tool_use_id, tools)?;
                Ok(Ready::Recorded(told))
            }
        }
    }

    /// What stands in the place of the gate and the run.
    pub(super) async fn as_recorded(&self, call: &Wanted, told: Told) -> Result<Output, End> {
        for intent in &told.intents {
            let place = (self.id, call.id);
            self.recorder.record(place, Actor::Agent, intent.clone())?;
        }
        match told.ended {
            Ended::Output { output, cancelled } => {
                if cancelled {
                    self.cancel.cancel();
                }
                Ok(output)
            }
            Ended::Cancelled => Err(TurnOutcome::Cancelled.into()),
            Ended::Cut => Err(LogError::Stopped.into()),
        }
    }

    /// The same of a call that runs beside others.
    pub(super) fn told(&self, told: Told) -> BoxFuture<'static, Output> {
        match told.ended {
            Ended::Output { output, .. } => std::future::ready(output).boxed(),
            Ended::Cancelled => {
                self.cancel.cancel();
                pending().boxed()
            }
            Ended::Cut => {
                if let Some(recording) = &self.session.recording {
                    recording.end_here();
                }
                pending().boxed()
            }
        }
    }
}
