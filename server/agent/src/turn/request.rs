//! One model request: the budget, the body on record, the stream, and what follows when it fails.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use interline_log::{
    Actor, AssistantBlock, Claim, EventData, LogError, Others, Prefix, StopReason, TurnOutcome,
    Usage,
};
use interline_model::{Backoff, ErrorClass, ModelError, ModelEvent, cost_micro_usd};
use interline_workspace::editor::Display;
use sha2::{Digest as _, Sha256};

use super::{End, Response, Turn, stopped};
use crate::budget::{self, Before};

impl Turn {
    /// Sends the conversation so far, again where that makes sense, until a whole response is there.
    pub(super) async fn request(&mut self) -> Result<Response, End> {
        let mut backoff = Backoff::new(self.model.spec());
        let (mut stripped, mut shortened) = (false, false);
        let mut body = self.fitting().await?;
        self.record_request(&body).await?;
        loop {
            let error = match self.attempt(body.clone(), true).await? {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            tracing::warn!(session = %self.session.id, turn = %self.id, %error, "model request failed");
            match error.class() {
                ErrorClass::Retry => self.back_off(&mut backoff, &error).await?,
                ErrorClass::BadThinking if !stripped => {
                    stripped = true;
                    self.record(
                        Actor::System,
                        EventData::ThinkingStripped {
                            reason: error.to_string(),
                        },
                    )?;
                    body = self.encode(self.recorder.messages())?;
                    self.record_request(&body).await?;
                }
                ErrorClass::TooLong
                    if !shortened && let Some(shorter) = self.shorter(&body).await? =>
                {
                    (body, shortened) = (shorter, true);
                    self.record_request(&body).await?;
                }
                ErrorClass::TooLong => {
                    return Err(stopped("context", &format!(
                        "the conversation no longer fits the model's context: start a new session, or use a model \
                         with a larger window ({error})"
                    )).into());
                }
                ErrorClass::Quota => return Err(stopped("quota", &error.to_string()).into()),
                ErrorClass::BadThinking | ErrorClass::Fatal => return Err(failed(&error)),
            }
        }
    }

    /// Checks the budget and puts the request on record, durably.
    async fn record_request(&mut self, body: &Bytes) -> Result<(), End> {
        let body_bytes = body.len() as u64;
        let max_output = self.max_output.unwrap_or(self.model.spec().max_output);
        let claim = self.reserve(body_bytes, max_output).await?;
        self.taken.steps += 1;
        self.sent_bytes = body_bytes;
        let body_sha256 = format!("{:x}", Sha256::digest(body));
        let prefix = Some(self.measure_prefix(body));
        self.record(
            Actor::System,
            EventData::RequestSent {
                body_sha256,
                body_bytes,
                max_output: self.max_output,
                prefix,
            },
        )?;
        self.recorder.durable().await?;
        // From here on whoever looks sees what is reserved.
        drop(claim);
        Ok(())
    }

    /// What the body has in common with that of the request before.
    fn measure_prefix(&self, body: &[u8]) -> Prefix {
        let parts = interline_model::prefix(self.model.spec().provider, body);
        let mut prefix = self.session.sent().measure(parts);
        if prefix.kept < prefix.before {
            self.recorder
                .prefix_changed_by()
                .clone_into(&mut prefix.reason);
            if prefix.reason == "unexplained" {
                let Prefix { kept, before, .. } = prefix;
                tracing::error!(session = %self.session.id, kept, before, "the prompt's prefix has changed, and nothing says why");
            }
        }
        prefix
    }

    /// Puts on record what the request may take at most; where that would pass a limit, which one.
    pub(super) async fn reserve(
        &mut self,
        body_bytes: u64,
        max_output: u32,
    ) -> Result<Option<Claim>, End> {
        self.taken.worked = self.started.elapsed().saturating_sub(self.waited);
        let input = self
            .session
            .gauge(self.model.spec())
            .most_tokens(body_bytes);
        let request = budget::projection(input, max_output, self.model.spec());
        let today = budget::today();
        let (claim, others) = self.others(today).await?;
        let mut own = self.recorder.spending();
        own.release();
        let before = Before::new(self.taken, &own.total(), &own.on(today), &others);
        let stop = match &self.session.recording {
            Some(recording) => recording.budget_stop(),
            None => self.budget.stops(&before, request),
        };
        if let Some(stop) = stop {
            self.record(Actor::System, EventData::BudgetStopped(stop))?;
            return Err(stopped("budget", &budget::message(&stop)).into());
        }
        let reserved = EventData::BudgetReserved {
            tokens: request.tokens,
            micro_usd: request.micro_usd,
        };
        self.record(Actor::System, reserved)?;
        Ok(claim)
    }

    /// What the other sessions have spent, where a limit minds them, and the claim to add to it.
    async fn others(&self, today: u64) -> Result<(Option<Claim>, Others), End> {
        if !self.budget.minds_others() {
            return Ok((None, Others::default()));
        }
        let session = self.session.clone();
        let look = move || {
            let ledger = &session.host.ledger;
            let root = session.workspace.root().display().to_string();
            let claim = ledger.claim()?;
            let others = ledger.others(Some(session.id), today, &root)?;
            Ok::<_, LogError>((Some(claim), others))
        };
        let looked = match tokio::task::spawn_blocking(look).await {
            Ok(looked) => looked.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        looked.map_err(|error| {
            let message = format!("what was spent so far can't be read, so nothing is: {error}");
            TurnOutcome::Failed { message }.into()
        })
    }

    /// One attempt. The outer error ends the turn, the inner one is for the caller to judge. `shown`: the user reads along.
    pub(super) async fn attempt(
        &mut self,
        body: Bytes,
        shown: bool,
    ) -> Result<Result<Response, ModelError>, End> {
        if shown {
            self.show_activity("thinking");
        }
        let mut stream = self.model.send(body);
        let mut blocks: Vec<AssistantBlock> = Vec::new();
        loop {
            let event = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(TurnOutcome::Cancelled.into()),
                event = stream.next() => event,
            };
            match event {
                None => return Ok(Err(ModelError::cut())),
                Some(Err(error)) => return Ok(Err(error)),
                Some(Ok(ModelEvent::TextDelta(delta))) if shown => {
                    self.session.show(Display::Text {
                        turn: self.id,
                        delta,
                    });
                }
                Some(Ok(ModelEvent::TextDelta(_) | ModelEvent::ThinkingDelta(_))) => {}
                Some(Ok(ModelEvent::ToolStarted { name })) => {
                    self.show_activity(&format!("preparing {name}"))
                }
                Some(Ok(ModelEvent::Block(block))) => blocks.push(block),
                Some(Ok(ModelEvent::Stopped { reason, usage })) => {
                    return Ok(Ok(Response {
                        blocks,
                        reason,
                        usage,
                    }));
                }
            }
        }
    }

    /// Puts the end of a response on record, with what it took.
    pub(super) fn account(&mut self, reason: &StopReason, usage: Usage) -> Result<(), End> {
        let cost = self
            .model
            .spec()
            .price
            .as_ref()
            .map(|price| cost_micro_usd(&usage, price));
        self.taken.spent.add(usage, cost);
        let mut gauge = self.session.gauge(self.model.spec());
        gauge.counted(self.sent_bytes, &usage);
        drop(gauge);
        self.record(
            Actor::Agent,
            EventData::ResponseStopped {
                reason: reason.clone(),
                usage,
                cost_micro_usd: cost,
            },
        )?;
        self.session.show(Display::Spent {
            turn: self.id,
            usage: self.taken.spent.usage,
            cost_micro_usd: cost.map(|_| self.taken.spent.cost_micro_usd),
            session_micro_usd: cost.map(|_| self.recorder.spending().total().cost_micro_usd),
        });
        Ok(())
    }

    pub(super) async fn back_off(
        &mut self,
        backoff: &mut Backoff,
        error: &ModelError,
    ) -> Result<(), End> {
        let Some(delay) = backoff.next_delay(error) else {
            return Err(failed(error));
        };
        let retry = EventData::RequestRetry {
            attempt: backoff.attempts(),
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            reason: error.to_string(),
        };
        self.record(Actor::System, retry)?;
        if delay > Duration::from_secs(1) {
            self.show_activity(&format!("waiting {} s: {error}", delay.as_secs()));
        }
        if self.session.recording.is_some() {
            return Ok(());
        }
        tokio::select! {
            () = self.cancel.cancelled() => Err(TurnOutcome::Cancelled.into()),
            () = tokio::time::sleep(delay) => Ok(()),
        }
    }

    pub(super) fn show_activity(&self, text: &str) {
        self.session.show(Display::Activity {
            turn: self.id,
            text: text.to_owned(),
        });
    }
}

pub(super) fn failed(error: &ModelError) -> End {
    TurnOutcome::Failed {
        message: error.to_string(),
    }
    .into()
}
