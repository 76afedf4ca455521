//! A process that is killed at any moment: what it was told is durable is there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::common::{Bench, block_on, goes_on, steer};
use interline_log::{EventData, Store};

const FOLDER: &str = "INTERLINE_TEST_KILL_FOLDER";
const SESSION: &str = "INTERLINE_TEST_KILL_SESSION";

/// Not a test: what the other one starts and kills. Tells each event that is durable.
#[test]
fn child() {
    let (Some(folder), Some(session)) = (std::env::var_os(FOLDER), std::env::var_os(SESSION))
    else {
        return;
    };
    let store = Store::new(folder.into());
    let mut log = store
        .create(session.to_str().unwrap().parse().unwrap())
        .unwrap();
    for n in 0_u64.. {
        log.append(steer(
            &format!("{n} ").repeat(usize::try_from(n % 7).unwrap() * 400),
        ))
        .unwrap();
        if n % 3 == 0 {
            block_on(log.durable()).unwrap();
            writeln!(std::io::stderr(), "durable {n}").unwrap();
        }
    }
}

#[test]
fn killed_at_any_moment_it_keeps_what_was_durable() {
    for stop_after in [0_u64, 3, 10, 40, 100] {
        let bench = Bench::new();
        #[expect(
            clippy::disallowed_methods,
            reason = "the test kills itself in another process"
        )]
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--nocapture"])
            .env(FOLDER, bench.folder().parent().unwrap())
            .env(SESSION, bench.id.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let mut told = lines.filter_map(|line| line.strip_prefix("durable ")?.parse::<u64>().ok());
        let mut last = told.find(|n| *n >= stop_after).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        last = told.last().unwrap_or(last);

        let events = goes_on(&bench);
        let steers = events
            .iter()
            .filter(|event| matches!(event.data, EventData::InputSteer { .. }))
            .count() as u64;
        assert!(
            steers > last + 1,
            "{last} was durable, {steers} are there, with the one that goes on"
        );
    }
}
