//! One request in, one plan out: runs the checks, picks the step, remembers. Pure apart from its own state.

use std::collections::HashMap;

use serde_json::Value;

use crate::check::{Check, Findings, Violation};
use crate::conversation::Conversations;
use crate::http::Request;
use crate::play::{Plan, Stream};
use crate::record::RecordedRequest;
use crate::script::{Expect, Fault, Rule, Script, StatusFault, Step, StreamFault, Usage, When};
use crate::wire::{Sent, View, Wire};

/// All that the server remembers.
#[derive(Default)]
pub(crate) struct Session {
    script: Script,
    next: usize,
    /// By conversation and rule.
    walks: HashMap<(usize, usize), Walk>,
    conversations: Conversations,
    sent: Sent,
    pub(crate) requests: Vec<RecordedRequest>,
    pub(crate) violations: Vec<Violation>,
}

/// A conversation's way through a rule's steps.
#[derive(Clone, Copy, Default)]
struct Walk {
    next: usize,
    failed: bool,
}

/// Where a step comes from; taken only when the request is good.
enum Source {
    Step,
    Rule(usize, usize),
    Over,
}

impl Session {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script,
            ..Self::default()
        }
    }

    /// Steps that no request has asked for yet.
    pub(crate) fn steps_left(&self) -> usize {
        let all = if self.script.repeat {
            0
        } else {
            self.script.steps.len()
        };
        all.saturating_sub(self.next)
    }

    /// Checks and records a request; tells what to answer.
    pub(crate) fn answer(&mut self, request: &Request) -> Plan {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let plan = self.plan(request, &body);
        self.requests.push(RecordedRequest {
            path: request.path.clone(),
            headers: request.headers.iter().map(redacted).collect(),
            body,
            raw: request.body.clone(),
            at: request.at,
            answered_at: None,
            client_gone: false,
            status: plan.status(),
        });
        plan
    }

    fn plan(&mut self, request: &Request, body: &Value) -> Plan {
        let mut found = Findings::default();
        let Some(wire) = Wire::of_path(&request.path).filter(|_| request.method == "POST") else {
            found.add(
                Check::Path,
                format!("no such endpoint: {} {}", request.method, request.path),
            );
            return self
                .refuse(Wire::Chat, 404, found, &[])
                .unwrap_or(Plan::Close);
        };
        found.require(body.is_object(), Check::Body, "the body is no JSON object");
        wire.check(request, body, &self.sent, &mut found);
        let view = wire.view(request, body);
        let place = self.conversations.place(wire, &view, &mut found);
        let (source, step) = self.pick(place, &view);
        expect(step.expect.as_ref(), &view, &mut found);
        if let Some(plan) = self.refuse(wire, 400, found, &step.allow) {
            return plan;
        }
        self.take(source, place, &step);
        self.conversations.advance(place, wire, view, step.fails());
        self.perform(wire, step, request, body)
    }

    /// The refusal, if a check that counts found something.
    fn refuse(
        &mut self,
        wire: Wire,
        status: u16,
        found: Findings,
        allow: &[Check],
    ) -> Option<Plan> {
        let request = self.requests.len();
        let counts = |check: &Check| !allow.contains(check) && !self.script.allow.contains(check);
        let new: Vec<Violation> = found
            .0
            .into_iter()
            .filter(|(check, _)| counts(check))
            .map(|(check, message)| Violation {
                request,
                check,
                message,
            })
            .collect();
        if new.is_empty() && status != 404 {
            return None;
        }
        let message = new
            .iter()
            .map(Violation::to_string)
            .collect::<Vec<_>>()
            .join("; ");
        self.violations.extend(new);
        Some(Plan::Whole {
            status,
            headers: Vec::new(),
            content_type: JSON,
            body: wire.error(status, &message).to_string(),
        })
    }

    fn pick(&self, place: usize, view: &View) -> (Source, Step) {
        let rules = self.script.rules.iter().enumerate();
        let matching =
            rules.filter_map(|(index, rule)| Some((weight(&rule.when, view)?, index, rule)));
        // Of equals the first: `max_by_key` takes the last.
        if let Some((_, index, rule)) = matching.rev().max_by_key(|(weight, ..)| *weight)
            && let Some((at, step)) = self.walk(place, index, rule, view)
        {
            return (Source::Rule(index, at), step);
        }
        match self.script.steps.get(self.next) {
            Some(step) => (Source::Step, step.clone()),
            None => (Source::Over, Step::say("script is over")),
        }
    }

    fn walk(&self, place: usize, index: usize, rule: &Rule, view: &View) -> Option<(usize, Step)> {
        let walk = self.walks.get(&(place, index)).copied().unwrap_or_default();
        let restarts = !view.continues && !walk.failed;
        let at = if restarts || walk.next >= rule.steps.len() {
            0
        } else {
            walk.next
        };
        rule.steps.get(at).map(|step| (at, step.clone()))
    }

    fn take(&mut self, source: Source, place: usize, step: &Step) {
        match source {
            Source::Rule(index, at) => {
                self.walks.insert(
                    (place, index),
                    Walk {
                        next: at + 1,
                        failed: step.fails(),
                    },
                );
            }
            Source::Step => {
                self.next += 1;
                if self.script.repeat && self.next == self.script.steps.len() {
                    self.next = 0;
                }
            }
            Source::Over => {}
        }
    }

    fn perform(&mut self, wire: Wire, step: Step, request: &Request, body: &Value) -> Plan {
        let fault = match &step.fault {
            Some(Fault::Status(fault)) => return status(wire, fault),
            Some(Fault::Stream(StreamFault::Close)) => return Plan::Close,
            Some(Fault::Stream(StreamFault::Hang)) => return Plan::Hang,
            Some(Fault::Stream(StreamFault::Empty)) => {
                return whole(200, "text/event-stream", String::new());
            }
            Some(Fault::Stream(StreamFault::Html)) => {
                return whole(200, "text/html", PORTAL.to_owned());
            }
            Some(Fault::Stream(fault)) => Some(*fault),
            None => None,
        };
        let usage = step
            .usage
            .unwrap_or_else(|| estimate(&step, request.body.len()));
        self.sent.paused |= step.stop == Some(crate::script::Stop::PauseTurn);
        let events = wire.render(&step, body, usage, &mut self.sent);
        Plan::Stream(Box::new(Stream {
            wire,
            events,
            fault,
            step,
        }))
    }
}

const JSON: &str = "application/json";
const PORTAL: &str = "<!doctype html><title>Sign in</title><p>Sign in to use this network.</p>";

fn whole(status: u16, content_type: &'static str, body: String) -> Plan {
    Plan::Whole {
        status,
        headers: Vec::new(),
        content_type,
        body,
    }
}

fn status(wire: Wire, fault: &StatusFault) -> Plan {
    let mut headers = Vec::new();
    headers.extend(
        fault
            .retry_after
            .map(|seconds| ("retry-after".to_owned(), seconds.to_string())),
    );
    headers.extend(
        fault
            .should_retry
            .map(|should| ("x-should-retry".to_owned(), should.to_string())),
    );
    let message = fault.message.as_deref().unwrap_or("scripted failure");
    let body = wire.error(fault.status, message).to_string();
    Plan::Whole {
        status: fault.status,
        headers,
        content_type: JSON,
        body,
    }
}

/// How strongly a rule applies, if it does: a condition on results beats one on the user's text, and of the texts
/// the one that the user said last.
fn weight(when: &When, view: &View) -> Option<usize> {
    let user = match &when.last_user_contains {
        Some(text) => view.last_user.rfind(text.as_str())?,
        None => 0,
    };
    match &when.last_result_contains {
        Some(text) => view
            .last_results
            .contains(text.as_str())
            .then_some(usize::MAX),
        None => Some(user),
    }
}

fn expect(expect: Option<&Expect>, view: &View, found: &mut Findings) {
    let Some(expect) = expect else { return };
    for text in &expect.contains {
        found.require(
            view.texts.contains(text.as_str()),
            Check::Expect,
            &format!("nowhere in the request: {text:?}"),
        );
    }
    for text in &expect.last_contains {
        found.require(
            view.last.contains(text.as_str()),
            Check::Expect,
            &format!("not in the last message: {text:?}"),
        );
    }
    for text in &expect.lacks {
        found.require(
            !view.texts.contains(text.as_str()),
            Check::Expect,
            &format!("unwanted in the request: {text:?}"),
        );
    }
    for tool in &expect.tools {
        found.require(
            view.tool_names.contains(tool),
            Check::Expect,
            &format!("tool not offered: {tool}"),
        );
    }
}

/// About four bytes make a token.
fn estimate(step: &Step, request_bytes: usize) -> Usage {
    let said = step.say.as_ref().map_or(6, String::len) * step.deltas.unwrap_or(1);
    let called: usize = step
        .calls
        .iter()
        .map(|call| call.tool.len() + call.input.to_string().len())
        .sum();
    let tokens = |bytes: usize| u64::try_from(bytes / 4 + 1).unwrap_or(u64::MAX);
    Usage {
        input: tokens(request_bytes),
        output: tokens(said + called),
        ..Usage::default()
    }
}

fn redacted((name, value): &(String, String)) -> (String, String) {
    let secret = matches!(
        name.as_str(),
        "authorization" | "x-api-key" | "cookie" | "proxy-authorization"
    );
    (
        name.clone(),
        if secret {
            "[redacted]".to_owned()
        } else {
            value.clone()
        },
    )
}
