//! Anthropic Messages (<https://docs.anthropic.com/en/api/messages>, version 2023-06-01), streaming.

mod read;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::Body;
