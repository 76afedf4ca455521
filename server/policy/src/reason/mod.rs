//! Reason codes in plain words, and text made safe to show. Deterministic: the same facts give the same words.

mod table;

use crate::facts::{Call, Effect, Facts, PathFact};
pub(crate) use table::{Holds, holds};

/// Makes what does not show, or shows as something else, visible: control and format characters (bidi overrides,
/// zero width), odd spaces and combining marks become escapes such as `\u{202e}`. For every text of a prompt that
/// a model, a file or a server has a hand in.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' | '\\' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// A word as one would type it in a shell, so that where it begins and ends is seen.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", visible(&word.replace('\'', r"'\''")))
    }
}

/// What a call would do, one effect a line, most telling first.
pub(crate) fn effects(call: &Call, reasons: &[String]) -> Vec<String> {
    let facts = &call.facts;
    let mut lines = Vec::new();
    if facts.doubts.is_empty() {
        for argv in &facts.argv {
            let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
            lines.push(format!("runs `{}`", words.join(" ")));
        }
    }
    lines.extend(facts.paths.iter().map(path_line));
    for host in &facts.hosts {
        lines.push(format!("speaks to {}", visible(host)));
    }
    lines.extend(effect_lines(facts));
    let codes = facts
        .dangers
        .iter()
        .chain(&facts.needs)
        .chain(&facts.doubts);
    for code in codes.chain(reasons) {
        let line = plain(code);
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        lines.push(format!("uses the tool `{}`", visible(&call.tool)));
    }
    lines
}

fn path_line(path: &PathFact) -> String {
    let does = if path.write { "changes" } else { "reads" };
    let place = if path.inside {
        ""
    } else {
        ", outside the workspace"
    };
    format!(
        "{does} {}{place}",
        visible(&path.resolved.to_string_lossy())
    )
}

fn effect_lines(facts: &Facts) -> Vec<String> {
    let line = |effect: &Effect| match effect {
        Effect::Network if facts.hosts.is_empty() => Some("uses the network"),
        Effect::Execute if facts.argv.is_empty() => Some("runs a program"),
        Effect::Write if facts.paths.is_empty() => Some("changes files"),
        Effect::Outside if facts.paths.iter().all(|path| path.inside) => {
            Some("works outside the workspace")
        }
        _ => None,
    };
    facts
        .effects
        .iter()
        .filter_map(line)
        .map(str::to_owned)
        .collect()
}

/// A reason code in plain words; one that is not known stands as it is.
pub(crate) fn plain(code: &str) -> String {
    table::find(code).map_or_else(|| visible(code), |reason| reason.user.to_owned())
}

/// What the model is told about a denial.
pub(crate) fn advice(by: &str, reasons: &[String], own: Option<&str>) -> String {
    let has = |code: &str| reasons.iter().any(|reason| reason == code);
    if has("plan-mode") {
        return "plan mode: nothing is changed or run now; describe the change or the command in your plan instead"
            .to_owned();
    }
    let why: Vec<String> = reasons
        .iter()
        .map(|code| plain(code))
        .filter(|w| !w.is_empty())
        .collect();
    let why = own.map_or_else(|| why.join("; "), visible);
    let colon = if why.is_empty() { "" } else { ": " };
    let instead = reasons
        .iter()
        .filter_map(|code| table::find(code))
        .map(|reason| reason.model)
        .find(|model| !model.is_empty());
    let then = if has("headless") {
        "nobody is there to be asked; go on without it, or say what you would have run"
    } else {
        "do not try it in another form; go on without it, or tell the user why it is needed"
    };
    let instead = instead
        .map(|words| format!("; {words}"))
        .unwrap_or_default();
    format!("denied by {by}{colon}{why}{instead}; {then}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_made_visible() {
        assert_eq!(
            visible("a\u{202e}b\u{200b}\n\u{a0}\u{1b}[0m"),
            r"a\u{202e}b\u{200b}\n\u{a0}\u{1b}[0m"
        );
        assert_eq!(
            visible("a\u{feff}\u{ad}\u{2066}\u{e0041}"),
            r"a\u{feff}\u{ad}\u{2066}\u{e0041}"
        );
        assert_eq!(visible(r#"it's "é" 漢字 C:\x"#), r#"it's "é" 漢字 C:\x"#);
    }

    #[test]
    fn words_are_quoted_where_needed() {
        assert_eq!(quoted("a-b/c"), "a-b/c");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("it's a"), r"'it'\''s a'");
    }
}
