//! The head of a request to a proxy (RFC 9112, section 3.2): where it goes, and what is sent on.
//!
//! Strict, since two readings of one request are how filters are passed: what is doubtful is refused.

use interline_policy::host_name;

/// Bytes of a head at most.
pub(super) const MOST: usize = 16 << 10;
const MOST_HEADERS: usize = 100;

/// Of one hop only (RFC 9110, section 7.6.1), or written anew by us.
const NOT_SENT_ON: &[&str] = &[
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Why a request goes no further, as an HTTP status and in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(status: u16, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, why }
    }
}

/// A request whose head has been read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Normalised.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) way: Way,
    /// Bytes of the head; what was read beyond belongs to the body.
    pub(super) length: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `CONNECT`: bytes, whatever they are.
    Tunnel,
    /// One request of plain HTTP.
    Plain {
        /// What the server is sent in its place.
        head: Vec<u8>,
        /// Bytes.
        body: u64,
    },
}

impl Request {
    /// `None` where more bytes are needed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Refusal> {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(bad(format!("the request is not understood: {error}"))),
        };
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(bad("the request has no target"));
        };
        let parsed = if method == "CONNECT" {
            tunnel(target)
        } else {
            plain(method, target, request.headers)
        };
        parsed.map(|(host, port, way)| {
            Some(Self {
                host,
                port,
                way,
                length,
            })
        })
    }
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(400, why)
}

fn tunnel(target: &str) -> Result<(String, u16, Way), Refusal> {
    let (host, port) = authority(target)?;
    let port = port.ok_or_else(|| bad("CONNECT needs a host and a port"))?;
    Ok((host, port, Way::Tunnel))
}

fn plain(
    method: &str,
    target: &str,
    headers: &[httparse::Header<'_>],
) -> Result<(String, u16, Way), Refusal> {
    let (scheme, rest) = target
        .split_once("://")
        .ok_or_else(|| bad("this is a proxy: ask for a whole URL, or CONNECT"))?;
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(bad(
            "only http:// is fetched here; use CONNECT for the rest",
        ));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (named, path) = rest.split_at(end);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    let (host, port) = authority(named)?;
    let port = port.unwrap_or(80);
    let body = body_length(headers)?;
    let head = head(method, &path, &host, port, headers);
    Ok((host, port, Way::Plain { head, body }))
}

/// A host, and the port if there is one.
fn authority(text: &str) -> Result<(String, Option<u16>), Refusal> {
    if text.contains('@') {
        return Err(Refusal::new(403, "a user's name in a URL is not allowed"));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.starts_with('[') => (host, Some(number(port)?)),
        _ => (text, None),
    };
    let host = host_name(host).map_err(|why| Refusal::new(403, why))?;
    Ok((host, port))
}

fn number(port: &str) -> Result<u16, Refusal> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|port| digits && *port != 0);
    number.ok_or_else(|| bad("the port is no number from 1 to 65535"))
}

/// Only what has a plain length: else a second request, to anywhere, could hide in the first one's body.
fn body_length(headers: &[httparse::Header<'_>]) -> Result<u64, Refusal> {
    let all = |wanted: &'static str| {
        headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(wanted))
    };
    if all("transfer-encoding").next().is_some() {
        return Err(Refusal::new(411, "send the body with a content-length"));
    }
    let mut lengths = all("content-length").map(|header| header.value);
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(0),
        (Some(length), None) if length.iter().all(u8::is_ascii_digit) => {
            let length = std::str::from_utf8(length).ok();
            length
                .and_then(|length| length.parse().ok())
                .ok_or_else(|| bad("the content-length is no number"))
        }
        _ => Err(bad("the content-length is no number")),
    }
}

/// For the server: its own form of the target, our own `Host`, and no second request on this connection.
fn head(
    method: &str,
    path: &str,
    host: &str,
    port: u16,
    headers: &[httparse::Header<'_>],
) -> Vec<u8> {
    let named = named_in_connection(headers);
    let own = match port {
        80 => host.to_owned(),
        _ => format!("{host}:{port}"),
    };
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nhost: {own}\r\nconnection: close\r\n").into_bytes();
    for header in headers {
        let name = header.name.to_ascii_lowercase();
        if !NOT_SENT_ON.contains(&name.as_str()) && !named.contains(&name) {
            head.extend(name.as_bytes());
            head.extend(b": ");
            head.extend(header.value);
            head.extend(b"\r\n");
        }
    }
    head.extend(b"\r\n");
    head
}

/// The headers that are for us alone, by the word of `Connection`. The body's length is not one of them.
fn named_in_connection(headers: &[httparse::Header<'_>]) -> Vec<String> {
    let lists = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("connection"));
    let names = lists.flat_map(|header| header.value.split(|byte| *byte == b','));
    let names = names.map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase());
    names.filter(|name| name != "content-length").collect()
}

#[cfg(test)]
mod tests {
    use super::{Request, Way};

    fn parse(text: &str) -> Result<Request, u16> {
        let parsed = Request::parse(text.as_bytes()).map_err(|refusal| refusal.status)?;
        Ok(parsed.expect("a whole head"))
    }

    #[test]
    fn a_tunnel_names_its_host_and_port() {
        let head = "CONNECT Example.com.:443 HTTP/1.1\r\nHost: x\r\n\r\n";
        let request = parse(&format!("{head}more")).expect("sound");
        assert_eq!(
            (request.host.as_str(), request.port, request.length),
            ("example.com", 443, head.len())
        );
        assert_eq!(request.way, Way::Tunnel);
        assert_eq!(Request::parse(b"CONNECT example.com:443 HT"), Ok(None));
    }

    #[test]
    fn a_plain_request_is_written_anew() {
        let text = "POST HTTP://Example.com:8080?q HTTP/1.1\r\nHost: evil.org\r\nProxy-Authorization: secret\r\n\
                    Connection: keep-alive, X-Hop, Content-Length\r\nX-Hop: 1\r\nUpgrade: h2c\r\nAccept: */*\r\n\
                    Content-Length: 3\r\n\r\nabc";
        let request = parse(text).expect("sound");
        let Way::Plain { head, body } = request.way else {
            panic!("no tunnel");
        };
        assert_eq!(
            (request.host.as_str(), request.port, body),
            ("example.com", 8_080, 3)
        );
        assert_eq!(
            String::from_utf8_lossy(&head),
            "POST /?q HTTP/1.1\r\nhost: example.com:8080\r\nconnection: close\r\naccept: */*\r\ncontent-length: 3\r\n\r\n"
        );
    }

    #[test]
    fn doubtful_requests_are_refused() {
        for (line, status) in [
            ("CONNECT 127.0.0.1:443", 403),
            ("CONNECT [::1]:443", 403),
            ("CONNECT user@example.com:443", 403),
            ("CONNECT example.com%00.evil.org:443", 403),
            ("CONNECT example.com", 400),
            ("CONNECT example.com:", 400),
            ("CONNECT example.com:0", 400),
            ("CONNECT example.com:+443", 400),
            ("CONNECT example.com:65536", 400),
            ("GET /", 400),
            ("GET https://example.com/", 400),
            ("GET ftp://example.com/", 400),
            ("GET http://user:password@example.com/", 403),
            ("GET http://example.com@evil.org/", 403),
            ("GET http://example.com\\@evil.org/", 403),
            ("GET http://[::ffff:127.0.0.1]/", 403),
            ("GET http://2130706433/", 403),
            ("GET http:///", 403),
            ("GET http://example.com\0/", 400),
            ("GET  http://example.com/", 400),
        ] {
            assert_eq!(
                parse(&format!("{line} HTTP/1.1\r\n\r\n")),
                Err(status),
                "{line}"
            );
        }
        for (headers, status) in [
            ("Transfer-Encoding: chunked", 411),
            ("transfer-encoding: identity\r\nContent-Length: 1", 411),
            ("Content-Length: 1\r\nContent-Length: 1", 400),
            ("Content-Length: +1", 400),
            ("Content-Length: 1, 1", 400),
            ("Content-Length: 99999999999999999999", 400),
            ("Content-Length : 1", 400),
            ("A: b\r\n c", 400),
        ] {
            let text = format!("POST http://example.com/ HTTP/1.1\r\n{headers}\r\n\r\n");
            assert_eq!(parse(&text), Err(status), "{headers}");
        }
    }
}
