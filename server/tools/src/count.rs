//! Counts in words: one of a thing is not many.

/// `1 hunk`, `2 hunks`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let entries = |count| counted(count, "entry", "entries");
        assert_eq!(
            [0, 1, 2].map(entries),
            ["0 entries", "1 entry", "2 entries"]
        );
    }
}
