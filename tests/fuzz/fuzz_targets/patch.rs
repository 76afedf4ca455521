//! Patches: any text is one error or hunks; hunks apply where their lines stand, or not at all with a reason.
#![no_main]

use interline_workspace::fuzzing;
use interline_workspace::patch::{FileChange, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str)| {
    let (text, body) = input;
    // Few inputs find the frame by themselves.
    let framed = format!("*** Begin Patch\n*** Update File: a\n{body}\n*** End Patch");
    for patch in [body, &framed] {
        let files = match parse(patch) {
            Ok(files) => files,
            Err(reason) => {
                assert!(!reason.is_empty());
                continue;
            }
        };
        assert!(!files.is_empty());
        for file in files {
            let FileChange::Update { hunks, .. } = file.change else {
                continue;
            };
            let before: usize = hunks.iter().map(|hunk| hunk.old.lines().count()).sum();
            match fuzzing::patch(text, &hunks) {
                // Every line that is looked for stood there.
                Ok(_) => assert!(text.lines().count() >= before),
                Err(reason) => assert!(!reason.is_empty()),
            }
        }
    }
});
