//! The [`Editor`] port over LSP: edits, prompts and questions as requests to the client.
//!
//! Nothing here trusts an answer: an edit counts when the mirror shows it, and a prompt that is not answered exactly
//! is a denial. One prompt at a time ([`Prompts`]): some editors stack them, newest first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use interline_agent::visible;
use interline_log::{CallId, PermissionAnswer, SessionId};
use interline_workspace::Workspace;
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, PermissionReply, Query, QueryAnswer,
    Question, Situation,
};
use interline_workspace::proposal::Landing;
use lsp_types as lsp;
use lsp_types::request::{ApplyWorkspaceEdit, ShowMessageRequest};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tower_lsp::Client;

use crate::connection::{ClientSide, lock};
use crate::prompts::{Place, Prompts};
use crate::protocol::{
    PermissionOption, PermissionParams, RequestPermission, Save, SaveParams, SaveResult,
};
use crate::seen::Seen;
use crate::show::Shown;
use crate::{from_lsp, landing, query};

/// For an edit; a client may show a dialog first.
const APPLIED_WITHIN: Duration = Duration::from_secs(10);
/// For saving; formatters run then, and a file may be on a slow disk.
const SAVED_WITHIN: Duration = Duration::from_secs(30);
/// A prompt that stands longer is forgotten by the user or was never shown.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30 * 60);

pub(crate) struct LspEditor {
    pub(crate) client: Client,
    pub(crate) side: ClientSide,
    workspace: Arc<Workspace>,
    show: UnboundedSender<Shown>,
    prompts: Arc<Prompts>,
    seen: Arc<Seen>,
    /// Questions without options, which wait for the next prompt to their session.
    open_questions: Mutex<HashMap<SessionId, oneshot::Sender<String>>>,
}

impl LspEditor {
    pub(crate) fn new(
        client: Client,
        side: ClientSide,
        workspace: Arc<Workspace>,
        show: UnboundedSender<Shown>,
        prompts: Arc<Prompts>,
        seen: Arc<Seen>,
    ) -> Self {
        Self {
            client,
            side,
            workspace,
            show,
            prompts,
            seen,
            open_questions: Mutex::default(),
        }
    }

    /// Says something that belongs to no session.
    pub(crate) fn notice(&self, text: impl Into<String>, warning: bool) {
        let text = text.into();
        self.send(Shown::Notice { text, warning });
    }

    /// Takes what the user says as the answer to the session's open question; false: there is none.
    pub(crate) fn answer(&self, session: SessionId, text: &str) -> bool {
        let waiting = lock(&self.open_questions).remove(&session);
        // Where the turn was cancelled nobody waits any more.
        waiting.is_some_and(|waiting| waiting.send(text.to_owned()).is_ok())
    }

    /// Asks for permission: dismissal, time-out and every doubt deny. A lost connection answers nothing.
    pub(crate) fn ask_permission(
        &self,
        params: PermissionParams,
    ) -> BoxFuture<'static, PermissionReply> {
        let prompts = self.prompts.clone();
        let custom = self.side.options.permission;
        async move {
            let place = prompts.queue();
            let answer = async {
                if custom {
                    request_permission(place, params).await
                } else {
                    show_permission(place, params).await
                }
            };
            tokio::time::timeout(ANSWERED_WITHIN, answer)
                .await
                .unwrap_or_else(|_| PermissionReply::none("timeout"))
        }
        .boxed()
    }

    fn send(&self, shown: Shown) {
        // Nobody listens any more only when the connection is gone.
        let _ = self.show.send(shown);
    }
}

/// A prompt's id. Any unique text will do; a call's own id may be asked about twice.
pub(crate) fn prompt_id() -> String {
    CallId::new().to_string()
}

impl Editor for LspEditor {
    fn abilities(&self) -> Abilities {
        Abilities {
            query: self.side.options.query,
            save: self.side.options.save,
            headless: false,
        }
    }

    fn apply(&self, landing: Landing) -> BoxFuture<'static, Result<(), EditorError>> {
        let client = self.client.clone();
        let edit =
            landing::workspace_edit(&self.workspace, &landing, self.side.resource_operations);
        async move {
            let label = Some(format!("Interline: {}", landing.path));
            let params = lsp::ApplyWorkspaceEditParams { label, edit: edit? };
            let answer = tokio::time::timeout(
                APPLIED_WITHIN,
                client.send_request::<ApplyWorkspaceEdit>(params),
            )
            .await;
            match answer {
                Ok(Ok(answer)) if answer.applied => Ok(()),
                Ok(Ok(answer)) => {
                    let reason = answer
                        .failure_reason
                        .unwrap_or_else(|| "it gave no reason".to_owned());
                    Err(EditorError::Refused(reason))
                }
                Ok(Err(error)) => Err(EditorError::Refused(error.message.into_owned())),
                Err(_) => Err(EditorError::Gone(
                    "workspace/applyEdit had no answer in 10 seconds".to_owned(),
                )),
            }
        }
        .boxed()
    }

    fn permission(&self, prompt: PermissionPrompt) -> BoxFuture<'static, PermissionReply> {
        self.ask_permission(PermissionParams {
            id: prompt_id(),
            session: Some(prompt.session),
            call: Some(prompt.call),
            tool: prompt.tool,
            title: prompt.title,
            detail: prompt.detail,
            effects: prompt.effects,
            danger: prompt.danger,
            always: prompt.always,
            options: options(&prompt.options),
            position: 1,
            total: 1,
        })
    }

    fn save(&self, documents: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>> {
        let client = self.client.clone();
        async move {
            let params = SaveParams { uris: documents };
            let asked = client.send_request::<Save>(params);
            match tokio::time::timeout(SAVED_WITHIN, asked).await {
                Ok(Ok(SaveResult { problem: None })) => Ok(()),
                Ok(Ok(SaveResult {
                    problem: Some(problem),
                })) => Err(EditorError::Refused(visible(&problem))),
                Ok(Err(error)) => Err(EditorError::Refused(error.message.into_owned())),
                Err(_) => Err(EditorError::Gone(
                    "interline/save had no answer in 30 seconds".to_owned(),
                )),
            }
        }
        .boxed()
    }

    fn question(&self, question: Question) -> BoxFuture<'static, Option<String>> {
        if question.options.is_empty() {
            // The next `interline.prompt` is the answer. It waits as long as the turn does.
            let (answer, answered) = oneshot::channel();
            lock(&self.open_questions).insert(question.session, answer);
            self.send(Shown::Question(question.session, question.text));
            return answered.map(std::result::Result::ok).boxed();
        }
        let prompts = self.prompts.clone();
        async move {
            let shown: Vec<String> = question.options.iter().map(|o| visible(o)).collect();
            let text = lines(&question.text);
            let (session, titles) = (Some(question.session), shown.clone());
            let asked = prompts
                .queue()
                .ask::<ShowMessageRequest>(session, |at, of| {
                    message(lsp::MessageType::INFO, numbered(text, at, of), titles)
                });
            let answer = tokio::time::timeout(ANSWERED_WITHIN, asked).await;
            let answer = answer.ok().flatten().flatten()?.title;
            let chosen = shown.iter().position(|option| *option == answer)?;
            question.options.into_iter().nth(chosen)
        }
        .boxed()
    }

    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>> {
        if !self.side.options.query {
            let reason = "this editor has no plugin that asks its language servers".to_owned();
            return futures::future::ready(Err(EditorError::Unsupported(reason))).boxed();
        }
        query::ask(self.client.clone(), self.workspace.clone(), query).boxed()
    }

    fn situation(&self) -> Option<Situation> {
        // The count first: what comes between the two is looked at once more.
        let changes = self.seen.changes();
        let focus = self.seen.focus().and_then(|focus| {
            let path = match self.workspace.document(focus.uri.as_str()) {
                Some(document) => document.path.clone(),
                None => {
                    let file = from_lsp::file_path(&focus.uri)?;
                    self.workspace.path_of(&file)
                }
            }?;
            let diagnostics = self.seen.diagnostics(&focus.uri);
            let selected = from_lsp::selected(&focus);
            Some(from_lsp::focus(&path, selected, Some(&focus), &diagnostics))
        });
        Some(Situation { focus, changes })
    }

    fn show(&self, session: SessionId, display: Display) {
        self.send(Shown::Session(session, display));
    }
}

/// What may be answered, as the client is told.
pub(crate) fn options(answers: &[PermissionAnswer]) -> Vec<PermissionOption> {
    let option = |&answer: &PermissionAnswer| PermissionOption {
        answer,
        label: answer.label().to_owned(),
    };
    answers.iter().map(option).collect()
}

async fn request_permission(place: Place<'_>, params: PermissionParams) -> PermissionReply {
    let (id, session, offered) = (params.id.clone(), params.session, params.options.clone());
    let result = place
        .ask::<RequestPermission>(session, |position, total| PermissionParams {
            position,
            total,
            ..params
        })
        .await;
    match result {
        None => PermissionReply::none("the editor, which failed to ask"),
        Some(result) if result.id != id => {
            PermissionReply::none("Interline: the answer was to another prompt")
        }
        Some(result) if !offered.iter().any(|option| option.answer == result.answer) => {
            PermissionReply::none("Interline: the answer was not among those that were offered")
        }
        Some(result) => PermissionReply::user(result.answer),
    }
}

async fn show_permission(place: Place<'_>, prompt: PermissionParams) -> PermissionReply {
    let mut text = format!("{}\n\n{}", prompt.title, prompt.detail);
    for effect in &prompt.effects {
        text.push_str("\n- ");
        text.push_str(effect);
    }
    // Deny first: in some editors Enter takes the first.
    let label = |option: &PermissionOption| match (&prompt.always, option.answer) {
        (Some(rule), PermissionAnswer::AllowAlways) => format!("{}: {rule}", option.label),
        _ => option.label.clone(),
    };
    let titles: Vec<String> = prompt.options.iter().map(label).collect();
    let typ = if prompt.danger {
        lsp::MessageType::WARNING
    } else {
        lsp::MessageType::INFO
    };
    let shown = titles.clone();
    let answer = place
        .ask::<ShowMessageRequest>(prompt.session, |at, of| {
            message(typ, numbered(text, at, of), shown)
        })
        .await;
    let chosen = match answer {
        None => return PermissionReply::none("the editor, which failed to ask"),
        Some(None) => return PermissionReply::user(PermissionAnswer::Deny),
        Some(Some(action)) => titles.iter().position(|title| *title == action.title),
    };
    match chosen.and_then(|chosen| prompt.options.get(chosen)) {
        Some(option) => PermissionReply::user(option.answer),
        None => {
            PermissionReply::none("Interline: the answer was not among those that were offered")
        }
    }
}

/// With its place in the queue, where there is one.
fn numbered(text: String, position: u32, total: u32) -> String {
    if total > 1 {
        format!("({position} of {total}) {text}")
    } else {
        text
    }
}

fn lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

pub(crate) fn message(
    typ: lsp::MessageType,
    message: String,
    answers: Vec<String>,
) -> lsp::ShowMessageRequestParams {
    let action = |title| lsp::MessageActionItem {
        title,
        properties: std::collections::HashMap::new(),
    };
    let actions = Some(answers.into_iter().map(action).collect());
    lsp::ShowMessageRequestParams {
        typ,
        message,
        actions,
    }
}
