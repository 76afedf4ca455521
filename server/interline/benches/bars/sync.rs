//! Text sync through the real server: how many one-character changes a second it takes from a pipe.

use std::time::Instant;

use crate::editor::{Editor, frame};
use crate::place::Place;
use crate::table::{Bar, line};

const CHANGES: u32 = 200_000;
const RUNS: usize = 7;
const NAME: &str = "big.rs";
const MARK: &str = "interline:";

pub(crate) fn bench() {
    for megabytes in [1, 10] {
        throughput(megabytes);
    }
}

fn throughput(megabytes: usize) {
    let place = Place::new();
    let text = big(megabytes);
    let mut editor = Editor::new(&place);
    editor.open(NAME, &text);
    let mut typist = Typist::new(&editor.uri(NAME), &text);
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let mut frames = Vec::new();
        (0..CHANGES).for_each(|_| typist.type_one(&mut frames));
        editor.barrier();
        let start = Instant::now();
        editor.write(&frames);
        editor.barrier();
        rates.push(f64::from(CHANGES) / start.elapsed().as_secs_f64());
    }
    // The last of the changes make a mark that the server has an offer for; those dropped would have been complaints.
    assert!(!offers(&mut editor));
    let mut frames = Vec::new();
    for (at, letter) in MARK.chars().enumerate() {
        typist.change(&mut frames, 0, 3 + at, 3 + at, &letter.to_string());
    }
    editor.write(&frames);
    assert!(offers(&mut editor), "the changes are in the mirror");
    editor.end();
    let name = format!("lsp: one-character changes a second, {megabytes} MB document");
    line(&name, Bar::AtLeast(200_000.0), rates);
}

fn offers(editor: &mut Editor<'_>) -> bool {
    let titles = editor.actions(NAME, 0);
    titles
        .iter()
        .any(|title| title == "Do what this comment says")
}

/// A text of numbered lines under a comment.
pub(crate) fn big(megabytes: usize) -> String {
    use std::fmt::Write as _;
    let mut text = "//  do it\n".to_owned();
    for number in 0.. {
        if text.len() >= megabytes << 20 {
            break;
        }
        writeln!(
            text,
            "let value{number} = compute(\"some text with words\", 42);"
        )
        .unwrap();
    }
    text
}

/// Types all over a document, below its first line.
pub(crate) struct Typist {
    uri: String,
    lines: u32,
    version: u32,
}

impl Typist {
    pub(crate) fn new(uri: &str, text: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            lines: u32::try_from(text.lines().count()).unwrap(),
            version: 0,
        }
    }

    /// Types a character and, the next time, takes it back.
    pub(crate) fn type_one(&mut self, frames: &mut Vec<u8>) {
        let line = 1 + (self.version / 2).wrapping_mul(2_654_435_761) % (self.lines - 1);
        if self.version.is_multiple_of(2) {
            self.change(frames, line, 10, 10, "x");
        } else {
            self.change(frames, line, 10, 11, "");
        }
    }

    fn change(&mut self, frames: &mut Vec<u8>, line: u32, start: usize, end: usize, text: &str) {
        self.version += 1;
        let (uri, version) = (&self.uri, self.version);
        frame(
            frames,
            &format!(
                r#"{{"jsonrpc":"2.0","method":"textDocument/didChange","params":{{"textDocument":{{"uri":"{uri}","version":{version}}},"contentChanges":[{{"range":{{"start":{{"line":{line},"character":{start}}},"end":{{"line":{line},"character":{end}}}}},"text":"{text}"}}]}}}}"#
            ),
        );
    }
}
