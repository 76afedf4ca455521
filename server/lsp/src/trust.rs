//! Trusting the folder: asked by the server itself, never set by a client's word alone.

use interline_log::{CallId, PermissionAnswer, SessionId};
use interline_workspace::editor::{Display, Editor as _, PermissionPrompt};
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use crate::command::answer;
use crate::connection::{Connection, failed};
use crate::protocol::{Started, TrustArgs, TrustResult};

pub(crate) fn command(connection: &Connection, args: TrustArgs) -> Result<Value> {
    let folder = connection.folder()?;
    match args.trusted {
        Some(false) => folder
            .agent
            .trust(false)
            .map_err(|error| failed(error.to_string()))?,
        Some(true) if !folder.agent.trusted() => ask(connection)?,
        Some(true) | None => {}
    }
    answer(TrustResult {
        started: Started::default(),
        trusted: folder.agent.trusted(),
    })
}

/// Asks the user, in a task of its own.
fn ask(connection: &Connection) -> Result<()> {
    let folder = connection.folder()?;
    let (agent, editor) = (folder.agent.clone(), folder.editor.clone());
    let root = folder.workspace.root().display().to_string();
    // No session has asked; prompts and notices want one.
    let session = SessionId::new();
    let prompt = PermissionPrompt {
        session,
        call: CallId::new(),
        tool: "trust".to_owned(),
        title: "Trust this folder?".to_owned(),
        detail: root,
        effects: vec![
            "its .interline/config.toml counts".to_owned(),
            "its own checkers and build scripts may run".to_owned(),
        ],
        danger: true,
        always: None,
    };
    tokio::spawn(async move {
        let (text, warning) = match editor.permission(prompt).await {
            PermissionAnswer::Deny => ("the folder stays untrusted".to_owned(), false),
            PermissionAnswer::Allow | PermissionAnswer::AllowAlways => match agent.trust(true) {
                Ok(()) => ("the folder is trusted from now on".to_owned(), false),
                Err(error) => (error.to_string(), true),
            },
        };
        editor.show(session, Display::Notice { text, warning });
    });
    Ok(())
}

/// Says once that the folder isn't trusted, where that limits what is asked.
pub(crate) fn mention(connection: &Connection) {
    let Ok(folder) = connection.folder() else {
        return;
    };
    if !folder.agent.trusted() && connection.first_mention_of_trust() {
        let text = "this folder isn't trusted, so its checkers don't run: `interline.trust` with \
                    {\"trusted\": true} trusts it"
            .to_owned();
        folder.editor.show(
            SessionId::new(),
            Display::Notice {
                text,
                warning: false,
            },
        );
    }
}
