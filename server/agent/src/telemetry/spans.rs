//! The fold: facts become spans (turn > step > model request and tool calls) and figures.
//!
//! Ids come from the log's own (a trace is a turn), so that a span can be found in the log and the other way round.

use std::collections::HashMap;

use interline_log::{CallId, SessionId, TurnId};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::fact::{Fact, What};
use super::metrics::{self, Metrics};
use super::otlp::{decimal, list, number, text};

/// Sessions whose configuration is kept; more are begun anew.
const MOST_SESSIONS: usize = 256;

#[derive(Default)]
pub(super) struct Spans {
    configured: HashMap<SessionId, Configured>,
    turns: HashMap<TurnId, Turn>,
    finished: Vec<Span>,
}

#[derive(Clone, Default)]
struct Configured {
    model: String,
    provider: &'static str,
    tools: Vec<String>,
}

struct Turn {
    began: u64,
    input: u64,
    output: u64,
    /// Requests so far.
    steps: u64,
    step: Option<u64>,
    request: Option<u64>,
    /// Of the request that is out.
    stability: Option<f64>,
    calls: HashMap<CallId, Call>,
}

struct Call {
    began: u64,
    tool: String,
    decision: &'static str,
}

impl Spans {
    pub(super) fn finished(&self) -> usize {
        self.finished.len()
    }

    pub(super) fn drain(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.finished)
    }

    pub(super) fn take(&mut self, fact: &Fact, metrics: &mut Metrics) {
        let config = self
            .configured
            .get(&fact.session)
            .cloned()
            .unwrap_or_default();
        let model = || {
            vec![
                ("gen_ai.operation.name", "chat".to_owned()),
                ("gen_ai.provider.name", config.provider.to_owned()),
                ("gen_ai.request.model", config.model.clone()),
            ]
        };
        match &fact.what {
            What::Configured {
                model,
                provider,
                tools,
            } => {
                if self.configured.len() >= MOST_SESSIONS {
                    self.configured.clear();
                }
                let configured = Configured {
                    model: model.clone(),
                    provider,
                    tools: tools.clone(),
                };
                self.configured.insert(fact.session, configured);
            }
            What::TurnBegan => {
                self.turns.insert(fact.turn, Turn::new(fact.at));
            }
            What::RequestSent { stability } => {
                self.end_step(fact, &config);
                let turn = self.turn(fact);
                turn.steps += 1;
                turn.step = Some(fact.at);
                turn.request = Some(fact.at);
                turn.stability = *stability;
            }
            What::Responded {
                reason,
                usage,
                micro_usd,
            } => {
                let input = usage.input + usage.cache_read + usage.cache_write;
                for (kind, count) in [("input", input), ("output", usage.output)] {
                    let mut attributes = model();
                    attributes.push(("gen_ai.token.type", kind.to_owned()));
                    metrics.observe(metrics::TOKEN_USAGE, attributes, count as f64);
                }
                let cost = micro_usd.map(|micro| micro as f64 / 1e6);
                if let Some(cost) = cost {
                    metrics.add(metrics::COST, model(), cost);
                }
                let turn = self.turn(fact);
                turn.input += input;
                turn.output += usage.output;
                let stability = turn.stability.take();
                if let Some(began) = turn.request.take() {
                    metrics.observe(metrics::OPERATION, model(), seconds(began, fact.at));
                    let mut attributes = vec![
                        number("gen_ai.usage.input_tokens", input),
                        number("gen_ai.usage.output_tokens", usage.output),
                        list("gen_ai.response.finish_reasons", reason),
                    ];
                    attributes.extend(cost.map(|cost| decimal("interline.cost_usd", cost)));
                    let stability =
                        stability.map(|part| decimal("interline.prefix_stability", part));
                    attributes.extend(stability);
                    self.end_request(fact, began, &config, attributes, None);
                }
            }
            What::CallBegan { tool } => {
                let known = config.tools.contains(tool);
                let tool = if known { tool.as_str() } else { "unknown" };
                let call = Call {
                    began: fact.at,
                    tool: tool.to_owned(),
                    decision: "",
                };
                if let Some(id) = fact.call {
                    self.turn(fact).calls.insert(id, call);
                }
            }
            What::Decided(decision) => {
                let attributes = vec![("interline.decision", (*decision).to_owned())];
                metrics.add(metrics::DECISIONS, attributes, 1.0);
                let call = fact.call;
                if let Some(call) = call.and_then(|id| self.turn(fact).calls.get_mut(&id)) {
                    call.decision = decision;
                }
            }
            What::CallEnded(status) => {
                if let Some(id) = fact.call {
                    self.end_call(fact, id, status, metrics);
                }
            }
            What::Crashed => metrics.add(metrics::CRASHES, Vec::new(), 1.0),
            What::TurnEnded(outcome) => self.end_turn(fact, &config, outcome, metrics),
        }
    }

    fn turn(&mut self, fact: &Fact) -> &mut Turn {
        // One that was taken up after a restart begins with what is seen of it first.
        self.turns
            .entry(fact.turn)
            .or_insert_with(|| Turn::new(fact.at))
    }

    fn end_turn(
        &mut self,
        fact: &Fact,
        config: &Configured,
        outcome: &'static str,
        metrics: &mut Metrics,
    ) {
        let left: Vec<CallId> = self.turn(fact).calls.keys().copied().collect();
        for id in left {
            self.end_call(fact, id, "cancelled", metrics);
        }
        self.end_step(fact, config);
        let Some(turn) = self.turns.remove(&fact.turn) else {
            return;
        };
        let attributes = vec![("interline.outcome", outcome.to_owned())];
        metrics.add(metrics::TURNS, attributes, 1.0);
        let mut span = span(
            fact,
            turn.began,
            "invoke_agent interline",
            root(fact.turn),
            None,
        );
        span.attributes = vec![
            text("gen_ai.operation.name", "invoke_agent"),
            text("gen_ai.agent.name", "interline"),
            text("gen_ai.conversation.id", &fact.session.to_string()),
            text("gen_ai.provider.name", config.provider),
            text("gen_ai.request.model", &config.model),
            number("gen_ai.usage.input_tokens", turn.input),
            number("gen_ai.usage.output_tokens", turn.output),
            text("interline.outcome", outcome),
            number("interline.steps", turn.steps),
        ];
        span.status = failed((outcome == "failed").then_some(outcome));
        self.finished.push(span);
    }

    /// Ends the step that runs, and a request of it that had no answer.
    fn end_step(&mut self, fact: &Fact, config: &Configured) {
        let turn = self.turn(fact);
        if let Some(began) = turn.request.take() {
            self.end_request(fact, began, config, Vec::new(), Some("no_response"));
        }
        let turn = self.turn(fact);
        let steps = turn.steps;
        let Some(began) = turn.step.take() else {
            return;
        };
        let parent = Some(root(fact.turn));
        let mut span = span(fact, began, "step", step(fact.turn, steps), parent);
        span.attributes = vec![number("interline.step", steps)];
        self.finished.push(span);
    }

    fn end_request(
        &mut self,
        fact: &Fact,
        began: u64,
        config: &Configured,
        more: Vec<KeyValue>,
        error: Option<&str>,
    ) {
        let steps = self.turn(fact).steps;
        let name = format!("chat {}", config.model);
        let id = step(fact.turn, steps) ^ 1 << 63;
        let mut span = span(fact, began, &name, id, Some(step(fact.turn, steps)));
        span.kind = SpanKind::Client.into();
        span.attributes = vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.provider.name", config.provider),
            text("gen_ai.request.model", &config.model),
        ];
        span.attributes.extend(more);
        span.attributes
            .extend(error.map(|error| text("error.type", error)));
        span.status = failed(error);
        self.finished.push(span);
    }

    fn end_call(&mut self, fact: &Fact, id: CallId, status: &'static str, metrics: &mut Metrics) {
        let turn = self.turn(fact);
        let steps = turn.steps;
        let Some(call) = turn.calls.remove(&id) else {
            return;
        };
        let attributes = vec![
            ("gen_ai.tool.name", call.tool.clone()),
            ("interline.status", status.to_owned()),
        ];
        metrics.observe(metrics::TOOL, attributes, seconds(call.began, fact.at));
        let name = format!("execute_tool {}", call.tool);
        let parent = Some(step(fact.turn, steps));
        let mut span = span(fact, call.began, &name, low(id.bits()), parent);
        span.attributes = vec![
            text("gen_ai.operation.name", "execute_tool"),
            text("gen_ai.tool.name", &call.tool),
            text("gen_ai.tool.call.id", &id.to_string()),
            text("interline.decision", call.decision),
            text("interline.status", status),
        ];
        let error = (status != "succeeded").then_some(status);
        span.attributes
            .extend(error.map(|error| text("error.type", error)));
        span.status = failed(error);
        self.finished.push(span);
    }
}

impl Turn {
    fn new(began: u64) -> Self {
        Self {
            began,
            input: 0,
            output: 0,
            steps: 0,
            step: None,
            request: None,
            stability: None,
            calls: HashMap::new(),
        }
    }
}

fn span(fact: &Fact, began: u64, name: &str, id: u64, parent: Option<u64>) -> Span {
    Span {
        trace_id: fact.turn.bits().to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: parent
            .map(|id| id.to_be_bytes().to_vec())
            .unwrap_or_default(),
        name: name.to_owned(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: began,
        end_time_unix_nano: fact.at.max(began),
        ..Span::default()
    }
}

fn failed(error: Option<&str>) -> Option<Status> {
    error.map(|_| Status {
        code: StatusCode::Error.into(),
        ..Status::default()
    })
}

fn root(turn: TurnId) -> u64 {
    low(turn.bits())
}

/// Steps have no id of their own in the log.
fn step(turn: TurnId, number: u64) -> u64 {
    root(turn) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The half of an id that is random; never 0, which means no span.
fn low(bits: u128) -> u64 {
    (bits as u64).max(1)
}

fn seconds(began: u64, ended: u64) -> f64 {
    ended.saturating_sub(began) as f64 / 1e9
}
