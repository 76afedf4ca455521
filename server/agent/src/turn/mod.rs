//! The turn: from a user's request to the agent's final answer, step by step.
//!
//! A step is one model request ([`request`]) and the calls that its response asks for ([`calls`]). This file holds the
//! order of things and how a turn ends; every end is recorded, and every call is answered before the next request.

mod calls;
mod compact;
mod guard;
mod landing;
mod permission;
mod ready;
mod request;
mod telling;
mod verdict;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use interline_log::{
    Actor, AssistantBlock, AssistantContent, CallStatus, EditFormat, EventData, LogError, Mode,
    StopReason, ToolDefinition, TurnId, TurnOutcome, Usage,
};
use interline_model::{ModelClient, Price};
use interline_tools::Output;
use interline_workspace::editor::Display;
use interline_workspace::path::WorkspacePath;
use tokio_util::sync::CancellationToken;

use crate::agent::Request;
use crate::budget::{Budget, Taken};
use crate::recorder::Recorder;
use crate::session::{Begun, Session, Suspended};
use crate::upkeep::Upkeep;
use crate::{claims, crash, system};
pub(crate) use calls::{Wanted, answer_orphans};
use guard::Guard;

/// A paused response is taken up this often before the turn stops.
const MAX_PAUSES: u32 = 5;

/// One running turn.
pub(crate) struct Turn {
    session: Arc<Session>,
    recorder: Arc<Recorder>,
    id: TurnId,
    cancel: CancellationToken,
    model: Arc<dyn ModelClient>,
    tools: Arc<[ToolDefinition]>,
    system: String,
    guard: Guard,
    checking: verdict::Checking,
    marks: verdict::Marks,
    /// As the configuration had it when the turn began.
    budget: Budget,
    taken: Taken,
    started: Instant,
    /// Time that the user took to answer prompts.
    waited: std::time::Duration,
    /// As it was when the turn began: looking takes a read of the disk.
    trusted: bool,
    /// Raised once, when a response was cut by it.
    max_output: Option<u32>,
    pauses: u32,
    empty_answers: u32,
    /// Compactions in a row that freed too little.
    ineffective: u32,
    /// Bytes of the request that is out.
    sent_bytes: u64,
    /// Files that the calls since the last request work on, in a trusted folder: one of each folder.
    touched: Vec<WorkspacePath>,
    /// The folders that calls of this turn work in.
    folders: BTreeSet<String>,
    /// [`Situation::changes`](interline_workspace::editor::Situation) as of the last look.
    seen: u64,
}

/// Ends the turn from within.
#[derive(Debug)]
enum End {
    Outcome(TurnOutcome),
    /// The editor has gone while the turn waits for permission: it has no end, and is taken up when it comes back.
    Suspended,
    Log(LogError),
}

impl From<LogError> for End {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<TurnOutcome> for End {
    fn from(outcome: TurnOutcome) -> Self {
        Self::Outcome(outcome)
    }
}

/// A response that came to its end.
struct Response {
    blocks: Vec<AssistantBlock>,
    reason: StopReason,
    usage: Usage,
}

/// Runs a turn to its end. Whatever happens, the session is free for the next one afterwards.
pub(crate) async fn run(
    session: Arc<Session>,
    id: TurnId,
    cancel: CancellationToken,
    request: Request,
) {
    session.show(Display::TurnStarted {
        turn: id,
        title: request.title.clone(),
    });
    let driven = drive(&session, id, cancel, request);
    let outcome = crash::surviving(&session, id, driven).await;
    session.show(Display::TurnEnded { turn: id, outcome });
    // Where preparing failed nobody takes up what was added meanwhile: it is dropped with the turn.
    session.ended(id);
    if session.recording.is_none() {
        Upkeep::begin(&session.host);
    }
}

async fn drive(
    session: &Arc<Session>,
    id: TurnId,
    cancel: CancellationToken,
    request: Request,
) -> TurnOutcome {
    match Turn::prepare(session, id, cancel, &request).await {
        Ok(mut turn) => {
            // What waited for permission is not asked again once the user asks for something else.
            let begun = match session.drop_suspended(&turn.recorder) {
                Ok(()) => turn.begin(request).await,
                Err(error) => Err(error.into()),
            };
            turn.run_to_end(begun).await
        }
        Err(message) => TurnOutcome::Failed { message },
    }
}

/// Takes up the turn that waited for permission when its process ended.
pub(crate) async fn take_up(
    session: Arc<Session>,
    id: TurnId,
    cancel: CancellationToken,
    suspended: Suspended,
) {
    let request = Request {
        title: "waiting for your permission".to_owned(),
        ..Request::default()
    };
    session.show(Display::TurnStarted {
        turn: id,
        title: request.title.clone(),
    });
    let driven = async {
        match Turn::prepare(&session, id, cancel, &request).await {
            Ok(mut turn) => {
                let begun = turn.take_up(suspended).await;
                turn.run_to_end(begun).await
            }
            Err(message) => {
                // It goes on waiting.
                session.suspend(suspended);
                TurnOutcome::Failed { message }
            }
        }
    };
    let outcome = crash::surviving(&session, id, driven).await;
    session.show(Display::TurnEnded { turn: id, outcome });
    session.ended(id);
}

/// One call under policy without a model, for the command line.
pub(crate) async fn single_call(
    session: Arc<Session>,
    tool: &str,
    arguments: &str,
) -> Result<Output, String> {
    let Begun::Turn(id, cancel) = session.start("") else {
        return Err("a turn runs already".to_owned());
    };
    let request = Request {
        title: format!("tool {tool}"),
        ..Request::default()
    };
    let called = async {
        let mut turn = Turn::prepare(&session, id, cancel, &request).await?;
        turn.single(tool, arguments).await
    };
    let called = called.await;
    session.ended(id);
    called
}

impl Turn {
    async fn prepare(
        session: &Arc<Session>,
        id: TurnId,
        cancel: CancellationToken,
        request: &Request,
    ) -> Result<Self, String> {
        let model = session.host.client(&session.model()).await?;
        let recorder = session
            .recorder()
            .await
            .map_err(|error| error.to_string())?
            .clone();
        tracing::info!(session = %session.id, turn = %id, model = model.spec().name, title = request.title, "turn");
        if session.mode() == Mode::Auto {
            let reason = match session.host.confinement().await {
                Ok(found) => found.lesser().map(ToString::to_string),
                Err(reason) => Some(reason.clone()),
            };
            if let Some(reason) = reason {
                session.warn(format!(
                    "mode auto counts as accept-edits, for there is no sandbox with namespaces: {reason}"
                ));
            }
        }
        let trusted = session.host.trusted(session.workspace.root());
        if trusted {
            // It is found out beside the first request.
            let host = session.host.clone();
            tokio::spawn(async move { host.confinement().await.is_ok() });
        }
        if model.spec().price.is_none() && session.host.is_news(&model.spec().name) {
            session.warn(unpriced(&model.spec().name));
        }
        let budget = session.host.budget().await;
        let (system, tools) = match &session.recording {
            Some(recording) => recording.prefix(),
            None => prefix(session, model.spec().edit_format),
        };
        Ok(Self {
            system,
            session: session.clone(),
            recorder,
            id,
            cancel,
            model,
            tools,
            guard: Guard::default(),
            checking: verdict::Checking::default(),
            marks: verdict::Marks::new(
                session.workspace.clone(),
                session.id,
                id,
                request.checked_first,
            ),
            budget,
            taken: Taken::default(),
            started: Instant::now(),
            waited: std::time::Duration::ZERO,
            trusted,
            max_output: None,
            pauses: 0,
            empty_answers: 0,
            ineffective: 0,
            sent_bytes: 0,
            touched: Vec::new(),
            folders: BTreeSet::new(),
            seen: 0,
        })
    }

    /// The configuration, where it is not what the log says.
    fn record_config(&self) -> Result<(), End> {
        self.session.record_config(
            &self.recorder,
            self.id,
            self.model.spec(),
            &self.system,
            &self.tools,
        )?;
        Ok(())
    }

    /// Does again what waited for permission: prepared, decided on and asked anew.
    async fn take_up(&mut self, suspended: Suspended) -> Result<(), End> {
        self.taken = suspended.taken;
        self.record_config()?;
        self.mark();
        self.run_calls(suspended.calls).await?;
        self.check_edits().await?;
        self.inform().await?;
        let steering = self.session.steering();
        self.steer(steering).await
    }

    async fn run_to_end(&mut self, mut begun: Result<(), End>) -> TurnOutcome {
        loop {
            let ended = match begun {
                Ok(()) => self.steps().await,
                Err(end) => Err(end),
            };
            let outcome = match ended {
                Ok(()) => TurnOutcome::Done,
                Err(End::Outcome(outcome)) => outcome,
                Err(End::Log(error)) => log_failed(&error),
                Err(End::Suspended) => return self.suspended().await,
            };
            let mut recorded = Ok(());
            match self
                .session
                .finish(&outcome, || recorded = self.record_end(&outcome))
            {
                Ok(()) => return self.close(outcome, recorded).await,
                Err(steering) => begun = self.steer(steering).await,
            }
        }
    }

    /// Records the request with its context, and the configuration where it is not what the log says.
    async fn begin(&mut self, request: Request) -> Result<(), End> {
        self.record_config()?;
        let context = self.context_of(&request).await?;
        let input = EventData::InputUser {
            title: request.title,
            text: request.text,
            context,
        };
        self.record(Actor::User, input)?;
        self.mark();
        Ok(())
    }

    /// The next start sees that this turn ran, should it not come to its end.
    fn mark(&self) {
        let session = &self.session;
        let running = &session.host.running;
        running.began(session.id, session.workspace.root());
    }

    async fn steps(&mut self) -> Result<(), End> {
        loop {
            let response = self.request().await?;
            if self.settle(response).await? {
                self.check_edits().await?;
            } else if !self.judge_edits().await? {
                return self.check_claims();
            }
            self.inform().await?;
            let steering = self.session.steering();
            self.steer(steering).await?;
        }
    }

    /// Says what of the answer nothing on record bears out.
    fn check_claims(&self) -> Result<(), End> {
        if self.session.recording.is_some() {
            return Ok(());
        }
        let verdict = self.recorder.claims();
        if !verdict.found_any() {
            return Ok(());
        }
        for unsupported in &verdict.unsupported {
            let text = interline_policy::visible(&claims::note(unsupported));
            self.session.show(Display::Notice {
                text,
                warning: true,
            });
        }
        let checked = EventData::AnswerChecked {
            supported: verdict.supported,
            unsupported: verdict.unsupported,
        };
        self.record(Actor::System, checked)
    }

    /// Does what a response asks for. False: it was the final answer.
    async fn settle(&mut self, response: Response) -> Result<bool, End> {
        let calls = calls::of(&response.blocks);
        let truncated = response.reason == StopReason::MaxTokens;
        let empty = response.blocks.iter().all(|block| is_blank(&block.content));
        if response.reason == StopReason::Refusal {
            // What came before a refusal is no answer: it is dropped.
            self.account(&response.reason, response.usage)?;
            return Err(TurnOutcome::Failed {
                message: "the model refused this request: put it another way, or use another model"
                    .to_owned(),
            }
            .into());
        }
        self.record_response(response.blocks)?;
        self.account(&response.reason, response.usage)?;
        match (truncated, calls.is_empty()) {
            (true, false) => {
                calls::answer_truncated(self, &calls)?;
                self.raise_output_limit();
                Ok(true)
            }
            (true, true) => {
                if !self.raise_output_limit() {
                    return Err(stopped(
                        "max_tokens",
                        "the answer was cut at the model's output limit twice: ask for \
                        less at once, or raise max_output of the model in the configuration",
                    )
                    .into());
                }
                self.tell(
                    "your answer was cut at the output limit. go on exactly where it stopped",
                )?;
                Ok(true)
            }
            (false, false) => {
                self.run_calls(calls).await?;
                Ok(true)
            }
            (false, true) if response.reason == StopReason::PauseTurn => self.pause(),
            (false, true) if empty => self.try_again_after_silence(),
            (false, true) => Ok(false),
        }
    }

    fn pause(&mut self) -> Result<bool, End> {
        self.pauses += 1;
        if self.pauses > MAX_PAUSES {
            return Err(stopped(
                "pause",
                "the model paused too often: say \"go on\" to continue",
            )
            .into());
        }
        Ok(true)
    }

    /// An empty answer gets one more try.
    fn try_again_after_silence(&mut self) -> Result<bool, End> {
        self.empty_answers += 1;
        if self.empty_answers > 1 {
            return Err(TurnOutcome::Failed {
                message: "the model gave an empty answer twice: ask again".to_owned(),
            }
            .into());
        }
        self.tell("your answer was empty. answer the request, or say what keeps you from it")?;
        Ok(true)
    }

    /// False: it was raised already.
    fn raise_output_limit(&mut self) -> bool {
        let spec = self.model.spec();
        let raised = spec
            .max_output
            .saturating_mul(2)
            .min(u32::try_from(spec.context_window / 2).unwrap_or(u32::MAX));
        self.max_output.replace(raised).is_none()
    }

    fn record_response(&mut self, blocks: Vec<AssistantBlock>) -> Result<(), End> {
        for block in blocks {
            if block.raw.is_none() && is_blank(&block.content) {
                continue;
            }
            self.record(Actor::Agent, EventData::ResponseBlock { block })?;
        }
        Ok(())
    }

    /// Tells the model something of the harness's.
    fn tell(&self, text: &str) -> Result<(), End> {
        self.record(
            Actor::System,
            EventData::InputEditor {
                text: text.to_owned(),
            },
        )
    }

    /// What the end of waiting for the user means.
    fn withdrawn(&self) -> End {
        if self.session.closing() {
            End::Suspended
        } else {
            TurnOutcome::Cancelled.into()
        }
    }

    fn record(&self, actor: Actor, data: EventData) -> Result<(), End> {
        self.recorder.record(self.id, actor, data)?;
        Ok(())
    }

    /// Ends the turn on record. Calls without a result are answered first, whatever ended it.
    fn record_end(&self, outcome: &TurnOutcome) -> Result<(), End> {
        calls::answer_orphans(
            &self.recorder,
            self.id,
            &Output {
                status: CallStatus::Cancelled,
                ..Output::failed(
                    "cancelled: the turn ended before this was done",
                    "cancelled",
                )
            },
        )?;
        let outcome = outcome.clone();
        self.record(Actor::System, EventData::TurnEnded { outcome })
    }

    /// Nothing ends here: the log says that the user was asked.
    async fn suspended(&self) -> TurnOutcome {
        let waits = stopped(
            "permission",
            "waiting for your permission: resume the session to be asked again",
        );
        self.close(waits, Ok(())).await
    }

    /// The turn is over once its end is durable; where the log can't be written, that is how it ends.
    async fn close(&self, outcome: TurnOutcome, recorded: Result<(), End>) -> TurnOutcome {
        let durable = self.recorder.durable().await.map_err(End::from);
        self.session.host.running.ended(self.session.id);
        match recorded.and(durable) {
            Err(End::Log(error)) => log_failed(&error),
            Ok(()) | Err(End::Outcome(_) | End::Suspended) => outcome,
        }
    }
}

fn is_blank(content: &AssistantContent) -> bool {
    matches!(content, AssistantContent::Text { text } | AssistantContent::Thinking { text } if text.trim().is_empty())
}

fn stopped(reason: &str, message: &str) -> TurnOutcome {
    TurnOutcome::Stopped {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

/// What the user is told once about a model without a price.
fn unpriced(model: &str) -> String {
    let Price { input, output, .. } = Price::ASSUMED;
    format!(
        "what model `{model}` costs is not known, so for budgets it counts as {input} USD per million tokens in and {output} \
         out: say what it costs by `price` in its table of [models], with zeros where it costs nothing"
    )
}

fn log_failed(error: &LogError) -> TurnOutcome {
    TurnOutcome::Failed {
        message: format!("the session's log can't be written, so nothing more is done: {error}"),
    }
}

/// What stands before the conversation in each request.
fn prefix(session: &Session, format: EditFormat) -> (String, Arc<[ToolDefinition]>) {
    let tools = session.host.registry.shown(format);
    let tools = tools.map(|tool| tool.definition.clone()).collect();
    (system::system_prompt(session.mode()), tools)
}
