//! Pending hunks as the editor shows them: hint diagnostics, events, code lenses, published again as they move.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use interline_log::{HunkId, SessionId};
use interline_workspace::Workspace;
use interline_workspace::checks::Known;
use interline_workspace::proposal::{self as workspace, FileHunks, Hunk, touches};
use lsp_types as lsp;
use lsp_types::request::CodeLensRefresh;
use tokio::sync::{mpsc, oneshot};
use tower_lsp::Client;

use crate::connection::ClientSide;
use crate::protocol::{
    EventNotification, EventParams, HunkInfo, HunkKind, HunkState, HunkVerdict, HunksChanged,
    SessionEvent,
};
use crate::{SOURCE, from_lsp, to_lsp, verdict};

/// A burst of typing or proposing is published once.
const DEBOUNCE: Duration = Duration::from_millis(30);

/// A hunk that the user is shown.
pub(crate) struct Shown {
    pub(crate) hunk: Hunk,
    pub(crate) verdict: Option<HunkVerdict>,
}

impl Shown {
    /// Must the caret be here to mean it?
    pub(crate) fn touches(&self, line: u32) -> bool {
        touches(&self.hunk, from_lsp::position(lsp::Position::new(line, 0)))
    }

    /// What it proposes, and what is known of it.
    pub(crate) fn message(&self) -> Option<String> {
        to_lsp::hunk(&self.hunk, self.verdict.clone()).map(|info| message(&info))
    }
}

/// All documents with hunks, as of now. What waits for its check is left out.
pub(crate) fn documents(workspace: &Workspace) -> Vec<HunksChanged> {
    let files = workspace.hunks();
    let known = workspace.known_of(&files);
    let document = |file: FileHunks| {
        let uri = to_lsp::uri(workspace, &file.path)?;
        let hunks = shown(file.hunks, &known);
        let hunks = hunks.filter_map(|Shown { hunk, verdict }| to_lsp::hunk(&hunk, verdict));
        let hunks: Vec<HunkInfo> = hunks.collect();
        (!hunks.is_empty()).then_some(HunksChanged {
            uri,
            version: file.version,
            hunks,
        })
    };
    files.into_iter().filter_map(document).collect()
}

/// The hunks of one document.
pub(crate) fn of(workspace: &Workspace, uri: &lsp::Uri) -> Vec<Shown> {
    let Some(path) = workspace
        .document(uri.as_str())
        .and_then(|document| document.path.clone())
    else {
        return Vec::new();
    };
    let files = workspace.hunks();
    let known = workspace.known_of(&files);
    let file = files.into_iter().find(|file| file.path == path);
    file.map(|file| shown(file.hunks, &known).collect())
        .unwrap_or_default()
}

fn shown(hunks: Vec<Hunk>, known: &HashMap<HunkId, Known>) -> impl Iterator<Item = Shown> {
    hunks.into_iter().filter_map(|hunk| {
        let known = known.get(&hunk.id);
        // What can't be accepted was not checked with the others.
        let told = known.filter(|_| hunk.state == workspace::HunkState::Pending);
        let verdict = told.and_then(verdict::of);
        (!known.is_some_and(|known| known.is_held)).then_some(Shown { hunk, verdict })
    })
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
        message: message(hunk),
        ..lsp::Diagnostic::default()
    }
}

fn message(hunk: &HunkInfo) -> String {
    let proposed = proposed(hunk);
    match &hunk.verdict {
        Some(verdict) => format!("{proposed}\n\n{}", verdict.text),
        None => proposed,
    }
}

fn proposed(hunk: &HunkInfo) -> String {
    if hunk.state == HunkState::Conflict {
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
