//! What of a text does not parse.

use std::time::Duration;

use tree_sitter::{Node, Parser};

use super::{Language, parse};

/// Longest time that one text is parsed for.
const LIMIT: Duration = Duration::from_millis(500);
/// Problems that are told apart; the rest are counted.
const PLACES: usize = 20;

/// What of a text does not parse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// How many places there are. A broken start can make one problem of a whole file: see `bytes`.
    pub count: usize,
    /// How much of the text is in them, in bytes.
    pub bytes: usize,
    /// The first of them, in the order of the text.
    pub places: Vec<Problem>,
}

/// A place that does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// 0-based, as LF breaks lines.
    pub line: u32,
    /// In bytes from the start of the line.
    pub column: u32,
    /// What is missing here, such as `}`; `None`: what stands here has no place in the grammar.
    pub missing: Option<String>,
}

/// What of a text does not parse, by the grammar of its path (relative or absolute, only its name counts). `None`:
/// there is no grammar for it, or the text is over 2 MB, or parsing took over half a second. A few ms for a usual file;
/// not for the typing path. A text without problems may still be wrong: grammars take more than compilers do.
#[must_use]
pub fn problems(path: &str, text: &str) -> Option<Problems> {
    let language = Language::of(path)?;
    let tree = parse(&mut Parser::new(), language, text, None, LIMIT)?;
    let mut found = Problems::default();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let down = if is_problem(&node) {
            found.add(&node);
            false
        } else {
            node.has_error() && cursor.goto_first_child()
        };
        if down {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some(found);
            }
        }
    }
}

/// The language of a path has its symbols in the index.
#[must_use]
pub fn is_known(path: &str) -> bool {
    Language::of(path).is_some()
}

fn is_problem(node: &Node<'_>) -> bool {
    node.is_error() || node.is_missing()
}

impl Problems {
    fn add(&mut self, node: &Node<'_>) {
        self.count += 1;
        self.bytes += node.byte_range().len();
        if self.places.len() < PLACES {
            let start = node.start_position();
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            self.places.push(Problem {
                line: number(start.row),
                column: number(start.column),
                missing: node.is_missing().then(|| node.kind().to_owned()),
            });
        }
    }
}
