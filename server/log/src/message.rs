//! The conversation with a model, in terms that every provider's codec can write.
//!
//! What a model said is kept as it came (`raw`), so that it goes back byte for byte, unknown fields and
//! signatures included, to the same wire format; the neutral view beside it serves everybody else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A wire format. Raw blocks go back only to the format that they came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wire {
    /// Anthropic Messages.
    Anthropic,
    /// OpenAI Chat Completions.
    OpenaiChat,
    /// OpenAI Responses.
    OpenaiResponses,
    /// The embedded rule engine.
    Builtin,
}

/// What the bytes of a request depend on, beside the model, its wire format and what is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encoding {
    /// Most tokens of one response, unless the request says otherwise.
    pub max_output: u32,
    /// How hard the model is to think; `None` leaves it to the provider.
    pub effort: Option<String>,
    /// OpenAI itself answers, or Azure for it: it takes members that others refuse.
    pub openai: bool,
}

/// One message. Roles alternate: tool results and what the user adds stand together in one user message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    /// What goes to the model: results of the calls before it first, then text.
    User {
        /// Never empty.
        content: Vec<UserBlock>,
    },
    /// What the model said.
    Assistant {
        /// The format that `raw` is in.
        wire: Wire,
        /// In the order in which they came.
        content: Vec<AssistantBlock>,
    },
}

/// A part of a user message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UserBlock {
    /// The outcome of a tool call.
    ToolResult(ToolResult),
    /// The request, steering, or the context that goes with either.
    Text {
        /// As sent.
        text: String,
    },
}

/// The one answer to a `tool_use`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The provider's id of the call.
    pub tool_use_id: String,
    /// What the model is told.
    pub content: String,
    /// True for everything but success.
    pub is_error: bool,
}

/// A part of what the model said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssistantBlock {
    /// The neutral view.
    pub content: AssistantContent,
    /// The block as it came, assembled from its deltas; `None` where the format has no such block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<serde_json::Value>,
}

/// What a block of the model's says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AssistantContent {
    /// Text for the user.
    Text {
        /// Markdown.
        text: String,
    },
    /// Thinking, possibly signed or encrypted (then only in `raw`).
    Thinking {
        /// The readable part, possibly empty.
        text: String,
    },
    /// A call of a tool.
    ToolUse {
        /// The provider's id, to be answered once.
        id: String,
        /// The tool's name as the model wrote it.
        name: String,
        /// The input's JSON text as streamed; it need not be valid.
        arguments: String,
    },
    /// A block that we don't know; it only goes back.
    Other,
}

/// Why a response stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The answer is complete.
    EndTurn,
    /// Calls wait for their results.
    ToolUse,
    /// The output limit was reached.
    MaxTokens,
    /// The provider paused a long turn: send the same again with what came.
    PauseTurn,
    /// The model refused.
    Refusal,
    /// Something that we don't know; treated as the end of the answer.
    Other(String),
}

/// Tokens of one response. Input counts exclude what was read from or written to a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Usage {
    /// Uncached input tokens.
    pub input: u64,
    /// Output tokens, thinking included.
    pub output: u64,
    /// Input tokens read from the prompt cache.
    pub cache_read: u64,
    /// Input tokens written to the prompt cache.
    pub cache_write: u64,
}

impl Usage {
    /// All tokens that the request and its response took.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input + self.output + self.cache_read + self.cache_write
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
    }
}
