//! OpenAI Chat Completions (<https://platform.openai.com/docs/api-reference/chat>), streaming, and what other
//! servers made of it: Ollama, llama.cpp, vLLM, DeepSeek, OpenRouter and gateways.

mod read;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::Body;
