//! Edits as people really made them: the changes of a history as search-and-replace and as patches.
//!
//! The history is that of `INTERLINE_EDITS_REPO` (any git repository), else of this repository, else (outside of a
//! checkout, or in one that is too shallow) one that is made up. All of them have to give the exact text after; with one
//! character altered none may change anything but what was meant. The figures go to standard output:
//! `cargo nextest run -p interline-workspace --test history --no-capture`.
#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by `#[test]`, not their helpers"
)]

mod alter;
mod cases;
mod desk;
mod edits;
mod git;
mod made_up;
mod patches;

/// Edits that are tried.
const WANTED: usize = 2_000;

/// The cases, and where they come from. At least [`WANTED`] edits.
fn cases() -> (Vec<cases::Case>, String) {
    let mut random = alter::Random::new();
    let (mut cases, from) = git::cases(WANTED);
    let made_up = WANTED.saturating_sub(cases::count(&cases));
    cases.extend(made_up::cases(made_up, &mut random));
    (cases, format!("{from}, {made_up} made up"))
}
