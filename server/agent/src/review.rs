//! Accepting, rejecting and undoing: from the user's word to text that stands, on record at every point.
//!
//! The editor's word that it applied an edit counts for nothing: the mirror of the buffer does. What is not seen
//! there in time is pending again, and the user is told.

use std::time::Duration;

use interline_log::{Actor, EventData, HunkId, LogError, TurnId};
use interline_workspace::editor::Display;
use interline_workspace::proposal::{Landing, ProposalError};

use crate::recorder::{Place, Recorder};
use crate::session::Session;

/// How long after its answer the editor's change may take to come in (Neovim's comes 150 ms after, notes in
/// PROTOCOL.md).
const CONFIRM: Duration = Duration::from_millis(500);

/// Why a landing did not happen.
enum Failure {
    /// The text has moved on, or the editor said no: worth one more try against the text of now.
    Again(String),
    Final(String),
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Final(format!("the session's log can't be written: {error}"))
    }
}

impl Session {
    /// Lands hunks. The error says what was not landed and why; what could be landed is.
    pub(crate) async fn accept(&self, place: Place, hunks: &[HunkId]) -> Result<(), String> {
        let _one_at_a_time = self.host.landing.lock().await;
        let recorder = self.recorder().await.map_err(|error| error.to_string())?;
        let landings = self
            .workspace
            .accept(hunks)
            .map_err(|error| error.to_string())?;
        let mut problems = Vec::new();
        for landing in landings {
            let landed = match self.land(recorder, place, &landing, false).await {
                Err(Failure::Again(_)) => self.land_again(recorder, place, &landing.hunks).await,
                other => other,
            };
            if let Err(Failure::Again(reason) | Failure::Final(reason)) = landed {
                let refused = EventData::EditRefused {
                    hunks: landing.hunks.clone(),
                    reason: reason.clone(),
                };
                recorder
                    .record(place, Actor::System, refused)
                    .map_err(|error| error.to_string())?;
                problems.push(format!("{} was not changed: {reason}", landing.path));
            }
        }
        self.landed(recorder, &problems).await
    }

    /// Drops hunks.
    pub(crate) async fn reject(&self, hunks: &[HunkId]) -> Result<(), String> {
        let recorder = self.recorder().await.map_err(|error| error.to_string())?;
        let hunks = self.workspace.reject(hunks);
        if !hunks.is_empty() {
            recorder
                .record(
                    Place::default(),
                    Actor::User,
                    EventData::EditRejected { hunks },
                )
                .map_err(|error| error.to_string())?;
        }
        self.show(Display::HunksChanged);
        Ok(())
    }

    /// Takes back landed hunks of a turn, or of the last turn that landed any.
    pub(crate) async fn undo(&self, turn: Option<TurnId>) -> Result<(), String> {
        let _one_at_a_time = self.host.landing.lock().await;
        let recorder = self.recorder().await.map_err(|error| error.to_string())?;
        let (landings, stuck) = self.workspace.undo(self.id, turn);
        let mut problems = Vec::new();
        if landings.is_empty() && stuck.is_empty() {
            return Err(
                "there is nothing to undo: no change of this session stands in the text".to_owned(),
            );
        }
        if !stuck.is_empty() {
            problems.push(format!(
                "not taken back, since the lines were edited afterwards: {}",
                crate::transcript::changes(stuck.len())
            ));
        }
        for landing in landings {
            if let Err(Failure::Again(reason) | Failure::Final(reason)) =
                self.land(recorder, Place::default(), &landing, true).await
            {
                problems.push(format!("{} was not changed: {reason}", landing.path));
            }
        }
        self.landed(recorder, &problems).await
    }

    /// What became of the landings is durable and shown; an error names those that did not go through.
    async fn landed(&self, recorder: &Recorder, problems: &[String]) -> Result<(), String> {
        let durable = recorder.durable().await;
        self.show(Display::HunksChanged);
        durable.map_err(|error| error.to_string())?;
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.join("; "))
        }
    }

    /// The text moved on between our look and the editor's: once more, against the text of now.
    async fn land_again(
        &self,
        recorder: &Recorder,
        place: Place,
        hunks: &[HunkId],
    ) -> Result<(), Failure> {
        let again = self
            .workspace
            .accept(hunks)
            .map_err(|ProposalError(reason)| Failure::Final(reason))?;
        for landing in again {
            self.land(recorder, place, &landing, false).await?;
        }
        Ok(())
    }

    async fn land(
        &self,
        recorder: &Recorder,
        place: Place,
        landing: &Landing,
        undo: bool,
    ) -> Result<(), Failure> {
        // Of hunks that stand already this is the beginning of their undoing: `Workspace::restore` knows.
        let accepting = EventData::EditAccepting {
            path: landing.path.to_string(),
            hunks: landing.hunks.clone(),
            pre_sha256: landing.pre_sha256.clone(),
            post_sha256: landing.post_sha256.clone(),
        };
        recorder.record(place, Actor::User, accepting)?;
        recorder.durable().await?;
        let done = self.apply(landing).await;
        self.workspace.landed(landing, done.is_ok());
        done?;
        let (path, hunks) = (landing.path.to_string(), landing.hunks.clone());
        let post_sha256 = landing.post_sha256.clone();
        let event = if undo {
            EventData::EditUndone {
                path,
                hunks,
                post_sha256,
            }
        } else {
            EventData::EditApplied {
                path,
                hunks,
                post_sha256,
            }
        };
        recorder.record(place, Actor::User, event)?;
        Ok(())
    }

    async fn apply(&self, landing: &Landing) -> Result<(), Failure> {
        if landing.document.is_none() {
            let landed = self.workspace.land_on_disk(landing);
            return landed
                .map(|_| ())
                .map_err(|ProposalError(reason)| Failure::Final(reason));
        }
        let answer = self.editor.apply(landing.clone()).await;
        if self.confirmed(landing).await {
            return Ok(());
        }
        Err(Failure::Again(match answer {
            Ok(()) => "the editor said that it applied the change, but the buffer does not show it"
                .to_owned(),
            Err(error) => error.to_string(),
        }))
    }

    /// Waits until the buffer shows the text after the landing.
    async fn confirmed(&self, landing: &Landing) -> bool {
        let mut changes = self.workspace.watch();
        let seen = async {
            while !self.workspace.confirms(landing) {
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(CONFIRM, seen).await;
        self.workspace.confirms(landing)
    }
}
