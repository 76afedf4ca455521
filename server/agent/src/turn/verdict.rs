//! What the turn's edits do to the project's diagnostics, told to the model and the user.
//!
//! After each step with edits a check runs. The next request waits for it, for as long as people would call at once;
//! after that it goes without, and what is new goes with a later one. The answer waits for the check's end, and with
//! new errors it goes back to the model, a few times at most.
//!
//! What is found stands on the turn's hunks too. Those of a request that asks for it are held back until they have been
//! checked, or that takes too long.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use interline_log::{Access, Actor, EventData, SessionId, TurnId, TurnOutcome};
use interline_tools::{Before, Environment, Findings, Output, Verdict};
use interline_workspace::Workspace;
use interline_workspace::checks::{Check, Moment};
use interline_workspace::editor::Display;
use interline_workspace::path::WorkspacePath;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{End, Turn};

/// An answer whose edits make new errors goes back to the model this often.
const MAX_RETURNS: u32 = 3;
/// A request waits for the check of the edits before it this long. Language servers that are warm settle within it,
/// and so do checkers of small projects.
const PATIENCE: Duration = Duration::from_secs(5);
/// Hunks that are held back until they are checked are shown this long after the answer in any case.
const HOLD: Duration = Duration::from_secs(30);

/// What a check found; the error says why nothing could be checked.
type Found = Result<Verdict, String>;

/// What is known of the turn's edits.
#[derive(Default)]
pub(super) struct Checking {
    before: Before,
    touched: BTreeSet<WorkspacePath>,
    /// There are edits that no check has seen.
    stale: bool,
    running: Option<Running>,
    /// What the last check of the text of now has found.
    found: Option<Found>,
    /// The last verdict that the model knows.
    told: Option<Verdict>,
    /// The last verdict with which an answer went back. The model may leave what it knows of, once it was asked.
    returned: Option<Verdict>,
    returns: u32,
    /// A check took longer than a request waits: the next ones are not waited for.
    slow: bool,
}

/// What the turn's hunks say of their check. Dropped with the turn, whatever ended it: none is left held back, or
/// being checked by nobody.
pub(super) struct Marks {
    workspace: Arc<Workspace>,
    session: SessionId,
    turn: TurnId,
    /// What the check that runs is of.
    of: Moment,
    /// There are edits whose check has not come to its end.
    open: bool,
    holds: bool,
}

impl Marks {
    pub(super) fn new(
        workspace: Arc<Workspace>,
        session: SessionId,
        turn: TurnId,
        holds: bool,
    ) -> Self {
        if holds {
            workspace.hold(turn);
        }
        Self {
            workspace,
            session,
            turn,
            of: Moment::default(),
            open: false,
            holds,
        }
    }

    fn edited(&mut self) {
        self.open = true;
        self.workspace.unset_check(self.turn);
    }

    fn begun(&mut self) {
        self.of = self.workspace.moment(self.session);
        self.say(Check::Running);
    }

    fn found(&mut self, found: &Found) {
        self.open = false;
        self.say(match found {
            Ok(verdict) => Check::Done(verdict.numbers.clone()),
            Err(reason) => not_done(reason),
        });
    }

    /// Nobody is kept waiting any longer. The check goes on.
    fn too_long(&mut self) {
        if self.workspace.release(Some(self.turn)) {
            let limit = HOLD.as_secs();
            self.say(not_done(&format!(
                "this takes longer than {limit} s, and goes on"
            )));
        }
    }

    fn say(&self, check: Check) {
        self.workspace.set_check(self.turn, check, self.of.clone());
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        if self.open {
            self.of = self.workspace.moment(self.session);
            self.say(not_done("the turn ended before that"));
        }
        self.workspace.release(Some(self.turn));
    }
}

/// One line, which may have come from anywhere.
fn not_done(reason: &str) -> Check {
    let line = reason.lines().next().unwrap_or_default();
    Check::NotDone(interline_policy::visible(line))
}

struct Running {
    /// `None`: cancelled.
    check: JoinHandle<Option<Found>>,
    /// Dropped, it ends the checker's processes.
    _cancel: DropGuard,
}

impl Checking {
    /// A call is about to run.
    pub(super) fn before(&mut self, access: Access, environment: &Environment) {
        if access == Access::Propose && self.touched.is_empty() {
            self.before.told = Findings::last_told(environment);
        }
    }

    /// A call has run. A check of the text before it is of no use any more. True: it has edited something.
    pub(super) fn after(&mut self, output: &Output) -> bool {
        let paths = output.events.iter().filter_map(|event| match event {
            EventData::EditProposed { path, .. } => WorkspacePath::new(path).ok(),
            _ => None,
        });
        let paths: Vec<_> = paths.collect();
        let edited = !paths.is_empty();
        self.touched.extend(paths);
        if edited {
            self.stale = true;
            self.running = None;
            self.found = None;
        }
        edited
    }

    /// What is to land stands beside what the editor's language servers say before it.
    pub(super) async fn lands(&mut self, environment: &Environment, cancel: &CancellationToken) {
        if self.before.editor.is_none() {
            self.before.editor = Findings::of_editor(environment, cancel).await;
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

    /// Waits for the check that runs. `None`: cancelled, or it takes longer than `limit`.
    async fn wait(&mut self, limit: Option<Duration>) -> Option<&Found> {
        if let Some(running) = &mut self.running {
            let done = match limit {
                Some(limit) => tokio::time::timeout(limit, &mut running.check).await.ok()?,
                None => (&mut running.check).await,
            };
            self.running = None;
            self.found =
                done.unwrap_or_else(|error| Some(Err(format!("the check broke down: {error}"))));
        }
        self.found.as_ref()
    }

    /// Is it worth a word to the model?
    fn is_news(&self, verdict: &Verdict) -> bool {
        let numbers = &verdict.numbers;
        let says = numbers.cleared > 0 || numbers.new_errors > 0 || numbers.new_warnings > 0;
        self.told.as_ref() != Some(verdict) && (says || self.told.is_some())
    }
}

impl Turn {
    /// A call has run. True: it has edited something.
    pub(super) fn check_later(&mut self, output: &Output) -> bool {
        let edited = self.checking.after(output);
        if edited {
            self.marks.edited();
        }
        edited
    }

    fn start_check(&mut self) {
        let environment = self.environment();
        self.marks.begun();
        self.checking.start(environment, &self.cancel);
    }

    /// After the results of a step: checks what is new, and tells the model what was found.
    pub(super) async fn check_edits(&mut self) -> Result<(), End> {
        if self.session.recording.is_some() {
            return Ok(());
        }
        let possible = self.trusted || self.checking.before.editor.is_some();
        if self.checking.stale && possible {
            self.start_check();
            self.show_activity("checking the edits");
        }
        if self.checking.running.is_none() {
            return Ok(());
        }
        let limit = if self.checking.slow {
            Duration::ZERO
        } else {
            PATIENCE
        };
        let cancel = self.cancel.clone();
        let found = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(TurnOutcome::Cancelled.into()),
            found = self.checking.wait(Some(limit)) => found.cloned(),
        };
        self.checking.slow = found.is_none();
        if let Some(found) = &found {
            self.marks.found(found);
        }
        match found {
            Some(Ok(verdict)) if self.checking.is_news(&verdict) => self.tell_verdict(verdict),
            _ => Ok(()),
        }
    }

    /// After the answer: the verdict on the turn's edits. True: the answer goes back, for its edits make new errors.
    pub(super) async fn judge_edits(&mut self) -> Result<bool, End> {
        if let Some(recording) = &self.session.recording {
            return Ok(recording.goes_back());
        }
        if self.checking.touched.is_empty() {
            return Ok(false);
        }
        let unseen = self.checking.stale || self.checking.found.is_none();
        if self.checking.running.is_none() && unseen {
            self.start_check();
        }
        self.show_activity(if self.marks.holds {
            "checking the edits before they are shown"
        } else {
            "checking the edits"
        });
        let mut found = self.checking.wait(Some(HOLD)).await.cloned();
        if self.checking.running.is_some() {
            self.marks.too_long();
            found = self.checking.wait(None).await.cloned();
        }
        if let Some(found) = &found {
            self.marks.found(found);
        }
        match found {
            None => Err(TurnOutcome::Cancelled.into()),
            Some(Err(reason)) => self.unchecked(reason),
            Some(Ok(verdict)) => self.pronounce(verdict),
        }
    }

    fn unchecked(&self, reason: String) -> Result<bool, End> {
        let event = EventData::EditChecked {
            verdict: None,
            reason: reason.clone(),
        };
        self.record(Actor::System, event)?;
        self.session.show(Display::NotChecked {
            turn: self.id,
            reason,
        });
        Ok(false)
    }

    fn pronounce(&mut self, verdict: Verdict) -> Result<bool, End> {
        let event = EventData::EditChecked {
            verdict: Some(verdict.numbers.clone()),
            reason: String::new(),
        };
        self.record(Actor::System, event)?;
        let known = self.checking.returned.as_ref() == Some(&verdict);
        let goes_back =
            verdict.numbers.new_errors > 0 && !known && self.checking.returns < MAX_RETURNS;
        if goes_back {
            self.checking.returns += 1;
            self.checking.returned = Some(verdict.clone());
            self.tell_verdict(verdict)?;
        } else {
            self.session.show(Display::Checked {
                turn: self.id,
                verdict: verdict.numbers,
            });
        }
        Ok(goes_back)
    }

    fn tell_verdict(&mut self, verdict: Verdict) -> Result<(), End> {
        self.tell(&describe(&verdict))?;
        self.checking.told = Some(verdict);
        Ok(())
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
