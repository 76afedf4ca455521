//! The shadow as a copy: it shows the same and gives the same back as layers do.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::SystemTime;

use interline_workspace::proposal::Proposed;
use interline_workspace::shadow::Place;
use proptest::prelude::*;

use crate::desk::{Desk, shown};

fn place(desk: &Desk) -> interline_workspace::shadow::Copied {
    let entered = desk.shadow.enter(&desk.workspace, desk.session).unwrap();
    match entered.place() {
        Place::Copy(copied) => copied.clone(),
        Place::Layers(_) => panic!("it is a copy"),
    }
}

#[test]
fn it_has_what_counts_and_leads_to_packages() {
    let desk = Desk::copied(&[
        (".gitignore", "secret\nCargo.lock\nnode_modules/\n"),
        ("secret", "s"),
        ("Cargo.toml", ""),
        ("Cargo.lock", "lock"),
        ("build/CACHEDIR.TAG", ""),
        ("node_modules/a/index.js", "a"),
        ("web/package.json", "{}"),
        ("web/node_modules/b", "b"),
        ("lib/node_modules/c", "c"),
        ("src/a.rs", "a"),
        ("run", "#!"),
    ]);
    std::fs::create_dir(desk.file("empty")).unwrap();
    std::fs::set_permissions(desk.file("run"), PermissionsExt::from_mode(0o755)).unwrap();
    symlink("src/a.rs", desk.file("inside")).unwrap();
    symlink(desk.file("src/a.rs"), desk.file("absolute")).unwrap();
    symlink("/etc/hostname", desk.file("outside")).unwrap();
    let (said, changes) = desk.run("find . -mindepth 1 | sort; echo b > src/a.rs; cat inside absolute; test -x run; ls node_modules web/node_modules");
    insta::assert_snapshot!(said.replace('\n', " "), @"./.gitignore ./Cargo.lock ./Cargo.toml ./absolute ./empty ./inside ./lib ./node_modules ./outside ./run ./src ./src/a.rs ./web ./web/node_modules ./web/package.json b b node_modules: a  web/node_modules: b");
    assert_eq!(shown(&changes), "src/a.rs: Some(\"a\") -> Some(\"b\\n\")");
    assert_eq!(desk.read("src/a.rs"), "a");
    let reads: Vec<_> = place(&desk).reads;
    assert_eq!(
        reads,
        [desk.file("node_modules"), desk.file("web/node_modules")]
    );
}

#[test]
fn it_follows_the_disk_the_buffers_and_the_proposal_and_writes_what_changed() {
    let desk = Desk::copied(&[("a", "1\n"), ("b", "1\n"), ("d/c", "1\n")]);
    desk.run("true");
    let at = place(&desk).at;
    let time = |name: &str| -> SystemTime { at.join(name).metadata().unwrap().modified().unwrap() };
    let (a, b) = (time("a"), time("b"));
    desk.open("a", "2\n");
    desk.propose("d/c", Proposed::Delete);
    desk.propose("d/new", Proposed::Write("n\n".to_owned()));
    assert_eq!(desk.says("cat a b d/new; ls d"), "2\n1\nn\nnew");
    assert!(time("a") > a);
    assert_eq!(time("b"), b);
    let typed = time("a");
    desk.close("a");
    desk.reject_all();
    assert_eq!(desk.says("cat a d/c; ls d"), "1\n1\nc");
    assert!(
        time("a") > typed,
        "text that went back is new to build tools"
    );
    std::fs::remove_file(desk.file("b")).unwrap();
    std::fs::remove_file(desk.file("d/c")).unwrap();
    std::fs::remove_dir(desk.file("d")).unwrap();
    desk.write("d", "now a file\n");
    assert_eq!(desk.says("ls; cat d"), "a\nd\nnow a file");
    // Another process knows nothing of it, and writes nothing anew either.
    let (before, restarted) = (time("a"), desk.shadow_anew());
    let entered = restarted.enter(&desk.workspace, desk.session).unwrap();
    assert_eq!(time("a"), before);
    drop(entered);
}

#[test]
fn what_a_command_left_goes_unless_it_is_a_hunk_or_a_build_output() {
    let desk = Desk::copied(&[(".gitignore", "out/\n"), ("Cargo.toml", ""), ("a", "1\n")]);
    let script = "mkdir out target d; echo o > out/o; echo t > target/t; echo n > d/n; rm a; ln -s x link; mkfifo pipe; mkdir -p sub/.git";
    let (_, changes) = desk.run(script);
    insta::assert_snapshot!(shown(&changes), @r#"
    d/n: None -> Some("n\n")
    a: Some("1\n") -> None
    ! the symbolic link `link` to `x` is in the shadow only
    ! `pipe` was dropped: it is no regular file
    ! 1 changes in .git were dropped: ask the user to run what changes git's history
    "#);
    assert_eq!(
        desk.says("ls -A; cat out/o target/t"),
        ".gitignore\nCargo.toml\na\nlink\nout\ntarget\no\nt"
    );
    let (_, changes) = desk.run("true");
    assert_eq!(shown(&changes), "");
    assert!(!desk.file("out").exists());
}

#[test]
fn files_of_the_user_that_change_meanwhile_are_no_changes_of_the_command() {
    let desk = Desk::copied(&[("a", "1\n"), ("b", "1\n"), ("c", "1\n")]);
    let (_, changes) = desk.run_while("echo mine > b", || {
        desk.write("a", "users\n");
        desk.write("new", "users\n");
        desk.write("b", "users\n");
        std::fs::remove_file(desk.file("c")).unwrap();
    });
    assert_eq!(shown(&changes), "b: None -> Some(\"mine\\n\")");
    assert_eq!(
        desk.says("cat a b new; ls"),
        "users\nusers\nusers\na\nb\nnew"
    );
}

#[test]
fn git_sees_the_copy_and_can_not_write_its_history() {
    let desk = Desk::copied(&[(".git/HEAD", "ref: refs/heads/main\n"), ("a", "1\n")]);
    let (said, changes) = desk.run("cat .git");
    assert_eq!(said, format!("gitdir: {}", desk.file(".git").display()));
    assert_eq!(shown(&changes), "");
    assert_eq!(place(&desk).reads, [desk.file(".git")]);
    let (_, changes) = desk.run("rm .git; mkdir .git; echo evil > .git/config");
    assert!(shown(&changes).contains("1 changes in .git were dropped"));
    assert_eq!(desk.says("cat .git"), said);
    // A repository can write any name into such a file.
    let desk = Desk::copied(&[(".git", "gitdir: /etc\n")]);
    assert_eq!(desk.says("ls -A"), "");
    assert!(place(&desk).reads.is_empty());
}

const NAMES: &[&str] = &["a", "b", "d/c", "d/e", "f/g/h", "out/o", "x.log"];

/// One line of a script on names of the above. All of them succeed.
fn acts() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(NAMES);
    let text = prop::sample::select(
        &[
            "",
            "x\n",
            "y\n",
            "x\\ny\\n",
            "x\\r\\n",
            "\\0\\0377",
            "\\0377z",
        ][..],
    );
    prop_oneof![
        4 => (name(), text).prop_map(|(n, t)| format!("printf '%b' '{t}' > {n} 2>/dev/null || true")),
        2 => name().prop_map(|n| format!("printf more >> {n} 2>/dev/null || true")),
        2 => name().prop_map(|n| format!("rm -rf {n}")),
        2 => (name(), name()).prop_map(|(from, to)| format!("mv -f {from} {to} 2>/dev/null || true")),
        2 => name().prop_map(|n| format!("chmod +x {n} 2>/dev/null || true")),
        1 => name().prop_map(|n| format!("chmod a-x {n} 2>/dev/null || true")),
        1 => name().prop_map(|n| format!("rm -rf {n}; ln -s elsewhere {n} 2>/dev/null || true")),
        1 => Just("mv d moved 2>/dev/null || true".to_owned()),
        1 => Just("rm -rf d; mkdir d; echo anew > d/c".to_owned()),
        1 => Just("rm -rf f; echo file > f".to_owned()),
        1 => Just("rm -rf b; mkdir b; echo in > b/in".to_owned()),
        1 => Just("mkfifo pipe 2>/dev/null || true".to_owned()),
    ]
}

fn script(acts: &[String]) -> String {
    format!(
        "mkdir -p d f/g out 2>/dev/null || true\n{}\n",
        acts.join("\n")
    )
}

fn sorted(desk: &Desk, script: &str) -> Vec<String> {
    let (_, changes) = desk.run(script);
    let text = shown(&changes);
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_copy_gives_back_what_layers_do(
        disk in prop::collection::vec(acts(), 0..8),
        typed in prop::option::of(prop::sample::select(NAMES)),
        proposed in prop::option::of((prop::sample::select(NAMES), any::<bool>())),
        first in prop::collection::vec(acts(), 0..6),
        second in prop::collection::vec(acts(), 0..6),
    ) {
        let files = &[(".gitignore", "out/\n*.log\n"), ("a", "1\n"), ("d/c", "2\n"), ("d/e", "3\n")];
        let Some(layers) = Desk::new(files) else { return Ok(()) };
        let copy = Desk::copied(files);
        for desk in [&layers, &copy] {
            // Ignored files are not copied, nor what is no file.
            desk.on_disk(&format!("{}rm -rf out x.log pipe", script(&disk)));
            if let Some(name) = typed.filter(|name| desk.file(name).is_file()) {
                desk.open(name, "typed\n");
            }
            if let Some((name, is_gone)) = proposed {
                let what = if is_gone { Proposed::Delete } else { Proposed::Write("p\n".to_owned()) };
                desk.try_propose(name, what);
            }
        }
        // What is left as hunks is not proposed: both go back to what they were.
        for acts in [first, second] {
            let script = script(&acts);
            prop_assert_eq!(sorted(&layers, &script), sorted(&copy, &script), "{}", script);
        }
    }
}
