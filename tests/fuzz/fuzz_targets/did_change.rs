//! `didChange`: the mirror is what a naive string is after the same changes, and no position is out of place.
#![no_main]

use arbitrary::Arbitrary;
use interline_fuzz::folder;
use interline_workspace::Workspace;
use interline_workspace::document::{Change, Position, Range};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, OnceLock};

#[derive(Arbitrary, Debug)]
struct Edit<'a> {
    whole: bool,
    start: (u8, u8),
    end: (u8, u8),
    text: &'a str,
}

fn workspace() -> &'static Arc<Workspace> {
    static PLACE: OnceLock<(tempfile::TempDir, Arc<Workspace>)> = OnceLock::new();
    let (_, workspace) = PLACE.get_or_init(|| {
        let folder = folder();
        let workspace = Workspace::open(folder.path()).expect("it is there");
        (folder, workspace)
    });
    workspace
}

/// 255 stands for far beyond every end.
fn position((line, character): (u8, u8)) -> Position {
    let far = |n: u8| if n == u8::MAX { u32::MAX } else { u32::from(n) };
    Position {
        line: far(line),
        character: far(character),
    }
}

/// The byte offset of a position, the slow way.
fn offset(text: &str, position: Position) -> usize {
    let mut lines = text.split_inclusive('\n');
    let mut start = 0;
    for _ in 0..position.line {
        match lines.next() {
            Some(line) if line.ends_with('\n') => start += line.len(),
            _ => return text.len(),
        }
    }
    let line = &text[start..];
    let line = line
        .split_once('\n')
        .map_or(line, |(line, _)| line.strip_suffix('\r').unwrap_or(line));
    let mut units = 0;
    for (at, char) in line.char_indices() {
        units += char.len_utf16();
        if units > position.character as usize {
            return start + at;
        }
    }
    start + line.len()
}

fuzz_target!(|input: (&str, Vec<Edit>)| {
    let (first, edits) = input;
    let workspace = workspace();
    let uri = "file:///a";
    workspace.did_open(uri, None, "text", 0, first);
    let mut text = first.to_owned();
    for (version, edit) in (1..).zip(edits) {
        let range = (!edit.whole).then(|| Range {
            start: position(edit.start),
            end: position(edit.end),
        });
        match range {
            None => text = edit.text.to_owned(),
            Some(Range { start, end }) => {
                let (start, end) = (offset(&text, start.min(end)), offset(&text, start.max(end)));
                text.replace_range(start..end, edit.text);
            }
        }
        let change = Change {
            range,
            text: edit.text.to_owned(),
        };
        workspace
            .did_change(uri, version, &[change])
            .expect("it is open");
        let mirror = workspace.document(uri).expect("it is open").text();
        assert_eq!(mirror, text);
    }
    workspace.did_close(uri);
});
