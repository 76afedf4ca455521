//! Writes the types as TypeScript.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::HEADER;
use super::shape::{Definition, Documented, Field, Type, lsp_names};

pub(super) fn render(definitions: &BTreeMap<String, Documented>) -> String {
    let imports: Vec<_> = lsp_names(definitions).into_iter().collect();
    let mut out = format!(
        "// {HEADER}\n\nimport type {{ {} }} from \"vscode-languageclient/node\";\n",
        imports.join(", ")
    );
    for (name, Documented { doc, definition }) in definitions {
        write!(out, "\n/** {doc} */\n{}", declaration(name, definition)).unwrap();
    }
    out
}

fn declaration(name: &str, definition: &Definition) -> String {
    match definition {
        Definition::Record(fields) if fields.is_empty() => {
            format!("export type {name} = Record<string, never>;\n")
        }
        Definition::Record(fields) => {
            let lines: String = fields
                .iter()
                .map(|each| format!("  /** {} */\n  {};\n", each.doc, field(each)))
                .collect();
            format!("export interface {name} {{\n{lines}}}\n")
        }
        Definition::Literals(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| format!("{text:?}")).collect();
            format!("export type {name} = {};\n", texts.join(" | "))
        }
        Definition::Tagged(variants) => {
            let mut out = format!("export type {name} =");
            for variant in variants {
                let fields: String = variant
                    .fields
                    .iter()
                    .map(|each| format!("; {}", field(each)))
                    .collect();
                write!(
                    out,
                    "\n  /** {} */\n  | {{ type: {:?}{fields} }}",
                    variant.doc, variant.tag
                )
                .unwrap();
            }
            out + ";\n"
        }
    }
}

fn field(field: &Field) -> String {
    format!(
        "{}{}: {}",
        field.name,
        if field.optional { "?" } else { "" },
        of(&field.of)
    )
}

fn of(what: &Type) -> String {
    match what {
        Type::String => "string".into(),
        Type::Boolean => "boolean".into(),
        Type::Integer | Type::Number => "number".into(),
        Type::Any => "unknown".into(),
        Type::Lsp(name) | Type::Named(name) => name.clone(),
        Type::List(each) => format!("{}[]", of(each)),
        Type::Nullable(inner) => format!("{} | null", of(inner)),
    }
}
