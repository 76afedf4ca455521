//! Bodies to messages (JSON-RPC 2.0 as LSP 3.17 uses it), each parsed once.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};

pub(super) enum Message {
    /// A request or a notification.
    Request(Request),
    Reply(Response),
}

#[derive(Deserialize)]
enum Version {
    #[serde(rename = "2.0")]
    Two,
}

/// The members of every kind of message: `method` tells which it is.
#[derive(Deserialize)]
struct Members {
    #[serde(rename = "jsonrpc")]
    _version: Version,
    method: Option<String>,
    #[serde(default, deserialize_with = "present")]
    params: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    id: Option<Id>,
    #[serde(default)]
    result: Value,
    error: Option<Value>,
}

/// A member that is null is still there.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

pub(super) fn parse(body: &[u8]) -> Result<Message, Error> {
    // A batch; serde would take it for the members in their order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Error::invalid_request());
    }
    let members: Members = serde_json::from_slice(body).map_err(|error| refuse(&error))?;
    match (members.method, members.id) {
        (Some(method), id) => Ok(Message::Request(request(method, id, members.params))),
        // Clients whose language has no null leave an empty result out.
        (None, Some(id)) => Ok(Message::Reply(match members.error {
            None => Response::from_ok(id, members.result),
            Some(error) => Response::from_error(
                id,
                serde_json::from_value(error).unwrap_or_else(|_| Error::internal_error()),
            ),
        })),
        (None, None) => Err(Error::invalid_request()),
    }
}

fn request(method: String, id: Option<Id>, params: Option<Value>) -> Request {
    let mut request = Request::build(method);
    if let Some(id) = id {
        request = request.id(id);
    }
    if let Some(params) = params {
        request = request.params(params);
    }
    request.finish()
}

fn refuse(error: &serde_json::Error) -> Error {
    let mut refused = if error.is_data() {
        Error::invalid_request()
    } else {
        Error::parse_error()
    };
    refused.message = format!("{}: {error}", refused.message).into();
    refused
}
