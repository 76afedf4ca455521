//! Tables of texts, edits and what comes of them.

use super::*;
use crate::patch::PatchHunk;

fn edit(old: &str, new: &str) -> Replacement {
    Replacement {
        old: old.to_owned(),
        new: new.to_owned(),
        count: 1,
    }
}

fn one(text: &str, old: &str, new: &str) -> Result<(String, Rule), String> {
    replace(text, &[edit(old, new)]).map(|(text, rules)| (text, rules[0]))
}

#[test]
fn the_ladder_goes_down_one_rung_at_a_time() {
    let cases = [
        ("a\nb\n", "b", "c", "a\nc\n", Rule::Exact),
        ("a\r\nb\r\n", "a\nb\n", "c\n", "c\r\n", Rule::LineEndings),
        (
            "a  \nb\t\nc\n",
            "a\nb\n",
            "x\n",
            "x\nc\n",
            Rule::TrailingSpace,
        ),
        (
            "  if x {\n    y\n  }\n",
            "if x {\n  y\n}\n",
            "if z {\n\n  w\n}\n",
            "  if z {\n\n    w\n  }\n",
            Rule::Indent,
        ),
        (
            "if x {\n  y\n}",
            "  if x {\n    y\n  }",
            "  z",
            "z",
            Rule::Indent,
        ),
        ("a\nb \n", "a\nb\n", "", "", Rule::TrailingSpace),
        (
            "a \nlast",
            "last\n",
            "end\n",
            "a \nend",
            Rule::TrailingSpace,
        ),
    ];
    for (text, old, new, want, rule) in cases {
        assert_eq!(
            one(text, old, new),
            Ok((want.to_owned(), rule)),
            "{old:?} in {text:?}"
        );
    }
}

#[test]
fn an_ambiguous_match_says_where() {
    let error = one("x\ny\nx\n", "x", "z").unwrap_err();
    assert!(error.contains("2 places (lines 1, 3)"), "{error}");
    let error = one("aaa\n", "aa", "b").unwrap_err();
    assert!(error.contains("2 places"), "{error}");
    // Both rungs below exact are as strict.
    assert!(
        one("x \ny\nx \ny\n", "x\ny\n", "z\n")
            .unwrap_err()
            .contains("2 places")
    );
}

#[test]
fn count_means_exactly() {
    let edit = |count| Replacement {
        old: "x".into(),
        new: "z".into(),
        count,
    };
    assert_eq!(replace("x x\n", &[edit(2)]).unwrap().0, "z z\n");
    assert!(
        replace("x x\n", &[edit(3)])
            .unwrap_err()
            .contains("count is 3")
    );
    assert!(replace("x x\n", &[edit(0)]).is_err());
}

#[test]
fn a_list_applies_in_order_or_not_at_all() {
    let edits = [edit("a", "b"), edit("b", "c")];
    assert_eq!(replace("a\n", &edits).unwrap().0, "c\n");
    let error = replace("a\n", &[edit("a", "b"), edit("q", "r")]).unwrap_err();
    assert!(
        error.starts_with("edit 2 of 2") && error.contains("none of the edits"),
        "{error}"
    );
}

#[test]
fn no_unicode_normalisation_and_no_guess() {
    assert!(one("caf\u{e9}\n", "cafe\u{301}", "x").is_err());
    assert!(one("let x = 1;\n", "let x = 2;", "let x = 3;").is_err());
    assert!(one("a\n", "", "b").is_err() && one("a\n", "a", "a").is_err());
    // Not a uniform indent.
    assert!(one("  a\n    b\n", "a\nb\n", "c\n").is_err());
}

#[test]
fn only_the_span_changes() {
    // The text, `old`, `new`, what comes of it.
    let cases = [
        // Lines that `old` and `new` share keep their trailing space, their indent, their blank lines' white space.
        (
            "a  \nb\t\n \nc \n",
            "a\nb\n\nc\n",
            "a\nx\n\nc\n",
            "a  \nx\n \nc \n",
        ),
        (
            "\ta \n\t\tb\n\tc\t\n",
            "a\n\tb\nc\n",
            "a\n\tx\n\ty\nc\n",
            "\ta \n\t\tx\n\t\ty\n\tc\t\n",
        ),
        // Line endings per line: the replaced line hands its own down, the others are as they were.
        ("a\r\nb\nc\r\n", "b\n", "x\n", "a\r\nx\nc\r\n"),
        ("a\nb\r\nc\n", "b\n", "x\ny\n", "a\nx\r\ny\r\nc\n"),
        (
            "a\r\nb\nx\na\r\nb\r\n",
            "x\na\nb\n",
            "a\nb\n",
            "a\r\nb\na\r\nb\r\n",
        ),
        ("x\r\nx\ny\n", "x\nx\n", "x\n", "x\r\ny\n"),
        (
            "one two\r\nthree\r\n",
            "two\nthr",
            "2\n3\nthr",
            "one 2\r\n3\r\nthree\r\n",
        ),
        // A lone CR is a character, and so is one before a CRLF.
        ("a\rb\r\n", "a\rb", "c\rd", "c\rd\r\n"),
        ("a\r\r\nb\r\n", "b", "c", "a\r\r\nc\r\n"),
        // No final line break, or one: nobody asked for another.
        ("a\nb", "b", "c", "a\nc"),
        ("a\nb", "b\n", "c\n", "a\nc"),
        ("a\r\nb", "b", "c\nd", "a\r\nc\r\nd"),
        ("a\nb\n", "\nb\n", "", "a"),
        // Astral, combining and wide characters.
        (
            "𝄞 = \"é\u{301}\";\n漢 = 1;\n",
            "𝄞 = \"é\u{301}\"",
            "𝄡 = \"é\"",
            "𝄡 = \"é\";\n漢 = 1;\n",
        ),
        // Tabs are tabs.
        (
            "\tif a {\n\t\tb\n\t}\n",
            "\t\tb",
            "\t\tc",
            "\tif a {\n\t\tc\n\t}\n",
        ),
        // A mark that a model copied from somewhere is no part of the text.
        ("a\nb\n", "\u{feff}a\n", "\u{feff}x\n", "x\nb\n"),
    ];
    for (text, old, new, want) in cases {
        let got = one(text, old, new).map(|(text, _)| text);
        assert_eq!(got.as_deref(), Ok(want), "{old:?} in {text:?}");
    }
}

#[test]
fn what_stands_twice_at_a_rung_is_not_looked_for_further_down() {
    // Twice with trailing space, and once indented: no rung below decides.
    let error = one("x = 1 \n  x = 1;\nx = 1 \n", "x = 1\n", "y\n").unwrap_err();
    assert!(error.contains("2 places (lines 1, 3)"), "{error}");
    // Once deeper, once less deep: two places, though `new` would only fit one.
    let error = one(
        "a {\n  b\n}\n    a {\n      b\n    }\n",
        "  a {\n    b\n  }\n",
        "c\n",
    );
    assert!(error.unwrap_err().contains("2 places"));
    let error = one("a\nb\n", "  a\n  b\n", "c\n").unwrap_err();
    assert!(error.contains("not indented like"), "{error}");
    // Tabs for spaces are no uniform indent.
    assert!(one("\ta\n\t\tb\n", "    a\n        b\n", "c\n").is_err());
}

#[test]
fn many_places_are_neither_counted_nor_copied() {
    let text = "x ".repeat(1 << 20);
    let error = one(&text, "x ", "y").unwrap_err();
    assert!(error.contains("more than 10 places"), "{error}");
    let all = |new: &str| Replacement {
        old: "x ".into(),
        new: new.into(),
        count: 1 << 20,
    };
    let (result, _) = replace(&text, &[all("y")]).unwrap();
    assert_eq!(result, "y".repeat(1 << 20));
    let error = replace(&text, &[all(&"y".repeat(1_000))]).unwrap_err();
    assert!(error.contains("larger than 50 MB"), "{error}");
    // By another indent, too.
    let deep = format!("{}x;\n", " ".repeat(1 << 20));
    let error = one(&deep, "x;\n\n", &"y;\n".repeat(100)).unwrap_err();
    assert!(error.contains("not found"), "{error}");
    let error = one(&deep, " x; \n", &" y;\n".repeat(100)).unwrap_err();
    assert!(error.contains("larger than 50 MB"), "{error}");
}

/// What takes time by its square takes minutes here: the test would not come to its end.
#[test]
fn texts_that_repeat_themselves_are_searched_in_time() {
    let braces = "e}\n".repeat(1 << 19);
    let mut old = "e} \n".repeat(1 << 17);
    assert!(one(&braces, &old, "x\n").unwrap_err().contains("overlap"));
    old.push_str("x\n");
    assert!(one(&braces, &old, "y\n").is_err());
    let indented = format!("{}  e}}\n", " e}\n".repeat(1 << 17));
    let error = one(&braces, &indented, "x\n").unwrap_err();
    assert!(error.contains("repeat themselves"), "{error}");
    let one_line = "a".repeat(1 << 20);
    let error = one(&one_line, &"a".repeat(1 << 19), "b").unwrap_err();
    assert!(error.contains("overlap"), "{error}");
    assert!(one(&one_line, &format!("{}b", "a".repeat(1 << 19)), "b").is_err());
}

#[test]
fn long_lines_and_large_texts_are_texts() {
    let long = format!(
        "{}needle{}\nlast\n",
        "é".repeat(1 << 19),
        "x".repeat(1 << 20)
    );
    let (result, rule) = one(&long, "needle", "nail").unwrap();
    assert_eq!((result.len(), rule), (long.len() - 2, Rule::Exact));
    let (result, rule) = one(&long, "last \n", "end\n").unwrap();
    assert_eq!(
        (result.ends_with("\nend\n"), rule),
        (true, Rule::TrailingSpace)
    );
    let large = "some line of a large text, not the first one\r\n".repeat(1_000_000);
    let text = format!("{large}  the one that is meant\r\n{large}");
    let (result, _) = one(&text[..49 << 20], "the one that is meant\n", "this\n").unwrap();
    assert_eq!(result.len(), (49 << 20) - "the one that is meant".len() + 4);
    let (_, rule) = one(&text[..49 << 20], " the one that is meant \n", " this\n").unwrap();
    assert_eq!(rule, Rule::Indent);
}

#[test]
fn a_rung_lets_nothing_else_pass() {
    let text = "  a\n  b\n  c\n  d\n";
    for old in [
        "  a\n  x\n  c \n",
        "  a\n  b\n  x \n",
        "a\nx\nc\n",
        "a\nb\nx\n",
        "   a\n   b\n   x\n",
        "  x\n  b\n  c \n",
    ] {
        assert!(one(text, old, "y\n").is_err(), "{old:?}");
    }
    // Is the next line to be joined, or a line to be added?
    let error = one(text, "  b ", "  y\n").unwrap_err();
    assert!(error.contains("ends with a line break"), "{error}");
}

#[test]
fn what_begins_in_an_indent_keeps_it() {
    let text = "a\n    b\n";
    assert_eq!(one(text, "  b\n", "  c\n").unwrap().0, "a\n    c\n");
    for new in ["\nc\n", "c\n", ""] {
        let error = one(text, "  b\n", new).unwrap_err();
        assert!(error.contains("middle of an indent"), "{error}");
    }
    assert_eq!(one("a  b\n", " b", "c").unwrap().0, "a c\n");
}

fn hunk(anchors: &[&str], old: &str, new: &str) -> PatchHunk {
    PatchHunk {
        anchors: anchors.iter().map(|&line| line.to_owned()).collect(),
        old: old.to_owned(),
        new: new.to_owned(),
        at_end: false,
    }
}

#[test]
fn anchors_choose_among_equal_lines() {
    let text = "class A:\n    def run(self):\n        return 1\n\n    def stop(self):\n        return 1\n\nclass B:\n    def run(self):\n        return 1\n";
    let at = |anchors: &[&str]| {
        let found = patch(
            text,
            &[hunk(anchors, "        return 1\n", "        return 2\n")],
        );
        found.map(|(text, _)| text.lines().position(|line| line.ends_with('2')).unwrap() + 1)
    };
    assert_eq!(at(&["class A:", "def run(self):"]), Ok(3));
    assert_eq!(at(&["def stop(self)"]), Ok(6));
    assert_eq!(at(&["class B"]), Ok(10));
    for (anchors, reason) in [
        (&[] as &[&str], "3 places"),
        (&["class A:"], "2 places"),
        (&["def run(self):"], "2 places"),
        (&["class C:"], "no line `class C:`"),
        (&["class"], "3 places"),
        (&["cla"], "no line `cla`"),
    ] {
        let error = at(anchors).unwrap_err();
        assert!(error.contains(reason), "{anchors:?}: {error}");
    }
}

#[test]
fn hunks_go_down_the_text_by_the_same_ladder() {
    let text = "a\r\nx \r\nb\r\nx\r\n";
    let (result, rules) = patch(
        text,
        &[hunk(&[], "a\nx\n", "a\ny\n"), hunk(&[], "x\n", "z\n")],
    )
    .unwrap();
    assert_eq!(result, "a\r\ny\r\nb\r\nz\r\n");
    assert_eq!(rules, [Rule::TrailingSpace, Rule::LineEndings]);
    // Never above the hunk before.
    let error = patch(
        "a\nb\n",
        &[hunk(&[], "b\n", "c\n"), hunk(&[], "a\n", "d\n")],
    )
    .unwrap_err();
    assert!(
        error.starts_with("hunk 2 of 2: `old` was not found"),
        "{error}"
    );
    let end = |old: &str, new: &str| PatchHunk {
        at_end: true,
        ..hunk(&[], old, new)
    };
    assert_eq!(
        patch("x\na\nx\n", &[end("x\n", "y\n")]).unwrap().0,
        "x\na\ny\n"
    );
    assert_eq!(patch("a\n", &[end("", "b\n")]).unwrap().0, "a\nb\n");
    assert_eq!(patch("", &[hunk(&[], "", "b\n")]).unwrap().0, "b\n");
    assert!(
        patch("a\n", &[hunk(&[], "", "b\n")])
            .unwrap_err()
            .contains("nothing says where")
    );
    assert_eq!(patch("a\nb", &[hunk(&[], "b\n", "c\n")]).unwrap().0, "a\nc");
}
