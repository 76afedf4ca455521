//! `interline policy`: the rules, and the decision for one call with its reasons.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use interline_log::{SessionId, TurnId};
use interline_policy::{Context, Decision, Verdict};
use interline_tools::{Environment, Registry};
use serde::Deserialize;
use serde_json::{Value, json};

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
    anyhow::ensure!(
        args.sandbox.as_deref() != Some("on"),
        "this build has no sandbox: leave --sandbox out"
    );
    if args.stdin {
        for line in std::io::stdin().lock().lines() {
            let asked: Asked = serde_json::from_str(&line?)
                .context("expected {\"tool\": …, \"input\": …} on each line")?;
            print(&format!("{}\n", decide(&rooms, &asked.tool, &asked.input)));
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
    let decided = decide(&rooms, tool, &input);
    if args.json {
        print(&format!("{decided}\n"));
    } else {
        let text = |name: &str| decided[name].as_str().unwrap_or_default().to_owned();
        print(&format!(
            "{} by {}\nreasons: {}\nfacts: {}\n",
            text("decision"),
            text("by"),
            decided["reasons"],
            decided["facts"]
        ));
    }
    Ok(exit::DONE)
}

fn decide(rooms: &Rooms, tool: &str, input: &Value) -> Value {
    let environment = Environment {
        workspace: rooms.workspace.clone(),
        editor: Arc::new(Terminal::new(Output::Text)),
        session: SessionId::new(),
        turn: TurnId::new(),
        trusted: rooms.config.trusted,
        scratch: rooms.config.folders.state.join("scratch"),
        env: rooms.config.env.clone(),
        memory: Arc::default(),
    };
    let prepared = match Registry::built_in().prepare(tool, &input.to_string(), &environment) {
        Ok(prepared) => prepared,
        Err(message) => {
            return json!({"decision": "deny", "by": "input", "reasons": [message], "facts": {}});
        }
    };
    let context = Context {
        mode: rooms.config.mode.value,
        trusted: rooms.config.trusted,
        headless: false,
        tainted: false,
        private: false,
        sandbox: false,
    };
    let Decision {
        verdict,
        by,
        reasons,
        ..
    } = interline_policy::decide(prepared.call(), &rooms.config.rules, &context);
    let decision = match verdict {
        Verdict::Allow(_) => "allow",
        Verdict::Ask(_) => "ask",
        Verdict::Deny => "deny",
    };
    json!({"decision": decision, "by": by, "reasons": reasons, "facts": prepared.call().facts})
}
