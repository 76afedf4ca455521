//! Names of LSP's own types in the schemas. The generated files import these types rather than describe them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The keyword under which a schema names an LSP type.
pub(super) const KEYWORD: &str = "x-lsp";

macro_rules! lsp_type {
    ($($name:ident)*) => {$(
        #[doc = concat!("Stands for LSP's `", stringify!($name), "` in a schema.")]
        pub(super) enum $name {}

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ (KEYWORD): stringify!($name) })
            }
        }
    )*};
}

lsp_type!(Diagnostic Position Range);
