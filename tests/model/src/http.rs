//! Just enough HTTP/1.1: reads requests with a `Content-Length`, writes heads and chunks.
//! By hand, for faults are made at the level of bytes. Knows nothing of models.

use std::io;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 256 * 1024 * 1024;

/// A request whose body is complete.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

struct Head {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    bytes: usize,
}

/// Reads the next request; `buffer` keeps what came beyond it. `None` at the connection's orderly end.
pub(crate) async fn read(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
) -> io::Result<Option<Request>> {
    let head = loop {
        if let Some(head) = parse(buffer)? {
            break head;
        }
        if buffer.len() > MAX_HEAD {
            return Err(invalid("the request's head is too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return if buffer.is_empty() {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
    };
    buffer.advance(head.bytes);
    let length = content_length(&head.headers)?;
    buffer.reserve(length.saturating_sub(buffer.len()));
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let at = Instant::now();
    let body = buffer.split_to(length).freeze();
    Ok(Some(Request {
        method: head.method,
        path: head.path,
        headers: head.headers,
        body,
        at,
    }))
}

fn parse(buffer: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let bytes = match request
        .parse(buffer)
        .map_err(|error| invalid(&error.to_string()))?
    {
        httparse::Status::Complete(bytes) => bytes,
        httparse::Status::Partial => return Ok(None),
    };
    let headers = request
        .headers
        .iter()
        .map(|header| {
            (
                header.name.to_lowercase(),
                String::from_utf8_lossy(header.value).into_owned(),
            )
        })
        .collect();
    Ok(Some(Head {
        method: request.method.unwrap_or_default().to_owned(),
        path: request.path.unwrap_or_default().to_owned(),
        headers,
        bytes,
    }))
}

fn content_length(headers: &[(String, String)]) -> io::Result<usize> {
    let find = |name| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim())
    };
    if find("transfer-encoding").is_some() {
        return Err(invalid(
            "send the body with a content-length, not in chunks",
        ));
    }
    let length = find("content-length")
        .unwrap_or("0")
        .parse()
        .map_err(|_| invalid("content-length is no number"))?;
    if length > MAX_BODY {
        Err(invalid("the body is too long"))
    } else {
        Ok(length)
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The head of an answer with a body of a known length.
pub(crate) fn head(
    status: u16,
    content_type: &str,
    headers: &[(String, String)],
    length: usize,
) -> String {
    let mut text = opening(status, content_type, headers);
    text.push_str(&format!("content-length: {length}\r\n\r\n"));
    text
}

/// The head of an event stream in chunks.
pub(crate) fn stream_head(headers: &[(String, String)]) -> String {
    let mut text = opening(200, "text/event-stream; charset=utf-8", headers);
    text.push_str("cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
    text
}

fn opening(status: u16, content_type: &str, headers: &[(String, String)]) -> String {
    let mut text = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text
}

/// One chunk of a chunked body; an empty one is the body's end.
pub(crate) fn chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
