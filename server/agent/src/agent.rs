//! One connection's handle on the agent. Every method is quick: it enqueues and returns.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use interline_log::{
    Actor, EventData, HunkId, HunkKind, LogError, Mode, SessionId, SessionSummary, TurnId,
};
use interline_tools::Output;
use interline_workspace::Workspace;
use interline_workspace::editor::{Display, Editor, Focus};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::Hunk;

use crate::crash::Interrupted;
use crate::host::Host;
use crate::mentions::Completion;
use crate::session::{Begun, Session};
use crate::turn;

/// VS Code gives `shutdown` this long.
const CLOSE: Duration = Duration::from_millis(1800);
/// From the start of closing; what telemetry has left by then is dropped.
const FLUSHED: Duration = Duration::from_secs(2);

/// The agent of one connection.
pub struct Agent {
    host: Arc<Host>,
    workspace: Arc<Workspace>,
    editor: Arc<dyn Editor>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, Arc<Session>>,
    /// The last one used.
    current: Option<SessionId>,
}

/// What the user asks.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `None`: the connection's current session; a new one where there is none.
    pub session: Option<SessionId>,
    /// A few words for lists and progress.
    pub title: String,
    /// What the user asks, as the model is told.
    pub text: String,
    /// Where the user is.
    pub focus: Option<Focus>,
    /// Its hunks are shown once they are checked, or that has taken too long.
    pub checked_first: bool,
}

/// The answer to a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// The session that it went to.
    pub session: Option<SessionId>,
    /// The turn that it started or joined.
    pub turn: Option<TurnId>,
}

/// Which hunks a command is about. The first that is given counts; none: all.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// One hunk.
    pub hunk: Option<HunkId>,
    /// Those of a file.
    pub path: Option<WorkspacePath>,
    /// Those of a session.
    pub session: Option<SessionId>,
}

/// One file of a proposal for a diff view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// The file.
    pub path: WorkspacePath,
    /// The user's text; `None`: there is no such file yet.
    pub before: Option<String>,
    /// The text with all pending hunks; `None`: the file goes away.
    pub after: Option<String>,
    /// Both are no texts: each is one line about the file.
    pub binary: bool,
    /// The file becomes executable, or is none any more.
    pub executable: Option<bool>,
}

/// Why a command could not be taken. The message says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AgentError(pub String);

impl Agent {
    /// A connection's agent. Starts nothing.
    #[must_use]
    pub fn new(host: Arc<Host>, workspace: Arc<Workspace>, editor: Arc<dyn Editor>) -> Arc<Self> {
        workspace.keep_symbols_in(&host.settings.state);
        Arc::new(Self {
            host,
            workspace,
            editor,
            state: Mutex::default(),
        })
    }

    /// Starts a turn, or steers the one that runs. Must be called on the runtime.
    pub fn prompt(&self, request: Request) -> Result<Started, AgentError> {
        let session = self.session_or_new(request.session)?;
        let id = session.id;
        let turn = match session.start(&request.text) {
            Begun::Steering(turn) => turn,
            Begun::Turn(turn, cancel) => {
                tokio::spawn(turn::run(session, turn, cancel, request));
                turn
            }
        };
        Ok(Started {
            session: Some(id),
            turn: Some(turn),
        })
    }

    /// Asks the agent to do one hunk again. The hunk is dropped: the model sees what it was.
    pub fn revise(&self, hunk: HunkId, text: &str) -> Result<Started, AgentError> {
        let hunk = self.workspace.hunk(hunk).ok_or_else(no_such_hunk)?;
        let session = self.session(hunk.session)?;
        let line = hunk.start_line + 1;
        let request = Request {
            session: Some(hunk.session),
            title: format!("revise {}:{line}", hunk.path),
            text: format!(
                "Revise this change of yours in {}, at line {line}. What the user says about it: {text}\n\n\
                 The change, which is now dropped from the proposal:\n{}",
                hunk.path,
                unified(&hunk.old, &hunk.new)
            ),
            focus: Some(Focus {
                path: Some(hunk.path.clone()),
                ..Focus::default()
            }),
            checked_first: false,
        };
        let rejecting = session.clone();
        let begun = session.start(&request.text);
        let turn = match begun {
            Begun::Steering(turn) => {
                tokio::spawn(async move { rejecting.told(rejecting.reject(&[hunk.id]).await) });
                turn
            }
            Begun::Turn(turn, cancel) => {
                tokio::spawn(async move {
                    rejecting.told(rejecting.reject(&[hunk.id]).await);
                    turn::run(session, turn, cancel, request).await;
                });
                turn
            }
        };
        Ok(Started {
            session: Some(hunk.session),
            turn: Some(turn),
        })
    }

    /// Stops running turns: those of a session, or all.
    pub fn cancel(&self, session: Option<SessionId>) -> Started {
        let mut started = Started::default();
        for candidate in self.all() {
            if session.is_none_or(|id| id == candidate.id)
                && let Some(turn) = candidate.cancel()
            {
                started = Started {
                    session: Some(candidate.id),
                    turn: Some(turn),
                };
            }
        }
        started
    }

    /// Lands hunks. What can't be landed is shown by a notice.
    pub fn accept(&self, selection: Selection) -> Result<Started, AgentError> {
        self.review(&selection, Session::accept_by_hand)
    }

    /// Lands hunks and waits for it, for the command line. The error says what was not landed.
    pub async fn accept_and_wait(&self, hunks: &[HunkId]) -> Result<(), AgentError> {
        let mut problems = Vec::new();
        for (session, ids) in self.by_session(hunks)? {
            if let Err(reason) = session
                .accept(crate::recorder::Place::default(), &ids)
                .await
            {
                problems.push(reason);
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(AgentError(problems.join("; ")))
        }
    }

    /// Drops hunks.
    pub fn reject(&self, selection: Selection) -> Result<Started, AgentError> {
        self.review(&selection, |session, hunks| async move {
            session.reject(&hunks).await
        })
    }

    /// Takes back landed hunks.
    pub fn undo(
        &self,
        session: Option<SessionId>,
        turn: Option<TurnId>,
    ) -> Result<Started, AgentError> {
        let session = self.session_or_current(session)?;
        let id = session.id;
        tokio::spawn(async move { session.told(session.undo(turn).await) });
        Ok(Started {
            session: Some(id),
            turn,
        })
    }

    /// Has a conversation made shorter before its next request, whatever room there is.
    pub fn compact(&self, session: Option<SessionId>) -> Result<Started, AgentError> {
        let session = self.session_or_current(session)?;
        session.compact_asked.store(true, Ordering::Relaxed);
        session.show(Display::Notice {
            text: "the conversation is made shorter before the next request".to_owned(),
            warning: false,
        });
        Ok(Started {
            session: Some(session.id),
            turn: session.turn(),
        })
    }

    /// Shows what model and mode are in use in the current session, which is new where there was none.
    pub fn announce(&self) -> Result<Started, AgentError> {
        let session = self.session_or_new(None)?;
        session.configure(None, None);
        Ok(Started {
            session: Some(session.id),
            turn: session.turn(),
        })
    }

    /// Sets the mode of a session (the current one, or a new one) from its next turn on.
    pub fn set_mode(&self, session: Option<SessionId>, mode: Mode) -> Result<Started, AgentError> {
        let session = self.session_or_new(session)?;
        session.configure(Some(mode), None);
        Ok(Started {
            session: Some(session.id),
            turn: session.turn(),
        })
    }

    /// Sets the model, where one is named; the name of the one in use, and all names.
    pub fn model(
        &self,
        session: Option<SessionId>,
        name: Option<&str>,
    ) -> Result<(String, Vec<String>), AgentError> {
        let session = self.session_or_new(session)?;
        if let Some(name) = name {
            self.host.settings.check_model(name).map_err(AgentError)?;
            session.configure(None, Some(name));
        }
        Ok((session.model(), self.host.settings.model_names()))
    }

    /// Is the folder trusted?
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.host.trusted(self.workspace.root())
    }

    /// Trusts the folder, or no longer. The frontier has asked the user.
    pub fn trust(&self, trusted: bool) -> Result<(), AgentError> {
        let set = self.host.trust.set(self.workspace.root(), trusted);
        set.map_err(|error| AgentError(format!("the folder's trust can't be kept: {error}")))
    }

    /// What is on record for this workspace, newest first. Reads the disk: not for the typing path.
    pub fn sessions(&self) -> Result<Vec<SessionSummary>, AgentError> {
        let root = self.workspace.root().display().to_string();
        let mut all = self
            .host
            .store
            .list()
            .map_err(|error| AgentError(error.to_string()))?;
        all.retain(|session| session.roots.contains(&root));
        Ok(all)
    }

    /// Opens a session again; its pending hunks come back.
    pub fn resume(&self, id: SessionId) -> Result<Started, AgentError> {
        let mut state = self.state();
        state.current = Some(id);
        if let Some(session) = state.sessions.get(&id) {
            return Ok(Started {
                session: Some(id),
                turn: session.turn(),
            });
        }
        let session = self.new_session(Some(id));
        state.sessions.insert(id, session.clone());
        drop(state);
        tokio::spawn(async move {
            let opened = session
                .recorder()
                .await
                .map(|_| ())
                .map_err(|error| error.to_string());
            session.told(opened);
            session.show(Display::HunksChanged);
            take_up(&session);
        });
        Ok(Started {
            session: Some(id),
            turn: None,
        })
    }

    /// Opens a session again and waits for it, for the command line.
    pub async fn resume_and_wait(&self, id: SessionId) -> Result<(), AgentError> {
        let session = self.new_session(Some(id));
        session
            .recorder()
            .await
            .map_err(|error| AgentError(error.to_string()))?;
        let mut state = self.state();
        state.current = Some(id);
        state.sessions.insert(id, session.clone());
        drop(state);
        take_up(&session);
        Ok(())
    }

    /// What to tell about sessions of this workspace that ended with their process: given once, so who asks must tell.
    /// Reads the disk: not for the typing path.
    #[must_use]
    pub fn take_interrupted(&self) -> Option<Interrupted> {
        crate::crash::take_interrupted(&self.host, self.workspace.root())
    }

    /// One tool call under policy in a session of its own, for `interline tools call`.
    pub async fn call(&self, tool: &str, arguments: &str) -> Result<Output, AgentError> {
        let session = self.session_or_new(None)?;
        turn::single_call(session, tool, arguments)
            .await
            .map_err(AgentError)
    }

    /// The transcript in Markdown. Reads the disk.
    pub fn transcript(
        &self,
        session: Option<SessionId>,
    ) -> Result<(SessionId, String), AgentError> {
        let id = session.or(self.state().current).ok_or_else(no_session)?;
        let events = match self.host.store.read(id) {
            // It has begun, and nothing of it is on disk yet.
            Err(LogError::NotFound(_)) if self.state().sessions.contains_key(&id) => Vec::new(),
            read => read.map_err(|error| AgentError(error.to_string()))?,
        };
        Ok((id, crate::transcript(&events)))
    }

    /// What a mention (`@…`) that begins like this can become; without the `@`. Reads the disk: not for the typing path.
    #[must_use]
    pub fn complete(&self, begun: &str) -> Vec<Completion> {
        let session = self.current().unwrap_or_else(SessionId::new);
        crate::mentions::complete(&self.workspace, session, begun)
    }

    /// The pending proposal for a diff view, of one file or of all.
    #[must_use]
    pub fn diff(&self, selection: &Selection) -> Vec<Diff> {
        let mut files: Vec<(SessionId, WorkspacePath)> = Vec::new();
        // Whoever asks to see the proposal waits for nothing.
        self.workspace.release(None);
        let pending = self.pending(selection);
        for hunk in pending.iter().cloned() {
            let target = match &hunk.kind {
                HunkKind::Move { to } => WorkspacePath::new(to).ok(),
                _ => None,
            };
            for path in std::iter::once(hunk.path).chain(target) {
                if !files.contains(&(hunk.session, path.clone())) {
                    files.push((hunk.session, path));
                }
            }
        }
        let diff = |(session, path): (SessionId, WorkspacePath)| {
            let of_file = |hunk: &&Hunk| hunk.session == session && hunk.path == path;
            let hunks = || pending.iter().filter(of_file);
            let binary = hunks().find(|hunk| matches!(hunk.kind, HunkKind::Binary { .. }));
            let (before, after) = match binary {
                Some(Hunk { old, new, .. }) => (line(old), line(new)),
                None => (
                    self.workspace.text(&path).ok(),
                    self.workspace.proposed_text(session, &path).ok(),
                ),
            };
            Diff {
                before,
                after,
                binary: binary.is_some(),
                executable: hunks().find_map(|hunk| match hunk.kind {
                    HunkKind::Mode { executable } => Some(executable),
                    _ => None,
                }),
                path: path.clone(),
            }
        };
        files.into_iter().map(diff).collect()
    }

    /// Puts on record that something looked like an answer to a prompt and was none: of this session, else of the
    /// current one.
    pub fn refuse_answer(&self, session: Option<SessionId>, reason: &str) {
        let Ok(session) = self.session_or_current(session) else {
            return;
        };
        let reason = reason.to_owned();
        tokio::spawn(async move {
            let recorded = match session.recorder().await {
                Ok(recorder) => recorder.record(
                    crate::recorder::Place::default(),
                    Actor::System,
                    EventData::PermissionRefused { reason },
                ),
                Err(error) => Err(error),
            };
            session.told(recorded.map(|_| ()).map_err(|error| error.to_string()));
        });
    }

    /// The session that a request without one goes to.
    #[must_use]
    pub fn current(&self) -> Option<SessionId> {
        self.state().current
    }

    /// Is this session open here?
    #[must_use]
    pub fn has(&self, session: SessionId) -> bool {
        self.state().sessions.contains_key(&session)
    }

    /// The turn that runs in a session.
    #[must_use]
    pub fn turn(&self, session: SessionId) -> Option<TurnId> {
        self.state().sessions.get(&session)?.turn()
    }

    /// Does a turn run?
    #[must_use]
    pub fn busy(&self) -> bool {
        self.all().iter().any(|session| session.turn().is_some())
    }

    /// Waits until no turn runs. For the command line.
    pub async fn idle(&self) {
        for session in self.all() {
            session.idle().await;
        }
    }

    /// Ends everything: turns are cancelled, logs durable. For `shutdown` and end of input; at most 2 s.
    pub async fn close(&self) {
        let sessions = self.all();
        for session in &sessions {
            session.close();
        }
        let end = tokio::time::Instant::now() + FLUSHED;
        let ending = async {
            for session in &sessions {
                session.idle().await;
                session.settled().await;
            }
        };
        if tokio::time::timeout(CLOSE, ending).await.is_err() {
            tracing::warn!("a turn did not end in time; its log ends at its last durable event");
        }
        if let Some(telemetry) = &self.host.telemetry
            && tokio::time::timeout_at(end, telemetry.flush())
                .await
                .is_err()
        {
            tracing::info!("the last of the telemetry was not sent in time");
        }
    }

    // --- within ---

    /// Does something with hunks, session by session.
    fn review<F>(
        &self,
        selection: &Selection,
        act: impl Fn(Arc<Session>, Vec<HunkId>) -> F,
    ) -> Result<Started, AgentError>
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let hunks = self.pending(selection);
        if hunks.is_empty() {
            return Err(if selection.hunk.is_some() {
                no_such_hunk()
            } else {
                no_hunks()
            });
        }
        let ids: Vec<HunkId> = hunks.iter().map(|hunk| hunk.id).collect();
        let by_session = self.by_session(&ids)?;
        let first = by_session.first().map(|(session, _)| session.id);
        for (session, ids) in by_session {
            let acting = act(session.clone(), ids);
            tokio::spawn(async move { session.told(acting.await) });
        }
        Ok(Started {
            session: first,
            turn: None,
        })
    }

    fn by_session(&self, hunks: &[HunkId]) -> Result<Vec<HunksOf>, AgentError> {
        let mut sorted: Vec<HunksOf> = Vec::new();
        for &id in hunks {
            let hunk = self.workspace.hunk(id).ok_or_else(no_such_hunk)?;
            match sorted
                .iter_mut()
                .find(|(session, _)| session.id == hunk.session)
            {
                Some((_, ids)) => ids.push(id),
                None => sorted.push((self.session(hunk.session)?, vec![id])),
            }
        }
        Ok(sorted)
    }

    /// The hunks that a command is about. What nobody is shown yet is meant only by name.
    fn pending(&self, selection: &Selection) -> Vec<Hunk> {
        let files = self.workspace.hunks();
        let known = self.workspace.known_of(&files);
        let held = |hunk: &Hunk| known.get(&hunk.id).is_some_and(|known| known.is_held);
        let all = files.into_iter().flat_map(|file| file.hunks);
        let all = all.filter(|hunk| selection.hunk.is_some() || !held(hunk));
        let chosen = all.filter(|hunk| match selection {
            Selection { hunk: Some(id), .. } => hunk.id == *id,
            Selection {
                path: Some(path), ..
            } => hunk.path == *path,
            Selection {
                session: Some(session),
                ..
            } => hunk.session == *session,
            Selection { .. } => true,
        });
        chosen.collect()
    }

    fn session_or_new(&self, id: Option<SessionId>) -> Result<Arc<Session>, AgentError> {
        let mut state = self.state();
        let Some(id) = id.or(state.current) else {
            let session = self.new_session(None);
            state.current = Some(session.id);
            state.sessions.insert(session.id, session.clone());
            return Ok(session);
        };
        let session = state
            .sessions
            .get(&id)
            .cloned()
            .ok_or_else(|| not_open(id))?;
        state.current = Some(id);
        Ok(session)
    }

    fn session_or_current(&self, id: Option<SessionId>) -> Result<Arc<Session>, AgentError> {
        let id = id.or(self.state().current).ok_or_else(no_session)?;
        self.session(id)
    }

    fn session(&self, id: SessionId) -> Result<Arc<Session>, AgentError> {
        self.state()
            .sessions
            .get(&id)
            .cloned()
            .ok_or_else(|| not_open(id))
    }

    fn new_session(&self, resume: Option<SessionId>) -> Arc<Session> {
        Session::new(
            self.host.clone(),
            self.workspace.clone(),
            self.editor.clone(),
            resume,
        )
    }

    fn all(&self) -> Vec<Arc<Session>> {
        self.state().sessions.values().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands for a file that is no text; `None`: there is no file.
fn line(shown: &str) -> Option<String> {
    (!shown.is_empty()).then(|| shown.to_owned())
}

/// What waited for permission when the process ended is asked again.
fn take_up(session: &Arc<Session>) {
    if let Some((suspended, cancel)) = session.claim_suspended() {
        let turn = suspended.turn;
        tokio::spawn(turn::take_up(session.clone(), turn, cancel, suspended));
    }
}

/// Hunks of one session.
type HunksOf = (Arc<Session>, Vec<HunkId>);

/// Old and new lines of a hunk as a diff shows them.
fn unified(old: &str, new: &str) -> String {
    let old = old.lines().map(|line| format!("-{line}\n"));
    let new = new.lines().map(|line| format!("+{line}\n"));
    old.chain(new).collect()
}

fn no_session() -> AgentError {
    AgentError("there is no session yet: ask for something first".to_owned())
}

fn not_open(id: SessionId) -> AgentError {
    AgentError(format!("session {id} is not open here: resume it first"))
}

fn no_hunks() -> AgentError {
    AgentError("there is no pending change".to_owned())
}

fn no_such_hunk() -> AgentError {
    AgentError("this change is no longer pending".to_owned())
}
