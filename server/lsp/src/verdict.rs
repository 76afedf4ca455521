//! What is known of a pending hunk, in the words that every editor shows. Claims no more than was checked, and says
//! so when the text has changed since.

use interline_workspace::checks::{Check, Known};

use crate::protocol::{HunkVerdict, VerdictState};

/// `None`: nobody has tried to check it.
pub(crate) fn of(known: &Known) -> Option<HunkVerdict> {
    let checked = known
        .check
        .as_ref()
        .map(|check| checked(check, known.check_is_old));
    let Some(place) = known.unparsed.first() else {
        return checked;
    };
    let more = match known.unparsed.len() {
        0 | 1 => String::new(),
        all => format!(", and {} more", all - 1),
    };
    let (state, how) = if known.unparsed_is_old {
        (
            VerdictState::Outdated,
            "did not parse before the last change",
        )
    } else {
        (VerdictState::Worse, "does not parse")
    };
    let mut text = format!("{how} ({place}{more})");
    if let Some(checked) = checked {
        text = format!("{text}; {}", checked.text);
    }
    Some(HunkVerdict { state, text })
}

fn checked(check: &Check, is_old: bool) -> HunkVerdict {
    let (state, text) = match check {
        Check::Running => (VerdictState::Checking, "checking…".to_owned()),
        Check::NotDone(reason) => (VerdictState::NotChecked, format!("not checked: {reason}")),
        Check::Done(numbers) if is_old => {
            let text = format!("before the last change: {numbers}");
            (VerdictState::Outdated, text)
        }
        Check::Done(numbers) if numbers.new_errors > 0 => {
            (VerdictState::Worse, numbers.to_string())
        }
        Check::Done(numbers) => (VerdictState::Checked, numbers.to_string()),
    };
    HunkVerdict { state, text }
}

impl HunkVerdict {
    /// For a lens: why something was not checked is too long for one.
    pub(crate) fn brief(&self) -> &str {
        match self.state {
            VerdictState::NotChecked => "not checked",
            _ => &self.text,
        }
    }

    /// For a title, which is the plain one as long as nothing was found.
    pub(crate) fn found(&self) -> Option<&str> {
        let found = !matches!(
            self.state,
            VerdictState::Checking | VerdictState::NotChecked
        );
        found.then_some(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use interline_log::EditVerdict;

    use super::*;

    fn told(known: &Known) -> (VerdictState, String) {
        let verdict = of(known).expect("there is something to say");
        (verdict.state, verdict.text)
    }

    fn done(new_errors: u32) -> Known {
        let numbers = EditVerdict {
            by: "cargo check".to_owned(),
            cleared: 1,
            cleared_codes: vec!["E0308".to_owned()],
            new_errors,
            new_warnings: 0,
            left: 0,
            new_codes: Vec::new(),
        };
        Known {
            check: Some(Check::Done(numbers)),
            ..Known::default()
        }
    }

    #[test]
    fn what_was_checked_before_a_change_says_so() {
        assert_eq!(of(&Known::default()), None);
        let text = "clears E0308, no new problems, checked by cargo check";
        assert_eq!(told(&done(0)), (VerdictState::Checked, text.to_owned()));
        assert_eq!(told(&done(1)).0, VerdictState::Worse);
        let old = Known {
            check_is_old: true,
            ..done(1)
        };
        let (state, text) = told(&old);
        assert_eq!(state, VerdictState::Outdated);
        assert!(text.starts_with("before the last change: "), "{text}");
    }

    #[test]
    fn what_does_not_parse_says_so_first() {
        let unparsed = Known {
            unparsed: vec!["2:5: missing `)`: b(;".to_owned(), "3:1: x".to_owned()],
            check: Some(Check::Running),
            ..Known::default()
        };
        let text = "does not parse (2:5: missing `)`: b(;, and 1 more); checking…";
        assert_eq!(told(&unparsed), (VerdictState::Worse, text.to_owned()));
        let old = Known {
            unparsed_is_old: true,
            check: None,
            ..unparsed
        };
        let (state, text) = told(&old);
        assert_eq!(state, VerdictState::Outdated);
        assert!(text.starts_with("did not parse before"), "{text}");
    }

    #[test]
    fn a_lens_has_no_reasons() {
        let known = Known {
            check: Some(Check::NotDone("a long story".to_owned())),
            ..Known::default()
        };
        let verdict = of(&known).expect("there is something to say");
        assert_eq!(verdict.text, "not checked: a long story");
        assert_eq!((verdict.brief(), verdict.found()), ("not checked", None));
    }
}
