//! Each test is one promise.

use interline_workspace::proposal::Proposed;
use interline_workspace::shadow::Limits;

use crate::desk::{Desk, shown};

#[test]
fn a_command_sees_what_the_user_sees_and_what_is_proposed() {
    let Some(desk) = Desk::new(&[("a", "disk\n"), ("b", "b\n"), ("c", "c\n"), ("d/e", "e\n")])
    else {
        return;
    };
    desk.open("a", "typed\n");
    desk.edit("b", "b", "proposed");
    desk.propose("c", Proposed::Delete);
    desk.propose("new/f", Proposed::Write("f\n".to_owned()));
    let (said, changes) = desk.run("cat a b new/f d/e; ls");
    assert_eq!(said, "typed\nproposed\nf\ne\na\nb\nd\nnew");
    assert_eq!(shown(&changes), "");
    desk.workspace.forget(desk.session);
    desk.close("a");
    assert_eq!(desk.says("cat a b c; ls"), "disk\nb\nc\na\nb\nc\nd");
}

#[test]
fn what_a_command_changes_comes_back() {
    let Some(desk) = Desk::new(&[
        ("a", "one\ntwo\n"),
        ("gone", "g\n"),
        ("old/name", "n\n"),
        ("run", "#!/bin/sh\n"),
        ("dir/x", "x\n"),
        ("dir/y", "y\n"),
    ]) else {
        return;
    };
    let (_, changes) = desk.run(
        "sed -i s/two/2/ a; rm gone; mv old/name old/other; chmod +x run; mkdir -p n/m; echo new > n/m/f; rm -r dir; mkdir dir; echo z > dir/y",
    );
    insta::assert_snapshot!(shown(&changes), @r#"
    a: Some("one\ntwo\n") -> Some("one\n2\n")
    dir/x: Some("x\n") -> None
    dir/y: Some("y\n") -> Some("z\n")
    gone: Some("g\n") -> None
    n/m/f: None -> Some("new\n")
    old/name => old/other
    run: executable true
    "#);
    assert_eq!(desk.read("a"), "one\ntwo\n");
    assert_eq!(desk.read("dir/x"), "x\n");
}

#[test]
fn changes_become_hunks_that_the_next_command_sees() {
    let Some(desk) = Desk::new(&[("a", "one\ntwo\n"), ("b", "b\n"), ("c/d", "d\n")]) else {
        return;
    };
    let notices = desk.take("sed -i s/two/2/ a; rm b; mv c/d c/e; printf 'x\\r\\ny' > n");
    assert_eq!(notices, [""; 0]);
    assert!(!desk.upper("a").exists() || desk.states().len() == 4);
    let (said, changes) = desk.run("cat a n c/e; ls . c");
    assert_eq!(said, "one\n2\nx\r\nyd\n.:\na\nc\nn\n\nc:\ne");
    assert_eq!(shown(&changes), "");
    assert!(!desk.upper("a").exists(), "the seed has it");
    desk.reject_all();
    assert_eq!(desk.says("cat a b c/d; ls"), "one\ntwo\nb\nd\na\nb\nc");
    desk.take("sed -i s/two/2/ a; rm b; mv c/d c/e; printf 'x\\r\\ny' > n");
    desk.accept_all();
    assert_eq!(desk.read("a"), "one\n2\n");
    assert_eq!(desk.read("n"), "x\r\ny");
    assert_eq!(desk.read("c/e"), "d\n");
    assert!(!desk.file("b").exists() && !desk.file("c/d").exists());
    assert_eq!(desk.says("cat a n c/e; ls . c"), said);
}

#[test]
fn what_the_user_did_meanwhile_stays() {
    let text = "1\n2\n3\n4\n5\n6\n7\n";
    let Some(desk) = Desk::new(&[("a", text), ("b", text), ("c", text), ("d", "d\n")]) else {
        return;
    };
    desk.open("a", text);
    desk.open("b", text);
    let meanwhile = || {
        desk.close("a");
        desk.open("a", "0\n1\n2\n3\n4\n5\n6\n7\n");
        desk.close("b");
        desk.open("b", "1\n2\n3\n4\n5\nsix\n7\n");
        desk.write("c", "1\nuser\n3\n4\n5\n6\n7\n");
        desk.write("d", "user\n");
    };
    desk.take_while("sed -i s/6/SIX/ a b c; rm d", meanwhile);
    let found: Vec<_> = desk
        .hunks()
        .iter()
        .map(|hunk| {
            format!(
                "{} {:?} {:?} {:?} {:?}",
                hunk.path, hunk.kind, hunk.state, hunk.old, hunk.new
            )
        })
        .collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    a Text Pending "6\n" "SIX\n"
    b Text Conflict "6\n" "SIX\n"
    c Create Conflict "" "1\n2\n3\n4\n5\nSIX\n7\n"
    d Delete Conflict "" ""
    "#);
    assert_eq!(desk.read("c"), "1\nuser\n3\n4\n5\n6\n7\n");
    assert_eq!(
        desk.says("cat a b c d | tr -d '\\n'"),
        "012345SIX712345six71user34567user"
    );
}

#[test]
fn over_its_total_size_no_further_command_runs_and_no_change_is_lost() {
    let Some(desk) = Desk::new(&[("a", "a\n"), (".gitignore", "out\n")]) else {
        return;
    };
    let desk = desk.limited(Limits {
        total: 4 << 20,
        ..Limits::default()
    });
    let (_, changes) = desk.run("head -c 6M /dev/zero > out; echo b > a");
    assert_eq!(shown(&changes), "a: Some(\"a\\n\") -> Some(\"b\\n\")");
    let refused = desk.shadow.enter(&desk.workspace, desk.session);
    let said = refused.unwrap_err().to_string();
    assert!(
        said.contains("takes over 0 GiB of the disk: delete the folder") && said.contains("upper"),
        "{said}"
    );
    std::fs::remove_dir_all(desk.upper("")).unwrap();
    assert_eq!(desk.run("ls").0, "a");
}

#[test]
fn too_much_is_reported_and_stays_in_the_shadow() {
    let Some(desk) = Desk::new(&[("a", "a\n")]) else {
        return;
    };
    let desk = desk.limited(Limits {
        files: 3,
        bytes: 100,
        ..Limits::default()
    });
    let notices = desk.take("for i in 1 2 3 4 5; do echo $i > f$i; done");
    assert_eq!(
        notices,
        ["2 more changed files are in the shadow only: too many to review"]
    );
    assert_eq!(desk.hunks().len(), 3);
    let (said, changes) = desk.run("cat f*");
    assert_eq!(said, "1\n2\n3\n4\n5");
    assert_eq!(shown(&changes), "", "it is reported once");
    desk.write("f5", "of the user");
    assert_eq!(desk.says("cat f5"), "of the user");
}

#[test]
fn a_name_that_was_moved_away_can_be_made_anew() {
    let Some(desk) = Desk::new(&[("a", "a\n")]) else {
        return;
    };
    assert_eq!(desk.take("mv a b"), [""; 0]);
    assert_eq!(desk.take("echo new > a; echo more >> b"), [""; 0]);
    assert_eq!(desk.says("cat a b"), "new\na\nmore");
    desk.accept_all();
    assert_eq!(
        (desk.read("a").as_str(), desk.read("b").as_str()),
        ("new\n", "a\nmore\n")
    );
}
