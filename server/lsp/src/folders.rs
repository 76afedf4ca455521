//! The folders of a connection, each with a workspace and an agent of its own: which of them a document, a session or
//! a request without either belongs to.
//!
//! Where the client has opened no folder, a file is worked on in the folder that it stands in. Its lock is held for a
//! look-up, never across an await.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use interline_agent::Agent;
use interline_log::{HunkId, Mode, SessionId};
use interline_workspace::Workspace;
use interline_workspace::path::WorkspacePath;
use lsp_types::Uri;
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::{Error, Result};

use crate::connection::{failed, lock};
use crate::editor::LspEditor;
use crate::from_lsp;
use crate::show::Shown;

/// One folder.
pub(crate) struct Folder {
    pub(crate) agent: Arc<Agent>,
    pub(crate) editor: Arc<LspEditor>,
    pub(crate) workspace: Arc<Workspace>,
    /// As configured: what the editor's settings may tighten.
    pub(crate) mode: Mode,
    pub(crate) state: PathBuf,
    /// For the task that shows, which starts with `initialized`.
    shown: Mutex<Option<mpsc::UnboundedReceiver<Shown>>>,
    told_of_trust: AtomicBool,
    /// The client has closed it.
    closed: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Folders(Mutex<Known>);

#[derive(Default)]
struct Known {
    open: Vec<Arc<Folder>>,
    /// The folders of the open documents, by URI.
    documents: HashMap<String, Arc<Folder>>,
    /// The last one that a request went to.
    current: Option<Arc<Folder>>,
    /// The client opened a folder, even if we could not.
    rooted: bool,
    /// Why a folder could not be opened: answered where there is no other.
    problem: Option<String>,
}

impl Folder {
    pub(crate) fn new(
        agent: Arc<Agent>,
        editor: Arc<LspEditor>,
        workspace: Arc<Workspace>,
        (mode, state): (Mode, PathBuf),
        shown: mpsc::UnboundedReceiver<Shown>,
    ) -> Arc<Self> {
        Arc::new(Self {
            agent,
            editor,
            workspace,
            mode,
            state,
            shown: Mutex::new(Some(shown)),
            told_of_trust: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// What is to be shown; `None` at the second call.
    pub(crate) fn take_shown(&self) -> Option<mpsc::UnboundedReceiver<Shown>> {
        lock(&self.shown).take()
    }

    /// True once: the user hears only once that the folder isn't trusted.
    pub(crate) fn first_mention_of_trust(&self) -> bool {
        !self.told_of_trust.swap(true, Ordering::Relaxed)
    }

    /// The path of a document in this folder.
    pub(crate) fn path(&self, uri: &Uri) -> Option<WorkspacePath> {
        match self.workspace.document(uri.as_str()) {
            Some(document) => document.path.clone(),
            None => from_lsp::file_path(uri).and_then(|file| self.workspace.path_of(&file)),
        }
    }
}

impl Folders {
    /// The client opened this folder.
    pub(crate) fn opened(&self, folder: std::result::Result<Arc<Folder>, String>) {
        let mut known = lock(&self.0);
        known.rooted = true;
        match folder {
            Ok(folder) => known.open.push(folder),
            Err(problem) => known.problem = Some(problem),
        }
    }

    /// The folder of a file could not be opened.
    pub(crate) fn failed(&self, problem: String) {
        lock(&self.0).problem = Some(problem);
    }

    /// A folder that the client has not opened, for a file in it.
    pub(crate) fn opened_for_a_file(&self, folder: Arc<Folder>) {
        lock(&self.0).open.push(folder);
    }

    /// The client closed this folder: nothing goes there unless it names it. What is pending there can be reviewed.
    pub(crate) fn closed(&self, root: &Path) {
        if let Some(folder) = self.at(root) {
            folder.closed.store(true, Ordering::Relaxed);
            folder.agent.cancel(None);
        }
    }

    /// The client opened a folder again that is known here. False: it is not.
    pub(crate) fn reopened(&self, root: &Path) -> bool {
        let folder = self.at(root);
        if let Some(folder) = &folder {
            folder.closed.store(false, Ordering::Relaxed);
        }
        folder.is_some()
    }

    /// The folder with this root.
    pub(crate) fn at(&self, root: &Path) -> Option<Arc<Folder>> {
        let root = root.canonicalize().ok()?;
        let mut all = self.all().into_iter();
        all.find(|folder| folder.workspace.root() == root)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Folder>> {
        lock(&self.0).open.clone()
    }

    /// Why there is no folder, where the user should know.
    pub(crate) fn problem(&self) -> Option<String> {
        lock(&self.0).problem.clone()
    }

    /// Has the client opened any folder?
    pub(crate) fn rooted(&self) -> bool {
        lock(&self.0).rooted
    }

    // --- documents ---

    /// A document was opened there.
    pub(crate) fn route(&self, uri: &Uri, folder: Arc<Folder>) {
        lock(&self.0)
            .documents
            .insert(uri.as_str().to_owned(), folder);
    }

    /// The folder of an open document.
    pub(crate) fn of_document(&self, uri: &Uri) -> Option<Arc<Folder>> {
        lock(&self.0).documents.get(uri.as_str()).cloned()
    }

    /// Open documents that belonged nowhere until now go to the folder that has their file.
    pub(crate) fn adopt(&self, folder: &Arc<Folder>) {
        let mut known = lock(&self.0);
        for (uri, holder) in &mut known.documents {
            let Some(document) = holder.workspace.document(uri) else {
                continue;
            };
            let file = uri.parse().ok().and_then(|uri| from_lsp::file_path(&uri));
            let inside = file.filter(|file| folder.workspace.path_of(file).is_some());
            if document.path.is_some() || inside.is_none() {
                continue;
            }
            folder.workspace.did_open(
                uri,
                inside.as_deref(),
                &document.language,
                document.version,
                &document.text(),
            );
            holder.workspace.did_close(uri);
            *holder = folder.clone();
        }
    }

    /// What [`Folders::of_document`] says, of a document that is closed now.
    pub(crate) fn unroute(&self, uri: &Uri) -> Option<Arc<Folder>> {
        lock(&self.0).documents.remove(uri.as_str())
    }

    /// The innermost folder with this file.
    pub(crate) fn with_file(&self, file: &Path) -> Option<Arc<Folder>> {
        let candidates = self.all().into_iter();
        candidates
            .filter(|folder| folder.workspace.path_of(file).is_some())
            .max_by_key(|folder| folder.workspace.root().as_os_str().len())
    }

    // --- requests ---

    /// A request went there.
    pub(crate) fn used(&self, folder: &Arc<Folder>) {
        lock(&self.0).current = Some(folder.clone());
    }

    /// Where a request without a place goes: to the folder last used, else to the first. The error says what to do.
    pub(crate) fn current(&self) -> Result<Arc<Folder>> {
        let known = lock(&self.0);
        let mut candidates = known.current.iter().chain(&known.open);
        let folder = candidates.find(|folder| !folder.closed.load(Ordering::Relaxed));
        folder.cloned().ok_or_else(|| {
            failed(match &known.problem {
                Some(problem) => problem.clone(),
                None => "no folder is open: open a folder or a file first".to_owned(),
            })
        })
    }

    /// Where a request to a session goes.
    pub(crate) fn of_session(&self, session: Option<SessionId>) -> Result<Arc<Folder>> {
        let open = session.and_then(|session| {
            let mut all = self.all().into_iter();
            all.find(|folder| folder.agent.has(session))
        });
        open.map_or_else(|| self.current(), Ok)
    }

    /// Where a hunk is pending.
    pub(crate) fn of_hunk(&self, hunk: HunkId) -> Result<Arc<Folder>> {
        let mut all = self.all().into_iter();
        let holder = all.find(|folder| folder.workspace.hunk(hunk).is_some());
        holder.map_or_else(|| self.current(), Ok)
    }

    /// The folder of a document and its path there; an error outside of all.
    pub(crate) fn place(&self, uri: &Uri) -> Result<(Arc<Folder>, WorkspacePath)> {
        let folder = self
            .of_document(uri)
            .or_else(|| from_lsp::file_path(uri).and_then(|file| self.with_file(&file)));
        let folder = match folder {
            Some(folder) => folder,
            None => self.current()?,
        };
        match folder.path(uri) {
            Some(path) => Ok((folder, path)),
            None => Err(Error::invalid_params(format!(
                "`uri`: {} is no file of an open folder: open its folder",
                uri.as_str()
            ))),
        }
    }
}
