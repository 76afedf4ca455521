//! The one list of tools: what models are shown, in which order, and how a call's text becomes a [`Prepared`].

use std::sync::{Arc, OnceLock};

use interline_log::{EditFormat, Tier, ToolDefinition};
use interline_policy::Call;

use crate::prepared;
use crate::schema;
use crate::tool::{Runnable, Tool};
use crate::tools::{
    apply_patch::ApplyPatch,
    ask::Ask,
    diagnostics::Diagnostics,
    edit::Edit,
    glob::Glob,
    grep::Grep,
    language::{Definition, Hover, References},
    list::List,
    move_delete::{Delete, Move},
    quickfix::Quickfix,
    read::Read,
    rename::Rename,
    shell::Shell,
    symbols::Symbols,
    todo::Todo,
    write::Write,
};
use crate::visible;
use crate::{Environment, Prepared, ToolInfo};

/// Longer inputs are refused before they are parsed, in bytes.
const INPUT_LIMIT: usize = 4 << 20;

/// All tools, in the order in which models are shown them.
#[derive(Clone, Debug)]
pub struct Registry {
    tools: Arc<[ToolInfo]>,
    entries: Arc<[Entry]>,
}

/// How a call of one tool is parsed.
#[derive(Clone, Copy, Debug)]
struct Entry {
    parse: fn(&str, &ToolInfo, &Environment) -> Result<Prepared, String>,
}

impl Registry {
    /// The built-in tools. Their schemas are made at the first call.
    #[must_use]
    pub fn built_in() -> Self {
        static BUILT_IN: OnceLock<Registry> = OnceLock::new();
        BUILT_IN.get_or_init(build).clone()
    }

    /// In order.
    #[must_use]
    pub fn tools(&self) -> &[ToolInfo] {
        &self.tools
    }

    /// What a model that edits in this format is shown, in order. All of them can be called.
    pub fn shown(&self, format: EditFormat) -> impl Iterator<Item = &ToolInfo> {
        let hidden = match format {
            EditFormat::Edit => ApplyPatch::NAME,
            EditFormat::ApplyPatch => Edit::NAME,
        };
        let tools = self.tools.iter();
        tools.filter(move |tool| tool.definition.name != hidden)
    }

    /// Parses a call and makes its facts. The error is for the model: unknown tool, or what is wrong with the input.
    pub fn prepare(
        &self,
        name: &str,
        arguments: &str,
        environment: &Environment,
    ) -> Result<Prepared, String> {
        let known = self.tools.iter().zip(self.entries.iter());
        let Some((info, entry)) = known
            .into_iter()
            .find(|(info, _)| info.definition.name == name)
        else {
            return Err(self.unknown(name));
        };
        if arguments.len() > INPUT_LIMIT {
            return Err(format!(
                "the input of `{name}` is larger than {} MiB: send it in parts",
                INPUT_LIMIT >> 20
            ));
        }
        (entry.parse)(arguments, info, environment)
    }

    fn unknown(&self, name: &str) -> String {
        let names: Vec<_> = self
            .tools
            .iter()
            .map(|tool| tool.definition.name.as_str())
            .collect();
        format!(
            "there is no tool `{}`: use one of {}",
            visible::line(name, 60),
            names.join(", ")
        )
    }
}

/// The order is part of the frozen prompt prefix: new tools go to the end.
fn build() -> Registry {
    let mut tools = Vec::new();
    let mut entries = Vec::new();
    macro_rules! add {
        ($($tool:ty),* $(,)?) => {$(
            tools.push(info::<$tool>());
            entries.push(Entry { parse: parse::<$tool> });
        )*};
    }
    add!(
        Read,
        List,
        Glob,
        Grep,
        Edit,
        Write,
        Move,
        Delete,
        Shell,
        Diagnostics,
        Symbols,
        Definition,
        References,
        Hover,
        Rename,
        Quickfix,
        Todo,
        Ask,
        ApplyPatch,
    );
    Registry {
        tools: tools.into(),
        entries: entries.into(),
    }
}

fn info<T: Tool>() -> ToolInfo {
    ToolInfo {
        definition: ToolDefinition {
            name: T::NAME.to_owned(),
            description: T::DESCRIPTION.to_owned(),
            input_schema: schema::of::<T>(),
        },
        tier: Tier::BuiltIn,
        access: T::ACCESS,
        retry: T::RETRY,
    }
}

fn parse<T: Tool>(
    arguments: &str,
    info: &ToolInfo,
    environment: &Environment,
) -> Result<Prepared, String> {
    let input: T = schema::parse(&info.definition, arguments)?;
    let facts = Tool::facts(&input, environment)?;
    let call = Call {
        tool: info.definition.name.clone(),
        input: schema::canonical(&input)?,
        access: info.access,
        bound: prepared::bound(&facts, info.access, environment),
        facts,
    };
    Ok(Prepared {
        call,
        info: info.clone(),
        title: visible::line(&Tool::title(&input), 160),
        input: Box::new(input) as Box<dyn Runnable>,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the system prompt's 3 kB and what a request wraps around them, 12 kB in all.
    const DEFINITIONS_LIMIT: usize = 8_000;

    fn definitions() -> Vec<ToolDefinition> {
        let tools = Registry::built_in();
        let tools = tools.tools().iter();
        tools.map(|tool| tool.definition.clone()).collect()
    }

    #[test]
    fn definitions_are_lean_and_always_the_same() {
        for format in [EditFormat::Edit, EditFormat::ApplyPatch] {
            let registry = Registry::built_in();
            let shown: Vec<_> = registry
                .shown(format)
                .map(|tool| &tool.definition)
                .collect();
            let text = serde_json::to_string(&shown).expect("plain data");
            assert!(text.len() <= DEFINITIONS_LIMIT, "{} bytes", text.len());
            assert_eq!(shown.len() + 1, registry.tools().len());
        }
        let again = build();
        let again = again.tools().iter().map(|tool| &tool.definition);
        assert_eq!(
            definitions().iter().collect::<Vec<_>>(),
            again.collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_order_is_frozen() {
        let names: Vec<_> = definitions().into_iter().map(|tool| tool.name).collect();
        insta::assert_snapshot!(names.join(" "), @"read list glob grep edit write move delete shell diagnostics symbols definition references hover rename quickfix todo ask apply_patch");
    }

    #[test]
    fn schemas_are_closed_and_say_nothing_twice() {
        for tool in definitions() {
            let schema = &tool.input_schema;
            assert_eq!(schema["type"], "object", "{}", tool.name);
            assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
            let text = schema.to_string();
            for noise in [
                "$schema", "title", "format", "null", "$defs", "$ref", "oneOf",
            ] {
                assert!(
                    !text.contains(&format!("\"{noise}\"")),
                    "{}: {text}",
                    tool.name
                );
            }
        }
    }

    #[test]
    fn one_schema_whole() {
        let edit = definitions().into_iter().find(|tool| tool.name == "edit");
        let schema = edit.expect("the tool").input_schema;
        insta::assert_snapshot!(schema, @r#"{"type":"object","additionalProperties":false,"properties":{"path":{"type":"string"},"edits":{"type":"array","items":{"type":"object","properties":{"old":{"description":"Exact text, with enough lines around it to be unique.","type":"string"},"new":{"type":"string"},"count":{"description":"How often `old` must match (1); all are replaced.","type":"integer","minimum":1}},"additionalProperties":false,"required":["old","new"]}}},"required":["path","edits"]}"#);
    }
}
