//! Making room: where the next request would come too near the model's window, or was refused as too long, the
//! conversation goes on in a shorter form (`crate::compact`).
//!
//! One event commits it, so a crash before it leaves the old conversation. At most once between two requests; after
//! two tries that freed too little the turn stops and says what takes the place.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use interline_log::{
    Access, Actor, AssistantContent, ClearedResult, CompactSummary, CompactTrigger, Event,
    EventData, Message, StopReason, SummaryBy, TurnOutcome, compacted,
};
use interline_model::{Backoff, ErrorClass, Provider, Request};
use interline_workspace::editor::Display;
use sha2::{Digest as _, Sha256};

use super::request::failed;
use super::{End, Response, Turn, stopped};
use crate::compact::{self, Head, Plan, Record, Room, Summary};
use crate::replay::Recording;

/// Tries that freed too little before the turn stops.
const MAX_INEFFECTIVE: u32 = 2;
/// Attempts to get a summary from the model before the log's own stands in.
const ATTEMPTS: u32 = 3;
/// Of the room, in hundredths: what the conversation may take after clearing alone, after a summary, and what of it
/// is the summary and the state of the work.
const CLEARED: u64 = 50;
const SUMMED_UP: u64 = 75;
const SUMMARY: u64 = 15;
const STATE: u64 = 15;

/// A shorter form of the conversation.
struct Shorter {
    cleared: Vec<ClearedResult>,
    summary: Option<CompactSummary>,
    head: Option<Head>,
}

impl Turn {
    /// The body of the next request, after a compaction where it needs one.
    pub(super) async fn fitting(&mut self) -> Result<Bytes, End> {
        if let Some(recording) = &self.session.recording {
            self.take_compaction(recording)?;
            return self.encode(self.recorder.messages());
        }
        let body = self.encode(self.recorder.messages())?;
        let size = body.len() as u64;
        let asked = &self.session.compact_asked;
        let trigger = if asked.swap(false, Ordering::Relaxed) {
            CompactTrigger::Asked
        } else if size <= self.usual_limit() || size <= self.limit()? {
            // Nearly always the first is enough, and costs nothing.
            return Ok(body);
        } else {
            CompactTrigger::Threshold
        };
        let committed = self.compact(trigger, &body).await?;
        if trigger == CompactTrigger::Asked && !committed {
            let text = "the conversation stays as it is: there is next to nothing to leave out";
            self.session.show(Display::Notice {
                text: text.to_owned(),
                warning: false,
            });
        }
        self.encode(self.recorder.messages())
    }

    /// A shorter body than this one, which the provider refused. `None`: there is none.
    pub(super) async fn shorter(&mut self, refused: &Bytes) -> Result<Option<Bytes>, End> {
        if let Some(recording) = &self.session.recording {
            let taken = self.take_compaction(recording)?;
            let body = self.encode(self.recorder.messages())?;
            return Ok(taken.then_some(body));
        }
        self.session
            .gauge(self.model.spec())
            .refused(refused.len() as u64);
        let committed = self.compact(CompactTrigger::TooLong, refused).await?;
        let body = self.encode(self.recorder.messages())?;
        Ok(committed.then_some(body))
    }

    /// In a re-run what was compacted stands on record. False: nothing was.
    fn take_compaction(&self, recording: &Recording) -> Result<bool, End> {
        let events = recording.compaction();
        self.recorder.take(&events);
        let mut sent = 0;
        for event in &events {
            match &event.data {
                EventData::CompactSent { body_bytes, .. } => sent = *body_bytes,
                EventData::ResponseStopped { usage, .. } => {
                    self.session.gauge(self.model.spec()).counted(sent, usage);
                }
                _ => {}
            }
        }
        match recording.end().filter(|_| !events.is_empty()) {
            Some(outcome) => Err(outcome.into()),
            None => Ok(!events.is_empty()),
        }
    }

    pub(super) fn encode(&self, messages: Vec<Message>) -> Result<Bytes, End> {
        let request = Request {
            tools: self.tools.clone(),
            system: self.system.clone(),
            messages,
            max_output: self.max_output,
            session: self.session.named(),
        };
        self.model.encode(&request).map_err(|error| failed(&error))
    }

    /// Most bytes of a request, whatever tools and system prompt take of it.
    fn usual_limit(&self) -> u64 {
        let spec = self.model.spec();
        let max_output = self.max_output.unwrap_or(spec.max_output);
        let tokens = compact::limit(spec.context_window, max_output);
        self.session.gauge(spec).bytes(tokens)
    }

    /// Most bytes of a request. Where tools and system prompt alone nearly fill the window, half of what they leave.
    fn limit(&self) -> Result<u64, End> {
        let spec = self.model.spec();
        let fixed = self.encode(Vec::new())?.len() as u64;
        let window = self.session.gauge(spec).bytes(spec.context_window);
        let least = fixed + window.saturating_sub(fixed) / 2;
        Ok(self.usual_limit().max(least))
    }

    /// Makes the conversation shorter. True: it is.
    async fn compact(&mut self, trigger: CompactTrigger, body: &Bytes) -> Result<bool, End> {
        self.show_activity("compacting the conversation");
        let before = body.len() as u64;
        // Who asks wants it shorter than it is, not only than what would do.
        let asked = trigger == CompactTrigger::Asked;
        let limit = self.limit()?;
        let limit = if asked { limit.min(before) } else { limit };
        let room = Room::new(self.encode(Vec::new())?.len() as u64, limit);
        let messages = self.recorder.messages();
        let registry = &self.session.host.registry;
        let plan = compact::plan(&messages, room, |name| {
            let mut tools = registry.tools().iter();
            tools.any(|tool| tool.definition.name == name && tool.access == Access::Read)
        });
        let mut shorter = Shorter {
            cleared: plan.cleared.clone(),
            summary: None,
            head: None,
        };
        let mut after = self.size(&messages, &shorter)?;
        let mut effective = !asked && after < before && room.is_spacious(after, CLEARED);
        if !effective {
            shorter = self.summed_up(&messages, &plan, room).await?;
            after = self.size(&messages, &shorter)?;
            effective = after < before && room.is_spacious(after, SUMMED_UP);
        }
        // What frees next to nothing is not worth what it loses.
        let committed = after < before - before / 10;
        if committed {
            self.commit(trigger, shorter, before, after)?;
        } else {
            let reason = "what can be left out is less than what would take its place".to_owned();
            self.record(
                Actor::System,
                EventData::CompactAbandoned { trigger, reason },
            )?;
        }
        self.ineffective = if effective {
            0
        } else {
            self.ineffective + u32::from(!asked)
        };
        if self.ineffective >= MAX_INEFFECTIVE {
            return Err(self.overfull(room).into());
        }
        Ok(committed)
    }

    fn size(&self, messages: &[Message], shorter: &Shorter) -> Result<u64, End> {
        let messages = compacted(
            messages.to_vec(),
            &shorter.cleared,
            shorter.summary.as_ref(),
        );
        Ok(self.encode(messages)?.len() as u64)
    }

    /// A summary in the place of all but the tail.
    async fn summed_up(
        &mut self,
        messages: &[Message],
        plan: &Plan,
        room: Room,
    ) -> Result<Shorter, End> {
        let record = Record::of(&self.events().await?);
        let mode = serde_json::to_string(&self.session.mode()).unwrap_or_default();
        let state = record.state(mode.trim_matches('"'), room.part(STATE));
        let (old, tail) = messages
            .split_at_checked(plan.tail)
            .unwrap_or((messages, &[]));
        let most = room.part(SUMMARY);
        let summary = match self.ask_for_summary(old, &state, most).await? {
            Some(text) => Summary {
                text,
                by: SummaryBy::Model,
            },
            None => Summary {
                text: record.digest(most),
                by: SummaryBy::Log,
            },
        };
        let instructions = compact::reload(&self.session.workspace, &self.known());
        let head = compact::head(instructions, &summary, &state, &record, tail);
        Ok(Shorter {
            cleared: compact::oversized(plan),
            summary: Some(CompactSummary {
                replaced: plan.tail as u64,
                texts: head.texts.clone(),
                by: summary.by,
            }),
            head: Some(head),
        })
    }

    fn commit(
        &mut self,
        trigger: CompactTrigger,
        shorter: Shorter,
        before: u64,
        after: u64,
    ) -> Result<(), End> {
        let Shorter {
            cleared,
            summary,
            head,
        } = shorter;
        let tokens = |bytes| self.session.gauge(self.model.spec()).tokens(bytes);
        let committed = EventData::CompactCommitted {
            trigger,
            before: tokens(before),
            after: tokens(after),
            cleared,
            summary,
        };
        self.record(Actor::System, committed)?;
        let Some(Head { files, .. }) = head else {
            return Ok(());
        };
        let known = files
            .iter()
            .map(|file| (file.path.clone(), file.sha256.clone()));
        self.session.known().forget_all_but(known.collect());
        // What was told of the editor may be gone: it is told again after the next step.
        self.seen = u64::MAX;
        if !files.is_empty() {
            self.record(Actor::System, EventData::ContextLoaded { files })?;
        }
        Ok(())
    }

    /// Instruction files that the model was told.
    fn known(&self) -> HashMap<String, String> {
        self.session.known().instructions.clone()
    }

    /// All that is on record.
    async fn events(&self) -> Result<Vec<Event>, End> {
        self.recorder.durable().await?;
        let session = self.session.clone();
        let read = move || session.host.store().read(session.id);
        match tokio::task::spawn_blocking(read).await {
            Ok(events) => Ok(events?),
            Err(error) => {
                let message = format!("the session's log can't be read: {error}");
                Err(TurnOutcome::Failed { message }.into())
            }
        }
    }

    /// What the model makes of the conversation, in at most so many bytes. `None`: it makes nothing of it.
    async fn ask_for_summary(
        &mut self,
        messages: &[Message],
        state: &str,
        most: usize,
    ) -> Result<Option<String>, End> {
        let spec = self.model.spec();
        if spec.provider == Provider::Builtin || messages.is_empty() {
            return Ok(None);
        }
        // Thinking counts as output too.
        let max_output = spec.max_output.min(16_384);
        let longest = usize::try_from(self.limit()? / 10 * 9).unwrap_or(usize::MAX);
        let words = (most / 7).clamp(60, 1_200);
        let asked = EventData::CompactAsked {
            system: compact::SYSTEM.to_owned(),
            text: compact::prompt(messages, state, words, longest),
            max_output,
        };
        let asked = self.recorder.record(self.id, Actor::System, asked)?;
        let EventData::CompactAsked { system, text, .. } = &asked.data else {
            return Ok(None);
        };
        let request = compact::request(system, text, max_output, self.session.id);
        let body = self
            .model
            .encode(&request)
            .map_err(|error| failed(&error))?;
        let body_bytes = body.len() as u64;
        let claim = self.reserve(body_bytes, max_output).await?;
        self.taken.steps += 1;
        self.sent_bytes = body_bytes;
        let sent = EventData::CompactSent {
            body_sha256: format!("{:x}", Sha256::digest(&body)),
            body_bytes,
        };
        self.record(Actor::System, sent)?;
        self.recorder.durable().await?;
        drop(claim);
        let Some(response) = self.summary(body).await? else {
            return Ok(None);
        };
        self.account(&response.reason, response.usage)?;
        Ok(text_of(&response).map(|text| compact::clip(text.trim(), most)))
    }

    async fn summary(&mut self, body: Bytes) -> Result<Option<Response>, End> {
        let mut backoff = Backoff::new(self.model.spec());
        for _ in 0..ATTEMPTS {
            let error = match self.attempt(body.clone(), false).await? {
                Ok(response) => return Ok(Some(response)),
                Err(error) => error,
            };
            tracing::warn!(session = %self.session.id, turn = %self.id, %error, "no summary came");
            if error.class() != ErrorClass::Retry {
                break;
            }
            match self.back_off(&mut backoff, &error).await {
                Ok(()) => {}
                Err(End::Outcome(TurnOutcome::Failed { .. })) => break,
                Err(end) => return Err(end),
            }
        }
        Ok(None)
    }

    /// The turn's end where nothing more can be left out, with what takes the place.
    fn overfull(&self, room: Room) -> TurnOutcome {
        let spec = self.model.spec();
        let tools = serde_json::to_vec(&self.tools[..]).unwrap_or_default();
        let instructions = compact::reload(&self.session.workspace, &self.known());
        let instructions = instructions.iter().map(|one| one.text.len()).sum::<usize>();
        let tokens = |bytes: usize| self.session.gauge(spec).tokens(bytes as u64);
        let fixed = self.session.gauge(spec).tokens(room.fixed);
        let message = format!(
            "the conversation no longer fits the model's context, and making it shorter did not help: of {} tokens, tools \
             and system prompt take about {fixed} in each request (tools {}, system prompt {}), instruction files {}. \
             start a new session, shorten what is always there, or use a model with a larger window",
            spec.context_window,
            tokens(tools.len()),
            tokens(self.system.len()),
            tokens(instructions),
        );
        stopped("context", &message)
    }
}

/// The text of a response that is a summary.
fn text_of(response: &Response) -> Option<String> {
    if response.reason == StopReason::Refusal {
        return None;
    }
    let texts = response
        .blocks
        .iter()
        .filter_map(|block| match &block.content {
            AssistantContent::Text { text } => Some(text.as_str()),
            _ => None,
        });
    let text = texts.collect::<String>();
    (!text.trim().is_empty()).then_some(text)
}
