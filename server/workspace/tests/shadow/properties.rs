//! Whatever is on disk, typed, proposed and done in the shadow: what came back as hunks is what the command left.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use interline_workspace::proposal::Proposed;
use proptest::prelude::*;

use crate::desk::Desk;

const NAMES: &[&str] = &["a", "b", "d/c", "d/e", "f/g/h"];

/// What is done to a file, by the user, the model or a command.
#[derive(Clone, Debug)]
enum Act {
    Write(usize, String),
    Append(usize, String),
    Delete(usize),
    Move(usize, usize),
    /// Appends what is no text.
    Bytes(usize),
    /// Makes it executable, or takes that away.
    Mode(usize, bool),
}

fn texts() -> impl Strategy<Value = String> {
    let line = prop_oneof![Just("x"), Just("y"), Just("z"), Just("")];
    let ending = prop_oneof![4 => Just("\n"), 1 => Just("\r\n")];
    (prop::collection::vec((line, ending), 0..7), any::<bool>()).prop_map(|(lines, open)| {
        let text: String = lines
            .iter()
            .map(|(line, end)| format!("{line}{end}"))
            .collect();
        if open {
            text.trim_end().to_owned()
        } else {
            text
        }
    })
}

fn names() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (names(), texts()).prop_map(|(name, text)| Act::Write(name, text)),
        2 => (names(), texts()).prop_map(|(name, text)| Act::Append(name, text)),
        1 => names().prop_map(Act::Delete),
        1 => (names(), names()).prop_map(|(from, to)| Act::Move(from, to)),
        1 => names().prop_map(Act::Bytes),
        1 => (names(), any::<bool>()).prop_map(|(name, executable)| Act::Mode(name, executable)),
    ];
    prop::collection::vec(act, 0..6)
}

fn script(acts: &[Act]) -> String {
    let quoted = |text: &str| text.replace('\r', "\\r").replace('\n', "\\n");
    let mut script = "mkdir -p d f/g\n".to_owned();
    for act in acts {
        let line = match act {
            Act::Write(name, text) => format!("printf '%b' '{}' > {}", quoted(text), NAMES[*name]),
            Act::Append(name, text) => {
                format!("printf '%b' '{}' >> {}", quoted(text), NAMES[*name])
            }
            Act::Delete(name) => format!("rm -f {}", NAMES[*name]),
            Act::Move(from, to) => {
                format!("mv -f {} {} 2>/dev/null || true", NAMES[*from], NAMES[*to])
            }
            Act::Bytes(name) => format!("printf '\\000\\377' >> {}", NAMES[*name]),
            Act::Mode(name, executable) => {
                let sign = if *executable { '+' } else { '-' };
                format!("chmod {sign}x {} 2>/dev/null || true", NAMES[*name])
            }
        };
        script.push_str(&line);
        script.push('\n');
    }
    script
}

/// Prints every file with its bytes, as hexadecimal numbers.
const TREE: &str = "for f in $(find . -type f | sort); do echo \"$f:$(test -x $f && echo x):$(od -An -v -tx1 $f | tr -d ' \\n')\"; done";

/// The same of the disk.
fn tree(folder: &Path) -> String {
    let mut lines = BTreeMap::new();
    for name in NAMES {
        if let Ok(bytes) = std::fs::read(folder.join(name)) {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let mode = folder.join(name).metadata().unwrap().permissions().mode();
            let mark = if mode & 0o111 == 0 { "" } else { "x" };
            lines.insert(*name, format!("./{name}:{mark}:{hex}"));
        }
    }
    lines.into_values().collect::<Vec<_>>().join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hunks_are_what_the_command_left(
        disk in prop::collection::btree_map(names(), texts(), 0..5),
        typed in prop::collection::btree_map(names(), texts(), 0..3),
        proposed in prop::collection::btree_map(names(), prop::option::of(texts()), 0..3),
        first in acts(),
        second in acts(),
    ) {
        let Some(desk) = Desk::new(&[]) else { return Ok(()) };
        for (name, text) in &disk {
            desk.write(NAMES[*name], text);
        }
        // An empty buffer of no file is no file.
        let typed: BTreeMap<_, _> = typed
            .into_iter()
            .filter(|(name, text)| !text.is_empty() || disk.contains_key(name))
            .collect();
        for (name, text) in &typed {
            desk.open(NAMES[*name], text);
        }
        for (name, text) in &proposed {
            let what = text.clone().map_or(Proposed::Delete, Proposed::Write);
            desk.try_propose(NAMES[*name], what);
        }
        let before = tree(desk.root());
        for acts in [first, second] {
            let script = format!("{}{TREE}", script(&acts));
            let (left, changes) = desk.run(&script);
            let notices = changes.propose(&desk.workspace, desk.origin()).notices;
            prop_assert!(notices.is_empty(), "{notices:?}");
            prop_assert_eq!(desk.says(TREE), left.clone());
            prop_assert_eq!(tree(desk.root()), before.clone(), "the workspace is as it was");
        }
        let left = desk.says(TREE);
        for (name, text) in &typed {
            desk.write(NAMES[*name], text);
            desk.close(NAMES[*name]);
        }
        // A file may wait for another to make room.
        for _ in 0..3 {
            desk.accept_all();
        }
        prop_assert_eq!(tree(desk.root()), left);
    }
}
