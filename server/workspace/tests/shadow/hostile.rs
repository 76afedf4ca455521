//! Commands that mean harm, or leave what no hunk can hold.

use crate::desk::{Desk, shown};

#[test]
fn links_are_told_and_never_followed() {
    let Some(desk) = Desk::new(&[("a", "a\n"), ("d/e", "e\n"), ("f", "f\n")]) else {
        return;
    };
    let (_, changes) = desk.run(
        "ln -s /etc/passwd link; rm a; ln -s /etc/hostname a; rm -r d; ln -s /etc d; mkdir x; ln -s ../../.. x/up; ln f hard",
    );
    insta::assert_snapshot!(shown(&changes), @r#"
    d/e: Some("e\n") -> None
    hard: None -> Some("f\n")
    ! the symbolic link `a` to `/etc/hostname` is in the shadow only
    ! the symbolic link `d` to `/etc` is in the shadow only
    ! the symbolic link `link` to `/etc/passwd` is in the shadow only
    ! the symbolic link `x/up` to `../../..` is in the shadow only
    "#);
    let said = desk.says("cat a d/e; readlink link x/up");
    assert_eq!(said, "a\ne\n/etc/passwd\n../../..", "no link hides a file");
}

#[test]
fn pipes_sockets_and_locked_files_keep_nobody_waiting() {
    let Some(desk) = Desk::new(&[("a", "a\n")]) else {
        return;
    };
    let (_, changes) = desk.run(
        "mkfifo pipe; rm a; mkfifo a; mkdir -p locked/in; echo x > locked/in/f; chmod 000 locked/in/f locked/in locked",
    );
    let said = shown(&changes);
    assert!(said.contains("! `pipe` was dropped"), "{said}");
    assert!(said.contains("! `a` was dropped"), "{said}");
    assert!(said.contains("locked/in/f"), "{said}");
    assert_eq!(desk.says("cat a; ls"), "a\na");
}

#[test]
fn depth_and_numbers_are_bounded() {
    let Some(desk) = Desk::new(&[("a", "a\n")]) else {
        return;
    };
    let (_, changes) =
        desk.run("i=0; while [ $i -lt 600 ]; do mkdir d; cd d; i=$((i+1)); done; echo x > f");
    let said = shown(&changes);
    assert!(said.ends_with("it is too deep"), "{said}");
    assert_eq!(desk.says("ls"), "a", "it is gone");
}

#[test]
fn a_command_cannot_hide_what_it_changes() {
    let Some(desk) = Desk::new(&[("src/a", "a\n"), ("b", "b\n")]) else {
        return;
    };
    let (_, changes) = desk.run(
        "printf 'Signature: 8a477f597d28d172789f06886806bc55' > src/CACHEDIR.TAG; echo evil > src/a; echo '*' > .gitignore; echo evil > b",
    );
    insta::assert_snapshot!(shown(&changes), @r#"
    .gitignore: None -> Some("*\n")
    b: Some("b\n") -> Some("evil\n")
    src/CACHEDIR.TAG: None -> Some("Signature: 8a477f597d28d172789f06886806bc55")
    src/a: Some("a\n") -> Some("evil\n")
    "#);
    assert_eq!(desk.says("cat src/a b"), "a\nb");
}

#[test]
fn names_that_are_no_text_are_told() {
    let Some(desk) = Desk::new(&[]) else {
        return;
    };
    let (_, changes) =
        desk.run(r#"echo x > "$(printf 'a\377')"; echo y > "$(printf 'b\033[2Jc')""#);
    let said = shown(&changes);
    assert!(said.contains("its name is no plain text"), "{said}");
    assert_eq!(changes.changes, []);
    assert!(!said.contains('\x1b'), "{said:?}");
}

#[test]
fn history_is_never_a_hunk() {
    let Some(desk) = Desk::new(&[
        (".git/index", "old\n"),
        (".git/HEAD", "ref\n"),
        ("a", "a\n"),
    ]) else {
        return;
    };
    let (_, changes) = desk.run(
        "echo new > .git/index; mkdir -p .git/hooks sub/.git; echo evil > .git/hooks/pre-commit; echo x > sub/.git/config",
    );
    insta::assert_snapshot!(shown(&changes), @"! 3 changes in .git were dropped: ask the user to run what changes git's history");
    assert_eq!(
        desk.says("cat .git/index; ls .git .; [ ! -e sub/.git ]"),
        "old\n.:\na\n\n.git:\nHEAD\nindex"
    );
}

#[test]
fn bytes_come_back_as_a_whole() {
    let Some(desk) = Desk::new(&[("icon", "\0old")]) else {
        return;
    };
    let (_, changes) =
        desk.run(r"printf '\000new' > icon; printf '\000\001' > more; chmod +x more");
    insta::assert_snapshot!(shown(&changes), @"
    icon: Some(4) bytes
    more: Some(2) bytes
    more: executable true
    ");
    let blob = changes.changes.iter().find_map(|change| match change {
        interline_workspace::shadow::Change::Binary { new, .. } => new.clone(),
        _ => None,
    });
    assert_eq!(std::fs::read(blob.unwrap().file).unwrap(), b"\0new");
    let (said, changes) = desk.run("cat icon | tr -d '\\000'; [ ! -e more ]");
    assert_eq!(
        (said.as_str(), shown(&changes).as_str()),
        ("old", ""),
        "nobody proposed it"
    );
}
