//! Lists of names, written as one text: readable tables of many words.

/// Words, separated by blanks.
#[derive(Clone, Copy)]
pub(crate) struct Words(pub(crate) &'static str);

impl Words {
    pub(crate) fn has(self, word: &str) -> bool {
        self.iter().any(|known| known == word)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.split_ascii_whitespace()
    }
}
