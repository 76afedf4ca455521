//! Trusting the folder: asked by the server itself, never set by a client's word alone.

use std::sync::Arc;

use interline_log::PermissionAnswer;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use crate::command::answer;
use crate::connection::{Connection, failed};
use crate::editor::prompt_id;
use crate::folders::Folder;
use crate::protocol::{PermissionParams, Started, TrustArgs, TrustResult};

pub(crate) fn command(connection: &Connection, args: TrustArgs) -> Result<Value> {
    let folder = match &args.uri {
        Some(uri) => connection.folders.place(uri)?.0,
        None => connection.folders.current()?,
    };
    match args.trusted {
        Some(false) => folder
            .agent
            .trust(false)
            .map_err(|error| failed(error.to_string()))?,
        Some(true) if !folder.agent.trusted() => ask(&folder),
        Some(true) | None => {}
    }
    answer(TrustResult {
        started: Started::default(),
        trusted: folder.agent.trusted(),
    })
}

/// Asks the user, in a task of its own.
fn ask(folder: &Arc<Folder>) {
    let folder = folder.clone();
    let prompt = PermissionParams {
        id: prompt_id(),
        session: None,
        call: None,
        tool: "trust".to_owned(),
        title: "Trust this folder?".to_owned(),
        detail: folder.workspace.root().display().to_string(),
        effects: vec![
            "its .interline/config.toml counts".to_owned(),
            "its own checkers and build scripts may run".to_owned(),
        ],
        danger: true,
        always: None,
    };
    tokio::spawn(async move {
        let (text, warning) = match folder.editor.ask_permission(prompt).await {
            PermissionAnswer::Deny => ("the folder stays untrusted".to_owned(), false),
            PermissionAnswer::Allow | PermissionAnswer::AllowAlways => {
                match folder.agent.trust(true) {
                    Ok(()) => ("the folder is trusted from now on".to_owned(), false),
                    Err(error) => (error.to_string(), true),
                }
            }
        };
        folder.editor.notice(text, warning);
    });
}

/// Says once that the folder isn't trusted, where that limits what is asked.
pub(crate) fn mention(folder: &Folder) {
    if !folder.agent.trusted() && folder.first_mention_of_trust() {
        // What to do comes first: a status bar cuts the rest.
        let text = "this folder isn't trusted, so its checkers don't run: `interline.trust` trusts it \
                    (with {\"trusted\": true} in editors without Interline's plugin)";
        folder.editor.notice(text, false);
    }
}
