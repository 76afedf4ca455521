//! A folder, an editor in memory, and calls that run as the agent runs them: parsed, decided on, permitted.

use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use interline_log::{CallId, Mode, SessionId, TurnId};
use interline_policy::{Context, Rules, Stale, Verdict, decide};
use interline_workspace::Workspace;
use interline_workspace::editor::{
    Abilities, Display, Editor, EditorError, PermissionPrompt, PermissionReply, Query, QueryAnswer,
    Question,
};
use interline_workspace::path::WorkspacePath;
use interline_workspace::proposal::Landing;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::memory::lock;
use crate::{Environment, Memory, Output, Prepared, Registry};

type Answers = Box<dyn Fn(&Query) -> Result<QueryAnswer, EditorError> + Send + Sync>;

/// Answers questions and queries as the test says; `None`: this editor can't.
#[derive(Default)]
pub(crate) struct TestEditor {
    pub(crate) answers: Option<Answers>,
    pub(crate) reply: Option<String>,
    pub(crate) headless: bool,
    pub(crate) asked: Mutex<Vec<Query>>,
}

impl Editor for TestEditor {
    fn abilities(&self) -> Abilities {
        Abilities {
            query: self.answers.is_some(),
            save: false,
            headless: self.headless,
        }
    }

    fn apply(&self, _: Landing) -> BoxFuture<'static, Result<(), EditorError>> {
        let refused = EditorError::Refused("no tool lands anything".to_owned());
        futures::future::ready(Err(refused)).boxed()
    }

    fn permission(&self, _: PermissionPrompt) -> BoxFuture<'static, PermissionReply> {
        futures::future::ready(PermissionReply::none("test")).boxed()
    }

    fn save(&self, _: Vec<String>) -> BoxFuture<'static, Result<(), EditorError>> {
        futures::future::ready(Err(EditorError::Unsupported("no".to_owned()))).boxed()
    }

    fn question(&self, _: Question) -> BoxFuture<'static, Option<String>> {
        futures::future::ready(self.reply.clone()).boxed()
    }

    fn query(&self, query: Query) -> BoxFuture<'static, Result<QueryAnswer, EditorError>> {
        let none = || Err(EditorError::Unsupported("no".to_owned()));
        let answer = self
            .answers
            .as_ref()
            .map_or_else(none, |answers| answers(&query));
        lock(&self.asked).push(query);
        futures::future::ready(answer).boxed()
    }

    fn show(&self, _: SessionId, _: Display) {}
}

/// A workspace on disk with one session.
pub(crate) struct Bench {
    pub(crate) environment: Environment,
    pub(crate) editor: Arc<TestEditor>,
    _folder: TempDir,
}

impl Bench {
    /// A trusted folder with these files.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self::with_editor(files, TestEditor::default())
    }

    pub(crate) fn with_editor(files: &[(&str, &str)], editor: TestEditor) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("workspace");
        std::fs::create_dir(&root).expect("a new folder");
        for (path, text) in files {
            put(&root, path, text);
        }
        let editor = Arc::new(editor);
        let environment = Environment {
            workspace: Workspace::open(&root).expect("it exists"),
            editor: Arc::clone(&editor) as Arc<dyn Editor>,
            session: SessionId::new(),
            turn: TurnId::new(),
            trusted: true,
            confinement: None,
            scratch: folder.path().join("scratch"),
            env: Arc::new(std::env::vars().collect()),
            memory: Arc::new(Memory::default()),
        };
        Self {
            environment,
            editor,
            _folder: folder,
        }
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        put(self.environment.workspace.root(), path, text);
    }

    pub(crate) fn prepare(&self, tool: &str, input: serde_json::Value) -> Result<Prepared, String> {
        Registry::built_in().prepare(tool, &input.to_string(), &self.environment)
    }

    pub(crate) async fn call(&self, tool: &str, input: serde_json::Value) -> Output {
        self.call_until(tool, input, CancellationToken::new()).await
    }

    pub(crate) async fn call_until(
        &self,
        tool: &str,
        input: serde_json::Value,
        cancel: CancellationToken,
    ) -> Output {
        let prepared = self.prepare(tool, input).expect("a valid call");
        self.run(prepared, cancel).await
    }

    pub(crate) async fn run(&self, prepared: Prepared, cancel: CancellationToken) -> Output {
        let output = self.try_run(prepared, cancel).await;
        let output = output.expect("nothing changed");
        let memory = &self.environment.memory;
        output.events.iter().for_each(|event| memory.apply(event));
        output
    }

    pub(crate) async fn try_run(
        &self,
        prepared: Prepared,
        cancel: CancellationToken,
    ) -> Result<Output, Stale> {
        let permit = permit(&prepared);
        prepared
            .run(
                permit,
                policy(),
                CallId::new(),
                self.environment.clone(),
                cancel,
            )
            .await
    }

    /// The text that the session sees.
    pub(crate) fn text(&self, path: &str) -> String {
        let path = WorkspacePath::new(path).expect("a path");
        let Environment {
            workspace, session, ..
        } = &self.environment;
        workspace.proposed_text(*session, &path).expect("a text")
    }
}

pub(crate) const CONTEXT: Context = Context {
    mode: Mode::Default,
    trusted: true,
    headless: false,
    tainted: false,
    private: false,
    sandbox: false,
};

/// What holds for every call.
pub(crate) fn policy() -> String {
    CONTEXT.policy(&Rules::default())
}

/// What the user's yes gives.
pub(crate) fn permit(prepared: &Prepared) -> interline_policy::Permit {
    match decide(prepared.call(), &Rules::default(), &CONTEXT).verdict {
        Verdict::Allow(permit) => permit,
        Verdict::Ask(ask) => ask.approve(),
        Verdict::Deny => panic!("denied: {:?}", prepared.call()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the test's own files")]
pub(crate) fn put(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    let folder = file.parent().expect("below the root");
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(file, text).expect("a file");
}
