//! Grammars: whatever text a file has and whatever is typed in it, no scanner leaves its memory, no parse hangs, and the
//! symbols are those of the text.
//!
//! Scanners are C. What leaves its memory there is found with AddressSanitizer alone: with a nightly compiler, `-Zsanitizer=address`
//! in RUSTFLAGS and `-fsanitize=address -fsanitize-coverage=trace-pc` in CFLAGS.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use interline_workspace::fuzzing;
use libfuzzer_sys::fuzz_target;

/// A path of each language.
const PATHS: [&str; 18] = [
    "a.rs", "a.ts", "a.tsx", "a.js", "a.py", "a.go", "a.c", "a.cpp", "a.java", "a.lua", "a.rb",
    "a.cs", "a.php", "a.sh", "a.md", "a.json", "a.toml", "a.yml",
];
/// What opens something that a scanner keeps in mind, what closes it, and what it looks for on the way.
const WORDS: [&str; 64] = [
    "<<A", "<<-A\n", "<<~A, <<B\n", "\nA\n", "<<'A'\n", "<<<A\n", "\"${", "#{", "}", "f'{", "f\"\"\"", "'''", "\n ", "\n\t",
    "%w(", "%Q[", "%q<", "R\"x(", ")x\"", "`${", "`", "- ", "<a>", "</a>", "<a ", "/>", "/*", "*/", "//", "[==[", "]==]",
    "--[[", "]]", "r#\"", "\"#", "b\"", "'a ", "$(", "$((", "))", "\"", "'", "(", ")", "[", "]", "{", "<?php ", "?>", "@\"",
    "$\"{", "$$\"\"\"{{", "=begin\n", "\n=end", "__END__\n", "\\\n", "\r\n", "\0", "é", "😀", "if a:\n", "case a in\n",
    "fn a() {", "\u{85}",
];

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Text(&'a str),
    Word(u8),
    /// So often; what is deep needs no long input.
    Again(u8, u8),
    /// Deeper by one each time.
    Stairs(u8, u8),
}

#[derive(Arbitrary, Debug)]
struct Edit<'a> {
    at: u16,
    removed: u8,
    added: Piece<'a>,
}

fn word(number: u8) -> &'static str {
    WORDS[usize::from(number) % WORDS.len()]
}

fn write(piece: &Piece<'_>, text: &mut String) {
    match piece {
        Piece::Text(piece) => text.push_str(piece),
        Piece::Word(number) => text.push_str(word(*number)),
        Piece::Again(number, count) => text.push_str(&word(*number).repeat(usize::from(*count) * 4)),
        Piece::Stairs(number, count) => {
            for depth in 0..usize::from(*count) {
                text.push('\n');
                text.push_str(&" ".repeat(depth));
                text.push_str(word(*number));
            }
        }
    }
}

#[derive(Arbitrary, Debug)]
struct Made<'a> {
    pieces: Vec<Piece<'a>>,
    edits: Vec<Edit<'a>>,
}

fn made(input: &[u8]) -> (String, Vec<(usize, usize, String)>) {
    let Ok(made) = Made::arbitrary_take_rest(Unstructured::new(input)) else {
        return (String::new(), Vec::new());
    };
    let mut text = String::new();
    for piece in made.pieces.iter().take(32) {
        write(piece, &mut text);
    }
    let edits = made.edits.iter().take(8).map(|edit| {
        let mut added = String::new();
        write(&edit.added, &mut added);
        (edit.at.into(), edit.removed.into(), added)
    });
    (text, edits.collect())
}

/// The text as it is, in which something opens, closes and goes away.
fn as_it_is(input: &[u8]) -> (String, Vec<(usize, usize, String)>) {
    let text = String::from_utf8_lossy(input).into_owned();
    let sum = input.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    let edit = |nth: u8| {
        let at = text.len() / 5 * usize::from(nth);
        let (removed, added) = match nth % 2 {
            0 => (usize::from(sum % 40), ""),
            _ => (0, word(sum.wrapping_add(nth))),
        };
        (at, removed, added.to_owned())
    };
    let edits = (0..5).map(edit).collect();
    (text, edits)
}

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let (text, edits) = match first {
        0..128 => as_it_is(rest),
        128.. => made(rest),
    };
    let edits: Vec<(usize, usize, &str)> = edits
        .iter()
        .map(|(at, removed, added)| (*at, *removed, added.as_str()))
        .collect();
    let path = PATHS[usize::from(first % 128) % PATHS.len()];
    fuzzing::typed(path, &text, &edits, "a");
});
