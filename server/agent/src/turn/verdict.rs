//! What the turn's edits do to the project's diagnostics, told to the model and the user.
//!
//! The checkers run beside the turn: no request waits for them but the last. What is new goes to the model with the
//! next results; an answer with new errors goes back to it, a few times at most.

use std::collections::BTreeSet;

use interline_log::{Access, Actor, EventData};
use interline_tools::{Environment, Findings, Output, Verdict};
use interline_workspace::editor::Display;
use interline_workspace::path::WorkspacePath;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{End, Turn};

/// An answer whose edits make new errors goes back to the model this often.
const MAX_RETURNS: u32 = 3;

/// What is known of the turn's edits.
#[derive(Default)]
pub(super) struct Checking {
    /// What the model was told before its first edit.
    before: Option<Findings>,
    touched: BTreeSet<WorkspacePath>,
    /// There are edits that no check has seen.
    stale: bool,
    running: Option<Running>,
    /// The last verdict that the model knows.
    told: Option<Verdict>,
    returns: u32,
}

struct Running {
    check: JoinHandle<Option<Result<Verdict, String>>>,
    /// Dropped, it ends the checker's processes.
    _cancel: DropGuard,
}

impl Checking {
    /// A call is about to run.
    pub(super) fn before(&mut self, access: Access, environment: &Environment) {
        if access == Access::Propose && self.touched.is_empty() {
            self.before = Findings::last_told(environment);
        }
    }

    /// A call has run. A check of the text before it is of no use any more.
    pub(super) fn after(&mut self, output: &Output) {
        let paths = output.events.iter().filter_map(|event| match event {
            EventData::EditProposed { path, .. } => WorkspacePath::new(path).ok(),
            _ => None,
        });
        for path in paths {
            self.touched.insert(path);
            self.stale = true;
            self.running = None;
        }
    }

    fn start(&mut self, environment: Environment, cancel: &CancellationToken) {
        self.stale = false;
        let cancel = cancel.child_token();
        let touched: Vec<_> = self.touched.iter().cloned().collect();
        let (before, token) = (self.before.clone(), cancel.clone());
        let check = tokio::spawn(async move {
            interline_tools::verdict(environment, &touched, before, token).await
        });
        self.running = Some(Running {
            check,
            _cancel: cancel.drop_guard(),
        });
    }
}

impl Turn {
    /// After the results of a step: takes what a check has found, and checks what is new.
    pub(super) async fn check_edits(&mut self) -> Result<(), End> {
        if self.session.recording.is_some() {
            return Ok(());
        }
        let done = |running: &Running| running.check.is_finished();
        if self.checking.running.as_ref().is_some_and(done)
            && let Some(Ok(verdict)) = self.checked().await
            && self.checking.told.as_ref() != Some(&verdict)
        {
            self.tell(&describe(&verdict))?;
            self.checking.told = Some(verdict);
        }
        if self.checking.stale && self.trusted {
            let environment = self.environment();
            self.checking.start(environment, &self.cancel);
        }
        Ok(())
    }

    /// After the answer: the verdict on the turn's edits. True: the answer goes back, for its edits make new errors.
    pub(super) async fn judge_edits(&mut self) -> Result<bool, End> {
        if let Some(recording) = &self.session.recording {
            return Ok(recording.goes_back());
        }
        if self.checking.touched.is_empty() {
            return Ok(false);
        }
        if self.checking.running.is_none() {
            let environment = self.environment();
            self.checking.start(environment, &self.cancel);
        }
        self.show_activity("checking the edits");
        match self.checked().await {
            None => Err(interline_log::TurnOutcome::Cancelled.into()),
            Some(Err(reason)) => {
                let event = EventData::EditChecked {
                    verdict: None,
                    reason,
                };
                self.record(Actor::System, event)?;
                Ok(false)
            }
            Some(Ok(verdict)) => self.pronounce(verdict),
        }
    }

    fn pronounce(&mut self, verdict: Verdict) -> Result<bool, End> {
        let event = EventData::EditChecked {
            verdict: Some(verdict.numbers.clone()),
            reason: String::new(),
        };
        self.record(Actor::System, event)?;
        let known = self.checking.told.as_ref() == Some(&verdict);
        let goes_back =
            verdict.numbers.new_errors > 0 && !known && self.checking.returns < MAX_RETURNS;
        if goes_back {
            self.checking.returns += 1;
            self.tell(&describe(&verdict))?;
            self.checking.told = Some(verdict);
        } else {
            self.session.show(Display::Checked {
                turn: self.id,
                verdict: verdict.numbers,
            });
        }
        Ok(goes_back)
    }

    /// Waits for the check that runs. `None`: cancelled.
    async fn checked(&mut self) -> Option<Result<Verdict, String>> {
        let running = self.checking.running.take()?;
        let checked = running.check.await;
        checked.unwrap_or_else(|error| Some(Err(format!("the check broke down: {error}"))))
    }
}

/// In tags, as context is: it is no new request.
fn describe(verdict: &Verdict) -> String {
    let numbers = &verdict.numbers;
    let mut text = format!("<diagnostics after=\"your edits\">\n{numbers}\n");
    for line in &verdict.named {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str("</diagnostics>");
    text
}
