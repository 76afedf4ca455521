//! `read`: a file's lines as the session sees them, numbered.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use interline_log::{Access, Extent, RetryClass};
use interline_policy::Facts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::count::counted;
use crate::paths::{self, Use};
use crate::shown::{self, Known};
use crate::tool::{Answer, Context, Stop, Tool};

/// Lines of one answer.
const LINES: usize = 2_000;
/// Bytes of one answer, about.
const BYTES: usize = 100_000;
/// Characters of one line.
const COLUMNS: usize = 2_000;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start_line: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end_line: Option<NonZeroU32>,
}

impl Tool for Read {
    const NAME: &'static str = "read";
    const DESCRIPTION: &'static str = "Read a text file as the user sees it, unsaved typing and your own pending hunks included. \
        Paths are relative to the workspace, lines count from 1. Each line comes as its number, a tab, its text; the number \
        and the tab are not part of the file. Read a file before you change it; give a range for long ones.";
    const ACCESS: Access = Access::Read;
    const RETRY: RetryClass = RetryClass::Pure;

    fn title(&self) -> String {
        match (self.start_line, self.end_line) {
            (None, None) => format!("reading {}", self.path),
            (start, end) => {
                let start = start.map_or(1, NonZeroU32::get);
                let end = end.map_or_else(String::new, |end| end.to_string());
                format!("reading {}:{start}-{end}", self.path)
            }
        }
    }

    fn facts(&self, environment: &Environment) -> Result<Facts, String> {
        paths::facts(environment, &[(&self.path, Use::Read)])
    }

    async fn run(self, context: Context) -> Result<Answer, Stop> {
        let environment = context.environment.clone();
        context.look(move || self.read(&environment)).await
    }
}

impl Read {
    fn read(&self, environment: &Environment) -> Result<Answer, Stop> {
        let path = paths::parse(&environment.workspace, &self.path)?;
        let text = environment
            .workspace
            .proposed_text(environment.session, &path)?;
        if text.is_empty() {
            let event = shown::event(environment, &path, &text, Extent::Whole);
            let answer = Answer::new("(the file is empty)", format!("read {path} (empty)"));
            return Ok(answer.with_events(vec![event]));
        }
        let (content, lines) = number(&text, self.start_line, self.end_line)?;
        let all = lines == text.split_inclusive('\n').count() && !has_cut_line(&text);
        let known = Known::Current(Extent::Whole);
        let events = if all {
            vec![shown::event(environment, &path, &text, Extent::Whole)]
        } else if environment.memory.shown.knows(&path, &text) == known {
            Vec::new()
        } else {
            vec![shown::event(environment, &path, &text, Extent::Part)]
        };
        let lines = counted(lines, "line", "lines");
        Ok(Answer::new(content, format!("read {path} ({lines})")).with_events(events))
    }
}

/// The numbered lines of the range, and how many they are.
fn number(
    text: &str,
    start: Option<NonZeroU32>,
    end: Option<NonZeroU32>,
) -> Result<(String, usize), Stop> {
    let index = |line: NonZeroU32| line.get() as usize;
    let total = text.split_inclusive('\n').count();
    let start = start.map_or(1, index);
    let end = end.map_or(total, index).min(total);
    if start > total {
        return Err(Stop::Failed(format!(
            "there is no line {start}: the file has {}",
            counted(total, "line", "lines")
        )));
    }
    if end < start {
        return Err(Stop::Failed(format!(
            "end_line {end} is before start_line {start}"
        )));
    }
    let width = end.to_string().len();
    let mut content = String::new();
    let mut shown = 0;
    let lines = text.split_inclusive('\n').enumerate();
    for (at, line) in lines.take(end).skip(start - 1) {
        if shown == LINES || content.len() > BYTES {
            break;
        }
        let (line, cut) = shorten(line.trim_end_matches(['\n', '\r']));
        // Writing to a String can't fail.
        let _ = writeln!(content, "{:>width$}\t{line}{cut}", at + 1);
        shown += 1;
    }
    let next = start + shown;
    if next <= end {
        let _ = writeln!(
            content,
            "(cut here; the file has {}: go on with start_line {next})",
            counted(total, "line", "lines")
        );
    } else if end < total {
        let _ = writeln!(
            content,
            "(the file has {})",
            counted(total, "line", "lines")
        );
    }
    Ok((content, shown))
}

/// Is there a line of which only the start is shown?
fn has_cut_line(text: &str) -> bool {
    let mut long = text.lines().filter(|line| line.len() > COLUMNS);
    long.any(|line| !shorten(line).1.is_empty())
}

/// The start of a line that is too long, and a notice.
fn shorten(line: &str) -> (&str, String) {
    match line.char_indices().nth(COLUMNS) {
        None => (line, String::new()),
        Some((at, _)) => {
            let (head, tail) = line.split_at(at);
            (head, format!(" (… {} more bytes in this line)", tail.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(text: &str, start: u32, end: u32) -> String {
        let content = number(text, NonZeroU32::new(start), NonZeroU32::new(end));
        content.expect("a range that exists").0
    }

    #[test]
    fn numbers_are_aligned_and_line_breaks_of_any_kind_go() {
        assert_eq!(numbered("a\r\nb\n\nc", 0, 0), "1\ta\n2\tb\n3\t\n4\tc\n");
        let ten = "x\n".repeat(10);
        assert!(numbered(&ten, 9, 10).starts_with(" 9\tx\n10\tx\n"));
    }

    #[test]
    fn a_range_says_how_long_the_file_is() {
        assert_eq!(
            numbered("a\nb\nc\n", 2, 2),
            "2\tb\n(the file has 3 lines)\n"
        );
        assert_eq!(numbered("a\nb\n", 2, 99), "2\tb\n");
    }

    #[test]
    fn long_files_and_lines_are_cut_with_a_notice() {
        let long = numbered(&"x\n".repeat(2_500), 0, 0);
        assert_eq!(long.lines().count(), 2_001);
        assert!(long.ends_with("go on with start_line 2001)\n"), "{long}");
        let wide = numbered(&"é".repeat(2_001), 0, 0);
        assert!(wide.ends_with("é (… 2 more bytes in this line)\n"));
        let heavy = numbered(&format!("{}\n", "y".repeat(1_999)).repeat(100), 0, 0);
        assert!(heavy.len() < BYTES + 5_000 && heavy.contains("go on with start_line"));
    }

    #[test]
    fn impossible_ranges_are_errors() {
        let range = |start, end| number("a\nb\n", NonZeroU32::new(start), NonZeroU32::new(end));
        assert_eq!(
            range(3, 0).err(),
            Some(Stop::Failed(
                "there is no line 3: the file has 2 lines".into()
            ))
        );
        assert_eq!(
            range(2, 1).err(),
            Some(Stop::Failed("end_line 1 is before start_line 2".into()))
        );
    }
}
