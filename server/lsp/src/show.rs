//! What the user sees live: one task takes everything in order and sends it as events, progress and messages.
//!
//! Deltas of text are gathered to at most 20 a second and turn; whatever else comes sends the gathered text first. Waits for
//! no answer of the client.

use std::time::Duration;

use interline_log::{SessionId, TurnId};
use interline_workspace::editor::Display;
use lsp_types::MessageType;
use lsp_types::notification::ShowMessage;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tower_lsp::Client;

use crate::connection::ClientSide;
use crate::progress::Progress;
use crate::protocol::{EventNotification, EventParams, SessionEvent};
use crate::to_lsp;

/// Between two deltas of text.
const GATHER: Duration = Duration::from_millis(50);
/// Longest answer that goes into a message, in bytes; editors show them in a few lines.
const MAX_MESSAGE: usize = 2_000;

pub(crate) type Shown = (SessionId, Display);

pub(crate) struct Show {
    client: Client,
    side: ClientSide,
    progress: Progress,
    gathered: Gathered,
    /// What the model said since its last call: its answer when the turn ends. Kept where there are no events.
    answer: String,
}

/// Text that isn't sent yet. Many turns may stream at once: each has its own piece.
#[derive(Default)]
struct Gathered {
    pieces: Vec<Piece>,
    /// When the first of them must go.
    due: Option<Instant>,
}

struct Piece {
    session: SessionId,
    turn: TurnId,
    text: String,
}

impl Gathered {
    fn add(&mut self, session: SessionId, turn: TurnId, delta: &str, now: Instant) {
        self.due.get_or_insert(now + GATHER);
        match self.pieces.iter_mut().find(|piece| piece.turn == turn) {
            Some(piece) => piece.text.push_str(delta),
            None => self.pieces.push(Piece {
                session,
                turn,
                text: delta.to_owned(),
            }),
        }
    }
}

impl Show {
    pub(crate) fn new(client: Client, side: ClientSide) -> Self {
        let progress = Progress::new(client.clone(), side.progress);
        Self {
            client,
            side,
            progress,
            gathered: Gathered::default(),
            answer: String::new(),
        }
    }

    /// Shows until the connection is gone.
    pub(crate) async fn run(mut self, mut shown: UnboundedReceiver<Shown>) {
        loop {
            let due = self.gathered.due;
            tokio::select! {
                next = shown.recv() => match next {
                    Some((session, display)) => self.take(session, display).await,
                    None => return self.flush().await,
                },
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.flush().await,
            }
        }
    }

    async fn take(&mut self, session: SessionId, display: Display) {
        if let Display::Text { turn, delta } = display {
            return self.gather(session, turn, &delta);
        }
        self.flush().await;
        match &display {
            Display::TurnStarted { turn, title } => {
                self.answer.clear();
                self.progress.begin(session, *turn, title);
            }
            Display::Activity { turn, text } => self.progress.report(*turn, text),
            Display::CallStarted { turn, title, .. } => {
                self.answer.clear();
                self.progress.report(*turn, title);
            }
            Display::TurnEnded { turn, .. } => self.progress.end(*turn),
            _ => {}
        }
        if !self.side.options.event {
            self.message(&display).await;
        } else if let Some(event) = event(display) {
            self.send(session, event).await;
        }
    }

    fn gather(&mut self, session: SessionId, turn: TurnId, delta: &str) {
        if !self.side.options.event {
            self.answer.push_str(delta);
            return;
        }
        self.gathered.add(session, turn, delta, Instant::now());
    }

    async fn flush(&mut self) {
        for piece in std::mem::take(&mut self.gathered).pieces {
            let Piece {
                session,
                turn,
                text,
            } = piece;
            self.send(session, SessionEvent::Text { turn, delta: text })
                .await;
        }
    }

    async fn send(&self, session: SessionId, event: SessionEvent) {
        self.client
            .send_notification::<EventNotification>(EventParams { session, event })
            .await;
    }

    /// What a client without a plugin must see.
    async fn message(&mut self, display: &Display) {
        let (typ, message) = match display {
            Display::Notice {
                text,
                warning: true,
            } => (MessageType::WARNING, text.clone()),
            Display::Notice {
                text,
                warning: false,
            } => (MessageType::INFO, text.clone()),
            Display::TurnEnded { outcome, .. } => match to_lsp::outcome(outcome.clone()) {
                (_, Some(message)) => (MessageType::WARNING, message),
                (_, None) => (MessageType::INFO, shorten(std::mem::take(&mut self.answer))),
            },
            _ => return,
        };
        if !message.trim().is_empty() {
            self.client
                .send_notification::<ShowMessage>(lsp_types::ShowMessageParams { typ, message })
                .await;
        }
    }
}

fn shorten(mut text: String) -> String {
    if text.len() > MAX_MESSAGE {
        let end = (0..=MAX_MESSAGE)
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or_default();
        text.truncate(end);
        text.push_str("… (the rest is in the transcript: interline.transcript)");
    }
    text
}

fn event(display: Display) -> Option<SessionEvent> {
    Some(match display {
        Display::TurnStarted { turn, title } => SessionEvent::TurnStarted { turn, title },
        Display::Text { turn, delta } => SessionEvent::Text { turn, delta },
        Display::Activity { turn, text } => SessionEvent::Activity { turn, text },
        Display::CallStarted {
            turn,
            call,
            tool,
            title,
        } => SessionEvent::CallStarted {
            turn,
            call,
            tool,
            title,
        },
        Display::CallEnded {
            turn,
            call,
            status,
            summary,
        } => SessionEvent::CallEnded {
            turn,
            call,
            status,
            summary,
        },
        // Sent by `hunks`, which also sees the user type.
        Display::HunksChanged => return None,
        Display::Spent {
            turn,
            usage,
            cost_micro_usd,
        } => {
            // Exact up to 2^53 millionths.
            let cost_usd = cost_micro_usd.map(|micro| micro as f64 / 1e6);
            SessionEvent::Spent {
                turn,
                usage,
                cost_usd,
            }
        }
        Display::Notice { text, warning } => SessionEvent::Notice { text, warning },
        Display::Configured { model, mode } => SessionEvent::Configured { model, mode },
        Display::TurnEnded { turn, outcome } => {
            let (outcome, message) = to_lsp::outcome(outcome);
            SessionEvent::TurnEnded {
                turn,
                outcome,
                message,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_that_stream_at_once_are_gathered_each_by_itself() {
        let mut gathered = Gathered::default();
        let turns = [(); 2].map(|()| (SessionId::new(), TurnId::new()));
        let start = Instant::now();
        for letter in ["a", "b", "c"] {
            for (session, turn) in turns {
                gathered.add(session, turn, letter, start + GATHER / 2);
            }
        }
        assert_eq!(gathered.due, Some(start + GATHER / 2 + GATHER));
        let pieces = gathered.pieces.iter();
        let sent: Vec<_> = pieces
            .map(|piece| (piece.session, piece.turn, piece.text.as_str()))
            .collect();
        assert_eq!(sent, turns.map(|(session, turn)| (session, turn, "abc")));
    }
}
