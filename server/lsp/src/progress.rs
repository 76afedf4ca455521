//! Work-done progress of turns: a token of the server's for each, reports at most 20 a second, cancellable.
//!
//! Each turn has a task that waits for the client to accept the token; nobody waits for the task.

use std::collections::HashMap;
use std::time::Duration;

use interline_log::{SessionId, TurnId};
use lsp_types::request::WorkDoneProgressCreate;
use lsp_types::{NumberOrString, ProgressToken, WorkDoneProgressCreateParams};
use tokio::sync::watch;
use tower_lsp::Client;

const BETWEEN_REPORTS: Duration = Duration::from_millis(50);
/// A client that doesn't answer by then gets no progress.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(5);
const PREFIX: &str = "interline/";

pub(crate) struct Progress {
    client: Client,
    supported: bool,
    turns: HashMap<TurnId, Turn>,
}

struct Turn {
    /// The last report; dropping it ends the progress.
    reports: watch::Sender<String>,
    /// What the agent is at.
    activity: String,
    /// What the turn has cost, in words; empty where that is nothing, or not known.
    cost: String,
}

impl Progress {
    pub(crate) fn new(client: Client, supported: bool) -> Self {
        Self {
            client,
            supported,
            turns: HashMap::new(),
        }
    }

    pub(crate) fn begin(&mut self, session: SessionId, turn: TurnId, title: &str) {
        if !self.supported {
            return;
        }
        let (reports, reported) = watch::channel(String::new());
        let begun = Turn {
            reports,
            activity: String::new(),
            cost: String::new(),
        };
        self.turns.insert(turn, begun);
        let token = NumberOrString::String(format!("{PREFIX}{session}/{turn}"));
        tokio::spawn(follow(
            self.client.clone(),
            token,
            format!("Interline: {title}"),
            reported,
        ));
    }

    pub(crate) fn report(&mut self, turn: TurnId, text: &str) {
        if let Some(turn) = self.turns.get_mut(&turn) {
            text.clone_into(&mut turn.activity);
            turn.send();
        }
    }

    pub(crate) fn spent(&mut self, turn: TurnId, micro_usd: Option<u64>) {
        if let Some(turn) = self.turns.get_mut(&turn) {
            turn.cost = micro_usd.map(dollars).unwrap_or_default();
            turn.send();
        }
    }

    pub(crate) fn end(&mut self, turn: TurnId) {
        self.turns.remove(&turn);
    }
}

impl Turn {
    fn send(&self) {
        let parts = [self.activity.as_str(), &self.cost];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        self.reports.send_replace(parts.join(" · "));
    }
}

/// Millionths of a US dollar for people; nothing where it costs nothing.
fn dollars(micro: u64) -> String {
    match micro {
        0 => String::new(),
        1..10_000 => "under $0.01".to_owned(),
        _ => format!("${:.2}", micro as f64 / 1e6),
    }
}

/// The session whose progress has this token, if it is one of ours.
pub(crate) fn session_of(token: &ProgressToken) -> Option<SessionId> {
    let NumberOrString::String(token) = token else {
        return None;
    };
    token.strip_prefix(PREFIX)?.split('/').next()?.parse().ok()
}

async fn follow(
    client: Client,
    token: ProgressToken,
    title: String,
    mut reported: watch::Receiver<String>,
) {
    let create = WorkDoneProgressCreateParams {
        token: token.clone(),
    };
    let created = client.send_request::<WorkDoneProgressCreate>(create);
    if !matches!(
        tokio::time::timeout(ACCEPTED_WITHIN, created).await,
        Ok(Ok(()))
    ) {
        return;
    }
    let progress = client
        .progress(token, title)
        .with_cancel_button()
        .begin()
        .await;
    while reported.changed().await.is_ok() {
        let text = reported.borrow_and_update().clone();
        progress.report_with_message(text, None).await;
        tokio::time::sleep(BETWEEN_REPORTS).await;
    }
    progress.finish().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_what_the_turn_cost() {
        let (reports, reported) = watch::channel(String::new());
        let mut turn = Turn {
            reports,
            activity: "thinking".to_owned(),
            cost: dollars(0),
        };
        turn.send();
        assert_eq!(*reported.borrow(), "thinking");
        turn.cost = dollars(123_456);
        turn.send();
        assert_eq!(*reported.borrow(), "thinking · $0.12");
        assert_eq!(dollars(9_999), "under $0.01");
    }

    #[test]
    fn a_token_names_its_session() {
        let (session, turn) = (SessionId::new(), TurnId::new());
        let token = NumberOrString::String(format!("{PREFIX}{session}/{turn}"));
        assert_eq!(session_of(&token), Some(session));
        assert_eq!(session_of(&NumberOrString::Number(1)), None);
        assert_eq!(
            session_of(&NumberOrString::String("other/1".to_owned())),
            None
        );
    }
}
