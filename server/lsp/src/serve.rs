//! The serve loop: messages in, handlers polled in their order, messages out by one ordered outbox.
//!
//! Replies of the client, `exit` and the end of input are dealt with inline and never wait behind a request. Each
//! handler is polled once right here, so that what it does before its first await (text sync) happens in the order
//! of the messages; the rest of it runs beside, and a panic there is an error answer. Knows no method but `initialize`
//! and `exit`, and nothing of the agent.

mod frame;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::future::FutureExt as _;
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, BufWriter};
use tokio::sync::mpsc;
use tower::Service as _;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};
use tower_lsp::{ClientSocket, LanguageServer, LspService};

/// How often the client's process is looked for.
const ALIVE: Duration = Duration::from_secs(2);

/// What the outbox still may write once nobody listens any more.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Serves until `exit`, the end of input, or a broken stream.
pub(crate) async fn serve<I, O, S>(
    input: I,
    output: O,
    mut service: LspService<S>,
    socket: ClientSocket,
) -> std::io::Result<()>
where
    I: AsyncRead + Unpin + Send,
    O: AsyncWrite + Unpin + Send + 'static,
    S: LanguageServer,
{
    let (mut requests, mut replies) = socket.split();
    let (outbox, waiting) = mpsc::unbounded_channel::<Vec<u8>>();
    let writer = tokio::spawn(frame::write_all(BufWriter::new(output), waiting));
    let to_client = outbox.clone();
    let asking = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            send(&to_client, &request);
        }
    });
    let mut reader = frame::Reader::new(BufReader::with_capacity(1 << 16, input));
    let served = loop {
        let body = match reader.next().await {
            Ok(Some(body)) => body,
            Ok(None) => break Ok(()),
            Err(frame::Broken::Stream(error)) => break Err(error),
            Err(frame::Broken::Message(reason)) => {
                tracing::warn!(reason, "a message was skipped");
                send(
                    &outbox,
                    &Response::from_error(Id::Null, Error::parse_error()),
                );
                continue;
            }
        };
        match parse(&body) {
            Err(error) => send(&outbox, &Response::from_error(Id::Null, error)),
            Ok(Message::Reply(reply)) => {
                // Nobody may wait for it any more: that is no failure.
                let _ = replies.send(reply).await;
            }
            Ok(Message::Request(request)) => {
                let last = request.method() == "exit";
                call(&mut service, request, &outbox).await;
                if last {
                    break Ok(());
                }
            }
        }
    };
    asking.abort();
    drop((outbox, service));
    let _ = tokio::time::timeout(LAST_WORDS, writer).await;
    served
}

/// Resolves when the process is gone. Where processes can't be looked for, never.
pub(crate) async fn process_gone(process: u32) {
    let folder = std::path::Path::new("/proc").join(process.to_string());
    if !folder.exists() {
        std::future::pending::<()>().await;
    }
    while folder.exists() {
        tokio::time::sleep(ALIVE).await;
    }
}

enum Message {
    Request(Request),
    Reply(Response),
}

/// The members that tell the kinds apart. A reply also parses as a request, so `method` is looked at first.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

fn parse(body: &[u8]) -> Result<Message, Error> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Error::invalid_request());
    }
    let shape: Shape<'_> = serde_json::from_slice(body).map_err(|error| refuse(&error))?;
    if shape.method.is_some() {
        serde_json::from_slice(body)
            .map(Message::Request)
            .map_err(|error| refuse(&error))
    } else {
        serde_json::from_slice(body)
            .map(Message::Reply)
            .map_err(|error| refuse(&error))
    }
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

async fn call<S: LanguageServer>(
    service: &mut LspService<S>,
    request: Request,
    outbox: &mpsc::UnboundedSender<Vec<u8>>,
) {
    let id = request.id().cloned();
    let initialize = request.method() == "initialize";
    let mut handling = AssertUnwindSafe(service.call(request)).catch_unwind();
    // The service takes nothing else before it is initialised, so there is nothing to go on with meanwhile.
    let now = if initialize {
        Some((&mut handling).await)
    } else {
        (&mut handling).now_or_never()
    };
    match now {
        Some(done) => answer(outbox, id, done),
        None => {
            let outbox = outbox.clone();
            tokio::spawn(async move { answer(&outbox, id, handling.await) });
        }
    }
}

fn answer<E, P>(
    outbox: &mpsc::UnboundedSender<Vec<u8>>,
    id: Option<Id>,
    done: Result<Result<Option<Response>, E>, P>,
) {
    match done {
        Ok(Ok(Some(response))) => send(outbox, &response),
        // A notification, or a request after `exit`.
        Ok(Ok(None) | Err(_)) => {}
        Err(_panic) => {
            tracing::error!("a handler panicked");
            if let Some(id) = id {
                send(outbox, &Response::from_error(id, Error::internal_error()));
            }
        }
    }
}

fn send(outbox: &mpsc::UnboundedSender<Vec<u8>>, message: &impl serde::Serialize) {
    match serde_json::to_vec(message) {
        // The writer is gone when the client is.
        Ok(body) => drop(outbox.send(body)),
        Err(error) => tracing::error!(%error, "a message can't be written"),
    }
}

#[cfg(test)]
mod tests;
