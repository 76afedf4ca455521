//! Counts in words: one of a thing is not many.

/// `1 change`, `2 changes`: for words that take an s.
pub(crate) fn counted(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let turns = |count| counted(count, "turn");
        assert_eq!([0, 1, 2].map(turns), ["0 turns", "1 turn", "2 turns"]);
    }
}
