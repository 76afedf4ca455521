//! Search and replace: it happens exactly `count` times where `old` stands, or not at all with a reason.
#![no_main]

use interline_workspace::fuzzing::replace;
use libfuzzer_sys::fuzz_target;

const BOM: char = '\u{feff}';

fuzz_target!(|input: (&str, &str, &str, u8)| {
    let (text, old, new, count) = input;
    let lf = |text: &str| text.replace("\r\n", "\n");
    match replace(text, &[(old, new, u32::from(count))]) {
        Ok((result, exact)) => {
            let bare = |sent: &str| lf(if text.starts_with(BOM) { sent } else { sent.strip_prefix(BOM).unwrap_or(sent) });
            let (old, new, text) = (bare(old), bare(new), lf(text));
            if exact {
                assert_eq!(text.matches(&old).count(), usize::from(count));
                // A lone CR beside what is replaced may become half of a line break.
                if !new.contains('\r') && !text.contains('\r') {
                    assert_eq!(lf(&result), text.replace(&old, &new));
                }
            } else {
                assert!(!text.contains(&old), "an exact match comes first");
            }
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
    let twice = [(old, new, u32::from(count)), (new, old, 1)];
    let _ = replace(text, &twice);
});
