//! Who has the public key finds every way to change a signed log, and is told what was done to it.

use std::fs;

use interline_log::{Against, LogError, PublicKey, SessionId};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::common::{Bench, close, overwrite, steer};

const TEXTS: [&str; 5] = ["first", "second", "third", "fourth", "last"];

fn verify(bench: &Bench) -> Result<u64, LogError> {
    bench
        .store
        .verify(bench.id, &bench.against())
        .map(|verified| {
            assert_eq!(verified.signed, verified.events);
            verified.events
        })
}

fn lines(bench: &Bench) -> Vec<String> {
    let text = String::from_utf8(bench.bytes()).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

/// What who can write the log can do: give each line the hash that fits.
fn chained(lines: &[String]) -> String {
    let mut prev = [0; 32];
    let mut out = String::new();
    for line in lines {
        let line = line.trim_end();
        let (head, rest) = line.split_once(",\"prev\":\"").unwrap();
        let rest = rest.get(64 + 1 + 9 + 64 + 1..).unwrap();
        let head = format!("{head},\"prev\":\"{}\"", hex(&prev));
        let hash = Sha256::new()
            .chain_update(prev)
            .chain_update(&head)
            .chain_update(rest)
            .finalize();
        prev = hash.into();
        out += &format!("{head},\"hash\":\"{}\"{rest}\n", hex(&prev));
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_log_that_is_closed_is_signed() {
    let bench = Bench::signed(&TEXTS);
    assert_eq!(verify(&bench).unwrap(), 5);
    let note = fs::read_to_string(bench.checkpoint(5)).unwrap();
    assert!(note.starts_with(&format!("interline/session/{}\n5\n", bench.id)));
    assert_eq!(bench.store.checkpoint(bench.id).unwrap(), note);
}

#[test]
fn it_goes_on_from_the_tree_that_it_had() {
    let bench = Bench::signed(&TEXTS);
    for more in 1..4 {
        let (mut log, _) = bench.store.open(bench.id).unwrap();
        log.append(steer("more")).unwrap();
        close(log);
        assert_eq!(verify(&bench).unwrap(), 5 + more);
        assert!(bench.checkpoint(5 + more).exists());
    }
    // Nothing new to sign.
    drop(bench.store.open(bench.id).unwrap());
    assert_eq!(
        fs::read_dir(bench.folder().join("checkpoints"))
            .unwrap()
            .count(),
        4
    );
}

#[test]
fn a_long_session_is_signed_while_it_runs() {
    let bench = Bench::signed(&[]);
    let (mut log, _) = bench.store.open(bench.id).unwrap();
    for _ in 0..1_000 {
        log.append(steer("more")).unwrap();
    }
    let path = bench.checkpoint(1_000);
    let due = || path.exists();
    while !due() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    log.append(steer("more")).unwrap();
    crate::common::block_on(log.durable()).unwrap();
    let seen = bench.store.verify(bench.id, &bench.against()).unwrap();
    assert_eq!((seen.events, seen.signed), (1_001, 1_000));
}

#[test]
fn no_byte_of_the_log_can_change() {
    let bench = Bench::signed(&TEXTS[..3]);
    let bytes = bench.bytes();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        bench.set_bytes(&altered);
        verify(&bench).unwrap_err();
        assert!(
            bench.store.open(bench.id).is_err(),
            "byte {at}: what follows would be signed"
        );
    }
}

#[test]
fn no_cut_goes_unseen() {
    let bench = Bench::signed(&TEXTS[..3]);
    let bytes = bench.bytes();
    for cut in 0..bytes.len() {
        bench.set_bytes(&bytes[..cut]);
        let left = bytes[..cut].iter().filter(|byte| **byte == b'\n').count() as u64;
        match verify(&bench).unwrap_err() {
            LogError::Truncated {
                events, signed: 3, ..
            } => assert_eq!(events, left),
            other => panic!("cut at {cut}: {other}"),
        }
    }
}

#[test]
fn no_byte_of_a_checkpoint_can_change() {
    let bench = Bench::signed(&TEXTS);
    let path = bench.checkpoint(5);
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        overwrite(&path, &altered);
        match verify(&bench).unwrap_err() {
            LogError::Checkpoint { name, .. } => assert_eq!(name, "checkpoints/5"),
            other => panic!("byte {at}: {other}"),
        }
    }
}

#[test]
fn the_report_says_what_was_done() {
    let bench = Bench::signed(&TEXTS);
    let whole = lines(&bench);
    let report = |order: &[usize]| {
        let altered: String = order.iter().map(|at| whole[*at].as_str()).collect();
        bench.set_bytes(altered.as_bytes());
        verify(&bench).unwrap_err().to_string()
    };
    for (order, said) in [
        (
            &[0, 1, 3, 4][..],
            "line 3 (event 2): event 3 stands here: event 2 was removed or moved",
        ),
        (
            &[0, 4][..],
            "event 4 stands here: events 1 to 3 were removed or moved",
        ),
        (
            &[0, 2, 1, 3, 4][..],
            "line 2 (event 1): event 2 stands here: event 1 was removed or moved",
        ),
        (
            &[0, 1, 1, 2, 3, 4][..],
            "line 3 (event 2): event 1 stands here again: it was doubled or moved",
        ),
        (
            &[0, 1, 2][..],
            "checkpoints/5 is signed for 5 events, 3 are left",
        ),
        (&[][..], "checkpoints/5 is signed for 5 events, 0 are left"),
    ] {
        let report = report(order);
        assert!(report.contains(said), "{order:?}: {report}");
    }
}

#[test]
fn a_chain_that_was_made_anew_is_seen() {
    let bench = Bench::signed(&TEXTS);
    let (mut log, _) = bench.store.open(bench.id).unwrap();
    log.append(steer("more")).unwrap();
    close(log);
    let mut altered = lines(&bench);
    assert_eq!(chained(&altered), altered.concat());
    altered[5] = altered[5].replace("more", "less");
    bench.set_bytes(chained(&altered).as_bytes());
    // To the chain alone it is whole.
    fs::rename(
        bench.folder().join("checkpoints"),
        bench.folder().join("aside"),
    )
    .unwrap();
    assert_eq!(
        bench
            .store
            .verify(bench.id, &Against::default())
            .unwrap()
            .signed,
        0
    );
    fs::rename(
        bench.folder().join("aside"),
        bench.folder().join("checkpoints"),
    )
    .unwrap();
    match verify(&bench).unwrap_err() {
        LogError::Rewritten {
            first: 5,
            last: 5,
            by,
        } => assert_eq!(by, "checkpoints/6"),
        other => panic!("{other}"),
    }
}

#[test]
fn older_copies_of_everything_are_seen_by_what_was_kept_elsewhere() {
    let bench = Bench::signed(&TEXTS);
    let old = bench.bytes();
    let (mut log, _) = bench.store.open(bench.id).unwrap();
    log.append(steer("what somebody regrets")).unwrap();
    close(log);
    let anchor = bench.anchored(&bench.store.checkpoint(bench.id).unwrap());
    assert_eq!(bench.store.verify(bench.id, &anchor).unwrap().signed, 6);

    bench.set_bytes(&old);
    fs::remove_file(bench.checkpoint(6)).unwrap();
    assert_eq!(verify(&bench).unwrap(), 5, "by itself it is whole");
    match bench.store.verify(bench.id, &anchor).unwrap_err() {
        LogError::Truncated {
            events: 5,
            signed: 6,
            by,
        } => assert!(by.ends_with("anchor")),
        other => panic!("{other}"),
    }
    // Another history with as many events, signed by the same key.
    let (mut log, _) = bench.store.open(bench.id).unwrap();
    log.append(steer("something harmless")).unwrap();
    close(log);
    assert_eq!(verify(&bench).unwrap(), 6);
    match bench.store.verify(bench.id, &anchor).unwrap_err() {
        LogError::Rewritten {
            first: 5,
            last: 5,
            by,
        } => assert!(by.ends_with("anchor")),
        other => panic!("{other}"),
    }
}

#[test]
fn an_anchor_of_another_session_or_key_is_none() {
    let bench = Bench::signed(&TEXTS);
    let other = Bench::signed(&TEXTS);
    let note = |bench: &Bench| bench.store.checkpoint(bench.id).unwrap();
    let refused = |note: &str| {
        let error = bench
            .store
            .verify(bench.id, &bench.anchored(note))
            .unwrap_err();
        assert!(matches!(error, LogError::Checkpoint { .. }), "{error}");
        error.to_string()
    };
    assert!(refused(&note(&other)).contains("it is not signed by interline/audit+"));
    assert!(refused("nonsense").contains("no signed note"));
    let session = SessionId::new();
    let mut log = bench.store.create(session).unwrap();
    log.append(steer("elsewhere")).unwrap();
    close(log);
    let note = bench.store.checkpoint(session).unwrap();
    assert!(refused(&note).contains("another session"));
}

#[test]
fn checkpoints_need_a_key_and_each_its_own() {
    let bench = Bench::signed(&TEXTS);
    let old: PublicKey = bench.key().public().unwrap();
    let error = bench
        .store
        .verify(bench.id, &Against::default())
        .unwrap_err();
    assert!(
        error.to_string().contains("no key to check it with"),
        "{error}"
    );
    // The key is replaced: the session goes on, and needs both.
    fs::remove_file(bench.folder().ancestors().nth(2).unwrap().join("audit.key")).unwrap();
    let (mut log, _) = bench.store.open(bench.id).unwrap();
    log.append(steer("more")).unwrap();
    close(log);
    verify(&bench).unwrap_err();
    let mut both = bench.against();
    both.keys.push(old);
    assert_eq!(bench.store.verify(bench.id, &both).unwrap().signed, 6);
}

#[test]
fn blobs_are_a_part_of_it() {
    let bench = Bench::signed(&["short", &"long ".repeat(2_000)]);
    let mut blobs = fs::read_dir(bench.folder().join("blobs")).unwrap();
    let blob = blobs.next().unwrap().unwrap().path();
    let whole = fs::read(&blob).unwrap();
    let check = |said: &str| {
        let error = verify(&bench).unwrap_err().to_string();
        assert!(
            error.contains("line 2 (event 1): blob ") && error.contains(said),
            "{error}"
        );
    };
    let mut altered = whole.clone();
    altered[7] ^= 1;
    overwrite(&blob, &altered);
    check("was altered");
    fs::remove_file(&blob).unwrap();
    check("is missing");
    #[cfg(unix)]
    {
        let target = bench.folder().join("elsewhere");
        overwrite(&target, &whole);
        std::os::unix::fs::symlink(&target, &blob).unwrap();
        check("no regular file");
    }
}

#[test]
fn a_crash_before_the_signature_is_no_damage() {
    let bench = Bench::signed(&TEXTS);
    fs::remove_file(bench.checkpoint(5)).unwrap();
    let seen = bench.store.verify(bench.id, &bench.against()).unwrap();
    assert_eq!((seen.events, seen.signed), (5, 0));
    let (log, _) = bench.store.open(bench.id).unwrap();
    close(log);
    assert_eq!(verify(&bench).unwrap(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is done to the lines, and with the chain made to fit.
    #[test]
    fn no_other_order_of_lines_passes(order in prop::collection::vec(0..5_usize, 0..8), rechain: bool) {
        prop_assume!(order != [0, 1, 2, 3, 4]);
        let bench = Bench::signed(&TEXTS);
        let whole = lines(&bench);
        let altered: Vec<_> = order.iter().map(|at| whole[*at].clone()).collect();
        // A longer log that begins with the signed one is not this property's.
        prop_assume!(!(order.len() > 5 && order[..5] == [0, 1, 2, 3, 4]));
        let text = if rechain { chained(&altered) } else { altered.concat() };
        bench.set_bytes(text.as_bytes());
        prop_assert!(verify(&bench).is_err());
    }
}
