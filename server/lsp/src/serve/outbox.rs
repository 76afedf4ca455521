//! The one ordered way out: what a handler told or asked the client goes before the handler's answer.
//!
//! Answers and the client's handle come by two channels, so an answer waits until the other channel is emptied.
//! Neither ever waits for the client to read.

use futures::future::FutureExt as _;
use futures::stream::{FusedStream, StreamExt as _};
use tokio::io::{AsyncWrite, BufWriter};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tower_lsp::jsonrpc::{Request, Response};

use super::frame;

/// Where answers go.
#[derive(Clone)]
pub(super) struct Outbox(UnboundedSender<Vec<u8>>);

impl Outbox {
    pub(super) fn send(&self, response: &Response) {
        send(&self.0, response);
    }
}

/// The outbox, and its writer, which ends once every clone of the outbox is gone or the client is.
pub(super) fn open<O>(
    output: O,
    requests: impl FusedStream<Item = Request> + Unpin + Send + 'static,
) -> (Outbox, JoinHandle<()>)
where
    O: AsyncWrite + Unpin + Send + 'static,
{
    let (answer, answers) = mpsc::unbounded_channel();
    let (body, bodies) = mpsc::unbounded_channel();
    tokio::spawn(order(requests, answers, body));
    (Outbox(answer), tokio::spawn(write_all(output, bodies)))
}

async fn order(
    mut requests: impl FusedStream<Item = Request> + Unpin,
    mut answers: UnboundedReceiver<Vec<u8>>,
    bodies: UnboundedSender<Vec<u8>>,
) {
    loop {
        tokio::select! {
            // The stream ends at `exit`, but answers may still come.
            Some(request) = requests.next() => send(&bodies, &request),
            answer = answers.recv() => {
                while let Some(Some(request)) = requests.next().now_or_never() {
                    send(&bodies, &request);
                }
                match answer {
                    Some(answer) => drop(bodies.send(answer)),
                    None => return,
                }
            }
        }
    }
}

fn send(bodies: &UnboundedSender<Vec<u8>>, message: &impl serde::Serialize) {
    match serde_json::to_vec(message) {
        // The writer is gone when the client is.
        Ok(body) => drop(bodies.send(body)),
        Err(error) => tracing::error!(%error, "a message can't be written"),
    }
}

async fn write_all<O: AsyncWrite + Unpin>(output: O, mut bodies: UnboundedReceiver<Vec<u8>>) {
    let mut output = BufWriter::new(output);
    while let Some(body) = bodies.recv().await {
        if let Err(error) = frame::write(&mut output, &body, bodies.is_empty()).await {
            tracing::debug!(%error, "the client is gone");
            return;
        }
    }
}
