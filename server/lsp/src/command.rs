//! The commands: arguments to calls of the agent. Each enqueues and answers; none waits for the client or a model.

use interline_agent::{Focus, Request, Selection};
use interline_workspace::path::WorkspacePath;
use lsp_types::{Diagnostic, Range, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, Result};

use crate::connection::{Connection, Folder, failed};
use crate::protocol::*;
use crate::{from_lsp, hunks, record, request, to_lsp, trust};

type Agent = std::result::Result<interline_agent::Started, interline_agent::AgentError>;

pub(crate) async fn execute(
    connection: &Connection,
    command: &str,
    arguments: Vec<Value>,
) -> Result<Value> {
    let arguments = one(command, arguments)?;
    let folder = connection.folder()?;
    match command {
        EDIT => edit(connection, parse(command, arguments)?),
        FIX => fix(connection, parse(command, arguments)?),
        EXPLAIN => explain(connection, parse(command, arguments)?),
        PROMPT => prompt(connection, parse(command, arguments)?),
        ACCEPT => {
            let selection = selection(connection, parse(command, arguments)?)?;
            started(connection, folder.agent.accept(selection))
        }
        REJECT => {
            let selection = selection(connection, parse(command, arguments)?)?;
            started(connection, folder.agent.reject(selection))
        }
        REVISE => {
            let ReviseArgs { hunk, text } = parse(command, arguments)?;
            some_text("text", &text)?;
            started(connection, folder.agent.revise(hunk, &text))
        }
        CANCEL => {
            let CancelArgs { session } = parse(command, arguments)?;
            started(connection, Ok(folder.agent.cancel(session)))
        }
        UNDO => {
            let UndoArgs { session, turn } = parse(command, arguments)?;
            started(connection, folder.agent.undo(session, turn))
        }
        MODE => {
            let ModeArgs { mode, session } = parse(command, arguments)?;
            started(connection, folder.agent.set_mode(session, mode))
        }
        MODEL => model(folder, parse(command, arguments)?),
        TRUST => trust::command(connection, parse(command, arguments)?),
        SESSIONS => {
            let SessionsArgs {} = parse(command, arguments)?;
            record::sessions(connection).await
        }
        RESUME => {
            let ResumeArgs { session } = parse(command, arguments)?;
            started(connection, folder.agent.resume(session))
        }
        TRANSCRIPT => {
            let TranscriptArgs { session } = parse(command, arguments)?;
            record::transcript(connection, session).await
        }
        HUNKS => {
            let HunksArgs { uri } = parse(command, arguments)?;
            let documents = hunks::documents(&folder.workspace);
            let wanted =
                |document: &HunksChanged| uri.as_ref().is_none_or(|uri| document.uri == *uri);
            let documents = documents.into_iter().filter(wanted).collect();
            answer(HunksResult {
                started: Started::default(),
                documents,
            })
        }
        DIFF => record::diff(connection, parse(command, arguments)?).await,
        _ => Err(Error::invalid_params(format!(
            "there is no command `{command}`"
        ))),
    }
}

// --- requests to the model ---

fn edit(connection: &Connection, args: EditArgs) -> Result<Value> {
    some_text("instruction", &args.instruction)?;
    let path = connection.path(&args.uri)?;
    ask(
        connection,
        Request {
            session: args.session,
            title: request::title(&args.instruction),
            text: request::edit(&path, args.range, &args.instruction),
            focus: Some(focus(connection, path, &args.uri, args.range, None)),
        },
    )
}

fn fix(connection: &Connection, args: FixArgs) -> Result<Value> {
    let path = connection.path(&args.uri)?;
    let focus = focus(
        connection,
        path.clone(),
        &args.uri,
        args.range,
        Some(args.diagnostics),
    );
    trust::mention(connection);
    ask(
        connection,
        Request {
            session: args.session,
            title: request::title(&format!("fix {path}")),
            text: request::fix(&path, &focus.diagnostics),
            focus: Some(focus),
        },
    )
}

fn explain(connection: &Connection, args: ExplainArgs) -> Result<Value> {
    let path = connection.path(&args.uri)?;
    let focus = focus(
        connection,
        path.clone(),
        &args.uri,
        args.range,
        Some(args.diagnostics),
    );
    ask(
        connection,
        Request {
            session: args.session,
            title: request::title(&format!("explain {path}")),
            text: request::explain(&path, args.range, &focus.diagnostics),
            focus: Some(focus),
        },
    )
}

fn prompt(connection: &Connection, args: PromptArgs) -> Result<Value> {
    some_text("text", &args.text)?;
    let focus = match &args.uri {
        Some(uri) => Some(focus(
            connection,
            connection.path(uri)?,
            uri,
            args.range,
            None,
        )),
        None => None,
    };
    ask(
        connection,
        Request {
            session: args.session,
            title: request::title(&args.text),
            text: args.text,
            focus,
        },
    )
}

fn ask(connection: &Connection, request: Request) -> Result<Value> {
    started(connection, connection.folder()?.agent.prompt(request))
}

/// Where the request is. `about` is `Some` where it is about diagnostics: those given, else those that are known.
fn focus(
    connection: &Connection,
    path: WorkspacePath,
    uri: &Uri,
    range: Option<Range>,
    about: Option<Option<Vec<Diagnostic>>>,
) -> Focus {
    let diagnostics = match about {
        None => Vec::new(),
        Some(Some(given)) => given,
        Some(None) => known(connection, uri, range),
    };
    let diagnostics = diagnostics
        .iter()
        .map(|diagnostic| from_lsp::diagnostic(&path, diagnostic))
        .collect();
    Focus {
        path: Some(path),
        selection: range.map(from_lsp::range),
        diagnostics,
    }
}

/// What the other servers said of the range, else of the document.
fn known(connection: &Connection, uri: &Uri, range: Option<Range>) -> Vec<Diagnostic> {
    let all = connection.diagnostics(uri);
    let Some(range) = range else { return all };
    let here: Vec<_> = all
        .iter()
        .filter(|known| from_lsp::share_a_line(known.range, range))
        .cloned()
        .collect();
    if here.is_empty() { all } else { here }
}

fn model(folder: &Folder, args: ModelArgs) -> Result<Value> {
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

// --- arguments and answers ---

fn selection(connection: &Connection, args: HunkSelection) -> Result<Selection> {
    let path = args
        .uri
        .as_ref()
        .map(|uri| connection.path(uri))
        .transpose()?;
    Ok(Selection {
        hunk: args.hunk,
        path,
        session: args.session,
    })
}

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

fn started(connection: &Connection, started: Agent) -> Result<Value> {
    let started = started.map_err(|error| failed(error.to_string()))?;
    if let Some(session) = started.session {
        connection.opened(session);
    }
    answer(to_lsp::started(started))
}

pub(crate) fn answer(result: impl Serialize) -> Result<Value> {
    serde_json::to_value(result)
        .map_err(|error| failed(format!("the answer can't be written: {error}")))
}
