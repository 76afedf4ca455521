//! `apply_patch` over a history.

use interline_workspace::patch::{self, FileChange};
use interline_workspace::proposal::Proposed;

use crate::alter::{Alteration, Random};
use crate::cases;
use crate::cases::{Case, lf};
use crate::desk::Desk;
use crate::edits::Tally;

/// Lines around a change, as models give them.
const CONTEXT: usize = 3;

/// The hunks of a case as patch texts, each with as many lines around it as it takes to be the only one below the hunk
/// before. `None`: the final line break changes, which a patch can't say.
fn hunks(case: &Case) -> Option<Vec<String>> {
    let (before, after) = (lf(&case.before), lf(&case.after));
    if before.ends_with('\n') != after.ends_with('\n') {
        return None;
    }
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    let mut groups: Vec<[std::ops::Range<usize>; 2]> = Vec::new();
    for (gone, come) in &case.changes {
        match groups.last_mut() {
            Some([old, new]) if gone.start <= old.end + 2 * CONTEXT => {
                (old.end, new.end) = (gone.end, come.end);
            }
            _ => groups.push([gone.clone(), come.clone()]),
        }
    }
    let mut from = 0;
    let mut hunks = Vec::new();
    for (i, [gone, come]) in groups.iter().enumerate() {
        let next = groups
            .get(i + 1)
            .map_or(before.len(), |[next, _]| next.start);
        let mut wide = gone.start.saturating_sub(CONTEXT).max(from)..(gone.end + CONTEXT).min(next);
        while before[from..]
            .windows(wide.len())
            .filter(|lines| **lines == before[wide.clone()])
            .count()
            > 1
        {
            if wide.start == from && wide.end == next {
                return None;
            }
            wide = wide.start.saturating_sub(1).max(from)..(wide.end + 1).min(next);
        }
        if wide.is_empty() {
            return None;
        }
        hunks.push(hunk(&before, &after, gone, come, &wide));
        from = wide.end;
    }
    Some(hunks)
}

fn hunk(
    before: &[&str],
    after: &[&str],
    gone: &std::ops::Range<usize>,
    come: &std::ops::Range<usize>,
    wide: &std::ops::Range<usize>,
) -> String {
    let mut text = "@@\n".to_owned();
    let mut say = |sign: char, lines: &[&str]| {
        for line in lines {
            text.push_str(&format!("{sign}{line}\n"));
        }
    };
    say(' ', &before[wide.start..gone.start]);
    say('-', &before[gone.clone()]);
    say('+', &after[come.clone()]);
    say(' ', &before[gone.end..wide.end]);
    text
}

fn patched(desk: &Desk, case: &Case, before: &str, hunks: &[String]) -> Result<String, String> {
    let text = format!(
        "*** Begin Patch\n*** Update File: {}\n{}*** End Patch\n",
        case.name,
        hunks.concat()
    );
    let mut files = patch::parse(&text)?;
    match files.pop().map(|file| file.change) {
        Some(FileChange::Update { hunks, .. }) => {
            desk.proposed(&case.name, before, Proposed::Patch(hunks))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn patches_of_a_history_give_the_exact_text_after() {
    let (cases, from) = cases();
    let desk = Desk::new();
    let (mut tried, mut unsaid) = (0, 0);
    for case in &cases {
        let Some(hunks) = hunks(case) else {
            unsaid += 1;
            continue;
        };
        tried += hunks.len();
        assert_eq!(
            patched(&desk, case, &case.before, &hunks).as_deref(),
            Ok(&*case.after),
            "{}",
            case.name
        );
        let crlf = |text: &str| lf(text).replace('\n', "\r\n");
        assert_eq!(
            patched(&desk, case, &crlf(&case.before), &hunks),
            Ok(crlf(&case.after)),
            "{}",
            case.name
        );
    }
    println!(
        "{from}: {tried} hunks of patches apply, in CRLF too; {unsaid} files can't be said by a patch"
    );
}

#[test]
fn with_one_character_altered_no_patch_applies_in_the_wrong_place() {
    let (cases, from) = cases();
    let (desk, mut random) = (Desk::new(), Random::new());
    for alteration in Alteration::ALL {
        let mut tally = Tally::default();
        for case in &cases {
            for (i, hunk) in hunks(case).into_iter().flatten().enumerate() {
                let mut hunks = hunks(case).unwrap();
                // What is looked for: context and removed lines.
                let lines: Vec<&str> = hunk.lines().collect();
                let old: Vec<usize> = (1..lines.len())
                    .filter(|at| !lines[*at].starts_with('+') && lines[*at].len() > 1)
                    .collect();
                let Some(&at) = old.get(random.below(old.len().max(1))) else {
                    continue;
                };
                let Some(altered) = alteration
                    .of(&lines[at][1..], &mut random)
                    .filter(|line| !line.contains('\n'))
                else {
                    continue;
                };
                let altered = format!("{}{altered}", &lines[at][..1]);
                let mut lines = lines.clone();
                lines[at] = &altered;
                hunks[i] = lines.join("\n") + "\n";
                let got = patched(&desk, case, &case.before, &hunks);
                tally.count(&case.before, &got, &case.after);
            }
        }
        tally.tell(&format!("{from}; patches, {alteration:?}"));
        assert_eq!(tally.elsewhere.first(), None);
    }
}
