//! Search-and-replace edits: where `old` stands in a text, and what to say when it doesn't.
//!
//! Matching goes exact, line endings normalised, trailing white space, uniform indent; each must be unique
//! (exactly `count` times). No edit distance, no first match, no other file.

mod nearest;

use std::ops::Range;

use crate::lines;
use crate::proposal::Replacement;

/// How `old` was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Exact,
    LineEndings,
    TrailingSpace,
    Indent,
}

impl Rule {
    /// For the model; `None` where there is nothing to say.
    pub(crate) fn notice(self) -> Option<&'static str> {
        match self {
            Self::Exact => None,
            Self::LineEndings => Some("matched with line endings normalised"),
            Self::TrailingSpace => Some("matched ignoring trailing white space"),
            Self::Indent => Some("matched with another indent, which was applied to the new lines"),
        }
    }
}

/// A place where `old` stands, with what replaces it there.
struct Match {
    range: Range<usize>,
    new: String,
}

/// Applies edits one after another to `text` as it stands (CRLF allowed). Returns the text in LF, with the rule by
/// which each edit matched; or why one did not, and then nothing is changed.
pub(crate) fn replace(text: &str, edits: &[Replacement]) -> Result<(String, Vec<Rule>), String> {
    if edits.is_empty() {
        return Err("no edits were given: give at least one".to_owned());
    }
    let crlf = text.contains("\r\n");
    let mut text = lines::to_lf(text);
    let mut rules = Vec::with_capacity(edits.len());
    for (i, edit) in edits.iter().enumerate() {
        let (next, rule) = replace_one(&text, edit).map_err(|reason| match edits.len() {
            1 => reason,
            n => format!(
                "edit {} of {n}: {reason}; none of the edits was made",
                i + 1
            ),
        })?;
        text = next;
        let respelt = crlf && edit.old.contains('\n') || edit.old.contains("\r\n");
        rules.push(if rule == Rule::Exact && respelt {
            Rule::LineEndings
        } else {
            rule
        });
    }
    Ok((text, rules))
}

fn replace_one(text: &str, edit: &Replacement) -> Result<(String, Rule), String> {
    let (old, new) = (lines::to_lf(&edit.old), lines::to_lf(&edit.new));
    if old.is_empty() {
        return Err("`old` is empty: give the text to be replaced, or use write".to_owned());
    }
    if old == new {
        return Err("`old` and `new` are the same: there is nothing to change".to_owned());
    }
    type Finder = fn(&str, &str, &str) -> Vec<Match>;
    let ladder: [(Rule, Finder); 3] = [
        (Rule::Exact, exact),
        (Rule::TrailingSpace, trailing_space),
        (Rule::Indent, indent),
    ];
    for (rule, find) in ladder {
        let matches = find(text, &old, &new);
        if !matches.is_empty() {
            return splice(text, &matches, edit.count).map(|text| (text, rule));
        }
    }
    Err(nearest::miss(text, &old, &new))
}

/// Replaces all matches, where there are exactly `count` and none overlaps another.
fn splice(text: &str, matches: &[Match], count: u32) -> Result<String, String> {
    let overlap = matches.windows(2).any(|pair| match pair {
        [a, b] => a.range.end > b.range.start,
        _ => false,
    });
    if overlap || matches.len() as u64 != u64::from(count) {
        let starts = matches.iter().map(|found| found.range.start);
        return Err(format!(
            "`old` stands at {} (lines {}), but count is {count}: {}",
            places(matches.len()),
            line_numbers(text, starts),
            if matches.len() > count as usize {
                "add lines around it until it is unique, or set count"
            } else {
                "correct count, or read the file again"
            }
        ));
    }
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for found in matches {
        result.push_str(text.get(at..found.range.start).unwrap_or_default());
        result.push_str(&found.new);
        at = found.range.end;
    }
    result.push_str(text.get(at..).unwrap_or_default());
    Ok(result)
}

fn places(n: usize) -> String {
    if n == 1 {
        "1 place".to_owned()
    } else {
        format!("{n} places")
    }
}

/// 1-based numbers of the lines of some byte offsets, the first ten.
fn line_numbers(text: &str, starts: impl Iterator<Item = usize>) -> String {
    let mut starts = starts.peekable();
    let mut numbers: Vec<String> = starts
        .by_ref()
        .take(10)
        .map(|at| {
            (text
                .as_bytes()
                .iter()
                .take(at)
                .filter(|b| **b == b'\n')
                .count()
                + 1)
            .to_string()
        })
        .collect();
    if starts.peek().is_some() {
        numbers.push("…".to_owned());
    }
    numbers.join(", ")
}

/// Every place where `old` stands char by char, overlapping ones too.
fn exact(text: &str, old: &str, new: &str) -> Vec<Match> {
    let mut matches = Vec::new();
    let mut from = 0;
    let step = old.chars().next().map_or(1, char::len_utf8);
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(old)) {
        let start = from + found;
        matches.push(Match {
            range: start..start + old.len(),
            new: new.to_owned(),
        });
        from = start + step;
    }
    matches
}

fn trailing_space(text: &str, old: &str, new: &str) -> Vec<Match> {
    by_lines(text, old, |seen, wanted| {
        let same = seen
            .iter()
            .zip(wanted)
            .all(|(a, b)| a.trim_end() == b.trim_end());
        same.then(|| new.to_owned())
    })
}

fn indent(text: &str, old: &str, new: &str) -> Vec<Match> {
    by_lines(text, old, |seen, wanted| {
        Shift::between(seen, wanted).and_then(|shift| shift.apply(new))
    })
}

/// How much deeper the text is indented than `old`, the same for each line that isn't blank.
enum Shift<'a> {
    Deeper(&'a str),
    Shallower(&'a str),
}

impl<'a> Shift<'a> {
    fn between(seen: &[&'a str], wanted: &[&'a str]) -> Option<Self> {
        let mut pairs = seen
            .iter()
            .zip(wanted)
            .map(|(a, b)| (a.trim_end(), b.trim_end()));
        let (a, b) = pairs
            .clone()
            .find(|(a, b)| !a.is_empty() && !b.is_empty())?;
        let white = |text: &&str| text.chars().all(|c| c == ' ' || c == '\t');
        let deeper = a.strip_suffix(b).filter(white);
        let shallower = b.strip_suffix(a).filter(white);
        let fits = |outer: &str, inner: &str, by: &str| {
            (outer.is_empty() && inner.is_empty()) || outer.strip_prefix(by) == Some(inner)
        };
        match (deeper, shallower) {
            (Some(by), _) if pairs.all(|(a, b)| fits(a, b, by)) => Some(Self::Deeper(by)),
            (_, Some(by)) if pairs.all(|(a, b)| fits(b, a, by)) => Some(Self::Shallower(by)),
            _ => None,
        }
    }

    /// The new lines with the text's indent; `None` where one has less than is to be taken off.
    fn apply(&self, new: &str) -> Option<String> {
        new.split_inclusive('\n')
            .map(|line| match self {
                _ if line.trim().is_empty() => Some(line.to_owned()),
                Self::Deeper(by) => Some(format!("{by}{line}")),
                Self::Shallower(by) => line.strip_prefix(by).map(str::to_owned),
            })
            .collect()
    }
}

/// Every run of whole lines for which `matches` (the text's lines, the lines of `old`) gives a replacement.
fn by_lines<'a>(
    text: &'a str,
    old: &'a str,
    matches: impl Fn(&[&'a str], &[&'a str]) -> Option<String>,
) -> Vec<Match> {
    let wanted: Vec<&str> = old.strip_suffix('\n').unwrap_or(old).split('\n').collect();
    // Blank lines match far too much without their exact white space.
    let Some(key) = wanted.iter().position(|line| !line.trim().is_empty()) else {
        return Vec::new();
    };
    let seen = lines::split(text);
    let starts: Vec<usize> = seen
        .iter()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some(start)
        })
        .collect();
    let bodies: Vec<&str> = seen
        .iter()
        .map(|line| line.strip_suffix('\n').unwrap_or(line))
        .collect();
    let key_body = wanted.get(key).map_or("", |line| line.trim());
    let mut found = Vec::new();
    for (i, (window, &start)) in bodies.windows(wanted.len()).zip(&starts).enumerate() {
        if window.get(key).is_none_or(|line| line.trim() != key_body) {
            continue;
        }
        let Some(mut new) = matches(window, &wanted) else {
            continue;
        };
        let last = i + wanted.len() - 1;
        let mut end =
            starts.get(last).copied().unwrap_or(0) + bodies.get(last).map_or(0, |b| b.len());
        if old.ends_with('\n') {
            if end < text.len() {
                end += 1;
            } else if new.ends_with('\n') {
                // The text's last line has no break: it keeps having none.
                new.pop();
            }
        }
        found.push(Match {
            range: start..end,
            new,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(old: &str, new: &str) -> Replacement {
        Replacement {
            old: old.to_owned(),
            new: new.to_owned(),
            count: 1,
        }
    }

    fn one(text: &str, old: &str, new: &str) -> Result<(String, Rule), String> {
        replace(text, &[edit(old, new)]).map(|(text, rules)| (text, rules[0]))
    }

    #[test]
    fn the_ladder_goes_down_one_rung_at_a_time() {
        let cases = [
            ("a\nb\n", "b", "c", "a\nc\n", Rule::Exact),
            ("a\r\nb\r\n", "a\nb\n", "c\n", "c\n", Rule::LineEndings),
            (
                "a  \nb\t\nc\n",
                "a\nb\n",
                "x\n",
                "x\nc\n",
                Rule::TrailingSpace,
            ),
            (
                "  if x {\n    y\n  }\n",
                "if x {\n  y\n}\n",
                "if z {\n\n  w\n}\n",
                "  if z {\n\n    w\n  }\n",
                Rule::Indent,
            ),
            (
                "if x {\n  y\n}",
                "  if x {\n    y\n  }",
                "  z",
                "z",
                Rule::Indent,
            ),
            ("a\nb \n", "a\nb\n", "", "", Rule::TrailingSpace),
            (
                "a \nlast",
                "last\n",
                "end\n",
                "a \nend",
                Rule::TrailingSpace,
            ),
        ];
        for (text, old, new, want, rule) in cases {
            assert_eq!(
                one(text, old, new),
                Ok((want.to_owned(), rule)),
                "{old:?} in {text:?}"
            );
        }
    }

    #[test]
    fn an_ambiguous_match_says_where() {
        let error = one("x\ny\nx\n", "x", "z").unwrap_err();
        assert!(error.contains("2 places (lines 1, 3)"), "{error}");
        let error = one("aaa\n", "aa", "b").unwrap_err();
        assert!(error.contains("2 places"), "{error}");
        // Both rungs below exact are as strict.
        assert!(
            one("x \ny\nx \ny\n", "x\ny\n", "z\n")
                .unwrap_err()
                .contains("2 places")
        );
    }

    #[test]
    fn count_means_exactly() {
        let edit = |count| Replacement {
            old: "x".into(),
            new: "z".into(),
            count,
        };
        assert_eq!(replace("x x\n", &[edit(2)]).unwrap().0, "z z\n");
        assert!(
            replace("x x\n", &[edit(3)])
                .unwrap_err()
                .contains("count is 3")
        );
        assert!(replace("x x\n", &[edit(0)]).is_err());
    }

    #[test]
    fn a_list_applies_in_order_or_not_at_all() {
        let edits = [edit("a", "b"), edit("b", "c")];
        assert_eq!(replace("a\n", &edits).unwrap().0, "c\n");
        let error = replace("a\n", &[edit("a", "b"), edit("q", "r")]).unwrap_err();
        assert!(
            error.starts_with("edit 2 of 2") && error.contains("none of the edits"),
            "{error}"
        );
    }

    #[test]
    fn no_unicode_normalisation_and_no_guess() {
        assert!(one("caf\u{e9}\n", "cafe\u{301}", "x").is_err());
        assert!(one("let x = 1;\n", "let x = 2;", "let x = 3;").is_err());
        assert!(one("a\n", "", "b").is_err() && one("a\n", "a", "a").is_err());
        // Not a uniform indent.
        assert!(one("  a\n    b\n", "a\nb\n", "c\n").is_err());
    }
}
