//! The wire formats: how a request is written and how a streamed response is read.
//!
//! A codec writes canonical bytes, tools before system before messages, so that the next request begins with
//! the bytes of the one before. What came in a block goes back as it came (`raw`), but only to the wire that it
//! came from; for another wire it is written anew from the neutral view.

pub(crate) mod anthropic;
pub(crate) mod openai_chat;
pub(crate) mod openai_responses;

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use interline_log::SessionId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::sse;
use crate::{ErrorKind, ModelError, ModelEvent, ModelSpec, Provider, Request};

/// The path of the endpoint below the base URL.
pub(crate) fn path(provider: Provider) -> &'static str {
    match provider {
        Provider::Anthropic => "/v1/messages",
        Provider::OpenaiChat => "/chat/completions",
        Provider::OpenaiResponses => "/responses",
        Provider::Builtin => "",
    }
}

/// The body of a request: exactly what is sent. Depends on the request and on [`ModelSpec::encoding`], the provider and
/// the model's id.
///
/// # Errors
/// When the request can't be written as JSON.
pub fn encode(spec: &ModelSpec, request: &Request) -> Result<Bytes, ModelError> {
    match spec.provider {
        Provider::Anthropic => to_bytes(&anthropic::Body::new(spec, request)),
        Provider::OpenaiChat => to_bytes(&openai_chat::Body::new(spec, request)),
        Provider::OpenaiResponses => to_bytes(&openai_responses::Body::new(spec, request)),
        Provider::Builtin => to_bytes(request),
    }
}

fn to_bytes(body: &impl Serialize) -> Result<Bytes, ModelError> {
    let bytes = serde_json::to_vec(body);
    let failed = |error| {
        ModelError::new(
            ErrorKind::Config,
            format!("the request can't be written as JSON: {error}"),
        )
    };
    bytes.map(Bytes::from).map_err(failed)
}

/// What a provider caches of a body that [`encode`] made: tools, system and messages, up to the end of what was said
/// last. Without the marks for the cache, which the provider doesn't count as text, so in pieces; joined, they are a
/// prefix of those of the next body, unless something before its end has changed.
pub fn prefix(provider: Provider, body: &[u8]) -> impl Iterator<Item = &[u8]> {
    // Inside of a string its quotes would be escaped.
    const MARK: &[u8] = br#","cache_control":{"type":"ephemeral"}"#;
    let after: &[&[u8]] = match provider {
        Provider::Anthropic => &[br#"],"max_tokens":"#],
        Provider::OpenaiChat => &[br#"],"max_tokens":"#, br#"],"max_completion_tokens":"#],
        Provider::OpenaiResponses => &[br#"],"max_output_tokens":"#],
        Provider::Builtin => &[br#"],"max_output":"#],
    };
    let end = after
        .iter()
        .filter_map(|after| memchr::memmem::rfind(body, after))
        .max();
    let whole = body.get(..end.unwrap_or(body.len())).unwrap_or(body);
    // What closes the last message moves along when the next one adds to it.
    let said = unclosed(whole);
    let said = said.strip_suffix(unclosed(MARK)).map_or(said, unclosed);
    let mut from = 0;
    let marks = memchr::memmem::find_iter(said, MARK).map(Some);
    marks.chain([None]).map(move |mark| {
        let piece = said.get(from..mark.unwrap_or(said.len()));
        from = mark.map_or(said.len(), |mark| mark + MARK.len());
        piece.unwrap_or_default()
    })
}

/// JSON without the brackets and quotes that close it.
fn unclosed(json: &[u8]) -> &[u8] {
    let is_closing = |byte: &u8| matches!(byte, b']' | b'}' | b'"');
    let last = json.iter().rposition(|byte| !is_closing(byte));
    json.get(..last.map_or(0, |last| last + 1))
        .unwrap_or_default()
}

/// Reads one response.
pub(crate) trait Decoder: Send {
    /// Takes one event of the stream. True if it was part of the answer and not only a sign of life.
    fn event(&mut self, event: sse::Event<'_>, out: &mut Events) -> Result<bool, ModelError>;

    /// The body ended well.
    fn end(&mut self, out: &mut Events) -> Result<(), ModelError>;
}

/// A decoder for the response to `body`.
pub(crate) fn decoder(spec: &ModelSpec, body: &Bytes) -> Box<dyn Decoder> {
    match spec.provider {
        Provider::Anthropic => Box::new(anthropic::Reader::new(spec.clone())),
        Provider::OpenaiResponses => Box::new(openai_responses::Reader::new(spec.clone())),
        Provider::OpenaiChat | Provider::Builtin => {
            Box::new(openai_chat::Reader::new(spec.clone(), body))
        }
    }
}

/// What was read and not yet handed on.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<ModelEvent>);

impl Events {
    pub(crate) fn push(&mut self, event: ModelEvent) {
        self.0.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<ModelEvent> {
        self.0.pop_front()
    }

    /// More text: what came in one chunk goes on as one event, which is what makes long answers cheap.
    pub(crate) fn text(&mut self, more: &str) {
        match self.0.back_mut() {
            _ if more.is_empty() => {}
            Some(ModelEvent::TextDelta(text)) => text.push_str(more),
            _ => self.push(ModelEvent::TextDelta(more.to_owned())),
        }
    }

    pub(crate) fn thinking(&mut self, more: &str) {
        match self.0.back_mut() {
            _ if more.is_empty() => {}
            Some(ModelEvent::ThinkingDelta(text)) => text.push_str(more),
            _ => self.push(ModelEvent::ThinkingDelta(more.to_owned())),
        }
    }
}

/// A string of a frame, borrowed where it has no escapes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A frame of a stream; `None`, with a note in our own log, for what isn't one.
pub(crate) fn frame<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Option<T> {
    let frame = serde_json::from_slice(data);
    frame
        .inspect_err(
            |error| tracing::warn!(%error, bytes = data.len(), "skipped a line that is no frame"),
        )
        .ok()
}

/// Keeps a session's requests on one cache, at OpenAI. Gateways to other providers reject it as a parameter that
/// they can't translate (LiteLLM: HTTP 400, "does not support parameters: ['prompt_cache_key']").
fn cache_key(spec: &ModelSpec, request: &Request) -> Option<SessionId> {
    spec.is_openai().then_some(request.session)
}

/// A call's arguments as a JSON object: as the model wrote them, or wrapped so that it sees what was wrong
/// with them (the form that Anthropic's documentation of fine-grained tool streaming gives).
pub(crate) fn object(arguments: &str) -> Cow<'_, str> {
    let arguments = arguments.trim();
    if arguments.is_empty() {
        return Cow::Borrowed("{}");
    }
    let valid = arguments.starts_with('{') && serde_json::from_str::<&RawValue>(arguments).is_ok();
    if valid {
        Cow::Borrowed(arguments)
    } else {
        Cow::Owned(serde_json::json!({ "INVALID_JSON": arguments }).to_string())
    }
}

/// Text for the wires that have no flag for errors.
pub(crate) fn marked(content: &str, is_error: bool) -> Cow<'_, str> {
    let starts_so = content
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("error"));
    if is_error && !starts_so {
        Cow::Owned(format!("error: {content}"))
    } else {
        Cow::Borrowed(content)
    }
}

#[cfg(test)]
mod tests;
