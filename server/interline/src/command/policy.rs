//! `interline policy`: the rules, and the decision for one call with its reasons.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::Arc;

use interline_log::{SessionId, TurnId};
use interline_policy::{Context, Decision, Managed, Opinion, Place, Reach, Verdict};
use interline_tools::{Environment, Prepared, Question, Registry, consult};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Rooms, exit, print};
use crate::args::{Explain, Output, Policy};
use crate::config::Flags;
use crate::terminal::Terminal;

pub(super) fn run(folder: Option<PathBuf>, command: Policy) -> anyhow::Result<u8> {
    match command {
        // Rules that can't be used, and rules whose own tests fail, stop the loading of the configuration.
        Policy::Check | Policy::Test => {
            let rooms = Rooms::open(folder, &Flags::default())?;
            for (origin, count) in &rooms.config.rule_origins {
                print(&format!("{origin}: {count} rules ok\n"));
            }
            let count: usize = rooms
                .config
                .rule_origins
                .iter()
                .map(|(_, count)| count)
                .sum();
            print(&format!("{count} rules, their own tests passed\n"));
            if let Some(Err(error)) = rooms.config.rules.managed().map(Managed::check) {
                anyhow::bail!("managed policy: {error}");
            }
            Ok(exit::DONE)
        }
        Policy::Explain(args) => explain(folder, &args),
    }
}

/// A call as `--stdin` takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    tool: String,
    input: Value,
}

fn explain(folder: Option<PathBuf>, args: &Explain) -> anyhow::Result<u8> {
    let rooms = Rooms::open(
        folder,
        &Flags {
            mode: args.mode,
            ..Flags::default()
        },
    )?;
    let sandbox = args.sandbox.as_deref() == Some("on");
    let context = Context {
        // Without a sandbox auto counts as accept-edits; here one is assumed.
        mode: match args.mode {
            Some(mode) if sandbox => mode,
            _ => rooms.config.mode.value,
        },
        trusted: rooms.config.trusted,
        headless: false,
        tainted: false,
        private: false,
        sandbox,
    };
    if args.stdin {
        for line in std::io::stdin().lock().lines() {
            let decided = match serde_json::from_str(&line?) {
                Ok(Asked { tool, input }) => decide(&rooms, &context, &tool, &input),
                // One bad line is no reason to leave the others without an answer.
                Err(error) => refused(&format!(
                    "expected {{\"tool\": …, \"input\": …}} on each line: {error}"
                )),
            };
            print(&format!("{decided}\n"));
        }
        return Ok(exit::DONE);
    }
    let (Some(tool), Some(input)) = (&args.tool, &args.input) else {
        anyhow::bail!("give a tool and its input, or --stdin");
    };
    let input = match (serde_json::from_str(input), tool.as_str()) {
        (Ok(input @ Value::Object(_)), _) => input,
        (_, "shell") => json!({ "command": input }),
        _ => {
            anyhow::bail!("the input must be a JSON object, such as {{\"path\": \"src/main.rs\"}}")
        }
    };
    let decided = decide(&rooms, &context, tool, &input);
    if args.json {
        print(&format!("{decided}\n"));
    } else {
        let text = |name: &str| decided[name].as_str().unwrap_or_default().to_owned();
        print(&format!(
            "{}{} by {}\n{}reasons: {}\nfacts: {}\n",
            text("decision"),
            match text("place").as_str() {
                "" => String::new(),
                place => format!(" ({place})"),
            },
            text("by"),
            hosts(&decided),
            decided["reasons"],
            decided["facts"]
        ));
    }
    Ok(exit::DONE)
}

fn decide(rooms: &Rooms, context: &Context, tool: &str, input: &Value) -> Value {
    let environment = Environment {
        workspace: rooms.workspace.clone(),
        editor: Arc::new(Terminal::new(Output::Text)),
        session: SessionId::new(),
        turn: TurnId::new(),
        trusted: rooms.config.trusted,
        confinement: None,
        scratch: rooms.config.folders.state.join("scratch"),
        env: rooms.config.env.clone(),
        memory: Arc::default(),
    };
    let prepared = match Registry::built_in().prepare(tool, &input.to_string(), &environment) {
        Ok(prepared) => prepared,
        Err(message) => return refused(&message),
    };
    let rules = &rooms.config.rules;
    let mut decision = interline_policy::decide(prepared.call(), rules, context);
    let objections = match objections(rooms, environment, context, &prepared, &decision) {
        Ok(objections) => objections,
        Err(error) => return refused(&format!("the hooks can't be asked: {error}")),
    };
    if !objections.is_empty() {
        decision = interline_policy::decide_with(prepared.call(), rules, context, &objections);
    }
    let Decision {
        verdict,
        by,
        reasons,
        message,
    } = decision;
    let (decision, place, reach, says) = match verdict {
        Verdict::Allow(permit) => {
            let (place, reach) = (permit.place(), permit.reach().clone());
            ("allow", Some(place), reach, Vec::new())
        }
        Verdict::Ask(ask) => {
            let (place, reach) = (ask.place(), ask.reach().clone());
            ("ask", Some(place), reach, ask.effects)
        }
        Verdict::Deny => ("deny", None, Reach::default(), vec![message]),
    };
    let reach = match place {
        Some(Place::Sandbox) => reach,
        _ => Reach::default(),
    };
    json!({
        "decision": decision,
        "place": place.map(Place::name),
        "hosts": reach.opened(),
        "closed": reach.closed(),
        "by": by,
        "reasons": reasons,
        "says": says,
        "facts": prepared.call().facts,
    })
}

/// Whom the command would reach by the sandbox's proxy: nothing where that is nobody.
fn hosts(decided: &Value) -> String {
    let list = |name: &str| {
        let list = decided[name].as_array().into_iter().flatten();
        let list: Vec<_> = list.filter_map(Value::as_str).collect();
        list.join(", ")
    };
    let closed = match list("closed") {
        closed if closed.is_empty() => closed,
        closed => format!("hosts that stay closed: {closed}\n"),
    };
    match list("hosts") {
        hosts if hosts.is_empty() => hosts,
        hosts => format!("hosts: {hosts}\n{closed}"),
    }
}

/// What the hooks object, asked as in a session.
fn objections(
    rooms: &Rooms,
    mut environment: Environment,
    context: &Context,
    prepared: &Prepared,
    decision: &Decision,
) -> std::io::Result<Vec<Opinion>> {
    let hooks = rooms.host.hooks();
    if hooks.is_empty() {
        return Ok(Vec::new());
    }
    super::runtime()?.block_on(async {
        let confinement = rooms.host.confinement().await;
        environment.confinement = confinement.as_ref().ok().cloned();
        let fault = confinement.as_ref().err().map_or("", String::as_str);
        let question = Question {
            prepared,
            decision,
            mode: context.mode,
        };
        let cancel = CancellationToken::new();
        Ok(consult(hooks, &question, &environment, fault, &cancel).await)
    })
}

/// What is no call at all.
fn refused(message: &str) -> Value {
    json!({"decision": "deny", "place": null, "hosts": [], "closed": [], "by": "input", "reasons": [message], "says": [], "facts": {}})
}
