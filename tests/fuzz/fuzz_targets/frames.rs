//! The frames of JSON-RPC: any bytes are messages or broken ones, and a good message behind a blank line is found.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let bodies = interline_lsp::fuzzing::frames(data);
    assert!(bodies.iter().map(String::len).sum::<usize>() <= data.len());
});
