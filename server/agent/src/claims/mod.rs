//! What an answer says was done, compared with what is on record: tests that pass, commands that ran, files that
//! changed, nothing that is wrong.
//!
//! Deterministic, and careful rather than complete: a sentence is taken for a claim only where its words leave no
//! doubt ([`patterns`]), and counts as unsupported only where no event bears it out ([`record`]). English only.
//! Must not judge whether the work is good, only whether it was done.

mod patterns;
mod record;
mod sentences;

use interline_log::UnsupportedClaim;

pub(crate) use record::Record;

/// Longest claim that is quoted, in characters.
const QUOTED: usize = 160;

/// Something that an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Claim {
    /// Tests pass; `all`: each of them.
    TestsPass { all: bool },
    /// Tests were run, whatever came of it.
    TestsRan,
    /// A command was run; `succeeded`: with success.
    Ran { command: String, succeeded: bool },
    /// Files were made or changed; `deleted`: they are gone.
    Touched { paths: Vec<String>, deleted: bool },
    /// Something was committed or pushed by Git.
    Git(&'static str),
    /// It builds, or a checker finds nothing.
    Checked {
        /// It says that there are no errors; `Some(true)`: no new ones.
        no_errors: Option<bool>,
    },
}

/// What came of comparing an answer with the record.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) supported: u32,
    pub(crate) unsupported: Vec<UnsupportedClaim>,
}

impl Verdict {
    pub(crate) fn found_any(&self) -> bool {
        self.supported > 0 || !self.unsupported.is_empty()
    }
}

/// Compares the record's last answer with what else is in it. What the user said himself is nobody's claim.
pub(crate) fn check(record: &Record) -> Verdict {
    let said = |text: &str| -> Vec<(Claim, String)> {
        let clauses = sentences::clauses(text);
        let claims = clauses.iter().flat_map(|clause| {
            let quoted: String = clause.shown().chars().take(QUOTED).collect();
            let claims = patterns::claims(clause).into_iter();
            claims.map(move |claim| (claim, quoted.clone()))
        });
        claims.collect()
    };
    let by_user = said(record.request());
    let mut verdict = Verdict::default();
    for (claim, quoted) in said(record.answer()) {
        if by_user.iter().any(|(known, _)| *known == claim) {
            continue;
        }
        match record.judge(&claim) {
            None => verdict.supported = verdict.supported.saturating_add(1),
            Some(found) => verdict.unsupported.push(UnsupportedClaim {
                claim: quoted,
                record: found,
            }),
        }
    }
    verdict
}

/// One line for people.
pub(crate) fn note(unsupported: &UnsupportedClaim) -> String {
    format!(
        "not on record: \u{201c}{}\u{201d}: {}",
        unsupported.claim, unsupported.record
    )
}

#[cfg(test)]
mod tests;
