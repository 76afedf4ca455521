//! `interline tools`: the registry, and one call under policy.

use std::path::PathBuf;
use std::sync::Arc;

use interline_log::CallStatus;
use serde_json::json;

use super::run::{Then, after};
use super::{Rooms, exit, print, runtime};
use crate::args::{Output, Tools};
use crate::config::Flags;
use crate::terminal::Terminal;

pub(super) fn run(
    folder: Option<PathBuf>,
    as_json: bool,
    command: Option<Tools>,
) -> anyhow::Result<u8> {
    match command {
        None => {
            list(as_json);
            Ok(exit::DONE)
        }
        Some(Tools::Call {
            name,
            input,
            apply,
            trust,
        }) => {
            let flags = Flags {
                trust,
                ..Flags::default()
            };
            call(folder, &flags, &name, &input, apply)
        }
    }
}

fn list(as_json: bool) {
    let registry = interline_tools::Registry::built_in();
    if as_json {
        let tools: Vec<_> = registry
            .tools()
            .iter()
            .map(|tool| {
                json!({
                    "name": tool.definition.name, "description": tool.definition.description,
                    "input_schema": tool.definition.input_schema, "tier": tool.tier, "access": tool.access,
                    "retry": tool.retry,
                })
            })
            .collect();
        print(&format!("{}\n", serde_json::Value::Array(tools)));
        return;
    }
    for tool in registry.tools() {
        let access = serde_json::to_string(&tool.access).unwrap_or_default();
        let first = tool
            .definition
            .description
            .split_inclusive(". ")
            .next()
            .unwrap_or_default();
        print(&format!(
            "{:<12} {:<10} {}\n",
            tool.definition.name,
            access.trim_matches('"'),
            first.trim()
        ));
    }
}

fn call(
    folder: Option<PathBuf>,
    flags: &Flags,
    name: &str,
    input: &str,
    apply: bool,
) -> anyhow::Result<u8> {
    let rooms = Rooms::open(folder, flags)?;
    let terminal = Arc::new(Terminal::new(Output::Text));
    runtime()?.block_on(async {
        let agent = rooms.agent(terminal.clone());
        let output = agent.call(name, input).await?;
        print(&format!("{}\n", output.content.trim_end()));
        let then = if apply { Then::Apply } else { Then::Diff };
        after(&agent, &terminal, &rooms.workspace, then, Output::Text).await?;
        agent.close().await;
        Ok(match output.status {
            CallStatus::Succeeded => exit::DONE,
            CallStatus::Denied => exit::DENIED,
            _ => exit::FAILED,
        })
    })
}
