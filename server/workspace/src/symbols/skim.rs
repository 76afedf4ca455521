//! What of a Rust file has to be parsed for its symbols: all but comments, and bodies of functions that declare nothing.
//!
//! That is about a third of usual code, and telling it apart takes a few percent of what parsing takes. The identifiers of
//! what is left out are read here. Where the text does not look as it should, all of it is parsed.

use tree_sitter::{Point, Range};

/// What is shorter is parsed as fast as it is left out, in bytes.
const SHORT: usize = 32;
/// So much is left out at most, by number: for each token the parser looks through all that is left.
const CUTS: usize = 500;

/// Words in a body that may begin a declaration; some of them mean something else there, and then it is parsed for nothing.
const ITEMS: [&str; 11] = [
    "const",
    "enum",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "static",
    "struct",
    "trait",
    "type",
    "union",
];
/// Words that name nothing, by the alphabet.
const KEYWORDS: [&str; 31] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern",
    "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub",
    "ref", "return", "self", "super", "true", "unsafe", "while",
];

/// See the module.
pub(super) struct Skimmed<'t> {
    /// What is to be parsed.
    pub(super) parts: Vec<Range>,
    /// Identifiers of the rest; some stand here more than once.
    pub(super) names: Vec<&'t str>,
}

/// `None`: all is to be parsed.
pub(super) fn skim(text: &str) -> Option<Skimmed<'_>> {
    let mut tokens = Tokens { text, at: 0 };
    let mut skim = Skim::default();
    while let Some((token, start)) = tokens.next() {
        skim.take(text, token, start, tokens.at)?;
    }
    skim.cuts.retain(|(from, to)| to - from >= SHORT);
    if skim.depth > 0 || skim.cuts.is_empty() {
        return None;
    }
    Some(Skimmed {
        parts: parts(text, &skim.cuts),
        names: skim.names,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Comment,
    Word,
    Open(u8),
    Close,
    Semicolon,
    Other,
}

#[derive(Default)]
struct Skim<'t> {
    /// Brackets of all kinds that are open.
    depth: usize,
    /// The last word was `fn`.
    after_fn: bool,
    /// A function's body comes at this depth, if nothing ends its head before.
    head: Option<usize>,
    body: Option<Body>,
    /// What is left out, in order.
    cuts: Vec<(usize, usize)>,
    names: Vec<&'t str>,
}

/// A body that is being read.
struct Body {
    start: usize,
    depth: usize,
    /// It may declare something.
    has_items: bool,
    /// How many of these there were before it.
    cuts: usize,
    names: usize,
}

impl<'t> Skim<'t> {
    /// `None`: brackets don't match.
    fn take(&mut self, text: &'t str, token: Token, start: usize, end: usize) -> Option<()> {
        let after_fn = std::mem::take(&mut self.after_fn);
        match token {
            Token::Comment => {
                self.after_fn = after_fn;
                self.cut_comment(text, start, end);
            }
            Token::Word => self.word(text.get(start..end)?, after_fn),
            Token::Open(bracket) => {
                if bracket == b'{' && self.head == Some(self.depth) {
                    self.head = None;
                    self.body.get_or_insert(Body {
                        start: end,
                        depth: self.depth,
                        has_items: false,
                        cuts: self.cuts.len(),
                        names: self.names.len(),
                    });
                }
                self.depth += 1;
            }
            Token::Close => {
                self.depth = self.depth.checked_sub(1)?;
                self.head = self.head.filter(|head| *head <= self.depth);
                if let Some(body) = self.body.take_if(|body| body.depth == self.depth) {
                    self.cut_body(&body, start);
                }
            }
            Token::Semicolon if self.head == Some(self.depth) => self.head = None,
            Token::Semicolon | Token::Other => {}
        }
        Some(())
    }

    fn word(&mut self, word: &'t str, after_fn: bool) {
        if let Some(body) = &mut self.body {
            body.has_items |= ITEMS.contains(&word);
            if !body.has_items && KEYWORDS.binary_search(&word).is_err() {
                self.names.push(word);
            }
        } else if after_fn {
            self.head = Some(self.depth);
        } else {
            self.after_fn = word == "fn";
        }
    }

    fn cut_body(&mut self, body: &Body, end: usize) {
        let is_short = end - body.start < SHORT;
        if body.has_items || is_short || body.cuts >= CUTS {
            self.names.truncate(body.names);
            return;
        }
        self.cuts.truncate(body.cuts);
        self.cuts.push((body.start, end));
    }

    fn cut_comment(&mut self, text: &str, start: usize, end: usize) {
        // What stands on both sides of a cut is one text to the parser.
        let before = text.get(..start).unwrap_or_default();
        if !before.is_empty() && !before.ends_with([' ', '\t', '\n']) {
            return;
        }
        let is_full = self.cuts.len() >= CUTS;
        match self.cuts.last_mut() {
            Some((_, last)) if is_blank(text, *last, start) => *last = end,
            _ if is_full => {}
            _ => self.cuts.push((start, end)),
        }
    }
}

fn is_blank(text: &str, from: usize, to: usize) -> bool {
    let between = text.as_bytes().get(from..to);
    between.is_some_and(|between| between.iter().all(u8::is_ascii_whitespace))
}

/// What is between the cuts.
fn parts(text: &str, cuts: &[(usize, usize)]) -> Vec<Range> {
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut at = (0, Point::new(0, 0));
    for (from, to) in cuts.iter().copied().chain([(text.len(), text.len())]) {
        let end = (from, after(text, at, from));
        if at.0 < from {
            parts.push(Range {
                start_byte: at.0,
                end_byte: from,
                start_point: at.1,
                end_point: end.1,
            });
        }
        at = (to, after(text, end, to));
    }
    parts
}

/// The point of a byte, counted on from another one's.
fn after(text: &str, (from, point): (usize, Point), to: usize) -> Point {
    let between = text.as_bytes().get(from..to).unwrap_or_default();
    match between.iter().rposition(|byte| *byte == b'\n') {
        None => Point::new(point.row, point.column + between.len()),
        Some(last) => {
            let lines = between.iter().filter(|byte| **byte == b'\n').count();
            Point::new(point.row + lines, between.len() - last - 1)
        }
    }
}

/// The tokens of a text, as far as they are told apart here.
struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl Tokens<'_> {
    /// A token and where it starts; `at` is its end.
    fn next(&mut self) -> Option<(Token, usize)> {
        self.skip(|byte| byte.is_ascii_whitespace());
        let start = self.at;
        let first = self.peek(0)?;
        self.at += 1;
        let token = match first {
            b'/' if self.peek(0) == Some(b'/') => {
                self.skip(|byte| byte != b'\n');
                Token::Comment
            }
            b'/' if self.peek(0) == Some(b'*') => {
                self.block_comment();
                Token::Comment
            }
            b'"' => self.quoted(b'"'),
            b'\'' => self.character(),
            b'(' | b'[' | b'{' => Token::Open(first),
            b')' | b']' | b'}' => Token::Close,
            b';' => Token::Semicolon,
            b'0'..=b'9' => {
                self.skip(is_word);
                Token::Other
            }
            _ if is_word(first) => {
                self.skip(is_word);
                self.after_word(start)
            }
            _ => Token::Other,
        };
        Some((token, start))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip(&mut self, what: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| what(**byte)).count();
    }

    /// Comments stand in comments.
    fn block_comment(&mut self) {
        let mut depth = 0;
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                // The first `/` is read already.
                (b'*', Some(b'/')) => {
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                    depth -= 1;
                }
                (b'/', Some(b'*')) => {
                    self.at += 2;
                    depth += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    fn quoted(&mut self, quote: u8) -> Token {
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                _ if byte == quote => break,
                _ => {}
            }
        }
        Token::Other
    }

    /// A character, or the quote of a lifetime.
    fn character(&mut self) -> Token {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let mut chars = rest.chars();
        let first = chars.next();
        if first == Some('\\') {
            return self.quoted(b'\'');
        }
        if chars.next() == Some('\'') {
            self.at += first.map_or(0, char::len_utf8) + 1;
        }
        Token::Other
    }

    /// A word, or what it is a prefix of.
    fn after_word(&mut self, start: usize) -> Token {
        let word = self.text.get(start..self.at).unwrap_or_default();
        match (word, self.peek(0)) {
            ("b" | "c", Some(b'"')) => {
                self.at += 1;
                self.quoted(b'"')
            }
            ("b", Some(b'\'')) => {
                self.at += 1;
                self.quoted(b'\'')
            }
            ("r" | "br" | "cr", Some(b'"' | b'#')) => self.raw(),
            _ => Token::Word,
        }
    }

    /// A raw text, or a raw identifier.
    fn raw(&mut self) -> Token {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let marks = rest.len() - rest.trim_start_matches('#').len();
        if self.peek(marks) != Some(b'"') {
            self.at += marks;
            self.skip(is_word);
            return Token::Word;
        }
        let end = format!("\"{}", "#".repeat(marks));
        let inner = rest.get(marks + 1..).unwrap_or_default();
        let length = inner.find(&end).map_or(inner.len(), |at| at + end.len());
        self.at += marks + 1 + length;
        Token::Other
    }
}

/// All that is not ASCII counts: identifiers may have it, and nothing else outside of texts has.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::time::Duration;

    use tree_sitter::Parser;

    use super::super::extract::extract;
    use super::*;
    use crate::syntax::{self, Language};

    const LONG: Duration = Duration::from_secs(60);

    fn kept(text: &str) -> String {
        let skimmed = skim(text).unwrap();
        let part = |part: &Range| text[part.start_byte..part.end_byte].to_owned();
        skimmed.parts.iter().map(part).collect()
    }

    #[test]
    fn bodies_and_comments_are_left_out() {
        let text = "/// Says what it is for.\n// More of it.\nfn a<'x>(b: &'x str) -> [u8; { 1 }] { let c = '{'; d(\"}\", r#\"\"}\"#, b'}') /* } */ }\n\
             trait T { fn e(); /* /* ) is in a comment */ of its own */ fn f() { fn inner() { g(h, h, h, h, h, h) } } }\n";
        let left = "\n\nfn a<'x>(b: &'x str) -> [u8; { 1 }] {}\ntrait T { fn e();  fn f() { fn inner() { g(h, h, h, h, h, h) } } }\n";
        assert_eq!(kept(text), left.strip_prefix('\n').unwrap());
        let mut names = skim(text).unwrap().names;
        names.sort_unstable();
        assert_eq!(names, ["c", "d"]);
        // What is cut out of the middle of a word would make one word of two.
        assert_eq!(
            kept("a/* */b /* as long as it has to be, and more */"),
            "a/* */b "
        );
    }

    #[test]
    fn there_are_so_many_parts_at_most() {
        let text =
            "fn a() { some_function_with_a_long_name() }\n// as long as it has to be, and more\n;"
                .repeat(2_000);
        let skimmed = skim(&text).unwrap();
        assert!(skimmed.parts.len() <= CUTS + 1);
        assert_eq!(skimmed.names.len(), CUTS / 2);
    }

    #[test]
    fn what_looks_wrong_is_parsed_whole() {
        for text in [
            "fn a() { (((((((((((((((((((((((((((((( }",
            "} fn a() {}",
            "fn a() {",
        ] {
            assert!(skim(text).is_none(), "{text}");
        }
    }

    fn files(folder: &Path, all: &mut Vec<String>) {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, all);
            } else if path.extension().is_some_and(|end| end == "rs") {
                all.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }

    /// Of the sources of this crate: symbols are the same, with their places, and no name is missing.
    #[test]
    fn nothing_is_lost() {
        let mut all = Vec::new();
        files(Path::new(env!("CARGO_MANIFEST_DIR")), &mut all);
        // Each kind of item in a body.
        let items = [
            "const A: u8 = 1;",
            "static A: u8 = 1;",
            "fn a() {}",
            "struct A { b: u8 }",
            "enum A { B }",
            "union A { b: u8 }",
            "trait A { fn b(); }",
            "impl A { fn b() {} }",
            "mod a { fn b() {} }",
            "type A = u8;",
            "macro_rules! a { () => {} }",
        ];
        let in_a_body = |item| {
            format!(
                "fn f() {{ /* as long as it has to be */ {item} }}\n// and more, as long as it has to be\n"
            )
        };
        all.extend(items.map(in_a_body));
        let (mut parser, mut skimmed_files) = (Parser::new(), 0);
        for text in &all {
            let Some(Skimmed { parts, names }) = skim(text) else {
                continue;
            };
            let parts = syntax::parse_parts(&mut parser, Language::Rust, text, &parts, LONG);
            let parts = parts.filter(|tree| !tree.root_node().has_error());
            let whole = syntax::parse(&mut parser, Language::Rust, text, None, LONG);
            let (Some(parts), Some(whole)) = (parts, whole) else {
                continue;
            };
            skimmed_files += 1;
            let mut found = extract(Language::Rust, Some(&parts), text);
            found.names.extend(names);
            let expected = extract(Language::Rust, Some(&whole), text);
            if !whole.root_node().has_error() {
                assert_eq!(found.symbols, expected.symbols, "{text}");
            }
            let mut missing: BTreeSet<_> = expected.names.difference(&found.names).collect();
            // In macros the grammar takes some of them for identifiers.
            missing.retain(|name| KEYWORDS.binary_search(name).is_err());
            assert!(missing.is_empty(), "{missing:?} of {text}");
        }
        assert!(
            skimmed_files * 10 > all.len() * 9,
            "{skimmed_files} of {}",
            all.len()
        );
    }
}
