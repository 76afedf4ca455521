//! `definition`, `references`, `hover`: what the editor's other language servers know of a symbol, else our index.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::num::NonZeroU32;

use interline_log::{Access, RetryClass};
use interline_policy::Facts;
use interline_workspace::document::Position;
use interline_workspace::editor::{Location, Query, QueryAnswer, QueryItems, SymbolAt};
use interline_workspace::path::WorkspacePath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::line_map::LineMap;
use crate::paths::{self, Use};
use crate::tool::{Answer, Context, Stop, Tool};
use crate::tools::index;
use crate::visible;

/// Places of one answer.
const PLACES: usize = 100;
/// Characters of a line's text beside a place.
const LINE_TEXT: usize = 160;
/// Bytes of hover text.
const HOVER: usize = 8_000;
/// A symbol is also looked for this many lines above and below: models miscount.
const NEAR: u32 = 3;

macro_rules! symbol_tool {
    ($name:ident, $tool:literal, $title:literal, $query:expr, $description:literal) => {
        #[derive(Debug, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(crate) struct $name {
            path: String,
            line: NonZeroU32,
            symbol: String,
        }

        impl Tool for $name {
            const NAME: &'static str = $tool;
            const DESCRIPTION: &'static str = $description;
            const ACCESS: Access = Access::Read;
            const RETRY: RetryClass = RetryClass::Pure;

            fn title(&self) -> String {
                format!(concat!($title, " {}"), self.symbol)
            }

            fn facts(&self, environment: &Environment) -> Result<Facts, String> {
                paths::facts(environment, &[(&self.path, Use::Read)])
            }

            async fn run(self, context: Context) -> Result<Answer, Stop> {
                let named = Named::find(&context, &self.path, self.line, &self.symbol).await?;
                let asked = ($query)(named.at.clone());
                let answer = index::query_or_index(&context, asked, &self.symbol).await?;
                let environment = context.environment.clone();
                let symbol = self.symbol;
                let render = move || {
                    let content = format!("{}{}", named.note, render(&environment, &answer));
                    Ok(Answer::new(
                        content,
                        format!(concat!($title, " {}"), symbol),
                    ))
                };
                context.look(render).await
            }
        }
    };
}

symbol_tool!(
    Definition,
    "definition",
    "definition of",
    Query::Definition,
    "Where a symbol that stands in a line is defined: exact where a language server of the editor's answers, else by name."
);
symbol_tool!(
    References,
    "references",
    "references to",
    Query::References,
    "Where a symbol that stands in a line is used: exact where a language server of the editor's answers, else by name."
);
symbol_tool!(
    Hover,
    "hover",
    "hover on",
    Query::Hover,
    "Type and documentation of a symbol that stands in a line; from the editor's language servers."
);

/// Asks the editor's other language servers.
pub(crate) async fn query(context: &Context, query: Query) -> Result<QueryAnswer, Stop> {
    let editor = &context.environment.editor;
    if !editor.abilities().query {
        return Err(Stop::Failed(
            "no language server can be asked here: use grep and read instead".to_owned(),
        ));
    }
    let answer = context.unless_cancelled(editor.query(query)).await?;
    answer.map_err(|error| Stop::Failed(format!("{error}: use grep and read instead")))
}

/// `answered by rust-analyzer (settled)`
pub(crate) fn answered_by(answer: &QueryAnswer) -> String {
    format!(
        "answered by {} ({})",
        answer.source,
        settled(answer.settled)
    )
}

pub(crate) fn settled(settled: bool) -> &'static str {
    if settled { "settled" } else { "unsettled" }
}

/// A symbol of the user's text that the model has named by a line of the session's.
pub(crate) struct Named {
    pub(crate) at: SymbolAt,
    /// Says so where the symbol was found on another line; else empty.
    pub(crate) note: String,
}

impl Named {
    pub(crate) async fn find(
        context: &Context,
        path: &str,
        line: NonZeroU32,
        symbol: &str,
    ) -> Result<Self, Stop> {
        let environment = context.environment.clone();
        let (path, symbol) = (path.to_owned(), symbol.to_owned());
        let find = move || {
            let path = paths::parse(&environment.workspace, &path)?;
            let text = environment.workspace.text(&path)?;
            let map = LineMap::new(&environment.workspace, environment.session, &path);
            let wanted = line.get() - 1;
            let position = locate(&text, map.user(wanted).unwrap_or(wanted), &symbol)?;
            let shown = map.proposed(position.line).unwrap_or(position.line);
            let note = if shown == wanted {
                String::new()
            } else {
                format!(
                    "note: `{symbol}` stands on line {}, not {line}\n",
                    shown + 1
                )
            };
            let at = SymbolAt { path, position };
            Ok(Self { at, note })
        };
        context.look(find).await
    }
}

/// The place of `symbol` in the line, or in a line near it.
fn locate(text: &str, line: u32, symbol: &str) -> Result<Position, Stop> {
    let lines: Vec<&str> = text.split('\n').collect();
    let near = (1..=NEAR).flat_map(|by| [line.checked_sub(by), line.checked_add(by)]);
    for line in std::iter::once(Some(line)).chain(near).flatten() {
        let at = lines.get(line as usize).and_then(|text| word(text, symbol));
        if let Some(character) = at {
            return Ok(Position { line, character });
        }
    }
    let elsewhere: Vec<_> = (1..)
        .zip(&lines)
        .filter(|(_, text)| word(text, symbol).is_some())
        .map(|(number, _): (u32, _)| number.to_string())
        .take(8)
        .collect();
    Err(Stop::Failed(if elsewhere.is_empty() {
        format!("`{symbol}` does not stand in this file as the user sees it: read it, or use grep")
    } else {
        let elsewhere = elsewhere.join(", ");
        format!(
            "`{symbol}` is not on line {}: it stands on {elsewhere}",
            line.saturating_add(1)
        )
    }))
}

/// Where `symbol` stands as a whole word, in UTF-16 code units; of `a::b` the place of `b`.
fn word(line: &str, symbol: &str) -> Option<u32> {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let own = symbol
        .char_indices()
        .rev()
        .take_while(|(_, c)| part_of_word(*c))
        .last()
        .map_or(0, |(at, _)| at);
    if symbol.is_empty() {
        return None;
    }
    let found = line.match_indices(symbol).find(|(at, symbol)| {
        let before = line.get(..*at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + symbol.len()..)
            .and_then(|text| text.chars().next());
        let starts_word = symbol.starts_with(part_of_word) && before.is_some_and(part_of_word);
        let ends_word = symbol.ends_with(part_of_word) && after.is_some_and(part_of_word);
        !starts_word && !ends_word
    });
    let before = line.get(..found?.0 + own)?;
    u32::try_from(before.encode_utf16().count()).ok()
}

fn render(environment: &Environment, answer: &QueryAnswer) -> String {
    let mut content = match &answer.items {
        QueryItems::Hover(text) if text.trim().is_empty() => "nothing is known of it\n".to_owned(),
        QueryItems::Hover(text) => hover(text),
        QueryItems::Locations(places) if places.is_empty() => "none found\n".to_owned(),
        QueryItems::Locations(places) => Places::new(environment).render(places),
        _ => "the editor gave an answer of another kind\n".to_owned(),
    };
    content.push_str(&answered_by(answer));
    content
}

fn hover(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(HOVER) {
        None => format!("{text}\n"),
        Some((at, _)) => format!("{}\n(cut here)\n", text.split_at(at).0),
    }
}

/// Writes places with their lines' text, in the lines that the session sees.
pub(crate) struct Places<'a> {
    environment: &'a Environment,
    files: HashMap<String, Option<File>>,
}

struct File {
    map: LineMap,
    text: String,
}

impl<'a> Places<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            files: HashMap::new(),
        }
    }

    fn render(mut self, places: &[Location]) -> String {
        let mut content = String::new();
        for place in places.iter().take(PLACES) {
            let start = place.range.start;
            let (line, text) = self.line(&place.path, start.line);
            let column = start.character.saturating_add(1);
            // Writing to a String can't fail.
            let _ = match text.as_str() {
                "" => writeln!(content, "{}:{line}:{column}", place.path),
                text => writeln!(content, "{}:{line}:{column}: {text}", place.path),
            };
        }
        if let Some(more @ 1..) = places.len().checked_sub(PLACES) {
            let _ = writeln!(content, "(and {more} more)");
        }
        content
    }

    /// The 1-based line that the session sees, and its text.
    pub(crate) fn line(&mut self, path: &str, line: u32) -> (u32, String) {
        let environment = self.environment;
        let file = self
            .files
            .entry(path.to_owned())
            .or_insert_with(|| File::load(environment, path));
        let Some(file) = file else {
            return (line.saturating_add(1), String::new());
        };
        let text = file.text.split('\n').nth(line as usize).unwrap_or_default();
        let shown = file.map.proposed(line).unwrap_or(line).saturating_add(1);
        (shown, visible::line(text, LINE_TEXT))
    }
}

impl File {
    fn load(environment: &Environment, path: &str) -> Option<Self> {
        let path = WorkspacePath::new(path).ok()?;
        let workspace = &environment.workspace;
        Some(Self {
            map: LineMap::new(workspace, environment.session, &path),
            text: workspace.text(&path).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_a_whole_word_counted_in_utf16() {
        assert_eq!(word("let 😀 = foobar + foo;", "foo"), Some(18));
        assert_eq!(word("a::Type::new()", "Type::new"), Some(9));
        assert_eq!(word("foobar", "foo"), None);
        assert_eq!(word("foo", ""), None);
    }

    #[test]
    fn a_symbol_near_the_line_is_found_and_one_far_off_is_told() {
        let text = "zero\none\ntwo\n\n\n\n\n\nfar\n";
        let found = locate(text, 0, "two").expect("near");
        assert_eq!((found.line, found.character), (2, 0));
        let told = "`far` is not on line 1: it stands on 9".to_owned();
        assert_eq!(locate(text, 0, "far"), Err(Stop::Failed(told)));
        assert!(locate(text, u32::MAX, "nowhere").is_err());
    }
}
