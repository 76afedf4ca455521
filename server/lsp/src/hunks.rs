//! Pending hunks as the editor shows them: hint diagnostics, events, code lenses, published again as they move.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use interline_log::SessionId;
use interline_workspace::Workspace;
use interline_workspace::proposal::{FileHunks, Hunk};
use lsp_types as lsp;
use lsp_types::request::CodeLensRefresh;
use tokio::sync::{mpsc, oneshot};
use tower_lsp::Client;

use crate::connection::ClientSide;
use crate::protocol::{
    EventNotification, EventParams, HunkInfo, HunkKind, HunkState, HunksChanged, SessionEvent,
};
use crate::{SOURCE, to_lsp};

/// A burst of typing or proposing is published once.
const DEBOUNCE: Duration = Duration::from_millis(30);

/// All documents with hunks, as of now.
pub(crate) fn documents(workspace: &Workspace) -> Vec<HunksChanged> {
    workspace
        .hunks()
        .into_iter()
        .filter_map(|file| document(workspace, &file))
        .collect()
}

fn document(workspace: &Workspace, file: &FileHunks) -> Option<HunksChanged> {
    let hunks: Vec<HunkInfo> = file.hunks.iter().filter_map(to_lsp::hunk).collect();
    let uri = to_lsp::uri(workspace, &file.path)?;
    (!hunks.is_empty()).then_some(HunksChanged {
        uri,
        version: file.version,
        hunks,
    })
}

/// The hunks of one document.
pub(crate) fn of(workspace: &Workspace, uri: &lsp::Uri) -> Vec<Hunk> {
    let Some(path) = workspace
        .document(uri.as_str())
        .and_then(|document| document.path.clone())
    else {
        return Vec::new();
    };
    let file = workspace.hunks().into_iter().find(|file| file.path == path);
    file.map(|file| file.hunks).unwrap_or_default()
}

/// Has what changed published at once: a turn's hunks come before its end.
pub(crate) struct Flush(mpsc::UnboundedSender<oneshot::Sender<()>>);

/// What a [`Flush`] asks for.
pub(crate) type Flushes = mpsc::UnboundedReceiver<oneshot::Sender<()>>;

impl Flush {
    pub(crate) fn new() -> (Self, Flushes) {
        let (ask, asked) = mpsc::unbounded_channel();
        (Self(ask), asked)
    }

    /// Comes back when all that has changed until now is published.
    pub(crate) async fn wait(&self) {
        let (done, published) = oneshot::channel();
        // Without a publisher there is nothing to wait for.
        if self.0.send(done).is_ok() {
            let _ = published.await;
        }
    }
}

/// Publishes until the connection is gone.
pub(crate) async fn publish(
    client: Client,
    side: ClientSide,
    workspace: Arc<Workspace>,
    mut flushes: Flushes,
) {
    let mut changes = workspace.watch();
    let mut publisher = Publisher {
        client,
        side,
        published: HashMap::new(),
    };
    loop {
        let flush = tokio::select! {
            changed = changes.changed() => match changed {
                Ok(()) => tokio::time::timeout(DEBOUNCE, flushes.recv()).await.ok().flatten(),
                Err(_) => return,
            },
            flush = flushes.recv() => match flush {
                Some(flush) => Some(flush),
                None => return,
            },
        };
        changes.mark_unchanged();
        publisher.update(documents(&workspace)).await;
        if let Some(published) = flush {
            // Who asked may have gone.
            let _ = published.send(());
        }
    }
}

struct Publisher {
    client: Client,
    side: ClientSide,
    published: HashMap<String, HunksChanged>,
}

impl Publisher {
    async fn update(&mut self, now: Vec<HunksChanged>) {
        let mut now: HashMap<String, HunksChanged> = now
            .into_iter()
            .map(|document| (document.uri.as_str().to_owned(), document))
            .collect();
        let session = session(now.values()).or_else(|| session(self.published.values()));
        let gone = self
            .published
            .values()
            .filter(|document| !now.contains_key(document.uri.as_str()));
        let gone = gone.map(|document| HunksChanged {
            uri: document.uri.clone(),
            version: None,
            hunks: Vec::new(),
        });
        let mut changed: Vec<HunksChanged> = gone.collect();
        changed.extend(
            now.values()
                .filter(|&document| self.published.get(document.uri.as_str()) != Some(document))
                .cloned(),
        );
        std::mem::swap(&mut self.published, &mut now);
        let Some(session) = session.filter(|_| !changed.is_empty()) else {
            return;
        };
        for document in &changed {
            let diagnostics = document.hunks.iter().map(diagnostic).collect();
            self.client
                .publish_diagnostics(document.uri.clone(), diagnostics, document.version)
                .await;
        }
        if self.side.code_lens_refresh {
            let client = self.client.clone();
            tokio::spawn(async move { client.send_request::<CodeLensRefresh>(()).await });
        }
        if self.side.options.event {
            let session = Some(session);
            let event = SessionEvent::HunksChanged { documents: changed };
            self.client
                .send_notification::<EventNotification>(EventParams { session, event })
                .await;
        }
    }
}

fn session<'a>(mut documents: impl Iterator<Item = &'a HunksChanged>) -> Option<SessionId> {
    documents
        .find_map(|document| document.hunks.first())
        .map(|hunk| hunk.session)
}

/// The lines that a hunk replaces; for an insertion the place before `start_line`.
pub(crate) fn range(start_line: u32, line_count: u32) -> lsp::Range {
    let position = |line| lsp::Position { line, character: 0 };
    lsp::Range {
        start: position(start_line),
        end: position(start_line.saturating_add(line_count)),
    }
}

fn diagnostic(hunk: &HunkInfo) -> lsp::Diagnostic {
    let conflict = hunk.state == HunkState::Conflict;
    lsp::Diagnostic {
        range: range(hunk.start_line, hunk.line_count),
        severity: Some(if conflict {
            lsp::DiagnosticSeverity::WARNING
        } else {
            lsp::DiagnosticSeverity::HINT
        }),
        code: Some(lsp::NumberOrString::String(
            if conflict { "conflict" } else { "hunk" }.to_owned(),
        )),
        source: Some(SOURCE.to_owned()),
        message: message(hunk, conflict),
        ..lsp::Diagnostic::default()
    }
}

fn message(hunk: &HunkInfo, conflict: bool) -> String {
    if conflict {
        return "Interline's change no longer fits: its lines were edited. Reject or revise it"
            .to_owned();
    }
    match (hunk.kind, &hunk.to) {
        (HunkKind::Create, _) => "Interline proposes to make this file".to_owned(),
        (HunkKind::Delete, _) => "Interline proposes to delete this file".to_owned(),
        (HunkKind::Move, to) => format!(
            "Interline proposes to move this file to {}",
            to.as_deref().unwrap_or_default()
        ),
        (HunkKind::Binary, _) if hunk.new_lines.is_empty() => {
            "Interline proposes to delete this file".to_owned()
        }
        (HunkKind::Binary, _) => format!("Interline proposes a {}", hunk.new_lines.join(" ")),
        (HunkKind::Mode, _) if hunk.new_lines == ["mode 100755"] => {
            "Interline proposes to make this file executable".to_owned()
        }
        (HunkKind::Mode, _) => "Interline proposes that this file is not executable".to_owned(),
        (HunkKind::Text, _) if hunk.new_lines.is_empty() => {
            "Interline proposes to delete this".to_owned()
        }
        (HunkKind::Text, _) => format!("Interline proposes:\n{}", hunk.new_lines.join("\n")),
    }
}
