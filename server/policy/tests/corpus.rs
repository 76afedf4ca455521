//! The two corpora of `tests/fixtures/shell/`: what developers type all day, and what tries to get around us.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::path::Path;

use interline_log::{Access, Mode};
use interline_policy::{
    Bound, Call, Context, Decision, Place, Rules, Verdict, analyse_shell_by_names, decide,
};
use proptest::prelude::*;

const EVERYDAY: &str = include_str!("../../../tests/fixtures/shell/everyday.txt");
const HOSTILE: &str = include_str!("../../../tests/fixtures/shell/hostile.txt");

const SANDBOXED: Context = Context {
    mode: Mode::Default,
    trusted: true,
    headless: false,
    tainted: false,
    private: false,
    sandbox: true,
};

fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// `«\n»` and the like stand for characters.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split('«').enumerate() {
        let Some((code, rest)) = part.split_once('»').filter(|_| at > 0) else {
            out.push_str(part);
            continue;
        };
        let c = match code {
            r"\n" => '\n',
            r"\r" => '\r',
            r"\t" => '\t',
            code => {
                let number = code.trim_start_matches(r"\u{").trim_end_matches('}');
                char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap()
            }
        };
        out.push(c);
        out.push_str(rest);
    }
    out
}

fn rules() -> Rules {
    let mut rules = Rules::default();
    rules.protect(
        [
            "/home/user/.config/interline",
            "/home/user/.local/state/interline",
        ]
        .map(Into::into),
    );
    rules
}

fn decision(command: &str, context: &Context) -> Decision {
    let call = Call {
        tool: "shell".into(),
        input: command.into(),
        access: Access::Execute,
        facts: analyse_shell_by_names(command, Path::new("/workspace")),
        bound: Bound::default(),
    };
    decide(&call, &rules(), context)
}

/// What happens; the later in this order, the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Free,
    Runs,
    Asks,
    Denied,
}

fn word(command: &str, context: &Context) -> Word {
    match decision(command, context).verdict {
        Verdict::Allow(permit) if permit.place() == Place::Sandbox => Word::Runs,
        Verdict::Allow(_) => Word::Free,
        Verdict::Ask(_) => Word::Asks,
        Verdict::Deny => Word::Denied,
    }
}

fn name(word: Word) -> &'static str {
    match word {
        Word::Free => "free",
        Word::Runs => "runs",
        Word::Asks => "asks",
        Word::Denied => "denied",
    }
}

#[test]
fn everyday_commands_run_without_a_prompt() {
    let (mut silent, mut wrong) = (0, Vec::new());
    for row in rows(EVERYDAY) {
        let command = row.trim_start_matches('?').replace(r"\n", "\n");
        let decision = decision(&command, &SANDBOXED);
        let asks = matches!(decision.verdict, Verdict::Ask(_));
        let runs = matches!(decision.verdict, Verdict::Allow(_));
        silent += usize::from(runs);
        if asks != row.starts_with('?') || !(asks || runs) {
            wrong.push(format!("{row}   {:?}", decision.reasons));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(silent >= 140, "{silent}");
}

#[test]
fn hostile_commands_meet_what_is_expected() {
    let (mut count, mut wrong) = (0, Vec::new());
    for row in rows(HOSTILE) {
        let (expected, text) = row.split_once(' ').unwrap();
        let command = unescaped(text);
        let found = word(&command, &SANDBOXED);
        count += 1;
        if name(found) != expected {
            let reasons = decision(&command, &SANDBOXED).reasons;
            wrong.push(format!("{row}   FOUND {} {reasons:?}", name(found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 300, "{count}");
}

/// What is looked for in the text of a command; other reasons come from the disk, the session, the rules and the mode.
const CHECKS: &[&str] = &[
    "control-characters",
    "invisible-characters",
    "odd-spaces",
    "look-alike",
    "too-long",
    "too-many-commands",
    "too-deep",
    "parse-error",
    "parse-disagreement",
    "not-simple",
    "command-substitution",
    "process-substitution",
    "parameter",
    "parameter-code",
    "arithmetic",
    "field-separator",
    "variable-program",
    "ansi-c-quote",
    "glob",
    "brace",
    "pattern-program",
    "heredoc",
    "heredoc-code",
    "continuation",
    "many-lines",
    "redirect",
    "redirect-odd",
    "assignment",
    "assignment-code",
    "state",
    "shadowing",
    "evaluation",
    "compound",
    "background",
    "wrapper",
    "interpreter",
    "decode-and-run",
    "program-path",
    "program-escape",
    "unknown-option",
    "toolchain-override",
    "version-shim",
    "git-option",
    "git-code",
    "git-persistence",
    "destructive",
    "persistence",
    "network",
    "git-history",
    "install",
    "service",
    "outside-write",
    "outside-read",
    "secret",
    "odd-address",
    "too-many-hosts",
    "too-many-paths",
    "path-unknown",
    "privilege",
    "metadata-address",
    "local-socket",
    "user-secret",
    "device",
    "own-state",
    "git-internals",
    "shell-start",
    "editor-config",
];

#[test]
fn each_check_speaks_of_some_command() {
    let hostile = rows(HOSTILE).map(|row| unescaped(row.split_once(' ').unwrap().1));
    let everyday = rows(EVERYDAY).map(|row| row.trim_start_matches('?').to_owned());
    let mut silent: BTreeSet<_> = CHECKS.iter().map(|code| (*code).to_owned()).collect();
    for command in hostile.chain(everyday).chain(limits()) {
        let facts = analyse_shell_by_names(&command, Path::new("/workspace"));
        let said = facts.doubts.iter().chain(&facts.dangers);
        for code in said.chain(&decision(&command, &SANDBOXED).reasons) {
            silent.remove(code);
        }
    }
    assert!(silent.is_empty(), "{silent:?}");
}

/// Commands that are too much of something.
fn limits() -> impl Iterator<Item = String> {
    let many = |part: &str, count| vec![part; count].join(" ");
    let numbered = |part: &str, count: usize| {
        let parts = (0..count).map(|number| part.replace('#', &number.to_string()));
        parts.collect::<Vec<_>>().join(" ")
    };
    let too_much = [
        "x".repeat(1 << 20),
        many("true;", 5000),
        "$(".repeat(500) + &")".repeat(500),
        format!("curl {}", numbered("https://a#.invalid/", 500)),
        format!("cat {}", numbered("a#", 2_000)),
    ];
    too_much.into_iter()
}

#[test]
fn no_hostile_command_is_proven_or_gets_out() {
    for row in rows(HOSTILE) {
        let command = unescaped(row.split_once(' ').unwrap().1);
        for trusted in [true, false] {
            for mode in [Mode::Plan, Mode::Default, Mode::AcceptEdits, Mode::Auto] {
                for sandbox in [true, false] {
                    let context = Context {
                        mode,
                        trusted,
                        sandbox,
                        ..SANDBOXED
                    };
                    assert_ne!(word(&command, &context), Word::Free, "{row:?} {context:?}");
                    let decision = decision(&command, &context);
                    let proven = decision.reasons.iter().any(|code| code == "read-only");
                    assert!(!proven, "{row:?} is proven to only read");
                }
            }
        }
    }
}

/// What surrounds a command without changing what it does.
fn wrapped(x: &str) -> Vec<String> {
    let quoted = format!("'{}'", x.replace('\'', r"'\''"));
    let mut all: Vec<String> = [
        "env X",
        "env -i A=1 X",
        "A=1 X",
        "timeout 5 X",
        "timeout -k 1 5 X",
        "nice -n 3 X",
        "nice -3 X",
        "nohup X",
        "setsid X",
        "stdbuf -oL X",
        "time X",
        "command X",
        "exec X",
        "xargs X",
        "echo a | xargs X",
        "busybox X",
        "true; X",
        "true && X",
        "false || X",
        "X; true",
        "X && true",
        "X || true",
        "X | cat",
        "cat a | X",
        "X &",
        "(X)",
        "{ X; }",
        "! X",
        "$(X)",
        "echo `X`",
        "echo \"$(X)\"",
        "X 2>&1",
        "X > out.txt",
        "if true; then X; fi",
        "while X; do true; done",
        "for a in b; do X; done",
        "f() { X; }; f",
        "find . -exec X \\;",
        "fd -x X",
        "flock lock X",
        "\nX",
        "true\nX",
        "X\ntrue",
        "case a in a) X;; esac",
        "cat <(X)",
        "rustup run stable X",
        "uv run X",
        "poetry run X",
    ]
    .iter()
    .map(|frame| frame.replace('X', x))
    .collect();
    all.extend(
        [
            "bash -c X",
            "sh -xc X",
            "bash --norc -c X",
            "eval X",
            "busybox sh -c X",
            "env bash -c X",
            "timeout 5 sh -c X",
            "xargs sh -c X",
            "find . -exec sh -c X \\;",
            "script -qc X /dev/null",
            "watch X",
            "trap X EXIT",
            "bash <<< X",
            "env -S X",
        ]
        .iter()
        .map(|frame| frame.replace('X', &quoted)),
    );
    all
}

/// Those of the corpora that can stand behind another program: plain words, no operators.
fn plain_commands() -> Vec<String> {
    let hostile = rows(HOSTILE).map(|row| unescaped(row.split_once(' ').unwrap().1));
    let everyday = rows(EVERYDAY).map(|row| row.trim_start_matches('?').to_owned());
    let plain = |text: &String| {
        let first = text.split(' ').next().unwrap_or_default();
        // Keywords and builtins are other commands behind a program; so are assignments.
        let shell = [
            "if", "while", "for", "case", "[[", "(", "!", "{", "f()", "exec", "export", "alias",
            "let", "trap", "umask", "unset", "hash", "enable", "source", ".", "function", "coproc",
            "command", "builtin", "\\", "cd", "time", "type", "read", "declare", "mapfile", "[",
            "test", "shopt",
        ];
        !shell.contains(&first)
            && !first.contains('=')
            && text.is_ascii()
            && !text.contains([
                '|', ';', '&', '<', '>', '\n', '\r', '`', '(', ')', '\u{b}', '\u{c}',
            ])
    };
    hostile.chain(everyday.step_by(5)).filter(plain).collect()
}

#[test]
fn a_wrapping_is_never_looser() {
    let mut wrong = Vec::new();
    for command in plain_commands() {
        for sandbox in [true, false] {
            let context = Context {
                sandbox,
                ..SANDBOXED
            };
            let bare = word(&command, &context);
            for wrapping in wrapped(&command) {
                if word(&wrapping, &context) < bare {
                    wrong.push(format!(
                        "{wrapping:?} is looser than {command:?} (sandbox: {sandbox})"
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of them\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_wrappings_are_never_looser(command in prop::sample::select(plain_commands()), outer in any::<prop::sample::Index>(), inner in any::<prop::sample::Index>()) {
        let once = wrapped(&command);
        let once = inner.get(&once);
        let twice = wrapped(once);
        // Only those that take a text keep what the inner one is.
        let twice: Vec<&String> = twice.iter().filter(|text| text.contains('\'') || once.is_ascii()).collect();
        let twice = outer.get(&twice);
        let quoted = ["bash -c '", "sh -xc '", "eval '"].iter().any(|start| twice.starts_with(start));
        if quoted {
            prop_assert!(word(twice, &SANDBOXED) >= word(&command, &SANDBOXED), "{} is looser than {}", twice, command);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = analyse_shell_by_names(&String::from_utf8_lossy(&bytes), Path::new("/workspace"));
    }

    #[test]
    fn no_grammar_makes_it_panic(parts in prop::collection::vec(prop::sample::select(PARTS), 0..24)) {
        let _ = analyse_shell_by_names(&parts.concat(), Path::new("/workspace"));
    }
}

const PARTS: &[&str] = &[
    "ls ",
    "git push ",
    "$(",
    ")",
    "`",
    "\"",
    "'",
    "${",
    "}",
    "[[ ",
    " ]]",
    "((",
    "))",
    "<<EOF\n",
    "EOF\n",
    "\n",
    "; ",
    "& ",
    "&& ",
    "|| ",
    "| ",
    "> ",
    "< ",
    ">&",
    "2>",
    "<(",
    "if ",
    "then ",
    "fi ",
    "for x in ",
    "do ",
    "done ",
    "case ",
    "in ",
    "esac ",
    "a=",
    "a[",
    "]",
    "\\",
    "#",
    "~",
    "*",
    "{a,b}",
    "$'",
    "$x",
    "${x:-",
    "!",
    "eval ",
    "bash -c ",
    "xargs ",
    "function f ",
    "() ",
    "{ ",
    "\r",
    "\u{202e}",
    "é",
];
