//! A response that is being read: chunks in, events out, and the clocks that say when to give up.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use reqwest::Response;
use tokio::time::{Instant, Sleep};

use super::{innermost, read_capped};
use crate::codec::{Decoder, Events};
use crate::{ErrorKind, ModelError, ModelEvent, sse};

/// Most chunks that are read before their events go on.
const MOST_AT_ONCE: usize = 32;

/// How long to wait for signs of life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// For any byte.
    pub(crate) silent: Duration,
    /// For a part of the answer; pings don't count.
    pub(crate) content: Duration,
}

impl Default for Clocks {
    fn default() -> Self {
        Self {
            silent: Duration::from_secs(60),
            content: Duration::from_secs(300),
        }
    }
}

/// A response that is being read.
pub(super) struct Reading {
    response: Response,
    parser: sse::Parser,
    decoder: Box<dyn Decoder>,
    events: Events,
    /// What ended the stream, to be told after the events before it.
    end: Option<ModelError>,
    clocks: Clocks,
    last_byte: Instant,
    last_content: Instant,
    /// Set once for the next possible time-out and moved only when it rings: cheaper than per chunk.
    alarm: Pin<Box<Sleep>>,
}

impl Reading {
    pub(super) fn new(response: Response, decoder: Box<dyn Decoder>, clocks: Clocks) -> Self {
        let now = Instant::now();
        Self {
            response,
            parser: sse::Parser::new(),
            decoder,
            events: Events::default(),
            end: None,
            clocks,
            last_byte: now,
            last_content: now,
            alarm: Box::pin(tokio::time::sleep(clocks.silent.min(clocks.content))),
        }
    }

    pub(super) async fn next(&mut self) -> Result<ModelEvent, ModelError> {
        loop {
            if let Some(event) = self.events.pop() {
                return Ok(event);
            }
            if let Some(error) = self.end.take() {
                return Err(error);
            }
            self.read().await;
        }
    }

    /// Waits for a chunk, and takes those that are right behind it too, so that they go on as one event.
    async fn read(&mut self) {
        let first = self.chunk().await;
        self.accept(first);
        for _ in 1..MOST_AT_ONCE {
            if self.end.is_some() {
                return;
            }
            // The connection's own task hands over one chunk at a time: it needs its turn.
            tokio::task::yield_now().await;
            match self.chunk().now_or_never() {
                Some(more) => self.accept(more),
                None => return,
            }
        }
    }

    fn accept(&mut self, read: Result<Option<Bytes>, ModelError>) {
        match read {
            Ok(Some(chunk)) => self.take(&chunk),
            Ok(None) => {
                let end = self.decoder.end(&mut self.events).err();
                self.end = Some(end.unwrap_or_else(ModelError::cut));
            }
            Err(error) => self.end = Some(error),
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, ModelError> {
        loop {
            tokio::select! {
                biased;
                chunk = self.response.chunk() => {
                    self.last_byte = Instant::now();
                    return chunk.map_err(|error| ModelError::cut_off(&innermost(&error)));
                }
                () = self.alarm.as_mut() => {
                    let next = self.expiry()?;
                    self.alarm.as_mut().reset(next);
                }
            }
        }
    }

    /// When the next clock runs out, or the error if one did.
    fn expiry(&self) -> Result<Instant, ModelError> {
        let silent_at = self.last_byte + self.clocks.silent;
        let content_at = self.last_content + self.clocks.content;
        let now = Instant::now();
        if silent_at <= now {
            return Err(silent("the connection went silent", self.clocks.silent));
        }
        if content_at <= now {
            return Err(silent(
                "the server is alive but sends no answer",
                self.clocks.content,
            ));
        }
        Ok(silent_at.min(content_at))
    }

    fn take(&mut self, chunk: &[u8]) {
        let Self {
            parser,
            decoder,
            events,
            end,
            ..
        } = self;
        let mut content = false;
        let fed = parser.feed(chunk, |event| {
            if end.is_none() {
                match decoder.event(event, events) {
                    Ok(more) => content |= more,
                    Err(error) => *end = Some(error),
                }
            }
        });
        if fed.is_err() && end.is_none() {
            *end = Some(ModelError::new(
                ErrorKind::Protocol,
                "the server sent an event that is too large to take",
            ));
        }
        if content {
            self.last_content = self.last_byte;
        }
    }

    /// Reads the end of the body, so that the connection can carry the next request.
    pub(super) fn release(self) {
        let mut response = self.response;
        if let Some(Ok(None) | Err(_)) = response.chunk().now_or_never() {
            return;
        }
        tokio::spawn(tokio::time::timeout(
            Duration::from_secs(1),
            read_capped(response, 4 << 10),
        ));
    }
}

pub(super) fn silent(what: &str, waited: Duration) -> ModelError {
    ModelError::new(
        ErrorKind::Silent,
        format!("{what} for {} s", waited.as_secs()),
    )
}
