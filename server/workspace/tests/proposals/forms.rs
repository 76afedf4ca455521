//! Every way to propose, over every form a text can have: nothing but what was named is another text afterwards.

use interline_workspace::document::{Position, Range};
use interline_workspace::patch::{self, FileChange};
use interline_workspace::proposal::{Proposed, RangeEdit, Replacement};

use crate::desk::Desk;

const NAME: &str = "a.txt";
/// The biggest file that is taken up, in bytes.
const MOST: usize = 50 << 20;

/// Texts with one line `middle`, which each edit makes `center`, and what stands around it.
fn forms() -> Vec<(&'static str, String)> {
    let long = "x".repeat(200_000);
    let forms = [
        ("LF", "one\nmiddle\nthree\n"),
        ("CRLF", "one\r\nmiddle\r\nthree\r\n"),
        ("both endings", "one\r\ntwo\nmiddle\r\nthree\nfour\r\n"),
        (
            "both endings, the line with the rarer",
            "one\r\ntwo\r\nmiddle\nthree\r\n",
        ),
        ("no final line break", "one\nmiddle"),
        ("no final line break, CRLF", "one\r\nmiddle"),
        ("the first line", "middle\r\nthree"),
        ("empty lines", "\n\n\nmiddle\n\n\n"),
        ("tabs", "\tone\n\t\ttwo\nmiddle\n \t three\n"),
        ("white space at line ends", "one  \nmiddle\nthree\t\n   \n"),
        ("astral characters", "𝒜𝓃 😀\nmiddle\n👩‍👩‍👧‍👦 e\u{301}\n"),
        (
            "breaks that are none",
            "one\u{2028}two\u{85}\u{b}\u{c}\nmiddle\n\rthree\n",
        ),
        ("control characters", "\u{1b}[0m\u{7}\nmiddle\n\u{7f}\n"),
    ];
    let mut forms: Vec<_> = forms.map(|(name, text)| (name, text.to_owned())).into();
    forms.push(("very long lines", format!("{long}\nmiddle\n{long}")));
    forms
}

/// The ways; each sends `\n` alone, as models do.
fn ways(text: &str) -> Vec<(&'static str, Proposed)> {
    let edit = Replacement {
        old: "middle".into(),
        new: "center".into(),
        count: 1,
    };
    let sent = text.replace("\r\n", "\n").replace("middle", "center");
    let patch =
        format!("*** Begin Patch\n*** Update File: {NAME}\n@@\n-middle\n+center\n*** End Patch");
    let FileChange::Update { hunks, .. } = patch::parse(&patch).unwrap().remove(0).change else {
        panic!("the patch is an update");
    };
    let line = text.split('\n').position(|line| line.trim() == "middle");
    let line = u32::try_from(line.unwrap()).unwrap();
    let at = |character| Position { line, character };
    let range = RangeEdit {
        range: Range {
            start: at(0),
            end: at(6),
        },
        text: "center".into(),
    };
    vec![
        ("edit", Proposed::Replace(vec![edit])),
        ("write", Proposed::Write(sent)),
        ("apply_patch", Proposed::Patch(hunks)),
        ("rename", Proposed::Ranges(vec![range])),
    ]
}

#[test]
fn what_was_not_named_keeps_its_form() {
    for (form, text) in forms() {
        let after = text.replace("middle", "center");
        for (way, what) in ways(&text) {
            let desk = Desk::open(NAME, &text);
            desk.propose(NAME, what.clone()).unwrap();
            assert_eq!(desk.seen(NAME), after, "{way}, {form}, open: proposed");
            desk.land_all();
            assert_eq!(desk.text(NAME), after, "{way}, {form}, open");
            desk.undo();
            assert_eq!(desk.text(NAME), text, "{way}, {form}, open: undone");

            for mark in ["", "\u{feff}"] {
                let on_disk = format!("{mark}{text}");
                let desk = Desk::closed(NAME, &on_disk);
                desk.propose(NAME, what.clone()).unwrap();
                assert_eq!(desk.on_disk(NAME), on_disk, "{way}, {form}: proposed");
                desk.land_all();
                assert_eq!(
                    desk.on_disk(NAME),
                    format!("{mark}{after}"),
                    "{way}, {form}, {mark:?}"
                );
                desk.undo();
                assert_eq!(
                    desk.on_disk(NAME),
                    on_disk,
                    "{way}, {form}, {mark:?}: undone"
                );
            }
        }
    }
}

/// A text of so many bytes with `middle` in its middle.
fn around(piece: &str, end: &str, bytes: usize) -> String {
    let half = piece.repeat(bytes / 2 / piece.len() - 1);
    format!("{half}middle{end}{half}")
}

#[test]
fn a_file_of_fifty_megabytes_is_edited_moved_along_and_undone() {
    let text = around("some text of a usual line\n", "\n", MOST);
    let after = text.replace("middle", "center");
    let desk = Desk::open(NAME, &text);
    desk.edit(NAME, "middle", "center");
    desk.splice(NAME, 0, 0, "typed ");
    // Texts of this size are not printed.
    assert!(desk.seen(NAME) == format!("typed {after}"), "proposed");
    desk.land_all();
    assert!(desk.text(NAME) == format!("typed {after}"), "accepted");
    desk.undo();
    assert!(desk.text(NAME) == format!("typed {text}"), "undone");
}

#[test]
fn large_closed_files_and_large_lines_are_edited_and_undone() {
    let bytes = 5 << 20;
    for (form, text) in [
        (
            "CRLF",
            around("some text of a usual line\r\n", "\r\n", bytes),
        ),
        ("one line", around("word ", " ", bytes)),
    ] {
        let after = text.replace("middle", "center");
        for open in [false, true] {
            let desk = Desk::closed(NAME, &text);
            if open {
                desk.did_open(NAME, &text);
            }
            let now = || {
                if open {
                    desk.text(NAME)
                } else {
                    desk.on_disk(NAME)
                }
            };
            desk.edit(NAME, "middle", "center");
            desk.land_all();
            assert!(now() == after, "{form}: accepted");
            desk.undo();
            assert!(now() == text, "{form}: undone");
        }
    }
}

#[test]
fn a_larger_file_is_refused_with_what_to_do() {
    let text = "a line\n".repeat(MOST / 7 + 1);
    let desk = Desk::closed(NAME, &text);
    let said = desk.try_edit(NAME, "a line", "b").unwrap_err().0;
    assert!(said.contains("50 MB") && said.contains("grep"), "{said}");
}
