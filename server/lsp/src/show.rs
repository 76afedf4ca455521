//! What the user sees live: one task takes everything in order and sends it as events, progress and messages.
//!
//! Deltas of text are gathered to at most 20 a second; whatever else comes sends the gathered text first. Waits for
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
    gathered: Option<Gathered>,
    /// What the model said since its last call: its answer when the turn ends. Kept where there are no events.
    answer: String,
}

struct Gathered {
    session: SessionId,
    turn: TurnId,
    text: String,
    due: Instant,
}

impl Show {
    pub(crate) fn new(client: Client, side: ClientSide) -> Self {
        let progress = Progress::new(client.clone(), side.progress);
        Self {
            client,
            side,
            progress,
            gathered: None,
            answer: String::new(),
        }
    }

    /// Shows until the connection is gone.
    pub(crate) async fn run(mut self, mut shown: UnboundedReceiver<Shown>) {
        loop {
            let due = self.gathered.as_ref().map(|gathered| gathered.due);
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
            return self.gather(session, turn, &delta).await;
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

    async fn gather(&mut self, session: SessionId, turn: TurnId, delta: &str) {
        if !self.side.options.event {
            self.answer.push_str(delta);
            return;
        }
        if self
            .gathered
            .as_ref()
            .is_some_and(|gathered| gathered.turn != turn)
        {
            self.flush().await;
        }
        let due = Instant::now() + GATHER;
        let gathered = self.gathered.get_or_insert_with(|| Gathered {
            session,
            turn,
            text: String::new(),
            due,
        });
        gathered.text.push_str(delta);
    }

    async fn flush(&mut self) {
        if let Some(Gathered {
            session,
            turn,
            text,
            ..
        }) = self.gathered.take()
        {
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
