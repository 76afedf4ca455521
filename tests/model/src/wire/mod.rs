//! The three wire formats behind one face: a request becomes a [`View`], a step becomes a [`Reply`].

mod anthropic;
mod chat;
mod responses;

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::check::Findings;
use crate::http::Request;
use crate::script::{Newline, Step, Usage};

/// A format, told by the request's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Anthropic,
    Chat,
    Responses,
}

/// What the script and the prefix check need to know of a request, in no format's terms.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) model: String,
    /// Tools without cache breakpoints.
    pub(crate) tools: String,
    /// Tools as they were sent, byte for byte.
    pub(crate) raw_tools: String,
    pub(crate) tool_names: Vec<String>,
    pub(crate) system: String,
    /// One entry per content block, without cache breakpoints: must only ever grow.
    pub(crate) items: Vec<String>,
    /// The model has spoken before.
    pub(crate) replied: bool,
    /// What the user said in this turn.
    pub(crate) last_user: String,
    /// The tool results since the model's last word.
    pub(crate) last_results: String,
    /// Everything since the model's last word.
    pub(crate) last: String,
    /// There are tool results since the model's last word.
    pub(crate) continues: bool,
    /// The next thing that the user says starts a turn.
    at_rest: bool,
    /// Every text of the request.
    pub(crate) texts: String,
}

/// What the server has sent so far and wants back as it was.
#[derive(Default)]
pub(crate) struct Sent {
    serial: u64,
    /// Thinking blocks by signature (or data, or item id).
    thinking: HashMap<String, Value>,
    /// The thinking that came with a call.
    with_call: HashMap<String, Vec<String>>,
    /// An answer has ended in `pause_turn`, so one may end with the assistant's message.
    pub(crate) paused: bool,
}

/// A server-sent event.
#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) data: String,
}

/// A part of an answer, cut into deltas.
enum Block {
    Think {
        deltas: Vec<String>,
        signature: String,
    },
    Redacted(String),
    Text(Vec<String>),
    Call {
        id: String,
        name: String,
        deltas: Vec<String>,
    },
}

impl Wire {
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        match path.split('?').next().unwrap_or(path) {
            "/v1/messages" => Some(Self::Anthropic),
            "/v1/chat/completions" => Some(Self::Chat),
            "/v1/responses" => Some(Self::Responses),
            _ => None,
        }
    }

    pub(crate) fn view(self, request: &Request, body: &Value) -> View {
        let view = match self {
            Self::Anthropic => anthropic::view(body),
            Self::Chat => chat::view(body),
            Self::Responses => responses::view(body),
        };
        View {
            raw_tools: raw_tools(&request.body),
            ..view
        }
    }

    pub(crate) fn check(self, request: &Request, body: &Value, sent: &Sent, found: &mut Findings) {
        match self {
            Self::Anthropic => anthropic::check(request, body, sent, found),
            Self::Chat => chat::check(request, body, found),
            Self::Responses => responses::check(request, body, sent, found),
        }
    }

    pub(crate) fn render(
        self,
        step: &Step,
        body: &Value,
        usage: Usage,
        sent: &mut Sent,
    ) -> Vec<Event> {
        match self {
            Self::Anthropic => anthropic::render(step, body, usage, sent),
            Self::Chat => chat::render(step, body, usage, sent),
            Self::Responses => responses::render(step, body, usage, sent),
        }
    }

    /// The body of an HTTP error.
    pub(crate) fn error(self, status: u16, message: &str) -> Value {
        match self {
            Self::Anthropic => anthropic::error(kind(status), message),
            Self::Chat | Self::Responses => {
                json!({"error": {"message": message, "type": kind(status), "param": null, "code": null}})
            }
        }
    }

    /// The event that reports a failure in the middle of a stream.
    pub(crate) fn error_event(self) -> Event {
        let message = "scripted failure in the middle of the stream";
        match self {
            Self::Anthropic => Event::of("error", &anthropic::error("overloaded_error", message)),
            Self::Chat => Event::of("", &self.error(500, message)),
            Self::Responses => responses::failed(message),
        }
    }

    /// A keep-alive without content.
    pub(crate) fn ping(self) -> &'static str {
        match self {
            Self::Anthropic => "event: ping\ndata: {\"type\":\"ping\"}\n\n",
            Self::Chat | Self::Responses => ": keep-alive\n\n",
        }
    }

    /// How many of the last events make the message complete.
    pub(crate) fn ending(self, events: &[Event]) -> usize {
        match self {
            Self::Anthropic => 2,
            Self::Chat => events
                .iter()
                .rev()
                .take_while(|event| !event.data.contains("\"delta\":{\""))
                .count(),
            Self::Responses => 1,
        }
    }
}

fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

impl View {
    fn model_spoke(&mut self) {
        self.last_results.clear();
        self.last.clear();
        self.continues = false;
        self.at_rest = true;
        self.replied = true;
    }

    /// Text beside or after tool results is steering or context: it belongs to the turn that is going on.
    fn user_said(&mut self, text: &str) {
        if std::mem::take(&mut self.at_rest) {
            self.last_user.clear();
        }
        self.last_user.push_str(text);
        self.said(text);
    }

    fn tool_answered(&mut self, text: &str) {
        self.at_rest = false;
        self.continues = true;
        self.last_results.push_str(text);
        self.said(text);
    }

    fn said(&mut self, text: &str) {
        self.last.push_str(text);
        self.texts.push_str(text);
    }
}

impl Event {
    fn of(name: &'static str, data: &Value) -> Self {
        Self {
            name,
            data: data.to_string(),
        }
    }

    /// The event as it goes over the wire.
    pub(crate) fn frame(&self, newline: Newline) -> String {
        let text = match self.name {
            "" => format!("data: {}\n\n", self.data),
            name => format!("event: {name}\ndata: {}\n\n", self.data),
        };
        match newline {
            Newline::Lf => text,
            Newline::CrLf => text.replace('\n', "\r\n"),
            Newline::Cr => text.replace('\n', "\r"),
        }
    }
}

impl Sent {
    /// A fresh id, unique in this server.
    fn id(&mut self, prefix: &str) -> String {
        self.serial += 1;
        format!("{prefix}{:06}", self.serial)
    }

    fn remember(&mut self, thinking: Vec<(String, Value)>, calls: Vec<String>) {
        for call in calls {
            self.with_call
                .insert(call, thinking.iter().map(|(key, _)| key.clone()).collect());
        }
        self.thinking.extend(thinking);
    }

    fn blocks(&mut self, step: &Step, call_prefix: &str) -> Vec<Block> {
        let mut blocks = Vec::new();
        let size = step.delta_bytes.unwrap_or(24);
        if let Some(text) = &step.think {
            let signature = format!("{}+/sIgN==", self.id("EqQB"));
            blocks.push(Block::Think {
                deltas: chunks(text, size),
                signature,
            });
        }
        blocks.extend(step.redacted.clone().map(Block::Redacted));
        match (step.deltas, &step.say) {
            (Some(times), say) => blocks.push(Block::Text(vec![
                say.clone()
                    .unwrap_or("lorem ".into());
                times
            ])),
            (None, Some(text)) => blocks.push(Block::Text(chunks(text, size))),
            (None, None) => {}
        }
        for call in &step.calls {
            let arguments = call
                .raw_arguments
                .clone()
                .unwrap_or_else(|| call.input.to_string());
            blocks.push(Block::Call {
                id: call.id.clone().unwrap_or_else(|| self.id(call_prefix)),
                name: call.tool.clone(),
                deltas: chunks(&arguments, size),
            });
        }
        blocks
    }
}

/// One event per delta. Equal neighbours are rendered once: a long filler must not delay its own first byte.
fn each<T: PartialEq>(deltas: &[T], render: impl Fn(&T) -> Event) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::with_capacity(deltas.len());
    let mut before: Option<&T> = None;
    for delta in deltas {
        let event = match (events.last(), before) {
            (Some(event), Some(before)) if before == delta => event.clone(),
            _ => render(delta),
        };
        events.push(event);
        before = Some(delta);
    }
    events
}

/// Cuts after at least `size` bytes, at characters.
fn chunks(text: &str, size: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut one = String::new();
    for c in text.chars() {
        one.push(c);
        if one.len() >= size.max(1) {
            all.push(std::mem::take(&mut one));
        }
    }
    if !one.is_empty() {
        all.push(one);
    }
    all
}

fn raw_tools(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        tools: Option<&'a RawValue>,
    }
    let raw = serde_json::from_slice::<Raw<'_>>(body).ok();
    raw.and_then(|raw| raw.tools)
        .map(|tools| tools.get().to_owned())
        .unwrap_or_default()
}

/// The value without cache breakpoints, as text: key order counts, for it counts for the provider's cache.
fn canonical(value: &Value) -> String {
    fn strip(value: &Value) -> Value {
        match value {
            Value::Object(map) => map
                .iter()
                .filter(|(key, _)| *key != "cache_control")
                .map(|(key, value)| (key.clone(), strip(value)))
                .collect(),
            Value::Array(all) => all.iter().map(strip).collect(),
            other => other.clone(),
        }
    }
    strip(value).to_string()
}

/// Every string in the value, one per line.
fn texts(value: &Value) -> String {
    let mut out = String::new();
    collect(value, &mut out);
    out
}

fn collect(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Value::Array(all) => all.iter().for_each(|value| collect(value, out)),
        Value::Object(map) => map.values().for_each(|value| collect(value, out)),
        _ => {}
    }
}

/// The elements of an array; none of anything else.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
