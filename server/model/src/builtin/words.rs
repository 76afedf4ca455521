//! The texts of the tools' results that the rule engine reads. Their formats are contract between the rooms.

/// A line of `diagnostics`: `PATH:LINE:COL: SEVERITY[CODE]: MESSAGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) path: String,
    /// 1-based.
    pub(super) line: u32,
    pub(super) severity: Severity,
    pub(super) code: Option<String>,
    /// Its first line.
    pub(super) message: String,
    /// Titles of the fixes on offer.
    pub(super) fixes: Vec<String>,
}

/// Most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Error,
    Warning,
    Info,
    Hint,
}

impl Severity {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Error, "error"),
        (Self::Warning, "warning"),
        (Self::Info, "info"),
        (Self::Hint, "hint"),
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Hint => "hint",
        }
    }
}

/// The result of `diagnostics`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Done {
        problems: Vec<Problem>,
        /// Who checked.
        source: String,
        /// False: more may come, a server was still at work.
        settled: bool,
        /// What the list doesn't show: problems of other files, checkers that failed.
        more: Vec<String>,
    },
    /// Nothing could check, and why.
    NotChecked(String),
}

impl Check {
    pub(super) fn parse(text: &str) -> Self {
        if let Some(reason) = text
            .lines()
            .find_map(|line| line.strip_prefix("not checked: "))
        {
            return Self::NotChecked(reason.to_owned());
        }
        let checked = text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("checked by "));
        let (source, settled) = match checked.and_then(|line| line.rsplit_once(" (")) {
            Some((source, state)) => (source.to_owned(), state.starts_with("settled")),
            None => (
                checked.unwrap_or("an unnamed checker").to_owned(),
                checked.is_some(),
            ),
        };
        {
            let rest = text
                .lines()
                .filter(|line| line.starts_with("… and ") || line.starts_with("not checked by "));
            let more = rest
                .map(|line| line.trim_start_matches("… and ").to_owned())
                .collect();
            Self::Done {
                problems: problems(text),
                source,
                settled,
                more,
            }
        }
    }
}

/// The problems of a text in which other lines may stand as well.
pub(super) fn problems(text: &str) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for line in text.lines() {
        match (numbered(line, "  fix "), problems.last_mut()) {
            (Some((_, title)), Some(problem)) => problem.fixes.push(bare(title).0.to_owned()),
            _ => problems.extend(problem(line)),
        }
    }
    problems
}

fn problem(line: &str) -> Option<Problem> {
    if line.starts_with(char::is_whitespace) {
        return None;
    }
    let mark = |(severity, name): (Severity, &str)| {
        let marks = [format!(": {name}: "), format!(": {name}[")];
        marks
            .iter()
            .filter_map(|mark| line.find(mark.as_str()))
            .min()
            .map(|at| (at, severity))
    };
    let (at, severity) = Severity::ALL
        .into_iter()
        .filter_map(mark)
        .min_by_key(|(at, _)| *at)?;
    let (place, rest) = line.split_at_checked(at)?;
    let mut place = place.rsplitn(3, ':');
    let (_column, number, path) = (
        place.next()?.parse::<u32>().ok()?,
        place.next()?,
        place.next()?,
    );
    let rest = rest.strip_prefix(": ")?.strip_prefix(severity.name())?;
    let (code, message) = match rest.strip_prefix('[') {
        Some(rest) => rest
            .split_once("]: ")
            .map(|(code, message)| (Some(code.to_owned()), message))?,
        None => (None, rest.strip_prefix(": ")?),
    };
    let (path, message) = (path.to_owned(), message.trim_end().to_owned());
    Some(Problem {
        path,
        line: number.parse().ok()?,
        severity,
        code,
        message,
        fixes: Vec::new(),
    })
}

/// A fix that `quickfix` lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// To be applied as this.
    pub(super) number: u32,
    pub(super) title: String,
    /// The compiler calls it machine-applicable, or the language server prefers it.
    pub(super) safe: bool,
}

/// The lines of `quickfix` without `apply`: `N: TITLE`, with a suffix for those that are safe.
pub(super) fn offers(text: &str) -> Vec<Offer> {
    let offer = |line| {
        let (number, title) = numbered(line, "")?;
        let (title, safe) = bare(title);
        Some(Offer {
            number,
            title: title.to_owned(),
            safe,
        })
    };
    text.lines().filter_map(offer).collect()
}

/// A title without its mark, and whether it had one.
fn bare(title: &str) -> (&str, bool) {
    let bare = [" (machine-applicable)", " (preferred)"]
        .into_iter()
        .find_map(|mark| title.strip_suffix(mark));
    (bare.unwrap_or(title), bare.is_some())
}

/// `PREFIX` `N: REST`.
fn numbered<'a>(line: &'a str, prefix: &str) -> Option<(u32, &'a str)> {
    let (number, rest) = line.strip_prefix(prefix)?.split_once(": ")?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_with_problems() {
        let text = "src/main.rs:3:17: error[E0308]: mismatched types: expected `u32`\n    found `&str`\n  fix 1: remove the `&`\n  \
                    fix 2: convert: here\na:b.py:1:1: warning: `os` imported: warning: twice\nand so on\n\
                    … and in other files: 3, 1 error among them\nchecked by cargo check (settled)\n";
        let Check::Done {
            problems,
            source,
            settled,
            more,
        } = Check::parse(text)
        else {
            panic!()
        };
        assert_eq!((source.as_str(), settled), ("cargo check", true));
        assert_eq!(more, ["in other files: 3, 1 error among them"]);
        let [first, second] = problems.as_slice() else {
            panic!("{problems:?}")
        };
        assert_eq!(
            (first.path.as_str(), first.line, first.code.as_deref()),
            ("src/main.rs", 3, Some("E0308"))
        );
        assert_eq!(first.message, "mismatched types: expected `u32`");
        assert_eq!(first.fixes, ["remove the `&`", "convert: here"]);
        assert_eq!(
            (
                second.path.as_str(),
                second.severity,
                second.code.as_deref()
            ),
            ("a:b.py", Severity::Warning, None)
        );
        assert_eq!(second.message, "`os` imported: warning: twice");
    }

    #[test]
    fn a_check_without() {
        let clean = Check::parse("no problems\nchecked by rust-analyzer (beta) (unsettled)");
        assert_eq!(
            clean,
            Check::Done {
                problems: vec![],
                source: "rust-analyzer (beta)".to_owned(),
                settled: false,
                more: vec![]
            }
        );
        assert_eq!(
            Check::parse("not checked: no checker here"),
            Check::NotChecked("no checker here".to_owned())
        );
    }

    #[test]
    fn what_is_no_problem_is_none() {
        for line in [
            "",
            "error: x",
            "a.rs:1: error: x",
            "a.rs:x:1: error: x",
            "a.rs:1:1: error[E1: x",
            "  a.rs:1:1: error: x",
        ] {
            assert_eq!(problems(line), [], "{line}");
        }
    }

    #[test]
    fn offers_know_which_are_safe() {
        let offers = offers(
            "1: add `mut` (machine-applicable)\n2: a: b (preferred)\n10: guess\nno line of it\n",
        );
        let short: Vec<_> = offers
            .iter()
            .map(|offer| (offer.number, offer.title.as_str(), offer.safe))
            .collect();
        assert_eq!(
            short,
            [
                (1, "add `mut`", true),
                (2, "a: b", true),
                (10, "guess", false)
            ]
        );
    }
}
