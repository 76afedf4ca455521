//! The first reader: `brush-parser`. Reads everything that bash has, and finds the commands inside of words too.

use brush_parser::ast::{
    AndOr, AndOrList, Assignment, AssignmentValue, Command as Node,
    CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, ExtendedTestExpr,
    IoFileRedirectKind as Kind, IoFileRedirectTarget as Target, IoRedirect, Pipeline,
    SeparatorOperator, SimpleCommand,
};
use brush_parser::word::{WordPiece, WordPieceWithSource};
use brush_parser::{ParserOptions, parse_tokens, uncached_tokenize_str, word};

use super::script::{Command, Joint, Redirect, Script, Word};
use super::{sketch, text};

/// How deep substitutions in substitutions are opened.
const MAX_DEPTH: usize = 8;

/// Reads a text; `None` where it is no shell program.
pub(crate) fn read(source: &str) -> Option<Script> {
    let mut reader = Reader {
        script: Script::default(),
        depth: 0,
    };
    reader.program(source, Joint::Then).then_some(reader.script)
}

struct Reader {
    script: Script,
    depth: usize,
}

impl Reader {
    /// False where it can't be read.
    fn program(&mut self, source: &str, joint: Joint) -> bool {
        let options = ParserOptions::default();
        if text::is_too_deep(source) || self.depth > MAX_DEPTH {
            self.script.doubt("too-deep");
            return false;
        }
        if text::has_too_long_number(source) {
            return false;
        }
        let Ok(tokens) = uncached_tokenize_str(source, &options.tokenizer_options()) else {
            return false;
        };
        let Ok(program) = parse_tokens(&tokens, &options) else {
            return false;
        };
        for list in &program.complete_commands {
            self.list(list, joint);
        }
        true
    }

    /// A text inside of the text. What can't be read is sketched.
    fn nested(&mut self, source: &str) {
        self.depth += 1;
        if !self.program(source, Joint::Nested) {
            self.script.doubt("parse-error");
            for words in sketch::sketch(source).commands {
                let mut command = Command::new(Joint::Nested);
                command.words = words
                    .into_iter()
                    .map(|text| Word {
                        text,
                        dynamic: false,
                    })
                    .collect();
                self.script.commands.push(command);
            }
        }
        self.depth -= 1;
    }

    fn list(&mut self, list: &CompoundList, joint: Joint) {
        for item in &list.0 {
            if matches!(item.1, SeparatorOperator::Async) {
                self.script.doubt("background");
            }
            self.and_or(&item.0, joint);
        }
    }

    fn and_or(&mut self, list: &AndOrList, joint: Joint) {
        self.pipeline(&list.first, joint);
        for next in &list.additional {
            let (pipeline, after) = match next {
                AndOr::And(pipeline) => (pipeline, Joint::And),
                AndOr::Or(pipeline) => (pipeline, Joint::Or),
            };
            let nested = joint == Joint::Nested;
            self.pipeline(pipeline, if nested { joint } else { after });
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, joint: Joint) {
        if pipeline.timed.is_some() || pipeline.bang {
            self.script.doubt("compound");
        }
        for (at, node) in pipeline.seq.iter().enumerate() {
            self.node(
                node,
                if at == 0 || joint == Joint::Nested {
                    joint
                } else {
                    Joint::Pipe
                },
            );
        }
    }

    fn node(&mut self, node: &Node, joint: Joint) {
        match node {
            Node::Simple(simple) => self.simple(simple, joint),
            Node::Compound(compound, redirects) => {
                self.script.doubt("compound");
                self.compound(compound);
                self.loose_redirects(redirects.iter().flat_map(|list| &list.0));
            }
            Node::Function(function) => {
                self.script.doubt("shadowing");
                self.compound(&function.body.0);
                self.loose_redirects(function.body.1.iter().flat_map(|list| &list.0));
            }
            Node::ExtendedTest(test, redirects) => {
                self.script.doubt("arithmetic");
                self.test(&test.expr);
                self.loose_redirects(redirects.iter().flat_map(|list| &list.0));
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand) {
        let nested = Joint::Nested;
        match compound {
            CompoundCommand::Arithmetic(_) => self.script.doubt("arithmetic"),
            CompoundCommand::ArithmeticForClause(clause) => {
                self.script.doubt("arithmetic");
                self.list(&clause.body.list, nested);
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list, nested),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list, nested),
            CompoundCommand::ForClause(clause) => {
                for value in clause.values.iter().flatten() {
                    self.word(&value.value);
                }
                self.list(&clause.body.list, nested);
            }
            CompoundCommand::CaseClause(clause) => {
                self.word(&clause.value.value);
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.word(&pattern.value);
                    }
                    if let Some(list) = &case.cmd {
                        self.list(list, nested);
                    }
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition, nested);
                self.list(&clause.then, nested);
                for other in clause.elses.iter().flatten() {
                    if let Some(condition) = &other.condition {
                        self.list(condition, nested);
                    }
                    self.list(&other.body, nested);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0, nested);
                self.list(&clause.1.list, nested);
            }
            CompoundCommand::Coprocess(coprocess) => {
                self.script.doubt("background");
                self.node(&coprocess.body, nested);
            }
        }
    }

    fn test(&mut self, test: &ExtendedTestExpr) {
        match test {
            ExtendedTestExpr::And(a, b) | ExtendedTestExpr::Or(a, b) => {
                self.test(a);
                self.test(b);
            }
            ExtendedTestExpr::Not(a) | ExtendedTestExpr::Parenthesized(a) => self.test(a),
            ExtendedTestExpr::UnaryTest(_, word) => {
                self.word(&word.value);
            }
            ExtendedTestExpr::BinaryTest(_, a, b) => {
                self.word(&a.value);
                self.word(&b.value);
            }
        }
    }

    /// Redirects of a group: as if of a command without words.
    fn loose_redirects<'a>(&mut self, redirects: impl Iterator<Item = &'a IoRedirect>) {
        let mut command = Command::new(Joint::Nested);
        redirects.for_each(|redirect| self.redirect(redirect, &mut command));
        if !command.redirects.is_empty() || !command.input.is_empty() {
            self.script.commands.push(command);
        }
    }

    fn simple(&mut self, simple: &SimpleCommand, joint: Joint) {
        let mut command = Command::new(joint);
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            self.item(item, &mut command, true);
        }
        if let Some(name) = &simple.word_or_name {
            let word = self.word(&name.value);
            command.words.push(word);
        }
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut command, false);
        }
        self.script.commands.push(command);
    }

    fn item(&mut self, item: &Item, command: &mut Command, before: bool) {
        match item {
            Item::IoRedirect(redirect) => self.redirect(redirect, command),
            Item::Word(word) => {
                let word = self.word(&word.value);
                command.words.push(word);
            }
            Item::AssignmentWord(assignment, source) if before => {
                self.assignment(assignment, &source.value, command)
            }
            Item::AssignmentWord(_, source) => {
                let word = self.word(&source.value);
                command.words.push(word);
            }
            Item::ProcessSubstitution(_, subshell) => {
                self.script.doubt("process-substitution");
                self.list(&subshell.list, Joint::Nested);
                command.words.push(Word {
                    text: "<()".into(),
                    dynamic: true,
                });
            }
        }
    }

    fn assignment(&mut self, assignment: &Assignment, source: &str, command: &mut Command) {
        self.script.doubt("assignment");
        if matches!(assignment.value, AssignmentValue::Array(_)) || source.contains('[') {
            self.script.doubt("arithmetic");
        }
        let name = source
            .split(['=', '+', '['])
            .next()
            .unwrap_or_default()
            .to_owned();
        let value = match &assignment.value {
            AssignmentValue::Scalar(word) => self.word(&word.value),
            AssignmentValue::Array(items) => {
                let items: Vec<String> = items
                    .iter()
                    .map(|(_, word)| self.word(&word.value).text)
                    .collect();
                Word {
                    text: items.join(" "),
                    dynamic: true,
                }
            }
        };
        command.assignments.push((name, value));
    }

    fn redirect(&mut self, redirect: &IoRedirect, command: &mut Command) {
        match redirect {
            IoRedirect::File(number, kind, target) => {
                let operator = match kind {
                    Kind::Read => "<",
                    Kind::Write => ">",
                    Kind::Append => ">>",
                    Kind::ReadAndWrite => "<>",
                    Kind::Clobber => ">|",
                    Kind::DuplicateInput => "<&",
                    Kind::DuplicateOutput => ">&",
                };
                let target = match target {
                    Target::Filename(word) | Target::Duplicate(word) => self.word(&word.value),
                    Target::Fd(number) => Word {
                        text: number.to_string(),
                        dynamic: false,
                    },
                    Target::ProcessSubstitution(_, subshell) => {
                        self.script.doubt("process-substitution");
                        self.list(&subshell.list, Joint::Nested);
                        return;
                    }
                };
                command.redirects.push(Redirect {
                    number: *number,
                    operator,
                    target,
                });
            }
            IoRedirect::OutputAndError(word, append) => {
                let operator = if *append { "&>>" } else { "&>" };
                let target = self.word(&word.value);
                command.redirects.push(Redirect {
                    number: None,
                    operator,
                    target,
                });
            }
            IoRedirect::HereDocument(_, document) => {
                self.script.doubt("heredoc");
                if document.requires_expansion {
                    self.substitutions(&document.doc.value);
                }
                command.input.push(document.doc.value.clone());
            }
            IoRedirect::HereString(_, word) => {
                self.script.doubt("heredoc");
                let word = self.word(&word.value);
                command.input.push(word.text);
            }
        }
    }

    fn word(&mut self, source: &str) -> Word {
        let Ok(pieces) = word::parse(source, &ParserOptions::default()) else {
            self.script.doubt("parse-error");
            self.substitutions(source);
            return Word {
                text: source.to_owned(),
                dynamic: true,
            };
        };
        let mut word = Word::default();
        for piece in &pieces {
            self.piece(piece, source, false, &mut word);
        }
        word
    }

    fn piece(&mut self, piece: &WordPieceWithSource, source: &str, quoted: bool, word: &mut Word) {
        let raw = source
            .get(piece.start_index..piece.end_index)
            .unwrap_or(source);
        match &piece.piece {
            WordPiece::Text(text) => {
                if !quoted && let Some(code) = pattern(text) {
                    self.script.doubt(code);
                    word.dynamic = true;
                }
                word.text.push_str(text);
                return;
            }
            WordPiece::SingleQuotedText(text) => return word.text.push_str(text),
            WordPiece::DoubleQuotedSequence(pieces) => {
                pieces
                    .iter()
                    .for_each(|piece| self.piece(piece, source, true, word));
                return;
            }
            WordPiece::EscapeSequence(text) => {
                let plain = text.strip_prefix('\\').unwrap_or(text);
                if plain == "\n" {
                    self.script.doubt("continuation");
                } else if quoted && !matches!(plain, "\"" | "\\" | "$" | "`") {
                    word.text.push_str(text);
                } else {
                    word.text.push_str(plain);
                }
                return;
            }
            WordPiece::AnsiCQuotedText(text) => {
                self.script.doubt("ansi-c-quote");
                word.text.push_str(text);
            }
            WordPiece::GettextDoubleQuotedSequence(pieces) => {
                self.script.doubt("ansi-c-quote");
                pieces
                    .iter()
                    .for_each(|piece| self.piece(piece, source, true, word));
            }
            WordPiece::TildeExpansion(_) => {
                self.script.doubt("parameter");
                word.text.push_str(raw);
            }
            WordPiece::ParameterExpansion(_) => {
                self.script.doubt(parameter(raw));
                self.substitutions(raw);
                word.text.push_str(raw);
            }
            WordPiece::CommandSubstitution(inner) => {
                self.script.doubt("command-substitution");
                self.nested(inner);
                word.text.push_str(raw);
            }
            WordPiece::BackquotedCommandSubstitution(inner) => {
                self.script.doubt("command-substitution");
                self.nested(&inner.replace("\\`", "`"));
                word.text.push_str(raw);
            }
            WordPiece::ArithmeticExpression(_) => {
                self.script.doubt("arithmetic");
                self.substitutions(raw);
                word.text.push_str(raw);
            }
        }
        word.dynamic = true;
    }

    /// The commands that stand somewhere in a text that is no word of its own.
    fn substitutions(&mut self, text: &str) {
        if text.contains("$(") || text.contains('`') {
            self.script.doubt("command-substitution");
            let behind: Vec<&str> = text
                .match_indices("$(")
                .filter_map(|(at, _)| text.get(at + 2..))
                .chain(text.split('`').skip(1).step_by(2))
                .take(8)
                .collect();
            for text in behind {
                let inner = closed(text);
                self.nested(inner);
            }
        }
    }
}

/// Up to the bracket that closes it.
fn closed(text: &str) -> &str {
    let mut open = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return text.get(..at).unwrap_or(text);
        }
    }
    text
}

/// Unquoted text that the shell fills in.
fn pattern(text: &str) -> Option<&'static str> {
    if text.contains(['*', '?', '[']) {
        Some("glob")
    } else if text.contains('{') && (text.contains(',') || text.contains("..")) {
        Some("brace")
    } else if text.contains(['~', '{', '}', '$', '`', '#', '!', '^']) {
        // Not filled in here, but elsewhere or by other shells.
        Some("not-simple")
    } else {
        None
    }
}

fn parameter(raw: &str) -> &'static str {
    let code =
        raw.contains('@') || raw.contains('=') || raw.starts_with("${!") || raw.contains('[');
    if raw.contains("IFS") {
        "field-separator"
    } else if code {
        "parameter-code"
    } else {
        "parameter"
    }
}
