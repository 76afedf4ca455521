//! Holds the shims' generated types, and the document, to the types of `protocol`. Only tests.
//!
//! `UPDATE=1 cargo test -p interline-lsp generated` writes the generated files anew.

mod lua;
mod shape;
mod typescript;

use std::collections::BTreeSet;
use std::path::PathBuf;

use shape::{Definition, definitions};

use super::{COMMANDS, METHODS};

const HEADER: &str = "Generated from server/lsp/src/protocol by `UPDATE=1 cargo test -p interline-lsp generated`. Not to be edited by hand.";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Checks that the committed file is what the types say; writes it where `UPDATE` is set.
#[track_caller]
fn check(path: &str, expected: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        #[expect(
            clippy::disallowed_methods,
            reason = "a generated file of this repository"
        )]
        std::fs::write(&file, expected).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == expected,
        "{path} is not what server/lsp/src/protocol says: run `UPDATE=1 cargo test -p interline-lsp generated` and commit it"
    );
}

#[test]
fn typescript_is_up_to_date() {
    check(
        "editors/vscode/src/protocol.ts",
        &typescript::render(&definitions()),
    );
}

#[test]
fn lua_is_up_to_date() {
    check(
        "editors/nvim/lua/interline/types.lua",
        &lua::render(&definitions()),
    );
}

fn document() -> String {
    std::fs::read_to_string(root().join("server/PROTOCOL.md")).unwrap()
}

/// The words in `text` that begin with `prefix`, and go on with letters.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    text.match_indices(prefix)
        .map(|(at, _)| {
            let rest = &text[at + prefix.len()..];
            let end = rest
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            format!("{prefix}{}", &rest[..end])
                .trim_start_matches('`')
                .to_owned()
        })
        .collect()
}

#[test]
fn the_document_names_every_command_and_no_other() {
    let known = COMMANDS.map(str::to_owned).into();
    assert_eq!(words(&document(), "`interline."), known);
    assert_eq!(
        words(&document(), "| `interline."),
        known.iter().map(|name| format!("| `{name}")).collect()
    );
}

#[test]
fn the_document_names_every_method_and_no_other() {
    assert_eq!(
        words(&document(), "interline/"),
        METHODS.map(str::to_owned).into()
    );
}

#[test]
fn the_document_names_every_event_and_no_other() {
    let document = document();
    let (_, table) = document.split_once("| type | fields |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let told: Vec<_> = table
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .collect();
    let definitions = definitions();
    let Definition::Tagged(variants) = &definitions["SessionEvent"].definition else {
        panic!("tagged")
    };
    let known: Vec<_> = variants
        .iter()
        .map(|variant| variant.tag.as_str())
        .collect();
    assert_eq!(told, known);
}

/// The fields of `Name { a, b?: T, … }` in the document, as `a`, `b?`.
fn told_fields(document: &str, name: &str) -> Vec<String> {
    let opening = format!("`{name} {{");
    let (_, rest) = document
        .split_once(&opening)
        .unwrap_or_else(|| panic!("PROTOCOL.md tells no fields of {name}"));
    let mut depth = 0;
    let mut fields = vec![String::new()];
    for c in rest.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                fields.push(String::new());
                continue;
            }
            _ => {}
        }
        fields.last_mut().unwrap().push(c);
    }
    fields
        .iter()
        .map(|field| field.split(':').next().unwrap().trim().to_owned())
        .collect()
}

#[test]
fn the_document_tells_the_fields_as_they_are() {
    let (document, definitions) = (document(), definitions());
    for name in [
        "PermissionParams",
        "QueryParams",
        "QueryResult",
        "EventParams",
        "SessionInfo",
        "HunkInfo",
    ] {
        let Definition::Record(fields) = &definitions[name].definition else {
            panic!("{name} is a record")
        };
        let known: Vec<_> = fields
            .iter()
            .map(|field| format!("{}{}", field.name, if field.optional { "?" } else { "" }))
            .collect();
        assert_eq!(told_fields(&document, name), known, "{name}");
    }
}
