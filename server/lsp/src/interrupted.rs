//! Says at the start that the process before this one ended unexpectedly, once, and offers to go on.
//!
//! Looks and asks in a task of its own: nobody waits for the disk or the user.

use std::sync::{Arc, Weak};

use interline_agent::Interrupted;
use lsp_types::MessageType;
use lsp_types::request::ShowMessageRequest;

use crate::connection::Connection;
use crate::editor::message;
use crate::folders::Folder;

const RESUME: &str = "Resume";

/// Tells what there is to tell about sessions of this folder.
pub(crate) fn tell(connection: &Arc<Connection>, folder: &Arc<Folder>) {
    let (connection, folder) = (Arc::downgrade(connection), folder.clone());
    tokio::spawn(async move {
        let agent = folder.agent.clone();
        let looked = tokio::task::spawn_blocking(move || agent.take_interrupted()).await;
        if let Ok(Some(interrupted)) = looked {
            ask(&connection, &folder, &interrupted).await;
        }
    });
}

async fn ask(connection: &Weak<Connection>, folder: &Arc<Folder>, interrupted: &Interrupted) {
    let Some(prompts) = connection.upgrade().map(|held| held.prompts.clone()) else {
        return;
    };
    let params = message(
        MessageType::WARNING,
        interrupted.to_string(),
        vec![RESUME.to_owned()],
    );
    // Not in the queue: it may stand unanswered as long as the user likes.
    let answer = prompts.request::<ShowMessageRequest>(params, None).await;
    let resume = answer
        .flatten()
        .is_some_and(|chosen| chosen.title == RESUME);
    let Some(connection) = connection.upgrade().filter(|_| resume) else {
        return;
    };
    match folder.agent.resume(interrupted.session) {
        Ok(_) => {
            connection.folders.used(folder);
            connection.opened(interrupted.session);
            let text =
                "the session is open again: what was pending is pending, and \"go on\" continues";
            folder.editor.notice(text, false);
        }
        Err(error) => folder.editor.notice(error.to_string(), true),
    }
}
