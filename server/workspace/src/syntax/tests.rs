//! Each language parses, and no text ends the process.

use super::*;

/// A text of each language that parses.
const SAMPLES: [(&str, &str); 18] = [
    ("a.rs", "fn f() { g(1); }\n"),
    ("a.ts", "function f(a: number): string { return `${a}`; }\n"),
    ("a.tsx", "const f = (a: A) => <b c={a}>d</b>;\n"),
    ("a.js", "const f = a => <b c={a}>d</b>;\n"),
    ("a.py", "def f(a):\n    return {a: [1]}\n"),
    ("a.go", "package a\n\nfunc f(a int) { g(a) }\n"),
    ("a.c", "int f(int a) { return g(a); }\n"),
    (
        "a.cpp",
        "namespace a { struct B : C { void f() { g(); } }; }\n",
    ),
    ("A.java", "class A { void f() { g(1); } }\n"),
    ("a.lua", "function a.f(b) return { b } end\n"),
    ("a.rb", "class A\n  def f(a)\n    g a\n  end\nend\n"),
    ("a.cs", "class A { void F() { G(1); } }\n"),
    ("a.php", "<?php\nfunction f($a) { return g($a); }\n"),
    ("a.sh", "f() { if true; then g \"$1\"; fi; }\n"),
    ("a.md", "# a\n\ntext\n"),
    ("a.json", "{\"a\": [1, {\"b\": null}]}\n"),
    ("a.toml", "[a]\nb = [1, { c = \"d\" }]\n"),
    ("a.yml", "a:\n  - b: c\n    d: [e]\n"),
];

#[test]
fn each_language_has_a_path_and_a_grammar_that_works() {
    for ((path, text), language) in SAMPLES.iter().zip(Language::ALL) {
        assert_eq!(Language::of(path), Some(language), "{path}");
        if language.grammar().is_none() {
            continue;
        }
        let tree = parse(
            &mut Parser::new(),
            language,
            text,
            None,
            Duration::from_secs(10),
        );
        assert!(!tree.unwrap().root_node().has_error(), "{path}");
    }
    for (index, language) in Language::ALL.into_iter().enumerate() {
        assert_eq!(language as usize, index);
    }
}

#[test]
fn a_path_is_told_by_its_name() {
    for (path, language) in [
        ("/a/b.c/D.RS", Some(Language::Rust)),
        ("a/.bashrc", Some(Language::Bash)),
        ("Cargo.lock", Some(Language::Toml)),
        ("a.rs/b", None),
        ("rs", None),
        ("a.txt", None),
        ("", None),
    ] {
        assert_eq!(Language::of(path), language, "{path}");
    }
}

#[test]
fn what_does_not_parse_is_counted_and_placed() {
    let found = problems("a.rs", "fn f() {\n    let a = ;\n}\nfn g( {}\n").unwrap();
    assert!(found.count >= 2, "{found:?}");
    assert_eq!(found.places.first().map(|place| place.line), Some(1));
    let found = problems("a.c", "int f() { return 1 }\n").unwrap();
    assert_eq!(found.places.first().unwrap().missing.as_deref(), Some(";"));
    assert_eq!(found.places.first().unwrap().column, 18);
    assert_eq!(problems("a.rs", "fn f() {}\n"), Some(Problems::default()));
}

#[test]
fn what_can_not_be_judged_is_not() {
    assert_eq!(problems("a.txt", "fn f("), None);
    assert_eq!(problems("a.md", "# a"), None);
    assert_eq!(problems("a.yml", "a: b"), None);
    assert_eq!(problems("a.rs", &" ".repeat(MAX_BYTES + 1)), None);
}

/// The parser asks now and then whether it may go on, in each grammar, and can be used again after it might not.
#[test]
fn a_parse_ends_when_its_time_is_over() {
    for ((path, sample), language) in SAMPLES.iter().zip(Language::ALL) {
        if language.grammar().is_none() {
            continue;
        }
        let text = sample.repeat(2_000);
        let mut parser = Parser::new();
        let tree = parse(&mut parser, language, &text, None, Duration::ZERO);
        assert!(tree.is_none(), "{path}");
        let tree = parse(&mut parser, language, sample, None, Duration::from_secs(10));
        assert!(!tree.unwrap().root_node().has_error(), "{path}");
    }
}

/// Each of these aborts the process without the guard.
#[test]
fn what_breaks_a_scanner_is_not_parsed() {
    let deep = |indent: &str| -> String {
        (0..600)
            .map(|n| format!("{}if a:\n", indent.repeat(n)))
            .collect()
    };
    assert_eq!(problems("a.py", &format!("f'{{(\n{}", deep(" "))), None);
    assert_eq!(problems("a.py", &deep("\t")), None);
    let word = "A".repeat(300);
    assert_eq!(problems("a.rb", &format!("a <<{word}\nb\n{word}\n")), None);
    assert!(problems("a.rb", "a <<~B, <<C\n  b\nB\nc\nC\n").is_some());
}

/// The scanners of some grammars are written by hand, in C.
#[test]
fn hostile_texts_end_no_process() {
    const PIECES: [&str; 16] = [
        "(", "[", "{", "<<A\n", "\"${", "#{", "f'{", "\n ", "%w(", "R\"x(", "`${", "- ", "<a>",
        "/*", "[==[", "\0",
    ];
    for (path, sample) in SAMPLES {
        for piece in PIECES {
            for text in [
                piece.repeat(600),
                format!("{sample}{}", piece.repeat(300)),
                (0..200)
                    .map(|n| format!("\n{}{piece}", " ".repeat(n)))
                    .collect(),
            ] {
                let _ = problems(path, &text);
            }
        }
    }
}
