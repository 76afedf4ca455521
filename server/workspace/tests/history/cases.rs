//! From a text before and after to the edits that a careful model would send: changed lines, with just enough lines
//! around them to be unique.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

/// One file that one commit changed.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) before: String,
    pub(crate) after: String,
    /// `old` and `new`, to be applied in order.
    pub(crate) edits: Vec<(String, String)>,
    /// The changed lines of both texts, in order.
    pub(crate) changes: Vec<(Range<usize>, Range<usize>)>,
}

pub(crate) fn count(cases: &[Case]) -> usize {
    cases.iter().map(|case| case.edits.len()).sum()
}

impl Case {
    /// `None`: nothing to edit. A byte-order mark is no part of what a model sees.
    pub(crate) fn new(path: &str, before: &str, after: &str) -> Option<Self> {
        let bare = |text: &str| text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let (before, after) = (bare(before), bare(after));
        if before.is_empty() || before == after || path.ends_with(".ipynb") {
            return None;
        }
        let changes = changes(&before, &after);
        let edits = edits(&before, &after, &changes);
        let name = path.rsplit('/').next()?.to_owned();
        Some(Self {
            name,
            before,
            after,
            edits,
            changes,
        })
    }
}

fn changes(before: &str, after: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let lines = |range: Range<u32>| range.start as usize..range.end as usize;
    diff.hunks()
        .map(|hunk| (lines(hunk.before), lines(hunk.after)))
        .collect()
}

/// As models see it.
pub(crate) fn lf(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn edits(
    before: &str,
    after: &str,
    changes: &[(Range<usize>, Range<usize>)],
) -> Vec<(String, String)> {
    let (mut now, after) = (lf(before), lf(after));
    let new_lines: Vec<&str> = after.split_inclusive('\n').collect();
    let mut edits = Vec::new();
    for (gone, come) in changes {
        let lines: Vec<&str> = now.split_inclusive('\n').collect();
        let new = new_lines[come.clone()].concat();
        // The changes before this one are made already: the lines are those of the text after.
        let gone = come.start..come.start + gone.len();
        let wide = unique(&now, &lines, &gone);
        let old = lines[wide.clone()].concat();
        let new = [
            &lines[wide.start..gone.start].concat(),
            &new,
            &lines[gone.end..wide.end].concat(),
        ]
        .map(String::as_str)
        .concat();
        let (head, tail) = (lines[..wide.start].concat(), lines[wide.end..].concat());
        now = [head, new.clone(), tail].concat();
        edits.push((old, new));
    }
    assert_eq!(now, after);
    edits
}

/// The lines with as many around them as it takes to stand there once.
fn unique(text: &str, lines: &[&str], gone: &Range<usize>) -> Range<usize> {
    let mut wide = gone.clone();
    let mut up = true;
    loop {
        let old = lines[wide.clone()].concat();
        let whole = wide.start == 0 && wide.end == lines.len();
        if whole || (!old.trim().is_empty() && stands_once(text, &old)) {
            return wide;
        }
        if (up && wide.start > 0) || wide.end == lines.len() {
            wide.start -= 1;
        } else {
            wide.end += 1;
        }
        up = !up;
    }
}

fn stands_once(text: &str, old: &str) -> bool {
    text.find(old) == text.rfind(old)
}
