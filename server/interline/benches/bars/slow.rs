//! Text that streams while the disk is slow: every sync of the log takes 200 ms more, and no word waits for it.
//!
//! The disk is slowed by a preloaded library (`preload/slow_disk.rs`), so that the binary is the one that is shipped.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use scripted_model::{Call, Script, Server, Step};
use serde_json::{Value, json};

use crate::place::Place;
use crate::table::{Bar, line, milliseconds};

/// Each begins while the log of the step before it is still being synced.
const STEPS: usize = 40;
const WORDS: usize = 50;
/// Between two words, in milliseconds.
const PACE: u64 = 4;

pub(crate) fn bench() {
    for (name, slow) in [
        ("run: a word later than the one before, ms", false),
        ("run: the same, every sync 200 ms slower, ms", true),
    ] {
        line(name, Bar::P99(5.0), lateness(slow));
    }
}

/// By how much each word came later after the one before than the model had sent it.
fn lateness(slow: bool) -> Vec<f64> {
    let step = |number: usize| Step {
        deltas: Some(WORDS),
        event_delay_ms: PACE,
        calls: vec![Call {
            tool: "list".to_owned(),
            input: json!({ "path": format!("{number}") }),
            ..Call::default()
        }],
        ..Step::say("word ")
    };
    let script = Script {
        steps: (0..STEPS).map(step).chain([Step::say("Done.")]).collect(),
        ..Script::default()
    };
    let server = Server::launch(script, None).unwrap();
    let place = Place::new().model(&server);
    (0..STEPS).for_each(|number| place.write(&format!("{number}/file"), ""));
    let mut command = place.command(&["run", "--diff", "--output", "jsonl", "please"]);
    let count = place.project().join("../syncs");
    if slow {
        command
            .env("LD_PRELOAD", library())
            .env("SLOW_DISK_COUNT", &count);
    }
    let found = words(command);
    if slow {
        let syncs = std::fs::metadata(count).unwrap().len() as usize;
        assert!(syncs > STEPS, "{syncs} syncs");
    }
    found
}

fn words(mut command: Command) -> Vec<f64> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut late, mut last, mut words) = (Vec::new(), None, 0);
    for told in BufReader::new(child.stdout.take().unwrap()).lines() {
        let now = Instant::now();
        let told: Value = serde_json::from_str(&told.unwrap()).unwrap();
        if told["delta"] != "word " {
            last = None;
            continue;
        }
        words += 1;
        if let Some(before) = last.replace(now) {
            late.push((milliseconds(now - before) - PACE as f64).max(0.0));
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(words, STEPS * WORDS);
    late
}

/// The library, compiled anew.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark builds what it measures with"
)]
fn library() -> PathBuf {
    let source = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/benches/bars/preload/slow_disk.rs"
    );
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("libslow_disk.so");
    let status = Command::new("rustc")
        .args(["--edition=2024", "--crate-type=cdylib", "-O", source, "-o"])
        .arg(&out)
        .status();
    assert!(status.unwrap().success());
    out
}
