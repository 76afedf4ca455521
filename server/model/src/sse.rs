//! Server-sent events: bytes in, events out, however the bytes were cut.
//!
//! After the WHATWG specification ("Interpreting an event stream"), but for two things: `id` and `retry` are
//! ignored, since a POST is never reconnected, and an event has a size limit. It knows no JSON.

use memchr::memchr2;

/// Most bytes of one event. Responses repeats the whole answer in its last event, so this is generous.
pub(crate) const MAX_EVENT_BYTES: usize = 16 << 20;

/// The event is larger than [`MAX_EVENT_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// One event. Its data need not be UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// The `event` field; empty where there was none.
    pub(crate) name: &'a [u8],
    /// The `data` lines, joined by LF.
    pub(crate) data: &'a [u8],
}

/// The state between two chunks.
#[derive(Debug)]
pub(crate) struct Parser {
    /// The begin of a line whose end has not come yet.
    partial: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last chunk ended in CR: a LF that follows belongs to it.
    after_cr: bool,
    first_line: bool,
    limit: usize,
}

impl Parser {
    pub(crate) fn new() -> Self {
        Self::with_limit(MAX_EVENT_BYTES)
    }

    fn with_limit(limit: usize) -> Self {
        Self {
            partial: Vec::new(),
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            after_cr: false,
            first_line: true,
            limit,
        }
    }

    /// Takes the next bytes and hands over each event that they complete. What stands after the last blank
    /// line when the stream ends is no event.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Event<'_>),
    ) -> Result<(), TooLarge> {
        let mut rest = chunk;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let (line, tail) = rest.split_at(end);
            rest = match tail {
                [b'\r', b'\n', after @ ..] => after,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, after @ ..] => after,
                [] => &[],
            };
            self.complete(line, &mut each)?;
        }
        self.check_size(rest.len())?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    fn complete(&mut self, line: &[u8], each: &mut impl FnMut(Event<'_>)) -> Result<(), TooLarge> {
        self.check_size(line.len())?;
        if self.partial.is_empty() {
            self.line(line, each);
        } else {
            let mut whole = std::mem::take(&mut self.partial);
            whole.extend_from_slice(line);
            self.line(&whole, each);
            whole.clear();
            self.partial = whole;
        }
        Ok(())
    }

    fn check_size(&self, more: usize) -> Result<(), TooLarge> {
        if self.partial.len() + self.data.len() + more > self.limit {
            Err(TooLarge)
        } else {
            Ok(())
        }
    }

    fn line(&mut self, mut line: &[u8], each: &mut impl FnMut(Event<'_>)) {
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(each);
        } else if let Some(value) = field(line, b"data") {
            if self.has_data {
                self.data.push(b'\n');
            }
            self.has_data = true;
            self.data.extend_from_slice(value);
        } else if let Some(value) = field(line, b"event") {
            self.name.clear();
            self.name.extend_from_slice(value);
        }
        // Comments, `id`, `retry` and whatever a proxy wrote in between.
    }

    fn dispatch(&mut self, each: &mut impl FnMut(Event<'_>)) {
        if self.has_data {
            each(Event {
                name: &self.name,
                data: &self.data,
            });
        }
        self.name.clear();
        self.data.clear();
        self.has_data = false;
    }
}

/// The value of the line if it is this field: one space after the colon isn't part of it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        for chunk in chunks {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            parser
                .feed(chunk, |event| {
                    events.push((text(event.name), text(event.data)))
                })
                .unwrap();
        }
        events
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    const SAMPLE: &str = "\u{feff}event: ping\ndata: {}\n\n: comment\n\ngarbage\ndatabase: no\nid: 7\nretry: 1\n\
                          data: zwölf\ndata\ndata:a\ndata:  b\n\nevent: named\n\ndata: 🦀\n\ndata: never ended";

    fn expected() -> Vec<(String, String)> {
        vec![
            event("ping", "{}"),
            event("", "zwölf\n\na\n b"),
            event("", "🦀"),
        ]
    }

    #[test]
    fn each_line_ending_and_each_chunk_size_gives_the_same_events() {
        for ending in ["\n", "\r", "\r\n"] {
            let text = SAMPLE.replace('\n', ending);
            for size in 1..=7 {
                let chunks: Vec<_> = text.as_bytes().chunks(size).collect();
                assert_eq!(events(&chunks), expected(), "{ending:?}, {size} bytes");
            }
            assert_eq!(events(&[text.as_bytes()]), expected(), "{ending:?}, whole");
        }
    }

    #[test]
    fn a_name_without_data_does_not_leak_into_the_next_event() {
        assert_eq!(events(&[b"event: a\n\ndata: 1\n\n"]), [event("", "1")]);
    }

    #[test]
    fn an_event_beyond_the_limit_is_an_error_however_it_comes() {
        let line = |text: &str| Parser::with_limit(16).feed(text.as_bytes(), |_| {});
        assert_eq!(line("data: 0123456789abcdef\n\n"), Err(TooLarge));
        assert_eq!(
            line("data: 01234\ndata: 01234\ndata: 01234\n"),
            Err(TooLarge)
        );
        assert_eq!(line("no line break at all"), Err(TooLarge));
        assert_eq!(line("data: 12345\n\ndata: 12345\n\n"), Ok(()));
    }

    proptest! {
        #[test]
        fn splits_change_nothing(
            lines in prop::collection::vec("(data: ?|event: ?|: )?[a-zé🦀]{0,6}(\n|\r|\r\n)", 0..30),
            cuts in prop::collection::vec(0usize..400, 0..20),
        ) {
            let text = lines.concat();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.push(text.len());
            cuts.sort_unstable();
            let mut start = 0;
            let chunks: Vec<_> = cuts.iter().map(|&end| &text.as_bytes()[std::mem::replace(&mut start, end)..end]).collect();
            prop_assert_eq!(events(&chunks), events(&[text.as_bytes()]));
        }
    }
}
