//! Text that others wrote, cut and made visible for prompts and status lines.

/// Nothing in it is invisible; line feeds stay.
pub(crate) fn lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(interline_policy::visible).collect();
    lines.join("\n")
}

/// One line of at most about `limit` characters, nothing in it invisible; a cut is marked.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let text = text.trim();
    let first = text.lines().next().unwrap_or_default();
    let (head, mark) = match first.char_indices().nth(limit) {
        Some((at, _)) => (first.split_at(at).0, "…"),
        None if first.len() < text.len() => (first, " …"),
        None => (first, ""),
    };
    format!("{}{mark}", interline_policy::visible(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_says_that_it_was_cut() {
        assert_eq!(line("  one\ntwo", 80), "one …");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("abc", 3), "abc");
        assert_eq!(line("a\u{202e}b\rc", 9), "a\\u{202e}b\\rc");
    }
}
