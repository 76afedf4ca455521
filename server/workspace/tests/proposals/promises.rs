//! Proposals through the public door: propose, type, accept, undo. Each test is one promise to the user.

use crate::desk::{Desk, lines_of};
use interline_log::{HunkKind, SessionId};
use interline_workspace::document::{Position, Range};
use interline_workspace::proposal::{Hunk, HunkState, LandingChange, Proposed, RangeEdit};

#[test]
fn a_hunk_lands_as_the_smallest_edit_and_is_undone() {
    let desk = Desk::open("a.rs", "fn a() {\n    one();\n}\n");
    desk.edit("a.rs", "one()", "two()");
    assert_eq!(
        desk.text("a.rs"),
        "fn a() {\n    one();\n}\n",
        "proposing writes nothing"
    );
    assert_eq!(desk.seen("a.rs"), "fn a() {\n    two();\n}\n");
    let landing = desk.accept_all().remove(0);
    let LandingChange::Text { edits, .. } = &landing.change else {
        panic!()
    };
    let at = |character| Position { line: 1, character };
    assert_eq!(
        edits,
        &[RangeEdit {
            range: Range {
                start: at(4),
                end: at(7)
            },
            text: "two".into()
        }]
    );
    desk.land(&landing);
    assert_eq!(desk.text("a.rs"), "fn a() {\n    two();\n}\n");
    assert_eq!(desk.states(), []);
    desk.undo();
    assert_eq!(desk.text("a.rs"), "fn a() {\n    one();\n}\n");
}

#[test]
fn typing_elsewhere_moves_a_hunk_and_typing_in_it_is_a_conflict() {
    let desk = Desk::open("a", "1\n2\n3\n");
    desk.edit("a", "2", "two");
    desk.splice("a", 0, 0, "0\n");
    assert_eq!(desk.hunk_lines(), [(2, 1)]);
    desk.splice("a", 5, 5, "x");
    assert_eq!(desk.states(), [HunkState::Conflict]);
    assert!(
        desk.workspace
            .accept(&desk.ids())
            .unwrap_err()
            .0
            .contains("conflicts")
    );
    desk.splice("a", 5, 6, "");
    assert_eq!(desk.states(), [HunkState::Pending], "the user took it back");
    desk.land_all();
    assert_eq!(desk.text("a"), "0\n1\ntwo\n3\n");
}

#[test]
fn enter_at_the_end_of_the_line_above_moves_a_hunk() {
    let desk = Desk::open("a", "above\nold\n");
    desk.edit("a", "old", "new");
    desk.splice("a", 5, 5, "\n");
    assert_eq!(desk.hunk_lines(), [(2, 1)]);
    // An editor that trims what is the same spells a new line before `old` as a change inside of it.
    desk.splice("a", 9, 9, "dd\nol");
    assert_eq!(desk.text("a"), "above\n\noldd\nold\n");
    assert_eq!(desk.hunk_lines(), [(3, 1)]);
}

#[test]
fn joining_lines_at_a_hunk_is_a_conflict_until_undone() {
    let desk = Desk::open("a", "one\ntwo\nthree\n");
    desk.edit("a", "two\n", "two\nand a half\n");
    assert_eq!(desk.hunk_lines(), [(2, 0)], "a pure insertion");
    desk.splice("a", 7, 8, " ");
    assert_eq!(desk.states(), [HunkState::Conflict]);
    desk.splice("a", 7, 8, "\n");
    assert_eq!(desk.states(), [HunkState::Pending]);
    desk.land_all();
    assert_eq!(desk.text("a"), "one\ntwo\nand a half\nthree\n");
}

#[test]
fn edits_of_a_session_compose_into_its_hunks() {
    let desk = Desk::open("a", "one\ntwo\nthree\n");
    let first = desk.edit("a", "two", "zwei");
    let second = desk.edit("a", "zwei\nthree", "zwei\ndrei");
    assert_eq!(second.hunks.len(), 1);
    let third = desk.edit("a", "zwei\ndrei", "deux\ntrois");
    let interline_log::EventData::EditProposed {
        replaces, hunks, ..
    } = &third.event
    else {
        panic!()
    };
    assert_eq!(replaces, &[first.hunks[0].id, second.hunks[0].id]);
    assert_eq!(hunks[0].old, "two\nthree\n");
    assert_eq!(hunks[0].new, "deux\ntrois\n");
    desk.edit("a", "deux\ntrois", "two\nthree");
    assert_eq!(desk.ids(), [], "composed back to the user's text");
}

#[test]
fn two_sessions_on_the_same_lines() {
    let desk = Desk::open("a", "one\ntwo\n");
    desk.edit("a", "two", "zwei");
    let other = desk.as_session(SessionId::new());
    assert_eq!(
        other.seen("a"),
        "one\ntwo\n",
        "a session does not see another's hunks"
    );
    other.edit("a", "two", "deux");
    let ids = desk.ids();
    let landings = desk.workspace.accept(&ids[..1]).unwrap();
    desk.land(&landings[0]);
    assert_eq!(desk.states(), [HunkState::Conflict]);
}

#[test]
fn line_endings_stay_with_their_lines() {
    let desk = Desk::open("a", "one\r\ntwo\r\nthree\n");
    let outcome = desk.edit("a", "two\n", "zwei\nzwo\n");
    assert!(
        outcome.summary.contains("line endings"),
        "{}",
        outcome.summary
    );
    desk.land_all();
    assert_eq!(desk.text("a"), "one\r\nzwei\r\nzwo\r\nthree\n");
    desk.undo();
    assert_eq!(desk.text("a"), "one\r\ntwo\r\nthree\n");
}

#[test]
fn edits_never_split_a_crlf() {
    let desk = Desk::open("a", "one\r\ntwo\r\n");
    desk.edit("a", "one\n", "");
    let landing = desk.accept_all().remove(0);
    desk.land(&landing);
    assert_eq!(desk.text("a"), "two\r\n");
    desk.undo();
    assert_eq!(desk.text("a"), "one\r\ntwo\r\n");
}

#[test]
fn no_final_newline_is_kept_and_one_added_on_save_is_no_conflict() {
    let desk = Desk::open("a", "one\ntwo");
    desk.edit("a", "two", "zwei");
    desk.splice("a", 7, 7, "\n");
    assert_eq!(desk.states(), [HunkState::Pending]);
    desk.splice("a", 7, 8, "");
    desk.land_all();
    assert_eq!(desk.text("a"), "one\nzwei");
    desk.splice("a", 8, 8, "\n");
    desk.undo();
    assert_eq!(desk.text("a"), "one\ntwo\n");
}

#[test]
fn a_hunk_at_the_end_gets_a_line_break_where_the_text_went_on() {
    let desk = Desk::open("a", "one\ntwo\n");
    desk.propose("a", Proposed::Write("one\nzwei".into()))
        .unwrap();
    desk.splice("a", 8, 8, "three\n");
    desk.land_all();
    assert_eq!(desk.text("a"), "one\nzwei\nthree\n");
}

#[test]
fn the_editors_own_undo_makes_an_applied_hunk_pending_again() {
    for (old, new) in [("two", "zwei"), ("two\n", "two\ntoo\n"), ("two\n", "")] {
        let desk = Desk::open("a", "one\ntwo\nthree\n");
        desk.edit("a", old, new);
        let after = desk.seen("a");
        desk.land_all();
        desk.type_text("a", "one\ntwo\nthree\n");
        assert_eq!(desk.states(), [HunkState::Pending], "{old:?} to {new:?}");
        desk.type_text("a", &after);
        assert_eq!(desk.states(), [], "redo: {old:?} to {new:?}");
        desk.undo();
        assert_eq!(desk.text("a"), "one\ntwo\nthree\n");
    }
}

#[test]
fn typing_what_a_line_began_with_is_no_undo() {
    let desk = Desk::open("a", "x;");
    for text in ["", "x"] {
        desk.propose("a", Proposed::Write(text.to_owned())).unwrap();
        desk.land_all();
    }
    desk.splice("a", 1, 1, ";y");
    desk.propose("a", Proposed::Write(String::new())).unwrap();
    let pending = |hunk: &Hunk| hunk.state == HunkState::Pending;
    let olds = desk.hunks().into_iter().filter(pending);
    let olds: Vec<_> = olds.map(|hunk| hunk.old).collect();
    assert_eq!(olds, ["x;y"]);
}

#[test]
fn deletions_of_like_lines_are_each_undone() {
    let desk = Desk::open("a", "\n\n\nend\n");
    desk.edit("a", "\n\n\nend", "\n\nend");
    desk.land_all();
    desk.edit("a", "\n\nend", "\nend");
    desk.land_all();
    assert_eq!(desk.text("a"), "\nend\n");
    desk.undo();
    assert_eq!(desk.text("a"), "\n\n\nend\n");
}

#[test]
fn typing_in_an_applied_hunk_makes_it_stay() {
    let desk = Desk::open("a", "one\ntwo\n");
    desk.edit("a", "two", "zwei");
    desk.land_all();
    desk.splice("a", 5, 5, "x");
    let (landings, stuck) = desk.workspace.undo(desk.session, None);
    assert!(landings.is_empty());
    assert_eq!(stuck.len(), 1);
}

#[test]
fn a_later_hunk_on_an_earlier_one_is_undone_with_it() {
    let desk = Desk::open("a", "one\ntwo\nthree\n");
    desk.edit("a", "two", "zwei");
    desk.land_all();
    desk.edit("a", "zwei\nthree", "deux\ntrois");
    desk.land_all();
    assert_eq!(desk.text("a"), "one\ndeux\ntrois\n");
    desk.undo();
    assert_eq!(desk.text("a"), "one\ntwo\nthree\n");
}

#[test]
fn hunks_that_cancel_each_other_are_taken_back_without_an_edit() {
    let desk = Desk::open("a", "one\ntwo\n");
    for text in ["two\n", "one\ntwo\n"] {
        desk.propose("a", Proposed::Write(text.to_owned())).unwrap();
        desk.land_all();
    }
    let (landings, stuck) = desk.workspace.undo(desk.session, None);
    assert_eq!((landings.len(), stuck.len()), (1, 0));
    for landing in &landings {
        assert!(desk.workspace.confirms(landing));
        desk.workspace.landed(landing, true);
    }
    assert_eq!(desk.text("a"), "one\ntwo\n");
    assert!(desk.hunks().is_empty() && desk.workspace.undo(desk.session, None).0.is_empty());
}

#[test]
fn a_hunk_that_takes_the_final_line_break_off_another_is_undone_before_it() {
    let desk = Desk::open("a", "");
    for text in ["3\n", "3"] {
        desk.propose("a", Proposed::Write(text.to_owned())).unwrap();
        desk.land_all();
    }
    desk.undo();
    assert_eq!(desk.text("a"), "");
}

#[test]
fn a_landing_that_the_editor_refused_leaves_the_hunks_pending() {
    let desk = Desk::open("a", "one\ntwo\n");
    desk.edit("a", "two", "zwei");
    let landing = desk.accept_all().remove(0);
    desk.splice("a", 0, 0, "zero\n");
    assert!(!desk.workspace.confirms(&landing));
    desk.workspace.landed(&landing, false);
    assert_eq!(desk.states(), [HunkState::Pending]);
    assert_eq!(desk.hunk_lines(), [(2, 1)]);
}

#[test]
fn the_mirror_decides_whatever_the_editor_says() {
    let desk = Desk::open("a", "one\ntwo\n");
    desk.edit("a", "two", "zwei");
    let landing = desk.accept_all().remove(0);
    desk.workspace.landed(&landing, true);
    assert_eq!(desk.states(), [HunkState::Pending], "no didChange was seen");
    let landing = desk.accept_all().remove(0);
    desk.type_text("a", "one\nzwei\n");
    desk.splice("a", 0, 0, "typed on\n");
    assert!(
        desk.workspace.confirms(&landing),
        "it had the hash before the user typed on"
    );
    desk.workspace.landed(&landing, true);
    desk.undo();
    assert_eq!(desk.text("a"), "typed on\none\ntwo\n");
}

#[test]
fn an_editor_that_adds_a_final_newline_confirms_too() {
    let desk = Desk::open("a", "one\ntwo");
    desk.edit("a", "one", "eins");
    let landing = desk.accept_all().remove(0);
    desk.type_text("a", "eins\ntwo\n");
    assert!(desk.workspace.confirms(&landing));
}

#[test]
fn closed_files_are_written_after_acceptance_only() {
    let desk = Desk::closed("sub/a.txt", "\u{feff}one\r\ntwo\r\n");
    desk.edit("sub/a.txt", "two", "zwei");
    assert_eq!(desk.on_disk("sub/a.txt"), "\u{feff}one\r\ntwo\r\n");
    desk.land_all();
    assert_eq!(desk.on_disk("sub/a.txt"), "\u{feff}one\r\nzwei\r\n");
    desk.undo();
    assert_eq!(desk.on_disk("sub/a.txt"), "\u{feff}one\r\ntwo\r\n");
}

#[test]
fn a_closed_file_that_changed_on_disk_is_placed_anew_or_conflicts() {
    let desk = Desk::closed("a", "one\ntwo\nthree\n");
    desk.edit("a", "two", "zwei");
    desk.write("a", "zero\none\ntwo\nthree, too\n");
    assert_eq!(desk.seen("a"), "zero\none\nzwei\nthree, too\n");
    desk.write("a", "quite another text\n");
    assert_eq!(desk.seen("a"), "quite another text\n");
    assert_eq!(desk.states(), [HunkState::Conflict]);
}

#[test]
fn a_file_that_changes_between_acceptance_and_writing_is_not_written() {
    let desk = Desk::closed("a", "one\n");
    desk.edit("a", "one", "eins");
    let landing = desk.accept_all().remove(0);
    desk.write("a", "other\n");
    assert!(
        desk.workspace
            .land_on_disk(&landing)
            .unwrap_err()
            .0
            .contains("changed on disk")
    );
    desk.workspace.landed(&landing, false);
    assert_eq!(desk.on_disk("a"), "other\n");
}

#[test]
fn opening_and_closing_moves_hunks_between_disk_and_buffer() {
    let desk = Desk::closed("a", "one\ntwo\n");
    desk.edit("a", "two", "zwei");
    desk.did_open("a", "zero\none\ntwo\n");
    assert_eq!(desk.hunk_lines(), [(2, 1)]);
    desk.splice("a", 0, 0, "more\n");
    assert_eq!(desk.hunk_lines(), [(3, 1)]);
    desk.did_open("a", "one\ntwo\n");
    assert_eq!(
        desk.hunk_lines(),
        [(1, 1)],
        "a second didOpen replaces the buffer"
    );
    desk.splice("a", 0, 0, "unsaved\n");
    desk.did_close("a");
    assert_eq!(
        desk.hunk_lines(),
        [(1, 1)],
        "unsaved text went with the buffer"
    );
    desk.land_all();
    assert_eq!(desk.on_disk("a"), "one\nzwei\n");
}

#[test]
fn a_dirty_buffer_is_the_truth_and_its_file_is_never_written() {
    let desk = Desk::closed("a", "on disk\n");
    desk.did_open("a", "unsaved\n");
    assert_eq!(desk.workspace.text(&desk.path("a")).unwrap(), "unsaved\n");
    assert!(desk.try_edit("a", "on disk", "x").is_err());
    desk.edit("a", "unsaved", "changed");
    let landing = desk.accept_all().remove(0);
    assert!(landing.document.is_some());
    assert!(
        desk.workspace
            .land_on_disk(&landing)
            .unwrap_err()
            .0
            .contains("open in an editor")
    );
    assert_eq!(desk.on_disk("a"), "on disk\n");
}

#[test]
fn new_files_are_made_atomically_and_never_over_another() {
    let desk = Desk::empty();
    desk.propose("new/a.txt", Proposed::Write("one\n".into()))
        .unwrap();
    desk.edit("new/a.txt", "one", "eins");
    assert_eq!(desk.seen("new/a.txt"), "eins\n");
    assert_eq!(desk.ids().len(), 1, "still one new file");
    let landing = desk.accept_all().remove(0);
    desk.write("new/a.txt", "the user's\n");
    assert!(
        desk.workspace
            .land_on_disk(&landing)
            .unwrap_err()
            .0
            .contains("exists already")
    );
    assert_eq!(desk.on_disk("new/a.txt"), "the user's\n");
    desk.workspace.landed(&landing, false);
    desk.remove("new/a.txt");
    desk.land_all();
    assert_eq!(desk.on_disk("new/a.txt"), "eins\n");
    desk.undo();
    assert!(!desk.exists("new/a.txt"));
}

#[test]
fn files_are_deleted_and_moved_and_come_back() {
    let desk = Desk::closed("a", "one\n");
    desk.propose("a", Proposed::Delete).unwrap();
    assert!(
        desk.workspace
            .proposed_text(desk.session, &desk.path("a"))
            .is_err()
    );
    assert_eq!(
        desk.workspace.overlay(desk.session),
        [(desk.path("a"), None)]
    );
    desk.land_all();
    assert!(!desk.exists("a"));
    desk.undo();
    assert_eq!(desk.on_disk("a"), "one\n");

    desk.propose("a", Proposed::Move(desk.path("b/c"))).unwrap();
    desk.edit("b/c", "one", "eins");
    assert_eq!(desk.seen("b/c"), "eins\n");
    assert!(
        desk.try_edit("a", "one", "x")
            .unwrap_err()
            .0
            .contains("b/c")
    );
    desk.land_all();
    assert!(!desk.exists("a"));
    assert_eq!(desk.on_disk("b/c"), "eins\n");
    desk.undo();
    assert_eq!(desk.on_disk("a"), "one\n");
    assert!(!desk.exists("b/c"));
}

#[test]
fn a_deletion_of_a_file_that_the_user_edits_is_a_conflict() {
    let desk = Desk::open("a", "one\n");
    desk.propose("a", Proposed::Delete).unwrap();
    desk.splice("a", 0, 0, "x\n");
    assert_eq!(desk.states(), [HunkState::Conflict]);
    desk.splice("a", 0, 2, "");
    assert_eq!(desk.states(), [HunkState::Pending]);
}

#[test]
fn rejected_hunks_are_gone_and_forgotten_sessions_too() {
    let desk = Desk::open("a", "one\ntwo\nthree\n");
    desk.propose("a", Proposed::Write("eins\ntwo\ndrei\n".into()))
        .unwrap();
    let ids = desk.ids();
    assert_eq!(desk.workspace.reject(&ids[..1]), ids[..1]);
    assert_eq!(desk.seen("a"), "one\ntwo\ndrei\n");
    desk.workspace.forget(desk.session);
    assert_eq!(desk.ids(), []);
}

#[test]
fn what_can_not_be_edited_says_so() {
    let desk = Desk::closed("n.ipynb", "{}\n");
    desk.write("bin", "a\0b");
    desk.write("link-target", "x\n");
    for (path, hint) in [
        ("n.ipynb", "notebook"),
        ("bin", "binary"),
        ("none", "no such file"),
        ("", "root"),
    ] {
        let error = desk.try_edit(path, "x", "y").unwrap_err();
        assert!(error.0.contains(hint), "{path}: {error}");
    }
    assert_eq!(desk.ids(), []);
    assert!(
        desk.propose("link-target", Proposed::Write("x\n".into()))
            .is_err(),
        "no change"
    );
}

#[test]
fn ranges_are_in_the_text_that_the_session_sees() {
    let desk = Desk::open("a", "one\ntwo\n");
    desk.edit("a", "one\n", "zero\none\n");
    let range = |line, from, to| Range {
        start: Position {
            line,
            character: from,
        },
        end: Position {
            line,
            character: to,
        },
    };
    let edit = |range, text: &str| RangeEdit {
        range,
        text: text.into(),
    };
    desk.propose("a", Proposed::Ranges(vec![edit(range(2, 0, 3), "zwei")]))
        .unwrap();
    assert_eq!(desk.seen("a"), "zero\none\nzwei\n");
    let overlap = vec![edit(range(2, 0, 3), "x"), edit(range(2, 2, 4), "y")];
    assert!(desk.propose("a", Proposed::Ranges(overlap)).is_err());
    assert!(
        desk.propose("a", Proposed::Ranges(vec![edit(range(9, 0, 0), "x")]))
            .is_err()
    );
}

#[test]
fn kinds_are_told() {
    let desk = Desk::empty();
    let outcome = desk.propose("a", Proposed::Write("x".into())).unwrap();
    assert_eq!(outcome.hunks[0].kind, HunkKind::Create);
    assert_eq!(lines_of("a\nb"), ["a\n", "b"]);
}

#[test]
fn watchers_hear_of_tracked_changes_only() {
    let desk = Desk::open("a", "one\n");
    let mut watch = desk.workspace.watch();
    watch.mark_unchanged();
    desk.splice("a", 0, 0, "x");
    assert!(!watch.has_changed().unwrap(), "no hunks, no news");
    desk.edit("a", "xone", "eins");
    watch.mark_unchanged();
    desk.splice("a", 0, 0, "x");
    assert!(watch.has_changed().unwrap());
}
