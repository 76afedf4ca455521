//! From a text to what it declares and what it names.
//!
//! One walk over the tree by the numbers of its nodes, which takes a fraction of the time that a query takes. The time is
//! linear in the text, whatever the text is.

use std::sync::OnceLock;

use hashbrown::HashSet;
use tree_sitter::{Node, Tree};

use super::kind::Kind;
use super::lines;
use super::table::{self, Rule, Table, When};
use crate::document::count;
use crate::syntax::Language;

/// Longest name, in bytes: what is longer is no name.
const NAME: usize = 200;
/// Symbols of one file.
const SYMBOLS: usize = 20_000;

/// What a text declares and names.
#[derive(Debug, Default)]
pub(super) struct Found<'t> {
    /// In the order of the text.
    pub(super) symbols: Vec<Declared<'t>>,
    /// Every identifier, once.
    pub(super) names: HashSet<&'t str>,
}

/// A symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Declared<'t> {
    pub(super) name: &'t str,
    pub(super) kind: Kind,
    /// 0-based.
    pub(super) line: u32,
    /// In UTF-16 code units.
    pub(super) column: u32,
    /// What it is in; empty: nothing that has a name.
    pub(super) container: &'t str,
}

/// What the text of `tree` declares and names.
pub(super) fn extract<'t>(language: Language, tree: Option<&'t Tree>, text: &'t str) -> Found<'t> {
    let (Some(tree), Some(plan)) = (tree, plan(language)) else {
        return Found {
            symbols: lines::symbols(language, text),
            names: HashSet::new(),
        };
    };
    let mut walk = Walk {
        plan,
        text,
        places: Places::new(text),
        scopes: Vec::new(),
        found: Found::default(),
    };
    walk.run(tree);
    walk.found
}

/// The places of every identifier `name`, as (line, column in UTF-16 code units), in the order of the text.
pub(super) fn occurrences(
    language: Language,
    tree: &Tree,
    text: &str,
    name: &str,
) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    let Some(plan) = plan(language) else {
        return found;
    };
    // Where the name may stand: what has none of these in it is not entered.
    let mut starts = text.match_indices(name).map(|(start, _)| start).peekable();
    let mut places = Places::new(text);
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        while starts.next_if(|start| *start < node.start_byte()).is_some() {}
        let Some(start) = starts.peek() else {
            return found;
        };
        let within = *start < node.end_byte();
        let action = plan.action(&node);
        if within && action == Action::Identifier && slice(text, &node) == name {
            found.push(places.of(&node));
        }
        if within && !action.is_leaf() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

/// What to do at a node, by the number of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    /// A token that is its own text, such as `{`.
    Token,
    Identifier,
    Local,
    Rule(u8),
}

impl Action {
    /// Nothing in it is of interest.
    fn is_leaf(self) -> bool {
        matches!(self, Self::Token | Self::Identifier)
    }
}

struct Plan {
    table: &'static Table,
    actions: Box<[Action]>,
}

impl Plan {
    fn new(table: &'static Table, grammar: &tree_sitter::Language) -> Self {
        let action = |id| {
            let kind = grammar.node_kind_for_id(id)?;
            if !grammar.node_kind_is_named(id) {
                return Some(Action::Token);
            }
            if table.identifiers.contains(&kind) {
                return Some(Action::Identifier);
            }
            if table.locals.contains(&kind) {
                return Some(Action::Local);
            }
            let rule = table.rules.iter().position(|rule| rule.node == kind)?;
            u8::try_from(rule).ok().map(Action::Rule)
        };
        // Several numbers may have one name.
        let kinds = u16::try_from(grammar.node_kind_count()).unwrap_or(u16::MAX);
        Self {
            table,
            actions: (0..kinds)
                .map(|id| action(id).unwrap_or(Action::Nothing))
                .collect(),
        }
    }

    fn action(&self, node: &Node<'_>) -> Action {
        let id = usize::from(node.kind_id());
        self.actions.get(id).copied().unwrap_or(Action::Nothing)
    }
}

fn plan(language: Language) -> Option<&'static Plan> {
    static PLANS: [OnceLock<Option<Plan>>; Language::ALL.len()] =
        [const { OnceLock::new() }; Language::ALL.len()];
    let make = || {
        let (table, grammar) = table::table(language).zip(language.grammar())?;
        Some(Plan::new(table, &grammar))
    };
    PLANS.get(language as usize)?.get_or_init(make).as_ref()
}

/// An enclosing symbol, or a function without a name.
struct Open<'t> {
    depth: u32,
    name: &'t str,
    kind: Kind,
    local: bool,
}

struct Walk<'t> {
    plan: &'static Plan,
    text: &'t str,
    places: Places<'t>,
    scopes: Vec<Open<'t>>,
    found: Found<'t>,
}

impl<'t> Walk<'t> {
    fn run(&mut self, tree: &'t Tree) {
        let mut cursor = tree.walk();
        let mut depth = 0;
        loop {
            let node = cursor.node();
            let action = self.plan.action(&node);
            self.enter(action, &node, depth);
            if !action.is_leaf() && cursor.goto_first_child() {
                depth += 1;
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                depth -= 1;
            }
            while self.scopes.last().is_some_and(|open| open.depth >= depth) {
                self.scopes.pop();
            }
        }
    }

    fn enter(&mut self, action: Action, node: &Node<'t>, depth: u32) {
        match action {
            Action::Nothing | Action::Token => {}
            Action::Identifier => {
                let name = slice(self.text, node);
                if is_name(name) {
                    self.found.names.insert(name);
                }
            }
            Action::Local => {
                let (name, kind) = self
                    .scopes
                    .last()
                    .map_or(("", Kind::Scope), |open| (open.name, open.kind));
                self.scopes.push(Open {
                    depth,
                    name,
                    kind,
                    local: true,
                });
            }
            Action::Rule(rule) => {
                let rules: &'static [Rule] = self.plan.table.rules;
                if let Some(rule) = rules.get(usize::from(rule)) {
                    self.declare(rule, node, depth);
                }
            }
        }
    }

    fn declare(&mut self, rule: &'static Rule, node: &Node<'t>, depth: u32) {
        let local = self.scopes.last().is_some_and(|open| open.local);
        let applies = match rule.when {
            When::Always | When::Leaf(_) => true,
            When::Outside => !local,
            When::Bodied => node.child_by_field_name("body").is_some(),
            When::Above(depth) => self.scopes.len() < depth,
        };
        if !applies {
            return;
        }
        let mut cursor = node.walk();
        let names: Vec<Node<'t>> = match rule.name {
            "" => node.named_child(0).into_iter().collect(),
            field => {
                let children = node.children_by_field_name(field, &mut cursor);
                children.filter(Node::is_named).collect()
            }
        };
        let mut last = None;
        let mut of_node = None;
        for child in names {
            let Some(name) = resolve(&child, self.text) else {
                continue;
            };
            if let When::Leaf(kind) = rule.when
                && name.node.kind() != kind
            {
                continue;
            }
            let of_node = of_node.get_or_insert_with(|| self.of_node(rule, node));
            last = self.add(rule, of_node, &name).or(last);
        }
        if let Some((name, kind)) = last {
            self.scopes.push(Open {
                depth,
                name,
                kind,
                local: local || kind.is_local(),
            });
        }
    }

    fn add(
        &mut self,
        rule: &Rule,
        of_node: &OfNode<'t>,
        name: &Name<'t>,
    ) -> Option<(&'t str, Kind)> {
        let text = slice(self.text, &name.node);
        if !is_name(text) || self.found.symbols.len() >= SYMBOLS {
            return None;
        }
        if rule.kind == Kind::Scope {
            return Some((text, Kind::Scope));
        }
        let enclosing = self.scopes.last();
        let container = match name.container {
            Some(container) => container,
            None => of_node
                .receiver
                .or(enclosing.map(|open| open.name))
                .unwrap_or_default(),
        };
        let in_type = enclosing.is_some_and(|open| open.kind.is_type() && !open.local);
        let kind = match of_node.kind {
            Kind::Variable | Kind::Field if name.function => Kind::Function,
            kind => kind,
        };
        let kind = match kind {
            Kind::Function if in_type || name.container.is_some() => Kind::Method,
            kind => kind,
        };
        let (line, column) = self.places.of(&name.node);
        self.found.symbols.push(Declared {
            name: text,
            kind,
            line,
            column,
            container,
        });
        Some((text, kind))
    }

    fn of_node(&self, rule: &Rule, node: &Node<'t>) -> OfNode<'t> {
        let kind = match rule.kind {
            Kind::Variable | Kind::Field => {
                let value = node.child_by_field_name("value");
                let locals = self.plan.table.locals;
                if value.is_some_and(|value| locals.contains(&value.kind())) {
                    Kind::Function
                } else {
                    rule.kind
                }
            }
            // Go says what a type is beside its name.
            Kind::Type => match node.child_by_field_name("type").map(|node| node.kind()) {
                Some("struct_type") => Kind::Struct,
                Some("interface_type") => Kind::Interface,
                _ => Kind::Type,
            },
            kind => kind,
        };
        OfNode {
            kind,
            receiver: receiver(node, self.text),
        }
    }
}

/// What a declaration says of all the names in it.
struct OfNode<'t> {
    kind: Kind,
    /// The type that a method stands outside of.
    receiver: Option<&'t str>,
}

/// Where a name stands.
struct Name<'t> {
    node: Node<'t>,
    /// What the name itself says that it is in: `A` of `A::b`.
    container: Option<&'t str>,
    /// It is declared with parameters (C).
    function: bool,
}

/// The name in what stands where a grammar has a name.
fn resolve<'t>(node: &Node<'t>, text: &'t str) -> Option<Name<'t>> {
    let mut name = Name {
        node: *node,
        container: None,
        function: false,
    };
    // Declarators nest as deep as a hostile text likes.
    for _ in 0..32 {
        let node = name.node;
        let scope = |field| {
            let scope = node.child_by_field_name(field)?;
            Some(slice(text, &scope)).filter(|scope| is_name(scope))
        };
        let next = match node.kind() {
            "destructor_name"
            | "operator_name"
            | "operator_cast"
            | "nested_namespace_specifier"
            | "namespace_name"
            | "qualified_name"
            | "dotted_key"
            | "quoted_key" => {
                return Some(name);
            }
            "qualified_identifier" | "scope_resolution" => {
                name.container = scope("scope").or(name.container);
                node.child_by_field_name("name")
            }
            "dot_index_expression" => {
                name.container = scope("table");
                node.child_by_field_name("field")
            }
            "method_index_expression" => {
                name.container = scope("table");
                node.child_by_field_name("method")
            }
            "generic_type" => node.child_by_field_name("type"),
            "scoped_type_identifier" | "template_type" | "template_function" => {
                node.child_by_field_name("name")
            }
            "variable_list"
            | "string"
            | "reference_declarator"
            | "parenthesized_declarator"
            | "attributed_declarator"
            | "variable_name" => {
                if node.named_child_count() == 0 {
                    return Some(name);
                }
                let mut cursor = node.walk();
                let mut children = node.named_children(&mut cursor);
                children.find(|child| child.kind() != "attribute_declaration")
            }
            kind if kind.ends_with("declarator") => {
                name.function |= kind == "function_declarator";
                let inner = ["declarator", "name"];
                inner
                    .iter()
                    .find_map(|field| node.child_by_field_name(field))
            }
            _ if node.named_child_count() == 0 => return Some(name),
            _ => None,
        };
        name.node = next?;
    }
    None
}

/// The type that a Go method is of.
fn receiver<'t>(node: &Node<'t>, text: &'t str) -> Option<&'t str> {
    let receiver = slice(text, &node.child_by_field_name("receiver")?);
    let words = receiver.split(|c: char| !c.is_alphanumeric() && c != '_');
    // `(s *Store[K, V])`: the type is the second word, or the only one.
    words.filter(|word| !word.is_empty()).take(2).last()
}

fn slice<'t>(text: &'t str, node: &Node<'_>) -> &'t str {
    text.get(node.byte_range()).unwrap_or_default()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME && !text.contains('\n')
}

/// Lines and columns of nodes. Counts on from the one before where that is in the same line: lines can be long.
struct Places<'t> {
    text: &'t str,
    /// Line, byte and column in UTF-16 code units.
    last: (usize, usize, usize),
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            last: (0, 0, 0),
        }
    }

    /// Line, and column in UTF-16 code units.
    fn of(&mut self, node: &Node<'_>) -> (u32, u32) {
        let (start, at) = (node.start_byte(), node.start_position());
        let (line, byte, column) = self.last;
        let (from, column) = if line == at.row && byte <= start {
            (byte, column)
        } else {
            (start.saturating_sub(at.column), 0)
        };
        let between = self.text.get(from..start).unwrap_or_default();
        let column = column + between.encode_utf16().count();
        self.last = (at.row, start, column);
        (count(at.row), count(column))
    }
}
