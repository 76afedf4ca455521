//! The commands: arguments to calls of the agent. Each enqueues and answers; none waits for the client or a model.

use std::sync::Arc;

use interline_agent::{Focus, Request, Selection};
use interline_log::SessionId;
use interline_workspace::editor;
use interline_workspace::path::WorkspacePath;
use lsp_types::{Diagnostic, Range, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};

use crate::connection::{Connection, failed};
use crate::folders::Folder;
use crate::protocol::*;
use crate::{from_lsp, hunks, record, request, to_lsp, trust};

type Agent = std::result::Result<interline_agent::Started, interline_agent::AgentError>;

pub(crate) async fn execute(
    connection: &Connection,
    command: &str,
    arguments: Vec<Value>,
) -> Result<Value> {
    let arguments = one(command, arguments)?;
    let folders = &connection.folders;
    match command {
        EDIT => edit(connection, parse(command, arguments)?),
        FIX => fix(connection, parse(command, arguments)?),
        EXPLAIN => explain(connection, parse(command, arguments)?),
        PROMPT => prompt(connection, parse(command, arguments)?),
        ACCEPT => review(connection, parse(command, arguments)?, |folder, hunks| {
            folder.agent.accept(hunks)
        }),
        REJECT => review(connection, parse(command, arguments)?, |folder, hunks| {
            folder.agent.reject(hunks)
        }),
        REVISE => {
            let ReviseArgs { hunk, text } = parse(command, arguments)?;
            some_text("text", &text)?;
            let folder = folders.of_hunk(hunk)?;
            started(connection, &folder, folder.agent.revise(hunk, &text))
        }
        CANCEL => cancel(connection, parse(command, arguments)?),
        UNDO => {
            let UndoArgs { session, turn } = parse(command, arguments)?;
            let folder = folders.of_session(session)?;
            started(connection, &folder, folder.agent.undo(session, turn))
        }
        COMPACT => {
            let CompactArgs { session } = parse(command, arguments)?;
            let folder = folders.of_session(session)?;
            started(connection, &folder, folder.agent.compact(session))
        }
        MODE => {
            let ModeArgs { mode, session } = parse(command, arguments)?;
            let folder = folders.of_session(session)?;
            started(connection, &folder, folder.agent.set_mode(session, mode))
        }
        MODEL => model(connection, parse(command, arguments)?),
        TRUST => trust::command(connection, parse(command, arguments)?),
        SESSIONS => {
            let SessionsArgs {} = parse(command, arguments)?;
            record::sessions(connection).await
        }
        RESUME => {
            let ResumeArgs { session } = parse(command, arguments)?;
            let folder = record::folder_of(connection, session).await?;
            started(connection, &folder, folder.agent.resume(session))
        }
        TRANSCRIPT => {
            let TranscriptArgs { session } = parse(command, arguments)?;
            record::transcript(connection, session).await
        }
        COMPLETE => {
            let CompleteArgs { begun } = parse(command, arguments)?;
            record::complete(connection, begun).await
        }
        HUNKS => pending(connection, &parse(command, arguments)?),
        DIFF => record::diff(connection, parse(command, arguments)?).await,
        _ => Err(Error::invalid_params(format!(
            "there is no command `{command}`"
        ))),
    }
}

// --- requests to the model ---

/// Where a request is.
struct Place {
    folder: Arc<Folder>,
    uri: Uri,
    path: WorkspacePath,
    range: Option<Range>,
}

impl Place {
    /// Where the client says; without a document: where the user is.
    fn of(connection: &Connection, uri: Option<Uri>, range: Option<Range>) -> Result<Self> {
        let (uri, range) = match (uri, connection.seen.focus()) {
            (Some(uri), _) => (uri, range),
            (None, Some(focus)) => {
                let selected = from_lsp::selected(&focus);
                (focus.uri, range.or(selected))
            }
            (None, None) => {
                return Err(Error::invalid_params(
                    "`uri` is missing: say which document this is about",
                ));
            }
        };
        let (folder, path) = connection.folders.place(&uri)?;
        Ok(Self {
            folder,
            uri,
            path,
            range,
        })
    }

    /// For the model: the place, what the user sees of it, and what is wrong there; where nothing is known, what is
    /// given.
    fn focus(&self, connection: &Connection, given: &[Diagnostic]) -> Focus {
        let seen = connection.seen.focus();
        let seen = seen.filter(|focus| focus.uri == self.uri);
        let known = connection.seen.diagnostics(&self.uri);
        let diagnostics = if known.is_empty() { given } else { &known };
        from_lsp::focus(&self.path, self.range, seen.as_ref(), diagnostics)
    }

    /// The diagnostics that are given, else those that are known here.
    fn problems(&self, connection: &Connection, given: Option<Vec<Diagnostic>>) -> Vec<Diagnostic> {
        given.unwrap_or_else(|| known(connection, &self.uri, self.range))
    }
}

fn edit(connection: &Connection, args: EditArgs) -> Result<Value> {
    some_text("instruction", &args.instruction)?;
    let place = Place::of(connection, args.uri, args.range)?;
    let request = Request {
        session: args.session,
        title: request::title(&args.instruction),
        text: request::edit(&place.path, place.range, &args.instruction),
        focus: Some(place.focus(connection, &[])),
        ..Request::default()
    };
    ask(connection, &place.folder, request)
}

fn fix(connection: &Connection, args: FixArgs) -> Result<Value> {
    let place = Place::of(connection, args.uri, args.range)?;
    let problems = place.problems(connection, args.diagnostics);
    let focus = place.focus(connection, &problems);
    trust::mention(&place.folder);
    let request = Request {
        session: args.session,
        title: request::title(&format!("fix {}", place.path)),
        text: request::fix(&place.path, &ours(&place.path, &problems)),
        focus: Some(focus),
        checked_first: true,
    };
    ask(connection, &place.folder, request)
}

fn explain(connection: &Connection, args: ExplainArgs) -> Result<Value> {
    let place = Place::of(connection, args.uri, args.range)?;
    let problems = place.problems(connection, args.diagnostics);
    let focus = place.focus(connection, &problems);
    let request = Request {
        session: args.session,
        title: request::title(&format!("explain {}", place.path)),
        text: request::explain(&place.path, place.range, &ours(&place.path, &problems)),
        focus: Some(focus),
        ..Request::default()
    };
    ask(connection, &place.folder, request)
}

/// The answer to the session's question, where it waits for one; else a request.
fn prompt(connection: &Connection, args: PromptArgs) -> Result<Value> {
    some_text("text", &args.text)?;
    let named = args.uri.is_some();
    let place = match Place::of(connection, args.uri, args.range) {
        // Nothing need be open for a request that is about nothing that is open.
        Err(_) if !named => None,
        place => Some(place?),
    };
    let folder = match (&place, args.session) {
        (Some(place), None) => place.folder.clone(),
        _ => connection.folders.of_session(args.session)?,
    };
    if let Some(session) = args.session.or_else(|| folder.agent.current())
        && folder.editor.answer(session, &args.text)
    {
        return answered(connection, &folder, session);
    }
    let place = place.filter(|place| named || Arc::ptr_eq(&place.folder, &folder));
    if let Some(place) = &place
        && !Arc::ptr_eq(&place.folder, &folder)
    {
        return Err(Error::invalid_params(
            "`uri`: the session is another folder's: leave `session` out",
        ));
    }
    let request = Request {
        session: args.session,
        title: request::title(&args.text),
        text: args.text,
        focus: place.map(|place| place.focus(connection, &[])),
        ..Request::default()
    };
    ask(connection, &folder, request)
}

fn answered(connection: &Connection, folder: &Arc<Folder>, session: SessionId) -> Result<Value> {
    let turn = folder.agent.turn(session);
    let joined = interline_agent::Started {
        session: Some(session),
        turn,
    };
    started(connection, folder, Ok(joined))
}

fn ask(connection: &Connection, folder: &Arc<Folder>, request: Request) -> Result<Value> {
    started(connection, folder, folder.agent.prompt(request))
}

fn ours(path: &WorkspacePath, problems: &[Diagnostic]) -> Vec<editor::Diagnostic> {
    let problems = problems.iter();
    problems
        .map(|problem| from_lsp::diagnostic(path, problem))
        .collect()
}

/// What the other servers said of the range, else of the document.
fn known(connection: &Connection, uri: &Uri, range: Option<Range>) -> Vec<Diagnostic> {
    let all = connection.seen.diagnostics(uri);
    let Some(range) = range else { return all };
    let here: Vec<_> = all
        .iter()
        .filter(|known| from_lsp::share_a_line(known.range, range))
        .cloned()
        .collect();
    if here.is_empty() { all } else { here }
}

fn model(connection: &Connection, args: ModelArgs) -> Result<Value> {
    let folder = connection.folders.of_session(args.session)?;
    let set = folder.agent.model(args.session, args.model.as_deref());
    let (model, models) = set.map_err(|error| failed(error.to_string()))?;
    answer(ModelResult {
        started: Started {
            session: args.session,
            turn: None,
        },
        model,
        models,
    })
}

/// Stops turns: in every folder, since a session is open in one.
fn cancel(connection: &Connection, args: CancelArgs) -> Result<Value> {
    connection.folders.current()?;
    let mut stopped = Started::default();
    for folder in connection.folders.all() {
        let here = folder.agent.cancel(args.session);
        if here.turn.is_some() {
            stopped = to_lsp::started(here);
        }
    }
    answer(stopped)
}

// --- hunks ---

/// Accepts or rejects. The first field that is given says what.
fn review(
    connection: &Connection,
    args: HunkSelection,
    act: impl Fn(&Folder, Selection) -> Agent,
) -> Result<Value> {
    let folders = &connection.folders;
    let (folder, path) = match (args.hunk, &args.uri, args.session) {
        (Some(hunk), ..) => (folders.of_hunk(hunk)?, None),
        (None, Some(uri), _) => {
            let (folder, path) = folders.place(uri)?;
            (folder, Some(path))
        }
        (None, None, Some(session)) => (folders.of_session(Some(session))?, None),
        (None, None, None) => {
            let mut all = folders.all();
            all.retain(|folder| !folder.workspace.hunks().is_empty());
            let Some(last) = all.pop() else {
                let folder = folders.current()?;
                return started(connection, &folder, act(&folder, Selection::default()));
            };
            for folder in all {
                started(connection, &folder, act(&folder, Selection::default()))?;
            }
            (last, None)
        }
    };
    let selection = Selection {
        hunk: args.hunk,
        path,
        session: args.session,
    };
    started(connection, &folder, act(&folder, selection))
}

fn pending(connection: &Connection, args: &HunksArgs) -> Result<Value> {
    connection.folders.current()?;
    let all = connection.folders.all();
    let documents = all
        .iter()
        .flat_map(|folder| hunks::documents(&folder.workspace));
    let wanted = |document: &HunksChanged| args.uri.as_ref().is_none_or(|uri| document.uri == *uri);
    answer(HunksResult {
        started: Started::default(),
        documents: documents.filter(wanted).collect(),
    })
}

// --- arguments and answers ---

/// The one argument; `{}` where it is left out.
fn one(command: &str, mut arguments: Vec<Value>) -> Result<Value> {
    if arguments.len() > 1 {
        return Err(Error::invalid_params(format!(
            "`{command}` takes one object as its argument"
        )));
    }
    match arguments.pop() {
        None | Some(Value::Null) => Ok(Value::Object(serde_json::Map::new())),
        Some(object @ Value::Object(_)) => Ok(object),
        Some(_) => Err(Error::invalid_params(format!(
            "the argument of `{command}` must be an object"
        ))),
    }
}

fn parse<T: DeserializeOwned>(command: &str, arguments: Value) -> Result<T> {
    serde_path_to_error::deserialize(arguments).map_err(|error| {
        let field = error.path().to_string();
        let place = if field == "." {
            String::new()
        } else {
            format!(" in `{field}`")
        };
        Error::invalid_params(format!(
            "wrong argument of `{command}`{place}: {}",
            error.into_inner()
        ))
    })
}

fn some_text(field: &str, text: &str) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::invalid_params(format!(
            "`{field}` is empty: say what to do"
        )));
    }
    Ok(())
}

fn started(connection: &Connection, folder: &Arc<Folder>, started: Agent) -> Result<Value> {
    let started = started.map_err(|error| failed(error.to_string()))?;
    connection.folders.used(folder);
    if let Some(session) = started.session {
        connection.opened(session);
    }
    answer(to_lsp::started(started))
}

pub(crate) fn answer(result: impl Serialize) -> Result<Value> {
    serde_json::to_value(result)
        .map_err(|error| failed(format!("the answer can't be written: {error}")))
}
