//! A rough reading of any text as shell commands, for what could not be proven.
//!
//! Finds too much rather than too little: words behind wrappers, in subshells, in quotes that may be run later.
//! Only ask and deny rules and the description of a call may use it; nothing is ever allowed by it.

/// How deep quotes in quotes are opened.
const MAX_DEPTH: usize = 4;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Sketch {
    /// Possible commands: everything between two operators.
    pub(crate) commands: Vec<Vec<String>>,
    /// Targets of redirects.
    pub(crate) redirects: Vec<String>,
}

/// Reads a text, and every word of it that could be commands itself.
pub(crate) fn sketch(text: &str) -> Sketch {
    let mut sketch = Sketch::default();
    let mut texts = vec![text.to_owned()];
    for _ in 0..MAX_DEPTH {
        let mut nested = Vec::new();
        for text in &texts {
            let mut reader = Reader::default();
            reader.read(text);
            for word in reader.commands.iter().flatten() {
                if word.contains(|c: char| c.is_whitespace() || "'\"`$;&|()<>=".contains(c)) && word != text {
                    nested.push(word.replace('=', " "));
                }
            }
            sketch.commands.append(&mut reader.commands);
            sketch.redirects.append(&mut reader.redirects);
        }
        texts = nested;
    }
    sketch
}

#[derive(Default)]
struct Reader {
    commands: Vec<Vec<String>>,
    redirects: Vec<String>,
    command: Vec<String>,
    word: String,
    /// There is a word, though it may be empty.
    in_word: bool,
    /// The next word is a redirect's target.
    redirect: bool,
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
                    self.redirect = true;
                }
                // `>|` and `>&` are redirects still.
                '|' | '&' if self.redirect && !self.in_word => {}
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
        if std::mem::take(&mut self.redirect) {
            self.redirects.push(word);
        } else {
            self.command.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirect = false;
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
        assert_eq!(sketch("a > b 2>>c >|d &>e").redirects, ["b", "c", "d", "e"]);
    }
}
