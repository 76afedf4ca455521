//! Names of hosts, checked and in one spelling, and the patterns that rules have of them. Never an address.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::reason::visible;

/// Bytes of a whole name, and of each part between dots (RFC 1035, section 2.3.4).
const MOST: usize = 253;
const MOST_OF_A_PART: usize = 63;
/// The ports of a pattern that names none.
const USUAL_PORTS: [u16; 2] = [80, 443];

/// A host's name in lower case, without the dot at the end; names beyond ASCII in the form in which they are asked for
/// (`xn--`).
///
/// # Errors
/// What is wrong with it.
pub fn host_name(text: &str) -> Result<String, String> {
    let refused = |why: &str| Err(format!("`{}` is no host name: {why}", shown(text)));
    if text.starts_with('[') || text.contains(':') {
        return refused("addresses are not allowed, give a name");
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
        return refused("addresses are not allowed, give a name");
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
    visible(&text.chars().take(80).collect::<String>())
}

/// One host (`example.com`) or all below one without itself (`.example.com`); at one port (`example.com:8443`), else at
/// 80 and 443.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    name: String,
    below: bool,
    port: Option<u16>,
}

impl HostPattern {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.contains('/') {
            return Err(format!(
                "`{}` is no host: write its name alone, such as `example.com`",
                shown(text)
            ));
        }
        if text.contains('*') {
            return Err(format!(
                "`{}` is no host: write `.example.com` for all names below `example.com`",
                shown(text)
            ));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(number(port)?)),
            _ => (text, None),
        };
        let above = host.strip_prefix('.');
        Ok(Self {
            name: host_name(above.unwrap_or(host))?,
            below: above.is_some(),
            port,
        })
    }

    /// A host of this name (as [`host_name`] gives it) at this port.
    #[must_use]
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let at = match self.port {
            Some(only) => only == port,
            None => USUAL_PORTS.contains(&port),
        };
        at && self.names(host)
    }

    /// The name alone, compared at dot boundaries.
    pub(crate) fn names(&self, host: &str) -> bool {
        if self.below {
            is_below(host, &self.name)
        } else {
            host == self.name
        }
    }

    /// The same, and all names below: for rules that tighten.
    pub(crate) fn names_widely(&self, host: &str) -> bool {
        self.names(host) || is_below(host, &self.name)
    }

    pub(crate) fn has_port(&self) -> bool {
        self.port.is_some()
    }
}

fn is_below(host: &str, name: &str) -> bool {
    let rest = host.strip_suffix(name);
    rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

fn number(port: &str) -> Result<u16, String> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|port| digits && *port != 0);
    number.ok_or_else(|| {
        format!(
            "`{}` is no port: write a number from 1 to 65535",
            shown(port)
        )
    })
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.below { "." } else { "" };
        write!(f, "{dot}{}", self.name)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::{HostPattern, host_name};

    #[test]
    fn one_spelling() {
        for text in ["example.com", "EXAMPLE.com", "Example.Com."] {
            assert_eq!(host_name(text).as_deref(), Ok("example.com"));
        }
        assert_eq!(
            host_name("xn--bcher-kva.de").as_deref(),
            Ok("xn--bcher-kva.de")
        );
        assert_eq!(host_name("localhost").as_deref(), Ok("localhost"));
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
            assert!(host_name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn hosts_end_at_dots_and_ports_are_the_usual_ones() {
        let covers = |pattern: &str, host: &str, port| {
            HostPattern::parse(pattern).unwrap().covers(host, port)
        };
        for (pattern, host, port) in [
            ("Example.com.", "example.com", 443),
            ("example.com", "example.com", 80),
            (".example.com", "a.b.example.com", 443),
            ("example.com:8443", "example.com", 8_443),
            (".example.com:22", "a.example.com", 22),
        ] {
            assert!(covers(pattern, host, port), "{pattern} {host} {port}");
        }
        for (pattern, host, port) in [
            ("example.com", "a.example.com", 443),
            ("example.com", "example.com.evil.org", 443),
            ("example.com", "example.com", 22),
            ("example.com:8443", "example.com", 443),
            (".example.com", "example.com", 443),
            (".example.com", "badexample.com", 443),
            (".example.com", ".example.com", 443),
        ] {
            assert!(!covers(pattern, host, port), "{pattern} {host} {port}");
        }
        for wrong in [
            "127.0.0.1",
            "::1",
            "[::1]:443",
            "*.example.com",
            "*",
            "",
            ".",
            "..example.com",
            "http://example.com",
            "example.com/x",
            "example.com:",
            "example.com:0",
            "example.com:+1",
            "example.com:65536",
            "user@example.com",
        ] {
            assert!(HostPattern::parse(wrong).is_err(), "{wrong}");
        }
        let round = |text: &str| HostPattern::parse(text).unwrap().to_string();
        assert_eq!(round(".Example.com:8443"), ".example.com:8443");
    }
}
