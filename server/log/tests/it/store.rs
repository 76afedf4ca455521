//! Who may write a log, what reaches the disk and when, and what is never written there.

use std::fs;

use crate::common::{Bench, block_on, close, entry, goes_on, steer};
use interline_log::{
    Actor, Against, CallId, Entry, EventData, LogError, SessionId, StopReason, Store, TurnId,
    TurnOutcome, Usage,
};

#[test]
fn nothing_is_touched_until_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path().join("sessions"));
    assert_eq!(store.list().unwrap(), []);
    let id = SessionId::new();
    assert!(matches!(store.open(id), Err(LogError::NotFound(_))));
    assert!(matches!(store.read(id), Err(LogError::NotFound(_))));
    assert!(!folder.path().join("sessions").exists());
}

#[test]
fn every_member_of_the_envelope_comes_back() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    let first = log.append(steer("first")).unwrap();
    let data = EventData::TurnEnded {
        outcome: TurnOutcome::Done,
    };
    let (turn, call) = (Some(TurnId::new()), Some(CallId::new()));
    let second = log
        .append(Entry {
            turn,
            call,
            causes: vec![first.id],
            actor: Actor::System,
            data,
        })
        .unwrap();
    assert_eq!((second.seq, second.turn, second.call), (1, turn, call));
    close(log);
    assert_eq!(bench.store.read(bench.id).unwrap(), [first, second]);
}

/// By the head of `line.rs` alone.
#[test]
fn others_can_check_the_chain() {
    use sha2::{Digest, Sha256};
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let (bench, _) = Bench::with(&["one", "two ,\"hash\":\" two", &"long ".repeat(2000)]);
    let text = String::from_utf8(bench.bytes()).unwrap();
    let mut prev = [0; 32];
    for (seq, line) in text.lines().enumerate() {
        let (before, rest) = line.split_once(",\"hash\":\"").unwrap();
        let (hash, after) = rest.split_once('"').unwrap();
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (value["seq"].as_u64(), value["prev"].as_str()),
            (Some(seq as u64), Some(hex(&prev).as_str()))
        );
        prev = Sha256::new()
            .chain_update(prev)
            .chain_update(before)
            .chain_update(after)
            .finalize()
            .into();
        assert_eq!(hash, hex(&prev));
        if let Some(blob) = value["blob"].as_str() {
            let bytes = fs::read(bench.folder().join("blobs").join(blob)).unwrap();
            assert_eq!(blob, hex(&Sha256::digest(&bytes)));
        }
        let mut members: Vec<_> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let payload = if seq == 2 { "blob" } else { "data" };
        assert_eq!(members.pop(), Some(payload));
        assert_eq!(
            members,
            [
                "v", "seq", "id", "ts", "session", "actor", "type", "prev", "hash"
            ]
        );
    }
    assert_eq!(
        bench
            .store
            .verify(bench.id, &Against::default())
            .unwrap()
            .last_hash,
        hex(&prev)
    );
}

#[test]
fn an_id_is_used_once() {
    let (bench, _) = Bench::with(&["one"]);
    assert!(matches!(
        bench.store.create(bench.id),
        Err(LogError::Exists(_))
    ));
}

#[test]
fn a_second_writer_is_refused_until_the_first_lets_go() {
    let bench = Bench::new();
    let log = bench.store.create(bench.id).unwrap();
    let error = bench.store.open(bench.id).unwrap_err();
    assert!(
        matches!(&error, LogError::Locked { holder, .. } if *holder == std::process::id().to_string()),
        "{error}"
    );
    assert_eq!(bench.store.read(bench.id).unwrap(), []);
    drop(log);
    goes_on(&bench);
    let epoch = fs::read_to_string(bench.folder().join("lock")).unwrap();
    assert!(epoch.starts_with("2 "), "{epoch}");
}

#[test]
fn a_writer_whose_lock_was_taken_away_stops() {
    let bench = Bench::new();
    let mut old = bench.store.create(bench.id).unwrap();
    old.append(steer("before")).unwrap();
    block_on(old.durable()).unwrap();
    fs::remove_file(bench.folder().join("lock")).unwrap();
    let (mut new, _) = bench.store.open(bench.id).unwrap();
    let _ = old.append(steer("too late"));
    assert!(matches!(block_on(old.durable()), Err(LogError::Fenced(_))));
    assert!(matches!(
        old.append(steer("still too late")),
        Err(LogError::Fenced(_))
    ));
    new.append(steer("after")).unwrap();
    close(new);
    assert_eq!(bench.store.read(bench.id).unwrap().len(), 2);
}

#[test]
fn a_failed_write_is_told_ever_after() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    // A file where the folder of the blobs belongs.
    fs::File::create(bench.folder().join("blobs")).unwrap();
    log.append(steer(&"long ".repeat(2000))).unwrap();
    assert!(matches!(block_on(log.durable()), Err(LogError::Io { .. })));
    assert!(matches!(
        log.append(steer("short")),
        Err(LogError::Io { .. })
    ));
    assert!(matches!(block_on(log.durable()), Err(LogError::Io { .. })));
    drop(log);
    assert_eq!(
        bench.store.read(bench.id).unwrap(),
        [],
        "no line names the blob"
    );
}

#[test]
fn what_is_durable_is_seen_by_readers_while_the_log_is_open() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    let mut events = Vec::new();
    for n in 0..20 {
        events.push(log.append(steer(&format!("{n} ").repeat(n * 200))).unwrap());
        block_on(log.durable()).unwrap();
        assert_eq!(bench.store.read(bench.id).unwrap(), events);
    }
}

#[test]
fn secrets_do_not_reach_the_disk() {
    let bench = Bench::new().redacting("correct horse");
    let mut log = bench.store.create(bench.id).unwrap();
    let long = format!("{} correct horse", "x".repeat(10_000));
    let events = vec![
        log.append(steer("the correct horse")).unwrap(),
        log.append(steer(&long)).unwrap(),
    ];
    close(log);
    assert_eq!(
        events[0].data,
        EventData::InputSteer {
            text: "the [redacted]".into()
        }
    );
    assert_eq!(bench.store.read(bench.id).unwrap(), events);
    let blob = fs::read_dir(bench.folder().join("blobs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    for bytes in [bench.bytes(), fs::read(blob).unwrap()] {
        assert!(!String::from_utf8(bytes).unwrap().contains("correct horse"));
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::MetadataExt;
    let (bench, _) = Bench::with(&[&"long ".repeat(2000)]);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    let mut folders = vec![bench.folder().parent().unwrap().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                files += 1;
            }
        }
    }
    assert_eq!(files, 3);
}

#[test]
fn the_list_shows_the_newest_first_with_its_figures() {
    let (bench, _) = Bench::with(&["an older session"]);
    std::thread::sleep(std::time::Duration::from_millis(3));
    let id = SessionId::new();
    let mut log = bench.store.create(id).unwrap();
    let turn = TurnId::new();
    let usage = Usage {
        input: 10,
        output: 5,
        ..Usage::default()
    };
    let user = |title: &str| EventData::InputUser {
        title: title.into(),
        text: "…".into(),
        context: String::new(),
    };
    let stopped = |cost| EventData::ResponseStopped {
        reason: StopReason::EndTurn,
        usage,
        cost_micro_usd: cost,
    };
    let created = EventData::SessionCreated {
        version: "0".into(),
        roots: vec!["/w".into()],
    };
    for data in [
        created,
        user("fix it"),
        stopped(Some(7)),
        stopped(None),
        user("and that"),
    ] {
        log.append(Entry {
            turn: Some(turn),
            ..entry(data)
        })
        .unwrap();
    }
    close(log);
    let list = bench.store.list().unwrap();
    assert_eq!(
        list.iter().map(|summary| summary.id).collect::<Vec<_>>(),
        [id, bench.id]
    );
    let summary = &list[0];
    assert_eq!(
        (summary.title.as_str(), summary.turns, summary.open_turn),
        ("fix it", 2, Some(turn))
    );
    assert_eq!(summary.roots, ["/w"]);
    assert_eq!(
        (
            summary.spent.usage.total(),
            summary.spent.cost_micro_usd,
            summary.spent.unpriced
        ),
        (30, 7, 1)
    );
    assert_eq!(summary.by_turn[&turn], summary.spent);
}

#[test]
fn a_list_of_long_logs_is_kept_until_they_change() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    let text = "x".repeat(3000);
    for _ in 0..200 {
        log.append(steer(&text)).unwrap();
    }
    close(log);
    let kept = bench.folder().join("summary.json");
    let first = bench.store.list().unwrap();
    assert!(kept.is_file());
    assert_eq!(bench.store.list().unwrap(), first);
    // What is kept is told, for as long as the log is the one that it was made of.
    let altered = std::fs::read_to_string(&kept).unwrap();
    let altered = altered.replace("\"title\":\"\"", "\"title\":\"kept\"");
    crate::common::overwrite(&kept, altered.as_bytes());
    assert_eq!(bench.store.list().unwrap()[0].title, "kept");
    goes_on(&bench);
    let second = bench.store.list().unwrap();
    assert_eq!(second[0].title, "");
    assert!(second[0].last_event >= first[0].last_event);
    for nonsense in ["", "{}", "[1]", "\u{0}"] {
        crate::common::overwrite(&kept, nonsense.as_bytes());
        assert_eq!(bench.store.list().unwrap(), second);
    }
}
