//! What several targets need: a workspace in memory and an editor that answers nothing.

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use interline_log::{SessionId, TurnId};
use interline_tools::{Environment, Memory};
use interline_workspace::Workspace;
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, PermissionReply, Query, QueryAnswer, Question,
};
use interline_workspace::proposal::Landing;

/// A folder that is gone when it is dropped; in memory where the system has such a place.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    made.expect("a temporary folder")
}

/// What a call works on.
pub fn environment(root: &Path) -> Environment {
    Environment {
        workspace: Workspace::open(root).expect("the folder is there"),
        editor: Arc::new(Nobody),
        session: SessionId::new(),
        turn: TurnId::new(),
        trusted: false,
        confinement: None,
        scratch: root.join("scratch"),
        env: Arc::default(),
        memory: Arc::new(Memory::default()),
    }
}

struct Nobody;

impl Editor for Nobody {
    fn abilities(&self) -> Abilities {
        Abilities {
            query: false,
            save: false,
            headless: true,
        }
    }

    fn apply(&self, _: Landing) -> BoxFuture<'static, Result<(), EditorError>> {
        futures::future::ready(Err(EditorError::Unsupported("no".to_owned()))).boxed()
    }

    fn permission(&self, _: PermissionPrompt) -> BoxFuture<'static, PermissionReply> {
        futures::future::ready(PermissionReply::none("test")).boxed()
    }

    fn save(&self, _: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>> {
        futures::future::ready(Err(EditorError::Unsupported("no".to_owned()))).boxed()
    }

    fn question(&self, _: Question) -> BoxFuture<'static, Option<String>> {
        futures::future::ready(None).boxed()
    }

    fn query(&self, _: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>> {
        futures::future::ready(Err(EditorError::Unsupported("no".to_owned()))).boxed()
    }

    fn show(&self, _: SessionId, _: Display) {}
}
