//! What the user sees live: one task takes everything in order and sends it as events, progress and messages.
//!
//! Deltas of text are gathered to at most 20 a second; whatever else comes sends the gathered text first. Waits for
//! no answer of the client.

use std::time::Duration;

use interline_log::{SessionId, TurnId};
use interline_workspace::editor::Display;
use lsp_types::MessageType;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;
use tower_lsp::Client;

use crate::connection::ClientSide;
use crate::hunks::Flush;
use crate::progress::Progress;
use crate::protocol::{EventNotification, EventParams, SessionEvent};
use crate::record::{self, Transcripts};
use crate::to_lsp;

/// Between two deltas of text.
const GATHER: Duration = Duration::from_millis(50);
/// Longest answer that goes into a message, in bytes; editors show them in a few lines.
const MAX_MESSAGE: usize = 2_000;
/// How much of a longer one stands before the name of the file that has all of it.
const MAX_BEGINNING: usize = 400;

/// Something to show.
#[derive(Debug)]
pub(crate) enum Shown {
    /// What happens in a session.
    Session(SessionId, Display),
    /// The model's question, which the user answers by the next prompt.
    Question(SessionId, String),
    /// What belongs to no session.
    Notice { text: String, warning: bool },
}

pub(crate) struct Show {
    client: Client,
    side: ClientSide,
    transcripts: Transcripts,
    progress: Progress,
    hunks: Flush,
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
    pub(crate) fn new(
        client: Client,
        side: ClientSide,
        transcripts: Transcripts,
        hunks: Flush,
    ) -> Self {
        let progress = Progress::new(client.clone(), side.progress);
        Self {
            client,
            side,
            transcripts,
            progress,
            hunks,
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
                    Some(Shown::Session(session, display)) => self.take(session, display).await,
                    Some(Shown::Question(session, text)) => self.question(session, text).await,
                    Some(Shown::Notice { text, warning }) => self.notice(text, warning).await,
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
            Display::Spent {
                turn,
                cost_micro_usd,
                ..
            } => self.progress.spent(*turn, *cost_micro_usd),
            Display::TurnEnded { turn, .. } => {
                self.hunks.wait().await;
                self.progress.end(*turn);
            }
            _ => {}
        }
        if !self.side.options.event {
            self.message(session, &display).await;
        } else if let Some(event) = event(display) {
            self.send(Some(session), event).await;
        }
    }

    async fn question(&mut self, session: SessionId, text: String) {
        self.flush().await;
        if self.side.options.event {
            return self
                .send(Some(session), SessionEvent::Question { text })
                .await;
        }
        let message = format!("{text}\n\nAnswer with the command `interline.prompt`.");
        self.tell(MessageType::INFO, &message).await;
    }

    async fn notice(&mut self, text: String, warning: bool) {
        self.flush().await;
        if self.side.options.event {
            return self
                .send(None, SessionEvent::Notice { text, warning })
                .await;
        }
        self.tell(severity(warning), &text).await;
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
            self.send(Some(session), SessionEvent::Text { turn, delta: text })
                .await;
        }
    }

    async fn send(&self, session: Option<SessionId>, event: SessionEvent) {
        self.client
            .send_notification::<EventNotification>(EventParams { session, event })
            .await;
    }

    /// What a client without a plugin must see.
    async fn message(&mut self, session: SessionId, display: &Display) {
        match display {
            Display::Notice { text, warning } => self.tell(severity(*warning), text).await,
            Display::TurnEnded { outcome, .. } => match to_lsp::outcome(outcome.clone()) {
                (_, Some(message)) => self.tell(MessageType::WARNING, &message).await,
                (_, None) => self.answer(session).await,
            },
            _ => {}
        }
    }

    /// An answer that no message can hold is shown as a file, in a task of its own.
    async fn answer(&mut self, session: SessionId) {
        let answer = std::mem::take(&mut self.answer);
        if answer.len() <= MAX_MESSAGE {
            return self.tell(MessageType::INFO, &answer).await;
        }
        let (client, transcripts) = (self.client.clone(), self.transcripts.clone());
        let show_document = self.side.show_document;
        tokio::spawn(async move {
            let message = match transcripts.write(Some(session)).await {
                Ok(transcript) => {
                    let begins = cut(&answer, MAX_BEGINNING);
                    let file = transcript.file.display().to_string();
                    if show_document {
                        tokio::spawn(record::show(client.clone(), transcript.uri, false));
                    }
                    format!("{begins}\n\nThe whole answer: {file}")
                }
                Err(error) => {
                    tracing::warn!(error, "a long answer was cut");
                    cut(&answer, MAX_MESSAGE)
                }
            };
            client.show_message(MessageType::INFO, message).await;
        });
    }

    async fn tell(&self, typ: MessageType, text: &str) {
        if !text.trim().is_empty() {
            self.client.show_message(typ, cut(text, MAX_MESSAGE)).await;
        }
    }
}

fn severity(warning: bool) -> MessageType {
    if warning {
        MessageType::WARNING
    } else {
        MessageType::INFO
    }
}

/// At most so many bytes, and a mark where something is left out.
fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(max)])
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
        Display::Checked { turn, verdict } => SessionEvent::Checked {
            turn,
            summary: verdict.to_string(),
            by: verdict.by,
            cleared: verdict.cleared,
            new_errors: verdict.new_errors,
            new_warnings: verdict.new_warnings,
            left: verdict.left,
        },
        Display::NotChecked { turn, reason } => SessionEvent::NotChecked { turn, reason },
        // Sent by `hunks`, which also sees the user type.
        Display::HunksChanged => return None,
        Display::Spent {
            turn,
            usage,
            cost_micro_usd,
            session_micro_usd,
        } => {
            // Exact up to 2^53 millionths.
            let usd = |micro: Option<u64>| micro.map(|micro| micro as f64 / 1e6);
            SessionEvent::Spent {
                turn,
                usage,
                cost_usd: usd(cost_micro_usd),
                session_cost_usd: usd(session_micro_usd),
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
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("ab", 2), "ab");
        assert_eq!(cut("aüb", 2), "a…");
        assert_eq!(cut("aüb", 3), "aü…");
    }
}
