//! One conversation: its log, its settings and whether a turn runs. Outlives connections by its log.
//!
//! A session has at most one turn at a time. Starting, steering and ending a turn meet in [`Session::start`] and
//! [`Session::finish`], under one short lock, so that steering is never lost between two turns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use interline_log::{
    Actor, EventData, LogError, Mode, SessionId, ToolDefinition, TurnId, TurnOutcome, Workflow,
};
use interline_model::ModelSpec;
use interline_policy::Labels;
use interline_tools::{Environment, Memory};
use interline_workspace::Workspace;
use interline_workspace::editor::{Display, Editor};
use interline_workspace::path::WorkspacePath;
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::accepted::Accepted;
use crate::budget::Taken;
use crate::compact::Gauge;
use crate::context::Told;
use crate::host::Host;
use crate::prefix::Fingerprint;
use crate::recorder::Recorder;
use crate::replay::Recording;
use crate::scratch::Scratch;
use crate::turn::Wanted;

pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) host: Arc<Host>,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) editor: Arc<dyn Editor>,
    /// Opened by the first who needs it: taking a command does no I/O.
    recorder: OnceCell<Arc<Recorder>>,
    resumed: bool,
    status: Mutex<Status>,
    running: watch::Sender<bool>,
    /// What the model was told of the editor.
    told: Mutex<Told>,
    /// The last request of this process.
    sent: Mutex<Fingerprint>,
    /// How long requests to its model are in tokens.
    gauge: Mutex<Gauge>,
    /// The turn that waits for permission since its process ended.
    suspended: Mutex<Option<Suspended>>,
    /// The editor goes: what waits for the user is left as it is.
    closing: AtomicBool,
    /// What the tools remember.
    memory: Arc<Memory>,
    /// What the user has accepted by hand since the last look at it.
    pub(crate) accepted: Accepted,
    scratch: OnceLock<Scratch>,
    /// The user wants a shorter conversation before the next request.
    pub(crate) compact_asked: AtomicBool,
    /// Untrusted content may be in the conversation.
    pub(crate) tainted: AtomicBool,
    pub(crate) private: AtomicBool,
    /// In a re-run: what stands in for the world.
    pub(crate) recording: Option<Arc<Recording>>,
}

/// A turn that waits for permission since its process ended.
pub(crate) struct Suspended {
    pub(crate) turn: TurnId,
    /// Its calls without a result.
    pub(crate) calls: Vec<Wanted>,
    pub(crate) taken: Taken,
    /// How it ends where it is not taken up.
    pub(crate) settlement: Vec<EventData>,
}

#[derive(Default)]
struct Status {
    turn: Option<Running>,
    mode: Mode,
    model: String,
    /// The configuration as the log has it.
    recorded: Option<EventData>,
}

/// A running turn, as the others see it.
struct Running {
    id: TurnId,
    cancel: CancellationToken,
    steering: Vec<String>,
}

/// What became of a request.
pub(crate) enum Begun {
    /// It is the first of a turn: somebody must run it.
    Turn(TurnId, CancellationToken),
    /// It joined the running turn.
    Steering(TurnId),
}

impl Session {
    pub(crate) fn new(
        host: Arc<Host>,
        workspace: Arc<Workspace>,
        editor: Arc<dyn Editor>,
        resume: Option<SessionId>,
    ) -> Arc<Self> {
        Arc::new(Self::make(host, workspace, editor, resume))
    }

    /// A session that lives through a record again: nothing of it reaches out.
    pub(crate) fn rerun(
        host: Arc<Host>,
        workspace: Arc<Workspace>,
        editor: Arc<dyn Editor>,
        recorder: Arc<Recorder>,
        recording: Arc<Recording>,
    ) -> Arc<Self> {
        let session = recording.session();
        Arc::new(Self {
            recorder: OnceCell::new_with(Some(recorder)),
            recording: Some(recording),
            ..Self::make(host, workspace, editor, Some(session))
        })
    }

    fn make(
        host: Arc<Host>,
        workspace: Arc<Workspace>,
        editor: Arc<dyn Editor>,
        resume: Option<SessionId>,
    ) -> Self {
        let status = Status {
            mode: host.settings.mode,
            model: host.settings.model.clone(),
            ..Status::default()
        };
        Self {
            id: resume.unwrap_or_else(SessionId::new),
            resumed: resume.is_some(),
            host,
            workspace,
            editor,
            recorder: OnceCell::new(),
            status: Mutex::new(status),
            running: watch::Sender::new(false),
            told: Mutex::default(),
            sent: Mutex::default(),
            gauge: Mutex::default(),
            suspended: Mutex::default(),
            compact_asked: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            memory: Arc::default(),
            accepted: Accepted::default(),
            scratch: OnceLock::new(),
            tainted: AtomicBool::new(false),
            private: AtomicBool::new(false),
            recording: None,
        }
    }

    /// Hunks that don't parse are shown as such.
    pub(crate) fn mark_unparsed(&self, event: &EventData) {
        if let EventData::EditUnparsed {
            path,
            hunks,
            problems,
        } = event
            && let Ok(path) = WorkspacePath::new(path)
        {
            self.workspace.set_unparsed(self.id, &path, hunks, problems);
        }
    }

    /// Who requests say that they are of: in a re-run the session that they were made in.
    pub(crate) fn named(&self) -> SessionId {
        let recording = self.recording.as_ref();
        recording.map_or(self.id, |recording| recording.made_in())
    }

    pub(crate) fn show(&self, display: Display) {
        self.editor.show(self.id, display);
    }

    /// Shows what went wrong with something that nobody waits for.
    pub(crate) fn told(&self, result: Result<(), String>) {
        if let Err(reason) = result {
            self.warn(reason);
        }
    }

    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.show(Display::Notice {
            text: text.into(),
            warning: true,
        });
    }

    // --- settings ---

    pub(crate) fn mode(&self) -> Mode {
        self.status().mode
    }

    pub(crate) fn model(&self) -> String {
        self.status().model.clone()
    }

    pub(crate) fn configure(&self, mode: Option<Mode>, model: Option<&str>) {
        let mut status = self.status();
        status.mode = mode.unwrap_or(status.mode);
        if let Some(model) = model {
            status.model = model.to_owned();
        }
        let (mode, model) = (status.mode, status.model.clone());
        drop(status);
        self.show(Display::Configured { model, mode });
    }

    /// What measures requests to this model.
    pub(crate) fn gauge(&self, model: &ModelSpec) -> MutexGuard<'_, Gauge> {
        let mut gauge = self.gauge.lock().unwrap_or_else(PoisonError::into_inner);
        gauge.of(&model.name);
        gauge
    }

    pub(crate) fn tainted(&self) -> bool {
        self.tainted.load(Ordering::Relaxed)
    }

    /// Labels only grow. True: they have, and the log must say so.
    pub(crate) fn label(&self, labels: Labels) -> bool {
        let tainted = self.tainted.fetch_or(labels.untrusted, Ordering::Relaxed);
        let private = self.private.fetch_or(labels.private, Ordering::Relaxed);
        (labels.untrusted && !tainted) || (labels.private && !private)
    }

    /// A secret, or a file from outside of the workspace, was read in it.
    pub(crate) fn private(&self) -> bool {
        self.private.load(Ordering::Relaxed)
    }

    /// What the tools of a turn work on.
    pub(crate) fn environment(&self, turn: TurnId, trusted: bool) -> Environment {
        let scratch = self
            .scratch
            .get_or_init(|| Scratch::take(&self.host.settings.state, self.workspace.root()));
        Environment {
            workspace: self.workspace.clone(),
            editor: self.editor.clone(),
            session: self.id,
            turn,
            trusted,
            confinement: self.host.known_confinement(),
            scratch: scratch.folder().to_owned(),
            env: self.host.settings.env.clone(),
            memory: self.memory.clone(),
        }
    }

    // --- turns ---

    /// Takes a request: it starts a turn or steers the one that runs.
    pub(crate) fn start(&self, text: &str) -> Begun {
        let mut status = self.status();
        if let Some(running) = &mut status.turn {
            running.steering.push(text.to_owned());
            return Begun::Steering(running.id);
        }
        let running = Running {
            id: TurnId::new(),
            cancel: CancellationToken::new(),
            steering: Vec::new(),
        };
        let begun = Begun::Turn(running.id, running.cancel.clone());
        status.turn = Some(running);
        self.running.send_replace(true);
        begun
    }

    /// Claims the turn that waits for permission, unless another one runs already.
    pub(crate) fn claim_suspended(&self) -> Option<(Suspended, CancellationToken)> {
        let mut status = self.status();
        if status.turn.is_some() {
            return None;
        }
        let suspended = self.suspended().take()?;
        let running = Running {
            id: suspended.turn,
            cancel: CancellationToken::new(),
            steering: Vec::new(),
        };
        let cancel = running.cancel.clone();
        status.turn = Some(running);
        self.running.send_replace(true);
        Some((suspended, cancel))
    }

    pub(crate) fn suspend(&self, suspended: Suspended) {
        *self.suspended() = Some(suspended);
    }

    /// Ends the turn that waits for permission: its calls are answered before anything else is said.
    pub(crate) fn drop_suspended(&self, recorder: &Recorder) -> Result<(), LogError> {
        let Some(Suspended {
            turn, settlement, ..
        }) = self.suspended().take()
        else {
            return Ok(());
        };
        for event in settlement {
            recorder.record(turn, Actor::System, event)?;
        }
        Ok(())
    }

    /// What the model was told of the editor. Held while the news are put together, which reads the disk: only by the turn.
    pub(crate) fn known(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last request of this process, to compare the next one with.
    pub(crate) fn sent(&self) -> MutexGuard<'_, Fingerprint> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn suspended(&self) -> MutexGuard<'_, Option<Suspended>> {
        self.suspended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The editor goes: a turn that waits for permission is left waiting, any other is cancelled.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        self.cancel();
    }

    pub(crate) fn closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// What the user added since the last look.
    pub(crate) fn steering(&self) -> Vec<String> {
        self.status()
            .turn
            .as_mut()
            .map(|running| std::mem::take(&mut running.steering))
            .unwrap_or_default()
    }

    /// Ends the turn, unless the user has just added something: then it goes on with that. `record` puts the end
    /// on record before another turn can begin.
    pub(crate) fn finish(
        &self,
        outcome: &TurnOutcome,
        record: impl FnOnce(),
    ) -> Result<(), Vec<String>> {
        let mut status = self.status();
        if let Some(running) = &mut status.turn
            && *outcome == TurnOutcome::Done
            && !running.steering.is_empty()
        {
            return Err(std::mem::take(&mut running.steering));
        }
        record();
        status.turn = None;
        Ok(())
    }

    /// The turn's end is on record and shown: who waits for it may go on, unless another has begun meanwhile.
    pub(crate) fn ended(&self, id: TurnId) {
        let mut status = self.status();
        if status.turn.as_ref().is_some_and(|running| running.id == id) {
            status.turn = None;
        }
        if status.turn.is_none() {
            self.running.send_replace(false);
        }
    }

    /// The running turn.
    pub(crate) fn turn(&self) -> Option<TurnId> {
        self.status().turn.as_ref().map(|running| running.id)
    }

    pub(crate) fn cancel(&self) -> Option<TurnId> {
        let status = self.status();
        let running = status.turn.as_ref()?;
        running.cancel.cancel();
        Some(running.id)
    }

    /// Waits until no turn runs.
    pub(crate) async fn idle(&self) {
        let mut running = self.running.subscribe();
        // The sender is in `self`, so this fails never.
        let _ = running.wait_for(|running| !running).await;
    }

    // --- the log ---

    /// The recorder; opens the log at the first call.
    pub(crate) async fn recorder(&self) -> Result<&Arc<Recorder>, LogError> {
        self.recorder
            .get_or_try_init(|| async {
                let recorder = self.open().map(Arc::new)?;
                let asked = Arc::downgrade(&recorder);
                let told = move |pieces: &[&str]| {
                    let recorder = asked.upgrade();
                    recorder.is_some_and(|recorder| recorder.told(pieces))
                };
                self.memory.ask(told);
                Ok(recorder)
            })
            .await
    }

    /// The recorder, where the log was opened already.
    pub(crate) fn opened(&self) -> Option<&Recorder> {
        self.recorder.get().map(Arc::as_ref)
    }

    /// Waits until what is on record is durable.
    pub(crate) async fn settled(&self) {
        if let Some(recorder) = self.recorder.get()
            && let Err(error) = recorder.durable().await
        {
            tracing::error!(session = %self.id, %error, "the log's end is not durable");
        }
    }

    /// Puts the configuration on record where it is not what the log says.
    pub(crate) fn record_config(
        &self,
        recorder: &Recorder,
        turn: TurnId,
        model: &ModelSpec,
        system: &str,
        tools: &[ToolDefinition],
    ) -> Result<(), LogError> {
        let config = EventData::SessionConfig {
            model: model.name.clone(),
            model_id: model.id.clone(),
            wire: model.provider.wire(),
            mode: self.mode(),
            system: system.to_owned(),
            tools: tools.to_vec(),
            encoding: Some(model.encoding()),
        };
        if self.status().recorded.as_ref() == Some(&config) {
            return Ok(());
        }
        recorder.record(turn, Actor::System, config.clone())?;
        self.status().recorded = Some(config);
        Ok(())
    }

    fn open(&self) -> Result<Recorder, LogError> {
        let attachments = self.host.store().attachments(self.id);
        self.workspace.keep_attachments(self.id, attachments);
        if self.resumed {
            return self.reopen();
        }
        let recorder = Recorder::new(
            self.host.store().create(self.id)?,
            &[],
            self.host.telemetry.clone(),
            self.memory.clone(),
        );
        let created = EventData::SessionCreated {
            version: self.host.settings.version.clone(),
            roots: vec![self.workspace.root().display().to_string()],
        };
        recorder.record(crate::recorder::Place::default(), Actor::System, created)?;
        Ok(recorder)
    }

    /// Opens a log of an earlier process. Calls that it died in are answered with what is known of them.
    fn reopen(&self) -> Result<Recorder, LogError> {
        let (log, events) = self.host.store().open(self.id)?;
        let workflow = Workflow::of(&events);
        let open_turn = workflow.open_turn;
        let recorder = Recorder::new(
            log,
            &events,
            self.host.telemetry.clone(),
            self.memory.clone(),
        );
        let place = crate::recorder::Place {
            turn: open_turn,
            call: None,
        };
        let resumed = EventData::SessionResumed {
            version: self.host.settings.version.clone(),
        };
        recorder.record(place, Actor::System, resumed)?;
        let waiting = crate::resume::waiting(&events);
        let cut = open_turn.is_some() && !waiting;
        for event in crate::crash::on_record(&self.host, &events, self.id, cut) {
            recorder.record(place, Actor::System, event)?;
        }
        let orphans = recorder.orphans();
        let mut settlement: Vec<_> = orphans
            .iter()
            .map(|id| crate::resume::outcome(&workflow, id))
            .collect();
        for event in self.workspace.restore(self.id, &events) {
            recorder.record(place, Actor::System, event)?;
        }
        for event in &events {
            self.mark_unparsed(&event.data);
        }
        if open_turn.is_some() {
            let outcome = TurnOutcome::Stopped {
                reason: "crash".to_owned(),
                message: "the process ended in the middle of this turn: say \"go on\" to continue"
                    .to_owned(),
            };
            settlement.push(EventData::TurnEnded { outcome });
        }
        match open_turn {
            Some(turn) if waiting => self.suspend(Suspended {
                turn,
                calls: crate::resume::calls(&events, &workflow, &orphans),
                taken: crate::resume::taken(&workflow, turn),
                settlement,
            }),
            _ => {
                for event in settlement {
                    recorder.record(place, Actor::System, event)?;
                }
            }
        }
        // Nobody has to be told any more.
        self.host.running.ended(self.id);
        self.known().instructions = crate::resume::known_files(&events);
        self.label(crate::resume::labels(&events));
        Ok(recorder)
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
