//! What a command may reach: one host, or all below one.

use serde::{Deserialize, Serialize};

use super::name::name;

/// The ports of a rule that names none.
const USUAL_PORTS: [u16; 2] = [80, 443];

/// A host that a command may reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostRule {
    /// Normalised; with a dot in front all names that end so.
    host: String,
    port: Option<u16>,
    path: Option<String>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    /// As sent; none for a tunnel, where it can't be seen.
    pub(super) path: Option<&'a str>,
}

impl HostRule {
    /// `host` is a name (`example.com`), or a dot and a name (`.example.com`) for all below that name without itself.
    /// Without a `port` 80 and 443 are meant. With a `path` only plain HTTP to it and what is below it is meant.
    ///
    /// # Errors
    /// Where `host` is no name (an address is none), or `path` does not begin with a slash.
    pub fn new(host: &str, port: Option<u16>, path: Option<&str>) -> Result<Self, String> {
        let normal = match host.strip_prefix('.') {
            Some(above) => format!(".{}", name(above)?),
            None => name(host)?,
        };
        if path.is_some_and(|path| !path.starts_with('/') || !is_plain(path)) {
            return Err(
                "the path of a host rule begins with `/` and has no `..`, `//` or escapes"
                    .to_owned(),
            );
        }
        Ok(Self {
            host: normal,
            port,
            path: path.map(str::to_owned),
        })
    }

    pub(super) fn covers(&self, wanted: Wanted<'_>) -> bool {
        let host = match self.host.strip_prefix('.') {
            Some(_) => wanted.host.len() > self.host.len() && wanted.host.ends_with(&self.host),
            None => wanted.host == self.host,
        };
        let port = match self.port {
            Some(port) => wanted.port == port,
            None => USUAL_PORTS.contains(&wanted.port),
        };
        let path = self.path.as_ref().is_none_or(|rule| {
            let asked = wanted.path.filter(|path| is_plain(path));
            asked.is_some_and(|path| is_below(path, rule))
        });
        host && port && path
    }
}

fn is_below(path: &str, rule: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let rest = path.strip_prefix(rule.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Nothing in it that one server reads as another path than the next one does.
fn is_plain(path: &str) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts = || path.split('/').skip(1);
    let inner = parts().count().saturating_sub(1);
    !path.contains(['%', '\\', ';'])
        && !parts().any(|part| part.starts_with('.') && part.trim_matches('.').is_empty())
        && !parts().take(inner).any(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::{HostRule, Wanted};

    fn covers(
        rule: (&str, Option<u16>, Option<&str>),
        host: &str,
        port: u16,
        path: Option<&str>,
    ) -> bool {
        let (name, of, below) = rule;
        let rule = HostRule::new(name, of, below).expect("a sound rule");
        rule.covers(Wanted { host, port, path })
    }

    #[test]
    fn hosts_end_at_dots_and_ports_are_the_usual_ones() {
        let exact = ("Example.com.", None, None);
        let below = (".example.com", None, None);
        assert!(
            covers(exact, "example.com", 443, None) && covers(exact, "example.com", 80, Some("/"))
        );
        assert!(covers(below, "a.b.example.com", 443, None));
        for (rule, host, port) in [
            (exact, "a.example.com", 443),
            (exact, "example.com.evil.org", 443),
            (exact, "example.com", 22),
            (below, "example.com", 443),
            (below, "badexample.com", 443),
            (below, ".example.com", 443),
            (("example.com", Some(8_080), None), "example.com", 443),
        ] {
            assert!(!covers(rule, host, port, None), "{rule:?} {host} {port}");
        }
        assert!(covers(
            ("example.com", Some(8_080), None),
            "example.com",
            8_080,
            None
        ));
        for wrong in [
            "127.0.0.1",
            "*.example.com",
            "*",
            "",
            ".",
            "http://example.com",
            "example.com:80",
        ] {
            assert!(HostRule::new(wrong, None, None).is_err(), "{wrong}");
        }
        assert!(HostRule::new("example.com", None, Some("api")).is_err());
    }

    #[test]
    fn a_path_is_not_left() {
        let rule = ("example.com", None, Some("/api/"));
        let reached = |path: &str| covers(rule, "example.com", 80, Some(path));
        for inside in ["/api", "/api/", "/api/v1/x", "/api?q=/../x", "/api/.hidden"] {
            assert!(reached(inside), "{inside}");
        }
        for outside in [
            "/",
            "/apix",
            "/x/api/",
            "/api/../x",
            "/api/%2e%2e/x",
            "/api/..;/x",
            "/api/..\\x",
            "/api//x",
            "//api/",
            "*",
            "",
            "/api/./../x",
            "/api/..",
        ] {
            assert!(!reached(outside), "{outside}");
        }
        assert!(
            !covers(rule, "example.com", 443, None),
            "a tunnel hides its paths"
        );
    }
}
