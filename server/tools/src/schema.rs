//! The schemas that models are shown, made from the Rust types, and the errors that let a model repair its call.

use std::fmt::Write as _;

use interline_log::ToolDefinition;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The schema of a tool's input without what costs tokens and says nothing (`$schema`, titles, number formats,
/// `null` for what may be left out). Its bytes are the same on every run.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    if let Value::Object(root) = &mut schema {
        root.remove("description");
        if !root.contains_key("properties") {
            root.insert("properties".to_owned(), Value::Object(Map::new()));
        }
    }
    lean(&mut schema);
    schema
}

/// Canonical text of an input: keys sorted, nothing optional that was not given.
pub(crate) fn canonical<T: Serialize>(input: &T) -> Result<String, String> {
    let mut value = serde_json::to_value(input).map_err(|error| error.to_string())?;
    value.sort_all_objects();
    Ok(value.to_string())
}

/// Parses an input. The error names the field and shows what is expected.
pub(crate) fn parse<T: DeserializeOwned>(
    definition: &ToolDefinition,
    arguments: &str,
) -> Result<T, String> {
    // Providers send nothing at all for a call without arguments.
    let arguments = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    // Serde would also take a struct's fields in a row.
    if !arguments.trim_start().starts_with('{') {
        let expected = signature(&definition.input_schema);
        let name = &definition.name;
        return Err(format!(
            "the input of `{name}` is no JSON object: expected {expected}"
        ));
    }
    let mut json = serde_json::Deserializer::from_str(arguments);
    let parsed = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| (error.path().to_string(), error.into_inner()))
        .and_then(|input| {
            json.end()
                .map(|()| input)
                .map_err(|error| (".".to_owned(), error))
        });
    parsed.map_err(|(path, error)| explain(definition, &path, &error))
}

fn explain(definition: &ToolDefinition, path: &str, error: &serde_json::Error) -> String {
    let name = &definition.name;
    let expected = signature(&definition.input_schema);
    if error.is_syntax() || error.is_eof() {
        return format!("the input of `{name}` is not valid JSON ({error}): expected {expected}");
    }
    let message = error.to_string();
    let message = message
        .rsplit_once(" at line ")
        .map_or(message.as_str(), |(message, _)| message)
        .replace("a nonzero u32", "an integer from 1 on");
    match path {
        "." => format!("wrong input for `{name}`: {message}; expected {expected}"),
        path => format!("wrong input for `{name}` at `{path}`: {message}; expected {expected}"),
    }
}

/// A schema in the short notation of the documentation: `{path: string, start_line?: integer}`.
fn signature(schema: &Value) -> String {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices: Vec<_> = choices.iter().map(Value::to_string).collect();
        return choices.join("|");
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => object_signature(schema),
        Some("array") => format!(
            "[{}]",
            schema.get("items").map_or_else(String::new, signature)
        ),
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}

fn object_signature(schema: &Value) -> String {
    let required: Vec<_> = strings(schema.get("required")).collect();
    let mut text = String::from("{");
    let properties = schema.get("properties").and_then(Value::as_object);
    for (index, (name, property)) in properties.into_iter().flatten().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let optional = if required.contains(&name.as_str()) {
            ""
        } else {
            "?"
        };
        // Writing to a String can't fail.
        let _ = write!(text, "{comma}{name}{optional}: {}", signature(property));
    }
    text.push('}');
    text
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

/// Takes out what a model has no use for, everywhere below `schema`.
fn lean(schema: &mut Value) {
    let Value::Object(object) = schema else {
        return;
    };
    for noise in ["$schema", "title", "format", "default"] {
        object.remove(noise);
    }
    if object.get("minimum").and_then(Value::as_f64) == Some(0.0) {
        object.remove("minimum");
    }
    drop_null(object);
    one_enum(object);
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(lean);
    }
    if let Some(items) = object.get_mut("items") {
        lean(items);
    }
}

/// `["integer", "null"]` is `"integer"`, `anyOf: [X, null]` is `X`: what is optional is left out.
fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".to_owned(), kind);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(choice)] = choices.as_mut_slice() {
            let choice = std::mem::take(choice);
            object.remove("anyOf");
            object.extend(choice);
        }
    }
}

/// An enum whose variants are documented comes as `oneOf` constants: one list is enough.
fn one_enum(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get("oneOf") else {
        return;
    };
    let constants: Option<Vec<_>> = choices
        .iter()
        .map(|choice| choice.get("const").cloned())
        .collect();
    if let Some(constants) = constants {
        object.remove("oneOf");
        object.insert("enum".to_owned(), Value::Array(constants));
    }
}

#[cfg(test)]
mod tests {
    use crate::Registry;
    use crate::tools::{edit::Edit, read::Read, todo::Todo};

    fn error<T: super::DeserializeOwned + std::fmt::Debug>(tool: &str, input: &str) -> String {
        let registry = Registry::built_in();
        let mut tools = registry.tools().iter();
        let info = tools.find(|info| info.definition.name == tool);
        let definition = &info.expect("a tool").definition;
        super::parse::<T>(definition, input).expect_err("a wrong input")
    }

    #[test]
    fn errors_name_the_field_and_show_what_is_expected() {
        let errors = [
            error::<Read>("read", r#"{"file": "a"}"#),
            error::<Read>("read", r#"{"path": "a", "start_line": "3"}"#),
            error::<Read>("read", r#"{"path": "a", "start_line": 0}"#),
            error::<Read>("read", ""),
            error::<Read>("read", r#"{"path": "a""#),
            error::<Read>("read", r#"{"path": "a"} {}"#),
            error::<Read>("read", "[1]"),
            error::<Edit>(
                "edit",
                r#"{"path": "a", "edits": [{"old": "x", "new": "y"}, {"old": 1}]}"#,
            ),
            error::<Edit>("edit", r#"{"path": "a", "edits": [{"old": "x"}]}"#),
            error::<Todo>("todo", r#"{"items": [{"text": "x", "status": "doing"}]}"#),
        ];
        insta::assert_snapshot!(errors.join("\n"), @r#"
        wrong input for `read` at `file`: unknown field `file`, expected one of `path`, `start_line`, `end_line`; expected {path: string, start_line?: integer, end_line?: integer}
        wrong input for `read` at `start_line`: invalid type: string "3", expected an integer from 1 on; expected {path: string, start_line?: integer, end_line?: integer}
        wrong input for `read` at `start_line`: invalid value: integer `0`, expected an integer from 1 on; expected {path: string, start_line?: integer, end_line?: integer}
        wrong input for `read`: missing field `path`; expected {path: string, start_line?: integer, end_line?: integer}
        the input of `read` is not valid JSON (EOF while parsing an object at line 1 column 12): expected {path: string, start_line?: integer, end_line?: integer}
        the input of `read` is not valid JSON (trailing characters at line 1 column 15): expected {path: string, start_line?: integer, end_line?: integer}
        the input of `read` is no JSON object: expected {path: string, start_line?: integer, end_line?: integer}
        wrong input for `edit` at `edits[1].old`: invalid type: integer `1`, expected a string; expected {path: string, edits: [{old: string, new: string, count?: integer}]}
        wrong input for `edit` at `edits[0]`: missing field `new`; expected {path: string, edits: [{old: string, new: string, count?: integer}]}
        wrong input for `todo` at `items[0].status`: unknown variant `doing`, expected one of `pending`, `active`, `done`; expected {items: [{text: string, status: "pending"|"active"|"done"}]}
        "#);
    }

    #[test]
    fn the_same_input_has_one_canonical_text() {
        let canonical = |text| {
            let input: Read = serde_json::from_str(text).expect("valid");
            super::canonical(&input).expect("plain data")
        };
        let text = r#"{"path":"a","start_line":3}"#;
        assert_eq!(
            canonical(r#"{"start_line": 3, "end_line": null, "path": "a"}"#),
            text
        );
        assert_eq!(canonical(text), text);
    }
}
