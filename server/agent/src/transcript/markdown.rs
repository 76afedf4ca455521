//! What a model, a tool or a file says, as Markdown that loads, opens and runs nothing: no images, no links, no HTML,
//! and no block that reaches beyond its own text. Code stays as it is.
//!
//! The transcript is read as text and rendered, so no more is escaped than must be.

/// Text of several lines. Ends with a line break.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut code: Option<Code<'_>> = None;
    let text = clean(text);
    for line in text.lines() {
        match code.take() {
            Some(block) if block.is_closed_by(line) => block.write(&mut out),
            Some(mut block) => {
                block.lines.push(line);
                code = Some(block);
            }
            None => match Code::opened_by(line) {
                Some(block) => code = Some(block),
                None => {
                    inline(&mut out, line);
                    out.push('\n');
                }
            },
        }
    }
    if let Some(block) = code {
        block.write(&mut out);
    }
    out
}

/// Text on one line.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    inline(&mut out, &clean(text).replace('\n', " "));
    out
}

/// A name as code.
pub(super) fn code(name: &str) -> String {
    let name = clean(name).replace(['`', '\n'], "'");
    format!("`{}`", if name.is_empty() { "?" } else { &name })
}

/// A fence that no line of the texts can close.
pub(super) fn fence_for(texts: &[&str]) -> String {
    let longest = texts
        .iter()
        .flat_map(|text| text.split(|c| c != '`'))
        .map(str::len)
        .max()
        .unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// LF is the only line break, and what would steer a terminal or turn the line around shows as what it is not.
pub(super) fn clean(text: &str) -> String {
    let turns = |c| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() || turns(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// A fenced block. It is written at the left margin with a fence of its own, so that no container ends it early.
struct Code<'a> {
    fence: char,
    length: usize,
    indent: usize,
    language: String,
    lines: Vec<&'a str>,
}

impl<'a> Code<'a> {
    fn opened_by(line: &'a str) -> Option<Self> {
        let trimmed = line.trim_start();
        let fence = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = trimmed.trim_start_matches(fence);
        let length = trimmed.len() - info.len();
        if length < 3 || (fence == '`' && info.contains('`')) {
            return None;
        }
        let word = |c: &char| c.is_ascii_alphanumeric() || "+-_#".contains(*c);
        Some(Self {
            fence,
            length,
            indent: line.len() - trimmed.len(),
            language: info.trim().chars().take_while(word).collect(),
            lines: Vec::new(),
        })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.length && line.chars().all(|c| c == self.fence)
    }

    fn write(self, out: &mut String) {
        let fence = fence_for(&self.lines);
        out.extend([fence.as_str(), &self.language, "\n"]);
        for line in self.lines {
            let margin = line.len() - line.trim_start().len();
            out.push_str(line.get(margin.min(self.indent)..).unwrap_or(line));
            out.push('\n');
        }
        out.push_str(&fence);
        out.push('\n');
    }
}

/// One line outside of a block. A link or an image needs a `]` with `(`, `[` or `:` right behind it, HTML a `<` with a
/// name: these are kept apart. Code spans stay as they are where they end on their line.
fn inline(out: &mut String, line: &str) {
    let mut rest = line.chars();
    loop {
        let here = rest.as_str();
        let Some(c) = rest.next() else { return };
        let after = rest.as_str();
        match c {
            '`' => rest = ticks(out, here).chars(),
            '\\' => {
                out.push(c);
                // What it escapes stays escaped.
                if after.starts_with(|c: char| c.is_ascii_punctuation()) {
                    out.extend(rest.next());
                }
            }
            ']' if after.starts_with(['(', '[', ':']) => out.push_str("]\\"),
            '<' if after.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) => {
                out.push_str("\\<");
            }
            c => out.push(c),
        }
    }
}

/// A run of backticks: the whole code span that it opens, else it opens none. Returns what comes after.
fn ticks<'a>(out: &mut String, text: &'a str) -> &'a str {
    let body = text.trim_start_matches('`');
    let ticks = text.len() - body.len();
    if let Some(end) = closing(body, ticks)
        && let Some((span, after)) = text.split_at_checked(ticks + end)
        // A table would end it at the bar.
        && !span.contains('|')
    {
        out.push_str(span);
        return after;
    }
    out.push_str(&"\\`".repeat(ticks));
    body
}

/// Where the first run of just so many backticks ends.
fn closing(body: &str, ticks: usize) -> Option<usize> {
    let mut rest = body;
    loop {
        let (_, run) = rest.split_at_checked(rest.find('`')?)?;
        rest = run.trim_start_matches('`');
        if run.len() - rest.len() == ticks {
            return Some(body.len() - rest.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    /// What a renderer would load, open or run.
    fn active(markdown: &str) -> Vec<String> {
        let mut options = Options::all();
        // No part of what editors render.
        options.remove(Options::ENABLE_MATH | Options::ENABLE_WIKILINKS);
        options.remove(Options::ENABLE_YAML_STYLE_METADATA_BLOCKS);
        options.remove(Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS);
        let parser = Parser::new_ext(markdown, options);
        let active = parser.filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(format!("link {dest_url}")),
            Event::Start(Tag::Image { dest_url, .. }) => Some(format!("image {dest_url}")),
            Event::Html(html) | Event::InlineHtml(html) => Some(format!("html {html}")),
            _ => None,
        });
        active.collect()
    }

    #[test]
    fn only_what_must_be_is_escaped() {
        for same in [
            "a[0] < b and `v[0](x) <T>` is [that]",
            "## Title\n\n- item\n- [x] done",
            "| `a` | b |\n|---|---|",
            "\\[x\\](y)",
        ] {
            assert_eq!(prose(same), format!("{same}\n"));
        }
        assert_eq!(line("![x](http://a/b.png)"), "![x]\\(http://a/b.png)");
        assert_eq!(line("[x]: command:rm"), "[x]\\: command:rm");
        assert_eq!(line("<img src=x>"), "\\<img src=x>");
        assert_eq!(line("a ` b\nc"), "a \\` b c");
        assert_eq!(code("x`\n![y](z)"), "`x''![y](z)`");
    }

    #[test]
    fn a_block_ends_with_its_text_and_stands_alone() {
        assert_eq!(prose("```rust\nlet a;"), "```rust\nlet a;\n```\n");
        let nested = "- a\n\n  ~~~\n  x\n  ```\n\n![x](command:y)";
        let shown = prose(nested);
        assert!(
            shown.contains("````\nx\n```\n\n![x](command:y)\n````\n"),
            "{shown}"
        );
        assert_eq!(active(&shown), [""; 0]);
    }

    #[test]
    fn a_table_does_not_cut_code_open() {
        let table = "| a | b |\n|---|---|\n| `x | ![i](u)` | c |";
        assert_eq!(active(table), ["image u"]);
        assert_eq!(active(&prose(table)), [""; 0]);
    }

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(
            prose("a\x1b[31m\r\nb\u{202e}\rc"),
            "a\u{fffd}[31m\nb\u{fffd}\nc\n"
        );
    }

    /// Pieces that mean something to Markdown, and a few that don't.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "![",
            "[",
            "]",
            "](",
            "](command:x)",
            "][",
            "]:",
            "(",
            ")",
            "<",
            ">",
            "<img src=x>",
            "<!--",
            "</a>",
            "`",
            "``",
            "```",
            "~~~",
            "\\",
            "|",
            "\n",
            "\n\n",
            "\r",
            " ",
            "    ",
            "- ",
            "> ",
            "1. ",
            "# ",
            "---",
            "|---|---|",
            "*",
            "_",
            "x",
            "http://a",
            "command:x",
            "[x]: command:y",
            "[^1]",
            "&lt;",
            "&#91;",
            "\t",
            "=",
            "[[x]]",
            "é",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn no_text_becomes_active(first in hostile(), second in hostile(), third in hostile()) {
            let quoted: String = prose(&second).lines().map(|line| format!("> {line}\n")).collect();
            let page = format!("{}\n## You\n\n{quoted}\n- {} {}\n\n[x] [1]\n", prose(&first), code(&third), line(&third));
            prop_assert_eq!(active(&page), Vec::<String>::new(), "{}", page);
        }

        #[test]
        fn what_comes_after_a_text_is_no_part_of_its_code(text in hostile()) {
            let page = format!("{}\n## You\n", prose(&text));
            let is_heading = |event| matches!(event, Event::Start(Tag::Heading { .. }));
            let last = Parser::new(&page).filter(|event| is_heading(event.clone())).count();
            let without = Parser::new(&prose(&text)).filter(|event| is_heading(event.clone())).count();
            prop_assert_eq!(last, without + 1, "{}", page);
        }
    }
}
