//! What both parsers give: the simple commands of a text, in order, and why it is more than that.

/// How a command follows the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// It is the first, or stands after `;` or a line break.
    Then,
    /// `|`
    Pipe,
    /// `&&`
    And,
    /// `||`
    Or,
    /// It stands inside of another one: a substitution, a group, a loop.
    Nested,
}

/// A word, quotes taken off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// What programs get, where nothing is filled in; else the source of the parts that are.
    pub(crate) text: String,
    /// The shell fills something in.
    pub(crate) dynamic: bool,
}

/// A redirect to or from a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// The number before it.
    pub(crate) number: Option<i32>,
    /// As written, such as `>>`.
    pub(crate) operator: &'static str,
    pub(crate) target: Word,
}

impl Redirect {
    pub(crate) fn writes(&self) -> bool {
        !matches!(self.operator, "<" | "<&" | ">&") || (self.operator == ">&" && !self.is_copy())
    }

    /// `2>&1`: no file.
    pub(crate) fn is_copy(&self) -> bool {
        let number = |text: &str| text == "-" || text.bytes().all(|b| b.is_ascii_digit());
        matches!(self.operator, "<&" | ">&") && number(&self.target.text)
    }
}

/// One simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) joint: Joint,
    /// Names and values of the assignments before it.
    pub(crate) assignments: Vec<(String, Word)>,
    pub(crate) words: Vec<Word>,
    pub(crate) redirects: Vec<Redirect>,
    /// Texts that it reads from the command itself (`<<`, `<<<`).
    pub(crate) input: Vec<String>,
}

impl Command {
    pub(crate) fn new(joint: Joint) -> Self {
        Self {
            joint,
            assignments: Vec::new(),
            words: Vec::new(),
            redirects: Vec::new(),
            input: Vec::new(),
        }
    }
}

/// A whole text.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) commands: Vec<Command>,
    /// Reason codes for everything that is more than plain words in a list or pipeline.
    pub(crate) doubts: Vec<&'static str>,
}

impl Script {
    pub(crate) fn doubt(&mut self, code: &'static str) {
        if !self.doubts.contains(&code) {
            self.doubts.push(code);
        }
    }
}
