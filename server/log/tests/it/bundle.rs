//! What is exported is checked elsewhere with nothing but itself; what was made to harm ends with an error.

use std::fs;
use std::path::{Path, PathBuf};

use interline_log::{
    Against, EventData, FileBytes, HunkId, HunkKind, HunkRecord, LogError, VerifiedBundle,
    verify_bundle,
};
use sha2::{Digest as _, Sha256};

use crate::common::{Bench, close, entry, overwrite};

/// A session that changed a file of text and one of bytes, with a payload in a blob.
fn session() -> Bench {
    let bench = Bench::signed(&["short", &"long ".repeat(2_000)]);
    let (mut log, _) = bench.store.open(bench.id).unwrap();
    let bytes = bench
        .store
        .attachments(bench.id)
        .keep(b"\0picture")
        .unwrap();
    for (path, kind) in [("notes.txt", HunkKind::Text), ("logo.png", picture(bytes))] {
        let id = HunkId::new();
        let hunk = HunkRecord {
            id,
            kind,
            start_line: 0,
            old: "old\n".into(),
            new: "new\n".into(),
        };
        log.append(entry(EventData::EditProposed {
            path: path.into(),
            base_sha256: String::new(),
            replaces: Vec::new(),
            hunks: vec![hunk],
        }))
        .unwrap();
        log.append(entry(EventData::EditApplied {
            path: path.into(),
            hunks: vec![id],
            post_sha256: format!("{:x}", Sha256::digest(path)),
        }))
        .unwrap();
    }
    close(log);
    bench
}

fn picture(bytes: FileBytes) -> HunkKind {
    HunkKind::Binary {
        before: None,
        after: Some(bytes),
    }
}

fn exported(bench: &Bench) -> PathBuf {
    let to = bench.folder().join("../../bundle");
    bench
        .store
        .export(bench.id, Against::default(), &to)
        .unwrap();
    to
}

fn check(bundle: &Path) -> Result<VerifiedBundle, LogError> {
    verify_bundle(bundle, Against::default())
}

#[test]
fn a_bundle_is_checked_anywhere() {
    let bench = session();
    let bundle = exported(&bench);
    let found = check(&bundle).unwrap();
    assert_eq!((found.session, found.log.events), (bench.id, 6));
    assert_eq!(found.keys, bench.against().keys);
    assert_eq!(verify_bundle(&bundle, bench.against()).unwrap(), found);
    let stranger = Bench::signed(&["x"]).against();
    let error = verify_bundle(&bundle, stranger).unwrap_err().to_string();
    assert!(error.contains("it is not signed by"), "{error}");

    let statement = fs::read(bundle.join("statement.json")).unwrap();
    let statement: serde_json::Value = serde_json::from_slice(&statement).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let subjects = statement["subject"].as_array().unwrap();
    let names: Vec<_> = subjects.iter().map(|subject| &subject["name"]).collect();
    assert_eq!(names, ["logo.png", "notes.txt"]);
    assert_eq!(
        subjects[1]["digest"]["sha256"],
        format!("{:x}", Sha256::digest("notes.txt"))
    );
    assert_eq!(statement["predicate"]["log"]["size"], 6);
}

#[test]
fn what_a_crash_left_unsigned_is_signed_and_what_is_torn_stays_behind() {
    let bench = session();
    fs::remove_dir_all(bench.folder().join("checkpoints")).unwrap();
    bench.set_bytes(&[&bench.bytes()[..], b"{\"v\":1,"].concat());
    let found = check(&exported(&bench)).unwrap();
    assert_eq!((found.log.signed, found.log.torn_bytes), (6, 0));
}

#[test]
fn a_damaged_log_is_not_exported_and_nothing_is_overwritten() {
    let bench = session();
    let to = exported(&bench);
    let again = bench.store.export(bench.id, Against::default(), &to);
    assert!(matches!(again, Err(LogError::Io { .. })));
    check(&to).unwrap();
    fs::remove_dir_all(&to).unwrap();
    bench.set_bytes(&bench.bytes()[..10]);
    bench
        .store
        .export(bench.id, Against::default(), &to)
        .unwrap_err();
    assert!(!to.exists());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn every_part_counts() {
    let bench = session();
    let bundle = exported(&bench);
    let parts = files(&bundle);
    assert_eq!(parts.len(), 1 + 2 + 2 + 2, "{parts:?}");
    for part in parts {
        let bytes = fs::read(&part).unwrap();
        let refused = |what: &str| {
            let error = check(&bundle).map(|_| ()).expect_err(what).to_string();
            assert!(!error.contains('\n'), "{error}");
        };
        for at in [0, bytes.len() / 3, bytes.len() / 2] {
            let mut altered = bytes.clone();
            altered[at] ^= 1;
            overwrite(&part, &altered);
            refused(&format!("{} changed at {at}", part.display()));
        }
        overwrite(&part, &bytes[..bytes.len() / 2]);
        refused(&format!("{} cut", part.display()));
        // Without the older of two checkpoints nothing is lost.
        if !part.ends_with("checkpoints/2") {
            fs::remove_file(&part).unwrap();
            refused(&format!("{} removed", part.display()));
        }
        overwrite(&part, &bytes);
        check(&bundle).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn what_is_made_to_harm_ends_with_an_error() {
    let bench = session();
    let bundle = exported(&bench);
    let aside = bundle.join("../aside");
    for part in files(&bundle) {
        if part.ends_with("checkpoints/2") {
            continue;
        }
        fs::rename(&part, &aside).unwrap();
        // A link, though what it leads to is what was here.
        std::os::unix::fs::symlink(&aside, &part).unwrap();
        check(&bundle).unwrap_err();
        std::fs::remove_file(&part).unwrap();
        // A device that has no end, a folder, and a file that is larger than the memory.
        std::os::unix::fs::symlink("/dev/zero", &part).unwrap();
        check(&bundle).unwrap_err();
        std::fs::remove_file(&part).unwrap();
        fs::create_dir(&part).unwrap();
        check(&bundle).unwrap_err();
        std::fs::remove_dir(&part).unwrap();
        let huge = fs::File::create(&part).unwrap();
        let is_blob = part.parent().unwrap().ends_with("blobs");
        // Blobs may be long: they are hashed as they come.
        huge.set_len(if is_blob { 1 << 26 } else { 1 << 40 })
            .unwrap();
        check(&bundle).unwrap_err();
        fs::rename(&aside, &part).unwrap();
        check(&bundle).unwrap();
    }
    overwrite(&bundle.join("checkpoints/99"), b"\xff\xfe");
    check(&bundle).unwrap_err();
    assert!(check(&bundle.join("no such folder")).is_err());
}
