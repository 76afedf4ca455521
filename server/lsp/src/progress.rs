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
    /// The last report; dropping it ends the progress.
    turns: HashMap<TurnId, watch::Sender<String>>,
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
        self.turns.insert(turn, reports);
        let token = NumberOrString::String(format!("{PREFIX}{session}/{turn}"));
        tokio::spawn(follow(
            self.client.clone(),
            token,
            format!("Interline: {title}"),
            reported,
        ));
    }

    pub(crate) fn report(&self, turn: TurnId, text: &str) {
        if let Some(reports) = self.turns.get(&turn) {
            reports.send_replace(text.to_owned());
        }
    }

    pub(crate) fn end(&mut self, turn: TurnId) {
        self.turns.remove(&turn);
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
