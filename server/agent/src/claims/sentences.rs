//! An answer cut into clauses, without what it only quotes: code blocks, block quotes, quoted words.
//!
//! Inline code is kept apart from the words around it, so that no word of a command or a name counts as prose.

/// A part of a sentence that stands for itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Clause {
    /// Its words; inline code is its number in `codes` between backticks.
    pub(super) words: String,
    pub(super) codes: Vec<String>,
    /// The whole sentence, likewise.
    pub(super) sentence: String,
}

impl Clause {
    /// As it was written, nearly.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        for (index, part) in self.words.split('`').enumerate() {
            match part.parse::<usize>() {
                Ok(number) if index % 2 == 1 => {
                    let code = self.codes.get(number).map_or("", String::as_str);
                    shown.extend(["`", code, "`"]);
                }
                _ => shown.push_str(part),
            }
        }
        shown
    }
}

pub(super) fn clauses(text: &str) -> Vec<Clause> {
    paragraphs(text)
        .iter()
        .flat_map(|text| split(text))
        .collect()
}

/// Lines of prose, joined where one goes on in the next.
fn paragraphs(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut open = false;
    for line in text.lines() {
        let trimmed = line.trim();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (Some(opened), Some(mark)) if opened == mark => fence = None,
            (None, Some(mark)) => fence = Some(mark),
            _ if fence.is_some() => {}
            // Quotes, tables, headings and code by indent tell of something else.
            _ if trimmed.is_empty() || trimmed.starts_with(['>', '|', '#']) => {}
            _ if line.starts_with("    ") || line.starts_with('\t') => {}
            _ => {
                let (item, words) = unmarked(trimmed);
                match found.last_mut() {
                    Some(last) if open && !item => {
                        last.push(' ');
                        last.push_str(words);
                    }
                    _ => found.push(words.to_owned()),
                }
                open = true;
                continue;
            }
        }
        open = false;
    }
    found
}

/// A line without the mark of a list's item; was there one?
fn unmarked(line: &str) -> (bool, &str) {
    let bullet = line.strip_prefix(['-', '*', '+', '•']);
    let numbered = line
        .split_once(['.', ')'])
        .filter(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        .map(|(_, rest)| rest);
    match bullet.or(numbered) {
        Some(rest) if rest.starts_with(' ') => {
            let rest = rest.trim_start();
            let checked = ["[x] ", "[X] "].into_iter();
            let checked = checked.filter_map(|mark| rest.strip_prefix(mark)).next();
            // What is not ticked off is not done.
            let open = rest.starts_with("[ ]");
            (true, if open { "" } else { checked.unwrap_or(rest) })
        }
        _ => (false, line),
    }
}

fn split(paragraph: &str) -> Vec<Clause> {
    let (words, codes) = without_code(paragraph);
    let mut found = Vec::new();
    for sentence in sentences(&without_quotes(&words)) {
        for part in sentence.split("; ").flat_map(|part| part.split(", but ")) {
            let words = part
                .trim()
                .trim_end_matches(['.', '!', ':', ',', ';'])
                .trim();
            if !words.is_empty() {
                found.push(Clause {
                    words: words.to_owned(),
                    codes: codes.clone(),
                    sentence: sentence.clone(),
                });
            }
        }
    }
    found
}

/// Inline code is taken out; emphasis goes.
fn without_code(text: &str) -> (String, Vec<String>) {
    let mut words = String::new();
    let mut codes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`') {
        words.push_str(before);
        let Some((code, after)) = after.split_once('`') else {
            rest = after;
            break;
        };
        words.push_str(&format!("`{}`", codes.len()));
        codes.push(code.to_owned());
        rest = after;
    }
    words.push_str(rest);
    let words = words.replace("**", "").replace("__", "").replace('’', "'");
    (words, codes)
}

/// What stands between double quotes was said by somebody else.
fn without_quotes(text: &str) -> String {
    let text = text.replace(['“', '”', '«', '»'], "\"");
    let mut parts: Vec<&str> = text.split('"').collect();
    if parts.len().is_multiple_of(2) {
        // An odd quote opens nothing.
        return parts.concat();
    }
    for quoted in parts.iter_mut().skip(1).step_by(2) {
        *quoted = "…";
    }
    parts.concat()
}

fn sentences(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        current.push(c);
        let ends = matches!(c, '.' | '!' | '?') && chars.peek().is_none_or(|c| c.is_whitespace());
        if ends {
            found.push(std::mem::take(&mut current));
        }
    }
    found.push(current);
    found.retain(|sentence| !sentence.trim().is_empty());
    found
}
