//! Writes the types as LuaCATS, for editors and checkers. Neovim never loads the file.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::HEADER;
use super::shape::{Definition, Documented, Field, Type, Variant};

pub(super) fn render(definitions: &BTreeMap<String, Documented>) -> String {
    let mut out = format!("---@meta\n-- {HEADER}\n");
    for (name, Documented { doc, definition }) in definitions {
        write!(out, "\n---{doc}\n{}", declaration(name, definition)).unwrap();
    }
    out
}

fn declaration(name: &str, definition: &Definition) -> String {
    let name = named(name);
    match definition {
        Definition::Record(fields) => format!("---@class {name}\n{}", lines(fields.iter())),
        Definition::Literals(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| format!("'{text}'")).collect();
            format!("---@alias {name} {}\n", texts.join("|"))
        }
        Definition::Tagged(variants) => {
            let tags: Vec<_> = variants
                .iter()
                .map(|variant| format!("'{}'", variant.tag))
                .collect();
            let tag = tags.join("|");
            format!(
                "---@class {name}\n---@field type {tag} which of the others are there\n{}",
                lines(merged(variants))
            )
        }
    }
}

/// The fields of all variants. A handler is chosen by `type` before it reads any, so that one that each variant which has
/// it requires counts as there.
fn merged(variants: &[Variant]) -> impl Iterator<Item = &Field> {
    let mut fields: Vec<&Field> = Vec::new();
    for field in variants.iter().flat_map(|variant| &variant.fields) {
        match fields.iter().find(|seen| seen.name == field.name) {
            None => fields.push(field),
            Some(seen) => {
                assert!(
                    seen.of == field.of && seen.optional == field.optional,
                    "`{}` is two things",
                    field.name
                );
            }
        }
    }
    fields.into_iter()
}

fn lines<'a>(fields: impl Iterator<Item = &'a Field>) -> String {
    fields
        .map(|field| {
            let (mark, of) = match &field.of {
                // Neovim reads null as nil.
                Type::Nullable(inner) => ("?", of(inner)),
                plain => (if field.optional { "?" } else { "" }, of(plain)),
            };
            format!("---@field {}{mark} {of} {}\n", field.name, field.doc)
        })
        .collect()
}

/// Our name in Lua. The shim's handlers know the events' union as `interline.Event`.
fn named(name: &str) -> String {
    format!(
        "interline.{}",
        if name == "SessionEvent" {
            "Event"
        } else {
            name
        }
    )
}

fn of(what: &Type) -> String {
    match what {
        Type::String => "string".into(),
        Type::Boolean => "boolean".into(),
        Type::Integer => "integer".into(),
        Type::Number => "number".into(),
        Type::Any => "any".into(),
        Type::Lsp(name) => format!("lsp.{name}"),
        Type::Named(name) => named(name),
        Type::List(each) => format!("{}[]", of(each)),
        Type::Nullable(inner) => format!("{}?", of(inner)),
    }
}
