//! The [`Editor`] port over LSP: edits, prompts and questions as requests to the client.
//!
//! Nothing here trusts an answer: an edit counts when the mirror shows it, and a prompt that is not answered exactly
//! is a denial. One prompt at a time: some editors stack them, newest first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use interline_log::{CallId, PermissionAnswer, SessionId};
use interline_workspace::Workspace;
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, Query, QueryAnswer, Question,
};
use interline_workspace::proposal::Landing;
use lsp_types as lsp;
use lsp_types::request::{ApplyWorkspaceEdit, ShowMessageRequest};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tower_lsp::Client;

use crate::connection::{ClientSide, lock};
use crate::protocol::{PermissionParams, RequestPermission};
use crate::show::Shown;
use crate::{landing, query};

/// For an edit; a client may show a dialog first.
const APPLIED_WITHIN: Duration = Duration::from_secs(10);
/// A prompt that stands longer is forgotten by the user or was never shown.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30 * 60);

const DENY: &str = "Deny";
const ALLOW: &str = "Allow";
const ALWAYS: &str = "Always allow";

pub(crate) struct LspEditor {
    pub(crate) client: Client,
    pub(crate) side: ClientSide,
    workspace: Arc<Workspace>,
    show: UnboundedSender<Shown>,
    prompting: Arc<tokio::sync::Mutex<()>>,
    /// Questions without options, which wait for the next prompt to their session.
    open_questions: Mutex<HashMap<SessionId, oneshot::Sender<String>>>,
}

impl LspEditor {
    pub(crate) fn new(
        client: Client,
        side: ClientSide,
        workspace: Arc<Workspace>,
        show: UnboundedSender<Shown>,
        prompting: Arc<tokio::sync::Mutex<()>>,
    ) -> Self {
        Self {
            client,
            side,
            workspace,
            show,
            prompting,
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

    /// Asks for permission: dismissal, time-out and a lost connection deny.
    pub(crate) fn ask_permission(
        &self,
        params: PermissionParams,
    ) -> BoxFuture<'static, PermissionAnswer> {
        let (client, prompting) = (self.client.clone(), self.prompting.clone());
        let custom = self.side.options.permission;
        async move {
            let _one_at_a_time = prompting.lock().await;
            let answer = async {
                if custom {
                    request_permission(&client, params).await
                } else {
                    show_permission(&client, params).await
                }
            };
            let answer = tokio::time::timeout(ANSWERED_WITHIN, answer)
                .await
                .ok()
                .flatten();
            answer.unwrap_or(PermissionAnswer::Deny)
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

    fn permission(&self, prompt: PermissionPrompt) -> BoxFuture<'static, PermissionAnswer> {
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
        })
    }

    fn question(&self, question: Question) -> BoxFuture<'static, Option<String>> {
        if question.options.is_empty() {
            // The next `interline.prompt` is the answer. It waits as long as the turn does.
            let (answer, answered) = oneshot::channel();
            lock(&self.open_questions).insert(question.session, answer);
            self.send(Shown::Question(question.session, question.text));
            return answered.map(std::result::Result::ok).boxed();
        }
        let (client, prompting) = (self.client.clone(), self.prompting.clone());
        async move {
            let _one_at_a_time = prompting.lock().await;
            let asked = ask(
                &client,
                lsp::MessageType::INFO,
                question.text,
                question.options.clone(),
            );
            let answer = tokio::time::timeout(ANSWERED_WITHIN, asked)
                .await
                .ok()
                .flatten()?;
            question
                .options
                .into_iter()
                .find(|option| *option == answer)
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

    fn show(&self, session: SessionId, display: Display) {
        self.send(Shown::Session(session, display));
    }
}

async fn request_permission(client: &Client, params: PermissionParams) -> Option<PermissionAnswer> {
    let id = params.id.clone();
    let offered = params.always.is_some();
    let result = client
        .send_request::<RequestPermission>(params)
        .await
        .ok()?;
    let known = result.id == id && (offered || result.answer != PermissionAnswer::AllowAlways);
    known.then_some(result.answer)
}

async fn show_permission(client: &Client, prompt: PermissionParams) -> Option<PermissionAnswer> {
    let mut text = format!("{}\n\n{}", prompt.title, prompt.detail);
    for effect in &prompt.effects {
        text.push_str("\n- ");
        text.push_str(effect);
    }
    // Deny first: in some editors Enter takes the first.
    let mut answers = vec![DENY.to_owned(), ALLOW.to_owned()];
    let always = prompt.always.map(|rule| format!("{ALWAYS}: {rule}"));
    answers.extend(always.clone());
    let typ = if prompt.danger {
        lsp::MessageType::WARNING
    } else {
        lsp::MessageType::INFO
    };
    let answer = ask(client, typ, text, answers).await?;
    if answer == ALLOW {
        return Some(PermissionAnswer::Allow);
    }
    (Some(answer) == always).then_some(PermissionAnswer::AllowAlways)
}

async fn ask(
    client: &Client,
    typ: lsp::MessageType,
    message: String,
    answers: Vec<String>,
) -> Option<String> {
    let action = |title| lsp::MessageActionItem {
        title,
        properties: std::collections::HashMap::new(),
    };
    let actions = Some(answers.into_iter().map(action).collect());
    let params = lsp::ShowMessageRequestParams {
        typ,
        message,
        actions,
    };
    let answer = client
        .send_request::<ShowMessageRequest>(params)
        .await
        .ok()?;
    answer.map(|action| action.title)
}
