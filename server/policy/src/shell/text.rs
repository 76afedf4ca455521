//! The characters of a command, before anybody parses it: what does not show, shows as something else, or is read
//! in different ways by different readers.

/// Longer commands can't be checked, nor passed to a shell as one argument on Linux.
pub(crate) const MAX_BYTES: usize = 128 * 1024;
/// Longer ones are only sketched: nobody types them, and two parsers on them cost more than they tell.
pub(crate) const MAX_PARSED: usize = 16 * 1024;
/// Open brackets and quotes in each other. Deeper texts are not parsed: the parsers recurse.
const MAX_DEPTH: usize = 12;

/// Reason codes for the characters of a text.
pub(crate) fn doubts(text: &str) -> Vec<&'static str> {
    let mut codes = Vec::new();
    let mut push = |code| {
        if !codes.contains(&code) {
            codes.push(code);
        }
    };
    for c in text.chars() {
        match c {
            '\n' | '\t' | ' '..='~' => {}
            c if c.is_control() => push("control-characters"),
            c if is_invisible(c) => push("invisible-characters"),
            c if c.is_whitespace() || is_blank(c) => push("odd-spaces"),
            _ => {}
        }
    }
    if text.contains('\t') {
        push("odd-spaces");
    }
    if text.trim_end_matches('\n').contains('\n') {
        push("many-lines");
    }
    if text.contains("\\\n") {
        push("continuation");
    }
    codes
}

/// Shows nothing, or turns the text around: zero width, bidi, tags, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Looks like a space and is none.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{2800}' | '\u{1680}' | '\u{180e}')
}

/// Is it too deeply nested for parsers that recurse? Counts generously: brackets in quotes count too.
pub(crate) fn is_too_deep(text: &str) -> bool {
    let (mut open, mut deepest, mut marks) = (0_usize, 0, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' | b'[' => open += 1,
            b')' | b'}' | b']' => open = open.saturating_sub(1),
            // These open and close alike: many of them may be nested.
            b'`' => marks += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    let compound = [
        "if ", "while ", "until ", "for ", "case ", "do ", "then ", "$((",
    ];
    let words: usize = compound.iter().map(|word| text.matches(word).count()).sum();
    // Prefixes that may stand before each other without end.
    let prefixes = text
        .split_whitespace()
        .filter(|word| matches!(*word, "!" | "coproc" | "time" | "function"))
        .count();
    deepest > MAX_DEPTH
        || marks > 4 * MAX_DEPTH
        || words > 8 * MAX_DEPTH
        || prefixes > 4 * MAX_DEPTH
}

/// Has it a number that brush-parser, which takes for granted that numbers fit, would panic at? A descriptor before a
/// redirection is 32 bits, the others (`{1..9}`, `~1`) 64.
pub(crate) fn has_too_long_number(text: &str) -> bool {
    let joined = text.replace("\\\n", "");
    let mut digits = 0;
    joined.bytes().any(|byte| {
        let redirects = matches!(byte, b'<' | b'>') && digits > 9;
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        redirects || digits > 18
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_characters_have_their_codes() {
        for (text, code) in [
            ("ls -la 'é 漢字'", ""),
            ("ls\r", "control-characters"),
            ("ls\u{b}#", "control-characters"),
            ("ls\u{c}x", "control-characters"),
            ("ls \u{1b}[0m", "control-characters"),
            ("ls\u{85}x", "control-characters"),
            ("ls \u{202e}x", "invisible-characters"),
            ("ls \u{200b}x", "invisible-characters"),
            ("ls \u{e0041}x", "invisible-characters"),
            ("ls\u{a0}x", "odd-spaces"),
            ("ls\u{3000}x", "odd-spaces"),
            ("ls\tx", "odd-spaces"),
            ("ls\nx", "many-lines"),
            ("ls\n", ""),
        ] {
            let expected: Vec<&str> = Some(code).filter(|c| !c.is_empty()).into_iter().collect();
            assert_eq!(doubts(text), expected, "{text:?}");
        }
        assert_eq!(doubts("l\\\ns"), ["many-lines", "continuation"]);
        assert!(is_too_deep(&"coproc ".repeat(100)) && is_too_deep(&"! ".repeat(100)));
        assert!(is_too_deep(&"(".repeat(100)) && is_too_deep(&"`".repeat(100)));
        assert!(!is_too_deep("a $(b $(c ${d[1]}))"));
    }

    #[test]
    fn numbers_that_fit_are_read_and_longer_ones_are_not() {
        for (text, long) in [
            ("date -d @1700000000 > x", false),
            ("make 2>/dev/null; echo {1..9} ~1", false),
            ("echo 123456789012345678", false),
            ("echo 1234567890>x", true),
            ("cat 12345\\\n67890<x", true),
            ("echo {1..1234567890123456789}", true),
            ("ls ~1234567890123456789", true),
        ] {
            assert_eq!(has_too_long_number(text), long, "{text}");
        }
    }
}
