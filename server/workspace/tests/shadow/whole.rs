//! What a command made that is no text, or executable: reviewed, landed, taken back, and brought back from the log.

use interline_log::{Actor, CallId, Event, EventData, EventId};
use interline_workspace::proposal::HunkState;

use crate::desk::Desk;

fn told(desk: &Desk) -> String {
    let line = |hunk: &interline_workspace::proposal::Hunk| {
        let (old, new) = (hunk.old.trim_end(), hunk.new.trim_end());
        let told = format!("{} {:?}: {old} | {new}", hunk.path, hunk.state);
        told.trim_end().to_owned()
    };
    desk.hunks().iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn bytes_are_hunks_that_land_and_go_back() {
    let Some(desk) = Desk::new(&[("old", "a\0b"), ("gone", "g\0g"), ("t", "text\n")]) else {
        return;
    };
    let script = "printf 'x\\0y' > old; rm gone; printf '\\0' > dir-new; printf '\\377' > t";
    assert_eq!(desk.take(script), [""; 0]);
    insta::assert_snapshot!(told(&desk), @"
    dir-new Pending:  | binary file, 1 byte, sha256 6e340b9cffb3…
    gone Pending: binary file, 3 bytes, sha256 cc88cf4d8445… |
    old Pending: binary file, 3 bytes, sha256 59b271ae1bbc… | binary file, 3 bytes, sha256 ce3890a816f5…
    t Pending: binary file, 5 bytes, sha256 b9e68e1bea3e… | binary file, 1 byte, sha256 a8100ae6aa19…
    ");
    assert_eq!(
        desk.bytes("old").unwrap(),
        b"a\0b",
        "nothing lands by itself"
    );
    let seen = "od -An -tx1 old dir-new t | tr -d '\\n'; ls";
    let after = desk.says(seen);
    assert!(
        after.contains("78 00 79") && !after.contains("gone"),
        "{after}"
    );
    assert!(!desk.upper("old").exists(), "the seed has it");
    desk.accept_all();
    assert_eq!(desk.hunks(), []);
    assert_eq!(desk.bytes("old").unwrap(), b"x\0y");
    assert_eq!(desk.bytes("dir-new").unwrap(), b"\0");
    assert_eq!(desk.bytes("t").unwrap(), b"\xff");
    assert_eq!(desk.bytes("gone"), None);
    assert_eq!(desk.says(seen), after);
    assert_eq!(desk.undo_all(), 0);
    assert_eq!(desk.bytes("old").unwrap(), b"a\0b");
    assert_eq!(desk.bytes("gone").unwrap(), b"g\0g");
    assert_eq!(desk.bytes("t").unwrap(), b"text\n");
    assert_eq!(desk.bytes("dir-new"), None);
}

#[test]
fn a_rejected_change_is_gone_from_the_shadow() {
    let Some(desk) = Desk::new(&[("old", "a\0b"), ("run", "r\n")]) else {
        return;
    };
    desk.take("printf 'x\\0' > old; printf '\\0' > new; chmod +x run");
    assert_eq!(desk.says("test -x run && ls"), "new\nold\nrun");
    desk.reject_all();
    let said = desk.says("test -x run || ls; od -An -c old");
    assert_eq!(said, "old\nrun\n   a  \\0   b");
    desk.take("printf 'x\\0' > old; printf 'a\\0b' > old; rm -f new");
    assert_eq!(desk.hunks(), []);
}

#[test]
fn what_changed_meanwhile_is_in_conflict_and_stays() {
    let Some(desk) = Desk::new(&[("a", "a\0"), ("b", "b\0"), ("t", "t\n"), ("n", "n\0")]) else {
        return;
    };
    let meanwhile = || desk.write("a", "user\0");
    desk.take_while(
        "for f in a b t new; do printf '\\0%s' $f > $f; done",
        meanwhile,
    );
    desk.write("b", "user\0");
    desk.open("t", "typed\n");
    desk.open("new", "typed\n");
    let ids: Vec<_> = desk.hunks().iter().map(|hunk| hunk.id).collect();
    let refused = desk.workspace.accept(&ids).unwrap_err();
    assert!(refused.to_string().contains("saw"), "{refused}");
    assert_eq!(desk.states(), [HunkState::Conflict; 4]);
    desk.close("t");
    desk.close("new");
    let landings = desk.workspace.accept(&ids).unwrap();
    assert_eq!(landings.len(), 2);
    // Between the acceptance and the writing, too.
    desk.write("new", "user\0");
    for landing in &landings {
        let landed = desk.workspace.land_on_disk(landing);
        assert_eq!(landed.is_ok(), landing.path.as_str() == "t");
        desk.workspace.landed(landing, landed.is_ok());
    }
    assert_eq!(desk.bytes("a").unwrap(), b"user\0");
    assert_eq!(desk.bytes("b").unwrap(), b"user\0");
    assert_eq!(desk.bytes("new").unwrap(), b"user\0");
    assert_eq!(desk.bytes("t").unwrap(), b"\0t");
    desk.write("t", "user\n");
    assert_eq!(desk.undo_all(), 1, "what the user wrote over it stays");
    assert_eq!(desk.bytes("t").unwrap(), b"user\n");
}

#[test]
fn a_new_script_lands_executable_even_alone() {
    let Some(desk) = Desk::new(&[("old", "o\n"), ("tool", "t\n")]) else {
        return;
    };
    desk.take("chmod +x tool old; printf '#!/bin/sh\\n' > run; chmod 755 run");
    insta::assert_snapshot!(told(&desk), @"
    old Pending: mode 100644 | mode 100755
    run Pending:  | #!/bin/sh
    run Pending: mode 100644 | mode 100755
    tool Pending: mode 100644 | mode 100755
    ");
    // Either half brings the other.
    let create = desk
        .hunks()
        .iter()
        .find(|hunk| hunk.old.is_empty())
        .unwrap()
        .id;
    let landings = desk.workspace.accept(&[create]).unwrap();
    assert_eq!(landings.len(), 2);
    for landing in landings {
        desk.workspace.land_on_disk(&landing).unwrap();
        desk.workspace.landed(&landing, true);
    }
    assert_eq!(desk.mode("run") & 0o111, 0o111);
    assert_eq!(desk.mode("tool") & 0o111, 0);
    desk.accept_all();
    assert_eq!(desk.mode("tool") & 0o111, 0o111);
    desk.take("mv tool bin; chmod -x old");
    insta::assert_snapshot!(told(&desk), @"
    old Pending: mode 100755 | mode 100644
    tool Pending:  |
    ");
    desk.accept_all();
    assert_eq!(
        (desk.mode("bin") & 0o111, desk.mode("old") & 0o111),
        (0o111, 0)
    );
    assert_eq!(desk.undo_all(), 0);
    assert_eq!(desk.mode("tool") & 0o111, 0);
    assert!(!desk.file("run").exists());
}

#[test]
fn the_mode_of_a_new_file_goes_where_the_file_goes() {
    let Some(desk) = Desk::new(&[("old", "o\n")]) else {
        return;
    };
    desk.take(
        "printf 'x\\0' > bytes; printf 't\\n' > text; cp text run; chmod +x bytes text run old",
    );
    desk.take("mv bytes moved; rm text old; mv run ran");
    insta::assert_snapshot!(told(&desk), @"
    moved Pending:  | binary file, 2 bytes, sha256 14f825b2bbc3…
    moved Pending: mode 100644 | mode 100755
    old Pending: o |
    ran Pending:  | t
    ran Pending: mode 100644 | mode 100755
    ");
    desk.accept_all();
    assert_eq!(desk.mode("moved") & 0o111, 0o111);
    assert_eq!(desk.mode("ran") & 0o111, 0o111);
    for gone in ["bytes", "text", "old", "run"] {
        assert!(!desk.file(gone).exists(), "{gone}");
    }
}

#[test]
fn a_landed_file_keeps_its_permissions() {
    let Some(desk) = Desk::new(&[("a", "a\0")]) else {
        return;
    };
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(desk.file("a"), std::fs::Permissions::from_mode(0o750)).unwrap();
    desk.take("printf '\\0b' > a");
    desk.accept_all();
    assert_eq!(
        (desk.bytes("a").unwrap(), desk.mode("a")),
        (b"\0b".to_vec(), 0o750)
    );
}

#[test]
fn the_log_brings_it_back() {
    let Some(desk) = Desk::new(&[("a", "a\0"), ("b", "b\0"), ("c", "c\0")]) else {
        return;
    };
    let mut events = Vec::new();
    let mut push = |data: EventData| {
        events.push(Event {
            version: 1,
            seq: events.len() as u64,
            id: EventId::new(),
            ts: 0,
            session: desk.session,
            turn: None,
            call: Some(CallId::new()),
            actor: Actor::Agent,
            causes: Vec::new(),
            data,
        });
    };
    let taken = desk.taken("for f in a b c; do printf '\\0new' > $f; chmod +x $f; done");
    taken
        .outcomes
        .into_iter()
        .for_each(|outcome| push(outcome.event));
    assert_eq!(desk.hunks().len(), 6);
    // One is landed, of one nobody knows, one waits.
    for (name, ends) in [("a", true), ("b", false)] {
        let of_file = |hunk: &&interline_workspace::proposal::Hunk| hunk.path.as_str() == name;
        let ids: Vec<_> = desk
            .hunks()
            .iter()
            .filter(of_file)
            .map(|hunk| hunk.id)
            .collect();
        for landing in desk.workspace.accept(&ids).unwrap() {
            let (path, hunks) = (landing.path.to_string(), landing.hunks.clone());
            let (pre_sha256, post_sha256) =
                (landing.pre_sha256.clone(), landing.post_sha256.clone());
            push(EventData::EditAccepting {
                path: path.clone(),
                hunks: hunks.clone(),
                pre_sha256,
                post_sha256: post_sha256.clone(),
            });
            desk.workspace.land_on_disk(&landing).unwrap();
            desk.workspace.landed(&landing, true);
            if ends {
                push(EventData::EditApplied {
                    path,
                    hunks,
                    post_sha256,
                });
            }
        }
    }
    let json = serde_json::to_string(&events[0].data).unwrap();
    assert!(json.contains(r#""kind":"binary""#), "{json}");
    let again = desk.restarted();
    let news = again.restore(desk.session, &events);
    assert!(
        matches!(&news[..], [EventData::EditApplied { hunks, .. }] if hunks.len() == 2),
        "{news:?}"
    );
    assert_eq!(again.hunks().iter().flat_map(|file| &file.hunks).count(), 2);
    let (landings, stuck) = again.undo(desk.session, None);
    assert_eq!((landings.len(), stuck.len()), (4, 0));
    for landing in landings {
        again.land_on_disk(&landing).unwrap();
        again.landed(&landing, true);
    }
    assert_eq!(desk.bytes("a").unwrap(), b"a\0");
    assert_eq!(
        (desk.bytes("b").unwrap(), desk.mode("b") & 0o111),
        (b"b\0".to_vec(), 0)
    );
}

#[test]
fn a_notebook_is_one_hunk_and_waits_for_what_is_typed() {
    let notebook = "{\"cells\": []}\n";
    let Some(desk) = Desk::new(&[("a.ipynb", notebook), ("B.IPYNB", notebook), ("c", "c\n")])
    else {
        return;
    };
    let script = "echo '{}' > a.ipynb; rm B.IPYNB; cp c new.ipynb; mv a.ipynb a; mv a a.ipynb";
    let taken = desk.taken(script);
    assert_eq!(taken.notices, [""; 0]);
    let summaries: Vec<_> = taken
        .outcomes
        .iter()
        .map(|outcome| outcome.summary.as_str())
        .collect();
    assert!(
        summaries
            .iter()
            .any(|summary| summary.starts_with("proposed the notebook `a.ipynb` as a whole")),
        "{summaries:?}"
    );
    let hunks = desk.hunks();
    assert_eq!(hunks.len(), 3, "{hunks:?}");
    assert!(
        hunks.iter().all(|hunk| !hunk.kind.is_of_text()),
        "{hunks:?}"
    );
    // An editor shows it as plain text, with something typed.
    desk.open("a.ipynb", "{\"cells\": [1]}\n");
    desk.accept_all();
    assert_eq!(
        desk.read("a.ipynb"),
        notebook,
        "what is typed over is left alone"
    );
    assert_eq!(
        (desk.bytes("B.IPYNB"), desk.read("new.ipynb")),
        (None, "c\n".to_owned())
    );
    desk.close("a.ipynb");
    desk.accept_all();
    assert_eq!(desk.read("a.ipynb"), "{}\n");
    assert_eq!(desk.undo_all(), 0);
    assert_eq!(
        (desk.read("a.ipynb"), desk.read("B.IPYNB")),
        (notebook.into(), notebook.into())
    );
}
