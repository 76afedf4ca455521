//! What build tools rely on: their outputs stay, and times tell what changed since.

use crate::desk::{Desk, shown};

#[test]
fn outputs_stay_and_are_no_changes() {
    let Some(desk) = Desk::new(&[
        (".gitignore", "out/\n*.log\n"),
        ("sub/.gitignore", "own\n!keep.log\n"),
        ("node_modules/p/index.js", "p"),
        ("Cargo.toml", ""),
    ]) else {
        return;
    };
    let script = "mkdir -p out target/debug sub cache node_modules/q; echo x > out/x; echo l > a.log; echo o > sub/own; echo k > sub/keep.log; echo b > target/debug/b; echo q > node_modules/q/index.js; printf tag > cache/CACHEDIR.TAG; echo c > cache/c";
    let (_, changes) = desk.run(script);
    assert_eq!(shown(&changes), "sub/keep.log: None -> Some(\"k\\n\")");
    let (said, changes) = desk.run(
        "cat out/x a.log sub/own target/debug/b node_modules/q/index.js cache/c; rm -r target",
    );
    assert_eq!(said, "x\nl\no\nb\nq\nc");
    assert_eq!(shown(&changes), "");
    assert_eq!(
        desk.says("ls; ls node_modules"),
        "Cargo.toml\na.log\ncache\nnode_modules\nout\nsub\np\nq"
    );
    assert!(!desk.file("out").exists());
}

#[test]
fn an_ignored_file_that_the_user_changes_is_the_users() {
    let Some(desk) = Desk::new(&[(".gitignore", ".env"), (".env", "A")]) else {
        return;
    };
    desk.run("printf B > .env");
    assert_eq!(desk.says("cat .env"), "B");
    desk.write(".env", "C");
    assert_eq!(desk.says("cat .env"), "C");
}

/// Stands for a build tool: is the output up to date; if not, make it. The pauses are longer than a tick of the clock.
const MAKE: &str = "mkdir -p target; if [ target/built -nt a ]; then echo fresh; else sleep 0.03; cat a > target/built; echo built; fi; sleep 0.03";

#[test]
fn a_build_is_incremental_and_never_stale() {
    let Some(desk) = Desk::new(&[("Cargo.toml", ""), ("a", "disk\n")]) else {
        return;
    };
    std::thread::sleep(std::time::Duration::from_millis(30));
    let make = || desk.says(MAKE);
    assert_eq!((make().as_str(), make().as_str()), ("built", "fresh"));
    desk.open("a", "disk\n");
    assert_eq!(make(), "fresh", "an open buffer is no change");
    desk.open("a", "typed\n");
    assert_eq!((make().as_str(), make().as_str()), ("built", "fresh"));
    desk.open("a", "disk\n");
    assert_eq!(
        (make().as_str(), make().as_str()),
        ("built", "fresh"),
        "text that went back"
    );
    desk.close("a");
    desk.edit("a", "disk", "proposed");
    assert_eq!((make().as_str(), make().as_str()), ("built", "fresh"));
    desk.reject_all();
    assert_eq!(
        (make().as_str(), make().as_str()),
        ("built", "fresh"),
        "a rejected hunk"
    );
    desk.write("a", "saved\n");
    assert_eq!((make().as_str(), make().as_str()), ("built", "fresh"));
}

#[test]
fn what_a_command_wrote_and_built_is_up_to_date_until_it_is_rejected() {
    let Some(desk) = Desk::new(&[("Cargo.toml", ""), ("a", "disk\n")]) else {
        return;
    };
    desk.take(&format!("sed -i s/disk/made/ a; {MAKE}"));
    assert_eq!(desk.says(MAKE), "fresh");
    desk.reject_all();
    assert_eq!(desk.says(&format!("cat a; {MAKE}")), "disk\nbuilt");
    // Rejected before another command has seen it.
    desk.take(&format!("sed -i s/disk/made/ a; {MAKE}"));
    desk.reject_all();
    assert_eq!(desk.says(&format!("cat a; {MAKE}")), "disk\nbuilt");
}

#[test]
fn folders_made_anew_keep_their_outputs_only() {
    let Some(desk) = Desk::new(&[("p/Cargo.toml", ""), ("p/a", "a\n"), ("p/target/old", "o")])
    else {
        return;
    };
    let notices =
        desk.take("rm -r p; mkdir -p p/target; echo > p/Cargo.toml; echo n > p/target/new");
    assert_eq!(notices, [""; 0]);
    assert_eq!(
        desk.says("ls p p/target"),
        "p:\nCargo.toml\ntarget\n\np/target:\nnew"
    );
    desk.reject_all();
    assert_eq!(desk.says("cat p/a; ls p"), "a\nCargo.toml\na\ntarget");
}
