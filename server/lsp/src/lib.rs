//! The frontier: the only crate that names LSP. Handlers translate and enqueue; no logic of the agent's lives here.

mod backend;
mod code_action;
mod code_lens;
mod command;
mod connection;
mod editor;
mod fixes;
mod folders;
mod from_lsp;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hover;
mod hunks;
mod interrupted;
mod landing;
mod progress;
mod prompts;
mod protocol;
mod query;
mod record;
mod request;
mod seen;
mod serve;
mod settings;
mod show;
mod to_lsp;
mod trust;
mod verdict;
mod workspace_symbol;

use std::path::Path;
use std::sync::Arc;

use lsp_types::notification::{Notification as _, WorkDoneProgressCancel};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tower_lsp::LspService;

use backend::Backend;
use connection::Connection;

/// The source of our own diagnostics.
pub(crate) const SOURCE: &str = "interline";

/// What the configuration of a folder says.
pub struct Opened {
    /// For the agent.
    pub settings: interline_agent::Settings,
    /// What was set and doesn't count, with why.
    pub warnings: Vec<String>,
}

/// Serves an editor on stdin and stdout until it goes. `open` reads the configuration of the folder that the
/// editor opens; its error is shown to the user and answered to every command.
///
/// # Errors
/// When stdin or stdout fails.
pub async fn serve_stdio(
    open: impl Fn(&Path) -> Result<Opened, String> + Send + Sync + 'static,
) -> std::io::Result<()> {
    serve(tokio::io::stdin(), tokio::io::stdout(), open).await
}

/// [`serve_stdio`] over any pair of streams.
///
/// # Errors
/// When a stream fails.
pub async fn serve<I, O>(
    input: I,
    output: O,
    open: impl Fn(&Path) -> Result<Opened, String> + Send + Sync + 'static,
) -> std::io::Result<()>
where
    I: AsyncRead + Unpin + Send + 'static,
    O: AsyncWrite + Unpin + Send + 'static,
{
    let (parent, parent_known) = oneshot::channel();
    let mut connection = None;
    let backend = |client| {
        Backend(
            connection
                .insert(Arc::new(Connection::new(client, Box::new(open), parent)))
                .clone(),
        )
    };
    let (service, socket) = LspService::build(backend)
        .custom_method(
            protocol::DidChangeDiagnostics::METHOD,
            Backend::did_change_diagnostics,
        )
        .custom_method(protocol::DidChangeFocus::METHOD, Backend::did_change_focus)
        .custom_method(WorkDoneProgressCancel::METHOD, Backend::cancel_progress)
        .finish();
    let orphaned = async {
        match parent_known.await {
            Ok(process) => serve::process_gone(process).await,
            Err(_) => std::future::pending().await,
        }
    };
    let answering = connection.clone();
    let replied = move |reply: &_| {
        if let Some(connection) = &answering {
            connection.replied(reply);
        }
    };
    let served = tokio::select! {
        served = serve::serve(input, output, service, socket, replied) => served,
        () = orphaned => Ok(()),
    };
    // The client may have gone without a `shutdown`.
    if let Some(connection) = connection {
        connection.close().await;
    }
    served
}
