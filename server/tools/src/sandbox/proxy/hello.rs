//! The name in the first message of TLS (RFC 8446, section 4.1.2; RFC 6066, section 3), where a tunnel begins with one: it
//! has to be the host that the tunnel was asked for.

use interline_policy::host_name;

/// Bytes of a first message at most; real ones have some two thousand.
const MOST: usize = 16 << 10;
/// The record that holds it, and the message itself.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// The extension with the name, and the only kind of name.
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;

/// What the first bytes of a tunnel say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// More bytes are needed.
    Partial,
    /// No TLS, or no name in it.
    Nameless,
    /// The name that the client wants.
    Named(String),
    /// It begins as TLS does and goes on otherwise.
    Broken,
}

impl Hello {
    pub(super) fn read(bytes: &[u8]) -> Self {
        if bytes.first().is_none_or(|first| *first != HANDSHAKE) {
            return if bytes.is_empty() {
                Self::Partial
            } else {
                Self::Nameless
            };
        }
        let mut message = Vec::new();
        let mut rest = Reader(bytes);
        loop {
            match message_in(&message) {
                Some(hello) => return name_in(hello),
                None if message.len() > MOST || bytes.len() > 2 * MOST => return Self::Broken,
                None => {}
            }
            // A message may be spread over several records.
            let (Some(kind), Some(_version), Some(length)) =
                (rest.byte(), rest.short(), rest.short())
            else {
                return Self::Partial;
            };
            if kind != HANDSHAKE || length == 0 {
                return Self::Broken;
            }
            let Some(part) = rest.take(length.into()) else {
                return Self::Partial;
            };
            message.extend(part);
        }
    }

    /// May a tunnel to this host begin so? The error says why not.
    pub(super) fn check(&self, host: &str) -> Result<(), String> {
        match self {
            Self::Partial | Self::Nameless => Ok(()),
            Self::Named(name) if name == host => Ok(()),
            Self::Named(name) => Err(format!(
                "the tunnel is to {host}, but its TLS is for {name}"
            )),
            Self::Broken => Err("the tunnel begins like TLS, but is none".to_owned()),
        }
    }
}

/// The whole of the first message, if that much is there: what follows its kind and length.
fn message_in(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = Reader(bytes);
    let kind = rest.byte()?;
    let length = usize::from(rest.byte()?) << 16 | usize::from(rest.short()?);
    Some((kind, rest.take(length)?))
}

fn name_in((kind, body): (u8, &[u8])) -> Hello {
    if kind != CLIENT_HELLO {
        return Hello::Broken;
    }
    match server_name(body) {
        Some(None) => Hello::Nameless,
        Some(Some(name)) => match std::str::from_utf8(name)
            .ok()
            .and_then(|name| host_name(name).ok())
        {
            Some(name) => Hello::Named(name),
            None => Hello::Broken,
        },
        None => Hello::Broken,
    }
}

/// `None` where it is cut short; no name where there is none.
fn server_name(body: &[u8]) -> Option<Option<&[u8]>> {
    let mut rest = Reader(body);
    rest.take(2 + 32)?;
    let session = rest.byte()?;
    rest.take(session.into())?;
    let suites = rest.short()?;
    rest.take(suites.into())?;
    let methods = rest.byte()?;
    rest.take(methods.into())?;
    if rest.0.is_empty() {
        return Some(None);
    }
    let length = rest.short()?;
    let mut extensions = Reader(rest.take(length.into())?);
    let mut found = None;
    while !extensions.0.is_empty() {
        let kind = extensions.short()?;
        let length = extensions.short()?;
        let content = extensions.take(length.into())?;
        if kind == SERVER_NAME {
            // Two of them are two readings.
            if found.is_some() {
                return None;
            }
            found = Some(one_name(content)?);
        }
    }
    Some(found)
}

/// A list of exactly one host's name.
fn one_name(content: &[u8]) -> Option<&[u8]> {
    let mut rest = Reader(content);
    let length = rest.short()?;
    let mut list = Reader(rest.take(length.into())?);
    let kind = list.byte()?;
    let length = list.short()?;
    let name = list.take(length.into())?;
    (kind == HOST_NAME && list.0.is_empty() && rest.0.is_empty()).then_some(name)
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn short(&mut self) -> Option<u16> {
        let bytes: [u8; 2] = self.take(2)?.try_into().ok()?;
        Some(u16::from_be_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::Hello;

    fn sized(length_bytes: usize, content: &[u8]) -> Vec<u8> {
        let length = content.len().to_be_bytes();
        [&length[length.len() - length_bytes..], content].concat()
    }

    fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
        [&kind.to_be_bytes()[..], &sized(2, content)].concat()
    }

    fn named(name: &str) -> Vec<u8> {
        let entry = [&[0][..], &sized(2, name.as_bytes())].concat();
        extension(0, &sized(2, &entry))
    }

    /// The message in records of at most so many bytes.
    fn hello(extensions: &[Vec<u8>], record: usize) -> Vec<u8> {
        let body = [
            &[3, 3][..],
            &[7; 32],
            &sized(1, &[1; 32]),
            &sized(2, &[0x13, 0x01]),
            &sized(1, &[0]),
            &sized(2, &extensions.concat()),
        ]
        .concat();
        let message = [&[1][..], &sized(3, &body)].concat();
        let records = message.chunks(record);
        records
            .flat_map(|part| [&[22, 3, 1][..], &sized(2, part)].concat())
            .collect()
    }

    #[test]
    fn the_name_is_found_however_it_comes() {
        let extensions = [
            extension(10, &[1, 2, 3]),
            named("Example.com"),
            extension(43, &[]),
        ];
        for record in [1, 7, 16_384] {
            let bytes = hello(&extensions, record);
            let read = Hello::read(&bytes);
            assert_eq!(read, Hello::Named("example.com".into()), "{record}");
            assert_eq!(read.check("example.com"), Ok(()));
            assert!(
                read.check("evil.org")
                    .unwrap_err()
                    .contains("TLS is for example.com")
            );
            for end in 0..bytes.len() {
                assert_eq!(Hello::read(&bytes[..end]), Hello::Partial, "{record} {end}");
            }
        }
    }

    #[test]
    fn what_is_no_tls_passes_and_what_only_looks_like_it_does_not() {
        assert_eq!(Hello::read(b"SSH-2.0-x"), Hello::Nameless);
        assert_eq!(Hello::read(b"GET / HTTP/1.1"), Hello::Nameless);
        assert_eq!(
            Hello::read(&hello(&[extension(10, &[])], 99)),
            Hello::Nameless
        );
        let twice = hello(&[named("a.org"), named("b.org")], 99);
        let address = hello(&[named("127.0.0.1")], 99);
        let mut cut = hello(&[named("a.org")], 999);
        let length = cut.len();
        cut[length - 6] = 0xff;
        let empty = [22, 3, 1, 0, 0];
        let other = [22, 3, 1, 0, 4, 2, 0, 0, 0];
        for broken in [&twice[..], &address, &cut, &empty, &other] {
            assert_eq!(Hello::read(broken), Hello::Broken, "{broken:?}");
        }
    }
}
