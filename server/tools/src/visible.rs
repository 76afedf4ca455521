//! Makes text that others wrote safe to show in a prompt or a status line: nothing in it is invisible.

/// Escapes what a reader would not see: control characters, and those that hide or reorder text.
/// Line feeds stay where `multiline` is true.
pub(crate) fn visible(text: &str, multiline: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' if multiline => shown.push('\n'),
            c if c.is_control() || hides(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// One line of at most about `limit` characters; a cut is marked.
pub(crate) fn line(text: &str, limit: usize) -> String {
    let first = text.trim().lines().next().unwrap_or_default();
    let more = first.len() < text.trim().len();
    let mut shown = String::new();
    for (count, character) in first.chars().enumerate() {
        if count == limit {
            shown.push('…');
            return visible(&shown, false);
        }
        shown.push(character);
    }
    if more {
        shown.push_str(" …");
    }
    visible(&shown, false)
}

/// Zero-width, bidirectional and other format characters (Unicode TR36 §3), and spaces that look like none or many.
fn hides(character: char) -> bool {
    matches!(character,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' | '\u{00a0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_show() {
        assert_eq!(
            visible("a\u{202e}b\rc\n\u{1b}[m", true),
            "a\\u{202e}b\\rc\n\\u{1b}[m"
        );
        assert_eq!(visible("a\nb", false), "a\\nb");
        assert_eq!(visible("naïve 日本 😀", false), "naïve 日本 😀");
    }

    #[test]
    fn a_line_is_one_line_and_says_that_it_was_cut() {
        assert_eq!(line("  one\ntwo", 80), "one …");
        assert_eq!(line("abcdef", 3), "abc…");
        assert_eq!(line("abc", 3), "abc");
    }
}
