//! Commands that read what is on record. They read the disk, so they run where blocking is allowed.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use interline_agent::{Agent, Completion, Selection};
use interline_log::{SessionId, SessionSummary};
use lsp_types::request::ShowDocument;
use lsp_types::{ShowDocumentParams, Uri};
use serde_json::Value;
use tower_lsp::Client;
use tower_lsp::jsonrpc::Result;

use crate::command::answer;
use crate::connection::{Connection, failed};
use crate::folders::Folder;
use crate::protocol::{
    CompleteResult, DiffArgs, DiffFile, DiffResult, MentionItem, SessionInfo, SessionsResult,
    Started, TranscriptResult,
};
use crate::to_lsp;

pub(crate) async fn sessions(connection: &Connection) -> Result<Value> {
    connection.folders.current()?;
    let mut sessions = Vec::new();
    for folder in connection.folders.all() {
        sessions.extend(of(&folder).await?);
    }
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_event));
    let info = |session: SessionSummary| SessionInfo {
        id: session.id,
        title: session.title,
        updated: session.last_event,
        turns: session.turns,
        open: connection.is_open(session.id),
        waiting: session.waiting,
    };
    answer(SessionsResult {
        started: Started::default(),
        sessions: sessions.into_iter().map(info).collect(),
    })
}

/// The folder that a session on record was in; where no folder knows it, the current one.
pub(crate) async fn folder_of(connection: &Connection, session: SessionId) -> Result<Arc<Folder>> {
    let all = connection.folders.all();
    if all.len() > 1 && !all.iter().any(|folder| folder.agent.has(session)) {
        for folder in all {
            if of(&folder).await?.iter().any(|known| known.id == session) {
                return Ok(folder);
            }
        }
    }
    connection.folders.of_session(Some(session))
}

async fn of(folder: &Folder) -> Result<Vec<SessionSummary>> {
    let agent = folder.agent.clone();
    let sessions = blocking(move || agent.sessions().map_err(|error| error.to_string()));
    sessions.await.map_err(failed)
}

pub(crate) async fn transcript(
    connection: &Connection,
    session: Option<SessionId>,
) -> Result<Value> {
    let folder = connection.folders.of_session(session)?;
    let transcript = Transcripts::of(&folder).write(session).await;
    let transcript = transcript.map_err(failed)?;
    let side = connection.side();
    if !side.options.transcript && side.show_document {
        tokio::spawn(show(
            connection.client.clone(),
            transcript.uri.clone(),
            true,
        ));
    }
    answer(TranscriptResult {
        started: Started {
            session: Some(transcript.session),
            turn: None,
        },
        uri: transcript.uri,
        text: transcript.text,
    })
}

pub(crate) async fn diff(connection: &Connection, args: DiffArgs) -> Result<Value> {
    let (folders, path) = match &args.uri {
        Some(uri) => {
            let (folder, path) = connection.folders.place(uri)?;
            (vec![folder], Some(path))
        }
        None => (connection.folders.all(), None),
    };
    let mut files = Vec::new();
    for folder in folders {
        let selection = Selection {
            hunk: None,
            path: path.clone(),
            session: args.session,
        };
        let read = blocking(move || Ok(diff_of(&folder, &selection)));
        files.extend(read.await.map_err(failed)?);
    }
    answer(DiffResult {
        started: Started {
            session: args.session,
            turn: None,
        },
        files,
    })
}

pub(crate) async fn complete(connection: &Connection, begun: String) -> Result<Value> {
    let folder = connection.folders.current()?;
    let offered = blocking(move || Ok(folder.agent.complete(&begun)));
    let items = offered.await.map_err(failed)?.into_iter();
    let item = |offered: Completion| MentionItem {
        text: offered.text,
        detail: offered.detail.to_owned(),
    };
    answer(CompleteResult {
        started: Started::default(),
        items: items.map(item).collect(),
    })
}

fn diff_of(folder: &Folder, selection: &Selection) -> Vec<DiffFile> {
    let files = folder.agent.diff(selection).into_iter().filter_map(|file| {
        let (mut before, mut after) = (
            file.before.unwrap_or_default(),
            file.after.unwrap_or_default(),
        );
        // Where there is nothing else to see.
        if let Some(executable) = file.executable.filter(|_| before == after) {
            before = mode(!executable);
            after = mode(executable);
        }
        Some(DiffFile {
            uri: to_lsp::uri(&folder.workspace, &file.path)?,
            path: file.path.to_string(),
            before,
            after,
        })
    });
    files.collect()
}

fn mode(executable: bool) -> String {
    let mode = if executable { "100755" } else { "100644" };
    format!("mode {mode}\n")
}

/// Where a folder's transcripts are kept as files. Does not keep the agent alive.
#[derive(Clone)]
pub(crate) struct Transcripts {
    agent: Weak<Agent>,
    state: PathBuf,
}

/// A transcript that stands in a file.
pub(crate) struct Transcript {
    pub(crate) session: SessionId,
    pub(crate) text: String,
    pub(crate) file: PathBuf,
    pub(crate) uri: Uri,
}

impl Transcripts {
    pub(crate) fn of(folder: &Folder) -> Self {
        Self {
            agent: Arc::downgrade(&folder.agent),
            state: folder.state.clone(),
        }
    }

    /// Writes the transcript of a session, or of the current one. The error says what to do.
    pub(crate) async fn write(
        &self,
        session: Option<SessionId>,
    ) -> std::result::Result<Transcript, String> {
        let Self { agent, state } = self.clone();
        blocking(move || {
            let agent = agent.upgrade().ok_or("the connection is closed")?;
            let (session, text) = agent
                .transcript(session)
                .map_err(|error| error.to_string())?;
            let folder = state.join("transcripts");
            let file = folder.join(format!("{session}.md"));
            let written = write_private(&folder, &file, &text);
            let name = file.display();
            written
                .map_err(|error| format!("the transcript can't be written to {name}: {error}"))?;
            let uri = to_lsp::file_uri(&file).ok_or_else(|| format!("{name} has no usable URI"))?;
            Ok(Transcript {
                session,
                text,
                file,
                uri,
            })
        })
        .await
    }
}

/// For the user's eyes alone, as the log is. A rendering: the log is the record.
fn write_private(folder: &Path, file: &Path, text: &str) -> std::io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file)?.write_all(text.as_bytes())
}

/// Has the client show a file.
pub(crate) async fn show(client: Client, uri: Uri, take_focus: bool) {
    let params = ShowDocumentParams {
        uri,
        external: Some(false),
        take_focus: Some(take_focus),
        selection: None,
    };
    if let Err(error) = client.send_request::<ShowDocument>(params).await {
        tracing::info!(%error, "the client did not show the transcript");
    }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> std::result::Result<T, String> + Send + 'static,
) -> std::result::Result<T, String> {
    match tokio::task::spawn_blocking(read).await {
        Ok(result) => result,
        Err(error) => Err(format!("reading the record failed: {error}")),
    }
}
