//! The shell analyser: any text has facts, the same ones each time, and text put behind a command proves nothing more.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|command: &str| {
    let root = Path::new("/nowhere");
    let facts = interline_policy::analyse_shell(command, root);
    assert_eq!(facts, interline_policy::analyse_shell(command, root));
});
