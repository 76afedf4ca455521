//! `edit` over a history.

use crate::alter::{Alteration, Random};
use crate::cases;
use crate::cases::{Case, lf};
use crate::desk::Desk;

#[test]
fn edits_of_a_history_give_the_exact_text_after() {
    let (cases, from) = cases();
    let desk = Desk::new();
    for case in &cases {
        let crlf = |text: &str| lf(text).replace('\n', "\r\n");
        assert_eq!(
            desk.edited(&case.name, &case.before, &case.edits)
                .as_deref(),
            Ok(&*case.after),
            "{}",
            case.name
        );
        // Models see and write LF.
        let after = desk.edited(&case.name, &crlf(&case.before), &case.edits);
        assert_eq!(after, Ok(crlf(&case.after)), "{} with CRLF", case.name);
    }
    println!("{from}: all apply, in CRLF too");
}

/// What came of an edit that is not quite right.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    refused: usize,
    right: usize,
    /// At the right place, with a blank line too many or too few: white space was altered into white space.
    blank: usize,
    pub(crate) elsewhere: Vec<String>,
}

impl Tally {
    pub(crate) fn count(&mut self, before: &str, got: &Result<String, String>, want: &str) {
        match got {
            Err(_) => self.refused += 1,
            Ok(got) if got == want => self.right += 1,
            Ok(got) if same_but_for_blank_lines(before, got, want) => self.blank += 1,
            Ok(got) => {
                let same = got
                    .lines()
                    .zip(want.lines())
                    .take_while(|(a, b)| a == b)
                    .count();
                let shown = |text: &str| {
                    text.lines()
                        .skip(same)
                        .take(5)
                        .collect::<Vec<_>>()
                        .join("\n")
                };
                self.elsewhere
                    .push(format!("{}\nfor\n{}", shown(got), shown(want)));
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "figures for whoever runs it")]
    pub(crate) fn tell(&self, what: &str) {
        println!(
            "{what}: {} refused, {} right, {} with another blank line, {} wrong",
            self.refused,
            self.right,
            self.blank,
            self.elsewhere.len()
        );
    }
}

/// The same lines that aren't blank, and the change begins and ends where it should, a blank line aside.
fn same_but_for_blank_lines(before: &str, got: &str, want: &str) -> bool {
    fn lines(text: &str) -> impl Iterator<Item = &str> {
        text.lines().map(str::trim).filter(|line| !line.is_empty())
    }
    let place = |after: &str| {
        let same = |(a, b): &(&str, &str)| a == b;
        let head = lines(before).zip(lines(after)).take_while(same).count();
        (head, lines(after).count())
    };
    lines(got).eq(lines(want)) && place(got) == place(want)
}

/// Each edit with the text that it is applied to, and what should come of it.
fn steps(desk: &Desk, case: &Case) -> Vec<(String, (String, String), String)> {
    let mut now = case.before.clone();
    let mut steps = Vec::new();
    for edit in &case.edits {
        let next = desk
            .edited(&case.name, &now, std::slice::from_ref(edit))
            .unwrap();
        steps.push((now, edit.clone(), next.clone()));
        now = next;
    }
    steps
}

#[test]
fn with_one_character_altered_no_edit_applies_in_the_wrong_place() {
    let (cases, from) = cases();
    let (desk, mut random) = (Desk::new(), Random::new());
    for alteration in Alteration::ALL {
        let mut tally = Tally::default();
        for case in &cases {
            for (before, (old, new), after) in steps(&desk, case) {
                let Some(altered) = alteration.of(&old, &mut random) else {
                    continue;
                };
                if altered == new {
                    continue;
                }
                let got = desk.edited(&case.name, &before, &[(altered, new)]);
                tally.count(&before, &got, &after);
            }
        }
        tally.tell(&format!("{from}; {alteration:?}"));
        assert_eq!(tally.elsewhere.first(), None);
    }
}
