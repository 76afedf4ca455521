//! Whom a command in the sandbox may speak to: what rules open, and what they close again.
//!
//! Data that a permit carries to the proxy, which holds each connection against it. Must not know how one is made.

use serde::{Deserialize, Serialize};

use crate::host::HostPattern;

/// The hosts that a command in the sandbox reaches. By default: nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    opened: Vec<HostPattern>,
    closed: Vec<Closed>,
}

/// Hosts that stay closed, whatever else opens them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closed {
    pub(crate) host: HostPattern,
    /// Such as `user rule 2 denies it`.
    pub(crate) why: String,
    /// Names that the user is asked about with this very call.
    pub(crate) but: Vec<String>,
}

impl Reach {
    /// These hosts and no others.
    #[must_use]
    pub fn of(opened: Vec<HostPattern>) -> Self {
        Self {
            opened,
            closed: Vec::new(),
        }
    }

    pub(crate) fn new(opened: Vec<HostPattern>, closed: Vec<Closed>) -> Self {
        // What is not opened need not be closed: no proxy for it either.
        let closed = if opened.is_empty() {
            Vec::new()
        } else {
            closed
        };
        Self { opened, closed }
    }

    /// There is no host that it opens: no proxy, no socket.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.opened.is_empty()
    }

    /// What it opens, in the words of the rules.
    #[must_use]
    pub fn opened(&self) -> Vec<String> {
        self.opened.iter().map(ToString::to_string).collect()
    }

    /// What stays closed of that, each with who says so.
    #[must_use]
    pub fn closed(&self) -> Vec<String> {
        let closed = self.closed.iter();
        closed
            .map(|closed| format!("{}: {}", closed.host, closed.why))
            .collect()
    }

    /// May a connection go there? `host` is a name as [`host_name`](crate::host_name) gives it.
    ///
    /// # Errors
    /// Why not, in words for the model and the user.
    pub fn check(&self, host: &str, port: u16) -> Result<(), String> {
        let closes = |closed: &&Closed| {
            closed.host.names_widely(host) && !closed.but.iter().any(|name| name == host)
        };
        if let Some(closed) = self.closed.iter().find(closes) {
            return Err(closed.why.clone());
        }
        if self.opened.iter().any(|opened| opened.covers(host, port)) {
            return Ok(());
        }
        let usual = if matches!(port, 80 | 443) {
            String::new()
        } else {
            format!(":{port}")
        };
        Err(format!(
            "no rule allows {host}:{port} (the user can, in config.toml: a [[rule]] with effect = \"allow\", tool = \"shell\", host = \"{host}{usual}\")"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    const OTHER: &str = "no rule allows other.com:443 (the user can, in config.toml: a [[rule]] with effect = \"allow\", tool = \"shell\", host = \"other.com\")";

    #[test]
    fn what_is_closed_stays_closed() {
        let closed = |host: &str, but: &[&str]| Closed {
            host: pattern(host),
            why: "x denies it".into(),
            but: but.iter().map(|&name| name.to_owned()).collect(),
        };
        let reach = Reach::new(
            vec![pattern("example.com"), pattern(".example.com")],
            vec![
                closed("evil.example.com", &[]),
                closed(".odd.example.com", &["a.odd.example.com"]),
            ],
        );
        for host in [
            "example.com",
            "a.example.com",
            "odd.example.com",
            "a.odd.example.com",
        ] {
            assert_eq!(reach.check(host, 443), Ok(()), "{host}");
        }
        for (host, why) in [
            ("evil.example.com", "x denies it"),
            ("a.evil.example.com", "x denies it"),
            ("b.odd.example.com", "x denies it"),
            ("other.com", OTHER),
        ] {
            assert_eq!(reach.check(host, 443), Err(why.to_owned()), "{host}");
        }
        assert!(reach.check("example.com", 22).is_err());
        let nothing = Reach::new(Vec::new(), vec![closed("example.com", &[])]);
        assert!(nothing.is_nobody() && nothing == Reach::default());
    }
}
