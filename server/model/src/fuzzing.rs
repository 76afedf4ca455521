//! The door for `tests/fuzz`: not an interface.

use bytes::Bytes;
use interline_log::EditFormat;

use crate::codec::{Events, decoder};
use crate::{ModelError, ModelEvent, ModelSpec, Provider, sse};

/// What a provider's stream says when it comes in these chunks. After an error nothing more is read, as in a real response.
pub fn decode<'a>(
    provider: Provider,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Vec<Result<ModelEvent, String>> {
    let spec = ModelSpec {
        name: String::new(),
        provider,
        id: String::new(),
        base_url: String::new(),
        api_key: None,
        context_window: 1000,
        max_output: 1000,
        effort: None,
        edit_format: EditFormat::default(),
        price: None,
    };
    let (mut parser, mut events) = (sse::Parser::new(), Events::default());
    let mut decoder = decoder(&spec, &Bytes::new());
    let mut end: Option<ModelError> = None;
    for chunk in chunks {
        let fed = parser.feed(chunk, |event| {
            if end.is_none() {
                end = decoder.event(event, &mut events).err();
            }
        });
        if fed.is_err() || end.is_some() {
            break;
        }
    }
    if end.is_none() {
        end = decoder.end(&mut events).err();
    }
    let end = end.unwrap_or_else(ModelError::cut);
    let mut said = Vec::new();
    while let Some(event) = events.pop() {
        let stopped = matches!(event, ModelEvent::Stopped { .. });
        said.push(Ok(event));
        if stopped {
            return said;
        }
    }
    said.push(Err(end.to_string()));
    said
}
