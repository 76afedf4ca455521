//! Models: a request goes in, a stream of events comes out. All HTTP of Interline lives here.
//!
//! A [`ModelClient`] makes exactly one attempt per [`ModelClient::send`]; whether and when to try again is
//! the turn loop's decision, by [`ModelError::class`] and [`Backoff`]. Nothing here runs a tool, writes a log
//! or reads the environment.

mod auto;
mod backoff;
mod builtin;
mod client;
mod codec;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod post;
mod prices;
mod provider_error;
mod spec;
mod sse;

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use interline_log::{AssistantBlock, Message, SessionId, StopReason, ToolDefinition, Usage};
use serde::{Deserialize, Serialize};

pub use auto::{Environment, find_auto};
pub use backoff::Backoff;
pub use client::client;
pub use codec::{encode, prefix};
pub use error::{ErrorClass, ErrorKind, ModelError};
pub use post::Endpoint;
pub use spec::{ModelSpec, Price, Provider, Secret, cost_micro_usd, edit_format};

/// What a model is asked. The parts stand in the order of the prompt cache: each is frozen or only grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The tools on offer, in their frozen order.
    pub tools: Arc<[ToolDefinition]>,
    /// The system prompt.
    pub system: String,
    /// The conversation so far. The last message is the user's, except to go on after a pause.
    pub messages: Vec<Message>,
    /// Most tokens of the response; `None` takes [`ModelSpec::max_output`].
    pub max_output: Option<u32>,
    /// Names the prompt cache where the provider wants a name.
    pub session: SessionId,
}

/// One model behind one wire format.
pub trait ModelClient: Send + Sync {
    /// What it is.
    fn spec(&self) -> &ModelSpec;

    /// The exact body of the request. Pure: the same request gives the same bytes in every build of this
    /// version, so that replay can compare their hash.
    ///
    /// # Errors
    /// When the request can't be written as JSON.
    fn encode(&self, request: &Request) -> Result<Bytes, ModelError>;

    /// Sends a body that [`Self::encode`] made: one attempt. Ends after [`ModelEvent::Stopped`] or after the
    /// first error. Dropping the stream aborts the attempt.
    fn send(&self, body: Bytes) -> BoxStream<'static, Result<ModelEvent, ModelError>>;
}

/// What a model says, as it says it.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelEvent {
    /// More of the text for the user. Deltas that came together come as one.
    TextDelta(String),
    /// More of the readable thinking.
    ThinkingDelta(String),
    /// A call of this tool is being written.
    ToolStarted {
        /// As the model wrote it.
        name: String,
    },
    /// A block is complete. Deltas before it were parts of it.
    Block(AssistantBlock),
    /// The response is complete. Comes exactly once, last; a stream that ends otherwise yields an error.
    Stopped {
        /// Why.
        reason: StopReason,
        /// What it took.
        usage: Usage,
    },
}
