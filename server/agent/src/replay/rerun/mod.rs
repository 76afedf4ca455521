//! The re-run: the real turn loop lives through a record again, and what it does is compared event by event.
//!
//! The loop is the one that serves users. What it meets is stood in for: the model by [`model`], calls by what the record
//! tells of them (`turn/ready.rs`), the log by the comparison ([`recording`]). Nothing reaches out: no call is made for
//! real, no file of the user's read or written, nothing sent, no process started, no editor asked.

mod answers;
mod call;
mod compare;
mod model;
mod nobody;
mod recording;

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use interline_log::{Encoding, Event, EventData, Mode, TurnId, TurnOutcome, Workflow};
use interline_model::ModelSpec;
use interline_policy::Rules;
use interline_workspace::Workspace;

use crate::agent::Request;
use crate::budget::{Budget, Limits};
use crate::host::{Host, Settings};
use crate::recorder::Recorder;
use crate::replay::Difference;
use crate::session::{Begun, Session, Suspended};
use crate::{resume, turn};

pub use answers::Script;
pub(crate) use call::{Ended, Told};
pub(crate) use recording::Recording;

use model::Replayer;
use nobody::Nobody;

/// What living through a record again has given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rerun {
    /// Events up to the end, or to the difference.
    pub events: u64,
    /// Turns that the loop has run again.
    pub turns: u64,
    /// Answers of the script that nobody asked for.
    pub unused: usize,
    /// The first difference.
    pub difference: Option<Difference>,
}

/// Runs the turns of a record again, on the record's answers or a script's. `models` say what is not on record of a
/// model that they name: its window and its price.
///
/// # Errors
/// There is no place for an empty folder, or there are no events.
pub async fn rerun(
    events: Vec<Event>,
    script: Option<Script>,
    models: &[ModelSpec],
) -> Result<Rerun, String> {
    let id = events.first().ok_or("there are no events")?.session;
    let place =
        tempfile::tempdir().map_err(|error| format!("no empty folder can be made: {error}"))?;
    let stage = Stage::new(place.path())
        .map_err(|error| format!("no empty folder can be used: {error}"))?;
    let recording = Arc::new(Recording::new(id, events.into()));
    let recorder = Arc::new(Recorder::comparing(recording.clone()));
    let mut player = Player {
        session: stage.session(&recording, &recorder),
        recorder,
        stage,
        recording,
        script: Arc::new(Mutex::new(script)),
        models,
        begun: HashSet::new(),
    };
    player.play().await;
    let script = player.script.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Rerun {
        events: player.recording.before().len() as u64,
        turns: player.begun.len() as u64,
        unused: script.as_ref().map_or(0, Script::left),
        difference: player.recording.difference(),
    })
}

/// An empty folder as workspace, and a host that knows nothing and nobody.
struct Stage {
    host: Arc<Host>,
    workspace: Arc<Workspace>,
}

impl Stage {
    fn new(place: &Path) -> std::io::Result<Self> {
        let root = place.join("workspace");
        std::fs::create_dir(&root)?;
        let settings = Settings {
            version: String::new(),
            model: "builtin".to_owned(),
            mode: Mode::Default,
            models: Vec::new(),
            budget: Arc::new(unlimited),
            rules: Rules::default(),
            hooks: Vec::new(),
            state: place.join("state"),
            launcher: None,
            env: Arc::default(),
            telemetry: None,
            trust: false,
            audit_key: None,
        };
        Ok(Self {
            host: Host::new(settings),
            workspace: Workspace::open(&root)?,
        })
    }

    fn session(&self, recording: &Arc<Recording>, recorder: &Arc<Recorder>) -> Arc<Session> {
        Session::rerun(
            self.host.clone(),
            self.workspace.clone(),
            Arc::new(Nobody),
            recorder.clone(),
            recording.clone(),
        )
    }
}

/// Which limits held is on record where one was met.
fn unlimited() -> Budget {
    Budget {
        max_steps: u32::MAX,
        max_seconds: u64::MAX,
        turn: Limits::default(),
        session: Limits::default(),
        day: Limits::default(),
        workspace: Limits::default(),
    }
}

struct Player<'a> {
    stage: Stage,
    recording: Arc<Recording>,
    recorder: Arc<Recorder>,
    session: Arc<Session>,
    script: Arc<Mutex<Option<Script>>>,
    models: &'a [ModelSpec],
    begun: HashSet<TurnId>,
}

impl Player<'_> {
    /// Runs the turns; what stands between them is taken in as it is.
    async fn play(&mut self) {
        let mut suspended = None;
        while self.recording.difference().is_none()
            && let Some(next) = self.recording.rest().first().cloned()
        {
            let waits = |suspended: &Suspended| {
                next.turn == Some(suspended.turn) && recording::is_loops(&next)
            };
            if let Some(suspended) = suspended.take_if(|suspended| waits(suspended)) {
                self.take_up(suspended).await;
            } else if let Some((turn, request)) = self.starts(&next) {
                self.begun.insert(turn);
                self.run(turn, request).await;
            } else {
                self.recording.pass();
                self.recorder.take(std::slice::from_ref(&next));
                if matches!(next.data, EventData::SessionResumed { .. }) {
                    self.session = self.stage.session(&self.recording, &self.recorder);
                    suspended = self.suspended();
                }
            }
        }
    }

    /// The turn that begins with this event.
    fn starts(&self, next: &Event) -> Option<(TurnId, Request)> {
        let turn = next.turn.filter(|turn| !self.begun.contains(turn))?;
        let request = self
            .recording
            .rest()
            .iter()
            .find_map(|event| match &event.data {
                EventData::InputUser { title, text, .. } if event.turn == Some(turn) => {
                    Some(Request {
                        title: title.clone(),
                        text: text.clone(),
                        ..Request::default()
                    })
                }
                _ => None,
            })?;
        Some((turn, request))
    }

    async fn run(&self, turn: TurnId, request: Request) {
        self.configure();
        let Begun::Turn(id, cancel) = self.session.start(&request.text) else {
            return self.recording.differs("the turn", "that another one runs");
        };
        let over = self.recording.begin();
        let run = Box::pin(turn::run(self.session.clone(), id, cancel, request));
        tokio::select! {
            biased;
            () = over.cancelled() => {}
            () = run => self.check_end(turn, over.is_cancelled()),
        }
        self.session.ended(id);
    }

    async fn take_up(&self, suspended: Suspended) {
        let turn = suspended.turn;
        self.configure();
        self.session.suspend(suspended);
        let Some((suspended, cancel)) = self.session.claim_suspended() else {
            return self.recording.differs("the turn", "that another one runs");
        };
        let over = self.recording.begin();
        steer(&self.recording, &self.session);
        let run = turn::take_up(self.session.clone(), turn, cancel, suspended);
        let run = Box::pin(run);
        tokio::select! {
            biased;
            () = over.cancelled() => {}
            () = run => self.check_end(turn, over.is_cancelled()),
        }
        self.session.ended(turn);
    }

    /// A turn that ends before its record does differs from it.
    fn check_end(&self, turn: TurnId, over: bool) {
        let next = self.recording.next_of_loop();
        if !over && next.is_some_and(|event| event.turn == Some(turn)) {
            self.recording.differs("the event", "the end of the turn");
        }
    }

    /// Mode and model are those of the turn's requests.
    fn configure(&self) {
        let Some(EventData::SessionConfig {
            model,
            model_id,
            wire,
            mode,
            encoding,
            ..
        }) = self.recording.config()
        else {
            return;
        };
        let unknown = Encoding {
            max_output: u32::MAX,
            effort: None,
            openai: false,
        };
        let mut spec = ModelSpec::recorded(*wire, model_id, encoding.as_ref().unwrap_or(&unknown));
        spec.name.clone_from(model);
        if let Some(known) = self.models.iter().find(|known| known.name == *model) {
            spec.context_window = known.context_window;
            spec.price = known.price;
        }
        let replayer = Replayer {
            spec,
            recording: self.recording.clone(),
            script: self.script.clone(),
            session: Arc::downgrade(&self.session),
        };
        self.stage.host.stand_in(model, Arc::new(replayer));
        self.session.configure(Some(*mode), Some(model));
    }

    /// The turn that waits for permission, where the resumed session takes it up.
    fn suspended(&self) -> Option<Suspended> {
        let before = self.recording.before();
        let workflow = Workflow::of(before);
        let turn = workflow.open_turn.filter(|_| resume::waiting(before))?;
        let end = self
            .recording
            .rest()
            .iter()
            .find_map(|event| match &event.data {
                EventData::TurnEnded { outcome } if event.turn == Some(turn) => Some(outcome),
                _ => None,
            });
        let dropped = |outcome: &TurnOutcome| matches!(outcome, TurnOutcome::Stopped { reason, .. } if reason == "crash");
        if end.is_some_and(dropped) {
            return None;
        }
        let orphans: Vec<_> = workflow
            .open()
            .map(|step| step.tool_use_id.clone())
            .collect();
        self.recording.forget_names();
        Some(Suspended {
            turn,
            calls: resume::calls(before, &workflow, &orphans),
            taken: resume::taken(&workflow, turn),
            settlement: Vec::new(),
        })
    }
}

/// The user says again what was said while the turn ran.
fn steer(recording: &Recording, session: &Session) {
    for text in recording.steering() {
        session.start(&text);
    }
}

#[cfg(test)]
mod tests;
