//! Plays a plan on a socket: pauses, splits, cuts and hangs happen here and nowhere else.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::http;
use crate::script::{Step, StreamFault};
use crate::wire::{Event, Wire};

/// Bytes that go out in one write where nothing else is asked for.
const BLOCK: usize = 64 * 1024;

/// What to answer.
pub(crate) enum Plan {
    Whole {
        status: u16,
        headers: Vec<(String, String)>,
        content_type: &'static str,
        body: String,
    },
    Stream(Box<Stream>),
    Close,
    Hang,
}

/// An event stream and what happens to it.
pub(crate) struct Stream {
    pub(crate) wire: Wire,
    pub(crate) events: Vec<Event>,
    pub(crate) fault: Option<StreamFault>,
    pub(crate) step: Step,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All is written; the connection may carry another request.
    Answered,
    /// The script broke the connection off.
    Broken,
    ClientGone,
}

impl Plan {
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Whole { status, .. } => *status,
            Self::Stream(_) => 200,
            Self::Close | Self::Hang => 0,
        }
    }
}

/// Writes the answer. An error of the socket means that the client left.
pub(crate) async fn play(plan: Plan, socket: &mut TcpStream) -> End {
    let end = match plan {
        Plan::Whole {
            status,
            headers,
            content_type,
            body,
        } => {
            let mut bytes = http::head(status, content_type, &headers, body.len()).into_bytes();
            bytes.extend_from_slice(body.as_bytes());
            socket.write_all(&bytes).await.map(|()| End::Answered)
        }
        Plan::Stream(stream) => stream.play(socket).await,
        Plan::Close => Ok(End::Broken),
        Plan::Hang => {
            gone(socket).await;
            Ok(End::ClientGone)
        }
    };
    end.unwrap_or(End::ClientGone)
}

impl Stream {
    async fn play(mut self, socket: &mut TcpStream) -> io::Result<End> {
        self.spoil();
        pause(socket, self.step.delay_ms).await?;
        let mut out = Out {
            socket,
            split: self.step.split,
            bytes: Vec::new(),
        };
        out.bytes
            .extend_from_slice(http::stream_head(&[]).as_bytes());
        match self.fault {
            Some(StreamFault::CutAfterBytes(length)) => {
                out.part(&self.text(), length).await.map(|()| End::Broken)
            }
            Some(StreamFault::HangAfterBytes(length)) => {
                out.part(&self.text(), length).await?;
                gone(out.socket).await;
                Ok(End::ClientGone)
            }
            Some(StreamFault::PingsEveryMs(pause)) => self.ping(&mut out, pause).await,
            _ => self.whole(&mut out).await,
        }
    }

    /// Does to the list of events what the fault asks for.
    fn spoil(&mut self) {
        let middle = self.events.len() / 2;
        match self.fault {
            Some(StreamFault::NoStop) => {
                let ending = self.wire.ending(&self.events);
                self.events
                    .truncate(self.events.len().saturating_sub(ending));
            }
            Some(StreamFault::ErrorEvent) => {
                self.events.truncate(middle);
                self.events.push(self.wire.error_event());
            }
            Some(StreamFault::GarbageData) => {
                let name = self.events.get(middle).map_or("", |event| event.name);
                let data = "{\"type\": not json".to_owned();
                self.events.insert(middle, Event { name, data });
            }
            Some(StreamFault::UnknownEvent) => {
                let data = r#"{"type":"scripted.unknown","index":99,"value":[null]}"#.to_owned();
                self.events.insert(
                    middle,
                    Event {
                        name: "scripted.unknown",
                        data,
                    },
                );
            }
            _ => {}
        }
    }

    fn frame(&self, index: usize, event: &Event) -> String {
        let mut text = String::new();
        if index == 0 && self.step.bom {
            text.push('\u{feff}');
        }
        if index == self.events.len() / 2 && self.fault == Some(StreamFault::GarbageLine) {
            text.push_str("garbage that is no field\n: a comment\n");
        }
        text.push_str(&event.frame(self.step.newline));
        text
    }

    fn text(&self) -> String {
        self.events
            .iter()
            .enumerate()
            .map(|(index, event)| self.frame(index, event))
            .collect()
    }

    async fn whole(&self, out: &mut Out<'_>) -> io::Result<End> {
        for (index, event) in self.events.iter().enumerate() {
            if index > 0 && self.step.event_delay_ms > 0 {
                out.flush().await?;
                pause(out.socket, self.step.event_delay_ms).await?;
            }
            http::chunk(&mut out.bytes, self.frame(index, event).as_bytes());
            if out.bytes.len() >= BLOCK {
                out.flush().await?;
            }
        }
        http::chunk(&mut out.bytes, b"");
        out.flush().await.map(|()| End::Answered)
    }

    async fn ping(&self, out: &mut Out<'_>, every: u64) -> io::Result<End> {
        if let Some(event) = self.events.first() {
            http::chunk(&mut out.bytes, self.frame(0, event).as_bytes());
        }
        loop {
            http::chunk(&mut out.bytes, self.wire.ping().as_bytes());
            out.flush().await?;
            pause(out.socket, every.max(1)).await?;
        }
    }
}

struct Out<'a> {
    socket: &'a mut TcpStream,
    split: Option<usize>,
    bytes: Vec<u8>,
}

impl Out<'_> {
    async fn flush(&mut self) -> io::Result<()> {
        for piece in self.bytes.chunks(self.split.unwrap_or(usize::MAX).max(1)) {
            self.socket.write_all(piece).await?;
            if self.split.is_some() {
                // Lets a client on this core read the piece by itself.
                tokio::task::yield_now().await;
            }
        }
        self.bytes.clear();
        Ok(())
    }

    /// The beginning of a body, and no end.
    async fn part(&mut self, text: &str, length: usize) -> io::Result<()> {
        let part = text.as_bytes().get(..length).unwrap_or(text.as_bytes());
        if !part.is_empty() {
            http::chunk(&mut self.bytes, part);
        }
        self.flush().await
    }
}

/// Sleeps, unless the client leaves.
async fn pause(socket: &mut TcpStream, ms: u64) -> io::Result<()> {
    if ms == 0 {
        return Ok(());
    }
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => Ok(()),
        () = gone(socket) => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// Ends when the client has closed its side.
async fn gone(socket: &TcpStream) {
    let mut byte = [0];
    match socket.peek(&mut byte).await {
        Ok(0) | Err(_) => {}
        // The next request is already there: this client is alive, and its end cannot be seen from here.
        Ok(_) => std::future::pending().await,
    }
}
