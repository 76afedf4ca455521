//! OpenAI Responses (<https://platform.openai.com/docs/api-reference/responses>), streaming and stateless:
//! nothing is stored at the provider, reasoning travels encrypted.

mod read;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::Body;
