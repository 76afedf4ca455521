//! What checkers print: any text is diagnostics of files of the workspace, or one error.
#![no_main]

use std::sync::OnceLock;

use interline_fuzz::folder;
use libfuzzer_sys::fuzz_target;

fn place() -> &'static tempfile::TempDir {
    static PLACE: OnceLock<tempfile::TempDir> = OnceLock::new();
    PLACE.get_or_init(|| {
        let folder = folder();
        std::fs::write(folder.path().join("a"), "one\r\ntw\u{1d11e}o\nthree").expect("written");
        folder
    })
}

fuzz_target!(|input: (u8, &str)| {
    let (checker, output) = input;
    for diagnostic in interline_tools::fuzzing::checker(checker, output, place().path()) {
        let mut parts = diagnostic.path.as_str().split('/');
        assert!(parts.all(|part| part != ".."), "{diagnostic:?}");
    }
});
