//! Reads the types' JSON Schemas into the few shapes that the protocol uses. Must not know a target language.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value};

use crate::protocol::*;

/// A named type with its documentation.
pub(super) struct Documented {
    pub(super) doc: String,
    pub(super) definition: Definition,
}

/// What a named type is.
pub(super) enum Definition {
    /// An object.
    Record(Vec<Field>),
    /// One of some strings.
    Literals(Vec<String>),
    /// One of some objects, told apart by `type`.
    Tagged(Vec<Variant>),
}

/// One of the objects of a tagged union; `fields` are those beside `type`.
pub(super) struct Variant {
    pub(super) tag: String,
    pub(super) doc: String,
    pub(super) fields: Vec<Field>,
}

/// A field of an object.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) of: Type,
    pub(super) optional: bool,
}

/// What a field holds.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Type {
    String,
    Boolean,
    Integer,
    Number,
    Any,
    /// Of LSP.
    Lsp(String),
    /// Of ours.
    Named(String),
    List(Box<Type>),
    Nullable(Box<Type>),
}

impl Type {
    /// The LSP types in it.
    fn lsp(&self) -> Option<&str> {
        match self {
            Type::Lsp(name) => Some(name),
            Type::List(of) | Type::Nullable(of) => of.lsp(),
            _ => None,
        }
    }
}

/// All types of the protocol, by name.
pub(super) fn definitions() -> BTreeMap<String, Documented> {
    let mut written = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    macro_rules! all {
        ($($name:ident)*) => { $(add::<$name>(&mut written);)* };
    }
    all!(EditArgs FixArgs ExplainArgs PromptArgs HunkSelection ReviseArgs CancelArgs CompactArgs UndoArgs ModeArgs ModelArgs
        TrustArgs SessionsArgs ResumeArgs TranscriptArgs HunksArgs DiffArgs CompleteArgs
        Started ModelResult TrustResult SessionsResult TranscriptResult HunksResult DiffResult CompleteResult
        PermissionParams PermissionResult SaveParams SaveResult QueryParams QueryResult EventParams DiagnosticsParams FocusParams);
    // What has defaults is told as the server reads it: every field optional.
    let mut read = SchemaSettings::draft2020_12().into_generator();
    add::<ClientOptions>(&mut read);
    let mut schemas = written.take_definitions(true);
    schemas.extend(read.take_definitions(true));

    let texts: BTreeSet<_> = schemas
        .iter()
        .filter(|(_, schema)| is_text(schema))
        .map(|(name, _)| name.clone())
        .collect();
    schemas
        .iter()
        .filter(|(name, _)| !texts.contains(*name))
        .map(|(name, schema)| {
            let definition = Reader {
                name,
                texts: &texts,
            }
            .definition(schema);
            (
                name.clone(),
                Documented {
                    doc: doc(schema),
                    definition,
                },
            )
        })
        .collect()
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    generator.subschema_for::<T>();
}

/// The names of the LSP types that the definitions use.
pub(super) fn lsp_names(definitions: &BTreeMap<String, Documented>) -> BTreeSet<&str> {
    let records = definitions
        .values()
        .filter_map(|each| match &each.definition {
            Definition::Record(fields) => Some(fields),
            Definition::Literals(_) | Definition::Tagged(_) => None,
        });
    records
        .flatten()
        .filter_map(|field| field.of.lsp())
        .collect()
}

/// Whether a schema is any string: ids are strings on the wire.
fn is_text(schema: &Value) -> bool {
    schema["type"] == "string" && schema.get("enum").is_none()
}

fn doc(schema: &Value) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

struct Reader<'a> {
    name: &'a str,
    texts: &'a BTreeSet<String>,
}

impl Reader<'_> {
    fn definition(&self, schema: &Value) -> Definition {
        let Some(cases) = schema["oneOf"].as_array() else {
            return Definition::Record(self.fields(schema));
        };
        if cases.iter().all(|case| case["const"].is_string()) {
            return Definition::Literals(
                cases.iter().map(|case| self.text(&case["const"])).collect(),
            );
        }
        Definition::Tagged(cases.iter().map(|case| self.variant(case)).collect())
    }

    fn variant(&self, case: &Value) -> Variant {
        let mut rest = case.clone();
        rest["properties"]
            .as_object_mut()
            .map(|fields| fields.shift_remove("type"));
        Variant {
            tag: self.text(&case["properties"]["type"]["const"]),
            doc: doc(case),
            fields: self.fields(&rest),
        }
    }

    fn fields(&self, schema: &Value) -> Vec<Field> {
        assert_eq!(schema["type"], "object", "{}: {schema}", self.name);
        let none = Map::new();
        let required = schema["required"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let fields = schema["properties"]
            .as_object()
            .unwrap_or(&none)
            .iter()
            .map(|(name, schema)| {
                let optional = !required.iter().any(|each| each == name);
                let of = match self.of(schema) {
                    Type::Nullable(of) if optional => *of,
                    of => of,
                };
                Field {
                    name: name.clone(),
                    doc: doc(schema),
                    of,
                    optional,
                }
            });
        fields.collect()
    }

    fn of(&self, schema: &Value) -> Type {
        if let Some(name) = schema[lsp::KEYWORD].as_str() {
            return Type::Lsp(name.to_owned());
        }
        if let Some(name) = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next())
        {
            return if self.texts.contains(name) {
                Type::String
            } else {
                Type::Named(name.to_owned())
            };
        }
        if let Some(cases) = schema["anyOf"].as_array() {
            let [of, null] = cases.as_slice() else {
                panic!("{}: {schema}", self.name)
            };
            assert_eq!(null["type"], "null", "{}: {schema}", self.name);
            return Type::Nullable(Box::new(self.of(of)));
        }
        match &schema["type"] {
            Value::Array(types) => {
                let [of, null] = types.as_slice() else {
                    panic!("{}: {schema}", self.name)
                };
                assert_eq!(null, "null", "{}: {schema}", self.name);
                Type::Nullable(Box::new(self.plain(of, schema)))
            }
            of => self.plain(of, schema),
        }
    }

    fn plain(&self, of: &Value, schema: &Value) -> Type {
        match of.as_str() {
            Some("string") => Type::String,
            Some("boolean") => Type::Boolean,
            Some("integer") => Type::Integer,
            Some("number") => Type::Number,
            Some("array") => Type::List(Box::new(self.of(&schema["items"]))),
            None if schema.get("type").is_none() => Type::Any,
            _ => panic!("{}: no shape for {schema}", self.name),
        }
    }

    fn text(&self, value: &Value) -> String {
        value
            .as_str()
            .unwrap_or_else(|| panic!("{}: {value} is no string", self.name))
            .to_owned()
    }
}
