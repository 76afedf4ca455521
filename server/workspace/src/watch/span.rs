//! Paths in their order: those below a folder stand together.

use std::ops::Bound;

pub(super) fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// The first path that is beyond all those below a folder: `0` follows `/`.
pub(super) fn past(folder: &str) -> String {
    format!("{folder}0")
}

/// The paths below a folder.
pub(super) fn inside(folder: &str) -> (Bound<String>, Bound<String>) {
    if folder.is_empty() {
        return (Bound::Excluded(String::new()), Bound::Unbounded);
    }
    (
        Bound::Included(format!("{folder}/")),
        Bound::Excluded(past(folder)),
    )
}

pub(super) fn span((from, to): &(Bound<String>, Bound<String>)) -> (Bound<&str>, Bound<&str>) {
    (text(from), text(to))
}

pub(super) fn text(bound: &Bound<String>) -> Bound<&str> {
    bound.as_ref().map(String::as_str)
}
