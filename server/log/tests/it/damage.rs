//! Whatever happens to a log's files: damage is found and named, and a crash costs nothing that was durable.

use std::fs;

use crate::common::{Bench, close, entry, goes_on, steer};
use interline_log::{Against, EventData, LogError};

const TEXTS: [&str; 4] = ["first", "zwölf {\"hash\":\"no\"}", "a, \"b\"", "last"];

fn damaged_line(bench: &Bench) -> Option<(u64, u64)> {
    match bench.store.verify(bench.id, &Against::default()) {
        Ok(_) => None,
        Err(LogError::Damaged { line, seq, .. }) => Some((line, seq)),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_flipped_bit_is_seen() {
    let (bench, _) = Bench::with(&TEXTS);
    let whole = bench.store.verify(bench.id, &Against::default()).unwrap();
    assert_eq!((whole.events, whole.torn_bytes), (4, 0));
    let bytes = bench.bytes();
    for at in 0..bytes.len() {
        for bit in [at % 5, 5] {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            bench.set_bytes(&altered);
            match bench.store.verify(bench.id, &Against::default()) {
                Ok(seen) => {
                    // Only the last line may pass for one that a crash cut, and then it is counted as that;
                    // it takes the one before with it if the LF between them is what was flipped.
                    let left = if bytes[at] == b'\n' && at + 1 < bytes.len() {
                        2
                    } else {
                        3
                    };
                    assert_eq!(seen.events, left, "byte {at} bit {bit}");
                    assert!(seen.torn_bytes > 0);
                }
                Err(LogError::Damaged { .. }) => {}
                Err(other) => panic!("byte {at} bit {bit}: {other}"),
            }
        }
    }
}

#[test]
fn lines_that_were_removed_moved_or_doubled_are_seen() {
    let (bench, _) = Bench::with(&TEXTS);
    let text = String::from_utf8(bench.bytes()).unwrap();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let check = |order: &[usize], place| {
        let altered: String = order.iter().map(|line| lines[*line]).collect();
        bench.set_bytes(altered.as_bytes());
        assert_eq!(damaged_line(&bench), place, "{order:?}");
    };
    check(&[0, 1, 2, 3], None);
    check(&[1, 2, 3], Some((1, 0)));
    check(&[0, 2, 3], Some((2, 1)));
    check(&[0, 2, 1, 3], Some((2, 1)));
    check(&[0, 1, 3, 2], Some((3, 2)));
    check(&[0, 1, 1, 2, 3], Some((3, 2)));
}

#[test]
fn a_line_of_another_session_is_seen() {
    let (bench, _) = Bench::with(&TEXTS);
    let (other, _) = Bench::with(&TEXTS);
    bench.set_bytes(&other.bytes());
    assert_eq!(damaged_line(&bench), Some((1, 0)));
}

#[test]
fn a_damaged_log_is_not_opened_but_listed() {
    let (bench, _) = Bench::with(&TEXTS);
    let text = String::from_utf8(bench.bytes()).unwrap();
    bench.set_bytes(text.replace("first", "worst").as_bytes());
    let error = bench.store.open(bench.id).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert!(bench.store.list().unwrap()[0].problem.is_some());
}

#[test]
fn a_blob_that_was_cut_altered_or_removed_is_seen() {
    let long = "long ".repeat(2000);
    let (bench, events) = Bench::with(&["short", &long, "short"]);
    assert_eq!(bench.store.read(bench.id).unwrap(), events);
    let blob = fs::read_dir(bench.folder().join("blobs"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let file = fs::OpenOptions::new().write(true).open(&blob).unwrap();
    file.set_len(5000).unwrap();
    assert_eq!(damaged_line(&bench), Some((2, 1)));
    file.set_len(0).unwrap();
    assert_eq!(damaged_line(&bench), Some((2, 1)));
    fs::remove_file(blob).unwrap();
    assert_eq!(damaged_line(&bench), Some((2, 1)));
}

#[test]
fn cut_at_any_byte_it_opens_with_all_whole_lines() {
    let (bench, events) = Bench::with(&TEXTS[..2]);
    let bytes = bench.bytes();
    for cut in 0..=bytes.len() {
        bench.set_bytes(&bytes[..cut]);
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
        let is_torn = cut > 0 && bytes[cut - 1] != b'\n';
        assert_eq!(
            bench.store.read(bench.id).unwrap(),
            events[..whole],
            "cut at {cut}"
        );
        let after = goes_on(&bench);
        assert_eq!(after[..whole], events[..whole]);
        assert_eq!(
            after.len(),
            whole + 1 + usize::from(is_torn),
            "cut at {cut}"
        );
        if is_torn {
            let EventData::LogRecovered {
                bytes: count,
                kept_in,
            } = &after[whole].data
            else {
                panic!("cut at {cut}")
            };
            let kept = fs::read(bench.folder().join(kept_in)).unwrap();
            assert_eq!(*count, kept.len() as u64);
            assert!(bytes[..cut].ends_with(&kept));
        }
    }
}

#[test]
fn ends_that_a_power_cut_leaves_are_set_aside() {
    let ends: [&[u8]; 6] = [
        &[0; 4096],
        b"\0\0\0\n",
        b"{\"v\":1\0\0\0",
        b"\xff\xfe",
        b"{\"v\":1}}\n\0\0",
        b"\0\n{\"v\"",
    ];
    for end in ends {
        let (bench, events) = Bench::with(&TEXTS);
        bench.set_bytes(&[&bench.bytes(), end].concat());
        assert_eq!(
            bench
                .store
                .verify(bench.id, &Against::default())
                .unwrap()
                .torn_bytes,
            end.len() as u64
        );
        assert_eq!(goes_on(&bench)[..4], events);
    }
}

#[test]
fn an_unreadable_place_before_whole_lines_is_damage() {
    let (bench, _) = Bench::with(&TEXTS);
    let mut bytes = bench.bytes();
    bytes[40..60].fill(0);
    bench.set_bytes(&bytes);
    assert_eq!(damaged_line(&bench), Some((1, 0)));
    assert_eq!(bench.bytes(), bytes, "nothing was cut");
}

#[test]
fn long_logs_go_on_in_another_segment() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    let text = "x".repeat(4000);
    let events: Vec<_> = (0..9000)
        .map(|_| log.append(steer(&text)).unwrap())
        .collect();
    close(log);
    for (segment, at_least) in [(0, 15 << 20), (1, 15 << 20), (2, 1)] {
        let length = fs::metadata(bench.segment(segment)).unwrap().len();
        assert!(
            (at_least..=16 << 20).contains(&length),
            "segment {segment} has {length} bytes"
        );
    }
    assert_eq!(goes_on(&bench)[..9000], events);
    // Only the last segment can be torn.
    let file = fs::OpenOptions::new()
        .write(true)
        .open(bench.segment(1))
        .unwrap();
    file.set_len(fs::metadata(bench.segment(1)).unwrap().len() - 1)
        .unwrap();
    assert!(matches!(
        bench.store.open(bench.id),
        Err(LogError::Damaged { .. })
    ));
    fs::remove_file(bench.segment(1)).unwrap();
    assert!(matches!(
        bench.store.open(bench.id),
        Err(LogError::Damaged { line: 0, .. })
    ));
}

#[test]
fn types_of_later_builds_pass_through() {
    let bench = Bench::new();
    let mut log = bench.store.create(bench.id).unwrap();
    let data = serde_json::json!({ "z": 1, "a": [null, 2.5, "\u{1}é"], "m": { "b": 1, "a": 2 } });
    let unknown = EventData::Unknown {
        r#type: "moon.\"landed".into(),
        data: data.clone(),
    };
    let events = vec![log.append(entry(unknown.clone())).unwrap()];
    close(log);
    assert_eq!(bench.store.read(bench.id).unwrap(), events);
    assert_eq!(events[0].data, unknown);
    assert!(
        String::from_utf8(bench.bytes())
            .unwrap()
            .contains(&data.to_string())
    );
}
