//! A rough reading of any text as shell commands, for what could not be proven.
//!
//! Finds too much rather than too little: words behind wrappers, in subshells, in quotes that may be run later.
//! Only ask and deny rules and the description of a call may use it; nothing is ever allowed by it.

use std::collections::VecDeque;

/// How deep quotes in quotes are opened.
const MAX_DEPTH: usize = 4;
/// How much is read in all, the quotes in quotes included. Who nests more is asked about anyway.
const MAX_READ: usize = 1 << 20;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Sketch {
    /// Possible commands: everything between two operators.
    pub(crate) commands: Vec<Vec<String>>,
    /// Targets of redirects, and whether they are written.
    pub(crate) redirects: Vec<(String, bool)>,
}

/// Reads a text, and every part of it that could be commands itself.
pub(crate) fn sketch(text: &str) -> Sketch {
    let mut sketch = Sketch::default();
    let mut waiting = VecDeque::from([(text.to_owned(), 0)]);
    let mut read = 0;
    while let Some((text, depth)) = waiting.pop_front() {
        read += text.len();
        if read > MAX_READ {
            break;
        }
        let mut reader = Reader::default();
        reader.read(&text);
        if depth < MAX_DEPTH {
            let words = reader.commands.iter().flatten();
            let nested = words
                .filter(|word| **word != text)
                .filter_map(|word| opened(word));
            waiting.extend(
                nested
                    .chain(substitutions(&text))
                    .map(|text| (text, depth + 1)),
            );
        }
        sketch.commands.append(&mut reader.commands);
        sketch.redirects.append(&mut reader.redirects);
    }
    sketch
}

/// A word that was quoted, or is an option with a value, as a text of its own.
fn opened(word: &str) -> Option<String> {
    let special = |c: char| c.is_whitespace() || "'\"`$;&|()<>=".contains(c);
    (word.len() > 1 && word.contains(special)).then(|| word.replace('=', " "))
}

/// What stands behind each opening of a substitution: quotes start afresh there, even inside of quotes.
fn substitutions(text: &str) -> Vec<String> {
    let quoted = if text.contains('"') { text } else { "" };
    let behind = |mark: &str| -> Vec<String> {
        let found = quoted.match_indices(mark).take(16);
        found
            .filter_map(|(at, mark)| quoted.get(at + mark.len()..))
            .map(str::to_owned)
            .collect()
    };
    [behind("$("), behind("`")].concat()
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    redirects: Vec<(String, bool)>,
    command: Vec<String>,
    word: String,
    /// There is a word, though it may be empty.
    in_word: bool,
    redirect: Redirect,
}

/// What the next word is.
#[derive(Clone, Copy, Default, PartialEq)]
enum Redirect {
    /// No target.
    #[default]
    None,
    Reads,
    Writes,
    /// The end mark of a text in the command, or the text itself.
    Here,
}

impl Reader {
    fn read(&mut self, text: &str) {
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => match chars.next() {
                    // A continued line.
                    Some('\n') | None => {}
                    Some(next) => self.push(next),
                },
                '\'' => {
                    self.in_word = true;
                    self.word.extend(chars.by_ref().take_while(|&c| c != '\''));
                }
                '"' => self.double_quoted(&mut chars),
                '>' | '<' => {
                    self.end_word();
                    self.redirect = match (c, self.redirect) {
                        ('>', _) | (_, Redirect::Writes) => Redirect::Writes,
                        (_, Redirect::None) => Redirect::Reads,
                        (_, Redirect::Reads | Redirect::Here) => Redirect::Here,
                    };
                }
                // `>|` and `>&` are redirects still.
                '|' | '&' if self.redirect != Redirect::None && !self.in_word => {}
                ';' | '|' | '&' | '(' | ')' | '{' | '}' | '`' | '\n' | '\r' => self.end_command(),
                c if c.is_whitespace() => self.end_word(),
                c => self.push(c),
            }
        }
        self.end_command();
    }

    fn double_quoted(&mut self, chars: &mut impl Iterator<Item = char>) {
        self.in_word = true;
        while let Some(c) = chars.next() {
            match c {
                '"' => return,
                '\\' => match chars.next() {
                    Some('\n') | None => {}
                    Some(next @ ('"' | '\\' | '$' | '`')) => self.word.push(next),
                    Some(next) => self.word.extend(['\\', next]),
                },
                c => self.word.push(c),
            }
        }
    }

    fn push(&mut self, c: char) {
        self.in_word = true;
        self.word.push(c);
    }

    fn end_word(&mut self) {
        if !self.in_word {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.in_word = false;
        match std::mem::take(&mut self.redirect) {
            Redirect::None => self.command.push(word),
            Redirect::Here => {}
            // `2>&1`
            _ if word == "-" || word.bytes().all(|b| b.is_ascii_digit()) => {}
            kind => self.redirects.push((word, kind == Redirect::Writes)),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirect = Redirect::None;
        if !self.command.is_empty() {
            self.commands.push(std::mem::take(&mut self.command));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sketch;

    fn commands(text: &str) -> Vec<String> {
        sketch(text).commands.iter().map(|c| c.join(" ")).collect()
    }

    #[test]
    fn finds_commands_between_operators_and_in_quotes() {
        assert_eq!(commands("a b; c&&d | e\nf"), ["a b", "c", "d", "e", "f"]);
        assert_eq!(commands("echo $(git push)"), ["echo $", "git push"]);
        assert!(commands("bash -c 'git push'").contains(&"git push".to_owned()));
        assert!(commands(r#"bash -c "sh -c 'git push'""#).contains(&"git push".to_owned()));
        assert!(commands(r"bash -c 'rm '\''a b'\'''").contains(&"rm a b".to_owned()));
        assert_eq!(commands("gi\\\nt push"), ["git push"]);
    }

    #[test]
    fn finds_redirect_targets() {
        let redirects = sketch("a > b 2>>c >|d &>e 2>&1 <f <>g <<h").redirects;
        let written: Vec<_> = redirects
            .iter()
            .map(|(to, w)| format!("{to}{}", u8::from(*w)))
            .collect();
        assert_eq!(written, ["b1", "c1", "d1", "e1", "f0", "g1"]);
    }
}
