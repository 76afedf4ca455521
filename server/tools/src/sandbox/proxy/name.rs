//! A host's name as a command asks for it, checked and in one spelling. Never an address.

/// Bytes of a whole name, and of each part between dots (RFC 1035, section 2.3.4).
const MOST: usize = 253;
const MOST_OF_A_PART: usize = 63;

/// In lower case, without the dot at the end; names beyond ASCII in the form in which they are asked for (`xn--`).
///
/// # Errors
/// What is wrong with it.
pub(super) fn name(text: &str) -> Result<String, String> {
    let refused = |why: &str| Err(format!("{:?} is no host name: {why}", shown(text)));
    if text.starts_with('[') || text.contains(':') {
        return refused("addresses are not allowed, ask for a name");
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if let Some(odd) = name.chars().find(|c| !is_plain(*c)) {
        return refused(&format!("it has {odd:?} in it"));
    }
    let fits = |part: &str| {
        (1..=MOST_OF_A_PART).contains(&part.len()) && !part.starts_with('-') && !part.ends_with('-')
    };
    if name.len() > MOST || !name.split('.').all(fits) {
        return refused("its parts are empty, too long or begin or end with `-`");
    }
    if name.rsplit('.').next().is_some_and(is_number) {
        return refused("addresses are not allowed, ask for a name");
    }
    Ok(name)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_')
}

/// A name that ends in one is taken for an IPv4 address by many programs: `127.1`, `2130706433`, `0x7f.1`
/// (WHATWG URL, "ends in a number checker").
fn is_number(part: &str) -> bool {
    let hexadecimal = part.strip_prefix("0x");
    part.bytes().all(|byte| byte.is_ascii_digit())
        || hexadecimal.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Not more of it than fits in a line.
fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn one_spelling() {
        for text in ["example.com", "EXAMPLE.com", "Example.Com."] {
            assert_eq!(name(text).as_deref(), Ok("example.com"));
        }
        assert_eq!(name("xn--bcher-kva.de").as_deref(), Ok("xn--bcher-kva.de"));
        assert_eq!(name("localhost").as_deref(), Ok("localhost"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(64);
        let longer = ["a"; 200].join(".");
        let refused = [
            "",
            ".",
            "..",
            "a..b",
            "example.com..",
            ".example.com",
            "-a.com",
            "a-.com",
            "a b",
            "a\tb",
            "a\0b",
            "example.com\0.evil.com",
            "example.com%00.evil.com",
            "%65xample.com",
            "user@example.com",
            "bücher.de",
            "example。com",
            "example.com/x",
            "example.com\\x",
            "example.com#",
            "example.com?",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "a.0x",
            "[::1]",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "169.254.169.254.",
            &long,
            &longer,
        ];
        for text in refused {
            assert!(name(text).is_err(), "{text:?}");
        }
    }
}
