//! The editor of a re-run: nobody is there.

use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use interline_log::SessionId;
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, PermissionReply, Query, QueryAnswer,
    Question,
};
use interline_workspace::proposal::Landing;

pub(super) struct Nobody;

impl Editor for Nobody {
    fn abilities(&self) -> Abilities {
        Abilities {
            headless: true,
            ..Abilities::default()
        }
    }

    fn apply(&self, _landing: Landing) -> BoxFuture<'static, Result<(), EditorError>> {
        ready(Err(none())).boxed()
    }

    fn permission(&self, _prompt: PermissionPrompt) -> BoxFuture<'static, PermissionReply> {
        ready(PermissionReply::none("replay")).boxed()
    }

    fn save(&self, _documents: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>> {
        ready(Err(none())).boxed()
    }

    fn question(&self, _question: Question) -> BoxFuture<'static, Option<String>> {
        ready(None).boxed()
    }

    fn query(&self, _query: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>> {
        ready(Err(none())).boxed()
    }

    fn show(&self, _session: SessionId, _display: Display) {}
}

fn none() -> EditorError {
    EditorError::Unsupported("this is a replay".to_owned())
}
