//! The words of a command that is plainly one simple command, or why it is not.
//!
//! Accepts printable ASCII: words of harmless characters, and quotes without anything that a shell would expand in
//! them. No shell reads these words in another way, so they may be run without one.

/// Splits into words. The error is a reason code.
pub(crate) fn simple(command: &str) -> Result<Vec<String>, &'static str> {
    if !command.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        // A line break is a second command; what else does not show is worse.
        let only_breaks = command
            .bytes()
            .all(|b| b == b'\n' || (b' '..=b'~').contains(&b));
        return Err(if only_breaks {
            "not-simple"
        } else {
            "odd-characters"
        });
    }
    let mut words = Vec::new();
    let mut rest = command.trim_matches(' ');
    let assigns = begins_with_assignment(rest);
    while !rest.is_empty() {
        let (word, after) = word(rest)?;
        words.push(word);
        rest = after.trim_start_matches(' ');
    }
    if assigns {
        return Err("assignment");
    }
    match words.first() {
        None => Err("empty"),
        Some(first) if first.is_empty() => Err("empty"),
        Some(_) => Ok(words),
    }
}

/// One word and what follows it.
fn word(text: &str) -> Result<(String, &str), &'static str> {
    let mut word = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = match c {
            ' ' => break,
            '\'' | '"' => {
                let (inner, after) = quoted(rest, c)?;
                word.push_str(inner);
                after
            }
            c if is_harmless(c) => {
                word.push(c);
                rest.strip_prefix(c).unwrap_or_default()
            }
            _ => return Err("not-simple"),
        };
    }
    Ok((word, rest))
}

fn quoted(text: &str, quote: char) -> Result<(&str, &str), &'static str> {
    let inner = text.strip_prefix(quote).unwrap_or_default();
    let (inner, after) = inner.split_once(quote).ok_or("unclosed-quote")?;
    if quote == '"' && inner.contains(['$', '`', '\\', '!']) {
        return Err("not-simple");
    }
    Ok((inner, after))
}

/// Characters that mean nothing to a shell, wherever they stand.
fn is_harmless(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c)
}

/// `NAME=value program`: before quotes are taken off, as the shell looks at it.
fn begins_with_assignment(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or_default();
    first.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim_end_matches('+');
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::simple;

    #[test]
    fn splits_words_and_takes_quotes_off() {
        let words = |text| simple(text).unwrap().join("|");
        assert_eq!(words("  cargo  test -q "), "cargo|test|-q");
        assert_eq!(
            words(r#"grep -n 'a; b$(c)' "x y"z''"#),
            "grep|-n|a; b$(c)|x yz"
        );
        assert_eq!(words("a '' b"), "a||b");
        assert_eq!(words("a --x=y"), "a|--x=y");
    }

    #[test]
    fn says_why_not() {
        for (text, code) in [
            ("", "empty"),
            ("''", "empty"),
            ("a\nb", "not-simple"),
            ("a\rb", "odd-characters"),
            ("a\u{a0}b", "odd-characters"),
            ("a 'b", "unclosed-quote"),
            ("a \"$b\"", "not-simple"),
            ("A=1 b", "assignment"),
            ("A+=1 b", "assignment"),
        ] {
            assert_eq!(simple(text), Err(code), "{text:?}");
        }
        for meta in "$`\\!*?[]{}()<>|&;#~^".chars() {
            assert!(simple(&format!("a {meta}b")).is_err(), "{meta}");
        }
    }
}
