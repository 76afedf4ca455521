//! What declares a symbol in each language: the names of its grammar's nodes. Data alone.

use super::kind::Kind;
use crate::syntax::Language;

/// A node that declares a symbol.
#[derive(Debug)]
pub(super) struct Rule {
    /// Kind of the node.
    pub(super) node: &'static str,
    pub(super) kind: Kind,
    /// The field with the name, or with what has the name in it; empty: the first child.
    pub(super) name: &'static str,
    pub(super) when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Not inside of a function.
    Outside,
    /// With a field `body`: else it only names what is declared elsewhere.
    Bodied,
    /// Not deeper than this many symbols.
    Above(usize),
    /// With a name that is a leaf of this kind.
    Leaf(&'static str),
}

/// How a language declares.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) rules: &'static [Rule],
    /// Leaves that refer to a symbol by its name.
    pub(super) identifiers: &'static [&'static str],
    /// What is a function without a name.
    pub(super) locals: &'static [&'static str],
}

const fn rule(node: &'static str, kind: Kind, name: &'static str, when: When) -> Rule {
    Rule {
        node,
        kind,
        name,
        when,
    }
}

/// `name` is in the field `name`.
const fn named(node: &'static str, kind: Kind) -> Rule {
    rule(node, kind, "name", When::Always)
}

use Kind::{
    Class, Constant, Constructor, Enum, Field, Function, Interface, Key, Macro, Method, Module,
    Scope, Struct, Trait, Type, Union, Variable, Variant,
};
use When::{Above, Always, Bodied, Leaf, Outside};

/// `None`: symbols are read line by line.
pub(super) fn table(language: Language) -> Option<&'static Table> {
    Some(match language {
        Language::Rust => &RUST,
        Language::TypeScript | Language::Tsx => &TYPESCRIPT,
        Language::JavaScript => &JAVASCRIPT,
        Language::Python => &PYTHON,
        Language::Go => &GO,
        Language::C => &C,
        Language::Cpp => &CPP,
        Language::Java => &JAVA,
        Language::Lua => &LUA,
        Language::Ruby => &RUBY,
        Language::CSharp => &CSHARP,
        Language::Php => &PHP,
        Language::Bash => &BASH,
        Language::Json => &JSON,
        Language::Toml => &TOML,
        Language::Markdown | Language::Yaml => return None,
    })
}

const RUST: Table = Table {
    rules: &[
        named("function_item", Function),
        named("function_signature_item", Function),
        named("struct_item", Struct),
        named("enum_item", Enum),
        named("enum_variant", Variant),
        named("union_item", Union),
        named("trait_item", Trait),
        named("type_item", Type),
        named("associated_type", Type),
        named("const_item", Constant),
        named("static_item", Variable),
        rule("mod_item", Module, "name", Bodied),
        named("macro_definition", Macro),
        named("field_declaration", Field),
        rule("impl_item", Scope, "type", Always),
    ],
    identifiers: &[
        "identifier",
        "type_identifier",
        "field_identifier",
        "shorthand_field_identifier",
    ],
    locals: &[],
};

const TYPESCRIPT: Table = Table {
    rules: &[
        named("function_declaration", Function),
        named("generator_function_declaration", Function),
        named("function_signature", Function),
        named("class_declaration", Class),
        named("abstract_class_declaration", Class),
        named("method_definition", Method),
        named("method_signature", Method),
        named("abstract_method_signature", Method),
        named("interface_declaration", Interface),
        named("enum_declaration", Enum),
        named("enum_assignment", Variant),
        named("type_alias_declaration", Type),
        named("public_field_definition", Field),
        named("property_signature", Field),
        named("internal_module", Module),
        named("module", Module),
        rule("variable_declarator", Variable, "name", Outside),
    ],
    identifiers: &[
        "identifier",
        "type_identifier",
        "property_identifier",
        "private_property_identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
    ],
    locals: &["arrow_function", "function_expression", "statement_block"],
};

const JAVASCRIPT: Table = Table {
    rules: &[
        named("function_declaration", Function),
        named("generator_function_declaration", Function),
        named("class_declaration", Class),
        named("method_definition", Method),
        rule("field_definition", Field, "property", Always),
        rule("variable_declarator", Variable, "name", Outside),
    ],
    identifiers: &[
        "identifier",
        "property_identifier",
        "private_property_identifier",
        "shorthand_property_identifier",
        "shorthand_property_identifier_pattern",
    ],
    locals: &["arrow_function", "function_expression", "statement_block"],
};

const PYTHON: Table = Table {
    rules: &[
        named("function_definition", Function),
        named("class_definition", Class),
        rule("assignment", Variable, "left", Outside),
        rule("type_alias_statement", Type, "left", Always),
    ],
    identifiers: &["identifier"],
    locals: &["lambda"],
};

const GO: Table = Table {
    rules: &[
        named("function_declaration", Function),
        named("method_declaration", Method),
        named("method_elem", Method),
        named("type_spec", Type),
        named("type_alias", Type),
        rule("const_spec", Constant, "name", Outside),
        rule("var_spec", Variable, "name", Outside),
        named("field_declaration", Field),
    ],
    identifiers: &[
        "identifier",
        "type_identifier",
        "field_identifier",
        "package_identifier",
    ],
    locals: &["func_literal"],
};

const C: Table = Table {
    rules: &[
        rule("function_definition", Function, "declarator", Always),
        rule("struct_specifier", Struct, "name", Bodied),
        rule("union_specifier", Union, "name", Bodied),
        rule("enum_specifier", Enum, "name", Bodied),
        named("enumerator", Variant),
        rule("type_definition", Type, "declarator", Always),
        rule("declaration", Variable, "declarator", Outside),
        rule("field_declaration", Field, "declarator", Always),
        named("preproc_def", Constant),
        named("preproc_function_def", Macro),
    ],
    identifiers: &["identifier", "type_identifier", "field_identifier"],
    locals: &[],
};

const CPP: Table = Table {
    rules: &[
        rule("function_definition", Function, "declarator", Always),
        rule("struct_specifier", Struct, "name", Bodied),
        rule("class_specifier", Class, "name", Bodied),
        rule("union_specifier", Union, "name", Bodied),
        rule("enum_specifier", Enum, "name", Bodied),
        named("enumerator", Variant),
        rule("type_definition", Type, "declarator", Always),
        named("alias_declaration", Type),
        named("concept_definition", Type),
        named("namespace_definition", Module),
        rule("declaration", Variable, "declarator", Outside),
        rule("field_declaration", Field, "declarator", Always),
        named("preproc_def", Constant),
        named("preproc_function_def", Macro),
    ],
    identifiers: &[
        "identifier",
        "type_identifier",
        "field_identifier",
        "namespace_identifier",
    ],
    locals: &["lambda_expression"],
};

const JAVA: Table = Table {
    rules: &[
        named("class_declaration", Class),
        named("record_declaration", Class),
        named("interface_declaration", Interface),
        named("annotation_type_declaration", Interface),
        named("enum_declaration", Enum),
        named("enum_constant", Variant),
        named("method_declaration", Method),
        named("constructor_declaration", Constructor),
        named("compact_constructor_declaration", Constructor),
        rule("field_declaration", Field, "declarator", Always),
        rule("constant_declaration", Constant, "declarator", Always),
    ],
    identifiers: &["identifier", "type_identifier"],
    locals: &["lambda_expression"],
};

const LUA: Table = Table {
    rules: &[
        named("function_declaration", Function),
        rule("assignment_statement", Variable, "", Outside),
        rule("implicit_variable_declaration", Variable, "", Outside),
        rule("variable_declaration", Variable, "", Outside),
    ],
    identifiers: &["identifier"],
    locals: &["function_definition"],
};

const RUBY: Table = Table {
    rules: &[
        named("method", Function),
        named("singleton_method", Function),
        named("class", Class),
        named("module", Class),
        rule("assignment", Constant, "left", Leaf("constant")),
    ],
    identifiers: &["identifier", "constant"],
    locals: &["lambda", "block", "do_block"],
};

const CSHARP: Table = Table {
    rules: &[
        named("class_declaration", Class),
        named("record_declaration", Class),
        named("struct_declaration", Struct),
        named("interface_declaration", Interface),
        named("enum_declaration", Enum),
        named("enum_member_declaration", Variant),
        named("delegate_declaration", Type),
        named("method_declaration", Method),
        named("local_function_statement", Function),
        named("constructor_declaration", Constructor),
        named("property_declaration", Field),
        named("event_declaration", Field),
        rule("variable_declarator", Field, "name", Outside),
        named("namespace_declaration", Module),
        named("file_scoped_namespace_declaration", Module),
    ],
    identifiers: &["identifier"],
    locals: &["lambda_expression", "accessor_declaration", "block"],
};

const PHP: Table = Table {
    rules: &[
        named("function_definition", Function),
        named("method_declaration", Method),
        named("class_declaration", Class),
        named("interface_declaration", Interface),
        named("trait_declaration", Trait),
        named("enum_declaration", Enum),
        named("enum_case", Variant),
        named("property_element", Field),
        rule("const_element", Constant, "", Always),
        named("namespace_definition", Module),
    ],
    identifiers: &["name"],
    locals: &["anonymous_function", "arrow_function"],
};

const BASH: Table = Table {
    rules: &[
        named("function_definition", Function),
        rule("variable_assignment", Variable, "name", Outside),
    ],
    identifiers: &["variable_name", "word"],
    locals: &[],
};

const JSON: Table = Table {
    rules: &[rule("pair", Key, "key", Above(2))],
    identifiers: &[],
    locals: &[],
};

const TOML: Table = Table {
    rules: &[
        rule("table", Key, "", Above(2)),
        rule("table_array_element", Key, "", Above(2)),
        rule("pair", Key, "", Above(2)),
    ],
    identifiers: &[],
    locals: &[],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_its_grammar() {
        for language in Language::ALL {
            let Some((table, grammar)) = table(language).zip(language.grammar()) else {
                assert!(matches!(language, Language::Markdown | Language::Yaml));
                continue;
            };
            let nodes = table.rules.iter().map(|rule| rule.node);
            let leaves = table.identifiers.iter().chain(table.locals).copied();
            for node in nodes.chain(leaves) {
                assert_ne!(
                    grammar.id_for_node_kind(node, true),
                    0,
                    "{language:?} {node}"
                );
            }
            for rule in table.rules.iter().filter(|rule| !rule.name.is_empty()) {
                assert!(
                    grammar.field_id_for_name(rule.name).is_some(),
                    "{language:?} {}",
                    rule.name
                );
            }
        }
    }
}
