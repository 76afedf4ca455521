//! What one connection knows: the client, the agent of its folder, and what the other servers said.
//!
//! Shared by all handlers. Its locks are held for a look-up, never across an await.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use interline_agent::{Agent, Host};
use interline_log::{Mode, SessionId};
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use lsp_types::{ClientCapabilities, Diagnostic, Range, Uri};
use tokio::sync::{mpsc, oneshot};
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};

use crate::Opened;
use crate::editor::LspEditor;
use crate::from_lsp;
use crate::protocol::ClientOptions;
use crate::show::Shown;

/// Reads the configuration of a folder.
pub(crate) type Open = Box<dyn Fn(&Path) -> std::result::Result<Opened, String> + Send + Sync>;

/// Documents whose diagnostics are kept; more is a client that never clears.
const MAX_DOCUMENTS: usize = 10_000;

pub(crate) struct Connection {
    pub(crate) client: Client,
    open: Open,
    side: OnceLock<ClientSide>,
    folder: OnceLock<std::result::Result<Folder, String>>,
    /// What the other servers say, by document.
    diagnostics: Mutex<HashMap<String, Vec<Diagnostic>>>,
    sessions: Mutex<HashSet<SessionId>>,
    told_of_trust: AtomicBool,
    parent: Mutex<Option<oneshot::Sender<u32>>>,
}

/// What the client said of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientSide {
    pub(crate) options: ClientOptions,
    pub(crate) progress: bool,
    pub(crate) code_lens_refresh: bool,
    pub(crate) show_document: bool,
    pub(crate) resource_operations: bool,
}

impl ClientSide {
    pub(crate) fn new(options: ClientOptions, capabilities: &ClientCapabilities) -> Self {
        let window = capabilities.window.as_ref();
        let workspace = capabilities.workspace.as_ref();
        let lens = workspace.and_then(|workspace| workspace.code_lens.as_ref());
        let edit = workspace.and_then(|workspace| workspace.workspace_edit.as_ref());
        Self {
            options,
            progress: window
                .and_then(|window| window.work_done_progress)
                .unwrap_or(false),
            code_lens_refresh: lens.and_then(|lens| lens.refresh_support).unwrap_or(false),
            show_document: window
                .and_then(|window| window.show_document.as_ref())
                .is_some_and(|show| show.support),
            resource_operations: edit.is_some_and(|edit| edit.resource_operations.is_some()),
        }
    }
}

/// The folder that the client opened.
pub(crate) struct Folder {
    pub(crate) agent: Arc<Agent>,
    pub(crate) editor: Arc<LspEditor>,
    pub(crate) workspace: Arc<Workspace>,
    pub(crate) mode: Mode,
    pub(crate) state: PathBuf,
    pub(crate) warnings: Vec<String>,
    /// For the task that shows, which starts with `initialized`.
    shown: Mutex<Option<mpsc::UnboundedReceiver<Shown>>>,
}

impl Connection {
    pub(crate) fn new(client: Client, open: Open, parent: oneshot::Sender<u32>) -> Self {
        Self {
            client,
            open,
            side: OnceLock::new(),
            folder: OnceLock::new(),
            diagnostics: Mutex::default(),
            sessions: Mutex::default(),
            told_of_trust: AtomicBool::new(false),
            parent: Mutex::new(Some(parent)),
        }
    }

    // --- the beginning ---

    /// Opens the client's folder. What goes wrong is kept: every command answers it.
    pub(crate) fn start(&self, root: Option<PathBuf>, side: ClientSide) {
        let folder = match root {
            Some(root) => self.open_folder(&root, &side),
            None => Err("no folder is open: open a folder first".to_owned()),
        };
        // The framework lets `initialize` through once.
        let _ = self.folder.set(folder);
        let _ = self.side.set(side);
    }

    fn open_folder(&self, root: &Path, side: &ClientSide) -> std::result::Result<Folder, String> {
        let workspace = Workspace::open(root)
            .map_err(|error| format!("{} can't be opened: {error}", root.display()))?;
        let Opened {
            mut settings,
            mut warnings,
        } = (self.open)(workspace.root())?;
        if let Some(model) = &side.options.settings.model {
            settings.model.clone_from(model);
        }
        if let Some(mode) = side.options.settings.mode {
            match tighten(settings.mode, mode) {
                Ok(mode) => settings.mode = mode,
                Err(warning) => warnings.push(warning),
            }
        }
        let (mode, state) = (settings.mode, settings.state.clone());
        let (show, shown) = mpsc::unbounded_channel();
        let editor = Arc::new(LspEditor::new(
            self.client.clone(),
            side.clone(),
            workspace.clone(),
            show,
        ));
        let agent = Agent::new(Host::new(settings), workspace.clone(), editor.clone());
        Ok(Folder {
            agent,
            editor,
            workspace,
            mode,
            state,
            warnings,
            shown: Mutex::new(Some(shown)),
        })
    }

    /// The editor that started us: we go when it goes.
    pub(crate) fn watch_parent(&self, process: u32) {
        if let Some(parent) = lock(&self.parent).take() {
            let _ = parent.send(process);
        }
    }

    // --- what handlers ask ---

    pub(crate) fn side(&self) -> ClientSide {
        self.side.get().cloned().unwrap_or_default()
    }

    /// The folder; the error says what to do.
    pub(crate) fn folder(&self) -> Result<&Folder> {
        match self.folder.get() {
            Some(Ok(folder)) => Ok(folder),
            Some(Err(reason)) => Err(failed(reason.clone())),
            None => Err(failed("`initialize` comes first".to_owned())),
        }
    }

    /// Why there is no folder, where the user should know.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.folder
            .get()
            .and_then(|folder| folder.as_ref().err())
            .map(String::as_str)
    }

    pub(crate) fn agent(&self) -> Option<Arc<Agent>> {
        self.folder().ok().map(|folder| folder.agent.clone())
    }

    /// The path of a document in the workspace; an error outside of it.
    pub(crate) fn path(&self, uri: &Uri) -> Result<WorkspacePath> {
        let workspace = &self.folder()?.workspace;
        let path = match workspace.document(uri.as_str()) {
            Some(document) => document.path.clone(),
            None => from_lsp::file_path(uri).and_then(|file| workspace.path_of(&file)),
        };
        path.ok_or_else(|| {
            Error::invalid_params(format!(
                "`uri`: {} is no file of the open folder: open its folder",
                uri.as_str()
            ))
        })
    }

    // --- what the other servers said ---

    pub(crate) fn set_diagnostics(&self, uri: &Uri, mut diagnostics: Vec<Diagnostic>) {
        diagnostics.retain(|diagnostic| !is_ours(diagnostic));
        let mut known = lock(&self.diagnostics);
        if diagnostics.is_empty() {
            known.remove(uri.as_str());
        } else if known.len() < MAX_DOCUMENTS || known.contains_key(uri.as_str()) {
            known.insert(uri.as_str().to_owned(), diagnostics);
        }
    }

    /// What a request for code actions carries: all that is known of these lines.
    pub(crate) fn learn(&self, uri: &Uri, range: Range, diagnostics: &[Diagnostic]) {
        let mut known = self.diagnostics(uri);
        known.retain(|known| !from_lsp::share_a_line(known.range, range));
        known.extend(diagnostics.iter().cloned());
        self.set_diagnostics(uri, known);
    }

    pub(crate) fn diagnostics(&self, uri: &Uri) -> Vec<Diagnostic> {
        lock(&self.diagnostics)
            .get(uri.as_str())
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn forget_diagnostics(&self, uri: &Uri) {
        lock(&self.diagnostics).remove(uri.as_str());
    }

    // --- sessions ---

    pub(crate) fn opened(&self, session: SessionId) {
        lock(&self.sessions).insert(session);
    }

    pub(crate) fn is_open(&self, session: SessionId) -> bool {
        lock(&self.sessions).contains(&session)
    }

    /// True once: the user hears only once that the folder isn't trusted.
    pub(crate) fn first_mention_of_trust(&self) -> bool {
        !self.told_of_trust.swap(true, Ordering::Relaxed)
    }
}

impl Folder {
    pub(crate) fn take_shown(&self) -> Option<mpsc::UnboundedReceiver<Shown>> {
        lock(&self.shown).take()
    }
}

/// The client's settings may tighten the mode, never loosen it.
pub(crate) fn tighten(configured: Mode, wanted: Mode) -> std::result::Result<Mode, String> {
    let rank = |mode| match mode {
        Mode::Plan => 0,
        Mode::Default => 1,
        Mode::AcceptEdits => 2,
        Mode::Auto => 3,
    };
    if rank(wanted) <= rank(configured).min(rank(Mode::Default)) {
        return Ok(wanted);
    }
    Err(
        "the editor's setting `interline.mode` is ignored: it may only make the mode stricter; \
         loosen it in Interline's own configuration"
            .to_owned(),
    )
}

pub(crate) fn is_ours(diagnostic: &Diagnostic) -> bool {
    diagnostic.source.as_deref() == Some(crate::SOURCE)
}

/// The request was understood and can't be done. The message says what to do.
pub(crate) fn failed(message: String) -> Error {
    // RequestFailed of LSP 3.17.
    Error {
        code: ErrorCode::ServerError(-32803),
        message: message.into(),
        data: None,
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editor_may_only_tighten() {
        assert_eq!(tighten(Mode::Default, Mode::Plan), Ok(Mode::Plan));
        assert_eq!(tighten(Mode::Auto, Mode::Default), Ok(Mode::Default));
        assert!(tighten(Mode::Plan, Mode::Default).is_err());
        assert!(tighten(Mode::Auto, Mode::AcceptEdits).is_err());
    }
}
