//! The [`Editor`] port over LSP: edits, prompts and questions as requests to the client.
//!
//! Nothing here trusts an answer: an edit counts when the mirror shows it, and a prompt that is not answered exactly
//! is a denial. One prompt at a time: some editors stack them, newest first.

use std::sync::Arc;
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
use tower_lsp::Client;

use crate::connection::ClientSide;
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
}

impl LspEditor {
    pub(crate) fn new(
        client: Client,
        side: ClientSide,
        workspace: Arc<Workspace>,
        show: UnboundedSender<Shown>,
    ) -> Self {
        Self {
            client,
            side,
            workspace,
            show,
            prompting: Arc::default(),
        }
    }
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
        let (client, prompting) = (self.client.clone(), self.prompting.clone());
        let custom = self.side.options.permission;
        async move {
            let _one_at_a_time = prompting.lock().await;
            let answer = async {
                if custom {
                    request_permission(&client, prompt).await
                } else {
                    ask_for_permission(&client, prompt).await
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

    fn question(&self, question: Question) -> BoxFuture<'static, Option<String>> {
        if question.options.is_empty() {
            // The next `interline.prompt` is the answer: it steers the turn.
            let notice = Display::Notice {
                text: question.text,
                warning: false,
            };
            self.show(question.session, notice);
            return futures::future::ready(None).boxed();
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
        // Nobody listens any more only when the connection is gone.
        let _ = self.show.send((session, display));
    }
}

async fn request_permission(client: &Client, prompt: PermissionPrompt) -> Option<PermissionAnswer> {
    // Any unique text will do; a call's own id may be asked about twice.
    let id = CallId::new().to_string();
    let offered = prompt.always.is_some();
    let params = PermissionParams {
        id: id.clone(),
        session: prompt.session,
        call: prompt.call,
        tool: prompt.tool,
        title: prompt.title,
        detail: prompt.detail,
        effects: prompt.effects,
        danger: prompt.danger,
        always: prompt.always,
    };
    let result = client
        .send_request::<RequestPermission>(params)
        .await
        .ok()?;
    let known = result.id == id && (offered || result.answer != PermissionAnswer::AllowAlways);
    known.then_some(result.answer)
}

async fn ask_for_permission(client: &Client, prompt: PermissionPrompt) -> Option<PermissionAnswer> {
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
