//! The second reader: `tree-sitter-bash`, for plain scripts only. Every node that is not on the list here makes it
//! refuse; so what it accepts is words in commands in pipelines in lists, and nothing else.

use std::cell::RefCell;

use tree_sitter::{Node, Parser};

use super::script::{Command, Joint, Redirect, Word};

const OPERATORS: [&str; 9] = ["<", ">", ">>", ">|", "&>", "&>>", "<>", "<&", ">&"];

/// Reads a text; `None` where it is more than plain commands.
pub(crate) fn read(source: &str) -> Option<Vec<Command>> {
    thread_local!(static PARSER: RefCell<Option<Parser>> = const { RefCell::new(None) });
    let tree = PARSER.with_borrow_mut(|parser| {
        let parser = match parser {
            Some(parser) => parser,
            None => {
                let mut fresh = Parser::new();
                fresh
                    .set_language(&tree_sitter_bash::LANGUAGE.into())
                    .ok()?;
                parser.insert(fresh)
            }
        };
        parser.parse(source, None)
    })?;
    let root = tree.root_node();
    if root.has_error() {
        return None;
    }
    let mut reader = Reader {
        source,
        commands: Vec::new(),
    };
    reader.list(root, Joint::Then)?;
    Some(reader.commands)
}

struct Reader<'a> {
    source: &'a str,
    commands: Vec<Command>,
}

impl Reader<'_> {
    fn text(&self, node: Node<'_>) -> Option<&str> {
        self.source.get(node.byte_range())
    }

    /// Statements and what is between them.
    fn list(&mut self, node: Node<'_>, first: Joint) -> Option<()> {
        let mut joint = first;
        for at in 0..node.child_count() {
            let child = node.child(at)?;
            match child.kind() {
                "comment" => {}
                ";" | "\n" => joint = Joint::Then,
                "&&" => joint = Joint::And,
                "||" => joint = Joint::Or,
                "|" if node.kind() == "pipeline" => joint = Joint::Pipe,
                _ => self.statement(child, joint)?,
            }
        }
        Some(())
    }

    fn statement(&mut self, node: Node<'_>, joint: Joint) -> Option<()> {
        match node.kind() {
            "list" | "pipeline" => self.list(node, joint),
            "command" => self.command(node, joint),
            "redirected_statement" => {
                let before = self.commands.len();
                let body = node.child_by_field_name("body")?;
                self.statement(body, joint)?;
                for at in 0..node.child_count() {
                    let child = node.child(at)?;
                    if child.id() != body.id() {
                        let redirect = self.redirect(child)?;
                        self.commands
                            .get_mut(before..)?
                            .last_mut()?
                            .redirects
                            .push(redirect);
                    }
                }
                Some(())
            }
            _ => None,
        }
    }

    fn command(&mut self, node: Node<'_>, joint: Joint) -> Option<()> {
        let mut command = Command::new(joint);
        for at in 0..node.child_count() {
            let child = node.child(at)?;
            match child.kind() {
                "command_name" => {
                    let name = self.word(child.child(0)?)?;
                    command.words.push(name);
                }
                "file_redirect" => {
                    let redirect = self.redirect(child)?;
                    command.redirects.push(redirect);
                }
                _ => {
                    let word = self.word(child)?;
                    command.words.push(word);
                }
            }
        }
        self.commands.push(command);
        Some(())
    }

    fn redirect(&self, node: Node<'_>) -> Option<Redirect> {
        if node.kind() != "file_redirect" {
            return None;
        }
        let (mut number, mut operator, mut target) = (None, None, None);
        for at in 0..node.child_count() {
            let child = node.child(at)?;
            match child.kind() {
                "file_descriptor" => number = Some(self.text(child)?.parse().ok()?),
                kind if !child.is_named() => {
                    operator = Some(OPERATORS.into_iter().find(|known| *known == kind)?);
                }
                _ if target.is_none() => target = Some(self.word(child)?),
                _ => return None,
            }
        }
        Some(Redirect {
            number,
            operator: operator?,
            target: target?,
        })
    }

    fn word(&self, node: Node<'_>) -> Option<Word> {
        let mut text = String::new();
        self.append(node, &mut text)?;
        Some(Word {
            text,
            dynamic: false,
        })
    }

    fn append(&self, node: Node<'_>, out: &mut String) -> Option<()> {
        let text = self.text(node)?;
        match node.kind() {
            "word" | "number" if node.child_count() == 0 => unescape(text, out),
            "raw_string" => {
                out.push_str(text.strip_prefix('\'')?.strip_suffix('\'')?);
                Some(())
            }
            "string" => {
                for at in 0..node.named_child_count() {
                    let child = node.named_child(u32::try_from(at).ok()?)?;
                    (child.kind() == "string_content").then_some(())?;
                }
                unquote(text.strip_prefix('"')?.strip_suffix('"')?, out)
            }
            "concatenation" => {
                let mut end = node.start_byte();
                for at in 0..node.child_count() {
                    let child = node.child(at)?;
                    (child.start_byte() == end).then_some(())?;
                    end = child.end_byte();
                    self.append(child, out)?;
                }
                (end == node.end_byte()).then_some(())
            }
            _ => None,
        }
    }
}

/// Unquoted text.
fn unescape(text: &str, out: &mut String) -> Option<()> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|c| *c != '\n')?),
            '*' | '?' | '[' | '{' | '}' | '~' | '$' | '`' | '!' | '#' | '^' => return None,
            '\'' | '"' | '(' | ')' | '<' | '>' | '|' | '&' | ';' => return None,
            c if c.is_whitespace() => return None,
            c => out.push(c),
        }
    }
    Some(())
}

/// Text between double quotes.
fn unquote(text: &str, out: &mut String) -> Option<()> {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                '\n' => return None,
                c @ ('"' | '\\' | '$' | '`') => out.push(c),
                c => out.extend(['\\', c]),
            },
            '"' | '`' | '$' => return None,
            c => out.push(c),
        }
    }
    Some(())
}
