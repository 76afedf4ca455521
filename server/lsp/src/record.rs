//! Commands that read what is on record. They read the disk, so they run where blocking is allowed.

use std::path::{Path, PathBuf};

use interline_agent::{Agent, Selection};
use interline_log::SessionId;
use lsp_types::request::ShowDocument;
use lsp_types::{ShowDocumentParams, Uri};
use serde_json::Value;
use std::sync::Arc;
use tower_lsp::jsonrpc::Result;

use crate::command::answer;
use crate::connection::{Connection, failed};
use crate::protocol::{
    DiffArgs, DiffFile, DiffResult, SessionInfo, SessionsResult, Started, TranscriptResult,
};
use crate::to_lsp;

pub(crate) async fn sessions(connection: &Connection) -> Result<Value> {
    let agent = connection.folder()?.agent.clone();
    let all = blocking(move || agent.sessions().map_err(|error| error.to_string())).await?;
    let info = |session: interline_log::SessionSummary| SessionInfo {
        id: session.id,
        title: session.title,
        updated: session.last_event,
        turns: session.turns,
        open: connection.is_open(session.id),
    };
    answer(SessionsResult {
        started: Started::default(),
        sessions: all.into_iter().map(info).collect(),
    })
}

pub(crate) async fn transcript(
    connection: &Connection,
    session: Option<SessionId>,
) -> Result<Value> {
    let folder = connection.folder()?;
    let (agent, state) = (folder.agent.clone(), folder.state.clone());
    let (session, text, file) = blocking(move || write_transcript(&agent, &state, session)).await?;
    let uri = to_lsp::file_uri(&file)
        .ok_or_else(|| failed(format!("{} has no usable URI", file.display())))?;
    let side = connection.side();
    if !side.options.transcript && side.show_document {
        show(connection, uri.clone());
    }
    answer(TranscriptResult {
        started: Started {
            session: Some(session),
            turn: None,
        },
        uri,
        text,
    })
}

pub(crate) async fn diff(connection: &Connection, args: DiffArgs) -> Result<Value> {
    let folder = connection.folder()?;
    let path = args
        .uri
        .as_ref()
        .map(|uri| connection.path(uri))
        .transpose()?;
    let selection = Selection {
        hunk: None,
        path,
        session: args.session,
    };
    let (agent, workspace) = (folder.agent.clone(), folder.workspace.clone());
    let files = blocking(move || {
        let files = agent.diff(&selection).into_iter().filter_map(|file| {
            Some(DiffFile {
                uri: to_lsp::uri(&workspace, &file.path)?,
                path: file.path.to_string(),
                before: file.before.unwrap_or_default(),
                after: file.after.unwrap_or_default(),
            })
        });
        Ok(files.collect())
    });
    answer(DiffResult {
        started: Started {
            session: args.session,
            turn: None,
        },
        files: files.await?,
    })
}

fn write_transcript(
    agent: &Arc<Agent>,
    state: &Path,
    session: Option<SessionId>,
) -> std::result::Result<(SessionId, String, PathBuf), String> {
    let (session, text) = agent
        .transcript(session)
        .map_err(|error| error.to_string())?;
    let folder = state.join("transcripts");
    let file = folder.join(format!("{session}.md"));
    #[expect(
        clippy::disallowed_methods,
        reason = "a rendering in the state folder; the log is the record"
    )]
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, &text));
    written.map_err(|error| {
        format!(
            "the transcript can't be written to {}: {error}",
            file.display()
        )
    })?;
    Ok((session, text, file))
}

fn show(connection: &Connection, uri: Uri) {
    let client = connection.client.clone();
    tokio::spawn(async move {
        let params = ShowDocumentParams {
            uri,
            external: Some(false),
            take_focus: Some(true),
            selection: None,
        };
        if let Err(error) = client.send_request::<ShowDocument>(params).await {
            tracing::info!(%error, "the client did not show the transcript");
        }
    });
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(read).await {
        Ok(result) => result.map_err(failed),
        Err(error) => Err(failed(format!("reading the record failed: {error}"))),
    }
}
