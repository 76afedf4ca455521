//! Trusting the folder: asked by the server itself, never set by a client's word alone.

use std::sync::Arc;

use interline_log::PermissionAnswer;
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use crate::command::answer;
use crate::connection::{Connection, failed};
use crate::editor::{options, prompt_id};
use crate::folders::Folder;
use crate::protocol::{PermissionOption, PermissionParams, Started, TrustArgs, TrustResult};

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
        detail: interline_agent::visible(&folder.workspace.root().to_string_lossy()),
        effects: vec![
            "its own builds, tests and checkers may run; what would leave the sandbox still asks".to_owned(),
            "its .interline/config.toml counts, and can only make things stricter; a change of it asks again"
                .to_owned(),
        ],
        danger: false,
        always: None,
        options: trusting(),
        position: 1,
        total: 1,
    };
    tokio::spawn(async move {
        let (text, warning) = match folder.editor.ask_permission(prompt).await.answer {
            PermissionAnswer::Allow => match folder.agent.trust(true) {
                Ok(()) => ("the folder is trusted from now on".to_owned(), false),
                Err(error) => (error.to_string(), true),
            },
            _ => ("the folder stays untrusted".to_owned(), false),
        };
        folder.editor.notice(text, warning);
    });
}

/// Trust is kept, what a call may do is not: the words say so.
fn trusting() -> Vec<PermissionOption> {
    let mut options = options(&[PermissionAnswer::Deny, PermissionAnswer::Allow]);
    if let Some(allow) = options.last_mut() {
        allow.label = "Trust".to_owned();
    }
    options
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
