//! What the user accepts by hand, seen by the editor's own language servers: which problems it clears, and which are new.
//!
//! Nobody waits for it: the text lands first, the servers settle after that. Where they can't be asked, or the user
//! types on, nothing is said. New errors start no turn: the user is told, and decides.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use interline_log::{Actor, EventData, HunkId};
use interline_tools::{Environment, Findings, Verdict};
use interline_workspace::checks::Moment;
use interline_workspace::editor::Display;
use interline_workspace::path::WorkspacePath;
use tokio_util::sync::CancellationToken;

use crate::recorder::Place;
use crate::session::Session;

/// A landing waits this long for what the servers say before it: from memory they say it at once.
const PATIENCE: Duration = Duration::from_millis(200);

/// What was accepted since the last look. Accepting hunk by hunk ends in one look at all of it.
#[derive(Default)]
pub(crate) struct Accepted(Mutex<Option<Series>>);

struct Series {
    before: Findings,
    touched: Vec<WorkspacePath>,
    /// Ends the look that runs.
    cancel: CancellationToken,
}

impl Session {
    /// Lands hunks at the user's word, and has the editor's servers looked at afterwards.
    pub(crate) async fn accept_by_hand(self: Arc<Self>, hunks: Vec<HunkId>) -> Result<(), String> {
        let pending = hunks.iter().filter_map(|id| self.workspace.hunk(*id));
        let (turns, mut touched): (Vec<_>, Vec<_>) =
            pending.map(|hunk| (hunk.turn, hunk.path)).unzip();
        touched.dedup();
        let environment = match turns.first() {
            Some(turn) if self.editor.abilities().query => self.environment(*turn, false),
            _ => return self.accept(Place::default(), &hunks).await,
        };
        let before = self.before(&environment).await;
        let accepted = self.accept(Place::default(), &hunks).await;
        if let (Some(before), Ok(())) = (before, &accepted) {
            let look = self.join(before, touched);
            tokio::spawn(async move { self.look(environment, look).await });
        }
        accepted
    }

    /// What the servers said before the first acceptance of the series.
    async fn before(&self, environment: &Environment) -> Option<Findings> {
        if let Some(series) = &*self
            .accepted
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            return Some(series.before.clone());
        }
        let cancel = CancellationToken::new();
        let found = Findings::of_editor(environment, &cancel);
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }

    /// Begins a series, or takes over one whose look has not come to its end.
    fn join(&self, before: Findings, mut touched: Vec<WorkspacePath>) -> Look {
        let mut series = self
            .accepted
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let cancel = CancellationToken::new();
        let before = match series.take() {
            Some(earlier) => {
                earlier.cancel.cancel();
                let new = |path: &WorkspacePath| !touched.contains(path);
                let more: Vec<_> = earlier.touched.into_iter().filter(new).collect();
                touched.extend(more);
                earlier.before
            }
            None => before,
        };
        *series = Some(Series {
            before: before.clone(),
            touched: touched.clone(),
            cancel: cancel.clone(),
        });
        Look {
            before,
            touched,
            cancel,
            moment: self.workspace.moment(self.id),
        }
    }

    async fn look(&self, environment: Environment, look: Look) {
        let Look {
            before,
            touched,
            cancel,
            moment,
        } = look;
        let found = interline_tools::landed(&environment, &touched, before, &cancel).await;
        if cancel.is_cancelled() {
            return;
        }
        *self
            .accepted
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        // What the user has typed meanwhile is not the agent's to answer for.
        let typed = !self.workspace.moment(self.id).has_same_texts(&moment);
        if let (Some(Ok(verdict)), false) = (found, typed) {
            self.told(self.pronounce_accepted(&verdict).await);
        }
    }

    async fn pronounce_accepted(&self, verdict: &Verdict) -> Result<(), String> {
        let numbers = verdict.numbers.clone();
        let worse = numbers.new_errors > 0;
        let mends = if worse {
            " (Interline's Fix mends it)"
        } else {
            ""
        };
        let text = interline_policy::visible(&format!("accepted: {numbers}{mends}"));
        let event = EventData::EditChecked {
            verdict: Some(numbers),
            reason: String::new(),
        };
        let recorder = self.recorder().await.map_err(|error| error.to_string())?;
        recorder
            .record(Place::default(), Actor::System, event)
            .map_err(|error| error.to_string())?;
        self.show(Display::Notice {
            text,
            warning: worse,
        });
        Ok(())
    }
}

struct Look {
    before: Findings,
    touched: Vec<WorkspacePath>,
    cancel: CancellationToken,
    moment: Moment,
}
