//! The calls of a step: announced, prepared, decided on, run, answered. Each gets exactly one result.
//!
//! Reads run side by side; everything else in order, alone. A denied or failed call is an answer like any other:
//! only the user's cancel, a limit or the log end the turn from here.

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all, ready};
use interline_log::{
    Access, Actor, AssistantBlock, AssistantContent, CallId, CallStatus, EventData, LogError, Mode,
    TurnId, TurnOutcome, Visit,
};
use interline_policy::{Context, Decision, Labels, Opinion, Permit, Rules, Stale, Verdict};
use interline_tools::{Environment, Output, Prepared, Question, consult};
use interline_workspace::editor::Display;

use super::ready::Ready;
use super::{End, Turn};
use crate::recorder::Recorder;
use crate::replay::Told;

/// What the model is told where three decisions in a row were void.
const KEPT_CHANGING: &str = "not run: what this touches, or what holds for it, kept changing while it was decided on. \
    nothing was done; call it again";

/// A call as the model wrote it.
#[derive(Clone)]
pub(crate) struct Wanted {
    pub(super) id: CallId,
    /// It is on record that the model asked for it.
    announced: bool,
    pub(super) tool_use_id: String,
    pub(super) tool: String,
    arguments: String,
}

impl Wanted {
    /// A call of nobody's asking but the user's.
    pub(super) fn looking(tool: &str, arguments: String) -> Self {
        Self {
            id: CallId::new(),
            announced: false,
            tool_use_id: String::new(),
            tool: tool.to_owned(),
            arguments,
        }
    }

    /// A call that an earlier process left without a result.
    pub(crate) fn again(
        announced: Option<CallId>,
        tool_use_id: &str,
        tool: &str,
        arguments: &str,
    ) -> Self {
        Self {
            id: announced.unwrap_or_else(CallId::new),
            announced: announced.is_some(),
            tool_use_id: tool_use_id.to_owned(),
            tool: tool.to_owned(),
            arguments: arguments.to_owned(),
        }
    }
}

/// The calls of a response, in order.
pub(super) fn of(blocks: &[AssistantBlock]) -> Vec<Wanted> {
    let calls = blocks.iter().filter_map(|block| match &block.content {
        AssistantContent::ToolUse {
            id,
            name,
            arguments,
        } => Some(Wanted {
            id: CallId::new(),
            announced: false,
            tool_use_id: id.clone(),
            tool: name.clone(),
            arguments: arguments.clone(),
        }),
        _ => None,
    });
    calls.collect()
}

/// The calls of a response that was cut are not run: nobody knows what their arguments were to be.
pub(super) fn answer_truncated(turn: &Turn, calls: &[Wanted]) -> Result<(), End> {
    for call in calls {
        let content =
            "not run: your answer was cut at the output limit. send smaller calls, one at a time";
        turn.answer(call, &Output::failed(content, "cut at the output limit"))?;
    }
    Ok(())
}

/// Answers the calls that the end of the turn has left without a result.
pub(crate) fn answer_orphans(
    recorder: &Recorder,
    turn: TurnId,
    output: &Output,
) -> Result<(), LogError> {
    for tool_use_id in recorder.orphans() {
        let outcome = EventData::ToolOutcome {
            tool: String::new(),
            tool_use_id,
            status: output.status,
            content: output.content.clone(),
            summary: output.summary.clone(),
        };
        recorder.record(turn, Actor::System, outcome)?;
    }
    Ok(())
}

/// What the gate says of a call.
pub(super) enum Gated {
    Run(Permit),
    Answer(Output),
}

/// What comes of a call beside others.
enum Next {
    Run(Box<Prepared>, Permit),
    Answer(Output),
    Recorded(Told),
}

impl Turn {
    /// Runs the calls of a step and records their results in the order of the calls.
    pub(super) async fn run_calls(&mut self, calls: Vec<Wanted>) -> Result<(), End> {
        let mut batch = Vec::new();
        for call in calls {
            self.guard.called(&call.tool, &call.arguments)?;
            let ready = self.ready_call(&call);
            self.guard.prepared(ready.is_ok())?;
            if let Ok(ready) = &ready {
                self.touch(ready.real_call());
            }
            match ready {
                Err(message) => {
                    self.run_reads(&mut batch).await?;
                    self.announce(&call)?;
                    self.answer(&call, &Output::failed(message, "invalid call"))?;
                }
                Ok(ready) if ready.access() == Access::Read => batch.push((call, ready)),
                Ok(ready) => {
                    self.run_reads(&mut batch).await?;
                    self.run_alone(call, ready).await?;
                }
            }
        }
        self.run_reads(&mut batch).await
    }

    /// One call, of nobody's asking but the user's: the same gate, the same record, no request.
    pub(super) async fn single(&mut self, tool: &str, arguments: &str) -> Result<Output, String> {
        let call = Wanted::looking(tool, arguments.to_owned());
        let prepared = self.prepare_call(&call)?;
        self.gate_and_execute(&call, Ready::real(prepared))
            .await
            .map_err(|end| match end {
                End::Log(error) => error.to_string(),
                End::Outcome(outcome) => format!("the call was ended: {outcome:?}"),
                End::Suspended => "the call waits for permission".to_owned(),
            })
    }

    async fn gate_and_execute(&mut self, call: &Wanted, ready: Ready) -> Result<Output, End> {
        self.announce(call)?;
        let output = match ready {
            Ready::Real(prepared) => self.carry_out(call, *prepared).await?,
            Ready::Recorded(told) => self.as_recorded(call, told).await?,
        };
        self.answer(call, &output)?;
        Ok(output)
    }

    /// Steps 1 to 13: decided on and run. What has changed between the decision and the run is decided on anew.
    async fn carry_out(&mut self, call: &Wanted, mut prepared: Prepared) -> Result<Output, End> {
        for again in [false, true, true] {
            let permit = match self.gate(call, &mut prepared, again).await? {
                Gated::Answer(output) => return Ok(output),
                Gated::Run(permit) => permit,
            };
            self.intend(call, &prepared).await?;
            let policy = self.policy(prepared.info().access).await;
            let asked = prepared.call().clone();
            // Not raced with the cancellation: what has started is stopped by its executor, and its outcome recorded.
            let run = self.execute(call.id, prepared, permit, policy);
            if let Ok(output) = run.await {
                self.label(Labels::of_visits(&asked, visits(&output)))?;
                return Ok(output);
            }
            prepared = match self.prepare_call(call) {
                Ok(prepared) => prepared,
                Err(message) => return Ok(Output::failed(message, "invalid call")),
            };
        }
        Ok(Output::failed(KEPT_CHANGING, "it kept changing"))
    }

    async fn run_reads(&mut self, batch: &mut Vec<(Wanted, Ready)>) -> Result<(), End> {
        let mut gated = Vec::new();
        for (call, ready) in std::mem::take(batch) {
            self.show_started(&call, ready.title());
            self.announce(&call)?;
            let next = match ready {
                Ready::Recorded(told) => Next::Recorded(told),
                Ready::Real(mut prepared) => match self.gate(&call, &mut prepared, false).await? {
                    Gated::Run(permit) => Next::Run(prepared, permit),
                    Gated::Answer(output) => Next::Answer(output),
                },
            };
            gated.push((call, next));
        }
        let policy = self.policy(Access::Read).await;
        let mut running = Vec::new();
        let mut calls = Vec::new();
        for (call, next) in gated {
            running.push(match next {
                Next::Answer(output) => ready(Ok(output)).boxed(),
                Next::Run(prepared, permit) => {
                    self.execute(call.id, *prepared, permit, policy.clone())
                }
                Next::Recorded(told) => self.told(told).map(Ok).boxed(),
            });
            calls.push(call);
        }
        let all = join_all(running);
        let outputs = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(TurnOutcome::Cancelled.into()),
            outputs = all => outputs,
        };
        for (call, output) in calls.iter().zip(outputs) {
            let output = match output {
                Ok(output) => output,
                Err(Stale) => match self.prepare_call(call) {
                    Ok(prepared) => self.carry_out(call, prepared).await?,
                    Err(message) => Output::failed(message, "invalid call"),
                },
            };
            self.answer(call, &output)?;
        }
        Ok(())
    }

    async fn run_alone(&mut self, call: Wanted, ready: Ready) -> Result<(), End> {
        self.show_started(&call, ready.title());
        let access = ready.access();
        self.checking.before(access, &self.environment());
        let waiting = Instant::now();
        let named = ready.real_call().map(|call| self.named(call));
        let output = self.gate_and_execute(&call, ready).await?;
        let edited = self.check_later(&output);
        if access == Access::Interact {
            self.waited += waiting.elapsed();
        }
        if access == Access::Execute {
            self.recorder.durable().await?;
        }
        // Of a call on record the log says what landed.
        if let Some(named) = named
            && self.lands_by_itself()
        {
            let hunks = self.unsuspected(&output, &named).await;
            if !hunks.is_empty() {
                if edited {
                    let environment = self.environment();
                    self.checking.lands(&environment, &self.cancel).await;
                }
                self.land(&hunks).await?;
            }
        }
        if self.cancel.is_cancelled() {
            return Err(TurnOutcome::Cancelled.into());
        }
        Ok(())
    }

    /// Steps 2 to 11 of the pipeline: policy decides, the user is asked. `again`: what was decided before is void.
    async fn gate(
        &mut self,
        call: &Wanted,
        prepared: &mut Prepared,
        again: bool,
    ) -> Result<Gated, End> {
        let Decision {
            verdict,
            by,
            reasons,
            message,
        } = self.decide(call, prepared).await?;
        let gated = match verdict {
            Verdict::Allow(permit) => Gated::Run(permit),
            Verdict::Deny => Gated::Answer(denied(&by, &reasons, message)),
            Verdict::Ask(ask) => self.ask(call, prepared, ask, again).await?,
        };
        if let Gated::Run(_) = gated {
            self.label(Labels::of(prepared.call()))?;
        }
        Ok(gated)
    }

    /// What is in the session from here on, on record where it is news.
    pub(super) fn label(&self, labels: Labels) -> Result<(), End> {
        if self.session.label(labels) {
            let labelled = EventData::SessionLabelled {
                untrusted: self.session.tainted(),
                private: self.session.private(),
            };
            self.record(Actor::System, labelled)?;
        }
        Ok(())
    }

    pub(super) fn prepare_call(&self, call: &Wanted) -> Result<Prepared, String> {
        let environment = self.environment();
        let registry = &self.session.host.registry;
        registry.prepare(&call.tool, &call.arguments, &environment)
    }

    /// Policy's decision, on record.
    pub(super) async fn decide(&self, call: &Wanted, prepared: &Prepared) -> Result<Decision, End> {
        let context = self.policy_context(prepared.info().access).await;
        let rules = self.rules();
        let mut decision = interline_policy::decide(prepared.call(), &rules, &context);
        let objections = self.objections(prepared, &decision, &context).await;
        if !objections.is_empty() {
            decision =
                interline_policy::decide_with(prepared.call(), &rules, &context, &objections);
        }
        let word = match &decision.verdict {
            Verdict::Allow(_) => "allow",
            Verdict::Ask(_) => "ask",
            Verdict::Deny => "deny",
        };
        let gated = EventData::ToolGated {
            decision: word.to_owned(),
            by: decision.by.clone(),
            reasons: decision.reasons.clone(),
            digest: prepared.call().digest(),
        };
        self.recorder
            .record((self.id, call.id), Actor::System, gated)?;
        Ok(decision)
    }

    /// Step 10: what hooks object to a call.
    async fn objections(
        &self,
        prepared: &Prepared,
        decision: &Decision,
        context: &Context,
    ) -> Vec<Opinion> {
        let hooks = self.session.host.hooks();
        if hooks.is_empty() {
            return Vec::new();
        }
        let confinement = self.session.host.confinement().await;
        let environment = Environment {
            trusted: context.trusted,
            confinement: confinement.as_ref().ok().cloned(),
            ..self.environment()
        };
        let fault = confinement.as_ref().err().map_or("", String::as_str);
        let question = Question {
            prepared,
            decision,
            mode: context.mode,
        };
        consult(hooks, &question, &environment, fault, &self.cancel).await
    }

    /// The intent of a call is durable before a process starts. A proposal's effect is its own event.
    async fn intend(&self, call: &Wanted, prepared: &Prepared) -> Result<(), End> {
        let intent = EventData::ToolIntent {
            tool: call.tool.clone(),
            digest: prepared.call().digest(),
            retry: prepared.info().retry,
        };
        self.recorder
            .record((self.id, call.id), Actor::Agent, intent)?;
        if prepared.info().access == Access::Execute {
            self.recorder.durable().await?;
        }
        Ok(())
    }

    pub(super) fn execute(
        &self,
        id: CallId,
        prepared: Prepared,
        permit: Permit,
        policy: String,
    ) -> BoxFuture<'static, Result<Output, Stale>> {
        let cancel = self.cancel.child_token();
        #[cfg(debug_assertions)]
        crate::crash::drill(&self.session.host.settings.env, &prepared.call().tool);
        prepared.run(permit, policy, id, self.environment(), cancel)
    }

    fn announce(&self, call: &Wanted) -> Result<(), End> {
        if call.announced {
            return Ok(());
        }
        let announced = EventData::ToolAnnounced {
            tool: call.tool.clone(),
            tool_use_id: call.tool_use_id.clone(),
        };
        self.recorder
            .record((self.id, call.id), Actor::Agent, announced)?;
        Ok(())
    }

    fn show_started(&self, call: &Wanted, title: &str) {
        let title = title.to_owned();
        self.show_activity(&title);
        self.session.show(Display::CallStarted {
            turn: self.id,
            call: call.id,
            tool: call.tool.clone(),
            title,
        });
    }

    /// Records a call's one result, after the events that it made.
    fn answer(&self, call: &Wanted, output: &Output) -> Result<(), End> {
        let place = (self.id, call.id);
        for event in &output.events {
            self.recorder.record(place, Actor::Agent, event.clone())?;
            self.session.mark_unparsed(event);
        }
        let outcome = EventData::ToolOutcome {
            tool: call.tool.clone(),
            tool_use_id: call.tool_use_id.clone(),
            status: output.status,
            content: output.content.clone(),
            summary: output.summary.clone(),
        };
        self.recorder.record(place, Actor::Agent, outcome)?;
        let changes = |event: &EventData| !matches!(event, EventData::ContextShown { .. });
        if output.events.iter().any(changes) {
            self.session.show(Display::HunksChanged);
        }
        self.session.show(Display::CallEnded {
            turn: self.id,
            call: call.id,
            status: output.status,
            summary: output.summary.clone(),
        });
        Ok(())
    }

    /// The sandbox is tried before the first call that could use it: a command, or a checker of a trusted folder.
    pub(super) async fn policy_context(&self, access: Access) -> Context {
        let mode = self.session.mode();
        let wanted = access == Access::Execute || mode == Mode::Auto || self.trusted;
        let host = &self.session.host;
        let confinement = if wanted {
            host.confinement().await.as_ref().ok()
        } else {
            None
        };
        let lesser = confinement.is_some_and(|found| found.lesser().is_some());
        Context {
            // The lesser sandbox is none to be left to itself in.
            mode: if mode == Mode::Auto && lesser {
                Mode::AcceptEdits
            } else {
                mode
            },
            // What is trusted while the turn runs counts from the next one on; what no longer is, at once.
            trusted: self.trusted && host.trusted(self.session.workspace.root()),
            headless: self.session.editor.abilities().headless,
            tainted: self.session.tainted(),
            private: self.session.private(),
            sandbox: confinement.is_some(),
        }
    }

    /// What holds for a call now. Its permit is good for nothing else.
    pub(super) async fn policy(&self, access: Access) -> String {
        let context = self.policy_context(access).await;
        context.policy(&self.rules())
    }

    pub(super) fn rules(&self) -> Arc<Rules> {
        let host = &self.session.host;
        if let Some(problem) = host.refresh_policy() {
            self.session.warn(format!("managed policy: {problem}"));
        }
        host.rules()
    }

    pub(super) fn environment(&self) -> Environment {
        self.session.environment(self.id, self.trusted)
    }
}

/// What a call asked of its sandbox's proxy.
fn visits(output: &Output) -> &[Visit] {
    let found = output.events.iter().find_map(|event| match event {
        EventData::ToolVisited { visits, .. } => Some(visits.as_slice()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// Where nobody can be asked, the line for people says what would have to be so.
pub(super) fn denied(by: &str, reasons: &[String], message: String) -> Output {
    let because = |code| reasons.iter().any(|reason| reason == code);
    let todo = match (because("headless"), because("untrusted-folder")) {
        (true, true) => {
            ": nobody is there to be asked; where you trust the folder, run it with `--trust`"
        }
        (true, false) => {
            ": nobody is there to be asked; allow it by a rule in your config.toml, or run it on a terminal"
        }
        (false, _) => "",
    };
    Output {
        status: CallStatus::Denied,
        content: message,
        summary: format!("denied by {by}{todo}"),
        events: Vec::new(),
    }
}

pub(super) fn refused() -> Output {
    Output {
        status: CallStatus::Denied,
        content: "the user denied this. don't try to get around it: go on without it, or say what you need".to_owned(),
        summary: "denied by the user".to_owned(),
        events: Vec::new(),
    }
}
