//! The frames of the base protocol (LSP 3.17, "Base Protocol"): `Content-Length` headers around bodies.
//!
//! Names of headers are compared without case, unknown ones are skipped, and a bad block of headers costs that block only.

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

/// Larger messages are skipped: no editor sends one on purpose.
const MAX_BODY: usize = 128 << 20;

/// No length: skipping so much would be deafness.
const ABSURD: usize = 4 << 30;

/// A line of headers longer than this is none.
const MAX_HEADER: u64 = 64 << 10;

/// Why there is no message.
pub(crate) enum Broken {
    /// The stream is of no use any more.
    Stream(std::io::Error),
    /// This message is; the next may be good.
    Message(&'static str),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Stream(error)
    }
}

pub(crate) struct Reader<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input,
            line: Vec::new(),
        }
    }

    /// The next body; `None` at the end of input.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let mut length = None;
        let mut broken = false;
        loop {
            self.line.clear();
            let mut limited = (&mut self.input).take(MAX_HEADER);
            if limited.read_until(b'\n', &mut self.line).await? == 0 {
                return Ok(None);
            }
            let line = self.line.trim_ascii();
            match (line.is_empty(), length) {
                (true, Some(length)) => return self.body(length).await.map(Some),
                (true, None) if broken => {
                    return Err(Broken::Message("the headers have no usable Content-Length"));
                }
                // What is left of a broken message.
                (true, None) => {}
                (false, None) => {
                    length = content_length(resync(line));
                    broken = length.is_none();
                }
                (false, Some(_)) => length = content_length(line).or(length),
            }
        }
    }

    async fn body(&mut self, length: usize) -> Result<Vec<u8>, Broken> {
        if length > MAX_BODY {
            let mut left = (&mut self.input).take(length as u64);
            tokio::io::copy(&mut left, &mut tokio::io::sink()).await?;
            return Err(Broken::Message("the message is larger than 128 MiB"));
        }
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).await?;
        if std::str::from_utf8(&body).is_err() {
            return Err(Broken::Message("the message is not UTF-8"));
        }
        Ok(body)
    }
}

/// Bodies end without a line break: after a broken block of headers, the next header is glued to what was skipped.
fn resync(line: &[u8]) -> &[u8] {
    const NAME: &[u8] = b"content-length:";
    line.windows(NAME.len())
        .rposition(|name| name.eq_ignore_ascii_case(NAME))
        .and_then(|start| line.get(start..))
        .unwrap_or(line)
}

fn content_length(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    let (name, value) = line.split_once(':')?;
    name.trim()
        .eq_ignore_ascii_case("content-length")
        .then(|| value.trim().parse().ok())?
        .filter(|length| *length <= ABSURD)
}

/// Writes one body, and flushes when it is the `last` for now.
pub(super) async fn write<W: AsyncWrite + Unpin>(
    output: &mut W,
    body: &[u8],
    last: bool,
) -> std::io::Result<()> {
    output
        .write_all(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes())
        .await?;
    output.write_all(body).await?;
    if last { output.flush().await } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(input: &[u8]) -> Vec<Option<String>> {
        let mut reader = Reader::new(input);
        let mut bodies = Vec::new();
        loop {
            match reader.next().await {
                Ok(None) | Err(Broken::Stream(_)) => return bodies,
                Ok(Some(body)) => bodies.push(Some(String::from_utf8(body).unwrap())),
                Err(Broken::Message(_)) => bodies.push(None),
            }
        }
    }

    #[tokio::test]
    async fn headers_of_every_kind_and_what_is_broken_between_them() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(b"content-length: 2\r\nX: y\r\nContent-Type: z\r\n\r\n{}").await,
            [some("{}")]
        );
        assert_eq!(read(b"Content-Length: 2\n\n{}").await, [some("{}")]);
        assert_eq!(
            read(b"nonsense\r\n\r\nContent-Length: 1\r\n\r\n\xffContent-Length: 2\r\n\r\n{}").await,
            [None, None, some("{}")]
        );
        // A length that nobody can mean must not swallow all that follows.
        assert_eq!(
            read(b"Content-Length: 99999999999999\r\n\r\n{}Content-Length: 2\r\n\r\n{}").await,
            [None, some("{}")]
        );
        assert_eq!(read(b"Content-Length: 9\r\n\r\n{}").await, []);
    }
}
