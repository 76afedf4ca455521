//! The serve loop: messages in, handlers polled in their order, messages out by one ordered outbox.
//!
//! Replies of the client, `exit` and the end of input are dealt with inline and never wait behind a request. Each
//! handler is polled once right here, so that what it does before its first await (text sync) happens in the order
//! of the messages; the rest of it runs beside, and a panic there is an error answer. Knows no method but `initialize`
//! and `exit`, and nothing of the agent.

pub(crate) mod frame;
mod message;
mod outbox;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::SinkExt as _;
use futures::future::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::task::JoinSet;
use tower::Service as _;
use tower_lsp::jsonrpc::{Error, Id, Request, Response};
use tower_lsp::{ClientSocket, LanguageServer, LspService};

use message::Message;
use outbox::Outbox;

/// How often the client's process is looked for.
const ALIVE: Duration = Duration::from_secs(2);

/// What the outbox still may write once nobody listens any more.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Serves until `exit`, the end of input, or a broken stream. `replied` sees each reply of the client's first.
pub(crate) async fn serve<I, O, S>(
    input: I,
    output: O,
    mut service: LspService<S>,
    socket: ClientSocket,
    replied: impl Fn(&Response) + Send,
) -> std::io::Result<()>
where
    I: AsyncRead + Unpin + Send,
    O: AsyncWrite + Unpin + Send + 'static,
    S: LanguageServer,
{
    let (requests, mut replies) = socket.split();
    let (outbox, writer) = outbox::open(output, requests);
    let mut handlers = JoinSet::new();
    let mut reader = frame::Reader::new(BufReader::with_capacity(1 << 16, input));
    let served = loop {
        let body = match reader.next().await {
            Ok(Some(body)) => body,
            Ok(None) => break Ok(()),
            Err(frame::Broken::Stream(error)) => break Err(error),
            Err(frame::Broken::Message(reason)) => {
                tracing::warn!(reason, "a message was skipped");
                outbox.send(&Response::from_error(Id::Null, Error::parse_error()));
                continue;
            }
        };
        match message::parse(&body) {
            Err(error) => outbox.send(&Response::from_error(Id::Null, error)),
            Ok(Message::Reply(reply)) => {
                replied(&reply);
                // Nobody may wait for it any more: that is no failure.
                let _ = replies.send(reply).await;
            }
            Ok(Message::Request(request)) => {
                let last = request.method() == "exit";
                call(&mut service, request, &outbox, &mut handlers).await;
                if last {
                    break Ok(());
                }
            }
        }
    };
    drop((outbox, service));
    // What still waits after that is dropped with `handlers`.
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

async fn call<S: LanguageServer>(
    service: &mut LspService<S>,
    request: Request,
    outbox: &Outbox,
    handlers: &mut JoinSet<()>,
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
            // Those that are done leave their places.
            while handlers.try_join_next().is_some() {}
            handlers.spawn(async move { answer(&outbox, id, handling.await) });
        }
    }
}

fn answer<E, P>(outbox: &Outbox, id: Option<Id>, done: Result<Result<Option<Response>, E>, P>) {
    match done {
        Ok(Ok(Some(response))) => outbox.send(&response),
        // A notification, or a request after `exit`.
        Ok(Ok(None) | Err(_)) => {}
        Err(_panic) => {
            tracing::error!("a handler panicked");
            if let Some(id) = id {
                outbox.send(&Response::from_error(id, Error::internal_error()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
