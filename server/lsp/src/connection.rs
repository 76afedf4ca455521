//! What one connection knows: the client, its folders and settings, and what it saw of the editor ([`Seen`]).
//!
//! Shared by all handlers. Its locks are held for a look-up, never across an await, and the agent holds none of them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use interline_agent::{Agent, Host, Settings as AgentSettings};
use interline_log::{Mode, SessionId};
use interline_workspace::Workspace;
use lsp_types::{ClientCapabilities, Diagnostic, MessageType};
use tokio::sync::{mpsc, oneshot};
use tower_lsp::Client;
use tower_lsp::jsonrpc::{Error, ErrorCode, Response};

use crate::editor::LspEditor;
use crate::folders::{Folder, Folders};
use crate::prompts::{Prompts, Refused};
use crate::protocol::{ClientOptions, Settings};
use crate::record::Transcripts;
use crate::seen::Seen;
use crate::show::Show;
use crate::{Opened, hunks};

/// Reads the configuration of a folder.
pub(crate) type Open = Box<dyn Fn(&Path) -> std::result::Result<Opened, String> + Send + Sync>;

pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) folders: Folders,
    open: Open,
    side: OnceLock<ClientSide>,
    initialized: AtomicBool,
    /// Warnings that wait for `initialized`.
    held_back: Mutex<Vec<String>>,
    settings: Mutex<ClientSettings>,
    pub(crate) seen: Arc<Seen>,
    sessions: Mutex<HashSet<SessionId>>,
    /// One prompt at a time, whichever folder asks.
    pub(crate) prompts: Arc<Prompts>,
    parent: Mutex<Option<oneshot::Sender<u32>>>,
}

/// The user's settings as the client said them last.
#[derive(Default)]
struct ClientSettings {
    given: Settings,
    /// What was wrong with them: not told twice.
    told: Vec<String>,
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

impl Connection {
    pub(crate) fn new(client: Client, open: Open, parent: oneshot::Sender<u32>) -> Self {
        Self {
            prompts: Prompts::new(client.clone()),
            client,
            folders: Folders::default(),
            open,
            side: OnceLock::new(),
            initialized: AtomicBool::new(false),
            held_back: Mutex::default(),
            settings: Mutex::default(),
            seen: Arc::default(),
            sessions: Mutex::default(),
            parent: Mutex::new(Some(parent)),
        }
    }

    // --- the beginning ---

    /// Opens the client's folders. What goes wrong is kept: where no other folder is open, commands answer it.
    pub(crate) fn start(&self, roots: Vec<PathBuf>, side: ClientSide, mut warnings: Vec<String>) {
        lock(&self.settings).given = side.options.settings.clone();
        // The framework lets `initialize` through once.
        let _ = self.side.set(side);
        for root in roots {
            if self.folders.reopened(&root) {
                continue;
            }
            self.folders.opened(self.open_folder(&root, &mut warnings));
        }
        lock(&self.settings).told.clone_from(&warnings);
        self.warn(warnings);
    }

    /// From now on the client may be sent anything.
    pub(crate) fn begin(&self) {
        self.initialized.store(true, Ordering::Relaxed);
        let held_back = std::mem::take(&mut *lock(&self.held_back));
        self.warn(held_back);
        if let Some(problem) = self.folders.problem() {
            self.say(MessageType::ERROR, vec![problem]);
        }
        let all = self.folders.all();
        for (index, folder) in all.iter().enumerate() {
            self.begin_folder(folder, index == 0);
            folder.workspace.keep_index_in(&folder.state);
        }
    }

    /// The client opened one more folder.
    pub(crate) fn add_folder(&self, root: &Path) {
        if self.folders.reopened(root) {
            return;
        }
        let mut warnings = Vec::new();
        let folder = self.open_folder(root, &mut warnings);
        self.warn(warnings);
        match &folder {
            Ok(folder) => {
                self.begin_folder(folder, false);
                if self.initialized.load(Ordering::Relaxed) {
                    folder.workspace.keep_index_in(&folder.state);
                }
                self.folders.adopt(folder);
            }
            Err(problem) => self.say(MessageType::ERROR, vec![problem.clone()]),
        }
        self.folders.opened(folder);
    }

    /// The folder that a file belongs to; opens the file's own where the client has opened none.
    pub(crate) fn folder_for(&self, file: &Path) -> Option<Arc<Folder>> {
        if self.folders.rooted() {
            return self.folders.with_file(file);
        }
        let parent = file.parent()?;
        if let Some(folder) = self.folders.at(parent) {
            return Some(folder);
        }
        let mut warnings = Vec::new();
        let opened = self.open_folder(parent, &mut warnings);
        self.warn_of_settings(warnings);
        match opened {
            Ok(folder) => {
                self.begin_folder(&folder, self.folders.all().is_empty());
                self.folders.opened_for_a_file(folder.clone());
                Some(folder)
            }
            Err(problem) => {
                // Said once, and answered to commands.
                if self.folders.problem().as_ref() != Some(&problem) {
                    self.say(MessageType::ERROR, vec![problem.clone()]);
                }
                self.folders.failed(problem);
                None
            }
        }
    }

    fn begin_folder(&self, folder: &Arc<Folder>, first: bool) {
        if !self.initialized.load(Ordering::Relaxed) {
            return;
        }
        if let Some(shown) = folder.take_shown() {
            let (client, side) = (self.client.clone(), self.side());
            let transcripts = Transcripts::of(folder);
            let (flush, flushes) = hunks::Flush::new();
            let show = Show::new(client.clone(), side.clone(), transcripts, flush);
            tokio::spawn(show.run(shown));
            tokio::spawn(hunks::publish(
                client,
                side,
                folder.workspace.clone(),
                flushes,
            ));
        }
        // A session, so that what is in use is shown: it stays in memory until something is asked.
        if first
            && let Ok(started) = folder.agent.announce()
            && let Some(session) = started.session
        {
            self.opened(session);
        }
    }

    fn open_folder(
        &self,
        root: &Path,
        warnings: &mut Vec<String>,
    ) -> std::result::Result<Arc<Folder>, String> {
        let workspace = Workspace::open(root)
            .map_err(|error| format!("{} can't be opened: {error}", root.display()))?;
        let Opened {
            mut settings,
            warnings: more,
        } = (self.open)(workspace.root())?;
        for warning in more {
            add(warnings, warning);
        }
        let (configured, state) = (settings.mode, settings.state.clone());
        let given = lock(&self.settings).given.clone();
        apply_settings(&mut settings, &given, warnings);
        let (show, shown) = mpsc::unbounded_channel();
        let editor = Arc::new(LspEditor::new(
            self.client.clone(),
            self.side(),
            workspace.clone(),
            show,
            self.prompts.clone(),
            self.seen.clone(),
        ));
        let agent = Agent::new(Host::new(settings), workspace.clone(), editor.clone());
        Ok(Folder::new(
            agent,
            editor,
            workspace,
            (configured, state),
            shown,
        ))
    }

    /// The editor that started us: we go when it goes.
    pub(crate) fn watch_parent(&self, process: u32) {
        if let Some(parent) = lock(&self.parent).take() {
            let _ = parent.send(process);
        }
    }

    /// Looks at a reply of the client's. What only looks like an answer to a prompt goes on record.
    pub(crate) fn replied(&self, reply: &Response) {
        let Some(Refused { session, reason }) = self.prompts.look(reply) else {
            return;
        };
        tracing::warn!(?session, reason, "an answer to a prompt was refused");
        if let Ok(folder) = self.folders.of_session(session) {
            folder.agent.refuse_answer(session, reason);
        }
    }

    /// Ends all work.
    pub(crate) async fn close(&self) {
        let all = self.folders.all();
        futures::future::join_all(all.iter().map(|folder| folder.agent.close())).await;
    }

    // --- the client's settings ---

    /// The client's settings are these from now on.
    pub(crate) fn change_settings(&self, given: Settings, mut warnings: Vec<String>) {
        for folder in self.folders.all() {
            let mut warn = |text: String| add(&mut warnings, text);
            if let Some(model) = &given.model
                && let Err(error) = folder.agent.model(None, Some(model))
            {
                warn(format!("`interline.model` is ignored: {error}"));
            }
            match given.mode.map(|mode| tighten(folder.mode, mode)) {
                Some(Err(warning)) => warn(warning),
                Some(Ok(mode)) => {
                    if let Err(error) = folder.agent.set_mode(None, mode) {
                        warn(error.to_string());
                    }
                }
                None => {}
            }
        }
        lock(&self.settings).given = given;
        self.warn_of_settings(warnings);
    }

    /// Says what is wrong with the settings, but not again what was wrong with them before.
    fn warn_of_settings(&self, warnings: Vec<String>) {
        let mut settings = lock(&self.settings);
        let told = std::mem::replace(&mut settings.told, warnings.clone());
        drop(settings);
        let new = warnings.into_iter().filter(|text| !told.contains(text));
        self.warn(new.collect());
    }

    // --- what handlers ask ---

    pub(crate) fn side(&self) -> ClientSide {
        self.side.get().cloned().unwrap_or_default()
    }

    /// Says to the user and the log that something of theirs doesn't count.
    fn warn(&self, warnings: Vec<String>) {
        if self.initialized.load(Ordering::Relaxed) {
            self.say(MessageType::WARNING, warnings);
        } else {
            lock(&self.held_back).extend(warnings);
        }
    }

    fn say(&self, typ: MessageType, texts: Vec<String>) {
        for text in &texts {
            tracing::warn!("{text}");
        }
        let client = self.client.clone();
        tokio::spawn(async move {
            for text in texts {
                client.show_message(typ, format!("Interline: {text}")).await;
            }
        });
    }

    // --- sessions ---

    pub(crate) fn opened(&self, session: SessionId) {
        lock(&self.sessions).insert(session);
    }

    pub(crate) fn is_open(&self, session: SessionId) -> bool {
        lock(&self.sessions).contains(&session)
    }
}

/// What of the editor's settings may count in a folder with this configuration.
fn apply_settings(settings: &mut AgentSettings, given: &Settings, warnings: &mut Vec<String>) {
    if let Err(problem) = settings.check_model(&settings.model) {
        add(warnings, format!("the configuration's `model`: {problem}"));
    }
    if let Some(model) = &given.model {
        match settings.check_model(model) {
            Ok(()) => settings.model.clone_from(model),
            Err(problem) => add(warnings, format!("`interline.model` is ignored: {problem}")),
        }
    }
    match given.mode.map(|mode| tighten(settings.mode, mode)) {
        Some(Ok(mode)) => settings.mode = mode,
        Some(Err(warning)) => add(warnings, warning),
        None => {}
    }
}

/// What holds for several folders is said once.
fn add(warnings: &mut Vec<String>, text: String) {
    if !warnings.contains(&text) {
        warnings.push(text);
    }
}

/// The client's settings may tighten the mode, never loosen it.
fn tighten(configured: Mode, wanted: Mode) -> std::result::Result<Mode, String> {
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
